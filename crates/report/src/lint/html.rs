//! One page for a browser: what was found in source, with its lines and what a fix makes of them.
//!
//! Everything is in the markup, so the page says all without a script too; the script only filters. Style and frame
//! are those of the page about drivers.

mod finding;

use super::excuse::level;
use super::full::at;
use super::scoreboard::{examined, idle};
use super::tally::Tally;
use super::{excuse, fix};
use crate::format::Options;
use crate::html::page::{Frame, published, write_cards, write_head, write_troubles};
use crate::layout::counted;
use crate::markup::text;
use finding::code_in;
use ringfence_finding::{LintReport, SourceFinding};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;

/// The whole style.
const STYLE: &str = concat!(
    include_str!("../html/page.css"),
    include_str!("../html/overview.css"),
    include_str!("../html/driver.css"),
    include_str!("../html/print.css"),
    include_str!("html/lint.css")
);

/// The whole script.
const SCRIPT: &str = include_str!("html/lint.js");

/// Beyond this, a browser lays findings out only when they come into view.
const MANY: usize = 50;

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let nav = match options.cards.is_empty() {
        true => "<a href=\"#main\">Findings</a>",
        false => "<a href=\"#main\">Findings</a> <a href=\"#rules\">Rules</a>",
    };
    let frame = Frame {
        title: "Memory integrity: driver source",
        brand: "driver source and memory integrity",
        nav,
        style: STYLE,
        script: SCRIPT,
    };
    write_head(out, &report.tool, &frame)?;
    let mut findings: Vec<&SourceFinding> = report.findings.iter().collect();
    findings.sort_by_key(|one| (one.excuse.is_some(), !one.fails(), Reverse(level(one))));
    let tally = Tally::of(report);
    writeln!(
        out,
        "<main id=\"main\" tabindex=\"-1\">\n<section id=\"overview\" aria-labelledby=\"overview-title\">\n\
         <h1 id=\"overview-title\">{}</h1>\n<p class=\"conclusion\">{}</p>\n\
         <p class=\"scope\">{} · asked about {}</p>",
        counted(findings.len(), "finding"),
        text(&conclusion(report, &tally, options)),
        text(&examined(&report.examined)),
        text(&report.targets.to_string()),
    )?;
    write_table(&findings, options, out)?;
    write_troubles(out, &report.faults, &report.unread)?;
    write_idle(report, out)?;
    out.write_all(b"</section>\n")?;
    write_findings(&findings, report, options, out)?;
    write_cards(out, &options.cards, published(options))?;
    let (name, version) = (text(report.tool.name), text(report.tool.version));
    let examined = examined(&report.examined);
    writeln!(out, "</main>\n<footer><p>{name} {version} · {}</p></footer>", text(&examined))?;
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")?;
    out.flush()
}

/// The whole report in a sentence or two.
fn conclusion(report: &LintReport, tally: &Tally, options: &Options) -> String {
    let failing = report.findings.iter().filter(|finding| finding.fails());
    let files: BTreeSet<&str> = failing.map(|finding| &*finding.path).collect();
    let (errors, files) = (counted(tally.errors, "error"), counted(files.len(), "file"));
    let lead = match (tally.errors, options.exit_zero) {
        (0, _) => "Nothing fails.".to_owned(),
        (_, true) => format!("{errors} in {files}, which fail nothing here."),
        (1, false) => format!("{errors} in {files} fails the check."),
        (_, false) => format!("{errors} in {files} fail the check."),
    };
    let fixes = tally.fixes().map(|fixes| format!(" {fixes}."));
    format!("{lead}{}", fixes.unwrap_or_default())
}

/// The table of all findings, worst first.
fn write_table(
    findings: &[&SourceFinding],
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<div id=\"filters\"></div>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"findings\">\n\
        <table class=\"still findings\"><thead><tr><th scope=\"col\">level</th><th scope=\"col\">place</th>\
        <th scope=\"col\">rule</th><th scope=\"col\">finding</th><th scope=\"col\">fix</th></tr></thead><tbody>\n",
    )?;
    for (index, finding) in findings.iter().enumerate() {
        let fix = fix::told(finding).unwrap_or_default();
        let state = finding.excuse.as_ref().map(excuse::told);
        let state = state.map(|told| format!("<small>{}</small>", text(&told)));
        writeln!(
            out,
            "<tr{}><td class=\"level {2}\">{2}</td><td><a href=\"#finding-{1}\">{3}</a></td><td>{4}</td>\
             <td>{5}{6}</td><td>{7}</td></tr>",
            keys(finding, index + 1),
            index + 1,
            level(finding),
            text(&at(&finding.mark)),
            rule_link(finding.rule, options),
            code_in(&finding.message),
            state.unwrap_or_default(),
            code_in(&fix),
        )?;
    }
    out.write_all(b"</tbody></table>\n</div>\n")
}

