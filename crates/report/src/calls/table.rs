//! Calls as a table for people: where, what, with which argument, and what follows.

use super::CallFilter;
use crate::grid::{Cell, Column, Grid, INDENT, Kind, grid};
use crate::layout::{columns, counted, grouped, wrap};
use crate::style::{Line, Meaning, Terminal};
use crate::{Sink, coverage, scoreboard, source};
use ringfence_finding::{Call, CallAnswer, Closing, Code, Examination, SourcePlace, Targets, Tool};
use std::collections::BTreeMap;
use std::io;

/// Arguments stand beside the other columns where they have this many columns, or need fewer; else
/// each stands below its call.
const BESIDE: usize = 40;

/// And they take no more, however wide the terminal: the answer should not be out of sight.
const MOST: usize = 64;

pub(super) struct CallsTable<'a> {
    terminal: Terminal<'a>,
    filter: CallFilter,
    not_examined: usize,
    /// All calls, told or not.
    calls: usize,
    told: BTreeMap<CallAnswer, usize>,
}

impl<'a> CallsTable<'a> {
    pub(super) fn new(terminal: Terminal<'a>, filter: CallFilter) -> CallsTable<'a> {
        CallsTable { terminal, filter, not_examined: 0, calls: 0, told: BTreeMap::new() }
    }

    /// The driver and what is told of it in one line.
    fn heading(&mut self, path: &str, text: Line) -> io::Result<()> {
        let path = Line::new().colored(Meaning::Strong, path).plain(": ");
        self.terminal.folded(path.then(text))
    }

    fn table(&mut self, calls: &[&Call]) -> io::Result<()> {
        let width = self.terminal.columns();
        let arguments: Vec<String> = calls.iter().map(|call| argument(call)).collect();
        let longest = arguments.iter().map(|text| columns(text)).max().unwrap_or(0);
        let beside_it = columns_for(calls, true);
        let others = laid_out(&beside_it, calls, width);
        let room = width.saturating_sub(others.columns + GAP);
        let lines = match room >= longest.min(BESIDE) {
            true => beside(calls, &arguments, beside_it, room.min(MOST), width),
            false => below(calls, &arguments, width),
        };
        for line in lines {
            self.terminal.line(line)?;
        }
        Ok(())
    }

    /// `1 driver, 9 calls: violation 3 · mixed 1 · fine 5 (0.02 s)`.
    fn last_line(&self, closing: &Closing) -> Line {
        let not_examined = (self.not_examined > 0).then_some((self.not_examined, "not examined"));
        let mut line = scoreboard::drivers(&closing.totals, not_examined);
        if closing.totals.drivers > 0 {
            let told: usize = self.told.values().sum();
            let all = counted(self.calls, "call");
            line = match self.filter.accepts_all() {
                true => line.plain(format!(", {all}")),
                false => line.plain(format!(", {} of {all}", grouped(told))),
            };
            let counts = CallAnswer::ALL
                .into_iter()
                .filter_map(|answer| self.told.get(&answer).map(|count| (answer, *count)));
            for (index, (answer, count)) in counts.enumerate() {
                line = line.plain(if index == 0 { ": " } else { " · " });
                line =
                    line.colored(answer, answer.to_string()).plain(format!(" {}", grouped(count)));
            }
        }
        line.then(scoreboard::ending(closing))
    }
}

impl Sink for CallsTable<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let path = &examination.path;
        let coverage = match &examination.coverage.code {
            Code::NotExamined { because } => {
                self.not_examined += 1;
                let text = Line::new().colored(Meaning::Open, "machine code not examined");
                self.heading(path, text.plain(format!(": {because}")))?;
                return self.terminal.blank();
            }
            Code::Examined(coverage) => coverage,
        };
        let (mut calls, all) = self.filter.of(examination);
        calls.sort_by_key(|call| call.rva);
        self.calls += all;
        for call in &calls {
            *self.told.entry(call.answer).or_default() += 1;
        }
        let whole = self.filter.accepts_all();
        // Who looks for something wants to see where it is, not where it is not.
        if calls.is_empty() && !whole {
            return Ok(());
        }
        let counts = match (all, whole) {
            (0, _) => "no DDI calls found".to_owned(),
            (_, true) => counted(all, "call"),
            (_, false) => format!("{} of {}", grouped(calls.len()), counted(all, "call")),
        };
        self.heading(path, Line::new().plain(counts))?;
        if !calls.is_empty() {
            self.table(&calls)?;
        }
        if let Some(others) = coverage::no_calls(coverage).filter(|_| whole) {
            self.terminal.wrapped(Line::indented(INDENT), &others)?;
        }
        if let Some((meaning, lead, text)) = examination.symbols.as_ref().map(source::symbols) {
            self.terminal.wrapped(Line::indented(INDENT).colored(meaning, lead), &text)?;
        }
        self.terminal.blank()
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for fault in &closing.faults {
            self.terminal.folded(scoreboard::fault(fault))?;
        }
        for unread in &closing.unread {
            self.terminal.folded(scoreboard::unread(unread))?;
        }
        self.terminal.last_line(self.last_line(closing))?;
        self.terminal.flush()
    }
}

