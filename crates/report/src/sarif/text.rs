//! Text from files, made harmless in SARIF.
//!
//! A message of SARIF is plain text in which three things mean something: `{0}` is a placeholder, so braces
//! are doubled; `[text](target)` is a link, and a backslash takes a bracket's meaning away. Foreign text
//! loses all of them, and gets its control and invisible characters escaped as JSON would; the escape of
//! the terminal formats will not do, as it holds braces.

use crate::safe::is_harmful;
use std::fmt::Write;

/// No piece of foreign text is longer, in characters.
const LONGEST: usize = 2_000;

/// `text` as a name: what cannot be seen is escaped, what is too long cut off.
pub(crate) fn name(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            safe.push('…');
            break;
        }
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// `text` as a part of a message, in which nothing of it means anything.
pub(crate) fn plain(text: &str) -> String {
    let named = name(text);
    // Where no link can be, brackets stand for themselves, and instructions are full of them.
    without_placeholders(&if named.contains("](") { unlinked(&named) } else { named })
}

/// `[text](id)`, a link to the related location `id`.
pub(crate) fn link(text: &str, id: usize) -> String {
    format!("[{}]({id})", without_placeholders(&unlinked(&name(text))))
}

/// `text`, a fragment of our own with foreign names in it, as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut text = plain(text);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

fn unlinked(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if matches!(c, '\\' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn without_placeholders(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification: section 3.11.5 for braces, 3.11.6 for links.
    #[test]
    fn nothing_foreign_is_a_link_or_a_placeholder() {
        assert_eq!(plain("{0} and {x}"), "{{0}} and {{x}}");
        assert_eq!(plain("[here](3)"), r"\[here\](3)");
        assert_eq!(plain(r"\[a\](http://x)"), r"\\\[a\\\](http://x)");
        assert_eq!(link(r"para[0]\spans[2]", 1), r"[para\[0\]\\spans\[2\]](1)");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [r"mov   rcx, [rsp+28h]", r"D:\src\pool.c:57", "Größe", "株式会社"] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_escaped_without_braces() {
        assert_eq!(plain("a\u{1b}[2J\n\u{202e}\u{e0041}"), r"a\u001b[2J\u000a\u202e\udb40\udc41");
        assert_eq!(name(&"x".repeat(9_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_fragment_becomes_a_sentence() {
        assert_eq!(sentence("section `INIT` is too {big}"), "Section `INIT` is too {{big}}.");
        assert_eq!(sentence("Über."), "Über.");
        assert_eq!(sentence("über"), "über.");
        assert_eq!(sentence(""), ".");
    }
}