/// What the script filters a row by; it shows and hides the finding of that number with it.
fn keys(finding: &SourceFinding, number: usize) -> String {
    let state = match (&finding.excuse, finding.open) {
        (Some(_), _) => "excused",
        (None, true) => "open",
        (None, false) if finding.fails() => "fails",
        (None, false) => "other",
    };
    let fix = finding.fix.as_ref().map_or("none", |one| fix::safety(one.safety));
    format!(
        " data-of=\"finding-{number}\" data-level=\"{}\" data-rule=\"{}\" data-fix=\"{fix}\" data-state=\"{state}\"",
        level(finding),
        text(finding.rule),
    )
}

/// Where a rule is explained: published, on this page, or nowhere.
fn rule_link(rule: &str, options: &Options) -> String {
    let shown = text(rule);
    if let Some(docs) = published(options) {
        return format!("<a class=\"rule\" href=\"{}/rules/{shown}.html\">{shown}</a>", text(docs));
    }
    match options.cards.iter().any(|card| card.id == rule) {
        true => format!("<a class=\"rule\" href=\"#rule-{shown}\">{shown}</a>"),
        false => format!("<span class=\"rule\">{shown}</span>"),
    }
}

fn write_findings(
    findings: &[&SourceFinding],
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let many = if findings.len() > MANY { " class=\"many\"" } else { "" };
    writeln!(out, "<section id=\"details\"{many} aria-labelledby=\"details-title\">")?;
    out.write_all(b"<h2 id=\"details-title\">What was found</h2>\n")?;
    for (index, one) in findings.iter().enumerate() {
        finding::write(one, index + 1, report.targets, &rule_link(one.rule, options), out)?;
    }
    out.write_all(b"</section>\n")
}

fn write_idle(report: &LintReport, out: &mut dyn io::Write) -> io::Result<()> {
    if report.idle_suppressions.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section class=\"troubles\"><h2>Acceptances without use</h2><ul>\n")?;
    for one in &report.idle_suppressions {
        let place = format!("{}:{}", one.path, one.line);
        writeln!(out, "<li><code>{}</code>: {}</li>", text(&place), code_in(&idle(one)))?;
    }
    out.write_all(b"</ul></section>\n")
}

/// A page without its style and script and their digests, which are the same in every one.
#[cfg(test)]
pub(super) fn without_assets(page: &str) -> String {
    [STYLE, SCRIPT].iter().fold(page.to_owned(), |page, asset| {
        page.replace(asset, "…").replace(&crate::html::page::digest(asset), "sha256-…")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::lint::sample;
    use crate::safe::is_harmful;

    fn page(options: &Options) -> String {
        without_assets(&sample::written(Format::Html, &sample::report(), options))
    }

    #[test]
    fn each_finding_is_a_row_and_an_article() {
        let page = page(&sample::options());
        let count = sample::report().findings.len();
        assert_eq!(page.matches("<tr data-of=").count(), count);
        assert_eq!(page.matches("<article class=\"finding ").count(), count);
        for number in 1..=count {
            assert_eq!(page.matches(&format!("id=\"finding-{number}\"")).count(), 1);
            assert_eq!(page.matches(&format!("href=\"#finding-{number}\"")).count(), 1);
        }
        assert!(
            page.contains(">+    buffer = ExAllocatePoolWithTag(NonPagedPoolNx, size,"),
            "{page}"
        );
        assert!(page.contains("<mark class=\"primary\">NonPagedPool</mark>"), "{page}");
    }

    #[test]
    fn the_conclusion_says_what_fails() {
        let report = sample::clean(vec![sample::safe()]);
        let told = |options: &Options| conclusion(&report, &Tally::of(&report), options);
        let fix = "1 can be fixed with --fix.";
        assert_eq!(told(&Options::default()), format!("1 error in 1 file fails the check. {fix}"));
        let zero = Options { exit_zero: true, ..Options::default() };
        assert_eq!(told(&zero), format!("1 error in 1 file, which fail nothing here. {fix}"));
        let none = sample::clean(vec![]);
        assert_eq!(conclusion(&none, &Tally::of(&none), &zero), "Nothing fails.");
    }

    #[test]
    fn foreign_text_is_text() {
        let page = page(&Options::default());
        assert_eq!(page.chars().find(|&c| c != '\n' && is_harmful(c)), None);
        assert!(!page.contains("<img") && page.contains("&lt;img src=x&gt;"));
        assert_eq!(page.matches("</script>").count(), 1);
    }

    #[test]
    fn style_and_script_do_not_end_themselves() {
        for asset in [STYLE, SCRIPT] {
            assert!(!asset.is_empty() && !asset.contains("</") && !asset.contains("<!--"));
            assert!(asset.is_ascii());
        }
    }

    /// The page asks for nothing: what it names is elsewhere only where a reader follows a link.
    #[test]
    fn nothing_is_loaded() {
        let page = sample::written(Format::Html, &sample::report(), &sample::options());
        for loads in [" src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
            // The hostile sample's own words are text.
            assert!(!page.replace("&lt;img src=x&gt;", "").contains(loads), "{loads}");
        }
    }
}
