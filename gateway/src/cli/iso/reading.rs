//! One message, read and printed.

use std::io::Write;

use iso8583::{Profile, decode};

use super::description::Description;
use super::framing::Framing;
use super::refusal::Refusal;

/// What came of reading a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// It could be read.
    Read(Description),
    /// It could not.
    Refused(Refusal),
}

impl Reading {
    /// Reads one message that came with this framing, which was taken off.
    pub(super) fn of(profile: &Profile, framing: Framing, bytes: &[u8]) -> Self {
        match decode(profile, bytes) {
            Ok(message) => Self::Read(Description::of(&message, bytes)),
            Err(error) => Self::Refused(Refusal::of(profile, framing, bytes, error)),
        }
    }

    /// Whether it could be read.
    pub(super) const fn is_readable(&self) -> bool {
        matches!(self, Self::Read(_))
    }

    /// Prints it for people, or as one line of JSON.
    ///
    /// # Errors
    /// If nobody takes it.
    pub(super) fn print(&self, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
        let text = match (self, json) {
            (Self::Read(description), false) => description.to_string(),
            (Self::Refused(refusal), false) => refusal.to_string(),
            (Self::Read(description), true) => line(description)?,
            (Self::Refused(refusal), true) => line(refusal)?,
        };
        out.write_all(text.as_bytes())
    }
}

fn line(value: &impl serde::Serialize) -> std::io::Result<String> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(text)
}
