//! SARIF 2.1.0 of findings in source, with exact regions and with fixes that viewers apply.
//!
//! What holds for drivers holds here too: no more than GitHub takes, the gravest first, suppressed what the user
//! knows about. Lines and columns are those of the text, in UTF-16 code units.

mod notice;
mod result;
#[cfg(test)]
mod tests;

use super::tally::Tally;
use crate::format::Options;
use crate::sarif::kept::{Grade, Kept, LeftOut};
use crate::sarif::model::{self, Invocation, ToolComponent};
use crate::sarif::rules::Rules;
use crate::sarif::{bases, begin, member, tell_results};
use crate::uri::Uris;
use ringfence_finding::LintReport;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

pub(super) fn write(report: &LintReport, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut rules = Rules::new(options);
    let mut uris = Uris::new(options.root.as_deref());
    let mut results = Kept::default();
    for finding in &report.findings {
        let grade = Grade {
            level: super::excuse::level(finding),
            confidence: finding.confidence,
            excuse: finding.excuse.clone(),
        };
        results.add(grade, || result::of(finding, &mut rules, &mut uris))?;
    }
    // Notices follow the bases that their paths are relative to.
    let unread = report.unread.iter().map(|unread| &unread.path);
    let faults = report.faults.iter().map(|fault| &fault.path);
    for path in unread.chain(faults).chain(report.idle_suppressions.iter().map(|one| &one.path)) {
        uris.scanned(path);
    }
    let mut out = begin(Box::new(out), results.bytes())?;
    head(report, &rules, &uris, options, &mut out)?;
    let left_out = tell_results(&mut out, results)?;
    tail(report, left_out, &rules, &mut uris, &mut out)?;
    out.write_all(b"}]}\n")?;
    out.flush()
}

fn head(
    report: &LintReport,
    rules: &Rules,
    uris: &Uris,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let driver = ToolComponent {
        name: report.tool.name,
        version: report.tool.version,
        semantic_version: report.tool.version,
        information_uri: options.docs.as_deref(),
        rules: rules.described(),
        notifications: notice::described(),
    };
    member(out, "tool", &model::Tool { driver })?;
    out.write_all(b",\n")?;
    member(out, "originalUriBaseIds", &bases(uris))?;
    out.write_all(b",\n\"columnKind\":\"utf16CodeUnits\",\n")
}

fn tail(
    report: &LintReport,
    left_out: LeftOut,
    rules: &Rules,
    uris: &mut Uris,
    out: &mut impl Write,
) -> io::Result<()> {
    let invocation = Invocation {
        execution_successful: report.unread.is_empty() && report.faults.is_empty(),
        tool_execution_notifications: notice::all(report, left_out, rules, uris),
    };
    member(out, "invocations", &[invocation])?;
    out.write_all(b",\n")?;
    member(out, "properties", &totals(report))
}

/// What the whole check comes to.
fn totals(report: &LintReport) -> BTreeMap<&'static str, Value> {
    let tally = Tally::of(report);
    BTreeMap::from([
        ("examined", json!(report.examined)),
        ("errors", json!(tally.errors)),
        ("warnings", json!(tally.warnings)),
        ("notes", json!(tally.notes)),
        ("targets", json!(report.targets)),
    ])
}
