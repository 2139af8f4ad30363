//! From parts of source files to what findings show.

use super::Source;
use ringfence_finding::{Region, SourceMark};
use ringfence_source::Span;

/// No finding shows more lines of one place.
const MOST_LINES: u32 = 5;
/// Nor more of a line: generated code has lines of megabytes.
const LONGEST_LINE: usize = 1000;

impl Source<'_> {
    /// Where `span` is, as people count.
    pub(crate) fn region(&self, span: Span) -> Region {
        let text = &self.tree.file(span.file).text;
        let range = span.range();
        let (start, end) = (text.place(range.start), text.place(range.end));
        Region {
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }

    /// `span` with what there is to say about it.
    pub(crate) fn mark(&self, span: Span, says: impl Into<String>) -> SourceMark {
        let file = self.tree.file(span.file);
        let region = self.region(span);
        let last = region.end_line.min(region.line.saturating_add(MOST_LINES - 1));
        let line = |number| {
            let range = file.text.line_range(number)?;
            let text = &file.text.as_str()[range];
            let cut = text.char_indices().nth(LONGEST_LINE).map_or(text.len(), |(at, _)| at);
            Some(text[..cut].to_owned())
        };
        SourceMark {
            path: self.tree.name(span.file).to_owned(),
            region,
            text: says.into(),
            lines: (region.line..=last).filter_map(line).collect(),
        }
    }
}
