use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::source::{
    Mend, always, asks_by as asks_in_source, every, fix, replaced_terms, violation as violated,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role, Ruling};
use ringfence_finding::{Fix, Level, RuleCard};
use ringfence_source::{Choice, SourceCall, Term};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls that ask for an executable page protection: any of PAGE_EXECUTE (0x10),
    /// PAGE_EXECUTE_READ (0x20), PAGE_EXECUTE_READWRITE (0x40) and PAGE_EXECUTE_WRITECOPY (0x80).
    /// The last two are writable as well, and told as such.
    ///
    /// ## Why it matters
    ///
    /// Driver Verifier's code-integrity option stops such a call with bug check 0xC4, 0x2001, and so
    /// a driver that makes it is not certified. It does so for sections and for memory of a user
    /// process too, though memory integrity governs the memory of the kernel alone.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *map(PHYSICAL_ADDRESS at)
    /// {
    ///     return MmMapIoSpaceEx(at, 4096, PAGE_EXECUTE_READWRITE | PAGE_NOCACHE);
    /// }
    /// ```
    ///
    /// ```c,fixed
    /// void *map(PHYSICAL_ADDRESS at)
    /// {
    ///     return MmMapIoSpaceEx(at, 4096, PAGE_READWRITE | PAGE_NOCACHE);
    /// }
    /// ```
    ///
    /// The change is right where the memory holds data only, which no call shows; so it takes a look.
    ///
    /// ## What it cannot see
    ///
    /// Which process a handle stands for, what the memory is used for, and a protection that a caller in another
    /// module chooses.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows/win32/memory/memory-protection-constants
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    ExecutablePageProtection {
        id: "executable-page-protection",
        summary: "an executable page protection is requested",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xC4:0x2001", "Execute Page Protection Count", "C30030"],
    }
}

/// `SEC_IMAGE`
const SEC_IMAGE: u64 = 0x100_0000;
/// What `NtCurrentProcess()` stands for.
const CURRENT_PROCESS: u64 = u64::MAX;

impl Rule for ExecutablePageProtection {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PageProtection])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::PageProtection]) {
            return;
        }
        let writable = call
            .deciding()
            .is_some_and(|deciding| deciding.rulings.contains(&Ruling::WritableExecutable));
        let mut finding = violation(&Self::CARD, call, driver, findings, what(writable));
        if call.argument(Role::ProcessHandle).is_some() {
            finding = finding.note(process_note(call.always(Role::ProcessHandle, CURRENT_PROCESS)));
        }
        if call.every(Role::SectionAttributes, |value| value.ones & SEC_IMAGE != 0) {
            finding = finding.likely().note(OF_IMAGE);
        }
        if call.ddi.name == PATCHING {
            finding = finding.note(PATCHES);
        }
        findings.report(finding.help(help(writable)));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::PageProtection]) {
            return;
        }
        let is_writable =
            |choice: &Choice| Role::PageProtection.rule(choice.bits) == Ruling::WritableExecutable;
        let writable =
            call.deciding().is_some_and(|(_, one)| one.value.choices.iter().any(is_writable));
        let mut finding = violated(&Self::CARD, call, source, what(writable));
        if call.argument(Role::ProcessHandle).is_some() {
            finding =
                finding.note(process_note(always(call, Role::ProcessHandle, CURRENT_PROCESS)));
        }
        let of_image =
            every(call, Role::SectionAttributes, |choice| choice.bits.ones & SEC_IMAGE != 0);
        if of_image {
            finding = finding.likely().note(OF_IMAGE);
        }
        if call.ddi.name == PATCHING {
            finding = finding.note(PATCHES);
        }
        let fix = (!of_image).then(|| without_execution(call, source)).flatten();
        findings.report(finding.help(help(writable)).fixed_by(fix));
    }
}

const PATCHING: &str = "MmProtectMdlSystemAddress";
const PATCHES: &str = "drivers that patch code in memory call this; with memory integrity on no page of the \
                       kernel is writable and executable at once";
const OF_IMAGE: &str = "sections of images (SEC_IMAGE) have executable protections by their nature; Driver \
                        Verifier objects all the same";

fn what(writable: bool) -> &'static str {
    match writable {
        true => "memory that is writable and executable at once is requested",
        false => "an executable page protection is requested",
    }
}

/// Each executable protection, its value, and what grants the same but execution.
const INSTEAD: [(&str, u64, &str); 4] = [
    ("PAGE_EXECUTE", 0x10, "PAGE_READONLY"),
    ("PAGE_EXECUTE_READ", 0x20, "PAGE_READONLY"),
    ("PAGE_EXECUTE_READWRITE", 0x40, "PAGE_READWRITE"),
    ("PAGE_EXECUTE_WRITECOPY", 0x80, "PAGE_WRITECOPY"),
];

