//! ExAllocatePool2 in place of the functions before it, with the same effect.

use crate::Source;
use crate::source::pool_flags::{self, Manner};
use crate::source::{
    Mend, all_have_pool2, edit, fix, inserted, own_name, stands_in_argument, terms,
};
use ringfence_finding::Fix;
use ringfence_source::{SourceArgument, SourceCall};

/// The tag by which the kit's headers make ExAllocatePoolWithTag of ExAllocatePool.
const TAG_OF_THE_KIT: &str = "' kdD'";

/// What the functions do that ExAllocatePool2 succeeds; those with a priority are succeeded by ExAllocatePool3.
const OLDER: [(&str, Manner); 8] = [
    ("ExAllocatePool", Manner { by_quota: false, zeroes: false }),
    ("ExAllocatePoolWithTag", Manner { by_quota: false, zeroes: false }),
    ("ExAllocatePoolUninitialized", Manner { by_quota: false, zeroes: false }),
    ("ExAllocatePoolZero", Manner { by_quota: false, zeroes: true }),
    ("ExAllocatePoolWithQuota", Manner { by_quota: true, zeroes: false }),
    ("ExAllocatePoolWithQuotaTag", Manner { by_quota: true, zeroes: false }),
    ("ExAllocatePoolQuotaUninitialized", Manner { by_quota: true, zeroes: false }),
    ("ExAllocatePoolQuotaZero", Manner { by_quota: true, zeroes: true }),
];

/// Calls ExAllocatePool2, where all targets have it and the call stands as such. It is safe where nothing else can come of
/// it: the new function fails for a tag of 0 and takes no size of 0.
pub(super) fn by_pool2(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let (_, manner) = OLDER.iter().find(|(name, _)| *name == call.ddi.name)?;
    if !all_have_pool2(source) {
        return None;
    }
    let name = own_name(source, call)?;
    let (_, pool_type) = call.deciding()?;
    let flags = pool_flags::of_call(pool_type.value.constant()?, *manner)?;
    let mut edits = vec![
        edit(source, name, "ExAllocatePool2"),
        edit(source, pool_type.span?, flags.written.clone()),
    ];
    let size = call.named("NumberOfBytes")?;
    let tag = call.named("Tag");
    if tag.is_none() {
        let size = size.span?;
        edits.push(inserted(source, size, size.end, format!(", {TAG_OF_THE_KIT}")));
    }
    let by_name = terms(call).any(|term| &*term.name == "NonPagedPoolExecute");
    let doubt = if by_name {
        Some("the type asks for executable memory by name, so code may be kept there")
    } else if flags.loses_hint {
        Some("the hint POOL_COLD_ALLOCATION is lost, for which there is no flag")
    } else if tag.is_none() {
        Some("the tag is the one of the kit's headers; one of the driver's own is better")
    } else if !tag.is_some_and(is_not_zero) {
        Some("the new function fails where the tag is 0")
    } else if !is_not_zero(size) && !is_size_of(source, size) {
        Some("the new function takes no size of 0, for which the old one gave memory")
    } else if !stands_in_argument(call) {
        Some("the pool type is chosen elsewhere, and what holds it may be left without a use")
    } else {
        None
    };
    let title = format!("call `ExAllocatePool2` with `{}`", flags.written);
    fix(title, doubt.map_or(Mend::Safe, Mend::Unsafe), edits)
}

/// Whether an argument is known and not 0, whatever path is taken.
fn is_not_zero(argument: &SourceArgument) -> bool {
    let mut choices = argument.value.choices.iter();
    choices.all(|choice| choice.bits.constant().is_some_and(|value| value != 0))
}

/// Whether an argument is the size of something and nothing more.
fn is_size_of(source: &Source<'_>, argument: &SourceArgument) -> bool {
    let text = argument.span.map_or("", |span| source.tree.text(span));
    let of = text.strip_prefix("sizeof").map(str::trim_start);
    let inner = of.and_then(|of| of.strip_prefix('(')).and_then(|of| of.strip_suffix(')'));
    inner.is_some_and(|inner| !inner.contains(['(', ')']))
}

#[cfg(test)]
mod tests {
    use crate::source::tests::findings_of;
    use ringfence_finding::{Safety, Targets};

    const WINDOWS_10_2004: u32 = 19041;

    /// What the other fix makes of a call, and why it is not safe.
    fn succeeded(call: &str, targets: Targets) -> Option<(String, Option<String>)> {
        let text = format!("#include <wdm.h>\nvoid F(int n) {{ p = {call}; }}");
        let findings = findings_of(&[("a.c", &text)], targets);
        let fix = findings[0].other_fixes.first()?;
        let mut made = text.clone();
        for edit in fix.edits.iter().rev() {
            made.replace_range(edit.start..edit.end, &edit.replacement);
        }
        assert_eq!(fix.because.is_none(), fix.safety == Safety::Safe);
        let made = made.split_once("p = ").unwrap().1.trim_end_matches("; }").to_owned();
        Some((made, fix.because.clone()))
    }

    fn new(call: &str) -> Option<(String, bool)> {
        let (made, because) = succeeded(call, Targets::since(WINDOWS_10_2004))?;
        Some((made, because.is_none()))
    }

    /// The page about updating deprecated calls of ExAllocatePool.
    #[test]
    fn calls_keep_what_they_do() {
        for (before, after, safe) in [
            (
                "ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD')",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, 64, 'ksiD')",
                true,
            ),
            (
                "ExAllocatePoolZero(NonPagedPool, sizeof(THING), 'ksiD')",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(THING), 'ksiD')",
                true,
            ),
            (
                "ExAllocatePoolZero(NonPagedPoolCacheAligned, n, 'ksiD')",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED, n, 'ksiD')",
                false,
            ),
            (
                "ExAllocatePoolZero(NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE, 1, 0)",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_RAISE_ON_FAILURE, 1, 0)",
                false,
            ),
            (
                "ExAllocatePoolWithQuotaTag(NonPagedPool, 1, 'a')",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_USE_QUOTA | POOL_FLAG_RAISE_ON_FAILURE | \
                 POOL_FLAG_UNINITIALIZED, 1, 'a')",
                true,
            ),
            (
                "ExAllocatePoolQuotaZero(NonPagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 1, 'a')",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_USE_QUOTA, 1, 'a')",
                true,
            ),
            (
                "ExAllocatePool(NonPagedPoolSession, 8)",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_SESSION | POOL_FLAG_UNINITIALIZED, 8, ' kdD')",
                false,
            ),
        ] {
            assert_eq!(new(before), Some((after.to_owned(), safe)));
        }
    }

    #[test]
    fn what_has_no_successor_is_left() {
        for call in [
            "ExAllocatePoolWithTag(NonPagedPoolMustSucceed, 1, 'a')",
            "ExAllocatePoolPriorityZero(NonPagedPool, 1, 'a', LowPoolPriority)",
            "FsRtlAllocatePool(NonPagedPool, 1)",
            "ExAllocatePoolWithTag(n ? NonPagedPool : PagedPool, 1, 'a')",
        ] {
            assert_eq!(new(call), None, "{call}");
        }
        let call = "ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD')";
        assert_eq!(succeeded(call, Targets::DEFAULT), None, "some targets lack ExAllocatePool2");
    }
}
