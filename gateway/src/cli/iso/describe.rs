//! `iso describe`: what messages say.

use std::io::Write;

use iso8583::Profile;
use serde_json::json;

use super::framing::Framing;
use super::reading::Reading;
use super::{Ended, Streams, hints};

/// Describes every message of a stream of bytes.
pub(super) fn describe(
    profile: &Profile,
    framing: Framing,
    stream: &[u8],
    json: bool,
    streams: &mut Streams<'_>,
) -> std::io::Result<Ended> {
    if stream.is_empty() {
        return streams.refuse("there is no message: give bytes on stdin or name a file");
    }
    let mut ended = Ended::Done;
    let mut rest = stream;
    while !rest.is_empty() {
        let offset = stream.len() - rest.len();
        let (message, behind) = match framing.take(rest) {
            Ok(taken) => taken,
            Err(error) => {
                let hints = hints::of_stream(profile, rest);
                no_frame(offset, &error.to_string(), &hints, json, streams.out)?;
                return Ok(Ended::NotReadable);
            }
        };
        let stream_from_here = std::mem::replace(&mut rest, behind);
        if offset > 0 && !json {
            writeln!(streams.out)?;
        }
        if message.is_empty() {
            poll(offset, json, streams.out)?;
            continue;
        }
        let mut reading = Reading::of(profile, framing, message);
        // A wrong framing may have cut the message short.
        if let Reading::Refused(refusal) = &mut reading
            && framing != Framing::NONE
        {
            let other = hints::of_stream(profile, stream_from_here);
            refusal.hints.splice(..0, other);
        }
        if !reading.is_readable() {
            ended = Ended::NotReadable;
        }
        reading.print(json, streams.out)?;
    }
    Ok(ended)
}

/// Says that the stream cannot be divided any further.
fn no_frame(
    offset: usize,
    reason: &str,
    hints: &[String],
    json: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if json {
        let refusal = json!({
            "readable": false, "offset": offset, "reason": reason, "hints": hints,
        });
        return writeln!(out, "{refusal}");
    }
    writeln!(out, "no frame at byte {offset}: {reason}")?;
    hints
        .iter()
        .try_for_each(|hint| writeln!(out, "hint: {hint}"))
}

/// A frame without a message.
fn poll(offset: usize, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    if json {
        return writeln!(
            out,
            "{}",
            json!({"readable": true, "length": 0, "offset": offset})
        );
    }
    writeln!(out, "an empty frame at byte {offset}: a poll")
}
