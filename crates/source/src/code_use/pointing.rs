//! Variables of functions that point to a function of the tree, and to nothing else.

use super::{By, Finder, Target, kernel, pointed_to};
use crate::lex::{Kind, Token};
use crate::syntax::Happens;
use foldhash::HashMap;
use std::ops::Range;

/// The code that a variable points to, by the function it is declared in and its name.
pub(super) type Pointing<'t> = HashMap<(usize, &'t str), Target<'t>>;

impl<'t> Finder<'_, 't> {
    /// The variables that begin with the address of a function and that nothing is done to afterwards.
    pub(super) fn pointing(&self) -> Pointing<'t> {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let mut pointing = Pointing::default();
        for (index, function) in syntax.functions.iter().enumerate() {
            for variable in &function.variables {
                let Happens::Begins(value) = &variable.happens else { continue };
                let Some(of) = self.address_of_function(value, index) else { continue };
                let name = self.text(&variable.name);
                if !variable.is_static && self.events(function, name).len() == 1 {
                    pointing.insert((index, name), of);
                }
            }
        }
        pointing
    }

    /// The function that a value is the address of.
    fn address_of_function(&self, value: &Range<usize>, around: usize) -> Option<Target<'t>> {
        // Most values end with something else: a look at the last word is cheap.
        let word = last_word(self.text(value));
        if !self.world.functions.contains_key(word) && !kernel::is_function(word) {
            return None;
        }
        self.target(value.clone(), By::Address, Some(around), &Pointing::default())
    }
}

/// The tokens of the pointer that a store goes through, of all that is stored to: what a `*` stands before, or `[…]` behind.
pub(super) fn through<'a>(all: &'a [Token], text: &str) -> Option<&'a [Token]> {
    let word = |token: &Token| token.text(text);
    if word(all.first()?) == "*" {
        return Some(&all[1..]);
    }
    if word(all.last()?) != "]" {
        return None;
    }
    let open = all.iter().position(|token| word(token) == "[")?;
    let is_more = all[open + 1..].iter().any(|token| word(token) == "[");
    (!is_more).then_some(&all[..open])
}

/// Where the name is that an address is computed from, where that is all: conversions before it, and a distance behind.
pub(super) fn only_name(all: &[Token], text: &str) -> Option<usize> {
    let at = pointed_to(all, text)?;
    let is_plain =
        |token: &Token| matches!(token.kind, Kind::Number) || matches!(token.text(text), "+" | ")");
    all[at + 1..].iter().all(is_plain).then_some(at)
}

/// The word that a value ends with, but for parentheses; empty where it ends with something else.
fn last_word(value: &str) -> &str {
    let written = value.trim_end_matches([')', ' ', '\t', '\r', '\n']);
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    &written[written.trim_end_matches(is_of_word).len()..]
}

#[cfg(test)]
mod tests {
    use super::last_word;

    #[test]
    fn letters_of_several_bytes_end_a_word() {
        for (value, word) in [
            ("(PVOID)(Target)", "Target"),
            ("A | \u{d7}Target_1 ) ", "Target_1"),
            ("\u{d7}", ""),
            ("1 + ", ""),
            ("", ""),
        ] {
            assert_eq!(last_word(value), word, "{value}");
        }
    }
}
