//! What the terminal is like: colours and width.

use crate::arguments::Color;
use ringfence::report::Options;
use std::io::IsTerminal;

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
    let mut options = Options { color, ..Options::default() };
    if let Some((width, _)) = width {
        options.width = usize::from(width.0);
    }
    options
}

/// Whether the terminal says that it understands no sequences at all.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
