//! Pointers that are given something by their place among values in braces.

use super::{Finder, Given, Naming};
use crate::lex::{Kind, Token, tokens};
use crate::syntax::Record;
use std::ops::Range;

/// How deep structures lie in one another, and how many tokens in braces are looked at.
const DEEPEST: usize = 8;
const MOST_TOKENS: usize = 1 << 16;

/// A structure: which of the parsed files has it, and which of its structures.
type Known<'w> = (usize, &'w Record);

/// What is told of each member: where it stands in the file, with its name.
type Tell<'a, 't> = dyn FnMut(&'t str, Range<usize>) + 'a;

impl<'w, 't> Finder<'w, 't> {
    /// Tells what members are given by their places in braces, where the text of these `is_wanted`, of structures with a
    /// member whose name is.
    pub(super) fn each_listed(
        &mut self,
        is_wanted: &dyn Fn(&str) -> bool,
        is_member: &dyn Fn(&str) -> bool,
        tell: &mut dyn FnMut(&mut Self, Given<'t>),
    ) {
        let (world, parsed) = (self.world, self.parsed);
        for one in &world.parsed[parsed].syntax.listed {
            if !is_wanted(world.text(parsed, &one.value)) {
                continue;
            }
            let of = self.record(&one.of);
            let Some(of) = of.filter(|of| self.is_any_member(*of, is_member, DEEPEST)) else {
                continue;
            };
            let whole = world.tree.file(world.parsed[parsed].file).text.as_str();
            let all = tokens(whole, one.value.start, one.value.end).take(MOST_TOKENS);
            let all: Vec<Token> = all.collect();
            let mut found = Vec::new();
            let mut take = |name: &'t str, value: Range<usize>| found.push((name, value));
            self.lay_out(whole, &all, of, DEEPEST, &mut take);
            for (name, value) in found {
                let (naming, at) = (Naming::Member, value.start);
                let (function, is_local, targets) = (one.function, false, Vec::new());
                tell(self, Given { parsed, is_local, function, naming, name, at, value, targets });
            }
        }
    }

    /// The structure that a word names, or that lies between braces of the file.
    fn record(&self, of: &Range<usize>) -> Option<Known<'w>> {
        let world = self.world;
        let text = world.text(self.parsed, of);
        if text.starts_with('{') {
            let own = &world.parsed[self.parsed].syntax.records;
            return own.iter().find(|one| one.body == *of).map(|one| (self.parsed, one));
        }
        self.named(text)
    }

    fn named(&self, name: &str) -> Option<Known<'w>> {
        // Of several that are not alike it is not known which one is meant.
        self.world.record(name)?;
        let &(parsed, index) = self.world.records.get(name)?.first()?;
        Some((parsed, &self.world.parsed[parsed].syntax.records[index]))
    }

    /// The structure that a member is, if it is one.
    fn of_member(&self, of: Known<'w>, member: usize) -> Option<Known<'w>> {
        let (parsed, record) = of;
        let kind = record.members.get(member)?.1.as_ref()?;
        let own = &self.world.parsed[parsed].syntax.records;
        let within = own.iter().find(|one| one.body.end == kind.end && kind.start < one.body.start);
        within.map(|one| (parsed, one)).or_else(|| self.named(self.world.text(parsed, kind)))
    }

    fn is_any_member(&self, of: Known<'w>, is_it: &dyn Fn(&str) -> bool, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else { return false };
        let (parsed, record) = of;
        (0..record.members.len()).any(|index| {
            let name = self.world.text(parsed, &record.members[index].0);
            let within = || self.of_member(of, index);
            is_it(name) || within().is_some_and(|within| self.is_any_member(within, is_it, left))
        })
    }

    /// Lays values in braces, with the braces, over a structure or an array of such.
    fn lay_out(
        &self,
        text: &str,
        all: &[Token],
        of: Known<'w>,
        left: usize,
        tell: &mut Tell<'_, 't>,
    ) {
        let Some(left) = left.checked_sub(1) else { return };
        let (parsed, record) = of;
        let Some(items) = items(text, all).filter(|_| record.is_plain) else { return };
        let opens = |item: &&[Token]| item[0].text(text) == "{";
        let is_structure = self.of_member(of, 0).is_some();
        // An array of structures.
        if items.iter().all(|item| opens(item) || item[0].text(text) == "[") && !is_structure {
            for item in items {
                let from = item.iter().position(|one| one.text(text) == "{");
                self.lay_out(text, &item[from.unwrap_or(item.len())..], of, left, tell);
            }
            return;
        }
        let mut next = 0;
        for item in items {
            let mut value = item;
            if let [dot, name, is, rest @ ..] = item
                && dot.text(text) == "."
                && is.text(text) == "="
            {
                let is_it = |one: &(Range<usize>, Option<Range<usize>>)| {
                    self.world.text(parsed, &one.0) == name.text(text)
                };
                let Some(at) = record.members.iter().position(is_it) else { return };
                (next, value) = (at, rest);
            }
            let Some(member) = record.members.get(next) else { return };
            let within = self.of_member(of, next);
            next += 1;
            let (Some(first), Some(last)) = (value.first(), value.last()) else { return };
            match within {
                Some(within) if first.text(text) == "{" => {
                    self.lay_out(text, value, within, left, tell);
                }
                // Braces that are left out: where the next ones lie is not followed.
                Some(_) if value.len() == 1 && first.kind == Kind::Number => return,
                _ => tell(self.world.text(parsed, &member.0), first.start..last.end),
            }
        }
    }
}

/// The values between two braces, none of them empty.
fn items<'a>(text: &str, all: &'a [Token]) -> Option<Vec<&'a [Token]>> {
    let (first, rest) = all.split_first()?;
    let (last, between) = rest.split_last()?;
    if first.text(text) != "{" || last.text(text) != "}" {
        return None;
    }
    let mut items = super::parts(text, between);
    if items.last().is_some_and(|last| last.is_empty()) {
        items.pop();
    }
    items.iter().all(|item| !item.is_empty()).then_some(items)
}
