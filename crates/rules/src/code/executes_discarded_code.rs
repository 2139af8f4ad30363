use crate::Rule;
use crate::rule::rule_card;
use ringfence_finding::{Level, RuleCard};
use ringfence_verifier::{Touched, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Tells where a driver that is run (`verify`, `scan --verify`) executes code of a section that is thrown away
    /// once DriverEntry has returned.
    ///
    /// ## Why it matters
    ///
    /// Windows gives the pages of discardable sections back after DriverEntry, `INIT` above all; with memory integrity
    /// the hypervisor also takes away the right to execute them. A routine there that is called later, because a
    /// dispatch table, a timer or a callback still has its address, is not there any more. The call ends the system
    /// with bug check 0x50, whose second parameter is 0x10 for execution, or with 0xD1 at DISPATCH_LEVEL.
    ///
    /// ## Example
    ///
    /// ```c
    /// #pragma alloc_text(INIT, DriverEntry)
    /// #pragma alloc_text(INIT, Unload)        /* called long after DriverEntry */
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Calls that no run comes to: reading the code does not look for them. Nor data in such sections that is read
    /// later, which is a crash and has nothing to do with executable memory.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x50--page-fault-in-nonpaged-area
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable
    ExecutesDiscardedCode {
        id: "executes-discarded-code",
        summary: "code is executed that was thrown away after DriverEntry",
        level: Level::Error,
        since: "0.1.0",
        senses: [Run],
        also_known_as: &[],
    }
}

impl Rule for ExecutesDiscardedCode {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = violation.touched == Some(Touched::Discarded);
        is_it.then(|| Self::CARD.summary.to_owned())
    }
}
