//! `__pragma(…)`, which says what a pragma does anywhere in a text, and in macros.

use super::{LONGEST, MOST_PRAGMAS};
use crate::directive::{Directive, DirectiveKind};
use crate::lex::{is_word, skip_blank, tokens};
use crate::outline::outside_comments;
use std::ops::Range;

const NAME: &str = "__pragma";

/// A pragma where it stands: a directive, or what says the same.
pub(super) struct Said {
    /// All of it.
    pub(super) whole: Range<usize>,
    /// What it says.
    pub(super) content: Range<usize>,
    /// Whether a macro says it.
    pub(super) is_of_macro: bool,
}

/// Whether a text may have such pragmas.
pub(super) fn may_have(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), NAME.as_bytes()).is_some()
}

/// Those of a text; what a macro says counts where the file uses the macro.
pub(super) fn all(text: &str, directives: &[Directive]) -> Vec<Said> {
    let bytes = text.as_bytes();
    let named: Vec<usize> = words(text, NAME).take(MOST_PRAGMAS).collect();
    let named = outside_comments(bytes, 0, &named);
    let said = |at: usize| {
        let open = skip_blank(bytes, at + NAME.len());
        let content = within(text, open)?;
        let is_of_macro = match directives.iter().find(|one| one.range.contains(&at)) {
            None => false,
            Some(Directive { kind: DirectiveKind::Define(define), .. }) => {
                if !is_used(text, text.get(define.name.clone())?, directives) {
                    return None;
                }
                true
            }
            Some(_) => return None,
        };
        Some(Said { whole: at..content.end + 1, content, is_of_macro })
    };
    named.filter_map(said).collect()
}

/// What stands in the parentheses that open at a place.
fn within(text: &str, open: usize) -> Option<Range<usize>> {
    let end = text.len().min(open.saturating_add(LONGEST));
    let mut depth = 0_usize;
    for token in tokens(text, open, end) {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (token.start > open).then_some(open + 1..token.start);
        }
    }
    None
}

/// Where a text has a word.
fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let bytes = text.as_bytes();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    memchr::memmem::find_iter(bytes, word.as_bytes()).filter(move |at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !is_part(before) && !is_part(bytes.get(at + word.len()))
    })
}

/// Whether a text uses a macro outside of directives.
fn is_used(text: &str, name: &str, directives: &[Directive]) -> bool {
    words(text, name).any(|at| !directives.iter().any(|one| one.range.contains(&at)))
}
