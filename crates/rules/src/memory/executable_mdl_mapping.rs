use super::violation::{asks_by, decided_by, violation};
use crate::calls::{KERNEL_MODE, USER_MODE};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Level, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds mappings of MDLs whose priority lacks `MdlMappingNoExecute` (0x40000000). The inline
    /// function MmGetSystemAddressForMdlSafe is among them: what remains of it in a driver is a call
    /// of MmMapLockedPagesSpecifyCache.
    ///
    /// ## Why it matters
    ///
    /// The pages are mapped executable. Driver Verifier's code-integrity option stops the call with
    /// bug check 0xC4, 0x2002, and so a driver that makes it is not certified. It does so for
    /// mappings into user mode as well, which are never executable.
    ///
    /// ## Example
    ///
    /// ```c
    /// MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);     /* executable */
    /// MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority | MdlMappingNoExecute);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// A priority that a caller in another module chooses.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmaplockedpagesspecifycache
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmgetsystemaddressformdlsafe
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutableMdlMapping {
        id: "executable-mdl-mapping",
        summary: "memory described by an MDL is mapped executable",
        level: Level::Error,
        since: "0.1.0",
        also_known_as: &["0xC4:0x2002", "Execute Page Mapping Count", "C30030"],
    }
}

impl Rule for ExecutableMdlMapping {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::MdlPriority])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::MdlPriority]) {
            return;
        }
        let what = "memory described by an MDL is mapped executable";
        let mut finding = violation(&Self::CARD, call, driver, findings, what);
        if call.always(Role::ProcessorMode, USER_MODE) {
            finding = finding.note(
                "the mapping is one for user mode (AccessMode = UserMode), which is never \
                 executable; Driver Verifier does not look at that and objects all the same",
            );
        } else if !call.always(Role::ProcessorMode, KERNEL_MODE) {
            finding =
                finding.note("AccessMode is not known; for user mode no mapping is executable");
        }
        findings.report(finding.help("add `MdlMappingNoExecute` to the priority (Windows 8)"));
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, either, notes, says, unknown};

    const MAP: &str = "MmMapLockedPagesSpecifyCache";

    /// Spec cases 80 to 83.
    #[test]
    fn one_bit_decides() {
        for (priority, executable) in
            [(0x10, true), (0x4000_0010, false), (0xC000_0010, false), (0x8000_0010, true)]
        {
            let says = says(&asked(MAP, &[(1, constant(0)), (5, constant(priority))]));
            assert_eq!(says.len(), usize::from(executable), "{priority:#x}: {says:?}");
            let certified = "violation error[executable-mdl-mapping] certify: ";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }

    /// Spec case 84: it still denies certification, and the note says that nothing else objects.
    #[test]
    fn user_mode_mappings_are_told_of() {
        let map = |mode| asked(MAP, &[(1, mode), (5, constant(0x10))]);
        let user = map(constant(1));
        assert!(says(&user)[0].starts_with("violation error[executable-mdl-mapping] certify: "));
        assert!(notes(&user).contains("never executable"));
        assert!(!notes(&map(constant(0))).contains("AccessMode is not known"));
        for mode in [either(&[0, 1]), unknown()] {
            assert!(notes(&map(mode)).contains("AccessMode is not known"));
        }
    }
}
