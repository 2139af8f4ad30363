//! The answer holds together whatever the bytes: no rule panics, no report breaks.

mod checks;

use ringfence::report::Format;
use ringfence_fixture::{malformed, variants};

#[test]
fn malformed_images_are_judged() {
    for (name, bytes) in malformed() {
        println!("{name}");
        checks::judge(&bytes, &Format::ALL);
    }
}

/// Every word of the headers, replaced by what is hard to add up.
#[test]
fn headers_that_are_extreme() {
    for (name, bytes) in variants().into_iter().filter(|(name, _)| *name == "full") {
        println!("{name}");
        for at in (0x3C..0x400).step_by(4) {
            for word in [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF8, u32::MAX] {
                let mut bent = bytes.clone();
                bent[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
                checks::judge(&bent, &[Format::Full]);
            }
        }
    }
}
