//! Evidence of the memory rules: the code that sets the argument, and the call.

use crate::calls::in_words;
use crate::{DdiCall, Driver};
use ringfence_code::{Line, Possible, listing};
use ringfence_ddi::Ruling;
use ringfence_finding::{Evidence, Instruction, Listing, Pointer};
use ringfence_image::Rva;

/// Lines of a listing; what lies farther apart is told without what is between.
const MOST_LINES: usize = 8;
/// Instructions that set a value, of which several may where paths meet.
const MOST_SETTERS: usize = 3;

/// The call, and before it what set the argument that decides; none where no code is there.
pub(super) fn call(call: &DdiCall, driver: &Driver<'_>) -> Option<Evidence> {
    let setters = setters(call);
    let lines = lines(call, &setters, driver);
    if !lines.iter().any(|line| line.rva == call.site.at) {
        return None;
    }
    let mut marks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some((_, text)) = setters.iter().find(|(at, _)| *at == line.rva) {
            let columns = line.operand.clone().unwrap_or(0..line.text.len());
            marks.push(Pointer {
                line: index,
                start: columns.start,
                length: columns.len(),
                text: text.clone(),
                primary: false,
            });
        }
        if line.rva == call.site.at {
            marks.push(Pointer {
                line: index,
                start: 0,
                length: line.text.len(),
                text: "asked for here".to_owned(),
                primary: true,
            });
        }
    }
    Some(Evidence::Listing(Listing {
        function: call.site.function.map(|function| function.0),
        lines: instructions(lines),
        marks,
    }))
}

/// The instructions that set the deciding argument, what asks for executable memory first, each with
/// what it sets it to.
fn setters(call: &DdiCall) -> Vec<(Rva, String)> {
    let Some(deciding) = call.deciding() else { return Vec::new() };
    let mut setters: Vec<(Rva, bool, String)> = Vec::new();
    for (possible, ruling) in deciding.value.possible.iter().zip(deciding.rulings) {
        let Some(at) = possible.set_at.filter(|at| *at != call.site.at) else { continue };
        if setters.iter().all(|(known, ..)| *known != at) {
            let (asks, text) = (asks(*ruling), in_words(deciding.role, possible));
            let follows = follows(*ruling, possible);
            setters.push((at, asks, format!("{} = {text}{follows}", deciding.name)));
        }
    }
    setters.sort_by_key(|(at, asks, _)| (!asks, *at));
    setters.truncate(MOST_SETTERS);
    setters.into_iter().map(|(at, _, text)| (at, text)).collect()
}

fn asks(ruling: Ruling) -> bool {
    matches!(ruling, Ruling::Executable | Ruling::WritableExecutable)
}

fn follows(ruling: Ruling, possible: &Possible) -> String {
    match ruling {
        Ruling::Executable => ", which is executable".to_owned(),
        Ruling::WritableExecutable => ", which is writable and executable".to_owned(),
        Ruling::NotExecutable => ", which is not executable".to_owned(),
        Ruling::Refused => ", which is refused".to_owned(),
        Ruling::Undecided => match possible.unknown {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        },
    }
}

/// Everything from the first setter to the call if that is short, else these lines alone.
fn lines(call: &DdiCall, setters: &[(Rva, String)], driver: &Driver<'_>) -> Vec<Line> {
    let name = |rva| driver.names().at(rva);
    let disassemble = |from, to, most| listing(driver.image(), from, to, most, &name);
    let at = call.site.at;
    let first = setters.iter().map(|(setter, _)| *setter).min().unwrap_or(at);
    if first < at {
        let whole = disassemble(first, at, MOST_LINES);
        let shows = |rva| whole.iter().any(|line| line.rva == rva);
        if shows(at) && setters.iter().all(|(setter, _)| shows(*setter)) {
            return whole;
        }
    }
    let mut places: Vec<_> = setters.iter().map(|(setter, _)| *setter).chain([at]).collect();
    places.sort();
    places.into_iter().flat_map(|place| disassemble(place, place, 1)).collect()
}

fn instructions(lines: Vec<Line>) -> Vec<Instruction> {
    let mut end = None;
    lines
        .into_iter()
        .map(|line| {
            let after_gap = end.is_some_and(|end| end != Some(line.rva));
            end = Some(line.rva.checked_add(line.length));
            Instruction { rva: line.rva.0, text: line.text, after_gap }
        })
        .collect()
}
