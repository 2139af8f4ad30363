//! Tables for many drivers: which, why not sure, what kind, what was not read; the last line adds up.
//!
//! Only a screenful of rows is kept of each list, so memory stays flat however many drivers come.

use crate::answers::{Why, whys};
use crate::grid::{Cell, Column, Grid, Kind, grid};
use crate::layout::{columns, counted, grouped, shortened_path};
use crate::style::{Line, Meaning, Terminal, hanging};
use crate::{Sink, scoreboard};
use ringfence_finding::{
    Answer, Closing, Examination, Finding, LeftOut, Level, Question, Targets, Tool, Totals,
};
use std::io;

/// Rows of a list.
const SCREENFUL: usize = 20;

/// Different reasons for being undecided that are told apart; what comes later is counted together.
const REASONS: usize = 32;

/// Reasons printed, and unread files.
const FEW: usize = 8;

/// Undecided drivers named under their reason, when there are no more than these.
const NAMED: usize = 5;

pub(crate) struct Summary<'a> {
    terminal: Terminal<'a>,
    targets: Targets,
    refused: List,
    objected: List,
    /// Whether some of `objected` may not even load.
    load_open: bool,
    undecided: Vec<Undecided>,
    undecided_otherwise: usize,
    fine: usize,
}

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
    whys: Vec<Why>,
    count: usize,
    /// The first few paths.
    paths: Vec<String>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(terminal: Terminal<'a>) -> Summary<'a> {
        Summary {
            terminal,
            targets: Targets::DEFAULT,
            refused: List::default(),
            objected: List::default(),
            load_open: false,
            undecided: Vec::new(),
            undecided_otherwise: 0,
            fine: 0,
        }
    }

    fn keep_undecided(&mut self, examination: &Examination) {
        let whys = whys(&examination.verdict);
        let known = self.undecided.iter().position(|group| group.whys == whys);
        let index = match known {
            Some(index) => index,
            None if self.undecided.len() < REASONS => {
                self.undecided.push(Undecided { whys, count: 0, paths: Vec::new() });
                self.undecided.len() - 1
            }
            None => {
                self.undecided_otherwise += 1;
                return;
            }
        };
        let group = &mut self.undecided[index];
        group.count += 1;
        if group.paths.len() < NAMED {
            group.paths.push(examination.path.clone());
        }
    }

    fn list(&mut self, title: &str, list: List) -> io::Result<()> {
        if list.count == 0 {
            return Ok(());
        }
        let width = self.terminal.columns();
        let (rules, cells): (Vec<_>, Vec<_>) =
            list.rows.into_iter().map(|row| (row.rules, row.cells)).unzip();
        let Grid { heading, rows, columns: used } = grid(&driver_columns(title), &cells, width);
        // The rules stand beside the row when there is room for all of them, else below it.
        let beside = rules.iter().all(|rules| used + 2 + columns(rules) <= width);
        self.terminal.line(heading)?;
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
        let mut groups = std::mem::take(&mut self.undecided);
        if groups.is_empty() {
            return Ok(());
        }
        // Stable: of two reasons as common, the one met first comes first.
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        let width = self.terminal.columns();
        let counts = groups.iter().map(|group| columns(&grouped(group.count)));
        let number = counts.max().unwrap_or(0).max(columns("drivers"));
        let heading = Line::new().colored(Meaning::Structure, "undecided");
        let heading = heading.filled_to(width - columns("drivers"));
        self.terminal.line(heading.colored(Meaning::Structure, "drivers"))?;
        let mut rest = self.undecided_otherwise;
        for (index, group) in groups.iter().enumerate() {
            if index >= FEW {
                rest += group.count;
                continue;
            }
            for line in group.lines(width, number) {
                self.terminal.line(line)?;
            }
        }
        if rest > 0 {
            let line = Line::new().plain("  … for other reasons, with --format concise");
            let line = line.filled_to(width - columns(&grouped(rest)));
            self.terminal.line(line.plain(grouped(rest)))?;
        }
        self.terminal.blank()
    }

    fn rules(&mut self, totals: &Totals) -> io::Result<()> {
        if totals.rules.is_empty() {
            return Ok(());
        }
        let mut rules: Vec<_> = totals.rules.iter().collect();
        rules.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.errors > 0, tally.drivers)));
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
        self.terminal.line(grid.heading)?;
        for row in grid.rows {
            self.terminal.line(row)?;
        }
        self.terminal.blank()
    }

    fn not_examined(&mut self, closing: &Closing) -> io::Result<()> {
        let unread = closing.unread.iter().map(|unread| (&unread.path, unread.reason.clone()));
        self.troubles("could not read", unread.collect())?;
        let faults = closing.faults.iter().map(|fault| {
            let reason = format!("{} failed: {}", fault.rule, fault.message);
            (&fault.path, reason)
        });
        self.troubles("failed in ringfence itself, please report", faults.collect())?;
        if closing.left_out.total() > 0 {
            self.terminal.wrapped(Line::new(), &left_out(&closing.left_out))?;
            self.terminal.blank()?;
        }
        Ok(())
    }

    fn troubles(&mut self, title: &str, troubles: Vec<(&String, String)>) -> io::Result<()> {
        if troubles.is_empty() {
            return Ok(());
        }
        let width = self.terminal.columns();
        let title = format!("{title} {}", counted(troubles.len(), "file"));
        self.terminal.line(Line::new().colored(Answer::Unknown, title))?;
        for (path, reason) in troubles.iter().take(FEW) {
            // The reason may be long too; the name gets what it leaves, but never less than half.
            let room = (width - 4).saturating_sub(columns(reason)).max(width / 2);
            let lead = Line::indented(2).plain(shortened_path(path, room)).plain(": ");
            for line in hanging(lead, reason, width) {
                self.terminal.line(line)?;
            }
        }
        self.more(troubles.len(), FEW)?;
        self.terminal.blank()
    }
}

