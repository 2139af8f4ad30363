//! What code does to code. Two lines a rule: its module and its place in the list.

mod drawing;

mod executes_allocated_memory;
mod maps_own_code;
mod reads_kernel_code;
mod write_protection_cleared;
mod writes_to_code;

use crate::Rule;

pub(crate) static RULES: &[&dyn Rule] = &[
    &writes_to_code::WritesToCode,
    &write_protection_cleared::WriteProtectionCleared,
    &executes_allocated_memory::ExecutesAllocatedMemory,
    &maps_own_code::MapsOwnCode,
    &reads_kernel_code::ReadsKernelCode,
];

#[cfg(test)]
mod tests;
