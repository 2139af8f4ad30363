//! CMake's variables and what arguments come to.

use super::super::Reader;
use super::super::traced::Traced;
use super::command::{Argument, Quoting};
use crate::{FileId, Span};
use std::collections::HashMap;

/// Longest value that is kept, in bytes.
const LONGEST: usize = 256 << 10;
/// Longest name of a variable, with what is in it.
const LONGEST_NAME: usize = 256;

/// The variables of a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(HashMap<String, Traced>);

impl Variables {
    /// A variable's value.
    pub(super) fn get(&self, name: &str) -> Option<&Traced> {
        self.0.get(name)
    }

    /// What it costs to copy them.
    pub(super) fn cost(&self) -> u64 {
        self.0.iter().map(|(name, value)| name.len() as u64 + value.cost()).sum()
    }

    /// Gives a variable a value that no file says.
    pub(super) fn preset(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Traced::unplaced(value));
    }

    /// Gives a variable a value, or, if `doubt` says so, perhaps.
    pub(super) fn set(
        &mut self,
        reader: &Reader<'_>,
        name: &str,
        value: Traced,
        doubt: Option<Span>,
    ) {
        if !reader.budget.spend(name.len() as u64 + value.cost()) || value.as_str().len() > LONGEST
        {
            return;
        }
        let value = match doubt {
            Some(doubt) => {
                let old = self.0.get(name).cloned().unwrap_or_default();
                old.perhaps(&value, ";", doubt)
            }
            None => value,
        };
        self.0.insert(name.to_owned(), value);
    }

    /// Forgets a variable.
    pub(super) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What an argument comes to, before it is split. What is not known stays as written, in doubt.
    pub(super) fn expand(&self, reader: &Reader<'_>, file: FileId, argument: &Argument) -> Traced {
        let whole = reader.tree.file(file).text.as_str();
        let text = Traced::of(file, whole, argument.range.clone());
        if argument.quoting == Quoting::Brackets {
            return text;
        }
        let raw = text.as_str();
        let mut all = Traced::default();
        let mut at = 0;
        while let Some(found) = raw[at..].find(['$', '\\']).map(|offset| at + offset) {
            all.push(&text.slice(at..found));
            if !reader.budget.spend(1) || all.as_str().len() > LONGEST {
                return all;
            }
            at = if raw.as_bytes()[found] == b'\\' {
                self.escaped(&text, found, &mut all)
            } else {
                self.referred(reader, &text, found, &mut all)
            };
        }
        all.push(&text.slice(at..raw.len()));
        all
    }

    /// Adds what the escape at `at` means; returns where it ends.
    fn escaped(&self, text: &Traced, at: usize, all: &mut Traced) -> usize {
        let Some(letter) = text.as_str()[at + 1..].chars().next() else {
            all.push(&text.slice(at..at + 1));
            return at + 1;
        };
        let end = at + 1 + letter.len_utf8();
        match letter {
            'n' | 'r' | 't' => all.push_str(" "),
            '\n' => {}
            // Paths of Windows are often written so; CMake would refuse most of them.
            letter if letter.is_ascii_alphanumeric() => all.push(&text.slice(at..end)),
            // A list is split later, and this must not be.
            ';' => all.push(&text.slice(at..end)),
            _ => all.push(&text.slice(at + 1..end)),
        }
        end
    }

    /// Adds what the reference at `at` comes to; returns where it ends.
    fn referred(&self, reader: &Reader<'_>, text: &Traced, at: usize, all: &mut Traced) -> usize {
        let raw = text.as_str();
        let Some(end) = reference(&raw[at..]).map(|length| at + length) else {
            all.push(&text.slice(at..at + 1));
            return at + 1;
        };
        let value =
            raw[at..end].strip_prefix("${").and_then(|name| self.get(&name[..name.len() - 1]));
        let written = text.slice(at..end);
        let place = written.span();
        let value = value.cloned().unwrap_or_else(|| written.doubted(place));
        if reader.budget.spend(value.cost()) {
            all.push(&value);
        }
        end
    }

    /// What the arguments come to, lists taken apart.
    pub(super) fn words(
        &self,
        reader: &Reader<'_>,
        file: FileId,
        arguments: &[Argument],
    ) -> Vec<Traced> {
        let mut words = Vec::new();
        for argument in arguments {
            let value = self.expand(reader, file, argument);
            if !reader.budget.afford_words(&value) {
                break;
            }
            match argument.quoting {
                Quoting::None => words.extend(elements(&value)),
                _ => words.push(value),
            }
        }
        words
    }
}

/// How long the reference is that `text` begins with, such as `${NAME}` or `$ENV{NAME}`; names within names are part
/// of it.
fn reference(text: &str) -> Option<usize> {
    if !["${", "$ENV{", "$CACHE{"].iter().any(|start| text.starts_with(start)) {
        return None;
    }
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate().take(LONGEST_NAME) {
        match byte {
            b'{' => open += 1,
            b'}' if open == 1 => return Some(at + 1),
            b'}' => open = open.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The elements of a list: semicolons separate, but not within generator expressions or behind a backslash.
pub(super) fn elements(list: &Traced) -> Vec<Traced> {
    let text = list.as_str();
    let mut all = Vec::new();
    let (mut start, mut open, mut last) = (0, 0_usize, ' ');
    for (at, letter) in text.char_indices().chain([(text.len(), ';')]) {
        match letter {
            '<' if last == '$' => open += 1,
            '>' => open = open.saturating_sub(1),
            ';' if at == text.len() || open == 0 && last != '\\' => {
                if start < at {
                    all.push(list.slice(start..at));
                }
                start = at + 1;
            }
            _ => {}
        }
        last = letter;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_outside_of_generator_expressions() {
        let list = r"a;;$<$<CONFIG:Debug>:x;y>;b\;c;d";
        let list = Traced::of(FileId(0), list, 0..list.len());
        let words: Vec<_> = elements(&list).iter().map(|one| one.as_str().to_owned()).collect();
        assert_eq!(words, ["a", "$<$<CONFIG:Debug>:x;y>", r"b\;c", "d"]);
    }

    #[test]
    fn references_end_where_they_do() {
        assert_eq!(reference("${A}x"), Some(4));
        assert_eq!(reference("${A_${B}}"), Some(9));
        assert_eq!(reference("$ENV{X}"), Some(7));
        assert_eq!((reference("$<X>{"), reference("${A"), reference("$")), (None, None, None));
        assert_eq!(reference(&"${".repeat(10_000)), None);
    }
}
