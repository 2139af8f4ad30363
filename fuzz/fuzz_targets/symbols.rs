//! The PDB reader: whatever the bytes, every place can be asked for.
#![no_main]

#[path = "../../crates/symbols/tests/checks/mod.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;
use ringfence_image::CodeView;

fuzz_target!(|bytes: &[u8]| {
    // The identity that the file has itself, so that it is read further.
    let itself = checks::identity(bytes);
    checks::check(bytes, &CodeView { guid: itself.guid, age: itself.age, path: b"" });
});
