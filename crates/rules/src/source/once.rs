//! A call that the preprocessor puts together of several parts, or makes a call of one thing or another, is told once.

use super::Source;
use super::judging::primary;
use ringfence_finding::{Fix, SourceFinding};
use ringfence_source::{Hop, SourceCall, Span};
use std::collections::HashMap;

/// Where a finding about a DDI stands.
type Place = (String, u32, u32, &'static str);

/// The places of calls that were read in several ways, as conditions stand among their arguments or choose a macro: those of
/// one call have one number.
fn read_in_several_ways(source: &Source<'_>) -> HashMap<Place, usize> {
    let mut places = HashMap::new();
    let place = |call: &SourceCall| {
        let mark = primary(call, source);
        (mark.path, mark.region.line, mark.region.column, call.ddi.name)
    };
    let mut groups = 0;
    for calls in source.analysis.calls.chunk_by(|one, other| one.span == other.span) {
        let mut of: Vec<usize> = (0..calls.len()).collect();
        for at in 1..calls.len() {
            if let Some(known) = (0..at).find(|known| is_either(&calls[*known], &calls[at], source))
            {
                of[at] = of[known];
            }
        }
        for (at, call) in calls.iter().enumerate() {
            if of.iter().filter(|one| **one == of[at]).count() > 1 {
                places.insert(place(call), groups + of[at]);
            }
        }
        groups += calls.len();
    }
    places
}

/// Whether two calls at one place are never made by the same build, or are one that is read in two ways.
fn is_either(one: &SourceCall, other: &SourceCall, source: &Source<'_>) -> bool {
    if one.pointed != other.pointed {
        return false;
    }
    let is_named = |call: &SourceCall, hop: &Hop| {
        hop.is_macro && (call.ddi.name == hop.name || call.ddi.aliases.contains(&&*hop.name))
    };
    let shared = one.via.iter().zip(&other.via).take_while(|(one, other)| one == other).count();
    match (one.via.get(shared), other.via.get(shared)) {
        (None, None) => (one.innermost, one.ddi.name) == (other.innermost, other.ddi.name),
        (Some(hop), Some(another)) => {
            (hop.is_macro && another.is_macro && hop.name == another.name)
                && defined(hop.span, source) != defined(another.span, source)
        }
        // Where the macro is not defined, its name is that of the DDI.
        (Some(hop), None) => is_named(other, hop),
        (None, Some(hop)) => is_named(one, hop),
    }
}

/// Where the line of the preprocessor begins that a byte stands in; joined lines are one.
fn defined(within: Span, source: &Source<'_>) -> Span {
    let text = source.tree.file(within.file).text.as_str();
    let start_of = |at: usize| text[..at].rfind('\n').map_or(0, |end| end + 1);
    let mut start = start_of(within.range().start);
    while start > 0 && text[..start].trim_end_matches(['\n', '\r']).ends_with('\\') {
        start = start_of(start - 1);
    }
    Span::new(within.file, start..start)
}

/// Joins what a rule has to say of the same call, read in several ways. Findings come by file and place.
pub(super) fn told_once(findings: Vec<SourceFinding>, source: &Source<'_>) -> Vec<SourceFinding> {
    let several = read_in_several_ways(source);
    if several.is_empty() {
        return findings;
    }
    let mut told: Vec<SourceFinding> = Vec::with_capacity(findings.len());
    let mut known: HashMap<(&str, usize), usize> = HashMap::new();
    for finding in findings {
        let place = |ddi| (finding.path.clone(), finding.line, finding.column, ddi);
        let group = finding.ddi.and_then(|ddi| several.get(&place(ddi)));
        let same = group.map(|group| *known.entry((finding.rule, *group)).or_insert(told.len()));
        match same.and_then(|at| told.get_mut(at)) {
            Some(same) => join(same, finding),
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
    if let Some(ddi) = other.ddi.filter(|ddi| known.ddi != Some(*ddi)) {
        let differs =
            other.argument.as_ref().filter(|others| known.argument.as_ref() != Some(others));
        let with = differs.map_or_else(String::new, |others| format!(", with {others}"));
        known.notes.push(format!("other builds call {ddi} here{with}"));
    } else if let (Some(mine), Some(others)) = (&known.argument, &other.argument) {
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

    /// Which function it is that a macro stands for depends on the build.
    #[test]
    fn a_macro_that_is_defined_in_some_builds_is_one_finding() {
        const TAGGED: &str = "#ifdef POOL_TAGGING\n#ifdef ExAllocatePool\n#undef ExAllocatePool\n#endif\n\
            #define ExAllocatePool(a,b) ExAllocatePoolWithTag(a,b,'FDsC')\n#endif\n\
            void f(void) { PVOID p = ExAllocatePool(NonPagedPool, 10); }";
        const CHOSEN: &str = "#if DBG\n#define MyAlloc2(a,b) ExAllocatePoolWithTag(a,b,'FDsC')\n#else\n\
            #define MyAlloc2(a,b) \\\n ExAllocatePool(a,b)\n#endif\n\
            void f(void) { PVOID p = MyAlloc2(NonPagedPool, 10); }";
        for code in [TAGGED, CHOSEN] {
            let found = findings_of(&[("a.c", code)], Targets::DEFAULT);
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert!(
                found[0].message.contains("NonPagedPool (0) at ExAllocatePoolWithTag, by way of"),
                "{}",
                found[0].message
            );
            assert_eq!(found[0].notes.last().unwrap(), "other builds call ExAllocatePool here");
            let (_, mended) = linted(code);
            assert_eq!(mended, code.replace("(NonPagedPool", "(NonPagedPoolNx"));
        }
    }

    /// A build that makes both calls is told of both.
    #[test]
    fn two_calls_of_one_macro_are_two_findings() {
        for two in [
            "(ExAllocatePool(a, 1), ExAllocatePoolWithTag(a, 1, 'a'))",
            "(ExAllocatePool(a, 1), \\\n ExAllocatePoolWithTag(a, 1, 'a'))",
        ] {
            let code = format!("#define TWO(a) {two}\nvoid f(void) {{ TWO(NonPagedPool); }}");
            assert_eq!(findings_of(&[("a.c", &code)], Targets::DEFAULT).len(), 2, "{code}");
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
