//! `iso encode`: JSON to bytes.

use iso8583::Profile;
use zeroize::Zeroizing;

use super::framing::Framing;
use super::recipe;
use super::{Ended, Streams};

/// Writes the messages that a text of JSON describes, all or none.
pub(super) fn encode(
    profile: &Profile,
    framing: Framing,
    text: &[u8],
    hex: bool,
    streams: &mut Streams<'_>,
) -> std::io::Result<Ended> {
    let messages = match messages(profile, framing, text) {
        Ok(messages) => messages,
        Err(error) => return streams.fail(&error),
    };
    for frame in messages {
        if hex {
            let text: String = frame.iter().map(|byte| format!("{byte:02X}")).collect();
            writeln!(streams.out, "{text}")?;
        } else {
            streams.out.write_all(&frame)?;
        }
    }
    Ok(Ended::Done)
}

/// A message with what stands in front.
type Framed = Zeroizing<Vec<u8>>;

fn messages(profile: &Profile, framing: Framing, text: &[u8]) -> Result<Vec<Framed>, String> {
    let recipes = recipe::read_all(text)?;
    let several = recipes.len() > 1;
    if several && framing == Framing::NONE {
        return Err("several messages need a --framing between them".to_owned());
    }
    let framed = recipes.iter().enumerate().map(|(place, recipe)| {
        let of = |error: String| match several {
            true => format!("message {}: {error}", place + 1),
            false => error,
        };
        let message = recipe.encode(profile).map_err(of)?;
        let framed = framing.framed(&message);
        framed.map_err(|error| of(error.to_string()))
    });
    framed.collect()
}
