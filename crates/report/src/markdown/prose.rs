//! Text of others in Markdown, so that none of it is markup, a mention, a reference or a link.
//!
//! A backslash is not enough: GitHub looks for `@name`, `#1`, addresses and the like in the text that is left
//! after Markdown, where it is gone. It looks for none of them in code, so what may be one is put into code.

use crate::layout::shortened;
use crate::safe::safe;

/// `text` as inline code, whatever is in it, with at most `width` columns of it.
pub(crate) fn code(text: &str, width: usize) -> String {
    span(&shortened(text, width))
}

/// As [`code`], for a cell of a table: a vertical bar would end it, even in code.
pub(crate) fn code_cell(text: &str, width: usize) -> String {
    span(&shortened(text, width).replace('|', "\\|"))
}

/// A sentence that may have code in backticks, with at most `width` columns of it. It must not begin a line.
pub(crate) fn sentence(text: &str, width: usize) -> String {
    let text = shortened(text, width);
    let mut pieces: Vec<String> = text.split('`').map(str::to_owned).collect();
    if pieces.len().is_multiple_of(2) {
        // The last backtick closes nothing.
        let last = pieces.pop().unwrap_or_default();
        if let Some(before) = pieces.last_mut() {
            *before += &format!("`{last}");
        }
    }
    let mut told = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index % 2 == 1 {
            push(&mut told, &span(piece));
            continue;
        }
        for (index, word) in piece.split(' ').enumerate() {
            if index > 0 {
                told.push(' ');
            }
            match is_plain(word) {
                true => push(&mut told, word),
                false => push(&mut told, &span(word)),
            }
        }
    }
    told
}

/// `text` in HTML, also between quotes.
pub(crate) fn html(text: &str, width: usize) -> String {
    let mut told = String::new();
    for c in shortened(text, width).chars() {
        match c {
            '&' => told += "&amp;",
            '<' => told += "&lt;",
            '>' => told += "&gt;",
            '"' => told += "&quot;",
            '\'' => told += "&#39;",
            _ => told.push(c),
        }
    }
    told
}

/// `lines` as a block of code, each behind `indent`.
pub(crate) fn block(lines: &[String], indent: &str) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let mut told = format!("{indent}{fence}text\n");
    for line in lines {
        told += &format!("{indent}{}\n", safe(line));
    }
    told + &format!("{indent}{fence}\n")
}

/// Two pieces of code side by side would be one with other ends.
fn push(told: &mut String, piece: &str) {
    if told.ends_with('`') && piece.starts_with('`') {
        told.push(' ');
    }
    told.push_str(piece);
}

/// `text` between backticks, more of them than it has in a row.
fn span(text: &str) -> String {
    let text = if text.is_empty() { "-" } else { text };
    let fence = "`".repeat(longest_run(text) + 1);
    let blank = text.trim().is_empty();
    let both = text.starts_with(' ') && text.ends_with(' ') && !blank;
    let pad = if text.starts_with('`') || text.ends_with('`') || both { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Whether a word means nothing to Markdown or GitHub.
fn is_plain(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let harmless = |c: char| c.is_alphanumeric() || ".,;:'()+/=%-–·×…?!".contains(c);
    let parts = || lower.split(|c: char| !c.is_alphanumeric());
    // Commits are known by seven digits and more.
    let commit = |part: &str| part.len() >= 7 && part.chars().all(|c| c.is_ascii_hexdigit());
    // GH-1, and what a repository's own settings make a link.
    let pieces: Vec<&str> = lower.split('-').collect();
    let reference = |pair: &[&str]| {
        pair[0].ends_with(|c: char| c.is_alphabetic())
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
    };
    word.chars().all(harmless)
        && !lower.contains("://")
        && !lower.contains("www.")
        && lower.matches(':').count() < 2
        && !parts().any(commit)
        && !pieces.windows(2).any(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_would_link_is_code() {
        for word in [
            "@everyone",
            "#1",
            "GH-1",
            "octo/repo#1",
            "https://evil.example",
            "www.evil.example",
            "deadbeef",
            "a@b.example",
            "<b>",
            "*a*",
            "_a_",
            "~a~",
            "[a](b)",
            "$x$",
            ":+1:",
            "&lt;",
            "PROJ-12",
            "\\",
            "!\\[",
            "a|b",
        ] {
            assert_eq!(sentence(word, 100), format!("`{word}`"), "{word}");
        }
        let plain = "memory (64 KB, 100%) isn't NonPagedPool = 0; see page 1/2: non-executable…";
        assert_eq!(sentence(plain, 100), plain);
    }

    #[test]
    fn backticks_are_balanced() {
        assert_eq!(sentence("pass `A | B` or `C`", 100), "pass `A | B` or `C`");
        assert_eq!(sentence("a ` b", 100), "a `` ` `` b");
        assert_eq!(sentence("x_y`b`#1", 100), "`x_y` `b` `#1`");
        assert_eq!(code("a``b`", 100), "``` a``b` ```");
        assert_eq!(code_cell("a|b", 100), "`a\\|b`");
        assert_eq!(code("", 100), "`-`");
    }

    #[test]
    fn a_block_ends_with_its_own_fence() {
        let lines = ["```".to_owned(), "````x".to_owned()];
        assert_eq!(block(&lines, "  "), "  `````text\n  ```\n  ````x\n  `````\n");
    }
}
