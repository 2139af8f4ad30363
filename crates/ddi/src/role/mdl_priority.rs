//! MM_PAGE_PRIORITY with MdlMapping bits.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "mdl-priority",
    type_name: "MM_PAGE_PRIORITY",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&PRIORITIES, &MAPPING],
    executable: "every priority without `MdlMappingNoExecute` (0x40000000)",
    advice: "pass `NormalPagePriority | MdlMappingNoExecute` (Windows 8)",
};

const NO_EXECUTE: u64 = 0x4000_0000;

fn rule(value: Bits) -> Ruling {
    match value.any(NO_EXECUTE) {
        Some(true) => Ruling::NotExecutable,
        Some(false) => Ruling::Executable,
        None => Ruling::Undecided,
    }
}

const PRIORITIES: [(&str, u64); 3] =
    [("LowPagePriority", 0), ("NormalPagePriority", 16), ("HighPagePriority", 32)];

const MAPPING: [(&str, u64); 3] = [
    ("MdlMappingWithGuardPtes", 0x2000_0000),
    ("MdlMappingNoExecute", NO_EXECUTE),
    ("MdlMappingNoWrite", 0x8000_0000),
];

fn words(value: u64) -> String {
    let (mapping, priority) = words::taken(value, &MAPPING);
    match words::one_of(priority, &PRIORITIES) {
        Some(name) => words::written(&[&[name], &mapping[..]].concat(), 0, value),
        None => words::written(&mapping, priority, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_30_alone_decides() {
        for value in [0, 0x10, 0x20, 0x8000_0010, 0x2000_0010] {
            assert_eq!(rule(Bits::of(value)), Ruling::Executable, "{value:#x}");
        }
        for value in [0x4000_0010, 0x4000_0020, 0xC000_0010] {
            assert_eq!(rule(Bits::of(value)), Ruling::NotExecutable, "{value:#x}");
        }
        assert_eq!(rule(Bits { ones: 0x4000_0000, zeros: 0 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0x10, zeros: 0 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0, zeros: 0x4000_0000 }), Ruling::Executable);
    }

    #[test]
    fn written_as_in_source() {
        for (value, text) in [
            (0x10, "NormalPagePriority (0x10)"),
            (0x4000_0010, "NormalPagePriority | MdlMappingNoExecute (0x40000010)"),
            (
                0xC000_0020,
                "HighPagePriority | MdlMappingNoExecute | MdlMappingNoWrite (0xc0000020)",
            ),
            (0, "LowPagePriority (0)"),
            (0x4000_0011, "MdlMappingNoExecute | 0x11 (0x40000011)"),
            (0x11, "0x11"),
        ] {
            assert_eq!(words(value), text);
        }
    }
}
