//! Any bytes as a stream: the first byte names the framing, the second says how it is chopped.

#![no_main]

#[path = "../../tests/it/framing_invariants.rs"]
mod framing_invariants;

use iso8583::frame::Framing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [framing, chop, stream @ ..] = data else {
        return;
    };
    if let Some(framing) = Framing::ALL.get(usize::from(*framing) % Framing::ALL.len()) {
        framing_invariants::any_stream(*framing, *chop, stream);
    }
});
