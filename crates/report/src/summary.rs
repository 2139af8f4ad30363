//! Tables for many drivers: which, why not sure, what kind, what was not read; the last line adds up.
//!
//! Only a screenful of rows is kept of each list, so memory stays flat however many drivers come.

use crate::answers::{Why, is_for_64_bit_windows, whys};
use crate::excuse::Excused;
use crate::failing::Failing;
use crate::grid::{Cell, Column, Grid, Kind, grid, is_roomy};
use crate::layout::{columns, counted, grouped, shortened_path, wrap};
use crate::style::{Line, Meaning, Terminal, hanging};
use crate::verify::tally::Tally;
use crate::{Sink, coverage, scoreboard};
use ringfence_finding::{
    Answer, Closing, DebugSymbols, Examination, Finding, LeftOut, Level, Question, Targets, Tool,
    Totals,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Rows of a list.
const SCREENFUL: usize = 20;

/// Different reasons for being undecided that are told apart; what comes later is counted together.
/// Reasons may name addresses, so there could be as many as drivers.
const REASONS: usize = 1_000;

/// Columns in which a driver can be told well without its rules.
const ROOMY: usize = 100;

/// Where these stand among the columns of a driver.
const VERSION: usize = 1;
const COMPANY: usize = 2;

/// Reasons printed, and unread files.
const FEW: usize = 8;

/// Undecided drivers named under their reason, when there are no more than these.
const NAMED: usize = 5;

pub(crate) struct Summary<'a> {
    terminal: Terminal<'a>,
    targets: Targets,
    refused: List,
    /// Refused drivers for machines that 64-bit Windows does not run on, by machine. A mixed folder
    /// is full of them, and nobody wants them in front of the others.
    elsewhere: BTreeMap<String, usize>,
    objected: List,
    /// Whether some of `objected` may not even load.
    load_open: bool,
    undecided: HashMap<Vec<Why>, Undecided>,
    undecided_otherwise: usize,
    /// The first few drivers with malformed parts, each with the first of its defects.
    malformed: Vec<(String, String)>,
    /// The first few debug files that are not their drivers', each with the reason, and how many.
    refused_pdbs: Vec<(String, String)>,
    refused_pdb_count: usize,
    fine: usize,
    failing: Failing,
    /// What became of those that were run.
    runs: Tally,
}

/// Machines told apart; the field has room for more, and a hostile folder may use it.
const MACHINES: usize = 16;

/// Drivers of one kind: the first of them, and how many there are.
#[derive(Default)]
struct List {
    rows: Vec<ListRow>,
    count: usize,
}

struct ListRow {
    cells: Vec<Cell>,
    rules: String,
}

