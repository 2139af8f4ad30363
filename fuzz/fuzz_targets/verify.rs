//! Runs of any bytes as a driver: an end within the budget, told in a way that holds together.
#![no_main]

#[path = "../../crates/verifier/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    checks::verify(bytes);
});
fuzz_mutator!(|bytes: &mut [u8], length: usize, most: usize, seed: u32| {
    ringfence_fuzz::mutate(bytes, length, most, seed)
});
