//! Small trees of sources and build files: findings stand in them, fixes fit, and what is mended can be looked at again.
#![no_main]

#[expect(dead_code, reason = "what holds of code that is understood is tested elsewhere")]
#[path = "../../crates/ringfence/tests/sources/mod.rs"]
mod sources;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sources::check_whatever(bytes));
