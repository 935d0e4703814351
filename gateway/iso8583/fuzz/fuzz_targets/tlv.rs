//! Any bytes as chip data.

#![no_main]

#[path = "../../tests/it/chip_invariants.rs"]
mod chip_invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chip_invariants::any_chip_data(data));
