use super::violation::{argument, asks_by, decided_by, placed, violation};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_code::{Possible, Reason};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Counter, Finding, Gap, Level, Question, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds nonpaged lookaside lists whose flags lack `POOL_NX_ALLOCATION` (0x200).
    ///
    /// ## Why it matters
    ///
    /// The entries of such a list come from executable pool. Driver Verifier's code-integrity option
    /// tests the flags and stops the call with bug check 0xC4, 0x2000, and so a driver that makes it
    /// is not certified.
    ///
    /// A driver that brings an Allocate routine of its own decides there what it allocates, and the
    /// flags are no more than a hint to it. Code Analysis then reports C30034 in place of C30030, and
    /// ringfence a note; passing the flag ends both. A DDI such as `ExAllocatePoolWithTag` in that place
    /// is no routine of the driver's own: it allocates what the flags say.
    ///
    /// ## Example
    ///
    /// ```c
    /// ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, size, tag, 0);      /* executable */
    /// ExInitializeNPagedLookasideList(&list, NULL, NULL, POOL_NX_ALLOCATION, size, tag, 0);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// What an Allocate routine of the driver's own does with the flags; its calls are examined by
    /// themselves. Lists that a driver fills in by hand.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializenpagedlookasidelist
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/30034-passing-flag-value-to-allocating-function
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutableLookasideList {
        id: "executable-lookaside-list",
        summary: "lookaside list takes its entries from an executable pool",
        level: Level::Error,
        since: "0.1.0",
        also_known_as: &["0xC4:0x2000", "Execute Pool Type Count", "C30030", "C30034"],
    }
}

impl Rule for ExecutableLookasideList {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::LookasideFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::LookasideFlags]) {
            return;
        }
        let own = call.allocates_by.is_none() && call.every(Role::AllocateRoutine, is_routine);
        let mut finding = if own {
            own_allocator(call, driver, findings)
        } else {
            let what = "lookaside list takes its entries from an executable pool";
            violation(&Self::CARD, call, driver, findings, what)
        };
        if let Some(routine) = call.allocates_by {
            finding = finding.note(format!(
                "its Allocate routine, {}, is given the pool type that Flags make",
                routine.name
            ));
        }
        findings.report(finding.help("add `POOL_NX_ALLOCATION` (0x200) to the flags (Windows 8)"));
    }
}

/// Whether a value is certainly no null pointer.
fn is_routine(possible: &Possible) -> bool {
    possible.ones != 0 || possible.unknown == Some(Reason::Address)
}

/// What the routine allocates is its own affair, so the flags alone say little.
fn own_allocator(call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) -> Finding {
    let message = format!(
        "lookaside list with an Allocate routine of its own lacks POOL_NX_ALLOCATION: {} at {}",
        argument(call).unwrap_or_default(),
        call.ddi.name
    );
    let reason = "whether Driver Verifier objects to a lookaside list with an Allocate routine of its \
                  own is not known";
    let gap = Gap::new(&[Question::Certify], reason);
    findings.leave_open(gap.about(&[Counter::ExecutePoolType]));
    let finding = Finding::new(&ExecutableLookasideList::CARD, Level::Note, message)
        .note("the pool is what the routine asks for, whose calls are examined by themselves")
        .note("Code Analysis reports C30034");
    placed(finding, call, driver, findings)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{address, asked, constant, says, unknown};

    const LIST: &str = "ExInitializeNPagedLookasideList";

    /// Spec cases 60 to 62, without an Allocate routine.
    #[test]
    fn one_flag_decides() {
        for (flags, executable) in [(0, true), (0x200, false), (0x10, true)] {
            let says = says(&asked(LIST, &[(1, constant(0)), (3, constant(flags))]));
            assert_eq!(says.len(), usize::from(executable), "{flags:#x}: {says:?}");
            let certified = "violation error[executable-lookaside-list] certify: ";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }

    /// Spec case 63: with a routine of its own it is a note, as C30034 is.
    #[test]
    fn an_allocate_routine_of_its_own_makes_it_a_note() {
        let call = asked(LIST, &[(1, address()), (3, constant(0))]);
        assert!(says(&call)[0].starts_with("violation note[executable-lookaside-list] nothing: "));
        assert_eq!(call.gaps.len(), 1);
        assert_eq!(says(&asked(LIST, &[(1, address()), (3, constant(0x200))])), [""; 0]);
        // A routine that may be null decides nothing.
        let says = says(&asked(LIST, &[(1, unknown()), (3, constant(0))]));
        assert!(says[0].starts_with("violation error["), "{says:?}");
    }
}
