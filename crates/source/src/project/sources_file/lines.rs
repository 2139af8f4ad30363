//! The lines of a make file: continued ones joined, remarks taken out.

use super::super::traced::Traced;
use crate::{FileId, SourceTree};
use std::ops::Range;

/// A line with what continues it.
pub(super) struct Line {
    /// What it says, without remarks; what continues it comes behind a space.
    pub(super) text: Traced,
    /// All of it in the file, without the last line end.
    pub(super) range: Range<usize>,
}

/// All lines of `file` that say something.
pub(super) fn lines(tree: &SourceTree, file: FileId) -> Vec<Line> {
    let whole = tree.file(file).text.as_str();
    let mut all: Vec<Line> = Vec::new();
    let mut continues = false;
    let mut start = 0;
    for raw in whole.split_inclusive('\n') {
        let range = start..start + raw.trim_end_matches(['\n', '\r']).len();
        start += raw.len();
        let (said, more) = said(&whole[range.clone()]);
        let piece = Traced::of(file, whole, range.start..range.start + said);
        match all.last_mut().filter(|_| continues) {
            Some(line) => {
                line.text.push_str(" ");
                line.text.push(&piece);
                line.range.end = range.end;
            }
            None => all.push(Line { text: piece, range }),
        }
        continues = more;
    }
    all.retain(|line| !line.text.as_str().trim().is_empty());
    all
}

/// How long a line is without its remark and the backslash that continues it, and whether it goes on. A remark goes on
/// only where the line does.
fn said(line: &str) -> (usize, bool) {
    let trimmed = line.trim_end();
    let more = trimmed.ends_with('\\');
    let end = if more { trimmed.len() - 1 } else { trimmed.len() };
    let mut from = 0;
    while let Some(at) = trimmed[from..end].find('#').map(|offset| from + offset) {
        // A caret makes it an ordinary letter.
        if !trimmed[..at].ends_with('^') {
            return (at, more);
        }
        from = at + 1;
    }
    (end, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    #[test]
    fn continued_lines_are_one() {
        let text = "# a remark\r\nSOURCES=a.c \\\r\n  b.c \\ \r\n # c.c \\\r\n d.c\r\n\r\nX=1 # why\n!if 1\nY=^#\\";
        let mut tree = SourceTree::default();
        let file = tree.add("sources", SourceText::of(text)).unwrap();
        let lines = lines(&tree, file);
        let told: Vec<String> = lines
            .iter()
            .map(|line| line.text.as_str().split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(told, ["SOURCES=a.c b.c d.c", "X=1", "!if 1", "Y=^#"]);
        assert!(text[lines[0].range.clone()].ends_with(" d.c"));
    }
}
