//! What holds for every message of every profile, not only for those we thought of.

use iso8583::profile::BUILT_IN;
use iso8583::{MessageBuilder, Mti, Profile, decode};

use crate::damage::with_seeds;
use crate::random::Random;
use crate::{chip_invariants, invariants};

#[test]
fn what_is_built_reads_back() {
    with_seeds(|random| {
        for profile in BUILT_IN {
            let (mti, fields, bytes) = message(profile, random);
            let message = decode(profile, &bytes).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(message.mti(), mti);
            let read: Vec<(u8, String)> = message
                .present()
                .map(|number| (number, message.expose_field(number).unwrap().to_text()))
                .collect();
            assert_eq!(read, fields, "{profile:?}");
        }
    });
}

#[test]
fn what_is_accepted_is_written_again_byte_by_byte() {
    with_seeds(|random| {
        for profile in BUILT_IN {
            let (.., bytes) = message(profile, random);
            invariants::any_bytes(profile, &bytes);
        }
    });
}

#[test]
fn any_damage_is_an_answer_and_never_a_panic() {
    with_seeds(|random| {
        for profile in BUILT_IN {
            let (.., mut bytes) = message(profile, random);
            random.damage(&mut bytes);
            invariants::any_bytes(profile, &bytes);
        }
    });
}

#[test]
fn any_bytes_are_an_answer_and_never_a_panic() {
    let heads: [&[u8]; 6] = [
        b"",
        b"0100",
        b"0420ffffffffffffffff",
        b"\x01\x00\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFE",
        b"\xF0\xF1\xF0\xF0\xF2\x00",
        b"\x16\x01\x02\x00\x30",
    ];
    with_seeds(|random| {
        let head = random.one_of(&heads);
        let bytes = [head, &random.bytes(300)].concat();
        for profile in BUILT_IN {
            invariants::any_bytes(profile, &bytes);
        }
        chip_invariants::any_chip_data(&bytes);
    });
}

#[test]
fn a_message_goes_through_another_dialect_and_back() {
    with_seeds(|random| {
        let (from, to) = (BUILT_IN[0], random.one_of(&BUILT_IN[1..5]));
        let (mti, mut fields, _) = message(to, random);
        // What both can say: one dialect has bytes where the other has text.
        fields.retain(|(number, value)| {
            MessageBuilder::new(from, mti).set(*number, value).is_ok()
                && from.field(*number).map(|it| it.content)
                    == to.field(*number).map(|it| it.content)
        });
        let there = build(to, mti, &fields);
        let mut back = MessageBuilder::new(from, mti);
        let message = decode(to, &there).unwrap();
        back.echo(&message, &message.present().collect::<Vec<_>>())
            .unwrap();
        assert_eq!(back.encode(), build(from, mti, &fields), "{to:?}");
    });
}

fn message(profile: &Profile, random: &mut Random) -> (Mti, Vec<(u8, String)>, Vec<u8>) {
    let mti = random.one_of(&[
        "0100", "0101", "0110", "0120", "0200", "0421", "0430", "0800", "0999",
    ]);
    let mti = Mti::parse(mti).unwrap().with_version(profile.version());
    let fields = random.fields(profile);
    let bytes = build(profile, mti, &fields);
    (mti, fields, bytes)
}

fn build(profile: &Profile, mti: Mti, fields: &[(u8, String)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(profile, mti);
    for (number, value) in fields {
        let set = builder.set(*number, value).map(|_| ());
        assert_eq!(set, Ok(()), "{profile:?} {value}");
    }
    builder.encode()
}
