use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Level, RuleCard};

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
    /// ```c
    /// RtlCreateHeap(HEAP_GROWABLE | HEAP_CREATE_ENABLE_EXECUTE, NULL, 0, 0, NULL, NULL);
    /// RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, NULL);
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
        findings.report(finding.help("leave `HEAP_CREATE_ENABLE_EXECUTE` (0x40000) out"));
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says};

    /// Spec case 99.
    #[test]
    fn one_flag_decides() {
        let told = says(&asked("RtlCreateHeap", &[(0, constant(0x4_0002))]));
        assert!(told[0].starts_with("violation warning[executable-heap] nothing: "), "{told:?}");
        assert_eq!(says(&asked("RtlCreateHeap", &[(0, constant(2))])), [""; 0]);
    }
}
