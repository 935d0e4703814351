//! Card data that is searched for in all that the tools print.

use iso8583::Profile;
use iso8583::profile::{ASCII_BINARY, ASCII_HEX, BASE1, BCD, EBCDIC};

use super::{Said, request, tool};

/// What must never be seen: the middle of the card number, what a track adds to it, a PIN block, a
/// verification value, a name, an expiry.
const CANARIES: [&str; 7] = [
    "008902",
    "7654321",
    "A1B2C3D4E5F60718",
    "CVV913",
    "CANARYHOLDER",
    "2912",
    "A1 B2 C3",
];

/// With the card number where it belongs, and where it does not. In the order of their numbers.
const FIELDS: [(u8, &str); 12] = [
    (2, "5413330089020011"),
    (3, "000000"),
    (4, "000000010000"),
    (11, "123456"),
    (14, "2912"),
    (35, "5413330089020011D29122017654321"),
    (44, "SEE 5413330089020011"),
    (48, "CVV913"),
    (52, "A1B2C3D4E5F60718"),
    (
        55,
        "5A0854133300890200115F200C43414E415259484F4C4445525F2403291231",
    ),
    (102, "5413-3300-8902-0011"),
    (120, "CANARYHOLDER 5413330089020011"),
];

const DIALECTS: [&Profile; 5] = [&ASCII_HEX, &ASCII_BINARY, &BCD, &EBCDIC, &BASE1];

#[track_caller]
fn assert_none(said: &Said, about: &str) {
    let text = format!("{}{}", said.text(), said.err).to_ascii_uppercase();
    let bare: String = text.split_whitespace().collect();
    for canary in CANARIES {
        let spread = |between: &str, before: &str| {
            let characters = canary.bytes().map(|byte| match before {
                "" => char::from(byte).to_string(),
                "ascii" => format!("{byte:02X}"),
                nibble => format!("{nibble}{}", char::from(byte)),
            });
            characters.collect::<Vec<_>>().join(between)
        };
        for shape in [spread("", ""), spread("", "ascii"), spread("", "F")] {
            assert!(
                !text.contains(&shape) && !bare.contains(&shape),
                "{about}: {text}"
            );
        }
    }
}

#[test]
fn what_is_read_shows_no_card_data() {
    for profile in DIALECTS {
        let bytes = request(profile, &FIELDS);
        for flag in ["", "--json"] {
            let words = format!("describe --raw --profile {} {flag}", profile.name());
            let said = tool(&words, &bytes);
            assert_eq!(said.code, 0, "{words}: {}", said.text());
            assert!(said.text().contains("541333******0011"), "{words}");
            assert_none(&said, &words);
        }
    }
}

#[test]
fn what_cannot_be_read_shows_no_card_data() {
    for written in DIALECTS {
        let bytes = request(written, &FIELDS);
        for (turn, read) in DIALECTS.into_iter().enumerate() {
            let step = if read.name() == written.name() { 3 } else { 23 };
            for place in (turn..bytes.len()).step_by(step) {
                let json = if place % 2 == 0 { "--json" } else { "" };
                let words = format!("describe --raw --profile {} {json}", read.name());
                let about = format!("{written:?} as {words}, {place}");
                assert_none(&tool(&words, &bytes[..place]), &about);
                let mut changed = bytes.clone();
                changed[place] ^= 0x11;
                assert_none(&tool(&words, &changed), &about);
                let mut shifted = bytes.clone();
                shifted.remove(place);
                assert_none(&tool(&words, &shifted), &about);
            }
        }
    }
}

#[test]
fn what_is_no_message_at_all_shows_no_card_data() {
    for input in [
        &b"5413330089020011"[..],
        b"01005413330089020011",
        b"0100541333008902001101234567",
        b"\x54\x13\x33\x00\x89\x02\x00\x11",
        b"{\"mti\": 5413330089020011}",
        b"\x00\x105413330089020011",
        b"%B5413330089020011^CANARYHOLDER^29122017654321?",
    ] {
        for profile in DIALECTS {
            for form in ["", "--raw", "--hex"] {
                for framing in ["none", "be2", "ascii4"] {
                    let name = profile.name();
                    let words = format!("describe {form} --framing {framing} --profile {name}");
                    assert_none(&tool(&words, input), &words);
                }
            }
        }
        assert_none(
            &tool("send 127.0.0.1:1 --connect-timeout-ms 500", input),
            "send",
        );
    }
}

#[test]
fn what_was_typed_in_the_wrong_place_is_not_repeated() {
    for words in [
        "describe 5413330089020011",
        "describe 5413330089020011 5413330089020011",
        "describe --profile 5413330089020011",
        "describe --framing 5413330089020011",
        "5413330089020011",
        "encode 5413330089020011",
        "send 5413330089020011",
        "send 127.0.0.1:1 --repeat 5413330089020011",
    ] {
        let said = tool(words, b"");
        assert_ne!(said.code, 0, "{words}");
        assert_none(&said, words);
    }
}
