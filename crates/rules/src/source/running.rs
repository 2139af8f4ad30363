//! Fixes of memory that code is seen to run in.

use super::{Source, contains};
use ringfence_finding::{Fix, Safety, SourceEdit, SourceFinding};
use ringfence_source::{CodeUseKind, SourceCall, Span};

/// Why a person should look at a change of what memory may be used for.
const RUNS: &str = "code runs in this memory";

/// The memory that code runs in, by the expressions that give it.
pub(super) struct Running {
    given: Vec<Span>,
}

impl Running {
    pub(super) fn new(source: &Source<'_>) -> Running {
        let runs = source.analysis.code_uses.iter();
        let runs =
            runs.filter(|one| matches!(one.kind, CodeUseKind::Run(_) | CodeUseKind::MayRun(_)));
        Running { given: runs.flat_map(|one| one.from.iter().copied()).collect() }
    }

    /// Whether code runs in the memory that a call gives.
    fn has(&self, call: &SourceCall) -> bool {
        self.given.iter().any(|given| {
            [call.span, call.innermost]
                .iter()
                .any(|span| contains(*given, *span) && span.end == given.end)
        })
    }

    /// Takes care of the fixes of what was found at a call: a driver that works while memory integrity is off would stop
    /// the system after them.
    pub(super) fn look_at(&self, call: &SourceCall, findings: &mut [SourceFinding]) {
        if self.has(call) {
            fixes(findings).for_each(doubt);
        }
    }
}

/// Lets no fix be safe that makes an edit of one that concerns memory which code runs in.
pub(super) fn spread(findings: &mut [SourceFinding]) {
    let is_doubted = |fix: &&mut Fix| fix.because.as_deref() == Some(RUNS);
    let doubted: Vec<SourceEdit> =
        fixes(findings).filter(is_doubted).flat_map(|fix| fix.edits.clone()).collect();
    if !doubted.is_empty() {
        fixes(findings)
            .filter(|fix| fix.edits.iter().any(|edit| doubted.contains(edit)))
            .for_each(doubt);
    }
}

fn fixes(findings: &mut [SourceFinding]) -> impl Iterator<Item = &mut Fix> {
    findings.iter_mut().flat_map(|finding| finding.fix.iter_mut().chain(&mut finding.other_fixes))
}

fn doubt(fix: &mut Fix) {
    if fix.safety != Safety::Proposed {
        fix.safety = Safety::Unsafe;
        fix.because = Some(RUNS.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, fixed_by, linted};
    use ringfence_finding::{Safety, Targets};

    /// The code as it is without fixes that a person has to look at, and why the others of `rule` are such.
    fn doubts(rule: &str, code: &str) -> Vec<String> {
        assert_eq!(linted(code).1, code, "nothing is mended safely");
        fixed_by(rule, code).1
    }

    #[test]
    fn memory_that_code_runs_in_is_not_mended_safely() {
        let code = |call: &str| format!("void F(void) {{ FN *f = (FN *){call}; f(); }}");
        for (rule, call) in [
            ("executable-pool-type", "ExAllocatePoolWithTag(NonPagedPool, 64, 'a')"),
            ("executable-pool-type", "ExAllocatePool(NonPagedPoolExecute, 64)"),
            ("executable-pool-flags", "ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 'a')"),
            ("always-executable-memory", "MmMapIoSpace(at, 64, MmNonCached)"),
            ("executable-page-protection", "MmMapIoSpaceEx(at, 64, PAGE_EXECUTE_READWRITE)"),
        ] {
            assert_eq!(doubts(rule, &code(call)), ["code runs in this memory"], "{call}");
        }
    }

    /// Another function may run it, and each place that gives it matters.
    #[test]
    fn memory_that_is_kept_for_another_function_is_not_mended_safely() {
        let code = "static UCHAR *stub;\n\
                    void F(int n) { if (n) stub = ExAllocatePool(NonPagedPool, 20); }\n\
                    void G(int n) { if (n) stub = ExAllocatePool(NonPagedPool, n); }\n\
                    void H(void) { ((FN *)stub)(); }";
        assert_eq!(doubts("executable-pool-type", code), ["code runs in this memory"; 2]);
    }

    /// The newer function is no better there, and what others share with such memory is changed with it.
    #[test]
    fn no_other_fix_of_it_is_safe() {
        let code = "#include <ntddk.h>\n#define POOL NonPagedPool\n\
                    void F(void) { FN *f = (FN *)ExAllocatePoolWithTag(POOL, 64, 'a'); f(); }\n\
                    void G(void) { p = ExAllocatePoolWithTag(POOL, 64, 'a'); }\n\
                    void H(void) { p = ExAllocatePoolWithTag(NonPagedPool, 64, 'a'); }";
        let found = findings_of(&[("a.c", code)], Targets::since(19041));
        let safety = |line: u32| {
            let all = found.iter().filter(move |finding| finding.line == line);
            let fixes = all.flat_map(|finding| finding.fix.iter().chain(&finding.other_fixes));
            fixes.map(|fix| fix.safety).collect::<Vec<_>>()
        };
        assert_eq!(safety(3), [Safety::Unsafe, Safety::Unsafe]);
        assert_eq!(safety(4)[0], Safety::Unsafe);
        assert_eq!(safety(5), [Safety::Safe, Safety::Safe]);
    }
}
