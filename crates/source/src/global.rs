//! The value of a variable outside of functions: what begins it, and what any function gives it.

use crate::entry::Sets;
use crate::evaluate::Place;
use crate::expression::Binary;
use crate::flow::{Event, Passes, Tracked, kept};
use crate::scope::event;
use crate::syntax::{Function, Happens, Manner, Variable};
use crate::value::{Choice, Unknown, Value};
use crate::world::{FunctionId, GlobalEvent, World};
use foldhash::HashSet;

/// How many events of one function are told apart, and how many functions are looked into for whether they read a variable.
const MOST_EVENTS: usize = 64;
const MOST_READERS: usize = 256;
/// Events, and calls, that count as one of the budget.
const EVENTS_OF_ONE: usize = 16;
/// The bit of nothing having happened.
const BEGIN: u128 = 1 << 127;

impl<'w> Place<'w, '_> {
    /// The value of a variable outside of functions.
    pub(crate) fn global(&self, name: &str, events: &[GlobalEvent], depth: usize) -> Value {
        let mut begins = Vec::new();
        let mut values = Vec::new();
        let mut gains = Vec::new();
        for event in events {
            if self.budget.get() == 0 {
                values.push(Value::open(Unknown::TooMuch));
                break;
            }
            let variable = self.world.variable(event);
            let place = Place {
                parsed: event.parsed,
                function: event.function,
                at: variable.name.start,
                given: &[],
                macro_given: &[],
                ..*self
            };
            if event.function.is_some()
                && (place.is_dead()
                    || place.is_for_older_windows()
                    // What a class has of that name is another variable.
                    || place.is_own_member(name)
                    || self.is_overwritten(name, events, event))
            {
                continue;
            }
            match &variable.happens {
                // What nothing is said about begins as zero.
                Happens::Declared => begins.push(Value::of(0)),
                Happens::Begins(range) => begins.push(place.ranged(range, depth)),
                Happens::Becomes(range) => values.push(place.ranged(range, depth)),
                Happens::Told(least) => values.push(Value::open(Unknown::Windows(*least))),
                Happens::Gains(range) => gains.push((Binary::Or, place.ranged(range, depth))),
                Happens::Keeps(range) => gains.push((Binary::And, place.ranged(range, depth))),
                Happens::Turns(..) | Happens::Changes => {
                    values.push(Value::open(Unknown::Variable(name.into())))
                }
            }
        }
        if self.world.hidden.contains(name) {
            values.push(Value::open(Unknown::Variable(name.into())));
        }
        if values.iter().any(|value| !begins.contains(value)) && !begins.is_empty() {
            let is_plain = values.iter().flat_map(|value| &value.choices).all(is_told);
            begins = match is_plain && self.is_set_first(name, Sets::Value) {
                true => Vec::new(),
                // Whether what sets it comes first is not known.
                false => vec![Value::open(Unknown::Variable(name.into()))],
            };
        }
        values.append(&mut begins);
        Value::gained(name, values, gains)
    }

    /// Whether what a function gives a variable is always replaced before the function ends, and before anything else reads
    /// it: `g = A; if (c) g = B;` gives it nothing but B where the condition always holds.
    fn is_overwritten(&self, name: &str, events: &[GlobalEvent], of: &GlobalEvent) -> bool {
        let Some(index) =
            of.function.filter(|_| Sets::Value.is_by(&self.world.variable(of).happens))
        else {
            return false;
        };
        self.take(1 + events.len() / EVENTS_OF_ONE);
        let is_here = (of.parsed, of.function) == (self.parsed, self.function);
        let own =
            events.iter().filter(|one| (one.parsed, one.function) == (of.parsed, of.function));
        let mut own: Vec<&Variable> = own.map(|one| self.world.variable(one)).collect();
        if is_here || own.len() < 2 || own.len() > MOST_EVENTS {
            return false;
        }
        own.sort_by_key(|one| one.name.start);
        let start = self.world.variable(of).name.start;
        let Some(place) = own.iter().position(|one| one.name.start == start) else { return false };
        let function = &self.world.parsed[of.parsed].syntax.functions[index];
        let inside = Place {
            parsed: of.parsed,
            function: of.function,
            at: function.body.start,
            given: &[],
            macro_given: &[],
            ..*self
        };
        inside.at_its_ends(function, &own).is_some_and(|last| last & 1 << place == 0)
            && !self.is_read_between(name, of, function, &own, start)
    }

    /// Which of the events in the function around may be the last of all, each by its bit; none where that is not known.
    fn at_its_ends(&self, function: &Function, own: &[&Variable]) -> Option<u128> {
        let events: Vec<Event> = own.iter().map(|one| event(one)).collect();
        let constant = self.dead().map_or(&[][..], |dead| &dead.passes);
        let tracked = Tracked {
            begin: BEGIN,
            events: (0..own.len()).map(|index| 1 << index).collect(),
            passes: Passes::merged(self.own_passes().iter().chain(constant).copied().collect()),
        };
        let ends = function.exits();
        let mut found = 0;
        for at in ends {
            found |= self.walked(function, &events, at, |way, work| kept(way, &tracked, work))?;
        }
        (found != 0).then_some(found)
    }

    /// Whether a function may call something that reads a variable between what it gives it at `start` and the last of all
    /// that it gives it.
    fn is_read_between(
        &self,
        name: &str,
        of: &GlobalEvent,
        function: &Function,
        own: &[&Variable],
        start: usize,
    ) -> bool {
        let end = own.last().map_or(function.body.end, |last| last.name.start);
        let between = start..end;
        let all = &self.world.parsed[of.parsed].syntax.calls;
        let own = of.function.map(|own| self.world.call_words(of.parsed).within(own));
        let calls = own.into_iter().flatten().map(|call| &all[call]);
        let mut calls = calls.filter(|call| between.contains(&call.whole.start));
        self.take(1);
        let mut seen = HashSet::default();
        let may_read = calls.any(|call| {
            let callee = self.world.text(of.parsed, &call.callee);
            call.manner != Manner::Plain
                || self
                    .world
                    .called(of.parsed, callee)
                    .into_iter()
                    .any(|id| self.world.may_read(name, id, &mut seen))
        });
        self.take(seen.len());
        may_read
    }
}

