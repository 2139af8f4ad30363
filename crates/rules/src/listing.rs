//! Machine code as evidence: where something is done, and before it what led there.

use crate::Driver;
use ringfence_code::{Line, listing};
use ringfence_finding::{Entered, Evidence, Instruction, Listing, Pointer};
use ringfence_image::Rva;

/// Lines of a listing; what lies farther apart is told without what is between.
const MOST_LINES: usize = 8;

/// An instruction and what is said of it.
pub(crate) type Place = (Rva, String);

/// The instruction that is told of, and before it those that led to it; none where no code is there.
pub(crate) fn drawn(
    driver: &Driver<'_>,
    function: Option<Rva>,
    before: &[Place],
    here: &Place,
) -> Option<Evidence> {
    listed(driver, function, before, (here, true)).map(Evidence::Listing)
}

/// The same as a listing; the instruction is the place of the finding where `primary`, else something on
/// the way there.
pub(crate) fn listed(
    driver: &Driver<'_>,
    function: Option<Rva>,
    before: &[Place],
    ((at, told), primary): (&Place, bool),
) -> Option<Listing> {
    let lines = match driver.shows_code() {
        true => lines(driver, before, *at),
        // The place alone: nobody reads the instructions.
        false => vec![Line { rva: *at, text: String::new(), length: 0, operand: None }],
    };
    if !lines.iter().any(|line| line.rva == *at) {
        return None;
    }
    let mut marks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some((_, text)) = before.iter().find(|(place, _)| *place == line.rva) {
            let columns = line.operand.clone().unwrap_or(0..line.text.len());
            marks.push(Pointer {
                line: index,
                start: columns.start,
                length: columns.len(),
                text: text.clone(),
                primary: false,
            });
        }
        if line.rva == *at {
            let (start, length, text) = (0, line.text.len(), told.clone());
            marks.push(Pointer { line: index, start, length, text, primary });
        }
    }
    let function = function.map(|function| function.0);
    Some(Listing { function, source: None, lines: instructions(lines), marks })
}

/// Adds what another function does.
pub(crate) fn append(listing: &mut Listing, mut more: Listing) {
    let before = listing.lines.len();
    if let Some(first) = more.lines.first_mut() {
        first.after_gap = false;
        first.enters = Some(Entered { function: more.function, source: None });
    }
    listing.lines.append(&mut more.lines);
    let marks = more.marks.into_iter().map(|mark| Pointer { line: mark.line + before, ..mark });
    listing.marks.extend(marks);
}

/// Everything from the first place to the last if that is short, else these lines alone.
fn lines(driver: &Driver<'_>, before: &[Place], at: Rva) -> Vec<Line> {
    let name = |rva| driver.names().at(rva);
    let disassemble = |from, to, most| listing(driver.image(), from, to, most, &name);
    let first = before.iter().map(|(place, _)| *place).min().unwrap_or(at);
    if first < at {
        let whole = disassemble(first, at, MOST_LINES);
        let shows = |rva| whole.iter().any(|line| line.rva == rva);
        if shows(at) && before.iter().all(|(place, _)| shows(*place)) {
            return whole;
        }
    }
    let mut places: Vec<_> = before.iter().map(|(place, _)| *place).chain([at]).collect();
    places.sort();
    places.dedup();
    places.into_iter().flat_map(|place| disassemble(place, place, 1)).collect()
}

fn instructions(lines: Vec<Line>) -> Vec<Instruction> {
    let mut end = None;
    lines
        .into_iter()
        .map(|line| {
            let after_gap = end.is_some_and(|end| end != Some(line.rva));
            end = Some(line.rva.checked_add(line.length));
            Instruction { rva: line.rva.0, text: line.text, after_gap, enters: None }
        })
        .collect()
}
