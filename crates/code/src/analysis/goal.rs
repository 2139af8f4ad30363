//! Which wanted functions a call goes to, and how it gets there.

use super::Analysis;
use crate::decode::Stub;
use crate::domain::{Atom, Base, Set};
use crate::ir::{Reg, Target};
use crate::state::State;
use crate::survey::Via;

/// A call that goes to a wanted function.
pub(super) struct Goal {
    pub(super) wanted: u32,
    pub(super) via: Via,
    /// Whether the call can go nowhere else.
    pub(super) always: bool,
    /// The instruction that read the function's address, if another one.
    pub(super) from: u32,
}

impl Analysis<'_, '_, '_> {
    /// The wanted functions that a call goes to.
    pub(super) fn goals(&mut self, state: &State, target: Target, at: u32) -> Vec<Goal> {
        match target {
            Target::Code(code) => self.through_code(state, code, Via::Thunk, at),
            Target::Pointer(place) if self.transfer.places.is_guard_dispatch(place) => {
                self.through_result(state, Via::GuardDispatch)
            }
            Target::Pointer(place) => {
                let via =
                    if self.transfer.places.is_import(place) { Via::Slot } else { Via::Table };
                let loaded = self.transfer.load_pointer(state, place, at);
                self.through_set(state, loaded, via, at)
            }
            Target::Register(register) => self.through_register(state, register, Via::Register),
            Target::Memory(register) => self.through_register(state, register, Via::Table),
        }
    }

    fn through_code(&mut self, state: &State, code: u32, via: Via, from: u32) -> Vec<Goal> {
        let function = |at| self.transfer.aims.function_at(at);
        if let Some(wanted) = function(code) {
            return vec![Goal { wanted, via, always: true, from }];
        }
        match self.decoder.stub(code) {
            Stub::ToPointer(place) => {
                let wanted = self.transfer.aims.wanted_at(place);
                wanted.map(|wanted| Goal { wanted, via, always: true, from }).into_iter().collect()
            }
            Stub::ToRegister(register) => {
                self.through_register(state, register, Via::GuardDispatch)
            }
            Stub::Retpoline(register) => self.through_register(state, register, Via::Retpoline),
            Stub::Code(at) => {
                let wanted = self.transfer.aims.function_at(at);
                wanted.map(|wanted| Goal { wanted, via, always: true, from }).into_iter().collect()
            }
        }
    }

    /// The dispatch routine goes where the result register says.
    fn through_result(&mut self, state: &State, via: Via) -> Vec<Goal> {
        self.through_register(state, self.transfer.abi.result, via)
    }

    fn through_register(&mut self, state: &State, register: Reg, via: Via) -> Vec<Goal> {
        self.through_set(state, state.get(register), via, 0)
    }

    /// What stands there and is called; `at` is the instruction that read it, where the values do not
    /// say that.
    fn through_set(&mut self, state: &State, set: Set, via: Via, at: u32) -> Vec<Goal> {
        let mut atoms = self.transfer.values.atoms(set).to_vec();
        // Nobody calls null and goes on.
        atoms.retain(|atom| atom.number() != Some(0));
        let count = atoms.len();
        let goals = atoms.into_iter().flat_map(|atom| match atom.base {
            // Twice through dispatch would never end.
            Base::GuardDispatch if via == Via::GuardDispatch => Vec::new(),
            _ => self.through_atom(state, atom, via, if at == 0 { atom.at } else { at }),
        });
        let mut goals: Vec<Goal> = goals.collect();
        let one = goals.first().map(|goal| goal.wanted);
        let all = goals.len() == count && goals.iter().all(|goal| Some(goal.wanted) == one);
        goals.iter_mut().for_each(|goal| goal.always &= all);
        goals
    }

    fn through_atom(&mut self, state: &State, atom: Atom, via: Via, at: u32) -> Vec<Goal> {
        match atom.base {
            Base::Callee { wanted, from } => vec![Goal { wanted, via, always: true, from }],
            Base::GuardDispatch => self.through_result(state, Via::GuardDispatch),
            // Not through registers once more: the address of a stub is no address of a function.
            Base::Image(code) => match self.decoder.stub(code) {
                Stub::ToPointer(_) | Stub::Code(_) => self.through_code(state, code, via, at),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
