//! Functions that are handed to others, which call them by a parameter.

use super::{Finder, Given, Known, LONGEST, Naming, Target};
use crate::FEW_FILES;
use crate::call_words::{Names, last_word};
use crate::interest::Interest;
use crate::syntax::{Call, Manner};
use crate::vocabulary;
use crate::world::{FunctionId, World};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;

/// Which parameters of a function are handed what is looked for, by the function's name.
pub(super) type Handed<'t> = HashMap<&'t str, HashSet<usize>>;

/// The functions of the tree that are handed what is looked for; `known` are pointers to that, with the function that alone
/// sees them.
pub(super) fn handed<'t>(world: &World<'t>, interest: &Interest, known: &Known<'t>) -> Handed<'t> {
    let pointers = known.iter().map(|(_, name)| *name).chain(world.pointers.keys().copied());
    let names = Names::of(interest.names().chain(pointers));
    let in_file = |parsed: usize| {
        let mut finder = Finder::new(world, parsed);
        let words = world.call_words(parsed);
        let mut found = Vec::new();
        let calls = world.parsed[parsed].syntax.calls.iter().enumerate();
        for (number, call) in calls.filter(|(_, call)| takes_functions(call)) {
            for (index, range) in call.arguments.iter().enumerate() {
                if !words.may_pass(number, index, &names) {
                    continue;
                }
                let last = last_word(world.text(parsed, range));
                let is_pointer = |within| known.contains(&(within, last));
                let here = call.function.map(|function| FunctionId { parsed, function });
                let may_be = interest.has(last)
                    || is_pointer(None)
                    || is_pointer(here)
                    || world.pointers.contains_key(last);
                if last.is_empty() || !may_be || range.len() > LONGEST {
                    continue;
                }
                let name = world.text(parsed, &call.callee);
                let given = finder.argument(call, index, name, Naming::Element);
                let targets = finder.targets(&given);
                let is_it = |target: &Target<'t>| match target {
                    Target::Named(name) => finder.is_function(&given, name, interest, known),
                    Target::Nothing | Target::Other => false,
                };
                if targets.iter().any(is_it) && vocabulary::function(name).is_none() {
                    found.push((name, index));
                }
            }
        }
        found
    };
    let all: Vec<_> = (0..world.parsed.len())
        .into_par_iter()
        .with_min_len(FEW_FILES)
        .flat_map_iter(in_file)
        .collect();
    let mut handed = Handed::default();
    for (name, index) in all {
        handed.entry(name).or_default().insert(index);
    }
    handed
}

fn takes_functions(call: &Call) -> bool {
    matches!(call.manner, Manner::Plain | Manner::Indirect)
}

impl<'t> Finder<'_, 't> {
    /// Whether a name that stands as an argument is that of a function which is looked for, or of a pointer to one.
    fn is_function(
        &self,
        given: &Given<'t>,
        name: &'t str,
        interest: &Interest,
        known: &Known<'t>,
    ) -> bool {
        let is_known = |within| known.contains(&(within, name));
        let here = given.function.map(|function| FunctionId { parsed: self.parsed, function });
        if !self.means_local(given, name, given.value.start) {
            return interest.has(name) || is_known(None);
        }
        let is_own =
            |one: &Given<'_>| matches!(one.naming, Naming::Parameter(of) if Some(of) == here);
        let handed_on = || self.world.pointers.get(name).is_some_and(|all| all.iter().any(is_own));
        is_known(here) || handed_on()
    }

    fn argument(&self, call: &Call, index: usize, name: &'t str, naming: Naming) -> Given<'t> {
        let value = call.arguments[index].clone();
        let (at, function) = (call.callee.start, call.function);
        let (parsed, is_local, targets) = (self.parsed, false, Vec::new());
        Given { parsed, is_local, function, naming, name, at, value, targets }
    }

    /// Tells what parameters are given by calls of functions that are handed something, which the names are those of.
    pub(super) fn each_argument(
        &mut self,
        (handed, names): (&Handed<'t>, &Names),
        tell: &mut dyn FnMut(&mut Self, Given<'t>),
    ) {
        let (world, parsed) = (self.world, self.parsed);
        if handed.is_empty() {
            return;
        }
        let words = world.call_words(parsed);
        let calls = world.parsed[parsed].syntax.calls.iter().enumerate();
        let calls = calls.filter(|(number, _)| words.may_call(*number, names));
        for (_, call) in calls.filter(|(_, call)| takes_functions(call)) {
            let name = world.text(parsed, &call.callee);
            let Some(indices) = handed.get(name) else { continue };
            for id in world.called(parsed, name) {
                let function = &world.parsed[id.parsed].syntax.functions[id.function];
                for &index in indices.iter().filter(|index| **index < call.arguments.len()) {
                    let Some(parameter) = function.parameters.get(index) else { continue };
                    let parameter = world.text(id.parsed, parameter);
                    let given = self.argument(call, index, parameter, Naming::Parameter(id));
                    tell(self, given);
                }
            }
        }
    }
}
