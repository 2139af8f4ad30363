//! A fix as lines that go and lines that come, as far as the lines are known.
//!
//! A report has the lines that its marks are about, and edits are mostly there. What an edit elsewhere replaces is
//! not known here; then its place is told.

use super::full::at;
use ringfence_finding::{Region, SourceEdit, SourceFinding, SourceMark};
use std::collections::BTreeMap;

/// Edits of one fix that are told; what is beyond is counted.
const EDITS: usize = 20;

/// A line of a fix.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Where the next lines are.
    Place(String),
    /// A line that goes.
    Gone(String),
    /// A line that comes.
    New(String),
    /// What is not told.
    More(usize),
}

/// The fix of `finding` line by line; nothing where it has none.
pub(super) fn of(finding: &SourceFinding) -> Vec<Step> {
    let Some(fix) = &finding.fix else { return Vec::new() };
    let known = known(finding);
    let mut edits: Vec<&SourceEdit> = fix.edits.iter().collect();
    edits.sort_by(|a, b| (&a.path, a.region).cmp(&(&b.path, b.region)));
    let more = edits.len().saturating_sub(EDITS);
    edits.truncate(EDITS);
    let mut steps = Vec::new();
    let mut rest = &edits[..];
    while let Some(first) = rest.first() {
        let end = rest.iter().take_while(|edit| edit.path == first.path && meets(first, edit));
        let (group, others) = rest.split_at(end.count().max(1));
        tell(group, &known, &mut steps);
        rest = others;
    }
    if more > 0 {
        steps.push(Step::More(more));
    }
    steps
}

/// Whether `edit` begins in the last line of `first`, so that both change one line.
fn meets(first: &SourceEdit, edit: &SourceEdit) -> bool {
    edit.region.line <= first.region.end_line
}

/// The lines of source that the finding shows, by file and number.
fn known(finding: &SourceFinding) -> BTreeMap<(&str, u32), &str> {
    let marks = std::iter::once(&finding.mark).chain(&finding.related);
    let lines = marks.flat_map(|mark: &SourceMark| {
        let numbers = mark.region.line..;
        numbers.zip(&mark.lines).map(|(number, line)| ((&*mark.path, number), &**line))
    });
    lines.collect()
}

fn tell(edits: &[&SourceEdit], known: &BTreeMap<(&str, u32), &str>, steps: &mut Vec<Step>) {
    let Some(first) = edits.first() else { return };
    steps.push(Step::Place(place(first)));
    match changed(edits, known) {
        Some((old, new)) => {
            steps.extend(old.into_iter().map(|line| Step::Gone(line.to_owned())));
            steps.extend(lines(&new));
        }
        None => {
            for edit in edits.iter().filter(|edit| !edit.replacement.is_empty()) {
                steps.extend(lines(&edit.replacement));
            }
        }
    }
}

/// `src/pool.c:57`, and for what cannot be shown, what happens there.
fn place(edit: &SourceEdit) -> String {
    let Region { line, column, .. } = edit.region;
    let region = Region { line, column, end_line: line, end_column: column };
    let mark =
        SourceMark { path: edit.path.clone(), region, text: String::new(), lines: Vec::new() };
    at(&mark)
}

fn lines(text: &str) -> impl Iterator<Item = Step> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| Step::New(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// The lines that `edits` touch, and what they make of them; none where a line is not known or an edit does not fit.
fn changed<'k>(
    edits: &[&SourceEdit],
    known: &BTreeMap<(&str, u32), &'k str>,
) -> Option<(Vec<&'k str>, String)> {
    let first = edits.first()?;
    let last = edits.iter().map(|edit| edit.region.end_line).max()?;
    // No mark shows more than a few lines.
    let many = last.checked_sub(first.region.line).filter(|lines| *lines < 10)?;
    let lines: Option<Vec<&str>> = (0..=many)
        .map(|line| known.get(&(&*first.path, first.region.line.checked_add(line)?)).copied())
        .collect();
    let lines = lines?;
    let old = lines.join("\n");
    let place = |line: u32, column: u32| {
        let index = usize::try_from(line.checked_sub(first.region.line)?).ok()?;
        let before: usize = lines.get(..index)?.iter().map(|line| line.len() + 1).sum();
        Some(before + byte_at(lines.get(index)?, column)?)
    };
    let mut new = String::new();
    let mut done = 0;
    for edit in edits {
        let Region { line, column, end_line, end_column } = edit.region;
        let (start, end) = (place(line, column)?, place(end_line, end_column)?);
        new += old.get(done..start)?;
        new += &edit.replacement;
        done = end.max(start);
    }
    new += old.get(done..)?;
    Some((lines, new))
}

/// The byte of `line` that a column stands at; none where there is no such column.
pub(super) fn byte_at(line: &str, column: u32) -> Option<usize> {
    let wanted = usize::try_from(column.checked_sub(1)?).ok()?;
    let mut unit = 0;
    for (index, c) in line.char_indices() {
        if unit >= wanted {
            return (unit == wanted).then_some(index);
        }
        unit += c.len_utf16();
    }
    (unit == wanted).then_some(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sample::{finding, mark};
    use ringfence_finding::{Fix, Level, Safety};

    fn edit(line: u32, columns: (u32, u32), replacement: &str) -> SourceEdit {
        let region = Region { line, column: columns.0, end_line: line, end_column: columns.1 };
        let path = "a.c".to_owned();
        SourceEdit { path, region, replacement: replacement.to_owned(), start: 0, end: 0 }
    }

    fn told(code: &str, edits: Vec<SourceEdit>) -> Vec<Step> {
        let (title, safety) = ("mend it".to_owned(), Safety::Safe);
        let fix = Fix { title, safety, because: None, edits };
        let own = mark("a.c", 7, code, "f", "");
        of(&finding(Level::Error, "it is bad", own).fixed_by(Some(fix)))
    }

    #[test]
    fn edits_of_a_line_are_one_change() {
        let edits = vec![edit(7, (8, 9), "株"), edit(7, (3, 4), ""), edit(7, (10, 10), ", 0")];
        assert_eq!(
            told("f(\"🖨\", b, c)", edits),
            [
                Step::Place("a.c:7:3".to_owned()),
                Step::Gone("f(\"🖨\", b, c)".to_owned()),
                // The printer is two code units: columns 4 and 5.
                Step::New("f(🖨\",株b, 0, c)".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_told_by_its_place() {
        let before = edit(3, (1, 1), "#define A 1\r\n#define B 2\r\n");
        // It ends in the middle of a letter outside the basic plane.
        let torn = edit(7, (1, 5), "x");
        assert_eq!(
            told("f(\"🖨\")", vec![torn, before]),
            [
                Step::Place("a.c:3:1".to_owned()),
                Step::New("#define A 1".to_owned()),
                Step::New("#define B 2".to_owned()),
                Step::Place("a.c:7:1".to_owned()),
                Step::New("x".to_owned()),
            ]
        );
    }

    #[test]
    fn many_edits_are_counted() {
        let edits: Vec<_> = (0..50).map(|line| edit(100 + line, (1, 1), "x")).collect();
        let told = told("f()", edits);
        assert_eq!(told.len(), 2 * EDITS + 1);
        assert_eq!(told.last(), Some(&Step::More(30)));
    }

    #[test]
    fn columns_are_utf_16_code_units() {
        for (column, byte) in [(0, None), (1, Some(0)), (2, Some(3)), (3, None), (4, Some(7))] {
            assert_eq!(byte_at("株🖨", column), byte, "{column}");
        }
        assert_eq!(byte_at("", 1), Some(0));
        assert_eq!(byte_at("", 2), None);
    }
}
