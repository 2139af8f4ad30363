//! Fixes at calls of wrappers that look at what they are passed: with another value they may do something else.

use super::{Source, contains};
use ringfence_finding::{Fix, Safety, SourceEdit, SourceFinding};
use ringfence_source::{LookedAt, SourceCall, Span};

/// Why a person should look at it.
const LOOKED_AT: &str = "what is called does more with the value than to pass it on";

/// Lets no fix be safe that changes what a wrapper or macro looks at; none is made where the spelling matters.
pub(super) fn look_at(call: &SourceCall, findings: &mut [SourceFinding], source: &Source<'_>) {
    if call.looked_at == LookedAt::No {
        return;
    }
    let is_away = |edit: &SourceEdit| {
        let file = source.tree.at(&edit.path);
        !file.is_some_and(|file| {
            contains(call.innermost, Span::new(file, edit.start..edit.end))
                && call.innermost != call.span
        })
    };
    let changes = |fix: &Fix| fix.edits.iter().any(is_away);
    for finding in findings {
        if call.looked_at == LookedAt::Spelling {
            finding.other_fixes.retain(|fix| !changes(fix));
            if finding.fix.as_ref().is_some_and(changes) {
                let is_other = !finding.other_fixes.is_empty();
                finding.fix = is_other.then(|| finding.other_fixes.remove(0));
            }
            continue;
        }
        let fixes = finding.fix.iter_mut().chain(&mut finding.other_fixes);
        fixes.filter(|fix| changes(fix)).for_each(doubt);
    }
}

/// Lets no fix be safe that makes an edit of one that changes what is looked at.
pub(super) fn spread(findings: &mut [SourceFinding]) {
    let fixes = |finding: &SourceFinding| {
        finding.fix.iter().chain(&finding.other_fixes).cloned().collect::<Vec<Fix>>()
    };
    let is_doubted = |fix: &Fix| fix.because.as_deref() == Some(LOOKED_AT);
    let doubted: Vec<SourceEdit> =
        findings.iter().flat_map(fixes).filter(is_doubted).flat_map(|fix| fix.edits).collect();
    if doubted.is_empty() {
        return;
    }
    for finding in findings {
        let fixes = finding.fix.iter_mut().chain(&mut finding.other_fixes);
        fixes.filter(|fix| fix.edits.iter().any(|edit| doubted.contains(edit))).for_each(doubt);
    }
}

fn doubt(fix: &mut Fix) {
    if fix.safety == Safety::Safe {
        fix.safety = Safety::Unsafe;
        fix.because = Some(LOOKED_AT.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use crate::source::tests::findings_of;
    use ringfence_finding::{Safety, Targets};

    /// Whether the first fix of each finding in a file is safe; none where there is none.
    fn safe(code: &str) -> Vec<Option<bool>> {
        let text = format!("#include <ntddk.h>\n{code}");
        let found = findings_of(&[("a.c", &text)], Targets::DEFAULT);
        let is_safe = |fix: &ringfence_finding::Fix| fix.safety == Safety::Safe;
        found.iter().map(|one| one.fix.as_ref().map(is_safe)).collect()
    }

    #[test]
    fn what_a_wrapper_looks_at_is_for_a_person() {
        for (code, expected) in [
            (
                "PVOID W(POOL_TYPE t, SIZE_T n) { switch (t) { case NonPagedPool: case PagedPool: return ExAllocatePoolWithTag(t, n, 'x'); default: return NULL; } }\nvoid F(void) { W(NonPagedPool, 64); }",
                Some(false),
            ),
            (
                "PVOID W(POOL_TYPE t, SIZE_T n) { return ExAllocatePoolWithTag(t, n, 'x'); }\nvoid F(void) { W(NonPagedPool, 64); }",
                Some(true),
            ),
            (
                "#define BOTH(t) (Stats[t]++, ExAllocatePoolWithTag(t, 1, 'x'))\nvoid F(void) { BOTH(NonPagedPool); }",
                Some(false),
            ),
            // It would be TagNonPagedPoolNx.
            (
                "#define TAGGED(t, n) ExAllocatePoolWithTag(t, n, Tag##t)\nvoid F(void) { TAGGED(NonPagedPool, 1); }",
                None,
            ),
            // The flag is added behind what looks at the others.
            (
                "void W(PNPAGED_LOOKASIDE_LIST l, ULONG flags) { NT_ASSERT(flags == 0); ExInitializeNPagedLookasideList(l, NULL, NULL, flags, 64, 'x', 0); }\nvoid F(void) { W(&List, 0); }",
                Some(true),
            ),
        ] {
            assert_eq!(safe(code), [expected], "{code}");
        }
    }

    /// What others choose with it is changed with it.
    #[test]
    fn a_constant_that_is_looked_at_elsewhere_is_for_a_person() {
        let code = "#define POOL NonPagedPool\n\
            PVOID W(POOL_TYPE t) { Count[t]++; return ExAllocatePoolWithTag(t, 1, 'x'); }\n\
            void F(void) { W(POOL); }\nvoid G(void) { ExAllocatePoolWithTag(POOL, 1, 'x'); }";
        assert_eq!(safe(code), [Some(false), Some(false)]);
    }
}
