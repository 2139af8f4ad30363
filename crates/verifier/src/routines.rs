//! The kernel functions that are modelled, one file a family. A new one is a function and a line in its
//! family's list.

mod callback;
mod convert;
mod crt;
mod debug;
mod device;
mod exception;
mod format;
mod framework;
mod hardware;
mod interlocked;
mod lock;
mod lookaside;
mod mdl;
mod network;
mod object;
mod pool;
mod queue;
mod registry;
mod request;
mod section;
mod security;
mod string;
mod system;
mod thread;
mod time;
mod virtual_memory;
mod wait;

use crate::call::Entry;
use std::collections::HashMap;
use std::sync::LazyLock;

/// All families.
const FAMILIES: &[&[Entry]] = &[
    callback::ROUTINES,
    convert::ROUTINES,
    crt::ROUTINES,
    debug::ROUTINES,
    device::ROUTINES,
    exception::ROUTINES,
    format::ROUTINES,
    framework::ROUTINES,
    hardware::ROUTINES,
    interlocked::ROUTINES,
    lock::ROUTINES,
    lookaside::ROUTINES,
    mdl::ROUTINES,
    network::ROUTINES,
    object::ROUTINES,
    pool::ROUTINES,
    queue::ROUTINES,
    registry::ROUTINES,
    request::ROUTINES,
    section::ROUTINES,
    security::ROUTINES,
    string::ROUTINES,
    system::ROUTINES,
    thread::ROUTINES,
    time::ROUTINES,
    virtual_memory::ROUTINES,
    wait::ROUTINES,
];

/// All of them by name, in the order of names.
static SORTED: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
    let mut all: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).collect();
    all.sort_unstable_by_key(|entry| entry.name);
    all
});

static BY_NAME: LazyLock<HashMap<&'static str, usize>> =
    LazyLock::new(|| SORTED.iter().enumerate().map(|(place, entry)| (entry.name, place)).collect());

/// The model of the function called `name`.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    place_of(name).and_then(at)
}

/// Where the function called `name` is in the order of names.
pub(crate) fn place_of(name: &str) -> Option<usize> {
    BY_NAME.get(name).copied()
}

/// The function at a place in the order of names.
pub(crate) fn at(place: usize) -> Option<&'static Entry> {
    SORTED.get(place).copied()
}

/// All functions, in the order of names.
pub(crate) fn sorted() -> impl ExactSizeIterator<Item = &'static Entry> {
    SORTED.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::{BY_NAME, FAMILIES};

    #[test]
    fn each_function_is_in_one_family() {
        let all: usize = FAMILIES.iter().map(|family| family.len()).sum();
        assert_eq!(BY_NAME.len(), all);
    }

    /// What the table says of imports of the kernel is nothing that a stand-in could do.
    #[test]
    fn each_ddi_of_the_kernel_that_gives_memory_is_modelled() {
        use ringfence_ddi::{Grant, Reach};
        let missing: Vec<_> = ringfence_ddi::all()
            .iter()
            .filter(|ddi| ddi.reach == Reach::Import && ddi.modules.contains(&"ntoskrnl.exe"))
            .filter(|ddi| !matches!(ddi.grant, Grant::Nothing))
            .filter(|ddi| super::named(ddi.name).is_none())
            .map(|ddi| ddi.name)
            .collect();
        assert_eq!(missing, [""; 0]);
    }
}
