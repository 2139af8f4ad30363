//! What conditions tell of a variable: on the way on which one holds, only the values are left that make it hold.

mod asking;
#[cfg(test)]
mod tests;

use super::{Declared, Local};
use crate::evaluate::Place;
use crate::flow::{Event, Fork, Passes, Tracked, kept};
use crate::lex::{Kind, tokens};
use crate::syntax::{Function, Variable};
use crate::value::{Choice, Unknown, Value};
use asking::{Asking, condition};
use std::cell::Cell;
use std::ops::Range;

/// How many conditions of a function are looked at for one variable, and how many values are told apart.
const MOST_CONDITIONS: usize = 64;
const MOST_TRACKED: usize = 127;
/// The bit of what is not told apart, which comes by every condition.
const OTHER: u128 = 1 << MOST_TRACKED;
/// How much of the budget conditions may take, and as what part of all.
const MOST_OF_BUDGET: u32 = 2_000;
const PART_OF_BUDGET: u32 = 8;
/// How much deeper a condition stands than what it decides about, so that conditions upon conditions end.
const DEEPER: usize = 8;
/// How many bytes before a name are looked through for how it is declared.
const MOST_BEFORE: usize = 512;

/// What a variable may hold when something happened last, and which bits stand for that.
struct Source {
    value: Value,
    /// The bit of each choice.
    bits: Vec<u128>,
}

