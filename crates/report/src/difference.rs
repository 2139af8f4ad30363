//! What is different between two sets of drivers: for people, for programs, and for a pull request.

mod driver;
mod markdown;

pub use markdown::difference_markdown;

use crate::format::Options;
use crate::grid::{Cell, Column, Kind, grid};
use crate::json::escaped;
use crate::layout::{counted, grouped};
use crate::scoreboard;
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::{
    Answer, Change, Compared, Difference, DifferenceTally, DriverDifference, LoneDriver, Question,
    Targets,
};
use std::cmp::Reverse;

impl From<Change> for Meaning {
    fn from(change: Change) -> Meaning {
        match change {
            Change::Worse => Meaning::Bad,
            Change::Better => Meaning::Good,
            Change::Changed => Meaning::Open,
            Change::Unchanged => Meaning::Plain,
        }
    }
}

/// Drivers told of each kind on a terminal; the rest is counted.
const SCREENFUL: usize = 20;

/// Where the rest is told.
const ELSEWHERE: &str = "told where this is piped, as to less";

/// A comparison as one JSON document, see `schemas/diff-v1.json`.
pub fn difference_json(difference: &Difference) -> String {
    // Plain data without maps cannot fail to be written.
    let text = serde_json::to_string_pretty(difference).unwrap_or_default();
    escaped(&text).into_owned() + "\n"
}

/// A comparison for people: what became worse, what became better, what else is different, and which drivers
/// are new or gone.
pub fn difference_text(difference: &Difference, options: &Options) -> String {
    let width = options.columns();
    let mut lines = heading(difference, width);
    for change in [Change::Worse, Change::Better, Change::Changed] {
        let all: Vec<_> =
            difference.drivers.iter().filter(|driver| driver.change == change).collect();
        lines.extend(blocks(&all, options));
    }
    lines.extend(lone("new", &difference.added, options));
    lines.extend(lone("gone", &difference.gone, options));
    let troubles = difference.faults.iter().map(scoreboard::fault);
    let troubles = troubles.chain(difference.unread.iter().map(scoreboard::unread));
    lines.extend(troubles.flat_map(|line| line.folded(width)));
    if !(difference.faults.is_empty() && difference.unread.is_empty()) {
        lines.push(Line::new());
    }
    lines.extend(hanging(Line::new(), &drivers(&difference.totals), width));
    if difference.totals.matched > 0 {
        lines.extend(hanging(Line::new(), &findings(&difference.totals), width));
    }
    lines.push(last_line(difference));
    lines.iter().map(|line| line.render(options.color) + "\n").collect()
}

fn heading(difference: &Difference, width: usize) -> Vec<Line> {
    let Difference { old, new, .. } = difference;
    let mut lines = Vec::new();
    for (name, side) in [("old  ", old), ("new  ", new)] {
        let lead = Line::new().colored(Meaning::Structure, name);
        lines.extend(hanging(lead, &side_text(side), width));
    }
    for remark in &difference.remarks {
        let lead = Line::new().colored(Meaning::Open, "note").plain(": ");
        lines.extend(hanging(lead, remark, width));
    }
    lines.push(Line::new());
    lines
}

/// `old.json, a report: 12 drivers, asked about Windows 10 1703 and later`.
fn side_text(side: &Compared) -> String {
    let report = if side.recorded { ", a report" } else { "" };
    let asked = side.targets.as_ref().map(|ids| format!(", asked about {}", targets(ids)));
    let drivers = counted(side.drivers, "driver");
    format!("{}{report}: {drivers}{}", side.name, asked.unwrap_or_default())
}

/// The Windows versions in words; ids that a later version of ringfence wrote stay as they are.
fn targets(ids: &[String]) -> String {
    let known: Result<Vec<_>, _> = ids.iter().map(|id| Targets::named(id)).collect();
    match known {
        Ok(known) => known.into_iter().fold(Targets::NONE, Targets::union).to_string(),
        Err(_) => ids.join(", "),
    }
}

/// How many of a list are told.
fn most(options: &Options, screenful: usize) -> usize {
    if options.terminal { screenful } else { usize::MAX }
}

fn blocks(drivers: &[&DriverDifference], options: &Options) -> Vec<Line> {
    let most = most(options, SCREENFUL);
    let told = drivers.iter().take(most);
    let mut lines: Vec<_> = told
        .flat_map(|driver| driver::lines(driver, options).into_iter().chain([Line::new()]))
        .collect();
    if let Some(first) = drivers.first().filter(|_| drivers.len() > most) {
        let untold = drivers.len() - most;
        let is = if untold == 1 { "is" } else { "are" };
        let more = counted(untold, "more driver");
        let more = format!("… {more} that {is} {}, {ELSEWHERE}", first.change);
        lines.extend([Line::new().plain(more), Line::new()]);
    }
    lines
}

