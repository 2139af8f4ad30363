//! Running text of commands that write no report, filled to the terminal's width as reports are.

use crate::format::Options;
use crate::safe::safe;
use crate::style::{Line, hanging};

/// Text that is broken into lines while it is written. Whatever is put in is made [`safe`].
#[derive(Clone, Debug)]
pub struct Prose {
    text: String,
    width: usize,
}

impl Prose {
    /// Nothing yet.
    pub fn new(options: &Options) -> Prose {
        Prose { text: String::new(), width: options.columns() }
    }

    /// A line as it stands: of layouts that programs read, and commands that are copied.
    pub fn verbatim(&mut self, line: impl AsRef<str>) {
        self.text += safe(line.as_ref()).trim_end();
        self.text.push('\n');
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line that goes on further inside where it is wider than the terminal.
    pub fn folded(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let lines = Line::new().plain(&line[indent..]).folded(self.width.saturating_sub(indent));
        for line in lines {
            self.verbatim(format!("{}{}", " ".repeat(indent), line.render(false)));
        }
    }

    /// `text` behind `lead`, what goes on below standing below its beginning.
    pub fn hanging(&mut self, lead: &str, text: impl AsRef<str>) {
        for line in hanging(Line::new().plain(lead), text.as_ref(), self.width) {
            self.verbatim(line.render(false));
        }
    }

    /// The text, with a line end behind each line.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::columns;

    fn prose() -> Prose {
        Prose::new(&Options { width: 70, ..Options::default() })
    }

    #[test]
    fn lines_are_broken_where_the_terminal_ends() {
        let words = "word ".repeat(40);
        let mut prose = prose();
        prose.folded(format!("  {words}"));
        prose.hanging("  lead: ", &words);
        let text = prose.into_text();
        assert!(text.lines().all(|line| columns(line) <= 70 && !line.ends_with(' ')), "{text}");
        assert_eq!(text.matches("word").count(), 80);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"), "{text}");
        let first = lines.iter().position(|line| line.starts_with("  lead: word")).unwrap();
        assert!(lines[first + 1].starts_with("        word"), "{text}");
    }

    #[test]
    fn commands_stay_whole_and_harmless() {
        let mut prose = prose();
        let command = format!("verifier.exe /driver {}", "a.sys ".repeat(30));
        prose.verbatim(&command);
        prose.verbatim("a\nb\u{1b}[2J");
        assert_eq!(prose.into_text(), format!("{}\na\\u{{a}}b\\u{{1b}}[2J\n", command.trim_end()));
    }
}
