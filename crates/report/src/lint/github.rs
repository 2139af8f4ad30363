//! Workflow commands of GitHub Actions, which annotate lines: `::error file=…,line=…,col=…,title=…::message`.
//!
//! GitHub shows the first 10 annotations of each level for a step, so what fails comes first. Notes, and what is
//! excused, are for nobody to act on and would take the places of what is: they are counted.

use super::excuse::weighed;
use super::fix;
use super::full::{at, doubt};
use super::scoreboard::{counts, idle};
use super::tally::Tally;
use crate::format::Options;
use crate::github::{LEVELS, List, command, data, property};
use crate::idle::told;
use crate::layout::counted;
use crate::uri::Uris;
use ringfence_finding::{Level, LintReport, Region, SourceFinding};
use std::io;

/// Places beside its own that are told of a finding.
const PLACES: usize = 4;

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let uris = Uris::new(options.root.as_deref());
    // What is not below the root GitHub cannot show; then the path is what a person has to go by.
    let file = |path: &str| uris.below(path).unwrap_or_else(|| path.to_owned());
    let mut lists: [List; 2] = Default::default();
    let mut keep = |level: Level, weight: usize, line: String| {
        if let Some(index) = LEVELS.iter().position(|known| *known == level) {
            lists[index].keep(weight, line);
        }
    };
    for finding in &report.findings {
        let level = weighed(finding, options);
        let place = format!("{}{}", property(&file(&finding.path)), place(finding.mark.region));
        let line = annotation(level, &place, finding.rule, &text(finding));
        keep(level, usize::from(finding.fails()), line);
    }
    for one in &report.idle_suppressions {
        let place = format!("{},line={}", property(&file(&one.path)), one.line);
        let line = annotation(Level::Warning, &place, "acceptance", &[idle(one)]);
        keep(Level::Warning, 0, line);
    }
    for (place, text) in told(&report.acceptances) {
        let (path, line) = place.rsplit_once(':').unwrap_or((place, "1"));
        let place = format!("{},line={}", property(&file(path)), property(line));
        keep(Level::Warning, 0, annotation(Level::Warning, &place, "acceptance", &[text]));
    }
    // What was not examined at all is graver than any finding.
    for fault in &report.faults {
        let text = format!("ringfence failed here, please report it: {}", fault.message);
        let title = format!("fault in {}", fault.rule);
        let line = annotation(Level::Error, &property(&file(&fault.path)), &title, &[text]);
        keep(Level::Error, usize::MAX, line);
    }
    for unread in &report.unread {
        let place = property(&file(&unread.path));
        let text = [unread.reason.clone()];
        keep(Level::Error, usize::MAX, annotation(Level::Error, &place, "could not read", &text));
    }
    for (list, level) in lists.iter().zip(LEVELS) {
        for line in list.lines.values().cloned().chain(list.beyond(level)) {
            writeln!(out, "{line}")?;
        }
    }
    let tally = Tally::of(report);
    if let Some(told) = unannotated(&tally) {
        writeln!(out, "{told}")?;
    }
    writeln!(out, "{}", counts(report, &tally).render(false))?;
    out.flush()
}

/// `,line=57,col=31,endLine=57,endColumn=43`. GitHub takes columns only where all is in one line.
fn place(region: Region) -> String {
    let Region { line, column, end_line, end_column } = region;
    match (line, column) {
        (0, _) => String::new(),
        (_, column) if column > 0 && line == end_line && end_column >= column => {
            format!(",line={line},col={column},endLine={line},endColumn={end_column}")
        }
        _ => format!(",line={line},endLine={}", end_line.max(line)),
    }
}

/// What stands in the annotation, a paragraph each.
fn text(finding: &SourceFinding) -> Vec<String> {
    let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    let mut text = vec![format!("{}{doubt}", finding.message)];
    text.extend(Some(&finding.mark.text).filter(|text| !text.is_empty()).cloned());
    let related = finding.related.iter().filter(|mark| !mark.text.is_empty()).take(PLACES);
    text.extend(related.map(|mark| format!("{}: {}", at(mark), mark.text)));
    text.extend(finding.help.iter().map(|help| format!("help: {help}")));
    text.extend(fix::told(finding).map(|fix| format!("fix: {fix}")));
    text
}

fn annotation(level: Level, place: &str, title: &str, text: &[String]) -> String {
    // Not one of these pieces has a line break of its own.
    let text: Vec<String> = text.iter().map(|text| data(text)).collect();
    format!("::{} file={place},title={}::{}", command(level), property(title), text.join("%0A"))
}

/// `not annotated: 3 notes, 2 accepted; --format concise lists notes`.
fn unannotated(tally: &Tally) -> Option<String> {
    let notes = (tally.notes > 0).then(|| counted(tally.notes, "note"));
    let kinds: Vec<String> = notes.into_iter().chain(tally.excused.told()).collect();
    (!kinds.is_empty())
        .then(|| format!("not annotated: {}; --format json lists them", kinds.join(", ")))
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};
    use ringfence_finding::Region;

    fn lines(options: &Options) -> Vec<String> {
        let text = sample::written(Format::Github, &sample::report(), options);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_fails_is_annotated_where_it_stands() {
        let lines = lines(&Options::default());
        // Unread files and faults first.
        assert!(
            lines[..3]
                .iter()
                .all(|line| line.starts_with("::error file=src/odd.c,title=fault in ")
                    || line.contains(",title=could not read::"))
        );
        let begins = "::error file=src/pool.c,line=57,col=36,endLine=57,endColumn=48,\
                      title=executable-pool-type::memory is requested from an executable pool%0Aexecutable%0A";
        assert!(lines[3].starts_with(begins), "{}", lines[3]);
        assert!(lines[3].ends_with("%0Afix: pass `NonPagedPoolNx` (safe)"), "{}", lines[3]);
        let told =
            "not annotated: 2 notes, 2 accepted, 1 in the baseline; --format json lists them";
        assert!(lines.contains(&told.to_owned()), "{lines:#?}");
        let commands = lines.iter().filter(|line| line.starts_with("::"));
        assert_eq!(commands.count(), lines.len() - 2);
    }

    #[test]
    fn paths_are_from_the_root() {
        let mut report = sample::clean(vec![sample::safe()]);
        report.findings[0].path = "/home/me/repo/src/a:b,c.c".to_owned();
        let options = Options { root: Some("/home/me/repo".to_owned()), ..Options::default() };
        let text = sample::written(Format::Github, &report, &options);
        assert!(text.starts_with("::error file=src/a%3Ab%2Cc.c,line=57,"), "{text}");
    }

    /// "Annotations only support start_column and end_column on the same line" is what GitHub's API says.
    #[test]
    fn columns_are_told_within_a_line_only() {
        for (region, told) in [
            ((3, 2, 3, 9), ",line=3,col=2,endLine=3,endColumn=9"),
            ((3, 2, 4, 9), ",line=3,endLine=4"),
            ((3, 0, 3, 0), ",line=3,endLine=3"),
            ((3, 0, 0, 0), ",line=3,endLine=3"),
            ((0, 0, 0, 0), ""),
        ] {
            let (line, column, end_line, end_column) = region;
            assert_eq!(super::place(Region { line, column, end_line, end_column }), told);
        }
    }

    #[test]
    fn with_exit_zero_no_finding_is_an_error() {
        let lines = lines(&Options { exit_zero: true, ..Options::default() });
        let errors = lines.iter().filter(|line| line.starts_with("::error"));
        assert_eq!(errors.count(), 3);
    }
}
