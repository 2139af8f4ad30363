//! Evidence: the way that code takes as a code flow, and both kinds of evidence as text.

use super::model::{CodeFlow, Location, Message, Snippet, Step, ThreadFlow};
use super::place::{Driver, Function, bare, function_of, line_of, source_of};
use super::text::{plain, sentence};
use crate::uri::Uris;
use ringfence_finding::{
    Entered, Evidence, Finding, Instruction, Listing, Pointer, SourcePlace, Table,
};

/// GitHub shows no more steps of a way.
const MOST_STEPS: usize = 1_000;

/// No more lines of evidence are told as text.
const MOST_LINES: usize = 200;

/// No more cells of a table are pointed at in a message.
const MOST_MARKS: usize = 10;

/// The way through the code that leads to `finding`: what is pointed at, and where other functions begin.
pub(super) fn flow(
    finding: &Finding,
    listing: &Listing,
    driver: &Driver,
    uris: &Uris,
) -> Vec<CodeFlow> {
    let way = Way { finding, listing, driver, uris };
    let mut steps: Vec<Step> = Vec::new();
    let mut here = Entered { function: listing.function, source: None };
    let mut depth = 0;
    for (index, line) in listing.lines.iter().enumerate() {
        if let Some(entered) = &line.enters {
            here = entered.clone();
            depth += 1;
        }
        let marks: Vec<&Pointer> = listing.marks.iter().filter(|mark| mark.line == index).collect();
        if steps.len() < MOST_STEPS && (line.enters.is_some() || !marks.is_empty()) {
            steps.push(Step {
                location: way.location(index, &marks, &here),
                nesting_level: depth,
                execution_order: steps.len() + 1,
                importance: match &marks[..] {
                    [] => "unimportant",
                    marks if marks.iter().any(|mark| mark.primary) => "essential",
                    _ => "important",
                },
            });
        }
    }
    // One step is the place of the finding, which its location tells already.
    match steps.len() {
        0 | 1 => Vec::new(),
        _ => vec![CodeFlow { thread_flows: [ThreadFlow { locations: steps }] }],
    }
}

struct Way<'w> {
    finding: &'w Finding,
    listing: &'w Listing,
    driver: &'w Driver,
    uris: &'w Uris,
}

impl Way<'_> {
    fn location(&self, index: usize, marks: &[&Pointer], here: &Entered) -> Location {
        let line = &self.listing.lines[index];
        let source = self.source(index, marks, here);
        let function = Function { name: self.function_name(here), start: here.function };
        let below =
            source.and_then(|source| Some((self.uris.source(source.file.as_ref()?)?, source)));
        let physical = match below {
            Some(((place, true), source)) => line_of(place, source.line),
            _ => self.driver.at(line.rva, "instruction", function),
        };
        let mut location = bare(physical);
        location.logical_locations = self.driver.parts(function, None);
        location.message = Some(Message::new(told(line, marks)));
        location
    }

    /// The name of the function that the way is in: debug information was asked for those of the finding
    /// and of each that was entered.
    fn function_name<'s>(&'s self, here: &'s Entered) -> Option<&'s str> {
        let own = function_of(self.finding);
        let entered = here.source.as_ref().and_then(|source| source.function.as_deref());
        entered.or(own.name.filter(|_| own.start == here.function))
    }

    /// The source of a line is known where debug information was asked for it: at the place of the
    /// finding, and at the last mark in a function that was entered.
    fn source<'s>(
        &'s self,
        index: usize,
        marks: &[&Pointer],
        here: &'s Entered,
    ) -> Option<&'s SourcePlace> {
        if marks.iter().any(|mark| mark.primary) {
            return source_of(self.finding);
        }
        let after = self.listing.lines.get(index + 1..).unwrap_or_default();
        let end = after.iter().position(|line| line.enters.is_some());
        let end = index + 1 + end.unwrap_or(after.len());
        let is_last = !self.listing.marks.iter().any(|mark| (index + 1..end).contains(&mark.line));
        here.source.as_ref().filter(|_| is_last)
    }
}

/// `PoolType = NonPagedPool (0): xor ecx, ecx, at 50a7.`
fn told(line: &Instruction, marks: &[&Pointer]) -> String {
    let instruction = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: Vec<&str> =
        marks.iter().map(|mark| mark.text.as_str()).filter(|text| !text.is_empty()).collect();
    let what = match said.is_empty() {
        true => instruction,
        false => format!("{}: {instruction}", said.join("; ")),
    };
    sentence(&format!("{what}, at {:x}", line.rva))
}

/// What a table's marks say, for the message of a finding.
pub(super) fn pointed_out(table: &Table) -> Option<String> {
    let said: Vec<String> = table
        .marks
        .iter()
        .take(MOST_MARKS)
        .filter_map(|mark| {
            let row = table.rows.get(mark.row)?;
            let cell = row.cells.get(mark.column)?;
            let column = table.columns.get(mark.column).copied().unwrap_or_default();
            let heading = if column.is_empty() { String::new() } else { format!("{column} ") };
            Some(format!("{heading}{cell}: {}", mark.text))
        })
        .collect();
    (!said.is_empty())
        .then(|| sentence(&format!("In the {}, {}", table.structure, said.join("; "))))
}

/// The evidence as a text of lines: SARIF's place for what is no text made readable.
pub(super) fn rendered(evidence: &Evidence) -> Snippet {
    let mut lines = match evidence {
        Evidence::Listing(listing) => listing_lines(listing),
        Evidence::Table(table) => table_lines(table),
    };
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        lines.push("...".to_owned());
    }
    Snippet { text: None, rendered: Some(Message::new(lines.join("\n"))) }
}

fn listing_lines(listing: &Listing) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, line) in listing.lines.iter().enumerate() {
        if let Some(entered) = &line.enters {
            lines.push(format!("in {}:", entered_name(entered)));
        } else if line.after_gap && index > 0 {
            lines.push("...".to_owned());
        }
        lines.push(plain(&format!("{:x}  {}", line.rva, line.text)));
        for mark in listing.marks.iter().filter(|mark| mark.line == index && !mark.text.is_empty())
        {
            lines.push(plain(&format!("    ^ {}", mark.text)));
        }
    }
    lines
}

fn table_lines(table: &Table) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", table.structure, table.columns.join(" | "))];
    for (index, row) in table.rows.iter().enumerate() {
        lines.push(plain(&format!("{}: {}", row.label, row.cells.join(" | "))));
        for mark in table.marks.iter().filter(|mark| mark.row == index) {
            let column = table.columns.get(mark.column).copied().unwrap_or_default();
            lines.push(plain(&format!("    ^ {column} {}", mark.text)));
        }
    }
    lines
}

/// The functions that the way goes on in.
pub(super) fn entered(listing: &Listing) -> impl Iterator<Item = &Entered> {
    listing.lines.iter().filter_map(|line| line.enters.as_ref())
}

fn entered_name(entered: &Entered) -> String {
    let named = entered.source.as_ref().and_then(|source| source.function.as_deref());
    match (named, entered.function) {
        (Some(name), _) => plain(name),
        (None, Some(start)) => format!("the function at {start:x}"),
        (None, None) => "another function".to_owned(),
    }
}
