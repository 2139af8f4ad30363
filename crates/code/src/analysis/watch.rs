//! What instructions do beside calling wanted functions: stores into code, control register 0, calls of
//! memory that was given, reads of another module's code.

use super::{Analysis, Found};
use super::{Manner, value_of};
use crate::Reason;
use crate::decode::{Decoder, Flow, Followed, Stub, Touch};
use crate::domain::{Atom, Base, Set};
use crate::flow::{Graph, Insn};
use crate::ir::{Address, Reg, Target};
use crate::query::Query;
use crate::search::{handed_over, set_by_call};
use crate::sighting::{Sight, Sighting, Writer};
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
    handed: Vec<Handed>,
    /// What is asked of calls, and what they answer: each as if control register 0 were set by the call.
    asked: Option<Asked>,
    answers: Vec<Sighting>,
    blurred: bool,
    touches: Vec<Touch>,
}

/// A parameter of a function, of which it is asked what calls give it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Where the function begins.
    pub(crate) function: u32,
    /// Its place among the parameters, from 0.
    pub(crate) index: u8,
}

/// A call that hands the address of code to a function which writes by way of it, or the address of memory to one
/// which goes there.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    /// The call.
    at: u32,
    /// The function called.
    pub(crate) to: u32,
    /// What it is given.
    pub(crate) given: Vec<(u8, Vec<Atom>)>,
    pub(crate) what: HandedOn,
    /// Whether it is that whatever path leads there.
    pub(crate) always: bool,
    reached: bool,
}

/// What is handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HandedOn {
    /// The address of code, and the instruction that made it.
    Code { target: u32, set_at: Option<Rva> },
    /// The address of memory that a call gave.
    Memory { wanted: usize, given_at: u32 },
}

impl Handed {
    /// What it comes to, in the function that begins at `function`.
    pub(crate) fn sighting(&self, function: Rva, done: Done) -> Option<Sighting> {
        let (by, always) = match done {
            Done::Nowhere => return None,
            Done::Perhaps => (None, false),
            Done::At(by, always) => (Some(by), always),
        };
        let what = match self.what {
            HandedOn::Code { target, set_at } => {
                let by = Writer::Function { store: by };
                Sight::CodeWritten { target: Rva(target), set_at, by }
            }
            // That code runs there is told only where it is seen.
            HandedOn::Memory { wanted, given_at } => {
                Sight::MemoryRun { wanted, given_at: Rva(given_at), by: Some(by?) }
            }
        };
        let always = self.always && always;
        Some(Sighting { at: Rva(self.at), function, what, always, reached: self.reached })
    }

    /// Whether `sighting`, in the function called, is what it was looked into for.
    pub(crate) fn is_done_by(&self, sighting: &Sighting) -> bool {
        match (self.what, &sighting.what) {
            (HandedOn::Code { .. }, Sight::CodeWritten { .. }) => true,
            (HandedOn::Memory { given_at, .. }, Sight::MemoryRun { given_at: other, .. }) => {
                given_at == other.0
            }
            _ => false,
        }
    }

    /// Whether the function called hands on the same.
    pub(crate) fn goes_on_as(&self, other: &Handed) -> bool {
        match (self.what, other.what) {
            (HandedOn::Code { .. }, HandedOn::Code { .. }) => true,
            (HandedOn::Memory { given_at, .. }, HandedOn::Memory { given_at: other, .. }) => {
                given_at == other
            }
            _ => false,
        }
    }
}

/// Whether a function does what it may do with an address that it is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It does not.
    Nowhere,
    /// It may: not all of it is understood.
    Perhaps,
    /// This instruction does, and whether whatever path leads there.
    At(Rva, bool),
}

