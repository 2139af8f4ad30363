//! A comparison in Markdown, short enough for a comment on a pull request.

use super::driver;
use crate::layout::{counted, shortened};
use crate::markdown::prose;
use ringfence_finding::{
    Change, ComparedFinding, Difference, DriverDifference, LoneDriver, Question,
};

/// By which a comment is found again, apart from that of a scan. Nobody sees it.
const MARKER: &str = "<!-- ringfence diff -->\n";

/// GitHub takes comments of 65,536 characters; behind this many bytes no driver is told any more.
const LONGEST: usize = 50_000;

/// Findings of one kind told of a driver, and columns of a piece of foreign text.
const MOST_FINDINGS: usize = 5;
const WIDEST: usize = 200;

/// A comparison in Markdown: what became worse, then what became better, then drivers of one side alone.
pub fn difference_markdown(difference: &Difference) -> String {
    let title = if difference.worse { "something became worse" } else { "nothing became worse" };
    let mut text = format!("{MARKER}### ringfence: {title}\n\n");
    text +=
        &format!("{} compared with {}: ", code(&difference.new.name), code(&difference.old.name));
    text += &format!("{}.\n", super::drivers(&difference.totals));
    for remark in &difference.remarks {
        text += &format!("\n> {remark}\n");
    }
    let rows: Vec<_> = [Change::Worse, Change::Better]
        .into_iter()
        .flat_map(|change| difference.drivers.iter().filter(move |driver| driver.change == change))
        .collect();
    if !rows.is_empty() {
        text += "\n| driver | | answers | findings |\n|---|---|---|---|\n";
        let untold = append(&mut text, &rows, |driver| row(driver));
        if untold > 0 {
            text += &format!("\n… {}\n", counted(untold, "more driver"));
        }
    }
    for (title, drivers) in [("New", &difference.added), ("Gone", &difference.gone)] {
        if !drivers.is_empty() {
            text += &format!("\n{title}:\n\n");
            let untold = append(&mut text, &super::worst_first(drivers), |driver| lone(driver));
            if untold > 0 {
                text += &format!("- … {}\n", counted(untold, "more driver"));
            }
        }
    }
    let troubles = difference.unread.len() + difference.faults.len();
    if troubles > 0 {
        text += &format!("\n{} could not be examined.\n", counted(troubles, "file"));
    }
    text
}

/// Tells as many as there is room for; returns how many there is none for.
fn append<T>(text: &mut String, all: &[T], told: impl Fn(&T) -> String) -> usize {
    for (index, one) in all.iter().enumerate() {
        if text.len() > LONGEST {
            return all.len() - index;
        }
        *text += &told(one);
    }
    0
}

fn row(driver: &DriverDifference) -> String {
    let answers: Vec<_> = driver
        .answers
        .iter()
        .map(|change| format!("{} {} → **{}**", change.question, change.old, change.new))
        .collect();
    let mut findings = listed("now", driver.regraded.iter().map(|one| &one.finding));
    findings.extend(listed("new", driver.new.iter()));
    findings.extend(listed("fixed", driver.fixed.iter()));
    findings.extend(listed("not examined any more:", driver.unseen.iter()));
    format!(
        "| {} | {} | {} | {} |\n",
        cell(&driver.path),
        driver.change,
        answers.join("<br>"),
        findings.join("<br>")
    )
}

fn listed<'f>(what: &str, findings: impl Iterator<Item = &'f ComparedFinding>) -> Vec<String> {
    let all: Vec<_> = findings.collect();
    let told = all.iter().take(MOST_FINDINGS).map(|finding| {
        let rule = cell(&finding.rule);
        let place = finding.rva.map(|rva| format!(" `+{rva:x}`")).unwrap_or_default();
        let text = prose::sentence(&driver::words(finding), WIDEST).replace('|', "\\|");
        format!("{what} {} {rule}{place}: {text}", finding.level)
    });
    let mut lines: Vec<_> = told.collect();
    if all.len() > MOST_FINDINGS {
        lines.push(format!("… {} more {what}", all.len() - MOST_FINDINGS));
    }
    lines
}

fn lone(driver: &LoneDriver) -> String {
    let answers = Question::ALL.map(|one| format!("{one} {}", driver.answer(one))).join(", ");
    let errors = match driver.errors.len() {
        0 => String::new(),
        count => format!("; {}", counted(count, "error")),
    };
    format!("- {}: {answers}{errors}\n", code(&driver.path))
}

/// As [`code`], for a table: its bars count in code too, so one in the text is escaped.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// Foreign text as code, in which nothing is markup: between more backticks than it holds in a row.
fn code(text: &str) -> String {
    let text = shortened(text, WIDEST);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space at each end is taken off again, and keeps backticks apart from the fence.
    let at_end = |c| matches!(c, '`' | ' ');
    let apart = text.is_empty() || text.starts_with(at_end) || text.ends_with(at_end);
    let space = if apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CommonMark 0.31, section 6.1, and the tables of GitHub Flavored Markdown.
    #[test]
    fn nothing_in_foreign_text_is_markup() {
        assert_eq!(code("a.sys"), "`a.sys`");
        assert_eq!(code("**a** <b>"), "`**a** <b>`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a|b\n# c"), "`a|b\\u{a}# c`");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert!(code(&"x".repeat(5_000)).len() < 300);
    }
}
