//! One run, one machine, one message: this crate beside `iso_8583_rs`, and the dialects beside one
//! another.
//!
//! `cargo bench -p iso8583` prints nanoseconds and ratios. All subjects take turns in short rounds,
//! and the fastest round of each counts: whatever else the machine did has slowed the others.

use std::hint::black_box;
use std::time::Instant;

use iso_8583_rs::{Builder, CompiledSpec};
use iso8583::profile::{ASCII_BINARY, ASCII_HEX, BASE1, BCD, EBCDIC};
use iso8583::{EncodeError, Encoder, MessageBuilder, Mti, Profile, decode};

#[path = "../tests/it/sample.rs"]
mod sample;

use sample::REQUEST_FIELDS as FIELDS;

/// For the peer, whose specification is a file: the same lengths and classes.
const PEER_SPEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer_spec.yml");

const ROUNDS: usize = 400;
const CALLS: u32 = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec = CompiledSpec::from_file(PEER_SPEC)?;
    let ascii = bytes_of(&ASCII_HEX)?;
    assert_eq!(ascii, sample::REQUEST.as_bytes());
    let peer = iso_8583_rs::Message::parse(&spec, &ascii).map_err(|error| format!("{error:?}"))?;
    for (number, text) in FIELDS {
        assert_eq!(peer.get(number.into()), Some(text.as_bytes()));
    }

    let dialects = [&ASCII_HEX, &ASCII_BINARY, &BCD, &EBCDIC, &BASE1];
    let mut messages = Vec::new();
    for profile in dialects {
        messages.push((profile, bytes_of(profile)?));
    }
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    subjects.push((
        "decode  iso_8583_rs, strict".into(),
        Box::new(|| {
            black_box(&iso_8583_rs::Message::parse(&spec, black_box(&ascii)));
        }),
    ));
    for (profile, bytes) in &messages {
        let call = || {
            black_box(&decode(profile, black_box(bytes)));
        };
        subjects.push((format!("decode  {}", profile.name()), Box::new(call)));
    }
    subjects.push((
        "encode  iso_8583_rs".into(),
        Box::new(|| peer_encode(&spec)),
    ));
    for (profile, _) in &messages {
        subjects.push((
            format!("encode  {}", profile.name()),
            Box::new(|| encode(profile)),
        ));
    }
    print(&measure(&mut subjects));
    Ok(())
}

/// What is measured, and how it is called.
type Subject<'a> = (String, Box<dyn FnMut() + 'a>);

fn measure(subjects: &mut [Subject<'_>]) -> Vec<(String, f64)> {
    let mut best = vec![f64::INFINITY; subjects.len()];
    for _ in 0..ROUNDS {
        for ((_, call), best) in subjects.iter_mut().zip(&mut best) {
            #[expect(clippy::disallowed_methods, reason = "a bench measures")]
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            let nanos = start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS);
            *best = best.min(nanos);
        }
    }
    subjects
        .iter()
        .map(|(name, _)| name.clone())
        .zip(best)
        .collect()
}

/// Each line with its ratio to the peer and to our own ASCII.
fn print(results: &[(String, f64)]) {
    println!(
        "{:<30}{:>8}  {:>12}  {:>12}",
        "", "ns", "to the peer", "to ascii-hex"
    );
    for group in results.chunk_by(|a, b| a.0.get(..6) == b.0.get(..6)) {
        let [(_, peer), (_, own), ..] = group else {
            continue;
        };
        for (name, nanos) in group {
            println!(
                "{name:<30}{nanos:>8.1}  {:>12.2}  {:>12.2}",
                nanos / peer,
                nanos / own
            );
        }
    }
}

/// Field 22 has four digits in one dialect.
fn value_of(profile: &Profile, number: u8, text: &'static str) -> &'static str {
    if number == 22 && profile.name() == "base1" {
        "0510"
    } else {
        text
    }
}

fn bytes_of(profile: &Profile) -> Result<Vec<u8>, EncodeError> {
    let mut message = MessageBuilder::new(profile, Mti::M0100);
    for (number, text) in FIELDS {
        message.set(number, value_of(profile, number, text))?;
    }
    Ok(message.encode())
}

fn encode(profile: &Profile) {
    let mut room = [0; 300];
    let encoded = Encoder::new(profile, Mti::M0100, &mut room).and_then(|mut message| {
        for (number, text) in FIELDS {
            message.put(number, black_box(value_of(profile, number, text)))?;
        }
        message.finish().map(<[u8]>::len)
    });
    let _ = black_box(encoded);
}

fn peer_encode(spec: &CompiledSpec) {
    let mut room = [0; 300];
    let encoded = Builder::new(spec, b"0100").and_then(|mut message| {
        for (number, text) in FIELDS {
            message.set(number.into(), black_box(text).as_bytes())?;
        }
        message.pack_to_slice(&mut room)
    });
    let _ = black_box(encoded);
}
