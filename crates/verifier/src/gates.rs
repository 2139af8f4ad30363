//! The kernel's functions as the driver sees them: an address for each name, at which execution leaves
//! the guest.

use crate::call::Entry;
use crate::routines;
use crate::space::{GATE_SIZE, GATES, MOST_GATES};
use ringfence_ddi::Ddi;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kernel function that the driver can call.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Its name.
    pub name: Arc<str>,
    /// The model; none for a stand-in.
    pub entry: Option<&'static Entry>,
    /// Its row in the table of DDIs.
    pub ddi: Option<&'static Ddi>,
}

/// What the driver can call: the modelled functions, each at an address of its own in every run, and behind
/// them the others as they come up.
#[derive(Default)]
pub(crate) struct Gates {
    gates: BTreeMap<u64, Gate>,
    by_name: BTreeMap<Arc<str>, u64>,
    others: u64,
}

/// Where a call made by the kernel returns to.
pub(crate) const RETURN: u64 = GATES;
/// The dispatch routine of requests that the driver does not handle.
pub(crate) const INVALID_REQUEST: u64 = GATES + 3 * GATE_SIZE;
/// The first place of a named function.
pub(crate) const FIRST: u64 = 16;

/// The address at a place.
pub(crate) fn address_of_place(place: u64) -> u64 {
    GATES + place * GATE_SIZE
}

impl Gates {
    /// The address of the function called `name` in `module`; none where there are too many.
    pub(crate) fn of(&mut self, module: &str, name: &str) -> Option<u64> {
        if let Some(&address) = self.by_name.get(name) {
            return Some(address);
        }
        let modelled = routines::place_of(name);
        let place = match modelled {
            Some(place) => FIRST + place as u64,
            None => FIRST + routines::sorted().len() as u64 + self.others,
        };
        if place >= MOST_GATES {
            return None;
        }
        self.others += u64::from(modelled.is_none());
        Some(self.make(module, name, address_of_place(place)))
    }

    fn make(&mut self, module: &str, name: &str, address: u64) -> u64 {
        let name: Arc<str> = name.into();
        let (entry, ddi) = (routines::named(&name), ringfence_ddi::imported(module, &name));
        self.by_name.insert(Arc::clone(&name), address);
        self.gates.insert(address, Gate { name, entry, ddi });
        address
    }

    /// The function at `address`. Drivers that read the kernel's exports come to some that they did not
    /// import.
    pub(crate) fn at(&mut self, address: u64) -> Option<Gate> {
        if let Some(gate) = self.gates.get(&address) {
            return Some(gate.clone());
        }
        let place = address.checked_sub(GATES + FIRST * GATE_SIZE)?;
        if !place.is_multiple_of(GATE_SIZE) {
            return None;
        }
        let entry = routines::at(usize::try_from(place / GATE_SIZE).ok()?)?;
        self.make("ntoskrnl.exe", entry.name, address);
        self.gates.get(&address).cloned()
    }
}
