//! Conditions of a function, asked about each value that a variable may have.

use super::Source;
use crate::evaluate::Place;
use crate::expression::Binary;
use crate::flow::{Fork, ForkKind, Passes};
use crate::value::{Choice, Value};
use std::ops::Range;

/// Conditions that are asked about each value that a variable may have.
pub(super) struct Asking<'a, 'w, 't> {
    pub(super) place: Place<'w, 't>,
    pub(super) name: &'a str,
    pub(super) forks: &'a [Fork],
    pub(super) depth: usize,
}

impl Asking<'_, '_, '_> {
    /// Adds what a fork lets by, and of a switch each of its labels.
    pub(super) fn at_fork(&self, index: usize, sources: &[Source], passes: &mut Vec<Passes>) {
        let fork = &self.forks[index];
        match &fork.kind {
            ForkKind::Choice { condition, .. } => {
                let (yes, no) = self.by_truth(sources, |choice| self.truth(condition, choice));
                passes.push(Passes { fork: index, yes, no });
            }
            ForkKind::Maybe(Some((condition, runs))) => {
                let runs_with =
                    |choice: &Choice| self.truth(condition, choice).map(|is| is == *runs);
                let (yes, no) = self.by_truth(sources, runs_with);
                passes.push(Passes { fork: index, yes, no });
            }
            ForkKind::Switch(on, _) => self.at_switch(index, on, sources, passes),
            _ => {}
        }
    }

    fn at_switch(
        &self,
        index: usize,
        on: &Range<usize>,
        sources: &[Source],
        passes: &mut Vec<Passes>,
    ) {
        let mut rest = u128::MAX;
        let mut default = None;
        for (label, value) in labels(self.forks, index) {
            let Some(value) = value else {
                default = Some(label);
                continue;
            };
            let at = Place { at: value.start, macro_given: &[], ..self.place };
            let value = at.ranged(value, self.depth);
            let is_it =
                |choice: &Choice| self.value(on, choice).binary(Binary::Equal, &value).truth();
            let (yes, no) = self.by_truth(sources, is_it);
            passes.push(Passes { fork: label, yes, no: u128::MAX });
            rest &= no;
        }
        passes.extend(default.map(|fork| Passes { fork, yes: rest, no: u128::MAX }));
        passes.push(Passes { fork: index, yes: u128::MAX, no: rest });
    }

    /// The bits of what may make something true, and of what may make it false.
    fn by_truth(
        &self,
        sources: &[Source],
        truth: impl Fn(&Choice) -> Option<bool>,
    ) -> (u128, u128) {
        let (mut yes, mut no) = (u128::MAX, u128::MAX);
        for source in sources {
            for (choice, bit) in source.value.choices.iter().zip(&source.bits) {
                match truth(choice) {
                    Some(true) => no &= !bit,
                    Some(false) => yes &= !bit,
                    None => {}
                }
            }
        }
        (yes, no)
    }

    fn truth(&self, condition: &Range<usize>, choice: &Choice) -> Option<bool> {
        let value = self.value(condition, choice);
        self.place.world.ask_for_functions(&value);
        value.truth()
    }

    /// The value of an expression of the function where the variable is one choice.
    fn value(&self, of: &Range<usize>, choice: &Choice) -> Value {
        let file = self.place.world.parsed[self.place.parsed].file;
        let bound = [(self.name, Value::from(vec![choice.clone()]))];
        let at = Place { at: of.start, macro_given: &bound, ..self.place };
        at.value_at_depth(file, of.clone(), self.depth)
    }
}

/// What decides which way is taken at a fork.
pub(super) fn condition(fork: &Fork) -> Option<&Range<usize>> {
    match &fork.kind {
        ForkKind::Choice { condition, .. }
        | ForkKind::Maybe(Some((condition, _)))
        | ForkKind::Switch(condition, _) => Some(condition),
        _ => None,
    }
}

/// The labels of a switch, each with its value; those of a switch within are others.
fn labels(forks: &[Fork], switch: usize) -> Vec<(usize, Option<&Range<usize>>)> {
    let end = forks[switch].range.end;
    let mut found = Vec::new();
    let mut within = 0;
    for (index, fork) in forks.iter().enumerate().skip(switch + 1) {
        match &fork.kind {
            _ if fork.range.start >= end => break,
            ForkKind::Switch(..) => within = within.max(fork.range.end),
            ForkKind::Case(value) if fork.range.start >= within => {
                found.push((index, value.as_ref()));
            }
            _ => {}
        }
    }
    found
}
