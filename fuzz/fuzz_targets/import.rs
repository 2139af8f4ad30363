//! What Windows said: whatever the bytes, they are read as a text or a dump, or refused with the place.
#![no_main]

#[path = "../../crates/ringfence/tests/texts/mod.rs"]
#[expect(dead_code, reason = "other targets check settings and reports")]
mod texts;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| texts::imported(bytes));
