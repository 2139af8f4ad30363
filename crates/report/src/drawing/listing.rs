//! Machine code as a compiler shows source: addresses in the margin, marks below the operands.

use super::Canvas;
use crate::layout::{columns, shortened, wrap};
use crate::source::{line_and_origin, shown};
use crate::style::{Line, Meaning};
use ringfence_finding::{Entered, Listing, Pointer};

/// What stands in the margin for instructions that are left out.
const LEFT_OUT: &str = "...";

/// What stands in the margin where another function begins.
const ELSEWHERE: &str = ":::";

/// The columns of the longest label in the margin.
pub(super) fn widest_label(listing: &Listing) -> usize {
    let addresses = listing.lines.iter().map(|line| columns(&address(line.rva)));
    addresses.max().unwrap_or(0).max(LEFT_OUT.len())
}

/// The instructions, each with its marks below.
pub(super) fn draw(listing: &Listing, meaning: Meaning, canvas: Canvas, lines: &mut Vec<Line>) {
    for (index, instruction) in listing.lines.iter().enumerate() {
        if let Some(entered) = &instruction.enters {
            enter(entered, canvas, lines);
        }
        // Before the first line nothing is left out that one would look for.
        if instruction.after_gap && index > 0 {
            lines.push(canvas.labelled(LEFT_OUT));
        }
        let text = shortened(&instruction.text, canvas.room());
        lines
            .push(canvas.labelled(&address(instruction.rva)).filled_to(canvas.left()).plain(&text));
        let mut pointers: Vec<&Pointer> =
            listing.marks.iter().filter(|pointer| pointer.line == index).collect();
        pointers.sort_by_key(|pointer| pointer.start);
        for pointer in pointers {
            let (start, length) = drawn(&instruction.text, pointer, columns(&text));
            let mark = match pointer.primary {
                true => (meaning, "^".repeat(length)),
                false => (Meaning::Structure, "-".repeat(length)),
            };
            canvas.mark(canvas.left() + start, mark, &pointer.text, lines);
        }
    }
}

/// Says in which function the lines go on, and where that comes from.
fn enter(entered: &Entered, canvas: Canvas, lines: &mut Vec<Line>) {
    let (function, origin) = told(entered);
    lines.push(canvas.labelled(ELSEWHERE).filled_to(canvas.left()).plain(function));
    for piece in origin.iter().flat_map(|origin| wrap(origin, canvas.room().max(20))) {
        lines.push(canvas.labelled("").filled_to(canvas.left()).plain(piece));
    }
}

/// The function that the lines go on in, and where that comes from.
pub(super) fn told(entered: &Entered) -> (String, Option<String>) {
    let named = entered.source.as_ref().and_then(|source| source.function.as_deref());
    let function = match (named, entered.function) {
        (Some(name), _) => format!("in {}", shown(name)),
        (None, Some(function)) => format!("in the function at {function:x}"),
        (None, None) => "in another function".to_owned(),
    };
    (function, entered.source.as_ref().and_then(line_and_origin))
}

fn address(rva: u32) -> String {
    format!("{rva:x}")
}

/// The first column of what is pointed at and how many there are, in the `shown` columns of the text
/// as it is drawn: escapes make it longer, a narrow terminal cuts it short.
fn drawn(text: &str, pointer: &Pointer, shown: usize) -> (usize, usize) {
    let columns_of = |from: usize, count: usize| {
        columns(&text.chars().skip(from).take(count).collect::<String>())
    };
    let start = columns_of(0, pointer.start).min(shown.saturating_sub(1));
    let length = columns_of(pointer.start, pointer.length).min(shown.saturating_sub(start));
    (start, length.max(1))
}

#[cfg(test)]
mod tests {
    use crate::drawing;
    use crate::layout::columns;
    use crate::sample::{instruction, pointer};
    use crate::style::Meaning;
    use ringfence_finding::{Evidence, Instruction, Listing, Pointer};

    fn drawn(lines: Vec<Instruction>, marks: Vec<Pointer>, width: usize) -> Vec<String> {
        let evidence = Evidence::Listing(Listing { function: None, source: None, lines, marks });
        let lines = drawing::draw(&evidence, Meaning::Bad, width);
        lines.iter().map(|line| line.render(false)).collect()
    }

