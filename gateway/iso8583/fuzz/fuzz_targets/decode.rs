//! Any bytes, in the dialect that the first of them names.

#![no_main]

#[path = "../../tests/it/invariants.rs"]
mod invariants;

use iso8583::profile::BUILT_IN;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((dialect, bytes)) = data.split_first() else {
        return;
    };
    if let Some(profile) = BUILT_IN.get(usize::from(*dialect) % BUILT_IN.len()) {
        invariants::any_bytes(profile, bytes);
    }
});