/// Passes protections without execution. The old ones ask for it by name, so it takes a look what for.
fn without_execution(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let edits = replaced_terms(source, call, |term: &Term| {
        let is_number = term.name.starts_with(|first: char| first.is_ascii_digit());
        let known = |(name, value, _): &&(&str, u64, &str)| {
            *name == &*term.name || is_number && *value == term.value
        };
        INSTEAD.iter().find(known).map(|(.., instead)| (*instead).to_owned())
    })?;
    let doubt = match call.ddi.name {
        "MmMapIoSpaceEx" | "MmAllocateContiguousNodeMemory" | "MmAllocateContiguousMemoryEx" => {
            "the protection asks for executable memory by name, so code may be kept there"
        }
        PATCHING => "code that is changed through this mapping cannot be changed then",
        _ if call.argument(Role::ProcessHandle).is_some() => {
            "code may run in that memory, of a user process even with memory integrity on"
        }
        _ => "code may be mapped by way of the section",
    };
    fix(format!("ask for `{}`", edits[0].replacement), Mend::Unsafe(doubt), edits)
}

/// What the process handle says about whose memory it is.
fn process_note(is_current: bool) -> &'static str {
    match is_current {
        true => {
            "the process is the current one, and which that is depends on the thread: the System \
             process while the driver starts and in its own threads"
        }
        false => {
            "memory integrity does not govern the memory of user processes: if the handle is that \
             of one, only Driver Verifier objects"
        }
    }
}

fn help(writable: bool) -> &'static str {
    match writable {
        true => "ask for `PAGE_READWRITE`",
        false => "ask for `PAGE_READONLY` or `PAGE_READWRITE`",
    }
}

#[cfg(test)]
mod tests {
    use crate::code::tests::calling;
    use crate::memory::tests::{asked, constant, either, finding, notes, says, unknown};
    use crate::source::tests::{fixed_by, found_in, linted};
    use ringfence_finding::{Confidence, Targets};

