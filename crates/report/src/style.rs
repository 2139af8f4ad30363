//! The one place with colours, and the one way to a terminal.

use crate::format::Options;
use crate::layout;
use crate::safe::safe;
use anstyle::{AnsiColor, Style};
use ringfence_finding::{Answer, CallAnswer, Level};
use std::io;

/// What a piece of text means; there is one colour for each of the four meanings that have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Meaning {
    #[default]
    Plain,
    /// Headings: bold, no colour.
    Strong,
    /// No, or an error: red.
    Bad,
    /// Unknown, or a warning: yellow.
    Open,
    /// Yes: green.
    Good,
    /// Margins, arrows, headings of tables: blue.
    Structure,
}

impl Meaning {
    fn style(self) -> Style {
        match self {
            Meaning::Plain => Style::new(),
            Meaning::Strong => Style::new().bold(),
            Meaning::Bad => AnsiColor::Red.on_default().bold(),
            Meaning::Open => AnsiColor::Yellow.on_default(),
            Meaning::Good => AnsiColor::Green.on_default(),
            Meaning::Structure => AnsiColor::Blue.on_default(),
        }
    }
}

impl From<Answer> for Meaning {
    fn from(answer: Answer) -> Meaning {
        match answer {
            Answer::Yes => Meaning::Good,
            Answer::No => Meaning::Bad,
            Answer::Unknown => Meaning::Open,
        }
    }
}

impl From<Level> for Meaning {
    fn from(level: Level) -> Meaning {
        match level {
            Level::Error => Meaning::Bad,
            Level::Warning => Meaning::Open,
            Level::Note => Meaning::Structure,
        }
    }
}

impl From<CallAnswer> for Meaning {
    fn from(answer: CallAnswer) -> Meaning {
        match answer {
            // On some path the mixed one asks for executable memory too.
            CallAnswer::Violation | CallAnswer::Mixed => Meaning::Bad,
            CallAnswer::Unknown => Meaning::Open,
            CallAnswer::Fine | CallAnswer::FineByOptIn => Meaning::Good,
        }
    }
}

/// One line for a terminal. Whatever is put in is made [`safe`], so that no format can forget it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pieces: Vec<(Meaning, String)>,
}

impl Line {
    pub(crate) fn new() -> Line {
        Line::default()
    }

    /// A line that begins with `columns` spaces.
    pub(crate) fn indented(columns: usize) -> Line {
        Line::new().plain(" ".repeat(columns))
    }

    pub(crate) fn plain(self, text: impl AsRef<str>) -> Line {
        self.colored(Meaning::Plain, text)
    }

    pub(crate) fn colored(mut self, meaning: impl Into<Meaning>, text: impl AsRef<str>) -> Line {
        self.pieces.push((meaning.into(), safe(text.as_ref()).into_owned()));
        self
    }

    pub(crate) fn then(mut self, other: Line) -> Line {
        self.pieces.extend(other.pieces);
        self
    }

    /// Spaces up to `column`.
    pub(crate) fn filled_to(self, column: usize) -> Line {
        let missing = column.saturating_sub(self.columns());
        self.plain(" ".repeat(missing))
    }

    pub(crate) fn columns(&self) -> usize {
        self.pieces.iter().map(|(_, text)| layout::columns(text)).sum()
    }

    /// The line broken at spaces where it is wider than `width`; what goes on below is indented a little. It does
    /// not begin with spaces.
    pub(crate) fn folded(self, width: usize) -> Vec<Line> {
        const INDENT: usize = 2;
        if self.columns() <= width {
            return vec![self];
        }
        let mut words = vec![Line::new()];
        for (meaning, text) in self.pieces {
            for (index, part) in text.split(' ').enumerate() {
                if index > 0 {
                    words.push(Line::new());
                }
                if let Some(word) = words.last_mut() {
                    word.pieces.push((meaning, part.to_owned()));
                }
            }
        }
        let mut lines: Vec<Line> = Vec::new();
        for word in words.into_iter().filter(|word| word.columns() > 0) {
            match lines.pop() {
                None => lines.push(word),
                Some(line) if line.columns() + 1 + word.columns() <= width => {
                    lines.push(line.plain(" ").then(word));
                }
                Some(line) => lines.extend([line, Line::indented(INDENT).then(word)]),
            }
        }
        lines
    }

