//! `__pragma(…)` and `_Pragma("…")`, which say what a pragma does anywhere in a text, and in macros.

use super::MOST_PRAGMAS;
use crate::directive::operator::{said, within, words};
use crate::directive::{Define, Directive, DirectiveKind};
use crate::lex::is_word;
use std::ops::Range;

/// A pragma where it stands: a directive, or what says the same.
pub(super) struct Said {
    /// All of it.
    pub(super) whole: Range<usize>,
    /// What it says.
    pub(super) content: Range<usize>,
    /// Whether a macro says it.
    pub(super) is_of_macro: bool,
}

/// Whether macros of a text may say so.
pub(super) fn may_be_in_macros(text: &str, directives: &[Directive]) -> bool {
    defines(directives).any(|one| words(text, one.body.clone()).next().is_some())
}

/// Those in macros of a text, which count where the file uses the macro.
pub(super) fn in_macros(text: &str, directives: &[Directive]) -> Vec<Said> {
    let in_macro = |define: &Define| {
        let all = words(text, define.body.clone()).filter_map(|at| said(text, at));
        let all: Vec<_> = all.filter(|(whole, _)| whole.end <= define.body.end).collect();
        let is_used = !all.is_empty() && is_used(text, &text[define.name.clone()], directives);
        let all = all.into_iter().filter(move |_| is_used);
        all.map(|(whole, content)| Said { whole, content, is_of_macro: true })
    };
    // Whether one is used takes looking through the file.
    let says = |define: &&Define| words(text, define.body.clone()).next().is_some();
    defines(directives).filter(says).take(MOST_PRAGMAS).flat_map(in_macro).collect()
}

fn defines(directives: &[Directive]) -> impl Iterator<Item = &Define> {
    directives.iter().filter_map(|one| match &one.kind {
        DirectiveKind::Define(define) => Some(define),
        _ => None,
    })
}

/// Whether a text uses a macro outside of directives.
fn is_used(text: &str, name: &str, directives: &[Directive]) -> bool {
    let bytes = text.as_bytes();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    memchr::memmem::find_iter(bytes, name.as_bytes()).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let is_word = !is_part(before) && !is_part(bytes.get(at + name.len()));
        is_word && within(directives, at).is_none_or(|one| !one.is_line())
    })
}
