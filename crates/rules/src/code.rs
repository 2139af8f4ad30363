//! What code does to code. Two lines a rule: its module and its place in the list.

mod drawing;

mod executes_allocated_memory;
mod maps_own_code;
mod reads_kernel_code;
mod write_protection_cleared;
mod writes_to_code;
mod writes_to_import_table;

use crate::Rule;
use ringfence_verifier::{Touched, Violation};
pub(crate) use write_protection_cleared::WriteProtectionCleared;

pub(crate) static RULES: &[&dyn Rule] = &[
    &writes_to_code::WritesToCode,
    &writes_to_import_table::WritesToImportTable,
    &WriteProtectionCleared,
    &executes_allocated_memory::ExecutesAllocatedMemory,
    &maps_own_code::MapsOwnCode,
    &reads_kernel_code::ReadsKernelCode,
];

/// ATTEMPTED_WRITE_TO_READONLY_MEMORY
pub(crate) const WRITTEN: u32 = 0xBE;
/// ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY
pub(crate) const EXECUTED: u32 = 0xFC;

/// Whether a run was stopped by a bug check about memory of this kind.
pub(crate) fn is_of_rights(violation: &Violation, code: u32, touched: Touched) -> bool {
    violation.bug_check.code == code && violation.touched == Some(touched)
}

#[cfg(test)]
mod tests;
