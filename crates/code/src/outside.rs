//! Addresses outside the image that the analysis follows where it is asked to.

use crate::domain::Base;
use foldhash::{HashMap, HashSet};

/// Which addresses outside the image are followed.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// Calls that give memory.
    pub(crate) calls: HashSet<u32>,
    /// Import slots with the address of a function.
    pub(crate) slots: HashSet<u32>,
    /// Variables that hold nothing but what one call gave: the variable, and the call.
    pub(crate) variables: HashMap<u32, u32>,
    /// Variables that what a call returned was stored in, and the call, whatever else they hold.
    pub(crate) stored: HashMap<u32, u32>,
}

/// Variables that are remembered.
const MOST_STORED: usize = 4096;

impl Outside {
    /// Remembers that the result of the call at `call` is stored in the variable at `place`.
    pub(crate) fn note(&mut self, place: u32, call: u32) {
        if self.stored.len() < MOST_STORED {
            self.stored.insert(place, call);
        }
    }

    /// What the call at `at` returns, if that is followed.
    pub(crate) fn given(&self, at: u32) -> Option<Base> {
        self.calls.contains(&at).then_some(Base::Returned { call: at })
    }

    /// What the instruction at `from` reads at `place`, if that is followed.
    pub(crate) fn loaded(&self, place: u32, from: u32) -> Option<Base> {
        if self.slots.contains(&place) {
            return Some(Base::Imported { slot: place, from });
        }
        self.variables.get(&place).map(|&call| Base::Returned { call })
    }
}
