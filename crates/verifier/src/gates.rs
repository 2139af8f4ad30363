//! The kernel's functions as the driver sees them: an address for each name, at which execution leaves
//! the guest.

use crate::call::Entry;
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

/// All of them, in the order they came up.
#[derive(Default)]
pub(crate) struct Gates {
    gates: Vec<Gate>,
    by_name: BTreeMap<Arc<str>, u64>,
}

/// Where a call made by the kernel returns to.
pub(crate) const RETURN: u64 = GATES;
/// The dispatch routine of requests that the driver does not handle.
pub(crate) const INVALID_REQUEST: u64 = GATES + 3 * GATE_SIZE;
/// The first address of a named function.
const FIRST: u64 = 16;

impl Gates {
    /// The address of the function called `name` in `module`; none where there are too many.
    pub(crate) fn of(&mut self, module: &str, name: &str) -> Option<u64> {
        if let Some(&address) = self.by_name.get(name) {
            return Some(address);
        }
        let place = FIRST + self.gates.len() as u64;
        if place >= MOST_GATES {
            return None;
        }
        let name: Arc<str> = name.into();
        let entry = crate::routines::named(&name);
        let ddi = ringfence_ddi::imported(module, &name);
        let address = GATES + place * GATE_SIZE;
        self.by_name.insert(Arc::clone(&name), address);
        self.gates.push(Gate { name, entry, ddi });
        Some(address)
    }

    /// The function at `address`.
    pub(crate) fn at(&self, address: u64) -> Option<&Gate> {
        let place = address.checked_sub(GATES + FIRST * GATE_SIZE)?;
        self.gates.get((place / GATE_SIZE) as usize)
    }
}
