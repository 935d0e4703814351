//! What is refused, where and why.

use iso8583::Reason::{
    BitmapNotHex, Content, FieldNotInProfile, Header, LengthNotDigits, LengthOutOfBounds,
    MacNotLast, MtiNotDigits, NoRoom, NotAscending, OddLength, ThirdBitmap, TooLong, TrailingBytes,
    Truncated, VersionNotInProfile,
};
use iso8583::profile::{ASCII_BINARY, ASCII_HEX, BASE1, BCD, EBCDIC};
use iso8583::{Content as Class, EncodeError, Encoder, MessageBuilder, Mti, PadNibble, Profile};
use iso8583::{Reason, decode, salvage};

use crate::{bytes_of, value_of};

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
            ThirdBitmap,
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
        // Field 2, LLVAR, up to 19.
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
            "0100 4000000000000000 20",
            Some(2),
            20,
            out_of_bounds(20, 0, 19),
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
            out_of_bounds(256, 0, 255),
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
            Content(Class::Bytes),
        ),
        (
            "0100 0000000000000200 002 g0",
            Some(55),
            23,
            Content(Class::Bytes),
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

const fn out_of_bounds(length: usize, min: u16, max: u16) -> Reason {
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
fn what_could_not_be_read_cannot_be_sent() {
    for (number, value, reason) in [
        (0, "", FieldNotInProfile),
        (1, EMPTY, FieldNotInProfile),
        (65, EMPTY, FieldNotInProfile),
        (129, "", FieldNotInProfile),
        (2, "41111111111111111111", out_of_bounds(20, 0, 19)),
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
                field: Some(number),
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
    for number in variable.cycle().take(64) {
        builder.set(number, &value).unwrap();
    }
    let error = EncodeError {
        field: Some(48),
        reason: TooLong,
    };
    assert_eq!(builder.set(48, &value).unwrap_err(), error);
    decode(&ASCII_HEX, &builder.encode()).unwrap();
}

#[test]
fn a_message_authentication_code_comes_last() {
    let mac = "00112233445566AA";
    let bytes = format!("0100 8000000000000001 0400000000000000 {mac} 301").replace(' ', "");
    let error = decode(&ASCII_HEX, bytes.as_bytes()).unwrap_err();
    assert_eq!(
        (error.field, error.offset, error.reason),
        (Some(64), 4, MacNotLast)
    );
    assert!(
        salvage(&ASCII_HEX, bytes.as_bytes())
            .unwrap()
            .present()
            .eq([64, 70])
    );

    let last = EncodeError {
        field: Some(70),
        reason: MacNotLast,
    };
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0800);
    assert_eq!(
        builder.set(64, mac).unwrap().set(70, "301").unwrap_err(),
        last
    );
    let mut room = [0; 100];
    let mut encoder = Encoder::new(&ASCII_HEX, Mti::M0800, &mut room).unwrap();
    assert_eq!(
        encoder.put(64, mac).unwrap().put(70, "301").unwrap_err(),
        last
    );
}

#[test]
fn a_message_of_another_version_is_refused_in_its_own() {
    let bytes = b"11000000000000000000";
    let peer = salvage(&ASCII_HEX, bytes).unwrap();
    let mut refusal = MessageBuilder::new(&ASCII_HEX, peer.mti().response().unwrap());
    let refusal = refusal.set(39, "30").unwrap().encode();
    assert!(refusal.starts_with(b"1110"));
}

#[test]
fn an_encoder_refuses_what_it_cannot_write() {
    let mut room = [0; 30];
    let mut encoder = Encoder::new(&ASCII_HEX, Mti::M0100, &mut room).unwrap();
    encoder.put(3, "000000").unwrap();
    for (number, text, reason) in [
        (3, "000000", NotAscending),
        (2, "4111111111111111", NotAscending),
        (11, "12345", out_of_bounds(5, 6, 6)),
        (11, "12345x", Content(Class::Numeric)),
        (11, "123456", NoRoom { missing: 2 }),
        (70, "301", NoRoom { missing: 15 }),
        (65, "00", FieldNotInProfile),
    ] {
        let error = encoder.put(number, text).map(|_| ()).unwrap_err();
        assert_eq!(
            (error.field, error.reason),
            (Some(number), reason),
            "{text}"
        );
    }
    assert_eq!(
        encoder.finish(),
        Ok(&b"01002000000000000000000000"[..]),
        "nothing else was written"
    );
    let short = Encoder::new(&ASCII_HEX, Mti::M0100, &mut [0; 19]).unwrap_err();
    assert_eq!((short.field, short.reason), (None, NoRoom { missing: 1 }));
    let other = Encoder::new(&ASCII_HEX, Mti::M0100.with_version(1), &mut [0; 30]).unwrap_err();
    assert_eq!((other.field, other.reason), (None, VersionNotInProfile));
}

/// A dialect, a message in hex, and where and why it is refused.
type Fault = (&'static Profile, &'static str, Option<u8>, usize, Reason);

const FAULTS: &[Fault] = &[
    (&BCD, "0A00", None, 0, MtiNotDigits),
    (&EBCDIC, "F0F1F0", None, 0, Truncated { missing: 1 }),
    (&EBCDIC, "30313030", None, 0, MtiNotDigits),
    (
        &BCD,
        "0100 00000000000000",
        None,
        2,
        Truncated { missing: 1 },
    ),
    // An odd number of digits is filled up with a zero: before them, or behind a track.
    (
        &BCD,
        "0100 0000200000000000 1840",
        Some(19),
        10,
        Reason::PadNibble(PadNibble::Zero),
    ),
    (
        &BCD,
        "0100 0000000020000000 05 41D129",
        Some(35),
        13,
        Reason::PadNibble(PadNibble::Zero),
    ),
    (
        &BCD,
        "0100 0000000020000000 05 41A120",
        Some(35),
        12,
        Content(Class::Track),
    ),
    (
        &BCD,
        "0100 2000000000000000 0000A0",
        Some(3),
        12,
        Content(Class::Numeric),
    ),
    (
        &BCD,
        "0100 4000000000000000 1A",
        Some(2),
        10,
        LengthNotDigits,
    ),
    (
        &BCD,
        "0100 4000000000000000 20",
        Some(2),
        10,
        out_of_bounds(20, 0, 19),
    ),
    (
        &BCD,
        "0100 0000000000000400 1120",
        Some(54),
        10,
        LengthNotDigits,
    ), // four digits for three
    (
        &EBCDIC,
        "F0F1F0F0 2000000000000000 F1F2F3F4F536",
        Some(3),
        17,
        Content(Class::Numeric),
    ),
    (
        &EBCDIC,
        "F0F1F0F0 0000000000800000 C1C2C3C4C5C6C70D",
        Some(41),
        19,
        Content(Class::Text),
    ),
    (
        &EBCDIC,
        "F0F1F0F0 0000001000000000 C5F0F0F0F0F0F0F0F0",
        Some(28),
        12,
        Content(Class::SignedNumeric),
    ),
    (
        &ASCII_BINARY,
        "30313030 4000000000000000 3178",
        Some(2),
        13,
        LengthNotDigits,
    ),
    (&BASE1, "0100", None, 0, Header),
    (&BASE1, "16010200 1F", None, 0, Truncated { missing: 17 }),
];

#[test]
fn every_dialect_points_at_its_own_faults() {
    for (profile, hex, field, offset, reason) in FAULTS {
        let bytes = hex_bytes(hex);
        let error = decode(profile, &bytes).unwrap_err();
        let found = (error.field, error.offset, error.reason);
        assert_eq!(found, (*field, *offset, *reason), "{profile:?} {hex}");
    }
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|&byte| byte != b' ').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
