//! What code does to code. Two lines a rule: its module and its place in the list.

mod drawing;

mod executes_allocated_memory;
mod executes_discarded_code;
mod maps_own_code;
mod reads_kernel_code;
mod write_protection_cleared;
mod writes_to_code;
mod writes_to_import_table;

use crate::Rule;
pub(crate) use maps_own_code::MapsOwnCode;
use ringfence_verifier::{Touched, Violation};
pub(crate) use write_protection_cleared::WriteProtectionCleared;

pub(crate) static RULES: &[&dyn Rule] = &[
    &writes_to_code::WritesToCode,
    &writes_to_import_table::WritesToImportTable,
    &WriteProtectionCleared,
    &executes_allocated_memory::ExecutesAllocatedMemory,
    &executes_discarded_code::ExecutesDiscardedCode,
    &MapsOwnCode,
    &reads_kernel_code::ReadsKernelCode,
];

/// ATTEMPTED_WRITE_TO_READONLY_MEMORY
const WRITTEN: u32 = 0xBE;
/// SECURE_FAULT_UNHANDLED: the hypervisor objects to what the page tables allow. The first parameter says to what.
const SECURE_FAULT: u32 = 0x18D;
/// ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY
pub(crate) const EXECUTED: u32 = 0xFC;

/// Whether a run was stopped by a bug check about memory of this kind.
pub(crate) fn is_of_rights(violation: &Violation, code: u32, touched: Touched) -> bool {
    violation.bug_check.code == code && violation.touched == Some(touched)
}

/// Whether a run was stopped because it wrote to memory that may not be written.
pub(crate) fn is_of_write(violation: &Violation) -> bool {
    /// A write, in the first parameter of SECURE_FAULT_UNHANDLED.
    const WRITE: u64 = 4;
    match violation.bug_check.code {
        WRITTEN => true,
        SECURE_FAULT => violation.bug_check.parameters[0] & WRITE != 0,
        _ => false,
    }
}

/// Whether a run was stopped because it wrote to memory of this kind.
pub(crate) fn is_write_to(violation: &Violation, touched: Touched) -> bool {
    is_of_write(violation) && violation.touched == Some(touched)
}

#[cfg(test)]
pub(crate) mod tests;
