//! What is refused, where and why.

use super::{bytes_of, value_of};
use crate::Reason::*;
use crate::profile::ASCII_HEX;
use crate::{Content as Class, EncodeError, MessageBuilder, Mti, Reason, decode, salvage};

const EMPTY: &str = "0000000000000000";

#[test]
fn a_message_that_does_not_begin_well_is_refused() {
    check(&[
        ("", None, 0, Truncated { missing: 4 }),
        ("010", None, 0, Truncated { missing: 1 }),
        ("01x0", None, 0, MtiNotDigits),
        ("1100 0000000000000000", None, 0, VersionNotInProfile),
        ("0100", None, 4, Truncated { missing: 16 }),
        ("0100 000000000000000g", None, 19, BitmapNotHex),
        ("0100 8000000000000000", None, 20, Truncated { missing: 16 }),
        (
            "0100 8000000000000000 -000000000000000",
            None,
            20,
            BitmapNotHex,
        ),
        // Bit 65 announces a third bitmap.
        (
            "0100 8000000000000000 8000000000000000",
            Some(65),
            36,
            FieldNotInProfile,
        ),
        (
            "0100 0000000000000000 77",
            None,
            20,
            TrailingBytes { count: 2 },
        ),
    ]);
}

#[test]
fn a_field_of_the_wrong_length_is_refused() {
    check(&[
        // Field 2, LLVAR, 12 to 19.
        (
            "0100 4000000000000000",
            Some(2),
            20,
            Truncated { missing: 2 },
        ),
        (
            "0100 4000000000000000 1",
            Some(2),
            20,
            Truncated { missing: 1 },
        ),
        ("0100 4000000000000000 1x", Some(2), 21, LengthNotDigits),
        ("0100 4000000000000000 +9", Some(2), 20, LengthNotDigits),
        (
            "0100 4000000000000000 00",
            Some(2),
            20,
            out_of_bounds(0, 12, 19),
        ),
        (
            "0100 4000000000000000 11 77777777777",
            Some(2),
            20,
            out_of_bounds(11, 12, 19),
        ),
        (
            "0100 4000000000000000 20",
            Some(2),
            20,
            out_of_bounds(20, 12, 19),
        ),
        (
            "0100 4000000000000000 16 77777777",
            Some(2),
            22,
            Truncated { missing: 8 },
        ),
        // Field 3, six digits.
        (
            "0100 2000000000000000 12345",
            Some(3),
            20,
            Truncated { missing: 1 },
        ),
        (
            "0100 2000000000000000 1234567",
            None,
            26,
            TrailingBytes { count: 1 },
        ),
        // Field 54, LLLVAR, up to 120; field 55, pairs of hex digits.
        (
            "0100 0000000000000400 121",
            Some(54),
            20,
            out_of_bounds(121, 0, 120),
        ),
        ("0100 0000000000000200 003 5A0", Some(55), 20, OddLength),
        (
            "0100 0000000000000200 512",
            Some(55),
            20,
            out_of_bounds(512, 0, 510),
        ),
    ]);
}

#[test]
fn a_field_with_foreign_characters_is_refused() {
    check(&[
        (
            "0100 4000000000000000 12 77777777777x",
            Some(2),
            33,
            Content(Class::Numeric),
        ),
        (
            "0100 2000000000000000 12345é",
            Some(3),
            25,
            Content(Class::Numeric),
        ),
        (
            "0100 0000001000000000 X00000000",
            Some(28),
            20,
            Content(Class::SignedNumeric),
        ),
        (
            "0100 0000000020000000 05 411^D",
            Some(35),
            25,
            Content(Class::Track),
        ),
        (
            "0100 0000000008000000 632608-23456",
            Some(37),
            26,
            Content(Class::AlphaNumericSpace),
        ),
        (
            "0100 0000000002000000 0-",
            Some(39),
            21,
            Content(Class::AlphaNumeric),
        ),
        (
            "0100 0000000000800000 TERM\t001",
            Some(41),
            24,
            Content(Class::Text),
        ),
        (
            "0100 0000000000001000 0123456789ABCDEG",
            Some(52),
            35,
            Content(Class::Hex),
        ),
        (
            "0100 0000000000000200 002 g0",
            Some(55),
            23,
            Content(Class::Hex),
        ),
    ]);
}

/// The blanks behind the type, the bitmaps and a length are for the reader; messages have none.
fn check(table: &[(&str, Option<u8>, usize, Reason)]) {
    for &(text, field, offset, reason) in table {
        let bytes = text.replace(' ', "");
        let error = decode(&ASCII_HEX, bytes.as_bytes()).unwrap_err();
        assert_eq!(
            (error.field, error.offset, error.reason),
            (field, offset, reason),
            "{text}"
        );
        let mti = bytes.get(..4).and_then(|mti| Mti::parse(mti).ok());
        assert_eq!(error.mti, mti, "{text}");
        assert_eq!(
            salvage(&ASCII_HEX, bytes.as_bytes()).map(|message| message.mti()),
            mti,
            "{text}"
        );
    }
}

