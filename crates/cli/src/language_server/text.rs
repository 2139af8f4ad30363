//! Texts, changed as editors say.

use lsp_types::{Position, Range, TextDocumentContentChangeEvent};
use ringfence::source::{LineColumn, SourceText};

/// A text with changes made, one after another.
pub(super) fn changed(mut text: String, changes: Vec<TextDocumentContentChangeEvent>) -> String {
    for change in changes {
        match change.range {
            Some(range) => splice(&mut text, range, &change.text),
            None => text = change.text,
        }
    }
    text
}

/// Replaces a part of a text; places that it does not have are its end.
fn splice(text: &mut String, range: Range, with: &str) {
    let lines = SourceText::of(text.as_str());
    let offset = |at: Position| {
        let place =
            LineColumn { line: at.line.saturating_add(1), column: at.character.saturating_add(1) };
        lines.offset(place).unwrap_or(text.len())
    };
    let (start, end) = (offset(range.start), offset(range.end));
    text.replace_range(start..end.max(start), with);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_where_the_editor_says() {
        let mut text = String::from("a\u{1f600}b\r\nc");
        let range = |from: (u32, u32), to: (u32, u32)| Range {
            start: Position::new(from.0, from.1),
            end: Position::new(to.0, to.1),
        };
        splice(&mut text, range((0, 3), (0, 4)), "x");
        assert_eq!(text, "a\u{1f600}x\r\nc");
        splice(&mut text, range((0, 99), (1, 0)), " ");
        assert_eq!(text, "a\u{1f600}x c");
        splice(&mut text, range((9, 0), (9, 9)), "!");
        assert_eq!(text, "a\u{1f600}x c!");
    }
}
