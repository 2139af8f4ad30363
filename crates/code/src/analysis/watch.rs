//! What instructions do beside calling wanted functions: stores into code, control register 0, calls of
//! memory that was given, reads of another module's code.

use super::{Analysis, Found};
use super::{Manner, value_of};
use crate::decode::{Decoder, Flow, Stub, Touch};
use crate::domain::{Atom, Base, Set};
use crate::flow::{Graph, Insn};
use crate::ir::{Address, Target};
use crate::query::Query;
use crate::sighting::{Sight, Sighting};
use crate::state::State;
use crate::transfer::Transfer;
use foldhash::HashMap;
use ringfence_image::Rva;
use std::collections::BTreeSet;

/// Sightings that are kept of one function.
const MOST_SIGHTINGS: usize = 4096;

/// What is watched for in a function, and what was sighted.
pub(crate) struct Watching<'w> {
    /// Calls that give memory, and the wanted function that each calls.
    pub(crate) gives: &'w HashMap<u32, usize>,
    pub(crate) sightings: Vec<Sighting>,
    touches: Vec<Touch>,
}

impl<'w> Watching<'w> {
    pub(crate) fn new(gives: &'w HashMap<u32, usize>) -> Watching<'w> {
        Watching { gives, sightings: Vec::new(), touches: Vec::new() }
    }
}

/// How much of a function is looked at.
pub(crate) enum Part<'p> {
    /// These blocks, with nothing known before them.
    Blocks(&'p BTreeSet<usize>),
    /// All of it, with what is known everywhere.
    Whole,
}

/// What was sighted in a function.
pub(crate) struct Watched {
    pub(crate) sightings: Vec<Sighting>,
    /// Operations carried out.
    pub(crate) steps: usize,
    /// Whether it was left early.
    pub(crate) spent: bool,
}

/// Watches what the function `graph` does.
pub(crate) fn watch(
    transfer: &mut Transfer<'_>,
    decoder: &mut dyn Decoder,
    graph: &mut Graph,
    query: &Query,
    part: &Part<'_>,
    (watching, budget): (Watching<'_>, usize),
) -> Watched {
    let mut analysis = Analysis::new(transfer, decoder, graph, query, (Manner::Quickly, budget));
    analysis.watching = Some(watching);
    match part {
        Part::Blocks(blocks) => {
            for &block in *blocks {
                let mut state = analysis.before_block(block);
                analysis.run(block, &mut state, true);
            }
        }
        Part::Whole => analysis.until_stable(&vec![true; analysis.graph.blocks.len()]),
    }
    let Found { steps, spent, .. } = analysis.found;
    let sightings = analysis.watching.map(|watching| watching.sightings).unwrap_or_default();
    Watched { sightings, steps, spent }
}

impl Analysis<'_, '_, '_> {
    /// Looks at an instruction before which `state` holds.
    pub(super) fn look_before(&mut self, state: &State, insn: &Insn, block: usize) {
        let Some(watching) = &mut self.watching else { return };
        let mut touches = std::mem::take(&mut watching.touches);
        touches.clear();
        self.decoder.touches(insn.at, &mut touches);
        for touch in &touches {
            if let Some((what, always)) = self.touched(state, touch, insn.at) {
                self.sight(insn, block, what, always);
            }
        }
        if let Some(watching) = &mut self.watching {
            watching.touches = touches;
        }
        if let Some(register) = self.decoder.control(insn.at) {
            let atoms = self.transfer.values.atoms(state.get(register));
            let value = value_of(atoms, 64, |_| None);
            self.sight(insn, block, Sight::Cr0Set { value }, true);
        }
    }

    /// Looks at an instruction behind which `state` holds: what it calls is loaded by then.
    pub(super) fn look_behind(&mut self, state: &State, insn: &Insn, block: usize) {
        let (Flow::Call(target) | Flow::Indirect(target)) = insn.flow else { return };
        let Some(set) = self.goes_to(state, target, insn.at) else { return };
        let atoms = self.transfer.values.atoms(set);
        let given = atoms.iter().find_map(|atom| match atom.base {
            Base::Returned { call } => Some(call),
            _ => None,
        });
        let always = atoms.iter().all(|atom| matches!(atom.base, Base::Returned { .. }));
        let Some(call) = given else { return };
        let gives = self.watching.as_ref().and_then(|watching| watching.gives.get(&call));
        if let Some(&wanted) = gives {
            self.sight(insn, block, Sight::MemoryRun { wanted, given_at: Rva(call) }, always);
        }
    }

    /// What a use of memory amounts to, and whether on every path.
    fn touched(&mut self, state: &State, touch: &Touch, at: u32) -> Option<(Sight, bool)> {
        let set = self.transfer.address(state, touch.address, at);
        if let Some(sight) = self.touched_at(set, touch.writes, at) {
            return Some(sight);
        }
        // What an index adds is not known, but it stays in the same object.
        let Address { base: Some(_), index: Some(_), .. } = touch.address else { return None };
        let start = Address { index: None, ..touch.address };
        let set = self.transfer.address(state, start, at);
        self.touched_at(set, touch.writes, at)
    }

    fn touched_at(&self, set: Set, writes: bool, at: u32) -> Option<(Sight, bool)> {
        let places = self.transfer.places;
        let is_code = |base: &Base| matches!(*base, Base::Image(rva) if writes && places.is_read_only_code(rva));
        let is_other = |base: &Base| matches!(base, Base::Imported { .. });
        let atoms = self.transfer.values.atoms(set);
        let first = atoms.iter().find(|atom| is_code(&atom.base) || is_other(&atom.base))?;
        let always = atoms.iter().all(|atom| is_code(&atom.base) || is_other(&atom.base));
        let sight = match first.base {
            Base::Imported { slot, from } => {
                Sight::ImportRead { slot: Rva(slot), read_at: Rva(from) }
            }
            Base::Image(rva) => {
                let set_at = Some(Rva(first.at)).filter(|by| by.0 != 0 && by.0 != at);
                Sight::CodeWritten { target: Rva(rva), set_at }
            }
            _ => return None,
        };
        Some((sight, always))
    }

    /// Where a call or a jump goes by a value; `None` where it is told by the instruction alone.
    fn goes_to(&mut self, state: &State, target: Target, at: u32) -> Option<Set> {
        let result = state.get(self.transfer.abi.result);
        let register = match target {
            Target::Pointer(place) if self.transfer.places.is_guard_dispatch(place) => {
                return Some(result);
            }
            Target::Pointer(place) => {
                let base = self.transfer.outside.loaded(place, at)?;
                return Some(self.transfer.values.one(Atom::address(base, at)));
            }
            Target::Register(register) | Target::Memory(register) => register,
            Target::Code(code) => match self.decoder.stub(code) {
                Stub::ToRegister(register) | Stub::Retpoline(register) => register,
                Stub::ToPointer(_) | Stub::Code(_) => return None,
            },
        };
        let set = state.get(register);
        let dispatch = |atom: Atom| atom.base == Base::GuardDispatch;
        Some(if self.transfer.values.only(set).is_some_and(dispatch) { result } else { set })
    }

    fn sight(&mut self, insn: &Insn, block: usize, what: Sight, always: bool) {
        let sighting = Sighting {
            at: Rva(insn.at),
            function: Rva(self.graph.begin),
            what,
            always,
            reached: self.reachable[block] || self.graph.unresolved,
        };
        let Some(watching) = &mut self.watching else { return };
        // An instruction may touch memory twice.
        let known = watching
            .sightings
            .last()
            .is_some_and(|last| (last.at, last.what.kind()) == (sighting.at, sighting.what.kind()));
        if watching.sightings.len() == MOST_SIGHTINGS {
            self.found.spent = true;
        } else if !known {
            watching.sightings.push(sighting);
        }
    }
}
