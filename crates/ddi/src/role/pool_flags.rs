//! POOL_FLAGS of ExAllocatePool2 and ExAllocatePool3.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "pool-flags",
    type_name: "POOL_FLAGS",
    bits: 64,
    rule: Some(rule),
    words,
    constants: &[&NAMES],
    executable: "flags with `POOL_FLAG_NON_PAGED_EXECUTE` (0x80); without exactly one of 0x40, 0x80 \
                 and 0x100 the call fails",
    advice: "pass `POOL_FLAG_NON_PAGED` (0x40)",
};

const NON_PAGED: u64 = 0x40;
const NON_PAGED_EXECUTE: u64 = 0x80;
const PAGED: u64 = 0x100;

fn rule(value: Bits) -> Ruling {
    match value.any(NON_PAGED_EXECUTE) {
        Some(true) => return Ruling::Executable,
        None => return Ruling::Undecided,
        Some(false) => {}
    }
    // Exactly one pool has to be selected. Where that is unknown, at least nothing is executable.
    match (value.any(NON_PAGED), value.any(PAGED)) {
        (Some(true), Some(true)) | (Some(false), Some(false)) => Ruling::Refused,
        _ => Ruling::NotExecutable,
    }
}

/// The pool first, as it is written in source.
const NAMES: [(&str, u64); 12] = [
    ("POOL_FLAG_NON_PAGED", NON_PAGED),
    ("POOL_FLAG_NON_PAGED_EXECUTE", NON_PAGED_EXECUTE),
    ("POOL_FLAG_PAGED", PAGED),
    ("POOL_FLAG_USE_QUOTA", 0x1),
    ("POOL_FLAG_UNINITIALIZED", 0x2),
    ("POOL_FLAG_SESSION", 0x4),
    ("POOL_FLAG_CACHE_ALIGNED", 0x8),
    ("POOL_FLAG_RESERVED1", 0x10),
    ("POOL_FLAG_RAISE_ON_FAILURE", 0x20),
    ("POOL_FLAG_RESERVED2", 0x200),
    ("POOL_FLAG_RESERVED3", 0x400),
    ("POOL_FLAG_SPECIAL_POOL", 0x1_0000_0000),
];

fn words(value: u64) -> String {
    words::flags(value, &NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_documentation() {
        for (value, ruling) in [
            (0x40, Ruling::NotExecutable),
            (0x42, Ruling::NotExecutable),
            (0x100, Ruling::NotExecutable),
            (0x1_0000_0040, Ruling::NotExecutable),
            (0x80, Ruling::Executable),
            (0x82, Ruling::Executable),
            // Two pools are a bug as well, but the executable one was asked for.
            (0xC0, Ruling::Executable),
            (0x140, Ruling::Refused),
        ] {
            assert_eq!(rule(Bits::of(value)), ruling, "{value:#x}");
        }
    }

    /// NonPagedPool, PagedPool and NonPagedPoolNx select no pool here.
    #[test]
    fn pool_types_are_refused() {
        for value in [0, 1, 512] {
            assert_eq!(rule(Bits::of(value)), Ruling::Refused, "{value}");
        }
    }

    #[test]
    fn known_bits_decide_as_far_as_they_go() {
        assert_eq!(rule(Bits { ones: 0x80, zeros: 0 }), Ruling::Executable);
        assert_eq!(rule(Bits { ones: 0x40, zeros: 0 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0x40, zeros: 0x80 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0, zeros: 0x1C0 }), Ruling::Refused);
    }

    #[test]
    fn written_as_in_source() {
        for (value, text) in [
            (0x40, "POOL_FLAG_NON_PAGED (0x40)"),
            (0x42, "POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED (0x42)"),
            (0x80, "POOL_FLAG_NON_PAGED_EXECUTE (0x80)"),
            (0x200, "POOL_FLAG_RESERVED2 (0x200)"),
            (0x840, "POOL_FLAG_NON_PAGED | 0x800 (0x840)"),
            (0, "0"),
        ] {
            assert_eq!(words(value), text);
        }
    }
}
