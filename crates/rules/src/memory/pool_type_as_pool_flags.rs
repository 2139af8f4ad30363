use super::violation::{decided_by, placed};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Level, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of ExAllocatePool2 and ExAllocatePool3 whose flags select no pool or several, as
    /// the POOL_TYPE constants of the older functions do.
    ///
    /// ## Why it matters
    ///
    /// Exactly one of `POOL_FLAG_NON_PAGED` (0x40), `POOL_FLAG_NON_PAGED_EXECUTE` (0x80) and
    /// `POOL_FLAG_PAGED` (0x100) must be there; else the allocation fails when the driver runs. It
    /// is a bug that comes from porting to the newer functions. No executable memory is asked for,
    /// and so it counts against no answer.
    ///
    /// ## Example
    ///
    /// ```c
    /// ExAllocatePool2(NonPagedPoolNx, size, tag);        /* 0x200 is no pool flag: fails */
    /// ExAllocatePool2(POOL_FLAG_NON_PAGED, size, tag);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Flags of which some bits are not known.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/updating-deprecated-exallocatepool-calls
    PoolTypeAsPoolFlags {
        id: "pool-type-as-pool-flags",
        summary: "pool flags select no pool or several",
        level: Level::Warning,
        since: "0.1.0",
        also_known_as: &[],
    }
}

/// `POOL_FLAG_NON_PAGED`, `POOL_FLAG_NON_PAGED_EXECUTE` and `POOL_FLAG_PAGED`.
const POOLS: u64 = 0x40 | 0x80 | 0x100;

impl Rule for PoolTypeAsPoolFlags {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PoolFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let Some(deciding) = call.deciding().filter(|found| found.role == Role::PoolFlags) else {
            return;
        };
        let possible = &deciding.value.possible;
        let refused = |flags: &u64| (flags & POOLS).count_ones() != 1;
        let Some(flags) = possible.iter().filter_map(|value| value.constant()).find(refused) else {
            return;
        };
        let pools = if flags & POOLS == 0 { "no pool" } else { "several pools" };
        let path = if possible.len() > 1 { " on some paths" } else { "" };
        let message = format!(
            "pool flags select {pools}{path}, so the allocation fails: {} = {flags:#x} at {}",
            deciding.name, call.ddi.name
        );
        let finding = Finding::new(&Self::CARD, Level::Warning, message)
            .note("this is a bug of its own and asks for no executable memory by itself");
        let finding = match pool_type(flags) {
            Some(name) => finding.note(format!("{flags:#x} is {name} of POOL_TYPE")),
            None => finding,
        };
        let finding = placed(finding, call, driver, findings)
            .help("pass exactly one of `POOL_FLAG_NON_PAGED` and `POOL_FLAG_PAGED`");
        findings.report(finding);
    }
}

/// The POOL_TYPE that somebody may have meant by these flags.
fn pool_type(flags: u64) -> Option<&'static str> {
    Some(match flags {
        0 => "NonPagedPool",
        1 => "PagedPool",
        4 => "NonPagedPoolCacheAligned",
        5 => "PagedPoolCacheAligned",
        0x200 => "NonPagedPoolNx",
        0x204 => "NonPagedPoolNxCacheAligned",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, notes, says};

    /// Spec cases 52 and 53: a bug, and no violation.
    #[test]
    fn pool_types_select_no_pool() {
        for (flags, meant) in [(0, "NonPagedPool of"), (512, "NonPagedPoolNx of")] {
            let call = asked("ExAllocatePool2", &[(0, constant(flags))]);
            assert_eq!(
                says(&call),
                [format!(
                    "fine warning[pool-type-as-pool-flags] nothing: pool flags select no pool, so \
                     the allocation fails: Flags = {flags:#x} at ExAllocatePool2"
                )]
            );
            assert!(notes(&call).contains(meant));
            assert_eq!(call.gaps, [""; 0]);
        }
    }

    /// Spec case 54: both a bug and a violation, which Driver Verifier does not check (section 1.2).
    #[test]
    fn two_pools_at_once_are_a_bug_and_a_violation() {
        let says = says(&asked("ExAllocatePool2", &[(0, constant(0xC0))]));
        assert_eq!(says.len(), 2);
        assert!(says[0].starts_with("violation warning[executable-pool-flags] nothing: "));
        assert!(says[1].starts_with(
            "violation warning[pool-type-as-pool-flags] nothing: pool flags select several pools"
        ));
    }

    /// Spec cases 49 to 51.
    #[test]
    fn one_pool_is_right() {
        for flags in [0x40, 0x80, 0x100, 0x42] {
            let says = says(&asked("ExAllocatePool2", &[(0, constant(flags))]));
            assert!(!says.iter().any(|said| said.contains("pool-type-as-pool-flags")), "{says:?}");
        }
    }
}