impl Sink for Summary<'_> {
    fn begin(&mut self, _: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let answers = Question::ALL.map(|question| examination.verdict.answer(question));
        if examination.verdict.load == Answer::No {
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
        if self.fine > 0 {
            let all_yes = Line::new().colored(Answer::Yes, "load, run and certify yes");
            self.terminal.line(all_yes.plain(format!(": {}", counted(self.fine, "driver"))))?;
            self.terminal.blank()?;
        }
        self.rules(&closing.totals)?;
        self.not_examined(closing)?;
        self.terminal.wrapped(Line::new(), &format!("holds for {}", self.targets))?;
        self.terminal.line(scoreboard::scoreboard(closing))?;
        self.terminal.flush()
    }
}

impl List {
    fn keep(&mut self, examination: &Examination) {
        self.count += 1;
        if self.rows.len() < SCREENFUL {
            self.rows.push(ListRow {
                cells: cells(examination),
                rules: rules_of(&examination.findings),
            });
        }
    }
}

impl Undecided {
    /// `  run, certify unknown: machine code not examined          1 965`, and who, if few.
    fn lines(&self, width: usize, number: usize) -> Vec<Line> {
        let count = grouped(self.count);
        let mut lines = Vec::new();
        for why in &self.whys {
            let lead = Line::indented(2).then(why.lead());
            lines.extend(hanging(lead, &why.text, width - number - 2));
        }
        if let Some(first) = lines.first_mut() {
            *first = std::mem::take(first).filled_to(width - columns(&count)).plain(count);
        }
        if self.count <= NAMED {
            for path in &self.paths {
                lines.push(Line::indented(6).plain(shortened_path(path, width - 6)));
            }
        }
        lines
    }
}

fn driver_columns(title: &str) -> [Column; 7] {
    [
        Column::new(title, Kind::Path, 12),
        Column::new("version", Kind::Text, 7),
        Column::new("company", Kind::Text, 7),
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

/// `executable-import-table, writable-executable-section ×8`, the rules with errors first.
fn rules_of(findings: &[Finding]) -> String {
    let mut rules: Vec<(&str, usize, Level)> = Vec::new();
    for finding in findings {
        match rules.iter_mut().find(|(rule, ..)| *rule == finding.rule) {
            Some((_, count, level)) => {
                *count += 1;
                *level = finding.level.max(*level);
            }
            None => rules.push((finding.rule, 1, finding.level)),
        }
    }
    rules.sort_by_key(|(.., level)| std::cmp::Reverse(*level));
    let rules: Vec<String> = rules
        .into_iter()
        .map(|(rule, count, _)| match count {
            1 => rule.to_owned(),
            _ => format!("{rule} ×{}", grouped(count)),
        })
        .collect();
    rules.join(", ")
}

fn left_out(left_out: &LeftOut) -> String {
    let kinds = [
        (left_out.not_pe, "not PE images"),
        (left_out.user_mode, "user mode"),
        (left_out.not_native, "neither kernel nor user mode"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", grouped(count)))
        .collect();
    format!("left out {}: {}", counted(left_out.total(), "file"), kinds.join(", "))
}