/// Spaces between two columns, as [`grid`] has them.
const GAP: usize = 2;

/// The heading of the first column.
const ADDRESS: &str = "address";

/// Where the argument stands when it is not below.
const ARGUMENT: usize = 2;

/// The columns but for the argument: functions by name where a debug file told any, and their sources
/// where there is room for them.
fn columns_for(calls: &[&Call], with_sources: bool) -> Vec<Column> {
    let told = |tell: fn(&SourcePlace) -> bool| {
        calls.iter().any(|call| call.source.as_ref().is_some_and(tell))
    };
    let named = told(|source| source.function.is_some());
    // Only a terminal that is much too narrow cuts names off.
    let mut shown = vec![
        Column::new(ADDRESS, Kind::Number, 0),
        Column::new("DDI", Kind::Text, 20),
        Column::new("answer", Kind::Word, 0),
        Column::new("function", if named { Kind::Text } else { Kind::Number }, 20),
    ];
    if with_sources && told(|source| source::short(source).is_some()) {
        shown.push(Column::new("source", Kind::Word, 0));
    }
    shown
}

fn cells(call: &Call, shown: usize) -> Vec<Cell> {
    let plain = |text: String| (Meaning::Plain, text);
    let source = call.source.as_ref();
    let name = source.and_then(|source| source.function.as_deref()).map(source::shown);
    let address = call.function.map(|function| format!("{function:x}"));
    let none = || "-".to_owned();
    let mut cells = vec![
        plain(format!("{:x}", call.rva)),
        plain(call.ddi.to_owned()),
        (call.answer.into(), call.answer.to_string()),
        plain(name.or(address).unwrap_or_else(none)),
        plain(source.and_then(source::short).unwrap_or_else(none)),
    ];
    cells.truncate(shown);
    cells
}

fn laid_out(shown: &[Column], calls: &[&Call], width: usize) -> Grid {
    let rows: Vec<Vec<Cell>> = calls.iter().map(|call| cells(call, shown.len())).collect();
    grid(shown, &rows, width)
}

/// One table, in which long arguments go on in further rows of their column.
fn beside(
    calls: &[&Call],
    arguments: &[String],
    mut shown: Vec<Column>,
    room: usize,
    width: usize,
) -> Vec<Line> {
    let mut rows = Vec::new();
    for (call, argument) in calls.iter().zip(arguments) {
        let mut cells = cells(call, shown.len());
        for piece in wrap(argument, room) {
            cells.insert(ARGUMENT, (Meaning::Plain, piece));
            rows.push(std::mem::replace(&mut cells, vec![Cell::default(); shown.len()]));
        }
    }
    shown.insert(ARGUMENT, Column::new("argument", Kind::Word, 0));
    let Grid { heading, rows, .. } = grid(&shown, &rows, width);
    heading.into_iter().chain(rows).collect()
}

/// The other columns, and below each row its argument and its source.
fn below(calls: &[&Call], arguments: &[String], width: usize) -> Vec<Line> {
    let others = laid_out(&columns_for(calls, false), calls, width);
    let addresses = calls.iter().map(|call| columns(&format!("{:x}", call.rva)));
    let address = addresses.max().unwrap_or(0).max(columns(ADDRESS) - INDENT);
    let indent = INDENT + address + GAP + INDENT;
    let mut lines = others.heading;
    for ((row, argument), call) in others.rows.into_iter().zip(arguments).zip(calls) {
        lines.push(row);
        let source = call.source.as_ref().and_then(source::short);
        for text in [argument.clone()].into_iter().chain(source) {
            let pieces = wrap(&text, width.saturating_sub(indent)).into_iter();
            lines.extend(pieces.map(|piece| Line::indented(indent).plain(piece)));
        }
    }
    lines
}

/// `PoolType = NonPagedPool (0x0) or NonPagedPoolNx (0x200)`, `PoolType unknown: it is …`.
fn argument(call: &Call) -> String {
    let Some(argument) = call.argument else {
        let unknown = call.unknown.as_ref().map(|because| format!("unknown: {because}"));
        return unknown.unwrap_or_else(|| "no argument decides".to_owned());
    };
    let values = call.words.join(" or ");
    match &call.unknown {
        None => format!("{} = {values}", argument.name),
        Some(because) if values.is_empty() => format!("{} unknown: {because}", argument.name),
        Some(because) => format!("{} = {values}, or unknown: {because}", argument.name),
    }
}