    /// The drawing that the house rules show, which is where the columns come from.
    #[test]
    fn a_trail_is_drawn_as_the_house_rules_show_it() {
        let call = "call  MmMapLockedPagesSpecifyCache";
        let lines = vec![
            instruction(0x2c12, "mov   dword ptr [rsp+28h], 10h"),
            Instruction { after_gap: true, ..instruction(0x2c26, "xor   edx, edx") },
            instruction(0x2c2b, call),
        ];
        let marks = vec![
            Pointer { primary: false, ..pointer(0, 27, 3, "Priority = NormalPagePriority") },
            Pointer { primary: false, ..pointer(1, 6, 8, "AccessMode = KernelMode") },
            pointer(2, 0, call.len(), "mapped here"),
        ];
        assert_eq!(
            drawn(lines, marks, 80),
            [
                "      |",
                " 2c12 |  mov   dword ptr [rsp+28h], 10h",
                "      |                             --- Priority = NormalPagePriority",
                "  ... |",
                " 2c26 |  xor   edx, edx",
                "      |        -------- AccessMode = KernelMode",
                " 2c2b |  call  MmMapLockedPagesSpecifyCache",
                "      |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ mapped here",
                "      |",
            ]
        );
    }

    #[test]
    fn what_does_not_fit_beside_a_mark_stands_below_it() {
        let text = "PoolType = NonPagedPool (0), which is executable, as everything that is asked \
                    for with this type";
        let lines =
            drawn(vec![instruction(0x1a38, "xor   ecx, ecx")], vec![pointer(0, 6, 8, text)], 70);
        assert_eq!(
            lines[2..],
            [
                "      |        ^^^^^^^^",
                "      |        PoolType = NonPagedPool (0), which is executable, as",
                "      |        everything that is asked for with this type",
                "      |",
            ]
        );
    }

    #[test]
    fn marks_stay_under_what_they_point_at_when_it_is_escaped() {
        let lines =
            drawn(vec![instruction(0x10, "call  a\u{7}b, c")], vec![pointer(0, 11, 1, "here")], 80);
        assert_eq!(lines[1], "   10 |  call  a\\u{7}b, c");
        assert_eq!(lines[2].find('^'), lines[1].rfind('c'));
    }

    #[test]
    fn marks_on_what_is_cut_off_or_not_there_are_drawn_at_the_end() {
        let long = format!("call  {}", "n".repeat(100));
        let marks =
            vec![pointer(0, 0, 106, "all"), pointer(0, 90, 10, "end"), pointer(0, 500, 9, "x")];
        let lines = drawn(vec![instruction(0x1000_0000, &long)], marks, 70);
        assert!(lines.iter().all(|line| columns(line) <= 70), "{lines:#?}");
        assert_eq!(columns(&lines[1]), 70);
        assert_eq!(lines.iter().filter(|line| line.contains('^')).count(), 3);
    }

    /// Red is what the finding says, blue what is structure; the sign tells them apart without colours.
    #[test]
    fn the_place_of_the_finding_has_its_colour() {
        let marks = vec![pointer(0, 0, 3, ""), Pointer { primary: false, ..pointer(0, 6, 3, "") }];
        let listing = Listing {
            function: None,
            source: None,
            lines: vec![instruction(0x10, "mov   ecx, 0")],
            marks,
        };
        let lines = drawing::draw(&Evidence::Listing(listing), Meaning::Bad, 80);
        let mark =
            |sign: &str| lines.iter().map(|line| line.render(true)).find(|l| l.contains(sign));
        assert!(mark("^^^").unwrap().contains("\u{1b}[31m^^^"));
        assert!(mark("---").unwrap().contains("\u{1b}[34m---"));
    }

    #[test]
    fn marks_on_one_line_stand_from_left_to_right() {
        let marks = vec![pointer(0, 6, 3, "second"), pointer(0, 0, 3, "first")];
        let lines = drawn(vec![instruction(0x10, "mov   ecx, 0")], marks, 80);
        assert_eq!(lines[2..4], ["      |  ^^^ first", "      |        ^^^ second"]);
    }
}
