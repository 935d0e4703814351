//! Stand-in by itself. `cargo bench -p fallback` plays everything, `cargo bench -p fallback -- decision` one
//! topic:
//!
//! | topic | what |
//! |---|---|
//! | `decision` | what deciding costs with a million cards known and a million answers kept |
//! | `durable` | decisions per second, durable before answered, beside a raw loop, SQLite and fjall |
//! | `start` | memory of a million cards; opening them; recovery of a million unacknowledged decisions |
//!
//! `durable` and `start` write to a directory that is made and removed, in the one that is named last or in
//! the target directory: on the disk that is to be measured.

mod decision;
mod durable;
mod gathered;
mod start;
mod support;

use std::path::PathBuf;

use support::Failure;

fn main() -> Result<(), Failure> {
    // Cargo adds an option of its own.
    let mut words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let topic = if words.is_empty() {
        "all".to_owned()
    } else {
        words.remove(0)
    };
    let place = words
        .pop()
        .unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").to_owned());
    let place = PathBuf::from(place);
    match topic.as_str() {
        "decision" => decision::measure(),
        "durable" => durable::measure(&place),
        "start" => start::measure(&place),
        "all" => {
            decision::measure()?;
            durable::measure(&place)?;
            start::measure(&place)
        }
        // A process of its own, so that nothing else is in its memory.
        start::PART => start::part(&place, words.first().map_or("", String::as_str)),
        other => Err(format!("{other} is no topic: decision, durable or start").into()),
    }
}
