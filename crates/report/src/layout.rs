//! Widths, wrapping and shortening. Everything here counts terminal columns, not bytes.

use crate::safe::safe;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// No table fits in fewer columns.
pub(crate) const NARROWEST: usize = 70;

/// The columns `text` takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    safe(text).width()
}

/// `count` in groups of three: `1 731`.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 driver`, `1 731 drivers`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `text` broken at spaces into lines of at most `width` columns.
///
/// A word that is longer is broken anywhere, but for web addresses, which are of no use broken.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    wrap_after(text, width, width)
}

/// As [`wrap`], but the first line has only `first` columns.
pub(crate) fn wrap_after(text: &str, first: usize, width: usize) -> Vec<String> {
    let text = safe(text);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = columns(word);
        let room = if lines.len() == 1 { first } else { width };
        if used + usize::from(used > 0) + wide > room && (used > 0 || room < width) {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.len() - 1;
        if used > 0 {
            lines[line].push(' ');
            used += 1;
        }
        if wide <= width || word.contains("://") {
            lines[line].push_str(word);
            used += wide;
        } else {
            used = break_word(word, width, &mut lines);
        }
    }
    lines
}

/// Appends `word` in pieces of `width` columns; returns the columns used in the last line.
fn break_word(word: &str, width: usize, lines: &mut Vec<String>) -> usize {
    let mut used = 0;
    for c in word.chars() {
        let wide = c.width().unwrap_or(0);
        if used > 0 && used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
        used += wide;
    }
    used
}

/// The beginning of `text`, with `…` in place of what does not fit.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let text = safe(text);
    if text.width() <= width {
        return text.into_owned();
    }
    format!("{}…", head(&text, width.saturating_sub(1)))
}

/// `path` with its beginning replaced by `…`, or else the middle of the file name: its end tells
/// what kind of file it is, and the folder nearest to it which one.
pub(crate) fn shortened_path(path: &str, width: usize) -> String {
    let path = safe(path);
    if path.width() <= width {
        return path.into_owned();
    }
    let separators = || separators(&path);
    let name = file_name(&path);
    if name.width() + 2 <= width {
        // Folders are dropped whole, unless that would leave much of the room empty: in a driver
        // store only the end of a folder's name tells one driver from another.
        let whole = separators().map(|index| &path[index..]).find(|end| end.width() < width);
        let end = whole.filter(|end| end.width() + 10 > width);
        return format!("…{}", end.unwrap_or(tail(&path, width - 1)));
    }
    if name.width() <= width {
        return name.to_owned();
    }
    let left = width.saturating_sub(1) / 2;
    let right = width.saturating_sub(1) - left;
    format!("{}…{}", head(name, left), tail(name, right))
}

/// What stands behind the last separator of `path`.
pub(crate) fn file_name(path: &str) -> &str {
    separators(path).next_back().map_or(path, |index| &path[index + 1..])
}

/// Where the separators of `path` are.
fn separators(path: &str) -> impl DoubleEndedIterator<Item = usize> {
    path.match_indices(['/', '\\'])
        .map(|(index, _)| index)
        // The escape \u{202e} holds a backslash too; cutting there would change the name.
        .filter(|&index| !path[index..].starts_with("\\u{"))
}

fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..index];
        }
    }
    text
}

fn tail(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[index + c.len_utf8()..];
        }
    }
    text
}

/// Takes columns from the widest of those that have more than their least, until all fit.
pub(crate) fn fit(widths: &mut [usize], least: &[usize], available: usize) {
    while widths.iter().sum::<usize>() > available {
        let widest = (0..widths.len())
            .filter(|&index| widths[index] > least[index])
            .max_by_key(|&index| (widths[index], usize::MAX - index));
        match widest {
            Some(index) => widths[index] -= 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (count, text) in
            [(0, "0"), (999, "999"), (1000, "1 000"), (1731, "1 731"), (12345678, "12 345 678")]
        {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn lines_are_broken_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("see https://example.com/x", 10), ["see", "https://example.com/x"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap_after("one two three", 3, 9), ["one", "two three"]);
        assert_eq!(wrap_after("abcdefghij kl", 2, 4), ["", "abcd", "efgh", "ij", "kl"]);
    }

    #[test]
    fn paths_keep_their_file_name() {
        let path = r"D:\Windows\System32\DriverStore\acme.inf_amd64_1\acme.sys";
        assert_eq!(shortened_path(path, 80), path);
        assert_eq!(shortened_path(path, 30), r"…\acme.inf_amd64_1\acme.sys");
        assert_eq!(shortened_path(path, 12), r"…\acme.sys");
        assert_eq!(shortened_path(path, 22), r"….inf_amd64_1\acme.sys");
        assert_eq!(shortened_path(path, 8), "acme.sys");
        assert_eq!(shortened_path("averyveryverylongname.sys", 13), "averyv…me.sys");
    }

    #[test]
    fn nothing_shortened_is_too_wide() {
        let names =
            ["株式会社アクメドライバ.sys", "a\u{202e}b/c\x1b[0mverylongindeed.sys", "plain.sys"];
        for name in names {
            for width in 6..40 {
                assert!(columns(&shortened_path(name, width)) <= width, "{name} at {width}");
                assert!(columns(&shortened(name, width)) <= width, "{name} at {width}");
            }
        }
    }

    #[test]
    fn the_widest_gives_first() {
        let mut widths = [30, 10, 20];
        fit(&mut widths, &[10, 10, 5], 40);
        assert_eq!(widths, [15, 10, 15]);
    }
}