impl<'w> Place<'w, '_> {
    /// The values that a variable may have here: those of `each` event and what it began as, without those that conditions
    /// on the way keep away.
    pub(crate) fn narrowed(
        &self,
        name: &str,
        local: &Local<'w>,
        begin: Option<Value>,
        each: Vec<Value>,
        depth: usize,
    ) -> Vec<Value> {
        let found = self.conditions(name, local).and_then(|(function, conditions)| {
            self.by_conditions(name, local, function, &conditions, (&begin, &each), depth)
        });
        found.unwrap_or_else(|| begin.into_iter().chain(each).collect())
    }

    /// The forks of the function around whose conditions are about a variable, if what they say of it stays true until it is
    /// given something else.
    fn conditions(&self, name: &str, local: &Local<'w>) -> Option<(&'w Function, Vec<usize>)> {
        let function = &self.world.parsed[self.parsed].syntax.functions[self.function?];
        if local.is_loose || !local.is_given && local.order.is_empty() {
            return None;
        }
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        // What asks for a version of Windows keeps all values back, or none.
        let asking = function.asking(self.world, self.parsed);
        let names_it = |index: usize, fork: &Fork| {
            condition(fork).is_some_and(|range| {
                let part = text.get(range.clone()).unwrap_or_default();
                asking.binary_search(&index).is_ok()
                    || memchr::memmem::find(part.as_bytes(), name.as_bytes()).is_some()
                        && !part.contains('#')
                        && tokens(text, range.start, range.end)
                            .any(|token| token.kind == Kind::Word && token.text(text) == name)
            })
        };
        let forks =
            function.forks.iter().enumerate().filter(|(index, fork)| names_it(*index, fork));
        let mut all: Vec<usize> = forks.map(|(index, _)| index).take(MOST_CONDITIONS).collect();
        if all.is_empty() {
            return None;
        }
        let is_it = |range: &Range<usize>| self.world.text(self.parsed, range) == name;
        let declared = Declared::of(function, &is_it);
        let binding = declared.at(self.at)?;
        let is_changed = |range: &Range<usize>| {
            local.order.iter().any(|(_, variable)| range.contains(&variable.name.start))
        };
        all.retain(|index| {
            condition(&function.forks[*index]).is_some_and(|range| {
                declared.at(range.start) == Some(binding)
                    && !is_changed(range)
                    && !is_in_lambda(function, range.start)
            })
        });
        let events: Vec<&Variable> = local.order.iter().map(|(_, variable)| *variable).collect();
        let is_steady = self.is_steady(name, function, &events);
        (is_steady && !all.is_empty()).then_some((function, all))
    }

    /// Whether a variable changes only where it is seen to: it is not volatile, and nothing else has its address.
    pub(super) fn is_steady(&self, name: &str, function: &Function, events: &[&Variable]) -> bool {
        let changes = |one: &&Variable| {
            one.happens.is_change() || one.is_static || is_in_lambda(function, one.name.start)
        };
        let is_hidden = function.hidden.iter().any(|one| **one == *name);
        if is_hidden || is_in_lambda(function, self.at) || events.iter().any(changes) {
            return false;
        }
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let is_it = |range: &&Range<usize>| self.world.text(self.parsed, range) == name;
        let declares = events.iter().filter(|one| super::declares(one)).map(|one| &one.name);
        let mut places = function.parameters.iter().filter(is_it).chain(declares);
        places.all(|place| !is_volatile(text, place.start))
    }

    /// What is left where conditions are followed; none where that is too much.
    fn by_conditions(
        &self,
        name: &str,
        local: &Local<'w>,
        function: &'w Function,
        conditions: &[usize],
        (begin, each): (&Option<Value>, &[Value]),
        depth: usize,
    ) -> Option<Vec<Value>> {
        // Of what is not known no condition tells anything.
        let is_open = |value: &Value| value.choices.iter().all(Choice::is_open);
        if begin.iter().chain(each).all(is_open) {
            return None;
        }
        let mut next = 0;
        let mut sources = Vec::new();
        for value in begin.iter().chain(each) {
            let bit = |choice: &Choice| match choice.unknown {
                Some(Unknown::Never) => 0,
                _ => {
                    next += 1;
                    1_u128.checked_shl(next - 1).unwrap_or_default()
                }
            };
            let bits = value.choices.iter().map(bit).collect();
            sources.push(Source { value: value.clone(), bits });
        }
        if next as usize >= MOST_TRACKED {
            return None;
        }
        let begins = begin.as_ref().map_or(OTHER, |_| sources[0].all());
        let of_events = &sources[begin.iter().count()..];
        let mut tracked = Tracked { begin: begins, events: Vec::new(), passes: Vec::new() };
        for (_, event) in &local.order {
            let reached = local.events.iter().position(|one| std::ptr::eq(*one, *event));
            tracked.events.push(reached.map_or(OTHER, |index| of_events[index].all()));
        }
        tracked.passes = self.passes(name, function, conditions, &sources, depth)?;
        let events: Vec<Event> = local.order.iter().map(|(event, _)| *event).collect();
        let left =
            self.walked(function, &events, self.at, |way, work| kept(way, &tracked, work))?;
        let values: Vec<Value> = sources.iter().filter_map(|one| one.left(left)).collect();
        match values.is_empty() {
            // Where callers pass something, it may be what never comes here.
            true if !self.given.is_empty() => Some(vec![Value::open(Unknown::Never)]),
            true => None,
            false => Some(values),
        }
    }

    /// What each of the forks lets by of the `sources`; none where no fork keeps anything back.
    fn passes(
        &self,
        name: &str,
        function: &Function,
        conditions: &[usize],
        sources: &[Source],
        depth: usize,
    ) -> Option<Vec<Passes>> {
        let left = self.budget.get();
        let own = Cell::new(MOST_OF_BUDGET.min(left / PART_OF_BUDGET));
        let all = own.get();
        let asking = Asking {
            place: Place { budget: &own, ..*self },
            name,
            forks: &function.forks,
            depth: depth + DEEPER,
        };
        let mut passes: Vec<Passes> = Vec::new();
        for index in conditions {
            asking.at_fork(*index, sources, &mut passes);
        }
        self.budget.set(left - (all - own.get()).min(left));
        passes.extend(self.dead().into_iter().flat_map(|dead| dead.passes.iter().copied()));
        let passes = Passes::merged(passes);
        passes.iter().any(|one| one.yes & one.no != u128::MAX).then_some(passes)
    }
}

impl Source {
    fn all(&self) -> u128 {
        self.bits.iter().fold(0, |all, bit| all | bit)
    }

    /// What is left of the value where only some bits are.
    fn left(&self, left: u128) -> Option<Value> {
        let mut bits = self.bits.iter();
        self.value.only(|_| bits.next().is_some_and(|bit| bit & left != 0))
    }
}

fn is_in_lambda(function: &Function, at: usize) -> bool {
    function.lambdas.iter().any(|(whole, _)| whole.contains(&at))
}

/// Whether what is declared at a byte of a text is volatile.
fn is_volatile(text: &str, at: usize) -> bool {
    let mut from = at.saturating_sub(MOST_BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..at];
    let start = before.rfind([';', '{', '}', '(']).map_or(0, |at| at + 1);
    let before = &before[start..];
    tokens(before, 0, before.len())
        .any(|token| matches!(token.text(before), "volatile" | "VOLATILE"))
}
