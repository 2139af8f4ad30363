//! MEMORY_CACHING_TYPE of MmAllocateContiguousMemorySpecifyCache and its like.

use super::io_space_cache_type::TYPES;
use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "contiguous-cache-type",
    type_name: "MEMORY_CACHING_TYPE",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&TYPES, &[("MmNotMapped", 0xFFFF_FFFF)]],
    executable: "`MmCached` (1), and no other type",
    advice: "call `MmAllocateContiguousNodeMemory` with `PAGE_READWRITE` (Windows 8)",
};

const CACHED: u64 = 1;

const COUNTING: u64 = 0xFFFF_FFFF;

fn rule(value: Bits) -> Ruling {
    let differs = value.ones & COUNTING & !CACHED != 0 || value.zeros & CACHED != 0;
    if differs {
        Ruling::NotExecutable
    } else if (value.ones | value.zeros) & COUNTING == COUNTING {
        Ruling::Executable
    } else {
        Ruling::Undecided
    }
}

fn words(value: u64) -> String {
    if value == COUNTING {
        return "MmNotMapped (-1)".to_owned();
    }
    words::constant(value, &TYPES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cached_memory_is_executable() {
        assert_eq!(rule(Bits::of(1)), Ruling::Executable);
        for value in [0, 2, 3, 4, 5, 6, 0xFFFF_FFFF, 0x101] {
            assert_eq!(rule(Bits::of(value)), Ruling::NotExecutable, "{value:#x}");
        }
    }

    #[test]
    fn known_bits_decide_as_far_as_they_go() {
        // x | 2, x & ~1, x & 1, x | 1.
        assert_eq!(rule(Bits { ones: 2, zeros: 0 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0, zeros: 1 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0, zeros: !1 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 1, zeros: 0 }), Ruling::Undecided);
        // What stands above the 32 bits of the argument may be unknown.
        assert_eq!(rule(Bits { ones: 1, zeros: 0xFFFF_FFFE }), Ruling::Executable);
    }

    #[test]
    fn written_as_in_source() {
        assert_eq!(words(1), "MmCached (1)");
        assert_eq!(words(6), "MmMaximumCacheType (6)");
        assert_eq!(words(0xFFFF_FFFF), "MmNotMapped (-1)");
        assert_eq!(words(7), "7");
    }
}
