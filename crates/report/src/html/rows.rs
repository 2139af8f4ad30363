//! The table of all drivers: as data for the script, and as it stands where no script runs.
//!
//! Both are kept until the end, where they are written: some hundred bytes a driver.

use super::embed;
use crate::answers::whys;
use crate::layout::{counted, file_name, grouped};
use crate::markup::text;
use ringfence_finding::{Answer, Closing, Examination, Level, Question, Tally};
use serde::Serialize;
use std::io;

/// What is remembered of each driver.
#[derive(Default)]
pub(super) struct Rows {
    /// JSON arrays, with commas between.
    data: String,
    /// Rows of the table that is shown without a script.
    still: String,
    /// The rules that fired, in the order of their first finding.
    rules: Vec<&'static str>,
    count: usize,
}

/// One driver: id, folder, name (escapes hold a backslash too, so the script could not cut), version, company, machine, answers, then number of the rule, findings and gravest level
/// of each rule that fired.
#[derive(Serialize)]
struct Row<'a>(
    &'a str,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
    [u8; 3],
    Vec<(usize, usize, u8)>,
);

impl Rows {
    pub(super) fn add(&mut self, id: &str, examination: &Examination) -> io::Result<()> {
        let version = examination.properties.version.as_ref();
        let file = version.and_then(|version| version.file.as_deref());
        let company = version.and_then(|version| version.company.as_deref());
        let answers = Question::ALL.map(|question| match examination.verdict.answer(question) {
            Answer::No => 0,
            Answer::Unknown => 1,
            Answer::Yes => 2,
        });
        let name = file_name(&examination.path);
        let folder = &examination.path[..examination.path.len() - name.len()];
        let rules = self.rules_of(examination);
        if self.count > 0 {
            self.data.push_str(",\n");
        }
        self.count += 1;
        self.data += &embed::json_text(&Row(
            id,
            folder,
            name,
            file,
            company.map(str::trim).filter(|company| !company.is_empty()),
            &examination.machine,
            answers,
            rules,
        ))?;
        self.still += &still_row(id, examination, file, company);
        Ok(())
    }

    /// Each rule that fired, by its number, with its findings and the gravest of their levels.
    fn rules_of(&mut self, examination: &Examination) -> Vec<(usize, usize, u8)> {
        let mut told: Vec<(usize, usize, u8)> = Vec::new();
        for finding in &examination.findings {
            let known = self.rules.iter().position(|rule| *rule == finding.rule);
            let number = known.unwrap_or_else(|| {
                self.rules.push(finding.rule);
                self.rules.len() - 1
            });
            let level = match finding.level {
                Level::Note => 0,
                Level::Warning => 1,
                Level::Error => 2,
            };
            match told.iter_mut().find(|(rule, ..)| *rule == number) {
                Some((_, findings, gravest)) => {
                    *findings += 1;
                    *gravest = level.max(*gravest);
                }
                None => told.push((number, 1, level)),
            }
        }
        told
    }

    /// JSON: `"rules":[…],"rows":[…]`, the inside of an object.
    pub(super) fn write_data(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(b"\"rules\":")?;
        embed::json(out, &self.rules)?;
        write!(out, ",\"rows\":[{}]", self.data)
    }

    /// What a reader without scripts gets.
    pub(super) fn write_still(&self, out: &mut dyn io::Write, closing: &Closing) -> io::Result<()> {
        let totals = &closing.totals;
        out.write_all(b"<noscript>\n<p class=\"notice\">Scripts are switched off, so there is no page for each \
            driver, no search and no chart. Everything below holds.</p>\n\
            <table class=\"still\"><caption>Answers</caption><thead><tr><th>question</th><th>yes</th><th>no</th>\
            <th>unknown</th></tr></thead><tbody>\n")?;
        for question in Question::ALL {
            let Tally { yes, no, unknown } = totals.tally(question);
            let counts = [yes, no, unknown].map(|count| format!("<td>{}</td>", grouped(count)));
            writeln!(out, "<tr><th>{question}</th>{}</tr>", counts.concat())?;
        }
        out.write_all(b"</tbody></table>\n")?;
        if self.count > 0 {
            let count = counted(self.count, "driver");
            write!(
                out,
                "<table class=\"still\"><caption>{count}</caption><thead><tr><th>driver</th><th>version</th>\
                 <th>company</th><th>machine</th><th>load</th><th>run</th><th>certify</th><th>findings, and why an \
                 answer is not yes</th></tr></thead><tbody>\n{}</tbody></table>\n",
                self.still
            )?;
        }
        out.write_all(b"</noscript>\n")
    }
}

fn still_row(
    id: &str,
    examination: &Examination,
    file: Option<&str>,
    company: Option<&str>,
) -> String {
    let path = &examination.path;
    let mut row = format!(
        "<tr id=\"driver-{id}\"><th>{}<small>{}</small></th>",
        text(file_name(path)),
        text(path)
    );
    for cell in [file, company, Some(&examination.machine)] {
        row += &format!("<td>{}</td>", text(cell.unwrap_or_default()));
    }
    for question in Question::ALL {
        let answer = examination.verdict.answer(question);
        row += &format!("<td class=\"{answer}\">{answer}</td>");
    }
    row.push_str("<td><ul>");
    for why in whys(&examination.verdict) {
        let (asked, answer) = (why.asked(), why.answer);
        row += &format!("<li>{asked} {answer}: {}</li>", text(&why.text));
    }
    for finding in examination.findings.iter().take(FINDINGS) {
        let (level, rule) = (finding.level, finding.rule);
        row += &format!("<li>{level}[{rule}]: {}</li>", text(&finding.message));
    }
    let more = examination.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        row += &format!("<li>{} more findings</li>", grouped(more));
    }
    row + "</ul></td></tr>\n"
}

/// Findings of one driver that are told where no script runs.
const FINDINGS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn data(rows: &Rows) -> serde_json::Value {
        let mut out = Vec::new();
        rows.write_data(&mut out).unwrap();
        serde_json::from_str(&format!("{{{}}}", String::from_utf8(out).unwrap())).unwrap()
    }

    #[test]
    fn a_row_has_answers_and_rules_as_numbers() {
        let mut rows = Rows::default();
        rows.add("a-1", &sample::certify_only("x/a.sys")).unwrap();
        rows.add("b-2", &sample::writable_executable("b.sys")).unwrap();
        assert_eq!(
            data(&rows),
            serde_json::json!({
                "rules": ["executable-import-table", "writable-executable-section", "straddling-relocation"],
                "rows": [
                    ["a-1", "x/", "a.sys", null, null, "x64", [2, 1, 0], [[0, 8, 2]]],
                    ["b-2", "", "b.sys", "2.1.0.0", "Acme Storage Inc.", "x64", [0, 1, 0], [[1, 1, 2], [2, 1, 0]]],
                ],
            })
        );
    }

    #[test]
    fn without_a_script_there_is_a_table() {
        let drivers = sample::all();
        let mut rows = Rows::default();
        for (index, driver) in drivers[..6].iter().enumerate() {
            rows.add(&index.to_string(), driver).unwrap();
        }
        let mut out = Vec::new();
        rows.write_still(&mut out, &sample::closing(&drivers[..6])).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
