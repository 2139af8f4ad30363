//! Compares what `ringfence lint` says with what `corpus/source.toml` expects.

use super::expectations::{Answer, Call, SourcePackage};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many lines below the name of a DDI a finding about the call may stand: at the argument that decides.
const REACH: u32 = 12;

/// One finding, as far as it is compared: a JSON line of `ringfence lint`.
#[derive(Debug, Deserialize)]
pub struct Finding {
    path: String,
    line: u32,
    rule: String,
    level: String,
    open: bool,
    ddi: Option<String>,
    message: String,
    #[serde(default)]
    related: Vec<Mark>,
    excuse: Option<Value>,
}

/// A further place of a finding.
#[derive(Debug, Deserialize)]
struct Mark {
    path: String,
    region: Region,
}

#[derive(Debug, Deserialize)]
struct Region {
    line: u32,
}

/// One difference, a row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub place: String,
    pub ddi: String,
    pub expected: String,
    pub got: String,
}

/// What came of one package.
#[derive(Debug, Default)]
pub struct Outcome {
    pub differences: Vec<Difference>,
    /// How many calls are expected to get each answer, and how many of them do get a right one.
    pub calls: BTreeMap<Answer, (usize, usize)>,
    /// Findings in files that are not covered.
    pub elsewhere: usize,
}

/// Reads the JSON lines of `ringfence lint`. Lines that are no finding are passed over.
pub fn findings(text: &str) -> Result<Vec<Finding>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut findings = Vec::new();
    for (number, line) in lines {
        let wrong = || format!("line {} of the lint is no finding: {line}", number + 1);
        let value: Value = serde_json::from_str(line).with_context(wrong)?;
        if value.get("rule").is_some() {
            let mut finding: Finding = serde_json::from_value(value).with_context(wrong)?;
            finding.path = plain(&finding.path);
            for mark in &mut finding.related {
                mark.path = plain(&mark.path);
            }
            findings.push(finding);
        }
    }
    Ok(findings)
}

/// A path as the expectations write it.
fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
}

/// What is said of one call.
enum Said<'a> {
    Nothing,
    Unknown,
    Violation { rule: &'a str, excused: bool },
}

impl Said<'_> {
    /// The gravest of `findings`. A note is about what is no violation.
    fn by<'a>(findings: &[&'a Finding]) -> Said<'a> {
        match findings.iter().find(|finding| !finding.open && finding.level != "note") {
            Some(f) => Said::Violation { rule: &f.rule, excused: f.excuse.is_some() },
            None if findings.iter().any(|finding| finding.open) => Said::Unknown,
            None => Said::Nothing,
        }
    }

    fn is(&self, answer: Answer, call: &Call) -> bool {
        match (answer, self) {
            (Answer::Violation, Said::Violation { rule, excused }) => {
                call.rule.as_deref() == Some(*rule) && call.suppressed == *excused
            }
            // What the source suppresses need not be told at all.
            (Answer::Violation, Said::Nothing) => call.suppressed,
            (Answer::Unknown, Said::Unknown) => true,
            (Answer::Fine | Answer::NotCompiled | Answer::NoCall, Said::Nothing) => true,
            _ => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Said::Nothing => "nothing".to_owned(),
            Said::Unknown => "unknown".to_owned(),
            Said::Violation { rule, excused: false } => format!("violation: {rule}"),
            Said::Violation { rule, excused: true } => format!("violation: {rule}, excused"),
        }
    }
}

