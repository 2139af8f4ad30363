//! HEAP_ flags of RtlCreateHeap.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "heap-flags",
    type_name: "HEAP_ flags",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&NAMES],
    executable: "flags with `HEAP_CREATE_ENABLE_EXECUTE` (0x40000)",
    advice: "leave out `HEAP_CREATE_ENABLE_EXECUTE`",
};

const ENABLE_EXECUTE: u64 = 0x4_0000;

fn rule(value: Bits) -> Ruling {
    match value.any(ENABLE_EXECUTE) {
        Some(true) => Ruling::Executable,
        Some(false) => Ruling::NotExecutable,
        None => Ruling::Undecided,
    }
}

const NAMES: [(&str, u64); 4] = [
    ("HEAP_NO_SERIALIZE", 0x1),
    ("HEAP_GROWABLE", 0x2),
    ("HEAP_GENERATE_EXCEPTIONS", 0x4),
    ("HEAP_CREATE_ENABLE_EXECUTE", ENABLE_EXECUTE),
];

fn words(value: u64) -> String {
    words::flags(value, &NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flag_decides() {
        assert_eq!(rule(Bits::of(0x4_0000)), Ruling::Executable);
        assert_eq!(rule(Bits::of(0x4_0002)), Ruling::Executable);
        assert_eq!(rule(Bits::of(2)), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0x4_0000, zeros: 0 }), Ruling::Executable);
        assert_eq!(rule(Bits { ones: 2, zeros: 0 }), Ruling::Undecided);
    }

    #[test]
    fn written_as_in_source() {
        assert_eq!(words(0x4_0002), "HEAP_GROWABLE | HEAP_CREATE_ENABLE_EXECUTE (0x40002)");
        assert_eq!(words(0), "0");
    }
}
