//! PAGE_ constants.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "page-protection",
    type_name: "PAGE_ protection",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&NAMES],
    executable: "every `PAGE_EXECUTE` protection (mask 0xF0); `PAGE_EXECUTE_READWRITE` and \
                 `PAGE_EXECUTE_WRITECOPY` (mask 0xC0) are writable as well, which is worse",
    advice: "pass `PAGE_READWRITE` or `PAGE_READONLY`",
};

/// Driver Verifier's own mask: PAGE_EXECUTE, and with reading, writing, copying on write.
const EXECUTE: u64 = 0xF0;

/// PAGE_EXECUTE_READWRITE and PAGE_EXECUTE_WRITECOPY.
const WRITE_EXECUTE: u64 = 0xC0;

fn rule(value: Bits) -> Ruling {
    match (value.any(WRITE_EXECUTE), value.any(EXECUTE)) {
        (Some(true), _) => Ruling::WritableExecutable,
        (_, Some(true)) => Ruling::Executable,
        (_, Some(false)) => Ruling::NotExecutable,
        (_, None) => Ruling::Undecided,
    }
}

const NAMES: [(&str, u64); 11] = [
    ("PAGE_NOACCESS", 0x1),
    ("PAGE_READONLY", 0x2),
    ("PAGE_READWRITE", 0x4),
    ("PAGE_WRITECOPY", 0x8),
    ("PAGE_EXECUTE", 0x10),
    ("PAGE_EXECUTE_READ", 0x20),
    ("PAGE_EXECUTE_READWRITE", 0x40),
    ("PAGE_EXECUTE_WRITECOPY", 0x80),
    ("PAGE_GUARD", 0x100),
    ("PAGE_NOCACHE", 0x200),
    ("PAGE_WRITECOMBINE", 0x400),
];

fn words(value: u64) -> String {
    words::flags(value, &NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_the_header() {
        for (value, ruling) in [
            (0x1, Ruling::NotExecutable),
            (0x2, Ruling::NotExecutable),
            (0x4, Ruling::NotExecutable),
            (0x8, Ruling::NotExecutable),
            (0x10, Ruling::Executable),
            (0x20, Ruling::Executable),
            (0x40, Ruling::WritableExecutable),
            (0x80, Ruling::WritableExecutable),
            (0x204, Ruling::NotExecutable),
            (0x404, Ruling::NotExecutable),
            (0x104, Ruling::NotExecutable),
            (0x240, Ruling::WritableExecutable),
        ] {
            assert_eq!(rule(Bits::of(value)), ruling, "{value:#x}");
        }
    }

    #[test]
    fn known_bits_decide_as_far_as_they_go() {
        assert_eq!(rule(Bits { ones: 0x40, zeros: 0 }), Ruling::WritableExecutable);
        // At least executable; perhaps writable too.
        assert_eq!(rule(Bits { ones: 0x20, zeros: 0 }), Ruling::Executable);
        assert_eq!(rule(Bits { ones: 0x204, zeros: 0 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0, zeros: 0xC0 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0, zeros: 0xF0 }), Ruling::NotExecutable);
    }

    #[test]
    fn written_as_in_source() {
        assert_eq!(words(0x204), "PAGE_READWRITE | PAGE_NOCACHE (0x204)");
        assert_eq!(words(0x40), "PAGE_EXECUTE_READWRITE (0x40)");
        assert_eq!(words(0x1004), "PAGE_READWRITE | 0x1000 (0x1004)");
        assert_eq!(words(0), "0");
    }
}