/// Compares all of `findings` with what is expected of `package`.
pub fn compare(package: &SourcePackage, findings: &[Finding]) -> Result<Outcome> {
    let sites: Vec<_> = package
        .calls
        .iter()
        .flat_map(|call| call.lines.iter().map(move |line| Site { call, line: *line }))
        .collect();
    let mut of_site = vec![Vec::new(); sites.len()];
    let mut outcome = Outcome::default();
    for finding in findings {
        let owners = owners(finding, &sites);
        for &owner in &owners {
            of_site[owner].push(finding);
        }
        if owners.is_empty() && !package.covers(&finding.path)? {
            outcome.elsewhere += 1;
        } else if owners.is_empty() && (finding.open || finding.level != "note") {
            outcome.differences.push(Difference {
                place: format!("{}:{}", finding.path, finding.line),
                ddi: finding.ddi.clone().unwrap_or_default(),
                expected: "nothing".to_owned(),
                got: format!("{}: {}", Said::by(&[finding]).text(), finding.message),
            });
        }
    }
    for (site, findings) in sites.iter().zip(&of_site) {
        let said = Said::by(findings);
        let right = site.call.answers().any(|answer| said.is(answer, site.call));
        let (all, good) = outcome.calls.entry(site.call.answer).or_default();
        *all += 1;
        *good += usize::from(right);
        if !right {
            outcome.differences.push(site.difference(&said));
        }
    }
    Ok(outcome)
}

/// One line of one expectation.
struct Site<'a> {
    call: &'a Call,
    line: u32,
}

impl Site<'_> {
    fn difference(&self, said: &Said<'_>) -> Difference {
        let rule = self.call.rule.as_deref().map(|rule| format!(": {rule}")).unwrap_or_default();
        let suppressed = if self.call.suppressed { ", excused" } else { "" };
        let answers: Vec<_> = self.call.answers().map(|answer| answer.to_string()).collect();
        Difference {
            place: format!("{}:{}", self.call.path, self.line),
            ddi: self.call.ddi.clone(),
            expected: answers.join(" or ") + &rule + suppressed,
            got: said.text(),
        }
    }
}

/// The calls that a finding is about: the last one of its DDI at or a few lines above it, else above what led to
/// it; or, where it stands at the definition of a macro, all of its uses.
fn owners(finding: &Finding, sites: &[Site<'_>]) -> Vec<usize> {
    let Some(ddi) = &finding.ddi else { return Vec::new() };
    let places = || {
        let marks = finding.related.iter().map(|mark| (mark.path.as_str(), mark.region.line));
        std::iter::once((finding.path.as_str(), finding.line)).chain(marks)
    };
    let near = |from: u32, line: u32| (from..=from + REACH).contains(&line);
    let calls = || {
        let of_ddi = sites.iter().enumerate().filter(|(_, site)| site.call.ddi == *ddi);
        of_ddi.filter(|(_, site)| site.call.defines.is_none())
    };
    for (path, line) in places() {
        let above = calls().filter(|(_, site)| site.call.path == path && near(site.line, line));
        if let Some((owner, _)) = above.max_by_key(|(_, site)| site.line) {
            return vec![owner];
        }
    }
    let via = |site: &Site<'_>| {
        let at = |(path, line): (&str, u32)| {
            site.call.via.iter().any(|via| via.path == path && near(via.line, line))
        };
        places().any(at)
    };
    calls().filter(|(_, site)| via(site)).map(|(owner, _)| owner).collect()
}

