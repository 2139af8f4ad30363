//! Expressions at a place, with the macros in them replaced.

use crate::evaluate::Place;
use crate::expand::{Expander, Expansion};
use crate::expression::{self, Places};
use crate::value::{Unknown, Value};
use crate::{FileId, vocabulary};
use std::ops::Range;

impl<'w, 't> Place<'w, 't> {
    /// The value of what stands in `range` of a file, such as an argument.
    pub(crate) fn value_in(&self, file: FileId, range: Range<usize>) -> Value {
        self.value_at_depth(file, range, 0)
    }

    /// The same, within the value of something else.
    pub(crate) fn value_at_depth(&self, file: FileId, range: Range<usize>, depth: usize) -> Value {
        let text = self.world.tree.file(file).text.as_str();
        self.with_expander(&[], |expander| {
            if !expander.is_needed(text, range.clone()) {
                return self.value(&expression::read(text, range, file), depth);
            }
            let Some((all, are_all)) = expander.expand(text, range, file) else {
                return Value::open(Unknown::TooMuch);
            };
            let rest = (!are_all).then(|| Value::open(Unknown::TooMuch));
            let whole = |one: &Expansion| self.value_of(one, &(0..one.text.len()), depth);
            Value::by_build(all.iter().map(whole).chain(rest))
        })
    }

    /// The value of a part of what macros gave.
    pub(crate) fn value_of(&self, of: &Expansion, range: &Range<usize>, depth: usize) -> Value {
        let (tokens, spans) = of.within(range);
        self.value(&expression::read_tokens(&of.text, tokens, Places::Each(spans)), depth)
    }

    /// Does something with macros as they are here, but for those in `kept`.
    pub(crate) fn with_expander<T>(
        &self,
        kept: &[&str],
        work: impl FnOnce(&Expander<'_, 't>) -> T,
    ) -> T {
        let parsed = &self.world.parsed[self.parsed];
        work(&Expander {
            tree: self.world.tree,
            unit: &parsed.unit,
            time: parsed.time(self.at),
            means: &|name| self.is_known(name),
            bound: &|name| {
                kept.contains(&name)
                    || self.macro_given.iter().any(|(known, _)| *known == name)
                    || self.only_constants && parsed.unit.may_be_given(name, parsed.time(self.at))
            },
            budget: self.budget,
        })
    }

    /// Whether a name means something where it is no macro.
    fn is_known(&self, name: &str) -> bool {
        vocabulary::constant(name).is_some()
            || vocabulary::function(name).is_some()
            || self.world.enumerators.contains_key(name)
            || self.world.globals.contains_key(name)
            || self.world.functions.contains_key(name)
    }
}
