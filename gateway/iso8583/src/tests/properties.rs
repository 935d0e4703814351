//! What holds for every message, not only for those we thought of.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::collections::BTreeMap;

use super::{bytes_of, value_of};
use crate::profile::{ASCII_HEX, Field};
use crate::{Content, Message, MessageBuilder, Mti, decode, presence, salvage};

proptest! {
    #[test]
    fn what_is_built_reads_back((mti, fields) in message()) {
        let bytes = bytes_of(mti, &fields.clone().into_iter().collect::<Vec<_>>());
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        prop_assert_eq!(message.mti(), mti);
        let read: BTreeMap<u8, String> = message
            .present()
            .map(|number| (number, message.expose_field(number).unwrap().to_owned()))
            .collect();
        prop_assert_eq!(read, fields);
    }

    #[test]
    fn what_was_accepted_is_built_again_byte_by_byte(
        (mti, fields) in message(),
        changes in changes(),
    ) {
        let mut bytes = bytes_of(mti, &fields.into_iter().collect::<Vec<_>>());
        change(&mut bytes, &changes);
        if let Ok(message) = decode(&ASCII_HEX, &bytes) {
            prop_assert_eq!(rebuilt(&message), plain(&bytes));
        }
    }

    #[test]
    fn any_damage_is_an_answer_and_never_a_panic(
        (mti, fields) in message(),
        changes in changes(),
    ) {
        let mut bytes = bytes_of(mti, &fields.into_iter().collect::<Vec<_>>());
        change(&mut bytes, &changes);
        read_all(&bytes);
    }

    #[test]
    fn any_bytes_are_an_answer_and_never_a_panic(
        head in select(vec![
            "", "0100", "0420ffffffffffffffff", "0800F0000000000000007F00000000000000",
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        read_all(&[head.as_bytes(), &tail].concat());
    }
}

/// Everything a gateway does with bytes from a stranger.
fn read_all(bytes: &[u8]) {
    let decoded = decode(&ASCII_HEX, bytes);
    let salvaged = salvage(&ASCII_HEX, bytes);
    match &decoded {
        Ok(message) => assert_eq!(rebuilt(message), rebuilt(salvaged.as_ref().unwrap())),
        Err(error) => {
            assert!(error.offset <= bytes.len() && !error.to_string().is_empty());
            assert_eq!(error.mti, salvaged.as_ref().map(Message::mti));
        }
    }
    for message in decoded.ok().iter().chain(&salvaged) {
        let _ = (
            presence::missing(message),
            message.mti().response(),
            format!("{message:?}"),
        );
        let _ = (
            message.pan(),
            message.original_data(),
            message.replacement_amount(),
        );
        rebuilt(message);
    }
}

fn rebuilt(message: &Message<'_>) -> Vec<u8> {
    let mut builder = MessageBuilder::new(&ASCII_HEX, message.mti());
    builder
        .echo(message, &message.present().collect::<Vec<_>>())
        .unwrap();
    builder.encode()
}

/// The one way to write accepted bytes: bitmaps in upper case, no second one if it is empty.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let second = matches!(bytes[4], b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F');
    let bitmaps = 4..if second { 36 } else { 20 };
    bytes[bitmaps].make_ascii_uppercase();
    if second && bytes[20..36].iter().all(|&digit| digit == b'0') {
        bytes.drain(20..36);
        let first = char::from(bytes[4]).to_digit(16).unwrap() - 8;
        bytes[4] = char::from_digit(first, 16).unwrap() as u8;
    }
    bytes
}

fn message() -> impl Strategy<Value = (Mti, BTreeMap<u8, String>)> {
    let mti = select(vec![
        "0100", "0101", "0110", "0120", "0200", "0421", "0430", "0800", "0999",
    ]);
    let mti = mti.prop_map(|mti| Mti::parse(mti).unwrap());
    let fields = subsequence(ASCII_HEX.fields, 0..=20);
    let fields = fields.prop_flat_map(|rows| rows.iter().map(content).collect::<Vec<_>>());
    (mti, fields.prop_map(BTreeMap::from_iter))
}

fn content(field: &Field) -> impl Strategy<Value = (u8, String)> + use<> {
    let (number, (min, max)) = (field.number, field.length.bounds());
    let class = match field.content {
        Content::Numeric => "[0-9]",
        Content::AlphaNumeric => "[0-9A-Za-z]",
        Content::AlphaNumericSpace => "[ 0-9A-Za-z]",
        Content::Text => "[ -~]",
        Content::Track => "[0-9=D]",
        Content::Hex => "[0-9a-fA-F]{2}",
        Content::SignedNumeric => return Just((number, value_of(number))).boxed(),
    };
    let unit = if field.content == Content::Hex { 2 } else { 1 };
    let (min, max) = (min.div_ceil(unit), max / unit);
    let pattern = format!("({class}){{{min},{max}}}");
    let content = proptest::string::string_regex(&pattern).unwrap();
    content.prop_map(move |content| (number, content)).boxed()
}

#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    // Bytes that mean something somewhere do more damage than any byte.
    let byte = prop_oneof![select(b"0123456789abcdefABCDEF =".to_vec()), any::<u8>()];
    let change = prop_oneof![
        8 => (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<Index>(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => any::<Index>().prop_map(Change::Remove),
        1 => any::<Index>().prop_map(Change::Cut),
    ];
    prop::collection::vec(change, 0..4)
}

fn change(bytes: &mut Vec<u8>, changes: &[Change]) {
    for change in changes {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match change {
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Change::Remove(at) => drop(bytes.remove(at.index(length))),
            Change::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
}
