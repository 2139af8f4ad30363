//! The interpreter: whatever the code, it ends in its budget, and runs and single steps come to the same.
#![no_main]

#[path = "../../crates/machine/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checks::machine(bytes);
});
