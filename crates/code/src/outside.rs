//! Addresses outside the image that the analysis follows where it is asked to.

use crate::domain::Base;
use std::collections::{HashMap, HashSet};

/// Which addresses outside the image are followed.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// Calls that give memory.
    pub(crate) calls: HashSet<u32>,
    /// Import slots with the address of a function.
    pub(crate) slots: HashSet<u32>,
    /// Variables that hold nothing but what one call gave: the variable, and the call.
    pub(crate) variables: HashMap<u32, u32>,
}

impl Outside {
    /// What the call at `at` returns, if that is followed.
    pub(crate) fn given(&self, at: u32) -> Option<Base> {
        self.calls.contains(&at).then_some(Base::Given { call: at })
    }

    /// What the instruction at `from` reads at `place`, if that is followed.
    pub(crate) fn loaded(&self, place: u32, from: u32) -> Option<Base> {
        if self.slots.contains(&place) {
            return Some(Base::Imported { slot: place, from });
        }
        self.variables.get(&place).map(|&call| Base::Given { call })
    }
}
