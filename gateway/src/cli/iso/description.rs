//! A message that was read, as it is shown: annotated, and masked.

use iso8583::{Content, Message, Secrecy};
use serde::Serialize;

use super::outline::Outline;
use super::parts::{self, Part};
use super::{findings, mask, words};

/// What is shown of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Description {
    /// Always true; a refusal has false here.
    pub(super) readable: bool,
    /// The name of the profile that it was read with.
    pub(super) profile: String,
    /// Its bytes, without framing.
    pub(super) length: usize,
    /// Bytes before the message type.
    pub(super) header_length: usize,
    /// The message type.
    pub(super) mti: String,
    /// What the message type says.
    pub(super) mti_words: String,
    /// The bitmaps in hex.
    pub(super) bitmap: String,
    /// In the order in which they stand.
    pub(super) fields: Vec<FieldLine>,
    /// Whether the profile has rules for what messages of this type carry.
    pub(super) has_presence_rules: bool,
    /// What is remarkable.
    pub(super) findings: Vec<String>,
}

/// What is shown of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldLine {
    /// Its number.
    pub(super) number: u8,
    /// Its name.
    pub(super) name: String,
    /// Content, length, coding.
    pub(super) format: String,
    /// What it holds; none where that is not shown.
    pub(super) value: Option<String>,
    /// Who may see it.
    pub(super) secrecy: &'static str,
    /// How many characters or bytes it has.
    pub(super) length: usize,
    /// `bytes` where the content is bytes, else `characters`.
    pub(super) unit: &'static str,
    /// What its value means.
    pub(super) means: Option<&'static str>,
    /// What it consists of.
    pub(super) parts: Vec<Part>,
}

impl Description {
    /// Of a message that was read from these bytes.
    pub(super) fn of(message: &Message<'_>, bytes: &[u8]) -> Self {
        let outline = Outline::of(message, bytes);
        Self {
            readable: true,
            profile: message.profile().name().to_owned(),
            length: bytes.len(),
            header_length: message.header().len(),
            mti: message.mti().to_string(),
            mti_words: words::mti(message.mti()),
            bitmap: outline.bitmap_hex(message.profile(), bytes),
            fields: message
                .present()
                .filter_map(|number| field_line(message, number))
                .collect(),
            has_presence_rules: findings::has_rules(message),
            findings: findings::of(message),
        }
    }
}

fn field_line(message: &Message<'_>, number: u8) -> Option<FieldLine> {
    let value = message.expose_field(number)?;
    let shown = mask::value(&value);
    let (length, unit) = match value.field().content {
        Content::Bytes => (value.len() / 2, "bytes"),
        _ => (value.len(), "characters"),
    };
    Some(FieldLine {
        number,
        name: message.profile().field_name(number).to_owned(),
        format: words::format(value.field()),
        secrecy: secrecy(value.field().secrecy),
        length,
        unit,
        means: shown.as_deref().and_then(|text| words::value(number, text)),
        value: shown,
        parts: parts::of(message, number).unwrap_or_default(),
    })
}

const fn secrecy(secrecy: Secrecy) -> &'static str {
    match secrecy {
        Secrecy::Open => "open",
        Secrecy::Personal => "personal",
        Secrecy::Pan => "card number",
        Secrecy::Sensitive => "sensitive",
    }
}