/// Those with errors first, as they make a comparison fail, and of them what does not even load.
fn worst_first(drivers: &[LoneDriver]) -> Vec<&LoneDriver> {
    let mut sorted: Vec<_> = drivers.iter().collect();
    sorted.sort_by_key(|driver| {
        let answers = Question::ALL.map(|question| match driver.answer(question) {
            Answer::No => 2,
            Answer::Unknown => 1,
            Answer::Yes => 0,
        });
        Reverse((!driver.errors.is_empty(), answers, driver.errors.len()))
    });
    sorted
}

/// A table of the drivers of one side.
fn lone(title: &str, drivers: &[LoneDriver], options: &Options) -> Vec<Line> {
    if drivers.is_empty() {
        return Vec::new();
    }
    let most = most(options, SCREENFUL);
    let table = [
        Column::new(title, Kind::Path, 20),
        Column::new("load", Kind::Word, 0),
        Column::new("run", Kind::Word, 0),
        Column::new("certify", Kind::Word, 0),
        Column::new("errors", Kind::Text, 10),
    ];
    let row = |driver: &&LoneDriver| -> Vec<Cell> {
        let answers = Question::ALL.map(|question| {
            let answer = driver.answer(question);
            (answer.into(), answer.to_string())
        });
        let errors = (Meaning::Plain, errors(driver));
        std::iter::once((Meaning::Plain, driver.path.clone()))
            .chain(answers)
            .chain([errors])
            .collect()
    };
    let rows: Vec<_> = worst_first(drivers).iter().take(most).map(row).collect();
    let table = grid(&table, &rows, options.columns());
    let mut lines: Vec<_> = table.heading.into_iter().chain(table.rows).collect();
    if drivers.len() > most {
        let more = grouped(drivers.len() - most);
        lines.push(Line::indented(2).plain(format!("… {more} more, {ELSEWHERE}")));
    }
    lines.push(Line::new());
    lines
}

