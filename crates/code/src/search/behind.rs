//! Which memory a function reads that it is given the address of: what leads there in its callers.
//!
//! In the function itself it only shows by way of which parameter the memory is reached. That is asked where a
//! value asked about is read so; its callers may have the address out of memory that a parameter of theirs leads to.

use super::Search;
use super::callers::Group;
use crate::analysis::{Manner, Seen};
use crate::domain::{Atom, Base};
use crate::query::Parameter;
use crate::scan::Field;
use crate::{Path, Reason};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Functions that are looked at for this.
const MOST_FUNCTIONS: usize = 512;
/// Places that name a function which is followed so, and functions on the way to one that is given such memory: what serves
/// requests is called in few, and what is called in many, as allocators are, is handed memory of all kinds.
const MOST_WAYS: usize = 8;
const MOST_AROUND: usize = 32;

impl Search<'_> {
    /// Sees by way of which parameters values asked about are read from memory, and what callers give of those.
    pub(super) fn look_behind(&mut self) {
        if self.query.fields.is_empty() {
            return;
        }
        let mut seen = std::mem::take(&mut self.seen);
        for call in &mut seen {
            let all: BTreeSet<u8> = call.arguments.iter().map(|(asked, _)| asked.index).collect();
            if let Some(again) = self.see_behind(call, &all, &BTreeSet::new()) {
                *call = again;
            }
        }
        self.seen = seen;
        for function in self.across.asked() {
            let Some(callers) = self.across.callers(function) else { continue };
            let followed = self.across.behind.get(&function).cloned().unwrap_or_default();
            for call in &callers.calls {
                if let Some(again) = self.see_behind(call, &callers.parameters, &followed) {
                    self.across.see_again(function, again);
                }
            }
        }
    }

    /// Sees which memory those of the arguments of a call are read from that are `asked` for; and whose parameters
    /// those are that are `followed`, as they lead to memory themselves. The call, where more is seen than before.
    fn see_behind(
        &mut self,
        call: &Seen,
        asked: &BTreeSet<u8>,
        followed: &BTreeSet<u8>,
    ) -> Option<Seen> {
        let mut again = None;
        let mut is_of_memory = false;
        for (parameter, atoms) in &call.arguments {
            if !asked.contains(&parameter.index) {
                continue;
            }
            for atom in atoms {
                is_of_memory |= atom.base == Base::Unknown(Reason::Memory);
                self.follow(call.function, atom, followed.contains(&parameter.index));
            }
        }
        if is_of_memory
            && self.may_be_led(call.function)
            && let Some(all) = self.seen_behind(call.function)
            && let Some(new) = all.iter().find(|one| one.is_call(call))
        {
            for (at, (parameter, atoms)) in new.arguments.iter().enumerate() {
                let leads = atoms.iter().any(|atom| led(call.function, atom).is_some());
                if leads && asked.contains(&parameter.index) && call.arguments[at].1 != *atoms {
                    atoms.iter().for_each(|atom| self.follow(call.function, atom, false));
                    again.get_or_insert_with(|| call.clone()).arguments[at].1.clone_from(atoms);
                }
            }
        }
        again
    }

    /// Whether control may come to a function from one whose address is put where those are that are given memory which is
    /// asked about.
    fn may_be_led(&mut self, function: u32) -> bool {
        if let Some(known) = self.across.led.get(&function) {
            return *known;
        }
        let mut pending = vec![function];
        let mut around = BTreeSet::new();
        let mut is_led = false;
        while let Some(next) = pending.pop()
            && !is_led
            && around.len() < MOST_AROUND
        {
            if !around.insert(next) {
                continue;
            }
            let ways = self.places.names().ways_to(next..next.saturating_add(1));
            let ways: Vec<Field> = ways.take(MOST_WAYS + 1).collect();
            for field in ways.iter().take(MOST_WAYS) {
                let stored = self.stored_behind(*field);
                is_led |= stored.iter().any(|offset| self.query.entries.contains(offset));
            }
            if ways.len() <= MOST_WAYS {
                let mut begin = |field: &Field| {
                    self.finder.around(&mut *self.decoder, field.at).map(|extent| extent.begin)
                };
                pending.extend(ways.iter().filter_map(&mut begin));
            }
        }
        self.across.led.insert(function, is_led);
        is_led
    }

    /// Notes that it is asked of a parameter of `function` which memory it leads to, where a value is read there; or
    /// where it is the value, if that `leads` to memory itself.
    fn follow(&mut self, function: u32, atom: &Atom, leads: bool) {
        let own = match atom.base {
            Base::Given(index) if leads => Some(index),
            _ => led(function, atom),
        };
        if let Some(index) = own
            && self.may_be_led(function)
        {
            self.across.behind.entry(function).or_default().insert(index);
        }
    }

    /// The calls in a function, seen with the ways to what it reads.
    fn seen_behind(&mut self, function: u32) -> Option<Rc<Vec<Seen>>> {
        if let Some(known) = self.across.seen_behind.get(&function) {
            return Some(Rc::clone(known));
        }
        if self.across.seen_behind.len() >= MOST_FUNCTIONS {
            return None;
        }
        let was_asked = self.across.behind.contains_key(&function);
        self.across.behind.entry(function).or_default();
        let found = self.again(function, &Vec::new(), Manner::Quickly);
        if !was_asked {
            self.across.behind.remove(&function);
        }
        let seen = Rc::new(found.map_or_else(Vec::new, |found| found.sites));
        self.across.seen_behind.insert(function, Rc::clone(&seen));
        Some(seen)
    }

    /// The parameters of `function` that lead to memory which these values were read from, and are followed.
    pub(super) fn led_by(&self, function: u32, atoms: &[Atom]) -> BTreeSet<u8> {
        let Some(followed) = self.across.behind.get(&function) else { return BTreeSet::new() };
        let by = atoms.iter().filter_map(|atom| led(function, atom));
        by.filter(|index| followed.contains(index)).collect()
    }

    /// Arguments of a call in `function` as they are told, with what a `group` of its callers gives it: of the memory
    /// that a value is read from, only what was asked about. Where a function on the way reads or writes the same, but
    /// to hand it on, it may have seen to what stands there.
    pub(super) fn told_of(
        &self,
        arguments: &[(Parameter, Vec<Atom>)],
        function: u32,
        group: &Group,
    ) -> Vec<(Parameter, Vec<Atom>)> {
        let steps = group.routes.iter().flat_map(|way| &way.calls);
        let on_the_way: BTreeSet<u32> =
            steps.filter_map(|step| step.function).map(|step| step.0).collect();
        let seen_to = |path: Path| {
            let path = path.not_worked_out();
            let touched =
                |by: &&u32| **by != function && self.across.touched.contains(&(**by, path));
            let is_it = |atom: &Atom| matches!(atom.base, Base::Unknown(Reason::Field(one)) if one.not_worked_out() == path);
            let is_given = group.given.iter().flat_map(|(_, atoms)| atoms).any(is_it);
            on_the_way.iter().filter(touched).count() > usize::from(is_given)
        };
        let told = |atom: &Atom| {
            let Base::Unknown(Reason::Field(path)) = atom.base else { return *atom };
            let reason = match path.offsets().first() {
                None => Reason::Callers,
                Some(offset)
                    if self.query.fields.contains(&(path.parameter(), *offset))
                        && !seen_to(path) =>
                {
                    return *atom;
                }
                Some(_) => Reason::Memory,
            };
            Atom { base: Base::Unknown(reason), ..*atom }
        };
        let one = |(parameter, atoms): &(Parameter, Vec<Atom>)| {
            let has_ways = |atom: &Atom| matches!(atom.base, Base::Unknown(Reason::Field(_)));
            if !atoms.iter().any(has_ways) {
                return (*parameter, atoms.clone());
            }
            let mut atoms: Vec<Atom> = atoms.iter().map(told).collect();
            atoms.sort_unstable();
            atoms.dedup();
            (*parameter, atoms)
        };
        arguments.iter().map(one).collect()
    }
}

/// The parameter of `function` that leads to memory which a value was read from.
fn led(function: u32, atom: &Atom) -> Option<u8> {
    match atom.base {
        Base::Unknown(Reason::Field(path)) if path.function().0 == function => {
            Some(path.parameter())
        }
        _ => None,
    }
}
