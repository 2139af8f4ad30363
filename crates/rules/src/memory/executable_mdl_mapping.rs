use super::violation::{asks_by, decided_by, violation};
use crate::calls::{KERNEL_MODE, USER_MODE};
use crate::rule::rule_card;
use crate::source::{Mend, always, asks_by as asks_in_source, fix, or_ed, violation as violated};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Fix, Level, RuleCard, SourceFinding};
use ringfence_source::SourceCall;

rule_card! {
    /// ## What it does
    ///
    /// Finds mappings of MDLs whose priority lacks `MdlMappingNoExecute` (0x40000000). The inline
    /// function MmGetSystemAddressForMdlSafe is among them, and so are the macros of NDIS around it, such
    /// as NdisQueryMdl: what remains of them in a driver is a call of MmMapLockedPagesSpecifyCache.
    ///
    /// ## Why it matters
    ///
    /// The pages are mapped executable. Driver Verifier's code-integrity option stops the call with
    /// bug check 0xC4, 0x2002, and so a driver that makes it is not certified. It does so for
    /// mappings into user mode as well, which are never executable.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *map(PMDL mdl) { return MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority); }
    /// ```
    ///
    /// ```c,fixed
    /// void *map(PMDL mdl) { return MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority | MdlMappingNoExecute); }
    /// ```
    ///
    /// With `POOL_NX_OPTIN_AUTO=1` MmGetSystemAddressForMdlSafe adds the flag by itself, and so do the
    /// macros around it. Of a call of MmMapLockedPagesSpecifyCache that is not known, so in source such a finding is likely only.
    ///
    /// ## What it cannot see
    ///
    /// A priority that a caller in another module chooses, and in source a mapping that a macro makes of a
    /// header that is not there and is no part of Windows' kits.
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
        senses: [Code, Source, Run],
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
            finding = finding.note(FOR_USER_MODE);
        } else if !call.always(Role::ProcessorMode, KERNEL_MODE) {
            finding =
                finding.note("AccessMode is not known; for user mode no mapping is executable");
        }
        findings.report(finding.help(HELP));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::MdlPriority]) {
            return;
        }
        let what = "memory described by an MDL is mapped executable";
        let mut finding = violated(&Self::CARD, call, source, what);
        if always(call, Role::ProcessorMode, USER_MODE) {
            finding = finding.note(FOR_USER_MODE);
        }
        let finding = under_opt_in(finding, call);
        findings.report(finding.help(HELP).fixed_by(with_flag(call, source)));
    }
}

const HELP: &str = "add `MdlMappingNoExecute` to the priority (Windows 8)";
const FOR_USER_MODE: &str = "the mapping is one for user mode (AccessMode = UserMode), which is never \
                             executable; Driver Verifier does not look at that and objects all the same";

/// What an opt-in may have to do with a call of the function itself.
fn under_opt_in(finding: SourceFinding, call: &SourceCall) -> SourceFinding {
    if call.ddi.name != "MmMapLockedPagesSpecifyCache" || call.opt_in.adds() != Some(true) {
        return finding;
    }
    finding.likely().note(
        "the opt-in to non-executable pool adds MdlMappingNoExecute to what \
         MmGetSystemAddressForMdlSafe passes; that it does so to this call is not known",
    )
}

