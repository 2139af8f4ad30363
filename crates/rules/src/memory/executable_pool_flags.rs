use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Level, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of ExAllocatePool2 and ExAllocatePool3 with `POOL_FLAG_NON_PAGED_EXECUTE` (0x80).
    ///
    /// ## Why it matters
    ///
    /// The flag exists to ask for executable memory, and nothing else does. Driver Verifier's
    /// code-integrity option turns the flags into a pool type and stops the call with bug check 0xC4,
    /// 0x2000, and so a driver that makes it is not certified.
    ///
    /// ## Example
    ///
    /// ```c
    /// ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, size, tag);   /* executable */
    /// ExAllocatePool2(POOL_FLAG_NON_PAGED, size, tag);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Flags that a caller in another module chooses.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutablePoolFlags {
        id: "executable-pool-flags",
        summary: "pool flags ask for executable memory",
        level: Level::Error,
        since: "0.1.0",
        also_known_as: &["0xC4:0x2000", "Execute Pool Type Count"],
    }
}

/// `POOL_FLAG_NON_PAGED_EXECUTE`
const EXECUTE: u64 = 0x80;
/// `POOL_FLAG_NON_PAGED` and `POOL_FLAG_PAGED`.
const OTHERS: u64 = 0x40 | 0x100;

impl Rule for ExecutablePoolFlags {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PoolFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::PoolFlags]) {
            return;
        }
        let what = "memory is requested from an executable pool";
        let finding = violation(&Self::CARD, call, driver, findings, what);
        let finding = if refused(call) { unchecked(finding) } else { finding };
        findings.report(
            finding.help(
                "pass `POOL_FLAG_NON_PAGED` (0x40) in place of `POOL_FLAG_NON_PAGED_EXECUTE`",
            ),
        );
    }
}

/// Whether every value that asks for executable memory selects another pool as well.
fn refused(call: &DdiCall) -> bool {
    call.deciding().is_some_and(|deciding| {
        let mut asking = deciding.value.possible.iter().filter(|value| value.ones & EXECUTE != 0);
        asking.all(|value| value.ones & OTHERS != 0)
    })
}

/// Where no memory comes of it, Driver Verifier does not look.
fn unchecked(mut finding: Finding) -> Finding {
    finding.level = Level::Warning;
    finding.questions.clear();
    finding.reported_by.clear();
    finding.notes = vec![
        "the flags select another pool as well, so the allocation fails, and Driver Verifier does \
         not check them"
            .to_owned(),
    ];
    finding
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says};

    /// Spec cases 48 to 51, 55 and 56.
    #[test]
    fn one_flag_decides() {
        for (name, flags, executable) in [
            ("ExAllocatePool2", 0x80, true),
            ("ExAllocatePool2", 0x40, false),
            ("ExAllocatePool2", 0x100, false),
            ("ExAllocatePool2", 0x42, false),
            ("ExAllocatePool2", 0x1_0000_0040, false),
            ("ExAllocatePool3", 0x82, true),
        ] {
            let says = says(&asked(name, &[(0, constant(flags))]));
            assert_eq!(says.len(), usize::from(executable), "{name} {flags:#x}: {says:?}");
            let certified = "violation error[executable-pool-flags] certify: ";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }
}
