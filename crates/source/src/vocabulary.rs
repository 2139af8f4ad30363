//! The names that mean something to everybody: DDIs, and the constants of the kit's headers.

use foldhash::{HashMap, HashMapExt};
use ringfence_ddi::{Ddi, Reach, Role};
use std::sync::LazyLock;

/// Constants that no parameter role has.
const OTHERS: [(&str, u64); 8] = [
    ("FALSE", 0),
    ("TRUE", 1),
    ("NULL", 0),
    ("false", 0),
    ("true", 1),
    ("nullptr", 0),
    ("DrvRtPoolNxOptIn", 1),
    ("CR0_WP", CR0_WP),
];

/// Bit 16 of control register 0, WP: whether read-only pages are read-only to the kernel.
pub(crate) const CR0_WP: u64 = 1 << 16;

static CONSTANTS: LazyLock<HashMap<&'static str, u64>> = LazyLock::new(|| {
    let mut constants: HashMap<_, _> = OTHERS.into_iter().collect();
    constants.extend(Role::ALL.into_iter().flat_map(Role::constants));
    constants
});

/// The functions that are looked for, by every name they have in source.
static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Ddi>> = LazyLock::new(|| {
    let mut functions = HashMap::new();
    for ddi in ringfence_ddi::all().iter().filter(|ddi| is_called(ddi)) {
        // Of `IPortWavePci::NewMasterDmaChannel` source has the last part, as a member.
        let name = ddi.name.rsplit("::").next().unwrap_or(ddi.name);
        functions.insert(name, ddi);
        functions.extend(ddi.aliases.iter().map(|alias| (*alias, ddi)));
    }
    functions
});

/// Whether drivers call it, rather than being called.
fn is_called(ddi: &Ddi) -> bool {
    ddi.reach != Reach::Inbound
}

/// The value of a constant of the kit.
pub(crate) fn constant(name: &str) -> Option<u64> {
    CONSTANTS.get(name).copied()
}

/// The DDI called `name`, letter case and all.
pub(crate) fn function(name: &str) -> Option<&'static Ddi> {
    FUNCTIONS.get(name).copied()
}

/// All names of functions that are looked for.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.keys().copied()
}

/// Whether an opt-in to no-execute pools changes what a pool type's name stands for.
pub(crate) fn is_opted_in(name: &str) -> bool {
    matches!(name, "NonPagedPool" | "NonPagedPoolCacheAligned")
}

/// How many parameters of a DDI stand before those that source passes: the framework's globals are the macro's.
pub(crate) fn hidden_parameters(ddi: &Ddi) -> usize {
    usize::from(matches!(ddi.reach, Reach::WdfTable { .. }))
}

/// How many parameters of a DDI stand before the first argument of a call with so many: in C++ that of the object is none.
/// None where it is a call of another function of that name.
pub(crate) fn before_arguments(ddi: &Ddi, arguments: usize) -> Option<usize> {
    let takes = ddi.parameters.len();
    let is_method = matches!(ddi.reach, Reach::Interface { .. })
        && ddi.parameters.first().is_some_and(|first| first.name == "this");
    match is_method {
        true if arguments + 1 == takes => Some(1),
        true if arguments != takes => None,
        true => Some(0),
        false => Some(hidden_parameters(ddi)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_source_writes_them() {
        assert_eq!(function("ExAllocatePoolZero").unwrap().name, "ExAllocatePoolZero");
        assert_eq!(
            function("NewMasterDmaChannel").unwrap().name,
            "IPortWavePci::NewMasterDmaChannel"
        );
        assert_eq!(function("NewStream").map(|ddi| ddi.name), None);
        assert!(function("exallocatepool").is_none());
        assert_eq!(constant("NonPagedPoolNx"), Some(0x200));
        let create = function("WdfMemoryCreate").unwrap();
        assert_eq!(create.parameters[hidden_parameters(create)].name, "Attributes");
    }
}
