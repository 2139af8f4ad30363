//! Lines of source as a compiler shows them: their numbers in the margin, marks below the code.

use super::{Canvas, MARGIN};
use crate::safe::{is_harmful, safe};
use crate::style::{Line, Meaning};
use ringfence_finding::SourceMark;
use unicode_width::UnicodeWidthChar;

/// Columns from one tabulator stop to the next.
const TAB: usize = 4;

/// What stands where a line is cut off.
const CUT: char = '…';

/// The columns left of the margin line beside `marks`.
pub(crate) fn numbers_margin<'m>(marks: impl IntoIterator<Item = &'m SourceMark>) -> usize {
    let last = |mark: &SourceMark| u64::from(mark.region.line) + mark.lines.len() as u64;
    let widest = marks.into_iter().map(|mark| last(mark).to_string().len()).max().unwrap_or(0);
    (widest + 1).max(MARGIN)
}

/// A line of code as it is shown, with what is pointed at in it.
pub(crate) struct ShownLine {
    /// Its number.
    pub(crate) number: u64,
    /// Its text, harmless and without tabulators.
    pub(crate) text: String,
    /// From left to right.
    pub(crate) pointers: Vec<ShownPointer>,
}

/// What is pointed at in a line, in columns of its text.
pub(crate) struct ShownPointer {
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// What is said there; may be empty.
    pub(crate) text: String,
    /// Whether the finding stands there.
    pub(crate) primary: bool,
}

/// The code that `marks` are about, which is the same lines for all of them, in `room` columns. The first mark is
/// where the finding stands if it is `primary`.
pub(crate) fn shown_lines(marks: &[&SourceMark], primary: bool, room: usize) -> Vec<ShownLine> {
    let Some(first) = marks.first() else { return Vec::new() };
    let lines = first.lines.iter().enumerate().map(|(index, code)| {
        let mut pointers: Vec<Pointer<'_>> = marks
            .iter()
            .enumerate()
            .map(|(number, mark)| Pointer::new(mark, index, primary && number == 0))
            .collect();
        pointers.sort_by_key(|pointer| pointer.from);
        let view = View::new(code, &pointers, room);
        let shown = pointers.iter().map(|pointer| {
            let (start, length) = view.place(code, pointer);
            ShownPointer { start, length, text: pointer.text.to_owned(), primary: pointer.primary }
        });
        let pointers = shown.collect();
        let number = u64::from(first.region.line) + index as u64;
        ShownLine { number, text: view.text, pointers }
    });
    lines.collect()
}

/// Whether `mark` is about more lines than it has.
pub(crate) fn goes_on(mark: &SourceMark) -> bool {
    u64::from(mark.region.line) + mark.lines.len() as u64 <= u64::from(mark.region.end_line)
}

/// The beginning of a line of code, harmless and without tabulators, in `room` columns.
pub(crate) fn shown_code(code: &str, room: usize) -> String {
    View::new(code, &[], room).text
}

/// [`shown_lines`] with numbers and marks, those of the finding in the colour of `meaning`. An empty margin line stands
/// above.
pub(crate) fn draw_marks(
    marks: &[&SourceMark],
    primary: bool,
    meaning: Meaning,
    margin: usize,
    width: usize,
) -> Vec<Line> {
    let canvas = Canvas { margin, width };
    let mut lines = vec![canvas.labelled("")];
    for ShownLine { number, text, pointers } in shown_lines(marks, primary, canvas.room()) {
        lines.push(canvas.labelled(&number.to_string()).filled_to(canvas.left()).plain(&text));
        for ShownPointer { start, length, text, primary } in pointers {
            let mark = match primary {
                true => (meaning, "^".repeat(length)),
                false => (Meaning::Structure, "-".repeat(length)),
            };
            canvas.mark(canvas.left() + start, mark, &text, &mut lines);
        }
    }
    if marks.first().is_some_and(|mark| goes_on(mark)) {
        lines.push(canvas.labelled("..."));
    }
    lines
}

