//! POOL_TYPE: bits 0 (paged) and 9 (NX) decide, and nothing else.

use super::{Meaning, Ruling, words};
use crate::Bits;

pub(super) static MEANING: Meaning = Meaning {
    name: "pool-type",
    type_name: "POOL_TYPE",
    bits: 32,
    rule: Some(rule),
    words,
    constants: &[&TYPES, &OTHER_NAMES, &MODIFIERS],
    executable: "every type with bits 0 and 9 (0x200) clear, such as `NonPagedPool` (0) and \
                 `NonPagedPoolCacheAligned` (4); paged types are not on x64 and ARM64",
    advice: "pass `NonPagedPoolNx` (Windows 8)",
};

/// PagedPool, and with it the odd types: never executable on 64-bit Windows.
const PAGED: u64 = 0x1;

/// POOL_NX_ALLOCATION.
const NX: u64 = 0x200;

/// Driver Verifier's own test. A list of executable types would miss types with modifiers.
pub(super) fn rule(value: Bits) -> Ruling {
    match value.any(PAGED | NX) {
        Some(true) => Ruling::NotExecutable,
        Some(false) => Ruling::Executable,
        None => Ruling::Undecided,
    }
}

/// The bits that name a type; the others modify it.
const TYPE: u64 = 0x227;

const TYPES: [(&str, u64); 18] = [
    ("NonPagedPool", 0x0),
    ("PagedPool", 0x1),
    ("NonPagedPoolMustSucceed", 0x2),
    ("DontUseThisType", 0x3),
    ("NonPagedPoolCacheAligned", 0x4),
    ("PagedPoolCacheAligned", 0x5),
    ("NonPagedPoolCacheAlignedMustS", 0x6),
    ("MaxPoolType", 0x7),
    ("NonPagedPoolSession", 0x20),
    ("PagedPoolSession", 0x21),
    ("NonPagedPoolMustSucceedSession", 0x22),
    ("DontUseThisTypeSession", 0x23),
    ("NonPagedPoolCacheAlignedSession", 0x24),
    ("PagedPoolCacheAlignedSession", 0x25),
    ("NonPagedPoolCacheAlignedMustSSession", 0x26),
    ("NonPagedPoolNx", 0x200),
    ("NonPagedPoolNxCacheAligned", 0x204),
    ("NonPagedPoolSessionNx", 0x220),
];

/// Further names of the same types.
const OTHER_NAMES: [(&str, u64); 5] = [
    ("NonPagedPoolExecute", 0x0),
    ("NonPagedPoolBase", 0x0),
    ("NonPagedPoolBaseMustSucceed", 0x2),
    ("NonPagedPoolBaseCacheAligned", 0x4),
    ("NonPagedPoolBaseCacheAlignedMustS", 0x6),
];

pub(super) const MODIFIERS: [(&str, u64); 5] = [
    ("POOL_NX_ALLOCATION", NX),
    ("POOL_QUOTA_FAIL_INSTEAD_OF_RAISE", 0x8),
    ("POOL_RAISE_IF_ALLOCATION_FAILURE", 0x10),
    ("POOL_COLD_ALLOCATION", 0x100),
    ("POOL_ZERO_ALLOCATION", 0x400),
];

fn words(value: u64) -> String {
    let whole = words::one_of(value & TYPE, &TYPES).map(|name| (name, value & TYPE));
    // A type that has no NX form of its own can still carry the bit.
    let without_nx = || {
        let name = words::one_of(value & TYPE & !NX, &TYPES)?;
        Some((name, value & TYPE & !NX))
    };
    let Some((name, bits)) = whole.or_else(without_nx) else {
        return words::flags(value, &MODIFIERS);
    };
    let (modifiers, rest) = words::taken(value & !bits, &MODIFIERS);
    words::written(&[&[name], &modifiers[..]].concat(), rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The types of wdm.h and whether they are executable on x64 and ARM64.
    #[test]
    fn every_type_of_the_header() {
        let executable = [0x000, 0x002, 0x004, 0x006, 0x020, 0x022, 0x024, 0x026];
        let not = [
            0x001, 0x003, 0x005, 0x021, 0x023, 0x025, // paged
            0x200, 0x204, 0x220, // NX
        ];
        for value in executable {
            assert_eq!(rule(Bits::of(value)), Ruling::Executable, "{value:#x}");
        }
        for value in not {
            assert_eq!(rule(Bits::of(value)), Ruling::NotExecutable, "{value:#x}");
        }
    }

    #[test]
    fn modifiers_do_not_decide() {
        for value in [0x008, 0x010, 0x080, 0x100, 0x400] {
            assert_eq!(rule(Bits::of(value)), Ruling::Executable, "{value:#x}");
            assert_eq!(rule(Bits::of(value | 0x200)), Ruling::NotExecutable, "{value:#x}");
        }
        for value in [0x401, 0x411, 0x600, 0x614, 0x201] {
            assert_eq!(rule(Bits::of(value)), Ruling::NotExecutable, "{value:#x}");
        }
    }

    #[test]
    fn known_bits_decide_as_far_as_they_go() {
        // x | 0x200, x | 1, x | 0x10, x & ~1, x & ~0x201.
        assert_eq!(rule(Bits { ones: 0x200, zeros: 0 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0x1, zeros: 0 }), Ruling::NotExecutable);
        assert_eq!(rule(Bits { ones: 0x10, zeros: 0 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0, zeros: 0x1 }), Ruling::Undecided);
        assert_eq!(rule(Bits { ones: 0, zeros: 0x201 }), Ruling::Executable);
    }

    #[test]
    fn written_as_in_source() {
        for (value, text) in [
            (0x0, "NonPagedPool (0)"),
            (0x1, "PagedPool (1)"),
            (0x200, "NonPagedPoolNx (0x200)"),
            (0x10, "NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE (0x10)"),
            (0x401, "PagedPool | POOL_ZERO_ALLOCATION (0x401)"),
            (0x201, "PagedPool | POOL_NX_ALLOCATION (0x201)"),
            (0x220, "NonPagedPoolSessionNx (0x220)"),
            (
                0x614,
                "NonPagedPoolNxCacheAligned | POOL_RAISE_IF_ALLOCATION_FAILURE | \
                 POOL_ZERO_ALLOCATION (0x614)",
            ),
            (0x1080, "NonPagedPool | 0x1080 (0x1080)"),
            (0x27, "0x27"),
        ] {
            assert_eq!(words(value), text);
        }
    }
}