/// Adds the flag in the call of the DDI itself: whoever chose the priority, it is right for all.
fn with_flag(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let (_, priority) = call.deciding()?;
    let edits = or_ed(source, priority, "MdlMappingNoExecute")?;
    fix("add `MdlMappingNoExecute` to the priority", Mend::Safe, edits)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, either, notes, says, unknown};
    use crate::source::tests::{findings_of, linted};
    use ringfence_finding::{Confidence, Targets};

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

    /// Spec case 132.
    #[test]
    fn source_is_judged_and_mended() {
        let (said, mended) = linted("void F(PMDL m) { p = MmGetSystemAddressForMdlSafe(m, 16); }");
        assert_eq!(
            said,
            [
                "a.c:2:54 error[executable-mdl-mapping] certify: memory described by an MDL is mapped \
                 executable: Priority = NormalPagePriority (0x10) at MmGetSystemAddressForMdlSafe"
            ]
        );
        let flagged =
            "void F(PMDL m) { p = MmGetSystemAddressForMdlSafe(m, 16 | MdlMappingNoExecute); }";
        assert_eq!(mended, flagged);
        assert_eq!(linted(flagged).0, [""; 0]);
    }

    /// Macros of ndis.h are known by their names; without a place for the address they map nothing.
    #[test]
    fn macros_of_ndis_map_too() {
        for call in [
            "NdisQueryMdl(m, &a, &n, NormalPagePriority",
            "NdisQueryBufferSafe(m, &a, &n, LowPagePriority",
            "NdisBufferVirtualAddressSafe(m, HighPagePriority",
            "NdisGetFirstBufferFromPacketSafe(m, &b, &a, &n, &s, NormalPagePriority",
        ] {
            let code = format!("void F(PMDL m) {{ {call}); }}");
            let (said, mended) = linted(&code);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains("error[executable-mdl-mapping] certify: "), "{said:?}");
            let flagged = format!("void F(PMDL m) {{ {call} | MdlMappingNoExecute); }}");
            assert_eq!(mended, flagged);
            assert_eq!(linted(&flagged).0, [""; 0]);
        }
        let length =
            "void F(PMDL m) { NdisQueryMdl(m, NULL, &n, 16); NdisQueryBufferSafe(m, 0, &n, 16); }";
        assert_eq!(linted(length).0, [""; 0]);
        let opted = "#define POOL_NX_OPTIN_AUTO 1\n#include <ndis.h>\nvoid F(void) { NdisQueryMdl(m, &a, &n, 16); }";
        assert_eq!(findings_of(&[("a.c", opted)], Targets::DEFAULT), []);
    }

    #[test]
    fn the_flag_goes_to_the_whole_priority() {
        for (before, after) in [
            ("x ? 16 : 32", "(x ? 16 : 32) | MdlMappingNoExecute"),
            ("(x ? 16 : 32)", "(x ? 16 : 32) | MdlMappingNoExecute"),
            (
                "16 /* a */ | MdlMappingNoWrite",
                "16 /* a */ | MdlMappingNoWrite | MdlMappingNoExecute",
            ),
            ("LowPagePriority // a\r\n", "LowPagePriority | MdlMappingNoExecute // a\r\n"),
        ] {
            let code = |priority: &str| {
                format!(
                    "void F(int x) {{ MmMapLockedPagesSpecifyCache(m, KernelMode, MmCached, NULL, FALSE, {priority}); }}"
                )
            };
            assert_eq!(linted(&code(before)).1, code(after));
            assert_eq!(linted(&code(after)).0, [""; 0]);
        }
    }

    /// One edit in a macro or wrapper is enough for all who use it.
    #[test]
    fn the_flag_goes_to_the_call_of_the_ddi() {
        let code = "#define MAP(m, p) MmGetSystemAddressForMdlSafe(m, p)\nvoid *Map(int p) { return MAP(m, p); }\nvoid F(void) { Map(16); Map(32); MAP(m, 16); }";
        let (said, mended) = linted(code);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(mended, code.replace("(m, p)\nvoid", "(m, (p) | MdlMappingNoExecute)\nvoid"));
        assert_eq!(linted(&mended).0, [""; 0]);
    }

    #[test]
    fn an_opt_in_is_for_the_inline_function() {
        let of = |code: &str| {
            let text = format!(
                "#define POOL_NX_OPTIN_AUTO 1\n#include <wdm.h>\nvoid F(void) {{ {code} }}"
            );
            findings_of(&[("a.c", &text)], Targets::DEFAULT)
        };
        assert_eq!(of("MmGetSystemAddressForMdlSafe(m, 16);"), []);
        let direct = of("MmMapLockedPagesSpecifyCache(m, UserMode, MmCached, NULL, FALSE, 16);");
        assert_eq!(direct[0].confidence, Confidence::Likely);
        let notes = direct[0].notes.join("\n");
        assert!(notes.contains("never executable") && notes.contains("opt-in"), "{notes}");
    }
}
