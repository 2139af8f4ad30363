//! Flags of ExInitializeNPagedLookasideList: POOL_TYPE's modifiers without a type.

use super::pool_type::MODIFIERS;
use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "lookaside-flags",
    type_name: "POOL_ flags",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&MODIFIERS],
    executable: "flags without `POOL_NX_ALLOCATION` (0x200)",
    advice: "pass `POOL_NX_ALLOCATION` (0x200) in the flags (Windows 8)",
};

const POOL_NX_ALLOCATION: u64 = 0x200;

fn rule(value: Bits) -> Ruling {
    match value.any(POOL_NX_ALLOCATION) {
        Some(true) => Ruling::NotExecutable,
        Some(false) => Ruling::Executable,
        None => Ruling::Undecided,
    }
}

fn words(value: u64) -> String {
    words::flags(value, &MODIFIERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nx_flag_alone_decides() {
        for (value, ruling) in [
            (0, Ruling::Executable),
            (0x10, Ruling::Executable),
            // The lists are nonpaged whatever bit 0 says.
            (1, Ruling::Executable),
            (0x200, Ruling::NotExecutable),
            (0x210, Ruling::NotExecutable),
        ] {
            assert_eq!(rule(Bits::of(value)), ruling, "{value:#x}");
        }
        assert_eq!(rule(Bits { ones: 0x200, zeros: 0 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0x10, zeros: 0 }), Ruling::Undecided);
    }

    #[test]
    fn written_as_in_source() {
        assert_eq!(words(0), "0");
        assert_eq!(words(0x200), "POOL_NX_ALLOCATION (0x200)");
        assert_eq!(words(0x210), "POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE (0x210)");
    }
}
