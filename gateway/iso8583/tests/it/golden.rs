//! Messages written down byte by byte.

use iso8583::composite::{OriginalData, ReplacementAmounts};
use iso8583::profile::ASCII_HEX;
use iso8583::{Length, MessageBuilder, Mti, decode, presence};

use crate::sample::{REQUEST, REQUEST_FIELDS};
use crate::{bytes_of, value_of};

/// A network management request, with the fields 70 and up in the second half of the bitmap.
const ECHO: &str = concat!(
    "0800",
    "8220000000000000",
    "0400000000000000",
    "1122083400",
    "000042",
    "301"
);

#[test]
fn the_usual_request_reads_field_by_field() {
    assert_eq!(REQUEST.len(), 215);
    let message = decode(&ASCII_HEX, REQUEST.as_bytes()).unwrap();
    assert_eq!(message.mti(), Mti::M0100);
    let fields: Vec<_> = message
        .present()
        .map(|n| (n, message.expose_field(n).unwrap().as_str().unwrap()))
        .collect();
    assert_eq!(fields, REQUEST_FIELDS);
    assert_eq!(presence::missing(&message), None);
    assert_eq!(message.pan().unwrap().expose_digits(), "4111111111111111");
}

#[test]
fn the_usual_request_is_built_byte_by_byte_whatever_the_order() {
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
    for (number, value) in REQUEST_FIELDS.iter().rev() {
        builder.set(*number, value).unwrap();
    }
    assert_eq!(builder.encode(), REQUEST.as_bytes());
}

#[test]
fn a_second_bitmap_is_written_where_fields_beyond_64_need_one() {
    let message = decode(&ASCII_HEX, ECHO.as_bytes()).unwrap();
    assert!(message.present().eq([7, 11, 70]));
    assert!(message.field(70).is_some_and(|code| code == "301"));
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0800);
    builder.echo(&message, &[7, 11, 70, 90]).unwrap();
    assert_eq!(builder.encode(), ECHO.as_bytes());
}

#[test]
fn an_empty_second_bitmap_and_lower_case_are_read() {
    let (mti, rest) = REQUEST.split_at(4);
    let (_, fields) = rest.split_at(16);
    let sent = format!("{mti}f23c648128e080000000000000000000{fields}");
    let message = decode(&ASCII_HEX, sent.as_bytes()).unwrap();
    let mut builder = MessageBuilder::new(&ASCII_HEX, message.mti());
    builder
        .echo(&message, &message.present().collect::<Vec<_>>())
        .unwrap();
    assert_eq!(builder.encode(), REQUEST.as_bytes());
}

#[test]
fn every_field_at_once_reads_back() {
    for longest in [false, true] {
        // All but 64: a message authentication code is the last field.
        let fields: Vec<(u8, String)> = ASCII_HEX
            .fields()
            .filter(|(number, _)| *number != 64)
            .map(|(number, field)| {
                let value = value_of(number);
                let value = match field.length {
                    // Long enough to need the hundreds, short enough to fit all in one message.
                    Length::Variable { max, .. } if longest => {
                        let units = usize::from(max).min(240);
                        value.repeat(units).chars().take(units).collect()
                    }
                    _ => value,
                };
                (number, value)
            })
            .collect();
        let bytes = bytes_of(Mti::M0100, &fields);
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        for (number, value) in &fields {
            let read = message.expose_field(*number).unwrap();
            assert_eq!(read.as_str(), Some(value.as_str()), "field {number}");
        }
    }
}

#[test]
fn the_smallest_message_has_no_fields() {
    let message = decode(&ASCII_HEX, b"08000000000000000000").unwrap();
    assert_eq!(message.present().count(), 0);
    assert_eq!(presence::missing(&message), Some(7));
    assert!(message.pan().is_none() && message.original_data().is_none());
}

#[test]
fn a_reversal_says_what_it_takes_back() {
    let original = OriginalData::new(Mti::M0100, "123456", "1122083400", "12345678", None).unwrap();
    let remaining = ReplacementAmounts::actual(4_000);
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0420);
    builder.set(90, &original.encode()).unwrap();
    builder.set(95, &remaining.encode().unwrap()).unwrap();
    let bytes = builder.encode();
    let message = decode(&ASCII_HEX, &bytes).unwrap();
    assert_eq!(message.original_data(), Some(original));
    assert_eq!(message.replacement_amount(), Some(Ok(4_000)));
    assert_eq!(message.replacement_amounts(), Some(Ok(remaining)));
}
