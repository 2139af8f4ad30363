//! The rules, the verdict and the reports: whatever the bytes, the answer holds together.
#![no_main]

#[path = "../../crates/ringfence/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ringfence::report::Format;

fuzz_target!(|bytes: &[u8]| {
    // Writing all reports takes ten times as long as examining; each input gets one of them.
    let sum: usize = bytes.iter().map(|&byte| usize::from(byte)).sum();
    checks::judge(bytes, &[Format::ALL[sum % Format::ALL.len()]]);
});
fuzz_mutator!(|bytes: &mut [u8], length: usize, most: usize, seed: u32| {
    ringfence_fuzz::mutate(bytes, length, most, seed)
});
