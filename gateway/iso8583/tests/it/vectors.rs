//! Messages of another implementation's tests, with what becomes of each: see `vectors/README.md`.

#[cfg(feature = "toml")]
use iso8583::Profile;
use iso8583::Reason::{self, LengthNotDigits, Truncated};
use iso8583::profile::ASCII_HEX;
use iso8583::{Content, decode};

use crate::invariants;

/// Name, type, fields, and one field with its text.
type Read = (
    &'static str,
    &'static str,
    &'static [u8],
    (u8, &'static str),
);

/// Read as ASCII with a hex bitmap: type, fields, one value to see that they lie where they should.
const READ: &[Read] = &[
    (
        "financial_transaction_message",
        "0200",
        &[3, 4, 7, 11, 12, 13, 15, 18, 32, 37, 42, 48, 49, 60],
        (37, "000000115604"),
    ),
    (
        "financial_transaction_message_response",
        "0210",
        &[3, 4, 7, 11, 12, 13, 15, 18, 32, 37, 39, 42, 48, 49, 60],
        (39, "00"),
    ),
    (
        "iso_reversal_message",
        "0400",
        &[
            2, 3, 4, 7, 11, 12, 13, 15, 18, 32, 37, 42, 48, 49, 55, 63, 90,
        ],
        (90, "020000331609080645190000000020000000000000"),
    ),
    // Its field 13 is 9099. That a date is none is not for a codec to say: n4 is four digits.
    (
        "iso_reversal_message_error_date",
        "0400",
        &[
            2, 3, 4, 7, 11, 12, 13, 15, 18, 32, 37, 42, 48, 49, 55, 63, 90,
        ],
        (13, "9099"),
    ),
    // These three have a field 2 without a single digit, which presence rules refuse.
    (
        "iso_reversal_message_advice",
        "0420",
        &[2, 3, 4, 7, 11, 12, 25, 32],
        (32, "00011122233"),
    ),
    (
        "iso_reversal_message_advice_missing_field",
        "0420",
        &[2, 3, 4, 7, 11, 12, 25],
        (12, "001120"),
    ),
    (
        "iso_reversal_message_advice_unexpected_field",
        "0420",
        &[2, 3, 4, 7, 11, 12, 13, 14, 25, 32],
        (13, "0909"),
    ),
    (
        "network_management_message",
        "0800",
        &[7, 11, 12, 13, 15, 70],
        (70, "001"),
    ),
    (
        "network_management_message_response",
        "0810",
        &[7, 11, 12, 13, 15, 39, 70, 73],
        (73, "031128"),
    ),
];

/// Refused: which field, at which byte, and why.
const REFUSED: &[(&str, u8, usize, Reason)] = &[
    ("error_message", 55, 185, Truncated { missing: 9 }),
    // Field 55 is text there, as it was before chips.
    (
        "iso_reversal_message_response",
        55,
        216,
        Reason::Content(Content::Bytes),
    ),
    (
        "iso_reversal_repeat_message",
        55,
        214,
        Reason::Content(Content::Bytes),
    ),
    (
        "iso_reversal_repeat_message_response",
        55,
        216,
        Reason::Content(Content::Bytes),
    ),
    // One field in an encoding of its own, or an error in it.
    (
        "message_with_character_ebcdic_encoding",
        42,
        58,
        Reason::Content(Content::Text),
    ),
    (
        "message_with_error_indicate_numeric",
        28,
        66,
        Truncated { missing: 1 },
    ),
    ("message_with_hex_bcd", 48, 66, LengthNotDigits),
    ("message_with_hex_length", 32, 66, LengthNotDigits),
    ("message_with_hex_rbcd", 48, 66, LengthNotDigits),
    (
        "message_with_indicate_numeric",
        28,
        66,
        Truncated { missing: 1 },
    ),
    (
        "message_with_number_bcd_encoding",
        7,
        36,
        Reason::Content(Content::Numeric),
    ),
    // Three letters F, or I, in EBCDIC: no track.
    (
        "network_management_message_with_error_track",
        35,
        68,
        Reason::Content(Content::Track),
    ),
    (
        "network_management_message_with_track",
        35,
        68,
        Reason::Content(Content::Track),
    ),
];

#[test]
fn messages_of_the_usual_dialect_are_read_and_written_again() {
    for (name, mti, fields, (number, text)) in READ {
        let bytes = vector(name);
        let message = decode(&ASCII_HEX, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.mti().to_string(), *mti, "{name}");
        assert!(
            message.present().eq(fields.iter().copied()),
            "{name} {message:?}"
        );
        assert!(
            message.field(*number).is_some_and(|value| value == *text),
            "{name} {message:?}"
        );
        invariants::any_bytes(&ASCII_HEX, &bytes);
    }
}

#[test]
fn errors_and_other_encodings_are_refused_where_they_are() {
    for (name, field, offset, reason) in REFUSED {
        let bytes = vector(name);
        let error = decode(&ASCII_HEX, &bytes).unwrap_err();
        let found = (error.field, error.offset, error.reason);
        assert_eq!(found, (Some(*field), *offset, *reason), "{name}");
        invariants::any_bytes(&ASCII_HEX, &bytes);
    }
    assert_eq!(READ.len() + REFUSED.len(), 22, "each has its row");
}

#[cfg(feature = "toml")]
#[test]
fn a_dialect_with_another_encoding_for_one_field_reads_them() {
    for (name, row, number, text) in [
        (
            "iso_reversal_repeat_message",
            "55 = { content = \"ans\", max = 999 }",
            13,
            "0909",
        ),
        (
            "iso_reversal_message_response",
            "55 = { content = \"ans\", max = 999 }",
            39,
            "00",
        ),
        (
            "iso_reversal_repeat_message_response",
            "55 = { content = \"ans\", max = 999 }",
            39,
            "00",
        ),
        (
            "message_with_character_ebcdic_encoding",
            "42 = { coding = \"ebcdic-500\" }",
            42,
            "ABCDEFGHIJKLMNO",
        ),
        (
            "message_with_number_bcd_encoding",
            "7 = { coding = \"bcd-left-0\" }\n11 = { coding = \"bcd-left-0\" }\n\
             12 = { coding = \"bcd-left-0\" }",
            7,
            "0420090613",
        ),
        (
            "message_with_indicate_numeric",
            "28 = { fixed = 8 }",
            28,
            "C0000000",
        ),
        (
            "message_with_hex_rbcd",
            "48 = { prefix = \"bcd-3\", secrecy = \"open\" }",
            48,
            "00000000",
        ),
    ] {
        let file = format!("name = \"{name}\"\nbased_on = \"ascii-hex\"\n[fields]\n{row}");
        let profile = Profile::from_toml(&file).unwrap();
        let bytes = vector(name);
        let message = decode(&profile, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            message.field(number).is_some_and(|value| value == text),
            "{name} {message:?}"
        );
        invariants::any_bytes(&profile, &bytes);
    }
    let eight =
        Profile::from_toml("name = \"x\"\nbased_on = \"ascii-hex\"\nfields.28 = { fixed = 8 }");
    let error = vector("message_with_error_indicate_numeric");
    let error = decode(&eight.unwrap(), &error).unwrap_err().reason;
    assert_eq!(error, Reason::Content(Content::SignedNumeric));
}

fn vector(name: &str) -> Vec<u8> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/moov");
    std::fs::read(format!("{directory}/{name}.dat")).unwrap()
}
