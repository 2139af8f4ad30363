use super::violation::{asks, asks_by, decided_by, placed, violation};
use crate::calls::{KERNEL_MODE, USER_MODE};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Grant, Role};
use ringfence_finding::{Finding, Level, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of functions that give executable memory and have no argument to ask for other:
    /// MmMapLockedPages and MmAllocateContiguousMemory always, MmMapIoSpace and
    /// MmAllocateContiguousMemorySpecifyCache by the cache type.
    ///
    /// ## Why it matters
    ///
    /// There are newer functions that give non-executable memory, and Code Analysis asks for them
    /// (C30029, C30030). Driver Verifier never objects: with its code-integrity option on it quietly
    /// makes the memory non-executable, so a test run does not show these calls. They count against
    /// *certify* only where `--code-analysis` says so.
    ///
    /// MmMapIoSpace with MmWriteCombined was observed to give non-executable memory, though the page
    /// of C30029 names every form of it, and MmAllocateContiguousMemorySpecifyCache beside it.
    /// ringfence sides with what was observed; `--strict` sides with the page.
    ///
    /// ## Example
    ///
    /// ```c
    /// MmMapIoSpace(address, size, MmNonCached);      /* executable */
    /// MmMapIoSpaceEx(address, size, PAGE_READWRITE | PAGE_NOCACHE);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// A cache type that a caller in another module chooses.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/30029-memory-allocating-function-requests-executable-memory
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospaceex
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmallocatecontiguousnodememory
    AlwaysExecutableMemory {
        id: "always-executable-memory",
        summary: "a function is called that gives executable memory",
        level: Level::Warning,
        since: "0.1.0",
        also_known_as: &["C30029", "C30030"],
    }
}

impl Rule for AlwaysExecutableMemory {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        ddi.grant == Grant::Always
            || decided_by(ddi, &[Role::IoSpaceCacheType, Role::ContiguousCacheType])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let always = call.ddi.grant == Grant::Always;
        let finding = if always && call.always(Role::ProcessorMode, USER_MODE) {
            for_user_mode(call, driver, findings)
        } else if always && asks(call) {
            let what = "memory is always executable";
            let finding = violation(&Self::CARD, call, driver, findings, what);
            match call.argument(Role::ProcessorMode).is_some()
                && !call.always(Role::ProcessorMode, KERNEL_MODE)
            {
                true => {
                    finding.note("AccessMode is not known; for user mode no mapping is executable")
                }
                false => finding,
            }
        } else if asks_by(call, &[Role::IoSpaceCacheType, Role::ContiguousCacheType]) {
            let what = "memory is executable with this cache type";
            violation(&Self::CARD, call, driver, findings, what)
        } else {
            return;
        };
        findings.report(match call.ddi.replacement {
            Some(replacement) => finding.help(format!("call instead: {replacement}")),
            None => finding,
        });
    }
}

fn for_user_mode(call: &DdiCall, driver: &Driver<'_>, findings: &Findings) -> Finding {
    let message = format!("memory is mapped into user mode by {}", call.ddi.name);
    let finding = Finding::new(&AlwaysExecutableMemory::CARD, Level::Note, message)
        .note("such a mapping is not executable (AccessMode = UserMode)");
    placed(finding, call, driver, findings)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, either, finding, notes, says, strictly, unknown};
    use ringfence_finding::{Answer, Authority, CallAnswer, Question, Targets};

    /// Spec case 87.
    #[test]
    fn locked_pages_are_mapped_executable_for_the_kernel_alone() {
        let kernel = asked("MmMapLockedPages", &[(1, constant(0))]);
        assert_eq!(
            says(&kernel),
            ["violation warning[always-executable-memory] nothing: memory is always executable: \
                 MmMapLockedPages"]
        );
        assert!(!notes(&kernel).contains("AccessMode"));
        let either = asked("MmMapLockedPages", &[(1, unknown())]);
        assert!(notes(&either).contains("AccessMode is not known"));
        let user = asked("MmMapLockedPages", &[(1, constant(1))]);
        assert!(says(&user)[0].starts_with("fine note[always-executable-memory] nothing: "));
    }

    /// What only Code Analysis objects to counts where that is asked for, and nowhere else.
    #[test]
    fn code_analysis_alone_objects() {
        let told = asked("MmAllocateContiguousMemory", &[]);
        let finding = finding(&told);
        assert_eq!(finding.reported_by, [Authority::CodeAnalysis]);
        assert!(!finding.denies(Question::Certify, Targets::ALL, false));
        assert!(finding.denies(Question::Certify, Targets::ALL, true));
    }

    /// Spec cases 88, 90 and 91.
    #[test]
    fn the_cache_type_decides() {
        for (name, index, cache, executable) in [
            ("MmMapIoSpace", 2, 0, true),
            ("MmMapIoSpace", 2, 1, true),
            ("MmMapIoSpace", 2, 2, false),
            ("MmAllocateContiguousMemorySpecifyCache", 4, 1, true),
            ("MmAllocateContiguousMemorySpecifyCache", 4, 0, false),
            ("MmAllocateContiguousMemorySpecifyCacheNode", 4, 1, true),
            ("MmAllocateContiguousMemorySpecifyCacheNode", 4, 2, false),
        ] {
            let call = asked(name, &[(index, constant(cache))]);
            assert_eq!(says(&call).len(), usize::from(executable), "{name} {cache}");
            let warned = "violation warning[always-executable-memory] nothing: ";
            assert!(says(&call).iter().all(|said| said.starts_with(warned)), "{:?}", says(&call));
            assert_eq!(call.gaps, [""; 0]);
        }
        assert_eq!(says(&asked("MmAllocateContiguousMemory", &[])).len(), 1);
    }

    /// Spec case 88, the strict half: the page of C30029 knows no exception.
    #[test]
    fn strictly_the_documentation_decides() {
        for (name, index, cache, executable) in [
            ("MmMapIoSpace", 2, 2, true),
            ("MmAllocateContiguousMemorySpecifyCache", 4, 0, true),
            ("MmAllocateContiguousMemorySpecifyCacheNode", 4, 0, false),
        ] {
            let call = strictly(name, &[(index, constant(cache))]);
            assert_eq!(says(&call).len(), usize::from(executable), "{name} {cache}");
        }
    }

    /// Driver Verifier does not report these calls, so not to know what they ask for denies nothing.
    #[test]
    fn an_unknown_cache_type_leaves_certify_yes() {
        for (name, index) in [("MmMapIoSpace", 2), ("MmAllocateContiguousMemorySpecifyCache", 4)] {
            let call = asked(name, &[(index, unknown())]);
            assert_eq!((call.answer, call.verdict.certify), (CallAnswer::Unknown, Answer::Yes));
            let call = asked(name, &[(index, either(&[1, 2]))]);
            assert_eq!((call.answer, call.verdict.certify), (CallAnswer::Mixed, Answer::Yes));
        }
    }
}
