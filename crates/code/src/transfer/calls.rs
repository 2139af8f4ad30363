//! What calls do: what they leave alone, what they return, and the functions that are followed.

use super::{BUILD, Callee, FOUND, Transfer, VERSION, VERSION_INFO, open_above, passed_on};
use crate::aims::{Finder, Spelling};
use crate::domain::{Atom, Base, Set};
use crate::ir::{Target, Width};
use crate::query::Effect;
use crate::state::{State, Stood};
use crate::{Reason, names};
use ringfence_image::Rva;

/// Arguments that every function of a table has. What stands in the registers of further ones may be left there from the
/// call's own way to its function.
const CERTAIN_ARGUMENTS: usize = 2;

impl Transfer<'_> {
    /// What a call leaves behind.
    pub(crate) fn call(&mut self, state: &mut State, target: Target, callee: Callee, at: u32) {
        let goes_to = self.target(state, target, at);
        let only = goes_to.and_then(|set| self.values.only(set)).map(|atom| atom.base);
        if matches!(only, Some(Base::GuardCheck)) {
            // It preserves everything, that the call behind it may find its arguments.
            return;
        }
        let result = self.result(state, callee, at);
        let result = self.unsteady(result);
        match self.wanted_effect(callee) {
            Effect::TellsVersion => self.tell_version(state),
            Effect::None => {
                self.hand_over(state, at);
                let before = self.on_stack(state);
                state.forget_escaped();
                self.keep_lost(state, before);
            }
            // It looks at nothing but its arguments, and keeps no address.
            effect => self.string_effect(state, effect),
        }
        if let Some(Base::Stack { region, offset }) = self.stack_top(state) {
            // What lies below is free, and the called function's home space is its own.
            let own = callee.parameters.map_or(0, |count| 8 * i32::from(count));
            let above = self.abi.home.max(own);
            state.lose(region, i32::MIN, offset.saturating_add(above));
        }
        self.forget_steady(state);
        // Where does not matter, and with it paths through different calls would not be equal.
        let volatile = self.values.unknown(Reason::Clobbered, 0);
        state.set_all(self.abi.volatile, volatile);
        state.flags = None;
        state.set(self.abi.result, result);
    }

    /// The addresses in argument registers are known to the called function.
    pub(super) fn hand_over(&mut self, state: &mut State, at: u32) {
        for (index, register) in self.abi.arguments.iter().enumerate() {
            let argument = state.get(*register);
            self.escape(state, argument);
            for atom in self.values.atoms(argument) {
                if let Base::Callee { from, wanted } = atom.base {
                    self.given.insert((from, wanted, at));
                }
            }
            match index < CERTAIN_ARGUMENTS {
                true => self.lose_tables(argument),
                false => self.leave_tables(argument),
            }
        }
    }

    /// What a call returns.
    pub(super) fn result(&mut self, state: &State, callee: Callee, at: u32) -> Set {
        if let Some(base) = self.outside.given(at) {
            return self.values.one(Atom::address(base, at));
        }
        if let Some(finder) = callee.finder {
            let found = self.find(state, finder, at);
            if finder.returns {
                return found;
            }
            if self.values.atoms(found).iter().any(|atom| matches!(atom.base, Base::Callee { .. }))
            {
                self.kept.insert(at);
            }
        }
        if let Some(function) = callee.function {
            return self.result_of(state, function, at);
        }
        let by = callee.wanted.unwrap_or(u32::MAX);
        match self.wanted_effect(callee) {
            Effect::FindsByUnicode { name } => self.find(
                state,
                Finder { by, name, spelling: Spelling::Unicode, returns: true },
                at,
            ),
            Effect::FindsByAnsi { name } => {
                self.find(state, Finder { by, name, spelling: Spelling::Ansi, returns: true }, at)
            }
            Effect::TellsVersion if self.known.build.is_some() => self.values.constant(0, at),
            _ => self.values.unknown(Reason::Returned, at),
        }
    }

    pub(super) fn wanted_effect(&self, callee: Callee) -> Effect {
        callee.wanted.map_or(Effect::None, |wanted| self.aims.effect(wanted))
    }

    /// What a function of the image returns, of which its arguments may be a part.
    pub(super) fn result_of(&mut self, state: &State, function: u32, at: u32) -> Set {
        let Some(results) = self.known.results.get(&function).cloned() else {
            return self.values.unknown(Reason::ReturnedBy(Rva(function)), at);
        };
        let mut all = Vec::new();
        for result in results {
            match result.base {
                Base::Given(index) => {
                    let given = self.argument(state, index, 0, at);
                    let passed =
                        self.values.atoms(given).iter().map(|atom| match atom.is_number() {
                            true => Atom { at, ..passed_on(atom, &result) },
                            false => Atom::unknown(Reason::Address, at),
                        });
                    all.extend(passed);
                }
                _ => all.push(Atom { at, ..result }),
            }
        }
        self.values.of(all)
    }

    /// The function that a call finds by its name.
    pub(super) fn find(&mut self, state: &State, finder: Finder, at: u32) -> Set {
        let Finder { by, name, spelling, .. } = finder;
        let argument = self.argument(state, name, 0, at);
        self.note_handed_name(state, argument, spelling, at);
        let mut results = Vec::new();
        for atom in self.values.atoms(argument).to_vec() {
            let names = match spelling {
                Spelling::Unicode => self.unicode(state, &atom),
                Spelling::Wide => vec![names::wide(self.places, &atom, names::TO_ITS_END)],
                Spelling::Ansi => vec![names::ansi(self.places, &atom)],
            };
            for name in names {
                let known = name.as_deref().and_then(|name| self.aims.called(name));
                results.push(match known {
                    Some(wanted) => Atom::address(Base::Callee { wanted, from: at }, at),
                    None if self.follows_found => {
                        Atom::address(Base::Callee { wanted: FOUND, from: at }, at)
                    }
                    None => Atom::unknown(Reason::Returned, at),
                });
                self.found.insert((at, by, name));
            }
        }
        self.values.of(results)
    }

    /// Notes of a call that finds a function by name whether the function around it was given that.
    fn note_handed_name(&mut self, state: &State, argument: Set, spelling: Spelling, at: u32) {
        let handed = self.handed_name(state, argument, spelling);
        let known = self.handed_names.entry(at).or_insert(handed);
        if *known != handed {
            *known = None;
        }
    }

    /// The parameter that a name is, and how it stands there.
    fn handed_name(
        &self,
        state: &State,
        argument: Set,
        spelling: Spelling,
    ) -> Option<(u8, Spelling)> {
        let given = |set: Set| match self.values.only(set)? {
            Atom { base: Base::Given(index), ones: 0, zeros: 0, .. } => Some(index),
            _ => None,
        };
        if let Some(index) = given(argument) {
            return Some((index, spelling));
        }
        // A string that was made here, of a text that was given.
        let Base::Stack { region, offset } = self.values.only(argument)?.base else { return None };
        let buffer = offset.saturating_add(names::BUFFER);
        match (state.stored(region, offset, 2), state.stored(region, buffer, 8)) {
            (Stood::Whole(length), Stood::Whole(text)) if spelling == Spelling::Unicode => {
                let length = self.values.only(length)?.number()?;
                let whole = length == u64::from(names::TO_ITS_END);
                Some((given(text).filter(|_| whole)?, Spelling::Wide))
            }
            _ => None,
        }
    }

    /// The texts that a `UNICODE_STRING` at this address may stand for.
    pub(super) fn unicode(&self, state: &State, atom: &Atom) -> Vec<Option<String>> {
        match atom.base {
            Base::Image(rva) => vec![names::unicode_string(self.places, rva)],
            Base::Stack { region, offset } => {
                let buffer = offset.saturating_add(names::BUFFER);
                let length = match state.stored(region, offset, 2) {
                    Stood::Whole(set) => self.values.only(set).and_then(|atom| atom.number()),
                    _ => None,
                };
                match (state.stored(region, buffer, 8), length) {
                    (Stood::Whole(set), Some(length)) => {
                        let texts = self.values.atoms(set).iter();
                        texts.map(|text| names::wide(self.places, text, length as u16)).collect()
                    }
                    _ => vec![None],
                }
            }
            _ => vec![None],
        }
    }

    /// The call writes to nothing else. Windows 10 and later call themselves version 10.0.
    pub(super) fn tell_version(&mut self, state: &mut State) {
        let to = self.abi.arguments.first().map(|register| state.get(*register));
        let Some(Base::Stack { region, offset }) =
            to.and_then(|to| self.values.only(to)).map(|atom| atom.base)
        else {
            return state.forget_escaped();
        };
        state.lose(region, offset, offset.saturating_add(VERSION_INFO));
        let Some(build) = self.known.build else { return };
        for (place, number) in VERSION.into_iter().zip([10, 0, build]) {
            // Which 10.0 it is shows in the build alone.
            let origin = if number == build { BUILD } else { 0 };
            let number = Atom { origin, ..Atom::constant(u64::from(number), 0) };
            let number = self.values.one(number);
            state.store(region, offset.saturating_add(place), 4, number);
        }
    }

    pub(super) fn string_effect(&mut self, state: &mut State, effect: Effect) {
        if effect != Effect::SetsString {
            return;
        }
        let [to, text, ..] = self.abi.arguments else { return };
        let (to, text) = (state.get(*to), state.get(*text));
        match self.values.only(to).map(|atom| atom.base) {
            Some(Base::Stack { region, offset }) => {
                state.lose(region, offset, offset.saturating_add(names::BUFFER));
                let length = self.values.constant(u64::from(names::TO_ITS_END), 0);
                state.store(region, offset, 2, length);
                state.store(region, offset.saturating_add(names::BUFFER), 8, text);
            }
            _ => state.forget_escaped(),
        }
    }

    /// Where a call goes; `None` for code at a known place.
    pub(crate) fn target(&mut self, state: &State, target: Target, at: u32) -> Option<Set> {
        match target {
            Target::Code(_) => None,
            Target::Register(register) | Target::Memory(register) => Some(state.get(register)),
            Target::Pointer(place) => Some(self.load_pointer(state, place, at)),
        }
    }

    /// What the pointer at `place` holds.
    pub(crate) fn load_pointer(&mut self, state: &State, place: u32, at: u32) -> Set {
        // That it is named is the instruction's doing, not that of a value before it.
        self.load_from(state, Atom::address(Base::Image(place), 0), Width::W64, at)
    }

    /// Where the stack pointer points.
    pub(crate) fn stack_top(&self, state: &State) -> Option<Base> {
        self.values.only(state.get(self.abi.stack_pointer)).map(|atom| atom.base)
    }

    /// The value of argument `index` before a call, `above` bytes of the stack being the call's own.
    pub(crate) fn argument(&mut self, state: &State, index: u8, above: i32, at: u32) -> Set {
        if let Some(register) = self.abi.arguments.get(usize::from(index)) {
            return state.get(*register);
        }
        match (self.stack_top(state), self.abi.on_stack(index)) {
            (Some(Base::Stack { region, offset }), Some(place)) => {
                let offset = offset.saturating_add(place).saturating_add(above);
                let place = Atom::address(Base::Stack { region, offset }, at);
                self.load_argument(state, place, at)
            }
            _ => self.values.unknown(Reason::Stack, at),
        }
    }

    /// An argument on the stack: one stored with fewer bytes than a slot has counts as far as it goes.
    pub(super) fn load_argument(&mut self, state: &State, place: Atom, at: u32) -> Set {
        let Base::Stack { region, offset } = place.base else {
            return self.values.unknown(Reason::Stack, at);
        };
        for width in [Width::W64, Width::W32, Width::W16, Width::W8] {
            if let Stood::Whole(set) = state.stored(region, offset, width.bytes()) {
                return self.values.map(set, |atom| open_above(atom, width));
            }
        }
        self.load_from(state, place, Width::W64, at)
    }
}
