//! Reading and writing allocate nothing, in any dialect. Counted, in a process of its own: no test
//! harness, whose threads would be counted too.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

use std::alloc::System;

use iso8583::profile::BUILT_IN;
use iso8583::{Encoder, MessageBuilder, Mti, Value, decode, presence, salvage};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Of every content class, with all three kinds of secrecy, in both halves of the bitmap.
const FIELDS: &[(u8, &str)] = &[
    (2, "4111111111111111"),
    (3, "000000"),
    (4, "000000010000"),
    (7, "1122083400"),
    (14, "2912"),
    (28, "D00000005"),
    (32, "12345678901"),
    (35, "4111111111111111D2912201"),
    (37, "632608123456"),
    (41, "TERM0001"),
    (43, "ACME STORES          SPRINGFIELD  CA  US"),
    (49, "840"),
    (52, "0123456789ABCDEF"),
    (54, "0001840C000000010000"),
    (55, "9F2608AABBCCDDEEFF0011"),
    (90, "010012345611220834000001234567800000000000"),
    (95, "000000004000000000000000C00000000C00000000"),
    (102, "ACCOUNT 1"),
];

fn main() {
    let mut counted = 0;
    for profile in BUILT_IN.iter().take(5) {
        let mut builder = MessageBuilder::new(profile, Mti::M0100);
        for (number, text) in FIELDS {
            builder.set(*number, text).unwrap();
        }
        let bytes = builder.encode();
        let mut broken = bytes.clone();
        broken.truncate(bytes.len() - 1);
        let mut room = [0; 1_024];
        let mut chip = [0; 255];

        // The instrument counts at all.
        let region = Region::new(ALLOCATOR);
        drop(std::hint::black_box(bytes.clone()));
        assert_eq!(region.change().allocations, 1);

        let region = Region::new(ALLOCATOR);
        let message = decode(profile, &bytes).unwrap();
        assert!(decode(profile, &broken).is_err() && presence::check(&message).is_err());
        std::hint::black_box((salvage(profile, &broken), message.pan(), message.track2()));
        std::hint::black_box((
            message.pin_block(),
            message.original_data(),
            message.location(),
        ));
        std::hint::black_box((message.replacement_amounts(), message.processing_code()));
        let amounts = message.additional_amounts().unwrap().unwrap();
        assert_eq!(amounts.filter(Result::is_ok).count(), 1);
        let elements = message.expose_chip_data(&mut chip).unwrap().unwrap();
        assert_eq!(elements.filter(Result::is_ok).count(), 1);
        let number = message
            .field(4)
            .and_then(|amount: Value<'_>| amount.number());
        assert_eq!(number, Some(10_000));

        let mut encoder = Encoder::new(profile, Mti::M0110, &mut room).unwrap();
        for number in message.present() {
            encoder
                .put_value(number, &message.expose_field(number).unwrap())
                .unwrap();
        }
        assert_eq!(encoder.finish().unwrap().len(), bytes.len());
        let mut encoder = Encoder::new(profile, Mti::M0100, &mut room).unwrap();
        for (number, text) in FIELDS {
            encoder.put(*number, text).unwrap();
        }
        assert_eq!(encoder.finish().unwrap(), bytes);
        let change = region.change();
        assert_eq!(
            (change.allocations, change.reallocations),
            (0, 0),
            "{}",
            profile.name()
        );
        counted += 1;
    }
    println!("{counted} dialects read and written: 0 allocations");
}