/// What of one line a mark is about.
struct Pointer<'m> {
    /// The first UTF-16 code unit, from 0, and the one behind the last.
    from: usize,
    to: usize,
    /// What is said there.
    text: &'m str,
    primary: bool,
}

impl<'m> Pointer<'m> {
    /// `mark` in its line with this index. Its words stand below the last.
    fn new(mark: &'m SourceMark, index: usize, primary: bool) -> Pointer<'m> {
        let region = &mark.region;
        let unit = |column: u32| column.saturating_sub(1) as usize;
        let is_end = u64::from(region.line) + index as u64 >= u64::from(region.end_line);
        let from = match (index, mark.lines.get(index)) {
            (0, _) => unit(region.column),
            (_, Some(code)) => code.len() - code.trim_start().len(),
            (_, None) => 0,
        };
        let to = if is_end { unit(region.end_column) } else { usize::MAX };
        let text = if index + 1 == mark.lines.len() { mark.text.as_str() } else { "" };
        Pointer { from, to, text, primary }
    }
}

/// The part of a line for which there is room.
struct View {
    text: String,
    /// The column of the whole line that it begins with.
    left: usize,
    /// How many columns it has, and how many there is room for.
    columns: usize,
    room: usize,
}

impl View {
    /// As much of `code` as fits into `room` columns, with the beginning of the gravest pointer.
    fn new(code: &str, pointers: &[Pointer<'_>], room: usize) -> View {
        let whole = columns_of(code, usize::MAX);
        if whole <= room {
            return View { text: drawn(code, 0, whole), left: 0, columns: whole, room };
        }
        let gravest = pointers.iter().find(|one| one.primary).or(pointers.first());
        let (start, end) = gravest.map_or((0, 0), |pointer| {
            (columns_of(code, pointer.from), columns_of(code, pointer.to))
        });
        // A third of the room for what stands before it, unless all of it is seen from the beginning.
        let left = if end < room { 0 } else { start.saturating_sub(room / 3).min(whole - room) };
        View { text: drawn(code, left, room), left, columns: room, room }
    }

    /// The first column of what `pointer` is about, and how many there are; always one at least.
    fn place(&self, code: &str, pointer: &Pointer<'_>) -> (usize, usize) {
        let within = |unit| columns_of(code, unit).saturating_sub(self.left).min(self.columns);
        let end = within(pointer.to);
        // Behind the end of the line there may be one column to point at: what is missing is missing there.
        let start = within(pointer.from).min(self.room.saturating_sub(1));
        (start, end.saturating_sub(start).max(1))
    }
}

/// The columns of the first `units` UTF-16 code units of `code`.
fn columns_of(code: &str, units: usize) -> usize {
    let (mut column, mut unit) = (0, 0);
    for c in code.chars() {
        if unit >= units {
            break;
        }
        unit += c.len_utf16();
        column += width(c, column);
    }
    column
}

/// The columns that `c` takes at `column`.
fn width(c: char, column: usize) -> usize {
    match c {
        '\t' => TAB - column % TAB,
        _ if is_harmful(c) => safe(c.encode_utf8(&mut [0; 4])).len(),
        _ => c.width().unwrap_or(0),
    }
}

/// `room` columns of `code` from `left` on; what is cut off is told by a sign in the first or last of them.
fn drawn(code: &str, left: usize, room: usize) -> String {
    let mut text = String::new();
    let (mut column, mut used) = (0, 0);
    if left > 0 {
        text.push(CUT);
        used = 1;
    }
    for c in code.chars() {
        let wide = width(c, column);
        let from = column;
        column += wide;
        if from < left + usize::from(left > 0) {
            continue;
        }
        if column > left + room {
            // What is there already may reach into the column of the sign.
            while used + 1 > room {
                used -= text.pop().map_or(used, |last| last.width().unwrap_or(0));
            }
            text.push(CUT);
            break;
        }
        // A wide character that was cut in two leaves a gap.
        text.extend(std::iter::repeat_n(' ', (from - left).saturating_sub(used)));
        match c {
            '\t' => text.extend(std::iter::repeat_n(' ', wide)),
            _ => text += &safe(c.encode_utf8(&mut [0; 4])),
        }
        used = column - left;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::columns;
    use ringfence_finding::Region;

    fn mark(line: u32, units: std::ops::Range<u32>, text: &str, code: &str) -> SourceMark {
        SourceMark {
            path: "a.c".to_owned(),
            region: Region { line, column: units.start, end_line: line, end_column: units.end },
            text: text.to_owned(),
            lines: vec![code.to_owned()],
        }
    }

    fn told(marks: &[&SourceMark], width: usize) -> Vec<String> {
        let margin = numbers_margin(marks.iter().copied());
        let lines = draw_marks(marks, true, Meaning::Bad, margin, width);
        lines.iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn marks_stand_below_the_code_from_left_to_right() {
        let code = "    p = ExAllocatePoolWithTag(NonPagedPool, 8, TAG);";
        let call = mark(57, 9..30, "asked for here", code);
        let kind = mark(57, 31..43, "executable", code);
        assert_eq!(
            told(&[&kind, &call], 80),
            [
                "      |",
                "   57 |      p = ExAllocatePoolWithTag(NonPagedPool, 8, TAG);",
                "      |          --------------------- asked for here",
                "      |                                ^^^^^^^^^^^^ executable",
            ]
        );
    }

    /// Columns are UTF-16 code units: the letter outside the basic plane is two, and two columns wide.
    #[test]
    fn tabs_and_wide_letters_do_not_move_marks() {
        let code = "\tf(\"株🚗\",\tX)\u{7};";
        let lines = told(&[&mark(1, 11..12, "", code)], 80);
        assert_eq!(lines[1], "    1 |      f(\"株🚗\",   X)\\u{7};");
        assert_eq!(columns(&lines[2]) - 1, columns(lines[1].split('X').next().unwrap()));
        let lines = told(&[&mark(1, 13..14, "", code)], 80);
        assert_eq!(lines[2].trim_start_matches([' ', '|']), "^^^^^");
    }

    #[test]
    fn of_a_long_line_the_marked_part_is_shown() {
        let code = format!("{}NonPagedPool{}", "a".repeat(5_000), "b".repeat(5_000));
        for width in 70..100 {
            let lines = told(&[&mark(3, 5_001..5_013, "executable", &code)], width);
            assert_eq!(columns(&lines[1]), width, "{}", lines[1]);
            assert!(lines[1].contains("…aaa") && lines[1].ends_with("b…"), "{}", lines[1]);
            let start = lines[1].find("NonPagedPool").unwrap() - "…".len() + 1;
            assert_eq!(lines[2].find("^^^^^^^^^^^^ executable"), Some(start));
        }
    }

    /// However a line is made, nothing reaches over the edge.
    #[test]
    fn every_line_fits() {
        for code in ["株".repeat(200), "\t".repeat(90), "\u{1b}".repeat(60), "e\u{301}".repeat(300)]
        {
            for column in [1, 2, 40, 99, 190, 1_000, u32::MAX - 1] {
                for line in told(&[&mark(1, column..column + 1, "", &code)], 70) {
                    assert!(columns(&line) <= 70, "{column}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_mark_may_reach_over_lines() {
        let lines = ["f(a,", "  b,", "  c,"].map(str::to_owned).to_vec();
        let region = Region { line: 99, column: 3, end_line: 103, end_column: 2 };
        let mark = SourceMark { path: String::new(), region, text: "all of it".to_owned(), lines };
        assert_eq!(
            told(&[&mark], 80)[1..],
            [
                "   99 |  f(a,",
                "      |    ^^",
                "  100 |    b,",
                "      |    ^^",
                "  101 |    c,",
                "      |    ^^ all of it",
                "  ... |",
            ]
        );
    }
}