    /// The line without its end, and without spaces at its end.
    pub(crate) fn render(&self, color: bool) -> String {
        let last = self.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let mut rendered = String::new();
        for (index, (meaning, text)) in
            self.pieces.iter().enumerate().take(last.map_or(0, |n| n + 1))
        {
            let text = if Some(index) == last { text.trim_end() } else { text };
            if !color || *meaning == Meaning::Plain || text.is_empty() {
                rendered.push_str(text);
            } else {
                let style = meaning.style();
                rendered += &format!("{}{text}{}", style.render(), style.render_reset());
            }
        }
        rendered
    }
}

/// A stream of lines.
pub(crate) struct Terminal<'a> {
    out: Box<dyn io::Write + 'a>,
    pub(crate) options: Options,
}

impl<'a> Terminal<'a> {
    pub(crate) fn new(out: Box<dyn io::Write + 'a>, options: Options) -> Terminal<'a> {
        Terminal { out, options }
    }

    pub(crate) fn columns(&self) -> usize {
        self.options.columns()
    }

    pub(crate) fn line(&mut self, line: Line) -> io::Result<()> {
        writeln!(self.out, "{}", line.render(self.options.color))
    }

    /// A line whose end goes below where the terminal is too narrow for it.
    pub(crate) fn folded(&mut self, line: Line) -> io::Result<()> {
        let width = self.columns();
        line.folded(width).into_iter().try_for_each(|line| self.line(line))
    }

    /// The last line of a report. Programs look for one line, so only a terminal gets it in pieces.
    pub(crate) fn last_line(&mut self, line: Line) -> io::Result<()> {
        if self.options.terminal { self.folded(line) } else { self.line(line) }
    }

    pub(crate) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// `text` after `lead`, wrapped, its further lines below its first.
    pub(crate) fn wrapped(&mut self, lead: Line, text: &str) -> io::Result<()> {
        for line in hanging(lead, text, self.columns()) {
            self.line(line)?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `text` after `lead`, wrapped at `width`, its further lines below its first.
pub(crate) fn hanging(lead: Line, text: &str, width: usize) -> Vec<Line> {
    let indent = lead.columns();
    if indent + 20 > width {
        // A lead so long that little room is left (a name) keeps its line to itself.
        let below = layout::wrap(text, width - 4).into_iter();
        let below = below.map(|piece| Line::indented(4).plain(piece));
        return std::iter::once(lead).chain(below).collect();
    }
    let mut lead = Some(lead);
    layout::wrap(text, width - indent)
        .into_iter()
        .map(|piece| lead.take().unwrap_or_else(|| Line::indented(indent)).plain(piece))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_only_when_asked_for() {
        let line = Line::new().plain("run ").colored(Answer::No, "no").plain("  ");
        assert_eq!(line.render(false), "run no");
        assert_eq!(line.render(true), "run \u{1b}[1m\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn a_folded_line_keeps_its_words_and_colours() {
        let line =
            Line::new().plain("3 drivers: load ").colored(Answer::No, "1 no").plain(" · run");
        let told = |width| -> Vec<String> {
            line.clone().folded(width).iter().map(|line| line.render(false)).collect()
        };
        assert_eq!(told(40), ["3 drivers: load 1 no · run"]);
        assert_eq!(told(18), ["3 drivers: load 1", "  no · run"]);
        let lines = line.clone().folded(18);
        assert_eq!(lines[1].render(true), "  \u{1b}[1m\u{1b}[31mno\u{1b}[0m · run");
    }

    #[test]
    fn no_text_can_steer_the_terminal() {
        assert_eq!(Line::new().plain("\x1b[2J").render(true), "\\u{1b}[2J");
    }

    #[test]
    fn wrapped_text_hangs_below_its_lead() {
        let lines = hanging(Line::new().plain("= help: "), "one two three four five six seven", 28);
        let lines: Vec<_> = lines.iter().map(|line| line.render(false)).collect();
        assert_eq!(lines, ["= help: one two three four", "        five six seven"]);
    }
}
