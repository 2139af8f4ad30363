//! What is the same in every build and whenever it is asked for.

use crate::evaluate::Place;
use crate::lex::{Kind, tokens};
use crate::syntax::{Function, Happens, Variable};
use crate::value::{Unknown, Value};
use crate::world::GlobalEvent;
use crate::{target, vocabulary};
use std::ops::Range;

/// No longer condition is looked at, in tokens.
const MOST_TOKENS: usize = 128;
/// How many files may declare a constant of one name.
const MOST_DECLARED: usize = 16;
/// How many bytes before a name are looked through for how it is declared.
const MOST_BEFORE: usize = 256;

impl Place<'_, '_> {
    /// Whether a condition always is true, or always is false.
    pub(crate) fn constant_truth(&self, condition: &Range<usize>) -> Option<bool> {
        if !self.may_be_constant(condition) {
            return None;
        }
        let file = self.world.parsed[self.parsed].file;
        self.value_in(file, condition.clone()).truth()
    }

    /// Whether a condition may be constant, at a glance: most are about a variable.
    fn may_be_constant(&self, condition: &Range<usize>) -> bool {
        let parsed = &self.world.parsed[self.parsed];
        let text = self.world.tree.file(parsed.file).text.as_str();
        let mut all = tokens(text, condition.start, condition.end);
        let mut is_open = false;
        for token in all.by_ref().take(MOST_TOKENS) {
            match (token.kind, token.text(text)) {
                // Of these one side is enough.
                (_, "&&" | "||" | "?") => return true,
                (Kind::String, _) | (_, "=" | "->" | "++" | "--") => is_open = true,
                (Kind::Word, name) if !is_open => {
                    let is_macro = || {
                        let meanings = parsed.unit.meanings(name, parsed.time(self.at));
                        !meanings.macros.is_empty()
                    };
                    is_open = !(vocabulary::constant(name).is_some()
                        || is_macro()
                        || target::version(name).is_some()
                        || self.world.enumerators.contains_key(name)
                        || self.is_declared_constant(name));
                }
                _ => {}
            }
        }
        !is_open && all.next().is_none()
    }

    /// What a name is that is no macro, where that is the same in every build and never changes.
    pub(crate) fn constant_name(&self, name: &str, depth: usize) -> Value {
        let open = || Value::open(Unknown::Name(name.into()));
        if let Some((index, function)) = self.around() {
            if let Some(one) = self.own_constant(function, name) {
                let Happens::Begins(range) = &one.happens else { return open() };
                return Place { at: one.name.start, ..*self }.ranged(range, depth);
            }
            let text = |range: &Range<usize>| self.world.text(self.parsed, range);
            let shadows = |(whole, parameters): &(Range<usize>, Vec<Range<usize>>)| {
                whole.contains(&self.at) && parameters.iter().any(|one| text(one) == name)
            };
            if function.lambdas.iter().any(shadows)
                || self.world.is_local(self.parsed, index, name, self.at)
            {
                return open();
            }
        }
        if let Some(value) = vocabulary::constant(name) {
            return if vocabulary::is_opted_in(name) { open() } else { Value::of(value) };
        }
        if self.own_member(name, depth).is_some() {
            return open();
        }
        if let Some(all) = self.world.enumerators.get(name) {
            let seen = all.iter().filter(|(parsed, _)| self.sees(*parsed));
            let mut seen = seen.take(MOST_DECLARED).peekable();
            return match seen.peek() {
                Some(_) => Value::either(
                    seen.map(|&(parsed, index)| self.enumerator(parsed, index, depth)),
                ),
                None => open(),
            };
        }
        if let Some(version) = target::version(name) {
            return Value::of(version);
        }
        let Some(events) = self.constant_events(name) else { return open() };
        let value = |event: &GlobalEvent| {
            let one = self.world.variable(event);
            let Happens::Begins(range) = &one.happens else { return open() };
            let parsed = event.parsed;
            let at = one.name.start;
            Place { parsed, function: None, at, ..*self }.ranged(range, depth)
        };
        Value::either(events.iter().map(value))
    }

    fn around(&self) -> Option<(usize, &Function)> {
        let index = self.function?;
        Some((index, &self.world.parsed[self.parsed].syntax.functions[index]))
    }

    /// Whether a name may be that of a variable that is declared to be constant.
    fn is_declared_constant(&self, name: &str) -> bool {
        let is_own = || {
            self.around().is_some_and(|(_, function)| self.own_constant(function, name).is_some())
        };
        self.constant_events(name).is_some() || is_own()
    }

    /// The variable of a function that a name means here, where it is constant.
    fn own_constant<'f>(&self, function: &'f Function, name: &str) -> Option<&'f Variable> {
        let is_it = |one: &&Variable| self.world.text(self.parsed, &one.name) == name;
        let mut all = function.variables.iter().filter(is_it);
        let only = all.next().filter(|_| all.next().is_none())?;
        let is_here = only.scope.contains(&self.at) && only.name.end <= self.at;
        (is_here && self.is_constant_at(self.parsed, only)).then_some(only)
    }

    /// What declares a variable outside of functions that this place sees, where all of it is constant.
    fn constant_events(&self, name: &str) -> Option<&[GlobalEvent]> {
        let all = self.world.globals.get(name)?;
        let is_constant = |event: &GlobalEvent| {
            let one = self.world.variable(event);
            event.function.is_none()
                && self.sees(event.parsed)
                && matches!(one.happens, Happens::Begins(_))
                && !self.is_member(event.parsed, one)
                && self.is_constant_at(event.parsed, one)
        };
        (all.len() <= MOST_DECLARED && all.iter().all(is_constant)).then_some(all)
    }

    /// Whether a parsed file is part of the unit around.
    fn sees(&self, parsed: usize) -> bool {
        let file = self.world.parsed[parsed].file;
        let own = &self.world.parsed[self.parsed];
        file == own.file || own.unit.visits.contains_key(&file)
    }

    /// Whether a variable is declared in a class: without its name it means something else.
    fn is_member(&self, parsed: usize, one: &Variable) -> bool {
        let records = &self.world.parsed[parsed].syntax.records;
        records.iter().any(|record| record.body.contains(&one.name.start))
    }

    /// Whether what is declared is said to be constant, and is no pointer to something that is.
    fn is_constant_at(&self, parsed: usize, one: &Variable) -> bool {
        let text = self.world.tree.file(self.world.parsed[parsed].file).text.as_str();
        let mut from = one.name.start.saturating_sub(MOST_BEFORE);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = &text[from..one.name.start];
        let start = before.rfind([';', '{', '}', '(', ')', '#']).map_or(0, |at| at + 1);
        let before = &before[start..];
        let words: Vec<&str> =
            tokens(before, 0, before.len()).map(|token| token.text(before)).collect();
        words.iter().any(|word| matches!(*word, "const" | "constexpr" | "CONST"))
            && !words.iter().any(|word| matches!(*word, "volatile" | "*" | "&" | ","))
    }
}
