//! From the POOL_TYPE of older functions to the POOL_FLAGS of ExAllocatePool2.

/// The bits of POOL_TYPE that say more than which pool.
const QUOTA_FAIL_INSTEAD_OF_RAISE: u64 = 0x8;
const RAISE_IF_ALLOCATION_FAILURE: u64 = 0x10;
const COLD_ALLOCATION: u64 = 0x100;
const NX_ALLOCATION: u64 = 0x200;
const ZERO_ALLOCATION: u64 = 0x400;
/// And those that say which.
const PAGED: u64 = 0x1;
const MUST_SUCCEED: u64 = 0x2;
const CACHE_ALIGNED: u64 = 0x4;
const SESSION: u64 = 0x20;

/// What becomes of a pool type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolFlags {
    /// The flags, joined by `|`.
    pub(crate) written: String,
    /// Whether a hint is lost that no flag stands for.
    pub(crate) loses_hint: bool,
}

/// How an older function allocates beside what its POOL_TYPE says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// It charges a quota, and raises an exception where it fails, unless told otherwise.
    pub(crate) by_quota: bool,
    /// It fills the memory with zeros.
    pub(crate) zeroes: bool,
}

/// The flags by which ExAllocatePool2 does what an older function does with `pool_type`; none where there are none.
pub(crate) fn of_call(pool_type: u64, manner: Manner) -> Option<PoolFlags> {
    let mut names = pools(pool_type)?;
    let has = |bit: u64| pool_type & bit != 0;
    let raises =
        has(RAISE_IF_ALLOCATION_FAILURE) || manner.by_quota && !has(QUOTA_FAIL_INSTEAD_OF_RAISE);
    let more = [
        (manner.by_quota, "POOL_FLAG_USE_QUOTA"),
        (raises, "POOL_FLAG_RAISE_ON_FAILURE"),
        (!manner.zeroes && !has(ZERO_ALLOCATION), "POOL_FLAG_UNINITIALIZED"),
    ];
    names.extend(more.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name));
    Some(PoolFlags { written: names.join(" | "), loses_hint: has(COLD_ALLOCATION) })
}

/// The flags that select the pool that a type without other bits names.
pub(crate) fn of_type(pool_type: u64) -> Option<String> {
    const BEYOND: u64 = QUOTA_FAIL_INSTEAD_OF_RAISE
        | RAISE_IF_ALLOCATION_FAILURE
        | COLD_ALLOCATION
        | ZERO_ALLOCATION;
    (pool_type & BEYOND == 0).then(|| pools(pool_type)).flatten().map(|names| names.join(" | "))
}

fn pools(pool_type: u64) -> Option<Vec<&'static str>> {
    const KNOWN: u64 = PAGED
        | CACHE_ALIGNED
        | QUOTA_FAIL_INSTEAD_OF_RAISE
        | RAISE_IF_ALLOCATION_FAILURE
        | SESSION
        | COLD_ALLOCATION
        | NX_ALLOCATION
        | ZERO_ALLOCATION;
    // A request that must succeed has no successor.
    if pool_type & !KNOWN != 0 || pool_type & MUST_SUCCEED != 0 {
        return None;
    }
    let pool = if pool_type & PAGED != 0 { "POOL_FLAG_PAGED" } else { "POOL_FLAG_NON_PAGED" };
    let mut names = vec![pool];
    if pool_type & SESSION != 0 {
        names.push("POOL_FLAG_SESSION");
    }
    if pool_type & CACHE_ALIGNED != 0 {
        names.push("POOL_FLAG_CACHE_ALIGNED");
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages of POOL_TYPE and POOL_FLAGS.
    #[test]
    fn types_select_pools() {
        for (pool_type, flags) in [
            (0, Some("POOL_FLAG_NON_PAGED")),
            (0x200, Some("POOL_FLAG_NON_PAGED")),
            (1, Some("POOL_FLAG_PAGED")),
            (0x204, Some("POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED")),
            (5, Some("POOL_FLAG_PAGED | POOL_FLAG_CACHE_ALIGNED")),
            (0x220, Some("POOL_FLAG_NON_PAGED | POOL_FLAG_SESSION")),
            (2, None),
            (7, None),
            (0x400, None),
            (0x1000, None),
        ] {
            assert_eq!(of_type(pool_type).as_deref(), flags, "{pool_type:#x}");
        }
    }

    /// The page about updating deprecated calls: what failed by an exception does so, what was not zeroed is not.
    #[test]
    fn calls_keep_what_they_do() {
        let of = |pool_type, by_quota, zeroes| {
            let flags = of_call(pool_type, Manner { by_quota, zeroes }).unwrap();
            (flags.written.replace("POOL_FLAG_", ""), flags.loses_hint)
        };
        let told = |flags: &str, hint| (flags.to_owned(), hint);
        assert_eq!(of(0, false, false), told("NON_PAGED | UNINITIALIZED", false));
        assert_eq!(of(0x400, false, false), told("NON_PAGED", false));
        assert_eq!(of(0x10, false, true), told("NON_PAGED | RAISE_ON_FAILURE", false));
        assert_eq!(of(0, true, true), told("NON_PAGED | USE_QUOTA | RAISE_ON_FAILURE", false));
        assert_eq!(of(8, true, true), told("NON_PAGED | USE_QUOTA", false));
        assert_eq!(of(0x100, false, true), told("NON_PAGED", true));
        assert_eq!(of_call(2, Manner::default()), None);
    }
}
