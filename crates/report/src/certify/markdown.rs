//! Certification in Markdown, short enough for a comment on a pull request: a table of what does not pass, and
//! what is counted, folded up.

use super::CertificationSink;
use super::block::number;
use crate::layout::{counted, grouped};
use crate::markdown::prose::{code, code_cell, html, sentence};
use crate::markdown::troubles;
use ringfence_finding::{
    Certification, Closing, Confidence, Counted, HLK_TEST, Objection, Outcome, OutcomeTally, Sku,
    Targets, Tool,
};
use std::io::{self, Write};

/// By which a comment is found again, apart from that of a scan. Nobody sees it.
const MARKER: &str = "<!-- ringfence certify -->\n";

/// GitHub takes 65,536 characters; counted are bytes, and troubles come on top.
const LONGEST: usize = 40_000;

/// Objections and reasons told of a driver.
const FEW: usize = 10;

/// Columns of a path, and of a sentence.
const PATH: usize = 200;
const SENTENCE: usize = 300;

pub(super) struct Markdown<'a> {
    out: Box<dyn Write + 'a>,
    asked: Option<(Sku, Targets)>,
    failing: List,
    undecided: List,
    totals: OutcomeTally,
}

/// The rows of drivers with one result, and what is below them, as many as there is room for.
#[derive(Default)]
struct List {
    rows: String,
    details: String,
    /// How many have a row.
    told: usize,
}

impl<'a> Markdown<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Markdown<'a> {
        let (failing, undecided) = (List::default(), List::default());
        Markdown { out, asked: None, failing, undecided, totals: OutcomeTally::default() }
    }

    fn heading(&self) -> String {
        let drivers = counted(self.totals.drivers, "driver");
        let told = match (self.totals.drivers, self.totals.fail) {
            (0, _) => "no drivers".to_owned(),
            (_, 0) => format!("none of {drivers} would fail"),
            (_, fail) => format!("{} of {drivers} would fail", grouped(fail)),
        };
        let mut text = format!("{MARKER}### ringfence certify: {told}\n\n{}", HLK_TEST.name);
        if let Some((sku, targets)) = self.asked {
            text += &format!(", {sku}. Asked about {targets}.");
        }
        text + " This is what the files prove; nothing was run.\n"
    }
}

impl CertificationSink for Markdown<'_> {
    fn begin(&mut self, _: &Tool, sku: Sku, targets: Targets) -> io::Result<()> {
        self.asked = Some((sku, targets));
        Ok(())
    }

    fn driver(&mut self, certification: Certification) -> io::Result<()> {
        self.totals.count(certification.result);
        match certification.result {
            Outcome::Pass => {}
            Outcome::Fail => self.failing.keep(&certification),
            Outcome::Undecided => self.undecided.keep(&certification),
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let mut text = self.heading();
        let lists = [&self.failing, &self.undecided];
        if lists.iter().any(|list| list.told > 0) {
            text += "\n| driver | result | counters |\n|---|---|---|\n";
        }
        // Those that fail come first and take what room they need.
        let mut untold = self.totals.fail + self.totals.undecided;
        let mut details = String::new();
        for list in lists {
            if text.len() + list.rows.len() <= LONGEST {
                text += &list.rows;
                untold -= list.told;
                details += &list.details;
            }
        }
        if untold > 0 {
            text += &format!("\n… {} more, with `--format json`\n", counted(untold, "driver"));
        }
        if self.totals.pass > 0 {
            text += &format!("\npass: {}\n", counted(self.totals.pass, "driver"));
        }
        if text.len() + details.len() <= LONGEST {
            text += &details;
        } else {
            text += "\nThe details are left out here; `--format text` has them.\n";
        }
        text += &troubles(closing);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl List {
    fn keep(&mut self, driver: &Certification) {
        let row = row(driver);
        if self.rows.len() + row.len() > LONGEST / 2 {
            return;
        }
        self.rows += &row;
        self.told += 1;
        // One too many bytes leave the details of all out, so no more than that need be kept.
        if self.details.len() <= LONGEST {
            self.details += &details(driver);
        }
    }
}

fn row(driver: &Certification) -> String {
    let sign = if driver.result == Outcome::Fail { "❌" } else { "❔" };
    let counters: Vec<String> = open_or_failing(driver).map(counter).collect();
    let path = code_cell(&driver.path, PATH);
    format!("| {path} | {sign} {} | {} |\n", driver.result, counters.join(", "))
}

/// `Execute Pool Type Count 2`.
fn counter(counted: &Counted) -> String {
    format!("{} {}", counted.counter, number(counted))
}

fn open_or_failing(driver: &Certification) -> impl Iterator<Item = &Counted> {
    driver.counters.iter().filter(|counted| counted.result != Outcome::Pass)
}

fn details(driver: &Certification) -> String {
    let path = html(&driver.path, PATH);
    let mut text =
        format!("\n<details>\n<summary><code>{path}</code>: {}</summary>\n\n", driver.result);
    for counted in open_or_failing(driver) {
        for one in counted.objections.iter().take(FEW) {
            text += &format!("- {}{}\n", counted.counter, objection(one));
        }
        if counted.objections.len() > FEW {
            let more = grouped(counted.objections.len() - FEW);
            text += &format!("- {}: … {more} more\n", counted.counter);
        }
    }
    for reason in driver.open.iter().take(FEW) {
        text += &format!("- not known: {}\n", sentence(reason, SENTENCE));
    }
    text + "\n</details>\n"
}

/// ` at `+50af` in `AcmeRead`: what is counted (likely)`.
fn objection(one: &Objection) -> String {
    let place = one.rva.map(|rva| format!(" at `+{rva:x}`")).unwrap_or_default();
    let function = one.function.as_ref().map(|name| format!(" in {}", code(name, PATH)));
    let doubt = if one.confidence == Confidence::Likely { " (likely)" } else { "" };
    let what = sentence(&one.message, SENTENCE);
    format!("{place}{}: {what}{doubt}", function.unwrap_or_default())
}