/// The differences as a table with a heading.
pub fn table(differences: &[Difference]) -> String {
    let row = |d: &Difference| [d.place.clone(), d.ddi.clone(), d.expected.clone(), d.got.clone()];
    let heading = ["place", "DDI", "expected", "got"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(differences.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (place, ddi, expected) = (width(0), width(1), width(2));
    let line = |row: &[String; 4]| {
        format!("{:place$}  {:ddi$}  {:expected$}  {}\n", row[0], row[1], row[2], row[3])
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, BTreeMap, SourcePackage, compare, findings};
    use ringfence_finding::{Level, Region, SourceFinding, SourceMark};

    const POOL: &str = "executable-pool-type";

    fn package() -> SourcePackage {
        let text = format!(
            "registry = 'crates'\nname = 'a'\nversion = '1'\nfile = 'a'\nsha256 = ''\n\
             licence = 'MIT'\nroot = 'a'\nnote = 'made up'\ncovered = ['sys/*']\n\
             [[call]]\npath = 'sys/a.c'\nlines = [10, 14]\nddi = 'ExAllocatePool'\n\
             answer = 'violation'\nrule = '{POOL}'\nreason = 'made up'\n\
             [[call]]\npath = 'sys/a.c'\nlines = [40]\nddi = 'ExAllocatePool'\n\
             answer = 'unknown'\nor = ['fine']\nreason = 'made up'\n\
             [[call]]\npath = 'sys/a.h'\nlines = [3]\nddi = 'MmMapIoSpace'\ndefines = 'MAP'\n\
             answer = 'no-call'\nreason = 'made up'\n\
             [[call]]\npath = 'sys/a.c'\nlines = [50, 70]\nddi = 'MmMapIoSpace'\n\
             written = 'MAP'\nvia = ['sys/a.h:3']\nanswer = 'fine'\nreason = 'made up'\n"
        );
        toml::from_str(&text).unwrap()
    }

    fn line(place: &str, ddi: &str, more: &str) -> String {
        let (path, line) = place.split_once(':').unwrap();
        let defaults = [
            ("rule", format!("\"{POOL}\"")),
            ("level", "\"error\"".to_owned()),
            ("open", "false".to_owned()),
        ];
        let rest: String = defaults
            .iter()
            .filter(|(key, _)| !more.contains(&format!("\"{key}\"")))
            .map(|(key, value)| format!(", \"{key}\": {value}"))
            .collect();
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        format!(
            "{{\"path\": \"{path}\", \"line\": {line}, \"column\": 5, \"ddi\": \"{ddi}\", \
             \"message\": \"made up\"{rest}{more}}}\n"
        )
    }

    /// What an analysis without fault says of `package`.
    fn right() -> String {
        line("./sys/a.c:10", "ExAllocatePool", "") + &line("sys\\\\a.c:16", "ExAllocatePool", "")
    }

    fn differences(package: &SourcePackage, told: &str) -> Vec<[String; 3]> {
        let outcome = compare(package, &findings(told).unwrap()).unwrap();
        outcome.differences.into_iter().map(|d| [d.place, d.expected, d.got]).collect()
    }

    fn row(place: &str, expected: &str, got: &str) -> [String; 3] {
        [place, expected, got].map(str::to_owned)
    }

    #[test]
    fn a_finding_belongs_to_the_last_call_above_it_and_all_are_counted() {
        let told = "{\"summary\": {}}\n\n".to_owned() + &right();
        let outcome = compare(&package(), &findings(&told).unwrap()).unwrap();
        assert_eq!(outcome.differences, []);
        let counts = [
            (Answer::Violation, (2, 2)),
            (Answer::Fine, (2, 2)),
            (Answer::Unknown, (1, 1)),
            (Answer::NoCall, (1, 1)),
        ];
        assert_eq!(outcome.calls, BTreeMap::from(counts));
    }

    #[test]
    fn what_is_missed_left_open_or_reported_by_another_rule_is_told() {
        let violation = "violation: executable-pool-type";
        let first = line("sys/a.c:10", "ExAllocatePool", "");
        assert_eq!(differences(&package(), &first), [row("sys/a.c:14", violation, "nothing")]);
        let open = first.clone() + &line("sys/a.c:14", "ExAllocatePool", "\"open\": true");
        assert_eq!(differences(&package(), &open), [row("sys/a.c:14", violation, "unknown")]);
        let other = first + &line("sys/a.c:14", "ExAllocatePool", "\"rule\": \"executable-heap\"");
        assert_eq!(
            differences(&package(), &other),
            [row("sys/a.c:14", violation, "violation: executable-heap")]
        );
    }

    #[test]
    fn a_false_alarm_is_told_wherever_it_stands() {
        let alarm = right() + &line("sys/a.c:40", "ExAllocatePool", "");
        let got = "violation: executable-pool-type";
        assert_eq!(differences(&package(), &alarm), [row("sys/a.c:40", "unknown or fine", got)]);
        // Too far below any call, of another DDI than is expected there, and of no DDI at all.
        for (place, ddi) in [("sys/a.c:30", "ExAllocatePool"), ("sys/a.c:10", "MmMapIoSpace")] {
            let told = right() + &line(place, ddi, "");
            let unexpected = row(place, "nothing", "violation: executable-pool-type: made up");
            assert_eq!(differences(&package(), &told), [unexpected]);
        }
        let none = line("sys/a.c:10", "", "").replace("\"ddi\": \"\", ", "");
        assert_eq!(differences(&package(), &(right() + &none)).len(), 1);
    }

    #[test]
    fn a_finding_at_a_macro_is_one_at_each_use_unless_it_names_the_use() {
        let at_macro = right() + &line("sys/a.h:3", "MmMapIoSpace", "");
        let places: Vec<_> =
            differences(&package(), &at_macro).into_iter().map(|[place, ..]| place).collect();
        assert_eq!(places, ["sys/a.c:50", "sys/a.c:70"]);
        let use_of = "\"related\": [{\"path\": \"sys/a.c\", \"region\": {\"line\": 70}}]";
        let told = right() + &line("sys/a.h:3", "MmMapIoSpace", use_of);
        assert_eq!(differences(&package(), &told)[0][0], "sys/a.c:70");
        assert_eq!(differences(&package(), &told).len(), 1);
    }

    #[test]
    fn notes_and_files_that_are_not_covered_make_no_difference() {
        let note = right() + &line("sys/a.c:50", "MmMapIoSpace", "\"level\": \"note\"");
        assert_eq!(differences(&package(), &note), [] as [[String; 3]; 0]);
        let told = right() + &line("user/a.c:1", "ExAllocatePool", "");
        let outcome = compare(&package(), &findings(&told).unwrap()).unwrap();
        assert_eq!((outcome.differences.len(), outcome.elsewhere), (0, 1));
    }

    #[test]
    fn what_the_source_suppresses_is_excused_or_not_told() {
        let mut package = package();
        package.calls[0].suppressed = true;
        let excused = "\"excuse\": {\"by\": \"source\", \"reason\": \"\", \"line\": 9}";
        let told = line("sys/a.c:10", "ExAllocatePool", excused);
        assert_eq!(differences(&package, &told), [] as [[String; 3]; 0]);
        assert_eq!(
            differences(&package, &right())[0],
            row(
                "sys/a.c:10",
                "violation: executable-pool-type, excused",
                "violation: executable-pool-type"
            )
        );
        package.calls[0].suppressed = false;
        assert_eq!(differences(&package, &told)[0][2], "violation: executable-pool-type, excused");
    }

    #[test]
    fn what_ringfence_writes_is_read() {
        let card = ringfence::rule_cards().find(|card| card.id == POOL).unwrap();
        let region = Region { line: 14, column: 8, end_line: 14, end_column: 20 };
        let mark = |path: &str| SourceMark {
            path: path.to_owned(),
            region,
            text: String::new(),
            lines: Vec::new(),
        };
        let finding = SourceFinding::new(card, Level::Error, "made up", mark("sys/a.c"))
            .about("ExAllocatePool", None)
            .related([mark("sys/b.c")]);
        let told = serde_json::to_string(&finding).unwrap();
        let [read] = &findings(&told).unwrap()[..] else { panic!("one finding") };
        assert_eq!((&*read.path, read.line, &*read.rule), ("sys/a.c", 14, POOL));
        assert_eq!((&*read.level, read.open, read.excuse.is_none()), ("error", false, true));
        assert_eq!(
            (read.ddi.as_deref(), read.related[0].region.line),
            (Some("ExAllocatePool"), 14)
        );
    }

    #[test]
    fn a_broken_line_is_an_error() {
        assert!(findings("{\"path\": ").is_err());
        assert!(findings("{\"rule\": \"executable-pool-type\"}").is_err());
    }
}