impl World<'_> {
    /// What happens at an event.
    pub(crate) fn variable(&self, event: &GlobalEvent) -> &Variable {
        let syntax = &self.parsed[event.parsed].syntax;
        match event.function {
            Some(function) => &syntax.functions[function].variables[event.event],
            None => &syntax.variables[event.event],
        }
    }

    /// Whether a function, or what it calls, names a variable.
    fn may_read(&self, name: &str, id: FunctionId, seen: &mut HashSet<FunctionId>) -> bool {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let syntax = &self.parsed[id.parsed].syntax;
            let body = self.text(id.parsed, &syntax.functions[id.function].body);
            if seen.len() > MOST_READERS || body.contains(name) {
                return true;
            }
            for call in self.call_words(id.parsed).within(id.function) {
                open.extend(
                    self.called(id.parsed, self.text(id.parsed, &syntax.calls[call].callee)),
                );
            }
        }
        false
    }
}

impl Function {
    /// The bytes by which control leaves it.
    fn exits(&self) -> impl Iterator<Item = usize> {
        let is_own = |at: usize| !self.lambdas.iter().any(|(whole, _)| whole.contains(&at));
        let returns = self.forks.iter().filter(move |fork| {
            fork.kind == crate::flow::ForkKind::Return
                && is_own(fork.range.start)
                && !fork.range.is_empty()
        });
        returns.map(|fork| fork.range.end - 1).chain(self.body.end.checked_sub(1))
    }
}

/// Whether a value is known as far as it ever is.
fn is_told(choice: &Choice) -> bool {
    matches!(choice.unknown, None | Some(Unknown::Windows(_)))
}

#[cfg(test)]
mod tests;
