//! The codec from outside. Facts are tables, the rest holds for every message: see `properties`.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

mod card_data;
mod chip_invariants;
mod composites;
mod damage;
mod dialects;
mod framing;
mod framing_invariants;
mod golden;
mod invariants;
mod presence;
mod properties;
mod random;
mod refusals;
mod sample;
#[cfg(feature = "toml")]
mod toml;
mod vectors;

use iso8583::profile::ASCII_HEX;
use iso8583::{Content, MessageBuilder, Mti};

/// Some valid content for field `number` of `ASCII_HEX`, as short as it makes sense.
fn value_of(number: u8) -> String {
    let field = ASCII_HEX.field(number).unwrap();
    let shortest = if number == 2 { 12 } else { 1 };
    let length = usize::from(field.length.bounds().0).max(shortest);
    match field.content {
        Content::Numeric | Content::Track => "7".repeat(length),
        Content::AlphaNumeric => "A".repeat(length),
        Content::AlphaNumericSpace => " ".repeat(length),
        Content::Text => "?".repeat(length),
        Content::SignedNumeric => format!("C{}", "1".repeat(length - 1)),
        Content::Bytes => "aF".repeat(length),
    }
}

fn bytes_of(mti: Mti, fields: &[(u8, String)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(&ASCII_HEX, mti);
    for (number, value) in fields {
        builder.set(*number, value).unwrap();
    }
    builder.encode()
}
