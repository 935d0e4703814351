//! One message in every dialect, byte by byte.

use iso8583::profile::{ASCII_BINARY, ASCII_HEX_1993, ASCII_HEX_2003, BASE1, BCD, EBCDIC};
use iso8583::{Base1, Encoder, MessageBuilder, Mti, Profile, decode};

/// With an odd number of digits, one of each content class, and both bitmaps.
const FIELDS: &[(u8, &str)] = &[
    (2, "4111111111111111111"),
    (4, "000000010000"),
    (19, "840"),
    (28, "D00000005"),
    (35, "4111111111111111D2912201"),
    (37, "632608 23456"),
    (41, "TERM 01!"),
    (44, "09"),
    (49, "840"),
    (52, "0123456789ABCDEF"),
    (55, "9F2600"),
    (70, "301"),
];

const EVERYTHING_IN: &[(&Profile, &str)] = &[
    (
        &ASCII_BINARY,
        "30313030 D000201028909200 0400000000000000 \
         3139 34313131313131313131313131313131313131 303030303030303130303030 383430 \
         443030303030303035 3234 343131313131313131313131313131314432393132323031 \
         363332363038203233343536 5445524D20303121 3032 3039 383430 0123456789ABCDEF \
         303033 9F2600 333031",
    ),
    (
        &BCD,
        "0100 D000201028909200 0400000000000000 \
         19 04111111111111111111 000000010000 0840 443030303030303035 \
         24 4111111111111111D2912201 363332363038203233343536 5445524D20303121 02 3039 0840 \
         0123456789ABCDEF 0003 9F2600 0301",
    ),
    (
        &EBCDIC,
        "F0F1F0F0 D000201028909200 0400000000000000 \
         F1F9 F4F1F1F1F1F1F1F1F1F1F1F1F1F1F1F1F1F1F1 F0F0F0F0F0F0F0F1F0F0F0F0 F8F4F0 \
         C4F0F0F0F0F0F0F0F5 F2F4 F4F1F1F1F1F1F1F1F1F1F1F1F1F1F1F1C4F2F9F1F2F2F0F1 \
         F6F3F2F6F0F840F2F3F4F5F6 E3C5D9D440F0F14F F0F2 F0F9 F8F4F0 0123456789ABCDEF \
         F0F0F3 9F2600 F3F0F1",
    ),
    (
        &BASE1,
        "16010200 7F 0000000000000000000000000000000000 \
         0100 D000201028909200 0400000000000000 \
         13 04111111111111111111 000000010000 0840 C4F0F0F0F0F0F0F0F5 \
         18 4111111111111111D2912201 F6F3F2F6F0F840F2F3F4F5F6 E3C5D9D440F0F14F 02 F0F9 0840 \
         0123456789ABCDEF 03 9F2600 0301",
    ),
];

#[test]
fn one_message_is_written_and_read_in_every_dialect() {
    for (profile, hex) in EVERYTHING_IN {
        let mut builder = MessageBuilder::new(profile, Mti::M0100);
        for (number, text) in FIELDS {
            builder.set(*number, text).unwrap();
        }
        let bytes = builder.encode();
        let mut expected = hex_bytes(hex);
        if *profile == &BASE1 {
            let length = u16::try_from(expected.len()).unwrap();
            expected[3..5].copy_from_slice(&length.to_be_bytes());
        }
        assert_eq!(hex_of(&bytes), hex_of(&expected), "{profile:?}");
        let message = decode(profile, &bytes).unwrap();
        let read: Vec<(u8, String)> = message
            .present()
            .map(|n| (n, message.expose_field(n).unwrap().to_text()))
            .collect();
        assert!(
            read.iter()
                .map(|(n, text)| (*n, text.as_str()))
                .eq(FIELDS.iter().copied())
        );
        let amount = message.field(4).unwrap();
        assert_eq!((amount.number(), amount.len()), (Some(10_000), 12));
    }
}

#[test]
fn an_answer_in_base1_goes_back_where_its_request_came_from() {
    let mut request = MessageBuilder::new(&BASE1, Mti::M0800);
    let stations = [22, 1, 2, 0, 0, 0x12, 0x34, 0x56, 0x65, 0x43, 0x21];
    let mut header = [0; 22];
    header[..11].copy_from_slice(&stations);
    request
        .set_header(&header)
        .unwrap()
        .set(7, "1122083400")
        .unwrap()
        .set(11, "000042")
        .unwrap();
    let bytes = request.encode();
    let message = decode(&BASE1, &bytes).unwrap();
    let header = Base1::new(message.header()).unwrap();
    let mut answer = MessageBuilder::answering(&message, Mti::M0810);
    answer.echo(&message, &[7, 11]).unwrap();
    let bytes = answer.set(39, "00").unwrap().encode();
    let mut room = [0; 64];
    let mut answer = Encoder::answering(&message, Mti::M0810, &mut room).unwrap();
    answer.put(7, "1122083400").unwrap();
    answer.put(11, "000042").unwrap().put(39, "00").unwrap();
    assert_eq!(answer.finish(), Ok(&bytes[..]));
    let answered = decode(&BASE1, &bytes).unwrap();
    let back = Base1::new(answered.header()).unwrap();
    assert_eq!(
        (back.destination(), back.source()),
        (header.source(), header.destination())
    );
    assert!(request.set_header(&[0; 22]).is_err() && request.set_header(&[]).is_err());
}

#[test]
fn an_empty_second_bitmap_is_read_in_bytes_too() {
    let bytes = hex_bytes("0800 8220000000000000 0000000000000000 1122083400 000042");
    let message = decode(&BCD, &bytes).unwrap();
    assert!(message.present().eq([7, 11]));
    let mut again = MessageBuilder::new(&BCD, Mti::M0800);
    again.echo(&message, &[7, 11]).unwrap();
    assert_eq!(
        hex_of(&again.encode()),
        hex_of(&hex_bytes("0800 0220000000000000 1122083400 000042"))
    );
}

#[test]
fn later_editions_have_longer_dates_and_codes() {
    for (profile, mti, number, text) in [
        (&ASCII_HEX_1993, "1100", 12, "261122083400"),
        (&ASCII_HEX_1993, "1110", 39, "904"),
        (&ASCII_HEX_1993, "1420", 25, "4021"),
        (&ASCII_HEX_2003, "2100", 12, "20261122083400"),
        (&ASCII_HEX_2003, "2100", 11, "000000123456"),
        (&ASCII_HEX_2003, "2110", 39, "1906"),
        (
            &ASCII_HEX_2003,
            "2100",
            22,
            "00112233445566778899AABBCCDDEEFF",
        ),
    ] {
        let mti = Mti::parse(mti).unwrap();
        let mut message = MessageBuilder::new(profile, mti);
        let bytes = message.set(number, text).unwrap().encode();
        let message = decode(profile, &bytes).unwrap();
        assert_eq!(message.mti(), mti);
        assert!(
            message.field(number).is_some_and(|value| value == text),
            "{profile:?} {number}"
        );
        assert!(decode(&BCD, &bytes).is_err());
    }
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