    /// Spec cases 89, 92, 93, 95 and 98: one mask decides.
    #[test]
    fn any_execute_bit_decides() {
        for (name, index, protection, executable) in [
            ("MmMapIoSpaceEx", 2, 0x204, false),
            ("MmMapIoSpaceEx", 2, 0x40, true),
            ("MmAllocateContiguousNodeMemory", 4, 0x40, true),
            ("MmAllocateContiguousNodeMemory", 4, 0x404, false),
            ("MmProtectMdlSystemAddress", 1, 0x40, true),
            ("MmProtectMdlSystemAddress", 1, 2, false),
            ("ZwMapViewOfSection", 9, 0x40, true),
            ("ZwMapViewOfSection", 9, 4, false),
            ("NtAllocateVirtualMemory", 5, 0x40, true),
            ("ZwProtectVirtualMemory", 3, 0x20, true),
            ("ZwProtectVirtualMemory", 3, 0x10, true),
            ("ZwProtectVirtualMemory", 3, 0x80, true),
        ] {
            let says = says(&asked(name, &[(index, constant(protection))]));
            assert_eq!(says.len(), usize::from(executable), "{name} {protection:#x}: {says:?}");
            let certified = "violation error[executable-page-protection] certify";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }

    /// `NtCreateSection` and `ZwCreateSection` are two exports, and the driver imports one.
    #[test]
    fn a_finding_names_what_the_driver_imports() {
        for name in ["NtCreateSection", "ZwCreateSection"] {
            let attributes = 0x40_u32.to_le_bytes();
            let code = [
                &[0x48, 0x83, 0xEC, 0x48, 0xC7, 0x44, 0x24, 0x20][..], // sub rsp, 48h
                &attributes,                           // mov dword ptr [rsp+20h], 40h
                &[0xC7, 0x44, 0x24, 0x28, 0, 0, 0, 8], // mov dword ptr [rsp+28h], 8000000h
                &[0xFF, 0x15],
            ];
            let told = calling(&[name], &[&code.concat()], &[&[0x48, 0x83, 0xC4, 0x48]]);
            let says: Vec<_> = told.findings.iter().map(|one| one.message.as_str()).collect();
            assert!(says.len() == 1 && says[0].ends_with(&format!(" at {name}")), "{says:?}");
        }
    }

    #[test]
    fn writable_and_executable_is_told_as_such() {
        let told = |protection| says(&asked("MmMapIoSpaceEx", &[(2, constant(protection))]));
        assert_eq!(
            told(0x40),
            ["violation error[executable-page-protection] certify: memory that is writable and \
                 executable at once is requested: Protect = PAGE_EXECUTE_READWRITE (0x40) at \
                 MmMapIoSpaceEx"]
        );
        assert_eq!(
            told(0x20),
            ["violation error[executable-page-protection] certify: an executable page protection \
                 is requested: Protect = PAGE_EXECUTE_READ (0x20) at MmMapIoSpaceEx"]
        );
    }

    /// Spec case 94: what is done to a user process is for Driver Verifier alone to object to.
    #[test]
    fn the_process_is_told_of() {
        let protect = |handle| asked("ZwProtectVirtualMemory", &[(0, handle), (3, constant(0x40))]);
        assert!(notes(&protect(unknown())).contains("only Driver Verifier objects"));
        let current = notes(&protect(constant(u64::MAX)));
        assert!(current.contains("depends on the thread"), "{current}");
        assert!(!current.contains("only Driver Verifier objects"));
    }

    /// Spec case 96.
    #[test]
    fn sections_of_images_are_likely_only() {
        let section = |protection, attributes| {
            asked("ZwCreateSection", &[(4, constant(protection)), (5, attributes)])
        };
        let image = section(0x10, constant(0x100_0000));
        // Behind it comes the note that it is one of an image.
        let first = &image.findings[0];
        assert_eq!(
            (first.rule, first.confidence),
            ("executable-page-protection", Confidence::Likely)
        );
        assert!(first.notes.join("\n").contains("SEC_IMAGE"));
        for attributes in [constant(0x800_0000), either(&[0x100_0000, 0x800_0000]), unknown()] {
            let call = section(0x40, attributes);
            assert_eq!(finding(&call).confidence, Confidence::Certain);
            assert!(!notes(&call).contains("SEC_IMAGE"));
        }
    }

    /// Spec case 93: the way code is patched.
    #[test]
    fn patching_through_an_mdl_is_told_of() {
        let call = asked("MmProtectMdlSystemAddress", &[(1, constant(0x40))]);
        assert!(notes(&call).contains("patch code"));
    }

    /// Spec cases 89, 94 and 95, in source.
    #[test]
    fn source_is_judged_and_mended() {
        let (said, mended) = linted("void F(void) { MmMapIoSpaceEx(a, n, PAGE_EXECUTE_READ); }");
        assert_eq!(
            said,
            [
                "a.c:2:37 error[executable-page-protection] certify: an executable page protection is \
                 requested: Protect = PAGE_EXECUTE_READ (0x20) at MmMapIoSpaceEx"
            ]
        );
        assert!(mended.contains("PAGE_EXECUTE_READ"), "nothing proves that no code is there");
        for (before, after) in [
            ("MmMapIoSpaceEx(a, n, 0x40)", "MmMapIoSpaceEx(a, n, PAGE_READWRITE)"),
            (
                "MmMapIoSpaceEx(a, n, x ? PAGE_EXECUTE | PAGE_NOCACHE : PAGE_READWRITE)",
                "MmMapIoSpaceEx(a, n, x ? PAGE_READONLY | PAGE_NOCACHE : PAGE_READWRITE)",
            ),
            (
                "ZwProtectVirtualMemory(h, &b, &n, PAGE_EXECUTE_WRITECOPY, &o)",
                "ZwProtectVirtualMemory(h, &b, &n, PAGE_WRITECOPY, &o)",
            ),
            (
                "ZwMapViewOfSection(s, NtCurrentProcess(), &b, 0, 0, NULL, &n, ViewShare, 0, PAGE_EXECUTE_READWRITE)",
                "ZwMapViewOfSection(s, NtCurrentProcess(), &b, 0, 0, NULL, &n, ViewShare, 0, PAGE_READWRITE)",
            ),
        ] {
            let code = |call: &str| format!("void F(int x) {{ {call}; }}");
            let (made, because) = fixed_by("executable-page-protection", &code(before));
            assert_eq!((made, because.len()), (code(after), 1));
            assert_eq!(linted(&code(after)).0, [""; 0]);
        }
    }

    /// Spec case 96, in source.
    #[test]
    fn sections_of_images_are_not_mended() {
        let section = |protection: &str, attributes: &str| {
            let text = format!(
                "#include <wdm.h>\nvoid F(void) {{ ZwCreateSection(&s, 1, NULL, NULL, {protection}, {attributes}, f); }}"
            );
            let mut findings = found_in(&[("a.c", &text)], &[], Targets::DEFAULT, false);
            findings.retain(|finding| finding.rule == "executable-page-protection");
            (findings[0].confidence, findings[0].fix.is_some())
        };
        assert_eq!(section("PAGE_EXECUTE", "SEC_IMAGE"), (Confidence::Likely, false));
        assert_eq!(section("PAGE_EXECUTE_READWRITE", "SEC_COMMIT"), (Confidence::Certain, true));
    }

    /// What is or-ed to something else is set whatever that is.
    #[test]
    fn the_bit_that_is_known_is_named_in_source() {
        let code = "void F(ULONG prot) { ZwAllocateVirtualMemory(NtCurrentProcess(), &p, 0, &n, MEM_COMMIT, prot | PAGE_EXECUTE); }";
        let (said, _) = linted(code);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains("= PAGE_EXECUTE (0x10) or'ed to something not known, as "),
            "{said:?}"
        );
    }
}
