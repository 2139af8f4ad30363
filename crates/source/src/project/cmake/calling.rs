//! Calls of functions and macros that the tree defines.

use super::super::paths;
use super::super::traced::Traced;
use super::command::Command;
use super::directory::Walk;
use super::making::made;
use super::running::{DEEPEST_CALL, Script};
use super::saying::joined;
use super::target::Kind;
use super::variables::elements;
use crate::Span;
use std::ops::Range;

/// A function or macro that the tree defines.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) script: Script,
    pub(super) body: Range<usize>,
    pub(super) parameters: Vec<String>,
    pub(super) is_macro: bool,
    /// What it hangs on whether it is this one.
    pub(super) doubt: Option<Span>,
}

impl Walk<'_, '_> {
    /// Calls a function of the tree.
    pub(super) fn call(&mut self, command: &Command, function: &Function) {
        let words = self.words(&command.arguments);
        let place = self.place(command);
        let (reader, directory) = (self.reader, &self.lists.directories[self.number]);
        let cost = directory.variables.cost() + 2 * words.iter().map(Traced::cost).sum::<u64>();
        if self.calls >= DEEPEST_CALL {
            let what = "functions call each other too deep; this one may define macros";
            self.directory().doubts.add(place, what);
            return;
        }
        if !reader.budget.spend(cost) {
            self.exhausted();
            return;
        }
        let saved = directory.variables.clone();
        let bound = bound(function, &words);
        for (name, value) in &bound {
            self.directory().variables.set(reader, name, value.clone(), None);
        }
        let list_folder = paths::anchored(reader.tree, function.script.file);
        self.directory().variables.preset("CMAKE_CURRENT_FUNCTION_LIST_DIR", &list_folder);
        let open = self.open.len();
        if let Some(doubt) = function.doubt {
            self.perhaps(doubt);
        }
        let upward = std::mem::take(&mut self.upward);
        self.calls += 1;
        self.run(&function.script, function.body.clone());
        self.calls -= 1;
        let own = std::mem::replace(&mut self.upward, upward);
        if function.is_macro {
            // It runs among the variables of its caller.
            self.upward.extend(own);
            for (name, _) in &bound {
                self.restore(name, saved.get(name).cloned());
            }
        } else {
            self.directory().variables = saved;
            let doubt = self.doubt();
            for (name, value) in own {
                self.directory().variables.set(reader, &name, value, doubt);
            }
        }
        self.open.truncate(open);
        self.made_by(command, &words);
    }

    /// What a function whose name says that it makes a driver has made.
    fn made_by(&mut self, command: &Command, words: &[Traced]) {
        let Some(kind) = made(&command.name, words) else { return };
        let [name, rest @ ..] = words else { return };
        let Some(known) = self.lists.target(name.as_str()) else {
            self.make(command, kind, words);
            return;
        };
        let lacks_sources = !known.names_sources && known.sources.is_empty();
        let named = lacks_sources.then(|| self.named(rest));
        if let Some(target) = self.lists.target_mut(name.as_str()) {
            if target.kind != Kind::Interface {
                target.kind = kind;
            }
            if let Some(named) = named.filter(|named| named.some) {
                target.unknown_sources = false;
                target.give(named);
            }
        }
    }

    /// `cmake_parse_arguments`.
    pub(super) fn parse_arguments(&mut self, words: &[Traced]) {
        let given: Vec<Traced>;
        let (names, rest) = match words {
            [form, number, names @ ..] if form.as_str() == "PARSE_ARGV" && names.len() == 4 => {
                let number = number.as_str().parse().unwrap_or(usize::MAX);
                let all = self.directory().variables.get("ARGV").map(elements);
                given = all.unwrap_or_default().into_iter().skip(number).collect();
                (names, &*given)
            }
            [_, _, _, _, rest @ ..] => (&words[..4], rest),
            _ => return,
        };
        let prefix = names[0].as_str();
        let [options, single, several] = [1, 2, 3].map(|at| elements(&names[at]));
        let has = |of: &[Traced], word: &Traced| of.iter().any(|one| one.as_str() == word.as_str());
        let mut values: Vec<(String, Vec<Traced>)> = Vec::new();
        for name in options.iter() {
            let is_there = if has(rest, name) { "TRUE" } else { "FALSE" };
            values.push((name.as_str().to_owned(), vec![Traced::unplaced(is_there)]));
        }
        let first = values.len();
        let named = single.iter().chain(&several).map(|name| name.as_str().to_owned());
        values.extend(named.chain(["UNPARSED_ARGUMENTS".to_owned()]).map(|name| (name, vec![])));
        let unparsed = values.len() - 1;
        let mut at = unparsed;
        for word in rest {
            let keyword = values[first..unparsed].iter().position(|one| one.0 == word.as_str());
            if let Some(keyword) = keyword {
                at = first + keyword;
            } else if has(&options, word) {
                at = unparsed;
            } else {
                values[at].1.push(word.clone());
                if at < first + single.len() {
                    at = unparsed;
                }
            }
        }
        let (reader, doubt) = (self.reader, self.doubt());
        for (name, value) in values {
            let name = format!("{prefix}_{name}");
            self.directory().variables.set(reader, &name, joined(&value), doubt);
        }
    }
}

/// The variables that the arguments of a call are in.
fn bound(function: &Function, words: &[Traced]) -> Vec<(String, Traced)> {
    let named = function.parameters.len();
    let mut bound: Vec<(String, Traced)> =
        function.parameters.iter().cloned().zip(words.iter().cloned()).collect();
    bound.push(("ARGC".to_owned(), Traced::unplaced(&words.len().to_string())));
    bound.push(("ARGV".to_owned(), joined(words)));
    bound.push(("ARGN".to_owned(), joined(words.get(named..).unwrap_or_default())));
    let numbered = words.iter().enumerate().map(|(at, word)| (format!("ARGV{at}"), word.clone()));
    bound.extend(numbered);
    bound
}
