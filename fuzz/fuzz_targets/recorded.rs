//! Reports of earlier runs: whatever the bytes, they are read or refused with the place.
#![no_main]

#[path = "../../crates/ringfence/tests/texts/mod.rs"]
#[expect(dead_code, reason = "another target checks settings")]
mod texts;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| texts::recorded(bytes));
