//! Small trees of sources and build files: findings stand in them, fixes fit, add nothing and come to an end.
#![no_main]

#[path = "../../crates/ringfence/tests/sources/mod.rs"]
mod sources;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sources::check(bytes));
