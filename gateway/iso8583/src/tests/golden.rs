//! Messages written down byte by byte.

use super::{bytes_of, value_of};
use crate::composite::OriginalData;
use crate::profile::{ASCII_HEX, Length};
use crate::{MessageBuilder, Mti, decode, presence};

/// A usual authorization request. Three independent implementations agree on these 215 bytes.
const REQUEST: &str = concat!(
    "0100",
    "723C648128E08000",
    "164111111111111111",
    "000000",
    "000000010000",
    "1122083400",
    "123456",
    "083400",
    "1122",
    "2912",
    "5411",
    "840",
    "051",
    "00",
    "1112345678901",
    "244111111111111111D2912201",
    "632608123456",
    "TERM0001",
    "MERCHANT0000001",
    "ACME STORES          SPRINGFIELD  CA  US",
    "840",
);

const REQUEST_FIELDS: [(u8, &str); 19] = [
    (2, "4111111111111111"),
    (3, "000000"),
    (4, "000000010000"),
    (7, "1122083400"),
    (11, "123456"),
    (12, "083400"),
    (13, "1122"),
    (14, "2912"),
    (18, "5411"),
    (19, "840"),
    (22, "051"),
    (25, "00"),
    (32, "12345678901"),
    (35, "4111111111111111D2912201"),
    (37, "632608123456"),
    (41, "TERM0001"),
    (42, "MERCHANT0000001"),
    (43, "ACME STORES          SPRINGFIELD  CA  US"),
    (49, "840"),
];

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
        .map(|n| (n, message.expose_field(n).unwrap()))
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
    assert_eq!(message.field(70), Some("301"));
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
        let fields: Vec<(u8, String)> = (ASCII_HEX.fields.iter())
            .map(|field| match field.length {
                // Long enough to need the hundreds, short enough to fit all in one message.
                Length::Variable { max, .. } if longest => (
                    field.number,
                    value_of(field.number).repeat(max.min(480).into()),
                ),
                _ => (field.number, value_of(field.number)),
            })
            .map(|(number, mut value)| {
                value.truncate(ASCII_HEX.field(number).unwrap().length.bounds().1.into());
                (number, value)
            })
            .collect();
        let bytes = bytes_of(Mti::M0100, &fields);
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        for (number, value) in &fields {
            assert_eq!(
                message.expose_field(*number),
                Some(value.as_str()),
                "field {number}"
            );
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
    let original = OriginalData {
        mti: Mti::M0100,
        stan: "123456",
        transmitted_at: "1122083400",
        acquirer_id: "12345678",
        forwarder_id: None,
    };
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0420);
    builder.set(90, &original.encode().unwrap()).unwrap();
    builder
        .set(
            95,
            &crate::composite::encode_replacement_amount(4_000).unwrap(),
        )
        .unwrap();
    let bytes = builder.encode();
    let message = decode(&ASCII_HEX, &bytes).unwrap();
    assert_eq!(message.original_data(), Some(original));
    assert_eq!(message.replacement_amount(), Some(Ok(4_000)));
}

#[test]
fn nothing_secret_is_printed() {
    let mut fields: Vec<(u8, String)> = Vec::new();
    for (number, value) in REQUEST_FIELDS {
        fields.push((number, value.to_owned()));
    }
    fields.push((45, "B4111111111111111^DOE/JANE^2912201".to_owned()));
    fields.push((48, "9203 123 CVC".to_owned()));
    fields.push((52, "0123456789ABCDEF".to_owned()));
    fields.push((55, "5A084111111111111111".to_owned()));
    fields.push((126, "CVV2 999".to_owned()));
    let bytes = bytes_of(Mti::M0100, &fields);
    let message = decode(&ASCII_HEX, &bytes).unwrap();
    let printed = format!("{message:?} {message:#?} {:?}", message.pan());
    for secret in [
        "4111111111111111",
        "2912",
        "DOE",
        "CVC",
        "CVV2",
        "0123456789ABCDEF",
        "5A08",
    ] {
        assert!(!printed.contains(secret), "{secret}");
    }
    assert!(
        printed.contains("TERM0001") && printed.contains("<pin block>"),
        "{printed}"
    );
    for number in [2, 35, 45, 48, 52, 55, 126] {
        assert!(message.has(number));
        assert_eq!(message.field(number), None, "field {number}");
    }
}