/// Drivers that are undecided for the same reasons.
struct Undecided {
    /// Which of the reasons was met first.
    order: usize,
    count: usize,
    /// The first few paths, each with what is known and what is not of its calls, if that is why.
    first: Vec<(String, Option<String>)>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(terminal: Terminal<'a>) -> Summary<'a> {
        Summary {
            terminal,
            targets: Targets::DEFAULT,
            refused: List::default(),
            elsewhere: BTreeMap::new(),
            objected: List::default(),
            load_open: false,
            undecided: HashMap::new(),
            undecided_otherwise: 0,
            malformed: Vec::new(),
            refused_pdbs: Vec::new(),
            refused_pdb_count: 0,
            fine: 0,
            failing: Failing::default(),
            runs: Tally::default(),
        }
    }

    fn keep_undecided(&mut self, examination: &Examination) {
        let whys = whys(&examination.verdict);
        let next = self.undecided.len();
        if next >= REASONS && !self.undecided.contains_key(&whys) {
            self.undecided_otherwise += 1;
            return;
        }
        let new = || Undecided { order: next, count: 0, first: Vec::new() };
        let group = self.undecided.entry(whys).or_insert_with(new);
        group.count += 1;
        if group.first.len() < NAMED {
            let particulars = coverage::unknown_calls(&examination.coverage.code);
            group.first.push((examination.path.clone(), particulars));
        }
    }

    fn list(&mut self, title: &str, list: List) -> io::Result<()> {
        if list.count == 0 {
            return Ok(());
        }
        let width = self.terminal.columns();
        let (rules, cells): (Vec<_>, Vec<_>) =
            list.rows.into_iter().map(|row| (row.rules, row.cells)).unzip();
        // The rules stand beside the row when that leaves it enough room, else below it.
        let longest = rules.iter().map(|rules| columns(rules) + 2).max().unwrap_or(0);
        let beside = width >= longest + ROOMY;
        let room = if beside { width - longest } else { width };
        let (shown, cells) = fitting(driver_columns(title), cells, room);
        let Grid { heading, rows, columns: used } = grid(&shown, &cells, room);
        for line in heading {
            self.terminal.line(line)?;
        }
        for (row, rules) in rows.into_iter().zip(&rules) {
            if beside {
                self.terminal.line(row.filled_to(used + 2).plain(rules))?;
            } else {
                self.terminal.line(row)?;
                self.terminal.wrapped(Line::indented(6), rules)?;
            }
        }
        self.more(list.count, SCREENFUL)?;
        self.terminal.blank()
    }

    fn more(&mut self, count: usize, shown: usize) -> io::Result<()> {
        if count <= shown {
            return Ok(());
        }
        let more = grouped(count - shown);
        self.terminal.line(Line::new().plain(format!("  … {more} more, with --format concise")))
    }

    /// Reasons, the commonest first, each with how many drivers it leaves undecided.
    fn undecided(&mut self) -> io::Result<()> {
        let mut groups: Vec<_> = std::mem::take(&mut self.undecided).into_iter().collect();
        if groups.is_empty() {
            return Ok(());
        }
        groups.sort_by_key(|(_, group)| (Reverse(group.count), group.order));
        let width = self.terminal.columns();
        let rest: usize = groups.iter().skip(FEW).map(|(_, group)| group.count).sum();
        let rest = rest + self.undecided_otherwise;
        groups.truncate(FEW);
        let number = columns("drivers");
        let mut lines = vec![(Line::new().colored(Meaning::Structure, "undecided"), None)];
        for (whys, group) in &groups {
            lines.extend(group.lines(whys, width - number - 2));
        }
        if rest > 0 {
            lines.push((
                Line::new().plain("  … for other reasons, with --format concise"),
                Some(rest),
            ));
        }
        let beside = lines.iter().filter(|(_, count)| count.is_some());
        let right = beside.map(|(line, _)| line.columns()).max().unwrap_or(0) + 2 + number;
        for (index, (line, count)) in lines.into_iter().enumerate() {
            let count = count.map(grouped).unwrap_or_default();
            let line = match index {
                0 => line.filled_to(right - number).colored(Meaning::Structure, "drivers"),
                _ if count.is_empty() => line,
                _ => line.filled_to(right.saturating_sub(columns(&count))).plain(count),
            };
            self.terminal.line(line)?;
        }
        self.terminal.blank()
    }

    fn elsewhere(&mut self) -> io::Result<()> {
        let machines = std::mem::take(&mut self.elsewhere);
        for line in elsewhere(machines, self.terminal.columns()) {
            self.terminal.line(line)?;
        }
        Ok(())
    }

    fn rules(&mut self, totals: &Totals) -> io::Result<()> {
        if totals.rules.is_empty() {
            return Ok(());
        }
        let mut rules: Vec<_> = totals.rules.iter().collect();
        rules.sort_by_key(|(_, tally)| Reverse((tally.errors > 0, tally.drivers)));
        let rows: Vec<Vec<Cell>> = rules
            .into_iter()
            .map(|(rule, tally)| {
                let numbers = [tally.drivers, tally.findings, tally.errors].map(grouped);
                std::iter::once((*rule).to_owned())
                    .chain(numbers)
                    .map(|text| (Meaning::Plain, text))
                    .collect()
            })
            .collect();
        let table = [
            Column::new("by rule", Kind::Text, 12),
            Column::new("drivers", Kind::Number, 0),
            Column::new("findings", Kind::Number, 0),
            Column::new("errors", Kind::Number, 0),
        ];
        let grid = grid(&table, &rows, self.terminal.columns());
        for row in grid.heading.into_iter().chain(grid.rows) {
            self.terminal.line(row)?;
        }
        self.terminal.blank()
    }

    fn not_examined(&mut self, closing: &Closing) -> io::Result<()> {
        let unread =
            closing.unread.iter().map(|unread| (unread.path.clone(), unread.reason.clone()));
        let title = format!("could not read {}", counted(closing.unread.len(), "file"));
        self.troubles(title, closing.unread.len(), unread.take(FEW).collect())?;
        let malformed = std::mem::take(&mut self.malformed);
        let title = counted(closing.totals.malformed, "driver");
        let title = format!("could not read all of {title}");
        self.troubles(title, closing.totals.malformed, malformed)?;
        let refused = std::mem::take(&mut self.refused_pdbs);
        let title = counted(self.refused_pdb_count, "PDB");
        let title = format!("could not use {title} for source lines");
        self.troubles(title, self.refused_pdb_count, refused)?;
        let faults = closing.faults.iter().map(|fault| {
            let reason = format!("{} failed: {}", fault.rule, fault.message);
            (fault.path.clone(), reason)
        });
        let title = counted(closing.faults.len(), "fault");
        let title = format!("{title} in ringfence itself; please report");
        self.troubles(title, closing.faults.len(), faults.take(FEW).collect())?;
        if closing.left_out.total() > 0 {
            let what = reasons_left_out(&closing.left_out).unwrap_or_default();
            let lead = format!("left out {}: ", counted(closing.left_out.total(), "file"));
            self.terminal.wrapped(Line::new(), &format!("{lead}{what}"))?;
            self.terminal.blank()?;
        }
        Ok(())
    }

    /// The first few of `count` troubles.
    fn troubles(
        &mut self,
        title: String,
        count: usize,
        troubles: Vec<(String, String)>,
    ) -> io::Result<()> {
        if troubles.is_empty() {
            return Ok(());
        }
        let width = self.terminal.columns();
        self.terminal.line(Line::new().colored(Answer::Unknown, title))?;
        for (path, reason) in &troubles {
            // The reason may be long too; the name gets what it leaves, but never less than half.
            let room = (width - 4).saturating_sub(columns(reason)).max(width / 2);
            let lead = Line::indented(2).plain(shortened_path(path, room)).plain(": ");
            for line in hanging(lead, reason, width) {
                self.terminal.line(line)?;
            }
        }
        self.more(count, FEW)?;
        self.terminal.blank()
    }

    fn keep_refused_pdb(&mut self, examination: &Examination) {
        if let Some(DebugSymbols::Refused { path, reason }) = &examination.symbols {
            self.refused_pdb_count += 1;
            if self.refused_pdbs.len() < FEW {
                self.refused_pdbs.push((path.clone(), reason.clone()));
            }
        }
    }

    fn keep_malformed(&mut self, examination: &Examination) {
        if let Some(first) = examination.defects.first().filter(|_| self.malformed.len() < FEW) {
            let more = match examination.defects.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            self.malformed.push((examination.path.clone(), format!("{}{more}", first.message)));
        }
    }
}

impl Sink for Summary<'_> {
    fn begin(&mut self, _: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.failing.count(examination, &self.terminal.options);
        self.runs.count(examination);
        self.keep_malformed(examination);
        self.keep_refused_pdb(examination);
        let answers = Question::ALL.map(|question| examination.verdict.answer(question));
        if !is_for_64_bit_windows(&examination.machine) && self.elsewhere.len() < MACHINES {
            *self.elsewhere.entry(examination.machine.clone()).or_default() += 1;
        } else if examination.verdict.load == Answer::No {
            self.refused.keep(examination);
        } else if answers.contains(&Answer::No) {
            self.load_open |= examination.verdict.load == Answer::Unknown;
            self.objected.keep(examination);
        } else if answers.contains(&Answer::Unknown) {
            self.keep_undecided(examination);
        } else {
            self.fine += 1;
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let refused = std::mem::take(&mut self.refused);
        self.list("does not load", refused)?;
        let objected = std::mem::take(&mut self.objected);
        let title =
            if self.load_open { "may load, but objected to" } else { "loads, but objected to" };
        self.list(title, objected)?;
        self.undecided()?;
        self.elsewhere()?;
        if self.fine > 0 {
            let all_yes = Line::new().colored(Answer::Yes, "load, run and certify yes");
            self.terminal.line(all_yes.plain(format!(": {}", counted(self.fine, "driver"))))?;
            self.terminal.blank()?;
        }
        self.rules(&closing.totals)?;
        self.not_examined(closing)?;
        if closing.totals.drivers > 0 {
            if let Some(runs) = self.runs.told() {
                self.terminal.folded(runs)?;
            }
            self.terminal.wrapped(Line::new(), &format!("asked about {}", self.targets))?;
        }
        for line in self.failing.lines(&self.terminal.options, self.terminal.columns()) {
            self.terminal.line(line)?;
        }
        self.terminal.last_line(scoreboard::scoreboard(closing, self.failing.excused))?;
        self.terminal.flush()
    }
}

/// A table of machines and how many drivers are for them, and a blank line; nothing where there are none.
pub(crate) fn elsewhere(machines: BTreeMap<String, usize>, width: usize) -> Vec<Line> {
    if machines.is_empty() {
        return Vec::new();
    }
    let rows: Vec<Vec<Cell>> = machines
        .into_iter()
        .map(|(machine, count)| [machine, grouped(count)].map(|text| (Meaning::Plain, text)).into())
        .collect();
    let table = [
        Column::new("does not load: not for 64-bit Windows", Kind::Text, 12),
        Column::new("drivers", Kind::Number, 0),
    ];
    let grid = grid(&table, &rows, width);
    grid.heading.into_iter().chain(grid.rows).chain([Line::new()]).collect()
}

impl List {
    fn keep(&mut self, examination: &Examination) {
        self.count += 1;
        if self.rows.len() < SCREENFUL {
            self.rows.push(ListRow { cells: cells(examination), rules: rules_of(examination) });
        }
    }
}

impl Undecided {
    /// The reasons in at most `width` columns, the first line with the count to stand beside it,
    /// then who, if few or if not even *load* is known.
    fn lines(&self, whys: &[Why], width: usize) -> Vec<(Line, Option<usize>)> {
        let mut lines = Vec::new();
        for why in whys {
            let indent = if lines.is_empty() { 2 } else { 4 };
            for line in hanging(Line::indented(indent).then(why.lead()), &why.text, width) {
                let count = lines.is_empty().then_some(self.count);
                lines.push((line, count));
            }
        }
        let load_open = whys.iter().any(|why| why.questions.contains(&Question::Load));
        if self.count <= NAMED || load_open {
            for (path, particulars) in &self.first {
                let path = Line::indented(6).plain(shortened_path(path, width - 6));
                lines.push((path, None));
                for line in particulars.iter().flat_map(|text| wrap(text, width - 8)) {
                    lines.push((Line::indented(8).plain(line), None));
                }
            }
            if self.count > NAMED {
                let more = grouped(self.count - NAMED);
                let text = format!("      … {more} more, with --format concise");
                lines.push((Line::new().plain(text), None));
            }
        }
        lines
    }
}

/// The columns without those that would cost a driver its name, or would tell next to nothing themselves: first the
/// company goes, then the version.
fn fitting(
    columns: [Column; 7],
    mut cells: Vec<Vec<Cell>>,
    width: usize,
) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let mut shown = Vec::from(columns);
    for index in [COMPANY, VERSION] {
        if is_roomy(&shown, &cells, width) {
            break;
        }
        shown.remove(index);
        cells.iter_mut().for_each(|cells| drop(cells.remove(index)));
    }
    (shown, cells)
}

