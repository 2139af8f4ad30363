//! What calls ask the kernel for. Two lines a rule: its module and its place in the list.

mod drawing;
mod violation;

mod always_executable_memory;
mod caller_controlled_protection;
mod executable_heap;
mod executable_lookaside_list;
mod executable_mdl_mapping;
mod executable_page_protection;
mod executable_pool_flags;
mod executable_pool_type;
mod maps_file_as_image;
mod nx_opt_in;
mod pool_nx_optout;
mod pool_type_as_pool_flags;

use crate::Rule;
pub(crate) use violation::{denial, graded, verifier_note};

pub(crate) static RULES: &[&dyn Rule] = &[
    &nx_opt_in::NxOptIn,
    &pool_nx_optout::PoolNxOptout,
    &executable_pool_type::ExecutablePoolType,
    &executable_pool_flags::ExecutablePoolFlags,
    &executable_lookaside_list::ExecutableLookasideList,
    &executable_page_protection::ExecutablePageProtection,
    &executable_mdl_mapping::ExecutableMdlMapping,
    &always_executable_memory::AlwaysExecutableMemory,
    &executable_heap::ExecutableHeap,
    &maps_file_as_image::MapsFileAsImage,
    &pool_type_as_pool_flags::PoolTypeAsPoolFlags,
    &caller_controlled_protection::CallerControlledProtection,
];

#[cfg(test)]
pub(crate) mod tests;
