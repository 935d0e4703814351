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
    for (header, message) in messages {
        for part in [&header, &*message] {
            if hex {
                let text: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
                streams.out.write_all(text.as_bytes())?;
            } else {
                streams.out.write_all(part)?;
            }
        }
        if hex {
            writeln!(streams.out)?;
        }
    }
    Ok(Ended::Done)
}

/// What stands in front of a message, and the message.
type Framed = (Vec<u8>, Zeroizing<Vec<u8>>);

fn messages(profile: &Profile, framing: Framing, text: &[u8]) -> Result<Vec<Framed>, String> {
    let recipes = recipe::read_all(text)?;
    let several = recipes.len() > 1;
    if several && framing == Framing::None {
        return Err("several messages need a --framing between them".to_owned());
    }
    let framed = recipes.iter().enumerate().map(|(place, recipe)| {
        let of = |error: String| match several {
            true => format!("message {}: {error}", place + 1),
            false => error,
        };
        let message = recipe.encode(profile).map_err(of)?;
        let header = framing.header(&message);
        let header = header.map_err(|error| of(error.to_string()))?;
        Ok((header, message))
    });
    framed.collect()
}
