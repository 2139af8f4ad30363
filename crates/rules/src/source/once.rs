//! A call that the preprocessor puts together of several parts is told once.

use super::Source;
use super::judging::primary;
use ringfence_finding::{Fix, SourceFinding};
use ringfence_source::SourceCall;
use std::collections::HashSet;

/// Where a finding about a DDI stands.
type Place = (String, u32, u32, &'static str);

/// The places of calls that were read in several ways, as conditions stand among their arguments.
fn read_in_several_ways(source: &Source<'_>) -> HashSet<Place> {
    let is_same = |one: &SourceCall, other: &SourceCall| {
        (one.span, one.innermost, one.ddi.name) == (other.span, other.innermost, other.ddi.name)
            && (&one.via, &one.pointed) == (&other.via, &other.pointed)
    };
    let several = source.analysis.calls.chunk_by(is_same).filter(|calls| calls.len() > 1);
    let place = |call: &SourceCall| {
        let mark = primary(call, source);
        (mark.path, mark.region.line, mark.region.column, call.ddi.name)
    };
    several.flatten().map(place).collect()
}

/// Joins what a rule has to say of the same call, read in several ways. Findings come by file and place.
pub(super) fn told_once(findings: Vec<SourceFinding>, source: &Source<'_>) -> Vec<SourceFinding> {
    let several = read_in_several_ways(source);
    if several.is_empty() {
        return findings;
    }
    let mut told: Vec<SourceFinding> = Vec::with_capacity(findings.len());
    for finding in findings {
        let place = |ddi| (finding.path.clone(), finding.line, finding.column, ddi);
        let is_one = finding.ddi.is_some_and(|ddi| several.contains(&place(ddi)));
        let is_here = |known: &&mut SourceFinding| {
            known.path == finding.path
                && (known.line, known.column) == (finding.line, finding.column)
        };
        let is_same =
            |known: &&mut SourceFinding| (known.rule, known.ddi) == (finding.rule, finding.ddi);
        let mut here = told.iter_mut().rev().take_while(is_here);
        match here.find(is_same).filter(|_| is_one) {
            Some(known) => join(known, finding),
            None => told.push(finding),
        }
    }
    told
}

/// Adds what `other` says; the graver one decides.
fn join(known: &mut SourceFinding, mut other: SourceFinding) {
    let rank = |finding: &SourceFinding| (!finding.open, finding.level);
    if rank(&other) > rank(known) {
        std::mem::swap(known, &mut other);
    }
    if let (Some(mine), Some(others)) = (&known.argument, &other.argument) {
        let joined = with_values(mine, others);
        known.message = known.message.replacen(mine.as_str(), &joined, 1);
        known.argument = Some(joined);
    }
    let is_new = |mark: &_| !known.related.contains(mark);
    let related: Vec<_> = other.related.into_iter().filter(is_new).collect();
    known.related.extend(related);
    let notes: Vec<_> =
        other.notes.into_iter().filter(|note| !known.notes.contains(note)).collect();
    known.notes.extend(notes);
    // What is only not known needs no edit.
    if !other.open {
        known.fix = known.fix.take().zip(other.fix).and_then(|(one, more)| both(one, more));
        known.other_fixes.clear();
    }
}

/// `PoolType = A or B` of `PoolType = A` and `PoolType = B`.
fn with_values(mine: &str, others: &str) -> String {
    let values = |argument: &'_ str| match argument.split_once(" = ") {
        Some((_, values)) => values.split(" or ").map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let known: Vec<String> = values(mine);
    let new = values(others).into_iter().filter(|value| !known.contains(value));
    std::iter::once(mine.to_owned()).chain(new).collect::<Vec<_>>().join(" or ")
}

/// Both fixes as one; none where they contradict each other.
fn both(one: Fix, more: Fix) -> Option<Fix> {
    let mut edits = one.edits;
    edits.extend(more.edits.into_iter().filter(|edit| !edits.contains(edit)).collect::<Vec<_>>());
    edits.sort_by(|one, other| {
        (&one.path, one.start, one.end).cmp(&(&other.path, other.start, other.end))
    });
    let clash = |two: &[ringfence_finding::SourceEdit]| {
        two[0].path == two[1].path && two[1].start < two[0].end.max(two[0].start + 1)
    };
    if edits.windows(2).any(clash) {
        return None;
    }
    let (safety, because) = match more.safety > one.safety {
        true => (more.safety, more.because),
        false => (one.safety, one.because),
    };
    Some(Fix { title: one.title, safety, because, edits })
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, fixed_by, linted};
    use ringfence_finding::{Level, Targets};

    fn code(first: &str, second: &str) -> String {
        format!(
            "void F(POOL_TYPE type) {{\n p = ExAllocatePoolWithTag(\n#if DBG\n {first},\n#else\n {second},\n#endif\n 1, 'x');\n}}"
        )
    }

    #[test]
    fn both_arms_are_one_finding() {
        for (first, second, says) in [
            ("NonPagedPool", "PagedPool", "NonPagedPool (0)"),
            (
                "NonPagedPool",
                "type",
                "NonPagedPool (0) or not known, as callers choose it by the parameter `type`",
            ),
            (
                "type",
                "NonPagedPool",
                "NonPagedPool (0) or not known, as callers choose it by the parameter `type`",
            ),
            (
                "NonPagedPool",
                "NonPagedPoolCacheAligned",
                "NonPagedPool (0) or NonPagedPoolCacheAligned (4)",
            ),
        ] {
            let (said, mended) = linted(&code(first, second));
            assert_eq!(
                said,
                [format!(
                    "a.c:3:6 error[executable-pool-type] certify: memory is requested from an executable pool: \
                     PoolType = {says} at ExAllocatePoolWithTag"
                )]
            );
            let nx = |name: &str| match name {
                "NonPagedPool" => "NonPagedPoolNx".to_owned(),
                "NonPagedPoolCacheAligned" => "NonPagedPoolNxCacheAligned".to_owned(),
                other => other.to_owned(),
            };
            assert_eq!(mended, code(&nx(first), &nx(second)));
        }
    }

    /// A fix of one arm alone would be none of the finding.
    #[test]
    fn an_arm_without_a_fix_leaves_none() {
        let both = code("NonPagedPool", "0x400");
        assert_eq!(fixed_by("executable-pool-type", &both), (both, Vec::new()));
    }

    /// The function is one for both arms, so a newer one would be given a POOL_TYPE by the arm that is not translated.
    #[test]
    fn no_other_function_is_called_where_conditions_choose_arguments() {
        let targets = Targets::since(19041);
        for (before, called) in [
            (code("NonPagedPool", "PagedPool"), "ExAllocatePoolWithTag"),
            (code("NonPagedPool", "type"), "ExAllocatePoolWithTag"),
            (code("NonPagedPool", "NonPagedPool"), "ExAllocatePoolWithTag"),
            (
                "void F(void) { p = MmMapIoSpace(at, 64,\n#ifdef X\n MmNonCached\n#else\n MmCached\n#endif\n); }"
                    .to_owned(),
                "MmMapIoSpace",
            ),
            (
                "void F(void) {\n p =\n#ifdef X\n ExAllocatePoolWithTag(\n#else\n ExAllocatePoolZero(\n#endif\n \
                 NonPagedPool, 64, 'x'); }"
                    .to_owned(),
                "ExAllocatePool",
            ),
        ] {
            let text = format!("#include <ntddk.h>\n{before}");
            let found = findings_of(&[("a.c", &text)], targets);
            assert!(found.iter().any(|one| one.level != Level::Note), "{before}");
            let edits = found.iter().flat_map(|one| one.fix.iter().chain(&one.other_fixes));
            for edit in edits.flat_map(|fix| &fix.edits) {
                assert!(!text[edit.start..edit.end].contains(called), "{before}: {edit:?}");
            }
        }
    }
}
