//! The codec as a whole. Samples here, facts in the files below.

mod errors;
mod golden;
mod properties;

use crate::profile::ASCII_HEX;
use crate::{MessageBuilder, Mti};

/// Some valid content for field `number`, as short as it may be without being empty.
pub(crate) fn value_of(number: u8) -> String {
    use crate::Content::*;
    let field = ASCII_HEX.field(number).unwrap();
    let length = usize::from(field.length.bounds().0).max(1);
    match field.content {
        Numeric | Track => "7".repeat(length),
        AlphaNumeric => "A".repeat(length),
        AlphaNumericSpace => " ".repeat(length),
        Text => "?".repeat(length),
        SignedNumeric => format!("C{}", "1".repeat(length - 1)),
        Hex => "aF".repeat(length.div_ceil(2)),
    }
}

pub(crate) fn bytes_of(mti: Mti, fields: &[(u8, String)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(&ASCII_HEX, mti);
    for (number, value) in fields {
        builder.set(*number, value).unwrap();
    }
    builder.encode()
}
