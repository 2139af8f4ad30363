//! VP_POOL_TYPE of the video port driver, which shares POOL_TYPE's encoding.

use super::{Meaning, pool_type, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "video-pool-type",
    type_name: "VP_POOL_TYPE",
    bits: 32,
    rule: Some(pool_type::rule),
    words,
    constants: &[&TYPES],
    executable: "`VpNonPagedPool` (0) and `VpNonPagedPoolCacheAligned` (4), as far as the video port \
                 driver passes them on",
    advice: "allocate with `ExAllocatePool2`, or pass `VpPagedPool` where paged memory will do",
};

const TYPES: [(&str, u64); 4] = [
    ("VpNonPagedPool", 0),
    ("VpPagedPool", 1),
    ("VpNonPagedPoolCacheAligned", 4),
    ("VpPagedPoolCacheAligned", 5),
];

fn words(value: u64) -> String {
    words::constant(value, &TYPES)
}

#[cfg(test)]
mod tests {
    use crate::{Bits, Role, Ruling};

    #[test]
    fn documented_types() {
        for (value, ruling, text) in [
            (0, Ruling::Executable, "VpNonPagedPool (0)"),
            (1, Ruling::NotExecutable, "VpPagedPool (1)"),
            (4, Ruling::Executable, "VpNonPagedPoolCacheAligned (4)"),
            (5, Ruling::NotExecutable, "VpPagedPoolCacheAligned (5)"),
            (0x200, Ruling::NotExecutable, "0x200"),
        ] {
            assert_eq!(Role::VideoPoolType.rule(Bits::of(value)), ruling, "{value}");
            assert_eq!(Role::VideoPoolType.words(value), text);
        }
    }
}
