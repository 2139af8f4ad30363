//! What a function reads and writes of the memory that its parameters lead to.

use crate::domain::{Atom, Base, Set};
use crate::ir::{Address, Width};
use crate::state::{State, Stood};
use crate::transfer::{Transfer, truncated};
use crate::{Path, Reason};
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// Ways that are remembered of a function, one for each bit of [`State::written`].
const MOST: usize = 64;

/// What is known of the memory that a function's parameters lead to.
#[derive(Default)]
pub(crate) struct Fields {
    /// Where ways begin that matter.
    pub(crate) starts: Vec<(u8, u16)>,
    /// Whether all ways matter, wherever they begin.
    pub(crate) anywhere: bool,
    /// Those of them by which memory is reached that nobody else changes.
    pub(crate) steady: Vec<(u8, u16)>,
    /// Whether something was read there.
    pub(crate) read_steady: bool,
    /// Whether the function is given values that it read there itself when it was called before.
    pub(crate) comes_again: bool,
    /// Whether only a part of the function is looked at, before which anything may have happened.
    pub(crate) partly: bool,
    /// Where the function begins.
    pub(crate) function: u32,
    /// Whose parameters lead to the memory of which it is noted what stands there: the function itself, or the one
    /// that all ways begin in that it is given; of none if there are several.
    pub(crate) owner: Option<u32>,
    /// What was read by way of a pointer that itself stands in such memory.
    pub(crate) read: BTreeSet<Path>,
    /// What was written, in the order in which that was seen: behind that it is not any more what others put there.
    pub(crate) written: Vec<Path>,
}

impl Fields {
    /// Where it is noted what is known of what stands in steady memory: as if that were a region of the stack. A value
    /// of such a way is what stands there, until [`Transfer::forget_steady`] says that it need not be.
    pub(crate) fn steady_place(&self, path: &Path) -> Option<(u32, i32)> {
        let [start, offset] = *path.offsets() else { return None };
        let own = self.owner == Some(path.function().0) && path.is_whole() && !self.comes_again;
        let start = (path.parameter(), start);
        let index = self.steady.iter().position(|known| *known == start).filter(|_| own)?;
        Some((region(index), i32::from(offset)))
    }

    /// What stands in steady memory where nothing is noted.
    pub(crate) fn unnoted(&self, noted: u32, offset: i32) -> Option<Reason> {
        let index = (0..self.steady.len()).find(|&index| region(index) == noted)?;
        let (parameter, start) = self.steady[index];
        let path = Path::new(Rva(self.owner?), parameter, i64::from(start))?;
        path.then(i64::from(offset)).map(Reason::Field)
    }

    /// Whether the function writes to memory that a parameter leads to.
    pub(crate) fn were_written(&self) -> bool {
        !self.written.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.read.clear();
        self.written.clear();
        self.read_steady = false;
    }
}

/// The region of what is noted of memory that is reached by the steady way of this number. No instruction is there
/// by which a region of the stack could begin.
fn region(index: usize) -> u32 {
    u32::MAX - index as u32
}

impl Transfer<'_> {
    /// What was loaded from `from`, with the way there where that is known; else `loaded`, as it is.
    pub(crate) fn field(
        &mut self,
        state: &State,
        (from, width): (Address, Width),
        loaded: Set,
        at: u32,
    ) -> Set {
        if !self.is_of_memory(loaded) {
            return loaded;
        }
        self.known_field(state, from, width, at).unwrap_or(loaded)
    }

    /// What was loaded from memory, where the way there is known.
    pub(crate) fn known_field(
        &mut self,
        state: &State,
        from: Address,
        width: Width,
        at: u32,
    ) -> Option<Set> {
        if self.fields.starts.is_empty() {
            return None;
        }
        let Some(path) = self.path(state, from) else {
            // The code before may tell which memory it is.
            let before = self.fields.partly
                && from.base.is_some_and(|base| self.is_from_before(state.get(base)));
            return before.then(|| self.values.unknown(Reason::Entry, at));
        };
        let written = self.fields.written.iter().position(|known| *known == path);
        if written.is_some_and(|index| state.written >> index & 1 == 1) {
            return None;
        }
        if path.offsets().len() > 1 && self.fields.read.len() < MOST {
            self.fields.read.insert(path);
        }
        if let Some((region, offset)) = self.fields.steady_place(&path) {
            self.fields.read_steady = true;
            if let Stood::Whole(set) = state.stored(region, offset, width.bytes()) {
                return Some(self.values.map(set, |atom| truncated(Atom { at, ..atom }, width)));
            }
        }
        Some(self.values.unknown(Reason::Field(path), at))
    }

    fn is_of_memory(&self, set: Set) -> bool {
        matches!(self.values.atoms(set), [Atom { base: Base::Unknown(Reason::Memory), .. }])
    }

    fn is_from_before(&self, set: Set) -> bool {
        matches!(self.values.atoms(set), [Atom { base: Base::Unknown(Reason::Entry), .. }])
    }

    /// Somebody may have changed what stands in steady memory.
    pub(crate) fn forget_steady(&mut self, state: &mut State) {
        if !self.fields.read_steady {
            return;
        }
        for index in 0..self.fields.steady.len() {
            state.lose_all(region(index));
        }
        state.change_each(|set| Some(self.unsteady(set)));
        if let Some(flags) = &mut state.flags {
            flags.change_each(|set| self.unsteady(set));
        }
    }

    /// A value that need not be any more what stands in steady memory.
    pub(crate) fn unsteady(&mut self, set: Set) -> Set {
        let fields = &self.fields;
        if !fields.read_steady {
            return set;
        }
        self.values.map(set, |atom| match atom.base {
            Base::Unknown(Reason::Field(path)) if fields.steady_place(&path).is_some() => {
                Atom { base: Base::Unknown(Reason::Field(path.worked_out())), ..atom }
            }
            _ => atom,
        })
    }

    /// Remembers that the function itself puts something there.
    pub(crate) fn overwrite(&mut self, state: &mut State, to: Address) {
        let Some(path) = self.path(state, to) else { return };
        let written = &mut self.fields.written;
        let known = written.iter().position(|known| *known == path);
        let index = known.or_else(|| {
            (written.len() < MOST).then(|| {
                written.push(path);
                written.len() - 1
            })
        });
        if let Some(index) = index {
            state.written |= 1 << index;
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
                let matters = self.fields.anywhere || self.fields.starts.contains(&start);
                matters.then(|| Path::new(function, index, offset))?
            }
            Base::Unknown(Reason::Field(path)) if path.is_whole() => path.then(offset),
            _ => None,
        }
    }
}