/// `executable-pool-type ×2, wrong-machine`
fn errors(driver: &LoneDriver) -> String {
    let mut rules: Vec<(&str, usize)> = Vec::new();
    for error in &driver.errors {
        match rules.iter_mut().find(|(rule, _)| *rule == error.rule) {
            Some((_, count)) => *count += 1,
            None => rules.push((&error.rule, 1)),
        }
    }
    let told = rules.into_iter().map(|(rule, count)| match count {
        1 => rule.to_owned(),
        many => format!("{rule} ×{}", grouped(many)),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// `12 drivers in both: 1 worse, 2 better, 3 changed otherwise, 6 unchanged; 1 new, 2 gone`.
fn drivers(totals: &DifferenceTally) -> String {
    let kinds = [
        (totals.worse, "worse"),
        (totals.better, "better"),
        (totals.changed, "changed otherwise"),
        (totals.unchanged, "unchanged"),
    ];
    let mut text = format!("{} in both", counted(totals.matched, "driver"));
    text += &list(": ", &kinds);
    text + &list("; ", &[(totals.added, "new"), (totals.gone, "gone")])
}

/// `findings in these: 3 new, 1 fixed, 40 unchanged`.
fn findings(totals: &DifferenceTally) -> String {
    let kinds = [
        (totals.new_findings, "new"),
        (totals.fixed_findings, "fixed"),
        (totals.unchanged_findings, "unchanged"),
    ];
    match list(": ", &kinds) {
        none if none.is_empty() => "no findings in these".to_owned(),
        some => format!("findings in these{some}"),
    }
}

fn list(before: &str, kinds: &[(usize, &str)]) -> String {
    let some = kinds.iter().filter(|(count, _)| *count > 0);
    let told: Vec<_> = some.map(|(count, kind)| format!("{} {kind}", grouped(*count))).collect();
    if told.is_empty() { String::new() } else { format!("{before}{}", told.join(", ")) }
}

/// Whether anything is worse, as the exit code says it.
fn last_line(difference: &Difference) -> Line {
    match difference.worse {
        true => Line::new().colored(Meaning::Bad, "something became worse"),
        false => Line::new().colored(Meaning::Good, "nothing became worse"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::columns;
    use crate::sample;
    use ringfence_finding::{
        AnswerChange, ComparedFinding, ComparedSection, ImportChange, Level, Regraded,
        SectionChange, Unread,
    };

    fn finding(rule: &str, level: Level, message: &str) -> ComparedFinding {
        ComparedFinding {
            rule: rule.to_owned(),
            level,
            fingerprint: "00f1e2d3c4b5a697:1".to_owned(),
            rva: Some(0x50af),
            function: None,
            message: message.to_owned(),
        }
    }

    const POOL: &str = "memory is requested from an executable pool: PoolType = NonPagedPool (0) \
        at ExAllocatePoolWithTag, by way of a function that passes it on";

    fn section(rights: &str, virtual_size: u32, raw_size: u32) -> Option<ComparedSection> {
        Some(ComparedSection { rights: rights.to_owned(), virtual_size, raw_size })
    }

    fn driver(path: &str, change: Change) -> DriverDifference {
        DriverDifference {
            path: path.to_owned(),
            old_path: path.to_owned(),
            change,
            same_file: Some(false),
            answers: vec![],
            new: vec![],
            fixed: vec![],
            unseen: vec![],
            regraded: vec![],
            unchanged: 2,
            sections: vec![],
            imports: vec![],
        }
    }

    fn worse(path: &str) -> DriverDifference {
        let named = ComparedFinding {
            function: Some("AcmeRead".to_owned()),
            ..finding("executable-pool-type", Level::Error, POOL)
        };
        let change =
            |question, old, new| AnswerChange { question, old, new, change: Change::Worse };
        let of_section = |name: &str, old, new| SectionChange { name: name.to_owned(), old, new };
        let import = |module: &str, old, new| ImportChange { module: module.to_owned(), old, new };
        DriverDifference {
            old_path: "x64/old/acmedisk.sys".to_owned(),
            answers: vec![
                change(Question::Run, Answer::Yes, Answer::Unknown),
                change(Question::Certify, Answer::Yes, Answer::No),
            ],
            new: vec![named; 10],
            fixed: vec![finding("always-executable-memory", Level::Warning, "MmMapIoSpace")],
            unseen: vec![],
            regraded: vec![Regraded {
                old: Level::Note,
                finding: finding("straddling-relocation", Level::Error, "one crosses a page"),
            }],
            sections: vec![
                of_section(".text", section("r-x", 0x1000, 0x1000), section("rwx", 0x1200, 0x1200)),
                of_section(".data", section("rw-", 0x100, 0x200), section("rw-", 0x100, 0x400)),
                of_section("HOOK", None, section("rwx", 16, 0x200)),
                of_section(".orpc", section("r--", 16, 0x200), None),
            ],
            imports: vec![
                import("hal.dll", 1, 0),
                import("netio.sys", 0, 3),
                import("ntoskrnl.exe", 143, 150),
            ],
            ..driver(path, Change::Worse)
        }
    }

    fn lone(path: &str, answer: Answer, errors: usize) -> LoneDriver {
        let error = finding("wrong-machine", Level::Error, "the driver is for 32-bit x86");
        let (path, errors) = (path.to_owned(), vec![error; errors]);
        LoneDriver { path, load: answer, run: Answer::Unknown, certify: answer, errors }
    }

    const HOSTILE: &str = "evil\u{1b}[2J\u{202e}|`` **x** <b>\n### y.sys";

    fn difference(drivers: Vec<DriverDifference>) -> Difference {
        let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
        let side = |name: &str, recorded, targets| Compared {
            name: name.to_owned(),
            recorded,
            targets,
            drivers: drivers.len() + 3,
        };
        let of = |change| drivers.iter().filter(|driver| driver.change == change).count();
        let totals = DifferenceTally {
            matched: drivers.len() + 2,
            worse: of(Change::Worse),
            better: of(Change::Better),
            changed: of(Change::Changed),
            unchanged: 2,
            added: 1,
            gone: 1,
            new_findings: drivers.iter().map(|driver| driver.new.len()).sum(),
            fixed_findings: drivers.iter().map(|driver| driver.fixed.len()).sum(),
            unchanged_findings: 1_204,
        };
        Difference {
            report_version: 1,
            tool: sample::TOOL,
            old: side("release/1.0.json", true, ids(&["win11-24h2", "win12-26h2"])),
            new: side("release/2.0", false, ids(&["win11-24h2"])),
            remarks: vec!["the sides were asked about different Windows versions".to_owned()],
            worse: totals.worse > 0,
            drivers,
            added: vec![lone("tools/acmex86.sys", Answer::No, 2)],
            gone: vec![lone("tools/old.sys", Answer::Yes, 0)],
            totals,
            unread: vec![Unread { path: "cut.sys".to_owned(), reason: "truncated".to_owned() }],
            faults: vec![],
        }
    }

    fn sample() -> Difference {
        let better = DriverDifference {
            answers: vec![AnswerChange {
                question: Question::Load,
                old: Answer::No,
                new: Answer::Yes,
                change: Change::Better,
            }],
            fixed: vec![finding("unaligned-section", Level::Error, "sections are unaligned")],
            unseen: vec![],
            ..driver("x64/acmenet.sys", Change::Better)
        };
        let changed =
            DriverDifference { imports: worse("").imports, ..driver(HOSTILE, Change::Changed) };
        difference(vec![better, changed, worse("x64/acmedisk.sys")])
    }

    fn at_width(width: usize) -> Options {
        Options { width, ..Options::default() }
    }

    #[test]
    fn a_comparison_is_told_on_a_terminal() {
        for width in [80, 120] {
            let text = difference_text(&sample(), &at_width(width));
            insta::assert_snapshot!(format!("difference-{width}"), text);
        }
        let options = Options { color: true, ..at_width(80) };
        let text = difference_text(&sample(), &options).replace('\u{1b}', "␛");
        insta::assert_snapshot!("difference-colours", text);
    }

    #[test]
    fn a_comparison_is_told_on_a_pull_request() {
        let mut sample = sample();
        sample.drivers.push(DriverDifference { path: HOSTILE.to_owned(), ..worse("") });
        insta::assert_snapshot!("difference-markdown", difference_markdown(&sample));
    }

    #[test]
    fn many_drivers_are_counted() {
        let many = difference((0..500).map(|number| worse(&format!("a{number}.sys"))).collect());
        let on_terminal = Options { terminal: true, ..at_width(80) };
        let text = difference_text(&many, &on_terminal);
        assert!(
            text.contains("… 480 more drivers that are worse, told where this is piped"),
            "{text}"
        );
        assert_eq!(text.matches(": worse\n").count(), SCREENFUL);
        let one = difference((0..21).map(|number| worse(&format!("a{number}.sys"))).collect());
        let text = difference_text(&one, &on_terminal);
        assert!(text.contains("… 1 more driver that is worse, "), "{text}");
        let whole = difference_text(&many, &at_width(80));
        assert_eq!(whole.matches(": worse\n").count(), 500);
        assert!(!whole.contains('…'), "{whole}");
        let markdown = difference_markdown(&many);
        assert!(markdown.chars().count() < 65_536, "{}", markdown.len());
        assert!(markdown.contains(" more drivers\n"), "{markdown}");
    }

    /// Those that make it fail are told before the list is cut.
    #[test]
    fn new_drivers_come_worst_first() {
        let mut many = sample();
        many.added =
            (0..30).map(|number| lone(&format!("a{number}.sys"), Answer::Yes, 0)).collect();
        many.added.push(lone("x.sys", Answer::Yes, 1));
        many.added.push(lone("z.sys", Answer::No, 1));
        let text = difference_text(&many, &Options { terminal: true, ..at_width(80) });
        let names: Vec<_> = text.lines().skip_while(|line| !line.ends_with("errors")).collect();
        let names: Vec<_> = names[1..4].iter().map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, [Some("z.sys"), Some("x.sys"), Some("a0.sys")], "{text}");
        assert!(text.contains("\n  … 12 more, told where this is piped"), "{text}");
        let markdown = difference_markdown(&many);
        assert!(markdown.contains("New:\n\n- `z.sys`"), "{markdown}");
    }

    #[test]
    fn that_nothing_is_different_is_told_too() {
        let nothing = Difference {
            remarks: vec![],
            unread: vec![],
            added: vec![],
            gone: vec![],
            ..difference(vec![])
        };
        let totals = DifferenceTally { matched: 2, unchanged: 2, ..DifferenceTally::default() };
        let text = difference_text(&Difference { totals, ..nothing }, &at_width(80));
        assert!(text.ends_with(
            "\n\n2 drivers in both: 2 unchanged\nno findings in these\nnothing became worse\n"
        ));
    }

    #[test]
    fn json_is_the_difference_and_steers_no_terminal() {
        let json = difference_json(&sample());
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed, serde_json::to_value(sample()).unwrap());
        assert!(!json.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn lines_fit_the_terminal_and_nothing_steers_it() {
        for width in (70..180).step_by(5) {
            for line in difference_text(&sample(), &at_width(width)).lines() {
                assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
                assert_eq!(crate::safe(line), line);
            }
        }
    }
}
