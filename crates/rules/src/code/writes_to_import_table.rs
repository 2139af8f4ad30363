use super::is_write_to;
use crate::Rule;
use crate::rule::rule_card;
use ringfence_finding::{Level, RuleCard};
use ringfence_verifier::{Touched, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Tells where a driver that is run (`verify`, `scan --verify`) writes to its own import address table.
    ///
    /// ## Why it matters
    ///
    /// Drivers do so to put functions of their own between themselves and the kernel. Once the imports are bound
    /// the table is read-only: linkers put it into a read-only section, and with memory integrity the
    /// hypervisor sees to it, whatever CR0.WP and the page tables say. It does so by pages: what else stands on a page
    /// of the table, such as constants, is kept with it, also from a store by another mapping. The store ends the system with bug check 0xBE,
    /// or 0x50 or 0x18D where it is the hypervisor that objects.
    ///
    /// ## Example
    ///
    /// ```c
    /// *(void **)&__imp_ExAllocatePoolWithTag = MyAllocate;
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Stores that no run comes to: reading the code does not look for them. A table that shares its page with data of
    /// the driver counts as writable where its section is.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xbe--attempted-write-to-readonly-memory
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#import-address-table
    WritesToImportTable {
        id: "writes-to-import-table",
        summary: "the import address table is written to once it is bound",
        level: Level::Error,
        since: "0.1.0",
        senses: [Run],
        also_known_as: &[],
    }
}

impl Rule for WritesToImportTable {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        if is_write_to(violation, Touched::ImportTable) {
            return Some(Self::CARD.summary.to_owned());
        }
        // With CR0.WP clear the store is told of what cleared it.
        let is_beside = is_write_to(violation, Touched::ImportPage) && !violation.unprotected;
        is_beside.then(|| "a page that holds the import address table is written to".to_owned())
    }
}