fn out_of_bounds(length: usize, min: u16, max: u16) -> Reason {
    LengthOutOfBounds { length, min, max }
}

#[test]
fn a_message_longer_than_any_frame_is_refused() {
    let mut bytes = format!("0100{EMPTY}").into_bytes();
    bytes.resize(65_536, b'0');
    let error = decode(&ASCII_HEX, &bytes).unwrap_err();
    assert_eq!((error.mti, error.reason), (Some(Mti::M0100), TooLong));
}

#[test]
fn salvage_skips_bad_fields_and_stops_where_the_end_is_unknown() {
    let fields = [2, 3, 4, 7, 11, 32, 37, 41].map(|number| (number, value_of(number)));
    let good = String::from_utf8(bytes_of(Mti::M0100, &fields)).unwrap();
    let pan = "12777777777777";
    for (wrong, field, readable) in [
        (
            good.replacen(pan, "1277777x777777", 1),
            2,
            &[3, 4, 7, 11, 32, 37, 41][..],
        ),
        (
            good.replacen(pan, "1177777777777", 1),
            2,
            &[3, 4, 7, 11, 32, 37, 41],
        ),
        (
            good.replacen(pan, "2077777777777777777777", 1),
            2,
            &[3, 4, 7, 11, 32, 37, 41],
        ),
        (good.replacen(pan, "99777777777777", 1), 2, &[]),
        (good.replacen("017", "xx7", 1), 32, &[2, 3, 4, 7, 11]),
        (
            good[..good.len() - 1].to_owned(),
            41,
            &[2, 3, 4, 7, 11, 32, 37],
        ),
    ] {
        let error = decode(&ASCII_HEX, wrong.as_bytes()).unwrap_err();
        assert_eq!(error.field, Some(field));
        let message = salvage(&ASCII_HEX, wrong.as_bytes()).unwrap();
        assert!(
            message.present().eq(readable.iter().copied()),
            "{message:?}"
        );
    }
}

#[test]
fn the_first_of_several_faults_is_reported() {
    let fields = [3, 4, 11].map(|number| (number, value_of(number)));
    let mut bytes = bytes_of(Mti::M0100, &fields);
    bytes[25] = b'x';
    bytes[43] = b'x';
    assert_eq!(decode(&ASCII_HEX, &bytes).unwrap_err().field, Some(3));
    assert!(salvage(&ASCII_HEX, &bytes).unwrap().present().eq([4]));
}

#[test]
fn an_error_says_where_and_why_but_not_what() {
    let bytes = b"0100400000000000000016411111111111111x";
    let error = decode(&ASCII_HEX, bytes).unwrap_err();
    let text = "unreadable 0100 message, field 2, byte 37: \
        a character that is not allowed there: expected digits (n)";
    assert_eq!(error.to_string(), text);
    let refused = MessageBuilder::new(&ASCII_HEX, Mti::M0100)
        .set(39, "0")
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "field 39 cannot be sent: 1 characters, allowed are 2 to 2"
    );
}

#[test]
fn what_could_not_be_read_cannot_be_sent() {
    for (number, value, reason) in [
        (0, "", FieldNotInProfile),
        (1, EMPTY, FieldNotInProfile),
        (65, EMPTY, FieldNotInProfile),
        (129, "", FieldNotInProfile),
        (2, "41111111111", out_of_bounds(11, 12, 19)),
        (3, "1234567", out_of_bounds(7, 6, 6)),
        (4, "00000001000x", Content(Class::Numeric)),
        (41, "TERM1", out_of_bounds(5, 8, 8)),
        (43, &"é".repeat(20), Content(Class::Text)),
        (44, &"x".repeat(26), out_of_bounds(26, 0, 25)),
        (55, "5A0", OddLength),
    ] {
        let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0110);
        let error = builder.set(number, value).unwrap_err();
        assert_eq!(
            error,
            EncodeError {
                field: number,
                reason
            }
        );
        assert_eq!(
            builder.encode(),
            format!("0110{EMPTY}").as_bytes(),
            "nothing was set"
        );
    }
}

#[test]
fn a_message_is_never_built_longer_than_it_can_be_read() {
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
    let value = "x".repeat(999);
    let variable = [48, 46, 47, 56, 57, 58, 59, 60, 61, 62, 63]
        .into_iter()
        .chain(105..=127);
    for number in variable.cycle().take(65) {
        builder.set(number, &value).unwrap();
    }
    let error = EncodeError {
        field: 48,
        reason: TooLong,
    };
    assert_eq!(builder.set(48, &value).unwrap_err(), error);
    decode(&ASCII_HEX, &builder.encode()).unwrap();
}