impl<'w> Watching<'w> {
    pub(crate) fn new(gives: &'w HashMap<u32, usize>) -> Watching<'w> {
        Watching {
            gives,
            sightings: Vec::new(),
            handed: Vec::new(),
            asked: None,
            answers: Vec::new(),
            blurred: false,
            touches: Vec::new(),
        }
    }

    /// The same, for what calls give a function.
    pub(crate) fn asking(gives: &'w HashMap<u32, usize>, asked: Asked) -> Watching<'w> {
        Watching { asked: Some(asked), ..Watching::new(gives) }
    }
}

/// How much of a function is looked at.
pub(crate) enum Part<'p> {
    /// These blocks, with nothing known before them.
    Blocks(&'p BTreeSet<usize>),
    /// All of it, with what is known everywhere.
    Whole(Manner),
}

/// What was sighted in a function.
pub(crate) struct Watched {
    pub(crate) sightings: Vec<Sighting>,
    /// Calls that hand on the address of code, or of memory.
    pub(crate) handed: Vec<Handed>,
    /// What calls give a function that was asked about.
    pub(crate) answers: Vec<Sighting>,
    /// What it returns, if that was asked.
    pub(crate) results: Vec<Atom>,
    /// Whether something is stored by way of an address that is one of many.
    pub(crate) blurred: bool,
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
    let gives = watching.gives;
    let manner = match part {
        Part::Blocks(_) => Manner::Quickly,
        Part::Whole(manner) => *manner,
    };
    let mut analysis = Analysis::new(transfer, decoder, graph, query, (manner, budget));
    analysis.watching = Some(watching);
    match part {
        Part::Blocks(blocks) => {
            for &block in *blocks {
                let mut state = analysis.before_block(block);
                analysis.run(block, &mut state, true);
            }
        }
        Part::Whole(_) => analysis.until_stable(&vec![true; analysis.graph.blocks.len()]),
    }
    let Found { steps, spent, results, .. } = analysis.found;
    let watching = analysis.watching.unwrap_or_else(|| Watching::new(gives));
    let Watching { sightings, handed, answers, blurred, .. } = watching;
    Watched { sightings, handed, answers, results, blurred, steps, spent }
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
        self.look_at_call(state, insn, block);
        if let Some(register) = self.decoder.control(insn.at) {
            let atoms = self.transfer.values.atoms(state.get(register));
            let value = value_of(atoms, 64, |_| None);
            self.sight(insn, block, Sight::Cr0Set { value }, true);
        }
    }

    /// Looks at a call that hands on addresses of code.
    fn look_at_call(&mut self, state: &State, insn: &Insn, block: usize) {
        let target = match insn.flow {
            Flow::Call(target) => target,
            // What a function ends with may be a jump to another one.
            Flow::Indirect(target) => target,
            Flow::Jump(at) if self.leaves(at) => Target::Code(at),
            _ => return,
        };
        let (function, slot) = match target {
            Target::Pointer(slot) => (None, Some(slot)),
            Target::Register(register) => (None, self.slot_in(state.get(register))),
            Target::Memory(_) => return,
            Target::Code(at) => match self.decoder.stub(at) {
                Stub::Code(function) => (Some(function), None),
                Stub::ToPointer(slot) => (None, Some(slot)),
                Stub::ToRegister(register) | Stub::Retpoline(register) => {
                    (None, self.slot_in(state.get(register)))
                }
            },
        };
        let arguments = self.transfer.abi.arguments;
        if let Some(slot) = slot {
            if !self.transfer.places.writes(slot) {
                return;
            }
            let to = state.get(arguments[0]);
            if let Some((target, set_at, always)) = self.code_in(to) {
                let by = Writer::Import;
                self.sight(insn, block, Sight::CodeWritten { target, set_at, by }, always);
            } else if let Some((what, always)) = self.touched_at(to, true, insn.at) {
                self.sight(insn, block, what, always);
            } else if let Some((what, always)) =
                self.touched_at(state.get(arguments[1]), false, insn.at)
            {
                // What is copied from.
                self.sight(insn, block, what, always);
            }
            return;
        }
        let Some(to) = function else { return };
        self.answer(state, insn.at, to, block);
        for &register in arguments {
            let Some((target, set_at, always)) = self.code_in(state.get(register)) else {
                continue;
            };
            let asked = Followed { written: true, handed: true, ..Followed::default() };
            if self.decoder.follow(to, register, &asked) {
                let what = HandedOn::Code { target: target.0, set_at };
                self.hand_on(state, (insn.at, to, block), what, always);
                break;
            }
        }
        for &register in arguments {
            let Some((wanted, given_at, always)) = self.memory_in(state.get(register)) else {
                continue;
            };
            let asked = Followed { called: true, run: true, ..Followed::default() };
            if self.decoder.follow(to, register, &asked) {
                let what = HandedOn::Memory { wanted, given_at };
                self.hand_on(state, (insn.at, to, block), what, always);
                break;
            }
        }
    }

    /// Notes what the call at `at`, in `block`, gives the function at `to`, if that is asked.
    fn answer(&mut self, state: &State, at: u32, to: u32, block: usize) {
        let asked = self.watching.as_ref().and_then(|watching| watching.asked);
        let Some(asked) = asked.filter(|asked| asked.function == to) else { return };
        let register = self.transfer.abi.arguments.get(usize::from(asked.index));
        let Some(atoms) = register.map(|register| self.transfer.values.atoms(state.get(*register)))
        else {
            return;
        };
        let value = value_of(atoms, 64, |_| None);
        let reached = self.reachable[block] || self.graph.unresolved;
        let answer = set_by_call(Rva(at), Rva(self.graph.begin), value, reached);
        if let Some(watching) = &mut self.watching
            && watching.answers.len() < MOST_SIGHTINGS
        {
            watching.answers.push(answer);
        }
    }

    /// Notes that the call at `at`, in `block`, hands something on to the function at `to`.
    fn hand_on(
        &mut self,
        state: &State,
        (at, to, block): (u32, u32, usize),
        what: HandedOn,
        always: bool,
    ) {
        let given = self.given(state);
        let reached = self.reachable[block] || self.graph.unresolved;
        let handed = Handed { at, to, given, what, always, reached };
        if let Some(watching) = &mut self.watching
            && watching.handed.len() < MOST_SIGHTINGS
        {
            watching.handed.push(handed);
        }
    }

    /// The wanted function that gave the memory which a value may be an address in, the call by which it did, and
    /// whether the value is nothing else.
    fn memory_in(&self, set: Set) -> Option<(usize, u32, bool)> {
        let atoms = self.transfer.values.atoms(set);
        let call = atoms.iter().find_map(|atom| match atom.base {
            Base::Returned { call } => Some(call),
            _ => None,
        })?;
        let wanted = *self.watching.as_ref()?.gives.get(&call)?;
        Some((wanted, call, atoms.iter().all(|atom| matches!(atom.base, Base::Returned { .. }))))
    }

    /// What a function is given that is called now.
    fn given(&self, state: &State) -> Vec<(u8, Vec<Atom>)> {
        let of = |(index, register): (u8, &Reg)| {
            let atoms = self.transfer.values.atoms(state.get(*register));
            (index, atoms.iter().map(handed_over).collect())
        };
        (0..).zip(self.transfer.abi.arguments).map(of).collect()
    }

    /// The import's slot that a value was read from.
    fn slot_in(&self, set: Set) -> Option<u32> {
        match self.transfer.values.only(set)?.base {
            Base::Imported { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// The read-only code that a value may be the address of, the instruction that made it, and whether it
    /// is nothing else.
    fn code_in(&self, set: Set) -> Option<(Rva, Option<Rva>, bool)> {
        let places = self.transfer.places;
        let is_code =
            |atom: &&Atom| matches!(atom.base, Base::Image(rva) if places.is_read_only_code(rva));
        let atoms = self.transfer.values.atoms(set);
        let first = atoms.iter().find(is_code)?;
        let Base::Image(rva) = first.base else { return None };
        let set_at = Some(Rva(first.at)).filter(|at| at.0 != 0);
        Some((Rva(rva), set_at, atoms.iter().all(|atom| is_code(&atom))))
    }

    /// Looks at an instruction behind which `state` holds: what it calls is loaded by then.
    pub(super) fn look_behind(&mut self, state: &State, insn: &Insn, block: usize) {
        let (Flow::Call(target) | Flow::Indirect(target)) = insn.flow else { return };
        let Some(set) = self.goes_to(state, target, insn.at) else { return };
        if let Some((wanted, call, always)) = self.memory_in(set) {
            let given_at = Rva(call);
            self.sight(insn, block, Sight::MemoryRun { wanted, given_at, by: None }, always);
        }
    }

    /// What a use of memory amounts to, and whether on every path.
    fn touched(&mut self, state: &State, touch: &Touch, at: u32) -> Option<(Sight, bool)> {
        let set = self.transfer.address(state, touch.address, at);
        let many = |atom: &Atom| atom.base == Base::Unknown(Reason::ManyValues);
        if touch.writes
            && let Some(watching) = &mut self.watching
        {
            watching.blurred |= self.transfer.values.atoms(set).iter().any(many);
        }
        if let Some(sight) = self.touched_at(set, touch.writes, at) {
            return Some(sight);
        }
        // What the other register adds is not known, but it stays in the same object.
        let Address { base: Some(_), index: Some(index), scale, .. } = touch.address else {
            return None;
        };
        let by_base = Address { index: None, ..touch.address };
        let by_index = Address { base: Some(index), ..by_base };
        let starts = [Some(by_base), (scale == 1).then_some(by_index)];
        starts.into_iter().flatten().find_map(|start| {
            let set = self.transfer.address(state, start, at);
            self.touched_at(set, touch.writes, at)
        })
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
                Sight::ImportTouched { slot: Rva(slot), read_at: Rva(from), writes }
            }
            Base::Image(rva) => {
                let set_at = Some(Rva(first.at)).filter(|by| by.0 != 0 && by.0 != at);
                Sight::CodeWritten { target: Rva(rva), set_at, by: Writer::Here }
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
