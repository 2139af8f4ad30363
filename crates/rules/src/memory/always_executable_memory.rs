mod successor;

use super::violation::{asks, asks_by, decided_by, placed, violation};
use crate::calls::{KERNEL_MODE, USER_MODE};
use crate::rule::rule_card;
use crate::source::{about, always, asks as asked_for, violation as violated};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Grant, Reach, Role};
use ringfence_finding::{Finding, Level, RuleCard};
use ringfence_source::SourceCall;
use successor::successor;

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of functions that give executable memory and have no argument to ask for other:
    /// MmMapLockedPages with the macros around it, such as NdisQueryBuffer, and
    /// MmAllocateContiguousMemory always, MmMapIoSpace and MmAllocateContiguousMemorySpecifyCache by the
    /// cache type.
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
    /// ```c,fires
    /// void *map(PHYSICAL_ADDRESS at) { return MmMapIoSpace(at, 4096, MmNonCached); }
    /// ```
    ///
    /// ```c,fixed
    /// void *map(PHYSICAL_ADDRESS at) { return MmMapIoSpaceEx(at, 4096, PAGE_READWRITE | PAGE_NOCACHE); }
    /// ```
    ///
    /// Mapped pages and contiguous memory have such successors too:
    ///
    /// ```c,fires
    /// void *map(PMDL mdl) { return MmGetSystemAddressForMdl(mdl); }
    /// ```
    ///
    /// ```c,fixed
    /// void *map(PMDL mdl) { return MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority | MdlMappingNoExecute); }
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// A cache type that a caller in another module chooses. In source a call is mended where it stands as such,
    /// not where a macro of another name or a wrapper makes it.
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
        senses: [Code, Source],
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
        } else if asks_by(call, &[Role::IoSpaceCacheType, Role::ContiguousCacheType])
            && matches!(call.ddi.reach, Reach::Selector { .. })
        {
            let message =
                format!("{BY_CACHE_TYPE}, where the port driver hands that on: {}", call.ddi.name);
            let finding = Finding::new(&Self::CARD, Level::Note, message);
            placed(finding, call, driver, findings)
        } else if asks_by(call, &[Role::IoSpaceCacheType, Role::ContiguousCacheType]) {
            violation(&Self::CARD, call, driver, findings, BY_CACHE_TYPE)
        } else {
            return;
        };
        findings.report(match help(call.ddi) {
            Some(help) => finding.help(help),
            None => finding,
        });
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        let by_cache_type = call.ddi.grant != Grant::Always;
        let finding = if !by_cache_type && always(call, Role::ProcessorMode, USER_MODE) {
            about(&Self::CARD, Level::Note, call, source, mapped_for_user_mode(call.ddi))
                .note(NOT_EXECUTABLE)
        } else if asked_for(call, source) {
            let what = if by_cache_type { BY_CACHE_TYPE } else { "memory is always executable" };
            violated(&Self::CARD, call, source, what).fixed_by(successor(call, source))
        } else {
            return;
        };
        findings.report(match help(call.ddi) {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
}

const BY_CACHE_TYPE: &str = "memory is executable with this cache type";
const NOT_EXECUTABLE: &str = "such a mapping is not executable (AccessMode = UserMode)";

fn help(ddi: &Ddi) -> Option<String> {
    let help = format!("call instead: {}", ddi.replacement?);
    Some(match ddi.name {
        "MmAllocateContiguousMemory" => format!(
            "{help}, which takes the lowest and the highest address and the boundary as \
             PHYSICAL_ADDRESS; free its memory with `MmFreeContiguousMemory`"
        ),
        "MmAllocateContiguousMemorySpecifyCache" | "MmAllocateContiguousMemorySpecifyCacheNode" => {
            format!(
                "{help}; free its memory with `MmFreeContiguousMemory`, no longer with \
                 `MmFreeContiguousMemorySpecifyCache`"
            )
        }
        _ => help,
    })
}

fn mapped_for_user_mode(ddi: &Ddi) -> String {
    format!("memory is mapped into user mode by {}", ddi.name)
}

fn for_user_mode(call: &DdiCall, driver: &Driver<'_>, findings: &Findings) -> Finding {
    let message = mapped_for_user_mode(call.ddi);
    let finding =
        Finding::new(&AlwaysExecutableMemory::CARD, Level::Note, message).note(NOT_EXECUTABLE);
    placed(finding, call, driver, findings)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, either, finding, notes, says, strictly, unknown};
    use crate::source::tests::{fixed_by, linted, made, strict_findings_of};
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

    /// Spec case 75: what the port driver makes of it is its own affair.
    #[test]
    fn port_drivers_are_only_told_of() {
        let told = asked("StorPortAllocateContiguousMemorySpecifyCacheNode", &[(5, constant(1))]);
        let said = says(&told).join("; ");
        assert!(said.contains(" note[always-executable-memory] nothing: "), "{said}");
        let fine = asked("StorPortAllocateContiguousMemorySpecifyCacheNode", &[(5, constant(0))]);
        assert_eq!(says(&fine), [""; 0]);
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

    /// Spec cases 87, 88, 90 and 91, in source.
    #[test]
    fn source_is_judged_and_mended() {
        let rule = "always-executable-memory";
        for (before, after, safe) in [
            (
                "MmMapIoSpace(a, n, MmNonCached)",
                "MmMapIoSpaceEx(a, n, PAGE_READWRITE | PAGE_NOCACHE)",
                true,
            ),
            (
                "MmMapIoSpace(a, n, (MEMORY_CACHING_TYPE)1)",
                "MmMapIoSpaceEx(a, n, PAGE_READWRITE)",
                true,
            ),
            ("MmMapIoSpace(a, n, MmWriteCombined)", "MmMapIoSpace(a, n, MmWriteCombined)", true),
            (
                "MmMapIoSpace(a, n, x ? MmCached : MmNonCached)",
                "MmMapIoSpace(a, n, x ? MmCached : MmNonCached)",
                true,
            ),
            ("MmMapIoSpace(a, n, MmUSWCCached)", "MmMapIoSpace(a, n, MmUSWCCached)", true),
            (
                "MmMapLockedPages(m, KernelMode)",
                "MmMapLockedPagesSpecifyCache(m, KernelMode, MmCached, NULL, TRUE, NormalPagePriority | MdlMappingNoExecute)",
                false,
            ),
            ("MmMapLockedPages(m, UserMode)", "MmMapLockedPages(m, UserMode)", true),
            (
                "NdisQueryBuffer(m, &a, &n)",
                "NdisQueryBufferSafe(m, &a, &n, NormalPagePriority | MdlMappingNoExecute)",
                false,
            ),
            ("NdisQueryBuffer(m, NULL, &n)", "NdisQueryBuffer(m, NULL, &n)", true),
            (
                "NdisBufferVirtualAddress(m)",
                "NdisBufferVirtualAddressSafe(m, NormalPagePriority | MdlMappingNoExecute)",
                false,
            ),
            (
                "NdisGetFirstBufferFromPacket(k, &b, &a, &n, &t)",
                "NdisGetFirstBufferFromPacketSafe(k, &b, &a, &n, &t, NormalPagePriority | MdlMappingNoExecute)",
                false,
            ),
            (
                "MmAllocateContiguousMemorySpecifyCache(n, l, h, b, MmCached)",
                "MmAllocateContiguousNodeMemory(n, l, h, b, PAGE_READWRITE, MM_ANY_NODE_OK)",
                false,
            ),
            (
                "MmAllocateContiguousMemorySpecifyCacheNode(n, l, h, b, MmCached, k)",
                "MmAllocateContiguousNodeMemory(n, l, h, b, PAGE_READWRITE, k)",
                false,
            ),
            ("MmAllocateContiguousMemory(n, h)", "MmAllocateContiguousMemory(n, h)", true),
        ] {
            let code = |call: &str| format!("void F(int x) {{ p = {call}; }}");
            let (made, because) = fixed_by(rule, &code(before));
            assert_eq!((made, because.is_empty()), (code(after), safe));
        }
        let (said, _) = linted(
            "void F(void) { MmMapLockedPages(m, UserMode); MmAllocateContiguousMemory(1, h); }",
        );
        assert_eq!(
            said,
            [
                "a.c:2:16 note[always-executable-memory] : memory is mapped into user mode by MmMapLockedPages",
                "a.c:2:47 warning[always-executable-memory] certify: memory is always executable: \
                 MmAllocateContiguousMemory"
            ]
        );
    }

    /// A variable that loses its only use is a warning to the compiler.
    #[test]
    fn a_cache_type_that_is_chosen_elsewhere_takes_a_look() {
        let code = "void F(int x) { MEMORY_CACHING_TYPE t = MmCached; p = MmMapIoSpace(a, n, t); }";
        let (made, because) = fixed_by("always-executable-memory", code);
        assert_eq!(
            made,
            code.replace("MmMapIoSpace(a, n, t)", "MmMapIoSpaceEx(a, n, PAGE_READWRITE)")
        );
        assert_eq!(because, [super::successor::CHOSEN_ELSEWHERE]);
        let macros = "#define MAP(a) MmMapIoSpace(a, 1, MmCached)\n#define Map MmMapIoSpace\nvoid F(void) { MAP(1); MAP(2); Map(3, 1, MmCached); }";
        let (made, because) = fixed_by("always-executable-memory", macros);
        assert_eq!(
            made,
            macros.replace("MmMapIoSpace(a, 1, MmCached)", "MmMapIoSpaceEx(a, 1, PAGE_READWRITE)")
        );
        assert_eq!(because, [""; 0]);
    }

    /// Spec case 88, the strict half, in source.
    #[test]
    fn strictly_the_documentation_decides_about_source() {
        let code = "void F(void) { MmMapIoSpace(a, n, MmWriteCombined); MmAllocateContiguousMemorySpecifyCache(n, l, h, b, MmNonCached); }";
        assert_eq!(linted(code).0, [""; 0]);
        let text = format!("#include <wdm.h>\n{code}");
        let findings = strict_findings_of(&[("a.c", &text)]);
        let fixed = made(&text, &findings, |_, _| true);
        let expected = "void F(void) { MmMapIoSpaceEx(a, n, PAGE_READWRITE | PAGE_WRITECOMBINE); MmAllocateContiguousNodeMemory(n, l, h, b, PAGE_READWRITE | PAGE_NOCACHE, MM_ANY_NODE_OK); }";
        assert_eq!(fixed.split_once('\n').unwrap().1, expected);
    }
}
