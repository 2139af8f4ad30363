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
mod object;
mod pool;
mod registry;
mod request;
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
    object::ROUTINES,
    pool::ROUTINES,
    registry::ROUTINES,
    request::ROUTINES,
    security::ROUTINES,
    string::ROUTINES,
    system::ROUTINES,
    thread::ROUTINES,
    time::ROUTINES,
    virtual_memory::ROUTINES,
    wait::ROUTINES,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Entry>> = LazyLock::new(|| {
    FAMILIES.iter().flat_map(|family| family.iter()).map(|entry| (entry.name, entry)).collect()
});

/// The model of the function called `name`.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    BY_NAME.get(name).copied()
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
