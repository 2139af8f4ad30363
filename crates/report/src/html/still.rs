//! The table of all drivers as it stands where no script runs.

use crate::answers::whys;
use crate::layout::{counted, file_name, grouped};
use crate::markup::text;
use ringfence_finding::{Answer, Closing, Examination, Question, Tally};
use std::io;

/// Findings of one driver that are told.
const FINDINGS: usize = 10;

/// Rows, kept until the end.
#[derive(Default)]
pub(super) struct Still {
    rows: String,
    count: usize,
    /// Drivers that each question is not put to, as they do not load.
    not_reached: [usize; 3],
}

impl Still {
    pub(super) fn add(
        &mut self,
        id: &str,
        examination: &Examination,
        file: Option<&str>,
        company: Option<&str>,
    ) {
        self.count += 1;
        for (question, count) in Question::ALL.into_iter().zip(&mut self.not_reached) {
            *count += usize::from(examination.verdict.is_not_reached(question));
        }
        self.rows += &row(id, examination, file, company);
    }

    pub(super) fn write(&self, out: &mut dyn io::Write, closing: &Closing) -> io::Result<()> {
        out.write_all(b"<noscript>\n<p class=\"notice\">Scripts are switched off, so there is no page for each \
            driver, no search and no chart. Everything below holds.</p>\n\
            <table class=\"still\"><caption>Answers</caption><thead><tr><th>question</th><th>yes</th><th>no</th>\
            <th>unknown</th><th>not reached, as it does not load</th></tr></thead><tbody>\n")?;
        for (question, not_reached) in Question::ALL.into_iter().zip(self.not_reached) {
            let Tally { yes, no, unknown } = closing.totals.tally(question);
            let counts = [yes, no, unknown.saturating_sub(not_reached), not_reached];
            let counts = counts.map(|count| format!("<td>{}</td>", grouped(count)));
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
                self.rows
            )?;
        }
        out.write_all(b"</noscript>\n")
    }
}

fn row(id: &str, examination: &Examination, file: Option<&str>, company: Option<&str>) -> String {
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
        row += &match examination.verdict.answer(question) {
            Answer::Unknown if examination.verdict.is_not_reached(question) => {
                "<td>not reached</td>".to_owned()
            }
            answer => format!("<td class=\"{answer}\">{answer}</td>"),
        };
    }
    row.push_str("<td><ul>");
    for why in whys(&examination.verdict) {
        let (asked, answer) = (why.asked(), why.answer);
        row += &format!("<li>{asked} {answer}: {}</li>", text(&why.text));
    }
    for finding in examination.findings.iter().take(FINDINGS) {
        let (level, rule) = (finding.level, finding.rule);
        let excuse = finding.excuse.as_ref().map(crate::excuse::told);
        let excuse = excuse.map(|told| format!(" ({})", text(&told))).unwrap_or_default();
        row += &format!("<li>{level}[{rule}]: {}{excuse}</li>", text(&finding.message));
    }
    let more = examination.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        row += &format!("<li>{} more findings</li>", grouped(more));
    }
    row + "</ul></td></tr>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn without_a_script_there_is_a_table() {
        let mut drivers = sample::all();
        drivers.truncate(6);
        drivers.push(sample::excused_and_new().remove(0));
        let mut still = Still::default();
        for (index, driver) in drivers.iter().enumerate() {
            let version = driver.properties.version.as_ref();
            let file = version.and_then(|version| version.file.as_deref());
            let company = version.and_then(|version| version.company.as_deref());
            still.add(&index.to_string(), driver, file, company);
        }
        let mut out = Vec::new();
        still.write(&mut out, &sample::closing(&drivers)).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
