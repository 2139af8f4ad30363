use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::source::{
    Mend, asks_by as asks_in_source, edit, fix, taken_out, terms, violation as violated,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Fix, Level, RuleCard, SourceEdit};
use ringfence_source::SourceCall;

rule_card! {
    /// ## What it does
    ///
    /// Finds heaps that are created with `HEAP_CREATE_ENABLE_EXECUTE` (0x40000).
    ///
    /// ## Why it matters
    ///
    /// The heap asks for executable memory whenever it grows. Driver Verifier does not look at this
    /// call, so it counts against no answer. Code on the heap does not run with memory integrity on.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *heap(void)
    /// {
    ///     return RtlCreateHeap(HEAP_GROWABLE | HEAP_CREATE_ENABLE_EXECUTE, NULL, 0, 0, NULL, NULL);
    /// }
    /// ```
    ///
    /// ```c,fixed
    /// void *heap(void)
    /// {
    ///     return RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, NULL);
    /// }
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// The rights of memory that the driver hands to the heap to begin with.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcreateheap
    ExecutableHeap {
        id: "executable-heap",
        summary: "a heap is created executable",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &["HEAP_CREATE_ENABLE_EXECUTE"],
    }
}

impl Rule for ExecutableHeap {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::HeapFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::HeapFlags]) {
            return;
        }
        let what = "a heap is created executable";
        let finding = violation(&Self::CARD, call, driver, findings, what);
        findings.report(finding.help(HELP));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::HeapFlags]) {
            return;
        }
        let finding = violated(&Self::CARD, call, source, "a heap is created executable");
        findings.report(finding.help(HELP).fixed_by(without_flag(call, source)));
    }
}

const HELP: &str = "leave `HEAP_CREATE_ENABLE_EXECUTE` (0x40000) out";

/// `HEAP_CREATE_ENABLE_EXECUTE`
const ENABLE_EXECUTE: u64 = 0x4_0000;

fn without_flag(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let asking = terms(call).filter(|term| term.value == ENABLE_EXECUTE);
    let mut spans = asking.map(|term| term.span).collect::<Option<Vec<_>>>()?;
    spans.sort();
    spans.dedup();
    let mut edits: Vec<SourceEdit> = spans.iter().map(|span| taken_out(source, *span)).collect();
    // Two of them may want the same `|`.
    let meet = |two: &[SourceEdit]| two[0].path == two[1].path && two[1].start <= two[0].end;
    if edits.windows(2).any(meet) {
        edits = spans.iter().map(|span| edit(source, *span, "0")).collect();
    }
    let doubt = "the flag asks for an executable heap by name, so code may be kept there";
    fix("leave `HEAP_CREATE_ENABLE_EXECUTE` out", Mend::Unsafe(doubt), edits)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says};
    use crate::source::tests::{fixed_by, linted};

    /// Spec case 99.
    #[test]
    fn one_flag_decides() {
        let told = says(&asked("RtlCreateHeap", &[(0, constant(0x4_0002))]));
        assert!(told[0].starts_with("violation warning[executable-heap] nothing: "), "{told:?}");
        assert_eq!(says(&asked("RtlCreateHeap", &[(0, constant(2))])), [""; 0]);
    }

    #[test]
    fn the_flag_is_taken_out_of_source() {
        const FLAG: &str = "HEAP_CREATE_ENABLE_EXECUTE";
        for (before, after) in [
            (format!("HEAP_GROWABLE | {FLAG}"), "HEAP_GROWABLE"),
            (format!("{FLAG} | HEAP_GROWABLE"), "HEAP_GROWABLE"),
            (format!("2 | {FLAG} | 1"), "2 | 1"),
            (FLAG.to_owned(), "0"),
            ("0x40000".to_owned(), "0"),
            (format!("2 | /* x */ {FLAG}"), "2 | /* x */ 0"),
            (format!("2 | // a |\n  {FLAG}"), "2 | // a |\n  0"),
            (format!("2 |\r\n  {FLAG}"), "2 |\r\n  0"),
            (format!("2 | {FLAG} & 0x50000"), "2 | 0 & 0x50000"),
            (format!("x ? {FLAG} : 2 | {FLAG}"), "x ? 0 : 2"),
            (format!("({FLAG}|2)"), "(2)"),
            (format!("0x40000 | {FLAG}"), "0 | 0"),
            (format!("(2|{FLAG})"), "(2)"),
        ] {
            let code = |flags: &str| {
                format!("void F(int x) {{ RtlCreateHeap({flags}, NULL, 0, 0, NULL, NULL); }}")
            };
            let (made, because) = fixed_by("executable-heap", &code(&before));
            assert_eq!((made, because.len()), (code(after), 1));
            assert!(!linted(&code(after)).0.iter().any(|said| said.contains("heap")), "{after}");
        }
        let macros = format!(
            "#define F 2 | \\\r\n  1 | {FLAG}\r\n#define G {FLAG}\nvoid H(void) {{ RtlCreateHeap(F, NULL, 0, 0, NULL, NULL); RtlCreateHeap(G, NULL, 0, 0, NULL, NULL); }}"
        );
        let (made, _) = fixed_by("executable-heap", &macros);
        assert_eq!(made, macros.replace(&format!("1 | {FLAG}"), "1").replace(FLAG, "0"));
    }
}
