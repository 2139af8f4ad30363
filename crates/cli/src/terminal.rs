//! What the terminal is like: colours and width.

use crate::arguments::Color;
use ringfence::report::Options;
use std::io::{IsTerminal, Write};

/// How reports on standard output are drawn.
///
/// Colours are used on a terminal, unless `NO_COLOR` is set to something (no-color.org) or the
/// terminal is `dumb`; `FORCE_COLOR` and `--color` overrule that.
pub(crate) fn options(color: Color) -> Options {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let terminal = std::io::stdout().is_terminal();
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("FORCE_COLOR") => true,
        Color::Auto => terminal && !is_dumb(),
    };
    // In `ringfence … | less` the terminal is still that of standard error.
    let width = terminal_size::terminal_size_of(std::io::stdout())
        .or_else(|| terminal_size::terminal_size_of(std::io::stderr()));
    let mut options = Options { color, terminal, ..Options::default() };
    if let Some((width, _)) = width {
        options.width = usize::from(width.0);
    }
    options
}

/// Says `text` on standard error, filled to the width of a terminal there; elsewhere as it is, for programs that
/// look for lines. Where standard error is gone nobody is left to tell.
pub(crate) fn complain(text: &str) {
    let stderr = std::io::stderr();
    let width = terminal_size::terminal_size_of(&stderr).map(|(width, _)| usize::from(width.0));
    let text = width.map_or_else(|| text.to_owned(), |width| filled(text, width));
    let _ = writeln!(stderr.lock(), "{text}");
}

/// Each line of `text` broken at spaces where it is wider than `width`, and what goes on below indented further than
/// it. Sequences that colour take no room.
fn filled(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut told = " ".repeat(indent);
        let mut used = indent;
        for (index, word) in line[indent..].split(' ').enumerate() {
            let wide = visible(word);
            if index > 0 && used + 1 + wide > width && used > indent + 2 {
                told += &format!("\n{}", " ".repeat(indent + 2));
                used = indent + 2;
            } else if index > 0 {
                told.push(' ');
                used += 1;
            }
            told += word;
            used += wide;
        }
        told
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The columns of `text`, without those of `ESC [ … m`.
fn visible(text: &str) -> usize {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().map_or(0, |first| first.chars().count());
    let rest = pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, rest)| rest));
    first + rest.map(|rest| rest.chars().count()).sum::<usize>()
}

/// Whether standard error is a terminal that wants colours.
pub(crate) fn colors_on_stderr() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !no_color && !is_dumb()
}

/// Whether the terminal says that it understands no sequences at all.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_goes_on_below() {
        let text = "error: no format is called so\n  help: there are some";
        assert_eq!(
            filled(text, 20),
            "error: no format is\n  called so\n  help: there are\n    some"
        );
        assert_eq!(filled(text, 80), text);
        let colored = "\x1b[1m\x1b[31merror:\x1b[0m it is";
        assert_eq!(filled(colored, 12), colored);
        assert_eq!(filled("a-word-of-fourteen b", 8), "a-word-of-fourteen\n  b");
    }
}
