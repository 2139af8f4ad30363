//! The machine-code survey: whatever the code, what was found holds together.
#![no_main]

#[path = "../../crates/code/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checks::code(bytes);
});
