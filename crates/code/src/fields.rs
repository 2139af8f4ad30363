//! What a function reads and writes of the memory that its parameters lead to.

use crate::domain::{Atom, Base, Set};
use crate::ir::Address;
use crate::state::State;
use crate::transfer::Transfer;
use crate::{Path, Reason};
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// Ways that are remembered of a function.
const MOST: usize = 64;

/// What is known of the memory that a function's parameters lead to.
#[derive(Default)]
pub(crate) struct Fields {
    /// Where ways begin that matter.
    pub(crate) starts: Vec<(u8, u16)>,
    /// Whether only a part of the function is looked at, before which anything may have happened.
    pub(crate) partly: bool,
    /// Where the function begins.
    pub(crate) function: u32,
    /// What was read by way of a pointer that itself stands in such memory.
    pub(crate) read: BTreeSet<Path>,
    /// What was written: it is not any more what others put there.
    written: BTreeSet<Path>,
}

impl Fields {
    /// Whether the function writes to memory that a parameter leads to.
    pub(crate) fn were_written(&self) -> bool {
        !self.written.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.read.clear();
        self.written.clear();
    }
}

impl Transfer<'_> {
    /// What was loaded from `from`, with the way there where that is known; else `loaded`, as it is.
    pub(crate) fn field(&mut self, state: &State, from: Address, loaded: Set, at: u32) -> Set {
        if !self.is_of_memory(loaded) {
            return loaded;
        }
        self.known_field(state, from, at).unwrap_or(loaded)
    }

    /// What was loaded from memory, where the way there is known.
    pub(crate) fn known_field(&mut self, state: &State, from: Address, at: u32) -> Option<Set> {
        if self.fields.starts.is_empty() {
            return None;
        }
        let Some(path) = self.path(state, from) else {
            // The code before may tell which memory it is.
            let before = self.fields.partly
                && from.base.is_some_and(|base| self.is_from_before(state.get(base)));
            return before.then(|| self.values.unknown(Reason::Entry, at));
        };
        if self.fields.written.contains(&path) {
            return None;
        }
        if path.offsets().len() > 1 && self.fields.read.len() < MOST {
            self.fields.read.insert(path);
        }
        Some(self.values.unknown(Reason::Field(path), at))
    }

    fn is_of_memory(&self, set: Set) -> bool {
        matches!(self.values.atoms(set), [Atom { base: Base::Unknown(Reason::Memory), .. }])
    }

    fn is_from_before(&self, set: Set) -> bool {
        matches!(self.values.atoms(set), [Atom { base: Base::Unknown(Reason::Entry), .. }])
    }

    /// Remembers that the function itself puts something there.
    pub(crate) fn overwrite(&mut self, state: &State, to: Address) {
        if self.fields.written.len() < MOST
            && let Some(path) = self.path(state, to)
        {
            self.fields.written.insert(path);
        }
    }

    /// The way to what stands at an address, from a parameter as the function was given it.
    fn path(&self, state: &State, address: Address) -> Option<Path> {
        let base = self.values.only(state.get(address.base?))?;
        if base.ones | base.zeros != 0 {
            return None;
        }
        let steps = match address.index {
            None => 0,
            Some(index) => {
                let index = self.values.only(state.get(index))?.number()?.cast_signed();
                index.checked_mul(i64::from(address.scale))?
            }
        };
        let offset = address.offset.checked_add(steps)?;
        match base.base {
            Base::Given(index) => {
                let start = (index, u16::try_from(offset).ok()?);
                let function = Rva(self.fields.function);
                let matters = self.fields.starts.contains(&start);
                matters.then(|| Path::new(function, index, offset))?
            }
            Base::Unknown(Reason::Field(path)) if path.is_whole() => path.then(offset),
            _ => None,
        }
    }
}
