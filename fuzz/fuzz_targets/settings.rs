//! Settings files: whatever the text, each setting or what is wrong has its place.
#![no_main]

#[path = "../../crates/ringfence/tests/texts/mod.rs"]
#[expect(dead_code, reason = "another target checks reports")]
mod texts;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| texts::settings(text));
