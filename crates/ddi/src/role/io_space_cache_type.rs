//! MEMORY_CACHING_TYPE of MmMapIoSpace, of which only the low byte counts.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "io-space-cache-type",
    type_name: "MEMORY_CACHING_TYPE",
    bits: 8,
    rule: Some(rule),
    words,
    constants: &[&TYPES, &[("MmNotMapped", 0xFFFF_FFFF)]],
    executable: "every type below 6 but `MmWriteCombined` (2); from 6 on the call yields NULL. \
                 Microsoft's page of C30029 calls every form of the call executable",
    advice: "call `MmMapIoSpaceEx` with `PAGE_READWRITE` (Windows 10)",
};

/// The types, in the order of their values; also those of contiguous memory.
pub(super) const TYPES: [(&str, u64); 7] = [
    ("MmNonCached", 0),
    ("MmCached", 1),
    ("MmWriteCombined", WRITE_COMBINED),
    ("MmHardwareCoherentCached", 3),
    ("MmNonCachedUnordered", 4),
    ("MmUSWCCached", 5),
    ("MmMaximumCacheType", MAXIMUM),
];

const WRITE_COMBINED: u64 = 2;
const MAXIMUM: u64 = 6;

/// What a whole low byte asks for, as it was observed.
fn observed(value: u64) -> Ruling {
    match value {
        WRITE_COMBINED => Ruling::NotExecutable,
        MAXIMUM.. => Ruling::Refused,
        _ => Ruling::Executable,
    }
}

/// By the page: no form asks for memory that is not executable.
fn by_the_page(value: u64) -> Ruling {
    if value >= MAXIMUM { Ruling::Refused } else { Ruling::Executable }
}

fn rule(value: Bits) -> Ruling {
    unanimous(value, observed)
}

pub(super) fn rule_strictly(value: Bits) -> Ruling {
    unanimous(value, by_the_page)
}

/// What all low bytes that agree with the known bits ask for.
fn unanimous(value: Bits, rule: fn(u64) -> Ruling) -> Ruling {
    let possible = |byte: &u64| value.ones & 0xFF & !byte == 0 && value.zeros & byte == 0;
    let mut rulings = (0..=0xFF_u64).filter(possible).map(rule);
    let first = rulings.next().unwrap_or(Ruling::Undecided);
    rulings.fold(first, |so_far, next| match (so_far, next) {
        (so_far, next) if so_far == next => so_far,
        // No executable memory comes of either.
        (Ruling::NotExecutable | Ruling::Refused, Ruling::NotExecutable | Ruling::Refused) => {
            Ruling::NotExecutable
        }
        _ => Ruling::Undecided,
    })
}

fn words(value: u64) -> String {
    if value == 0xFF {
        return "MmNotMapped (-1)".to_owned();
    }
    words::constant(value, &TYPES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type() {
        for (value, ruling) in [
            (0, Ruling::Executable),
            (1, Ruling::Executable),
            (2, Ruling::NotExecutable),
            (3, Ruling::Executable),
            (4, Ruling::Executable),
            (5, Ruling::Executable),
            (6, Ruling::Refused),
            (0xFF, Ruling::Refused),
            (0x7700, Ruling::Executable),
            (0x7702, Ruling::NotExecutable),
        ] {
            assert_eq!(rule(Bits::of(value)), ruling, "{value:#x}");
        }
    }

    #[test]
    fn the_page_is_stricter_about_write_combined() {
        for value in 0..6 {
            assert_eq!(rule_strictly(Bits::of(value)), Ruling::Executable, "{value}");
        }
        assert_eq!(rule_strictly(Bits::of(6)), Ruling::Refused);
    }

    #[test]
    fn known_bits_decide_as_far_as_they_go() {
        // x & 1, x & 2, x | 8, x | 2 with the other bits of the byte below 8 clear.
        assert_eq!(rule(Bits { ones: 0, zeros: !1 }), Ruling::Executable);
        assert_eq!(rule(Bits { ones: 0, zeros: !2 }), Ruling::Undecided);
        assert_eq!(rule_strictly(Bits { ones: 0, zeros: !2 }), Ruling::Executable);
        assert_eq!(rule(Bits { ones: 8, zeros: 0 }), Ruling::Refused);
        // 2 or 6: not mapped at all, or not executable.
        assert_eq!(rule(Bits { ones: 2, zeros: !6 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0, zeros: !0xFF }), Ruling::Undecided);
    }

    #[test]
    fn written_as_in_source() {
        assert_eq!(words(0), "MmNonCached (0)");
        assert_eq!(words(2), "MmWriteCombined (2)");
        assert_eq!(words(0xFF), "MmNotMapped (-1)");
        assert_eq!(words(0x20), "0x20");
    }
}