fn driver_columns(title: &str) -> [Column; 7] {
    [
        Column::new(title, Kind::Path, 14),
        Column::new("version", Kind::Text, 12),
        Column::new("company", Kind::Text, 16),
        Column::new("load", Kind::Word, 0),
        Column::new("run", Kind::Word, 0),
        Column::new("certify", Kind::Word, 0),
        Column::new("findings", Kind::Number, 0),
    ]
}

fn cells(examination: &Examination) -> Vec<Cell> {
    let version = examination.properties.version.as_ref();
    let file = version.and_then(|version| version.file.clone());
    let company = version.and_then(|version| version.company.clone());
    let plain = |text: Option<String>| {
        let text = text.filter(|text| !text.is_empty());
        (Meaning::Plain, text.unwrap_or_else(|| "-".to_owned()))
    };
    let mut cells = vec![plain(Some(examination.path.clone())), plain(file), plain(company)];
    for question in Question::ALL {
        let answer = examination.verdict.answer(question);
        cells.push((answer.into(), answer.to_string()));
    }
    cells.push(plain(Some(grouped(examination.findings.len()))));
    cells
}

/// `executable-import-table ×8, writable-executable-section (note); 3 accepted`, the rules with errors first.
fn rules_of(examination: &Examination) -> String {
    let findings = &examination.findings;
    let mut rules: Vec<(&str, usize, Level)> = Vec::new();
    for Finding { rule, level, .. } in findings {
        // Each level by itself: what is a warning decides no answer, and is no part of its count.
        match rules.iter_mut().find(|(known, _, of)| known == rule && of == level) {
            Some((_, count, _)) => *count += 1,
            None => rules.push((rule, 1, *level)),
        }
    }
    rules.sort_by_key(|(.., level)| Reverse(*level));
    let rules: Vec<String> = rules
        .into_iter()
        .map(|(rule, count, level)| {
            let times = if count > 1 { format!(" ×{}", grouped(count)) } else { String::new() };
            // Listed beside errors it would pass for one.
            let aside = if level < Level::Error { format!(" ({level})") } else { String::new() };
            format!("{rule}{times}{aside}")
        })
        .collect();
    let excused = Excused::of(examination).told();
    std::iter::once(rules.join(", ")).chain(excused).collect::<Vec<_>>().join("; ")
}

/// `3 not PE images, 1 user mode`; none where nothing is left out.
pub(crate) fn reasons_left_out(left_out: &LeftOut) -> Option<String> {
    let kinds = [
        (left_out.not_pe, "not a PE image", "not PE images"),
        (left_out.user_mode, "user mode", "user mode"),
        (left_out.not_native, "of another subsystem", "of another subsystem"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| {
            format!("{} {}", grouped(count), if count == 1 { one } else { many })
        })
        .collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}
