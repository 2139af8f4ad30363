//! Build files of every format: whatever the text, places are parts of files and changes fit.
#![no_main]

#[path = "../../crates/source/tests/trees/mod.rs"]
mod trees;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| trees::check(bytes));
