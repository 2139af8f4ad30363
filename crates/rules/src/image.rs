//! What the image alone gives away. Two lines a rule: its module and its place in the list.

mod drawing;

mod executable_import_table;
mod non_executable_code;
mod non_executable_entry_point;
mod non_native_image;
mod straddling_relocation;
mod stripped_relocations;
mod unaligned_section;
mod unloadable_raw_layout;
mod unsupported_relocation_type;
mod writable_executable_section;
mod wrong_machine;

use crate::Rule;

pub(crate) static RULES: &[&dyn Rule] = &[
    &wrong_machine::WrongMachine,
    &writable_executable_section::WritableExecutableSection,
    &unaligned_section::UnalignedSection,
    &executable_import_table::ExecutableImportTable,
    &unloadable_raw_layout::UnloadableRawLayout,
    &stripped_relocations::StrippedRelocations,
    &straddling_relocation::StraddlingRelocation,
    &unsupported_relocation_type::UnsupportedRelocationType,
    &non_executable_entry_point::NonExecutableEntryPoint,
    &non_executable_code::NonExecutableCode,
    &non_native_image::NonNativeImage,
];

#[cfg(test)]
pub(crate) mod tests;
