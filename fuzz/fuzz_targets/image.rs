//! The image reader: whatever the bytes, what was read can be walked.
#![no_main]

#[path = "../../crates/image/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| checks::walk(bytes));
fuzz_mutator!(|bytes: &mut [u8], length: usize, most: usize, seed: u32| {
    ringfence_fuzz::mutate(bytes, length, most, seed)
});
