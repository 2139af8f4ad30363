//! What a text may write to, as far as can be told without a parser.

use super::{TYPED_WRITERS, WRITERS, pointed_to};
use crate::lex::{Token, is_word, tokens, word_end};
use crate::searcher::Searcher;
use std::sync::LazyLock;

/// How far behind a `=` the end of an initialiser is looked for that is a name behind conversions, in bytes.
const LONGEST_INITIALISER: usize = 128;

/// How far a name may stand behind conversions and blanks, in bytes.
const LONGEST_CONVERSION: usize = 512;

/// Whether a text may write to a function that is known, or describe it.
pub(crate) fn may_use(is_function: &dyn Fn(&str) -> bool, body: &str) -> bool {
    static NAMES: LazyLock<Searcher> = LazyLock::new(|| {
        let names = WRITERS.into_iter().chain(TYPED_WRITERS).chain(["IoAllocateMdl"]);
        Searcher::of(&names.map(str::to_owned).collect::<Vec<_>>())
    });
    let written = NAMES.places(body);
    written
        .into_iter()
        .filter_map(|at| named_at(body, word_end(body.as_bytes(), at)))
        .any(is_function)
        || stored_to(body).any(is_function)
        || pointed_at(body).any(is_function)
}

/// The names that stores go to by way of a conversion: `*(T *)F = x`, `((T *)F)[1] = x`.
fn stored_to(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let begins_statement = |at: usize| {
        bytes[..at].trim_ascii_end().last().is_none_or(|last| b";{}):,(/".contains(last))
    };
    // It is a conversion that a function's name stands behind.
    let is_converted = move |at: &usize| {
        bytes[at + 1..].trim_ascii_start().first() == Some(&b'(') && begins_statement(*at)
    };
    let stars = memchr::memchr_iter(b'*', bytes).filter(is_converted);
    let elements = memchr::memmem::find_iter(bytes, b")[");
    stars
        .filter_map(|at| named_at(text, at + 1))
        .chain(elements.filter_map(|at| last_word(text, at + 1)))
}

/// The names that variables begin with: `T *p = (T *)F;`.
fn pointed_at(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'=', bytes).filter(|at| declares(bytes, *at)).filter_map(|at| {
        let rest = &bytes[at + 1..];
        let is_plain =
            |byte: &u8| is_word(*byte) || byte.is_ascii_whitespace() || b"()*&".contains(byte);
        let end = rest.iter().take(LONGEST_INITIALISER).position(|byte| !is_plain(byte))?;
        (rest[end] == b';').then(|| last_word(text, at + 1 + end))?
    })
}

/// Whether a variable is declared before a `=`: its name, and a type before that.
fn declares(bytes: &[u8], at: usize) -> bool {
    let before = bytes[..at].trim_ascii_end();
    let name = before.iter().rev().take_while(|byte| is_word(**byte)).count();
    let of = before[..before.len() - name]
        .iter()
        .rev()
        .find(|byte| **byte != b'*' && !byte.is_ascii_whitespace());
    name > 0 && of.is_some_and(|last| is_word(*last))
}

/// The name whose address is taken from `from` on.
fn named_at(text: &str, from: usize) -> Option<&str> {
    let bound = from.saturating_add(LONGEST_CONVERSION).min(text.len());
    let end = (bound..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let all: Vec<Token> = tokens(text, from, end).take(16).collect();
    pointed_to(&all, text).map(|at| all[at].text(text))
}

/// The word that ends before `end`, but for parentheses that close.
fn last_word(text: &str, end: usize) -> Option<&str> {
    let before = text.get(..end)?.trim_end_matches([')', ' ', '\t', '\r', '\n']);
    let word = before.bytes().rev().take_while(|byte| is_word(*byte)).count();
    before.get(before.len() - word..).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_may_write_to() {
        for code in [
            "memcpy((void *)F, a, 1);",
            "*(UCHAR *)F = 1;",
            "x(); * (UCHAR *)((PUCHAR)F + 1) = 1;",
            "((PUCHAR)F)[3] = 1;",
            "UCHAR *p = (UCHAR *)F; p[0] = 1;",
            "PVOID p = F;",
            "UCHAR *p =\n(UCHAR *)(ULONG_PTR)&F ;",
            "InterlockedExchange((LONG *)F, 5);",
            "__stosb((PUCHAR)F, 1, 2);",
        ] {
            assert!(may_use(&|name| name == "F", code), "{code}");
        }
        for code in [
            "*p = F;",
            "a->p = F;",
            "p = F;",
            "F();",
            "int a = F(1);",
            "int a = b == F;",
            "a * (b) F;",
        ] {
            assert!(!may_use(&|name| name == "F", code), "{code}");
        }
        for hostile in ["*(", "=", ")[", "*", "a =", "\u{e9})[ = \u{e9};", "= ;"] {
            assert!(!may_use(&|_| true, hostile), "{hostile}");
        }
    }
}
