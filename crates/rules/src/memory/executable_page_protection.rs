use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Role, Ruling};
use ringfence_finding::{Finding, Level, RuleCard};

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
    /// ```c
    /// MmMapIoSpaceEx(address, size, PAGE_EXECUTE_READWRITE);     /* executable */
    /// MmMapIoSpaceEx(address, size, PAGE_READWRITE | PAGE_NOCACHE);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Which process a handle stands for, and a protection that a caller in another module chooses.
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
        let what = match writable {
            true => "memory that is writable and executable at once is requested",
            false => "an executable page protection is requested",
        };
        let mut finding = violation(&Self::CARD, call, driver, findings, what);
        if let Some(note) = process_note(call) {
            finding = finding.note(note);
        }
        if call.every(Role::SectionAttributes, |value| value.ones & SEC_IMAGE != 0) {
            finding = finding.likely().note(
                "sections of images (SEC_IMAGE) have executable protections by their nature; \
                 Driver Verifier objects all the same",
            );
        }
        if call.ddi.name == "MmProtectMdlSystemAddress" {
            finding = finding.note(
                "drivers that patch code in memory call this; with memory integrity on no page of \
                 the kernel is writable and executable at once",
            );
        }
        findings.report(help(finding, writable));
    }
}

/// What the process handle says about whose memory it is.
fn process_note(call: &DdiCall) -> Option<&'static str> {
    call.argument(Role::ProcessHandle)?;
    Some(match call.always(Role::ProcessHandle, CURRENT_PROCESS) {
        true => {
            "the process is the current one, and which that is depends on the thread: the System \
             process while the driver starts and in its own threads"
        }
        false => {
            "memory integrity does not govern the memory of user processes: if the handle is that \
             of one, only Driver Verifier objects"
        }
    })
}

fn help(finding: Finding, writable: bool) -> Finding {
    finding.help(match writable {
        true => "ask for `PAGE_READWRITE`",
        false => "ask for `PAGE_READONLY` or `PAGE_READWRITE`",
    })
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, either, finding, notes, says, unknown};
    use ringfence_finding::Confidence;

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
}
