//! The table of all drivers, as data for the script.
//!
//! It is kept until the end, where it is written: some hundred bytes a driver.

use super::conclusion::Kinds;
use super::embed;
use super::still::Still;
use crate::excuse::Excused;
use crate::layout::file_name;
use ringfence_finding::{Answer, Examination, Excuse, Level, Question};
use serde::Serialize;
use std::io;

/// What is remembered of each driver.
#[derive(Default)]
pub(super) struct Rows {
    /// JSON arrays, with commas between.
    data: String,
    /// The same where no script runs.
    pub(super) still: Still,
    /// The rules that fired, in the order of their first finding.
    rules: Vec<&'static str>,
    pub(super) kinds: Kinds,
    pub(super) excused: Excused,
}

/// One driver: id, folder, name (escapes hold a backslash too, so the script could not cut), version, company,
/// machine, answers, the rules that fired, and the numbers of the questions whose answer fails nothing.
#[derive(Serialize)]
struct Row<'a>(
    &'a str,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
    [u8; 3],
    Vec<Fired>,
    Vec<usize>,
);

/// A rule that fired: its number, findings, the gravest of their levels, and how many of them are accepted and in
/// the baseline.
#[derive(Serialize)]
struct Fired(
    usize,
    usize,
    u8,
    #[serde(skip_serializing_if = "Option::is_none")] Option<[usize; 2]>,
);

impl Rows {
    pub(super) fn add(&mut self, id: &str, examination: &Examination) -> io::Result<()> {
        let version = examination.properties.version.as_ref();
        let file = version.and_then(|version| version.file.as_deref());
        let company = version.and_then(|version| version.company.as_deref());
        let name = file_name(&examination.path);
        let folder = &examination.path[..examination.path.len() - name.len()];
        let rules = self.rules_of(examination);
        if !self.data.is_empty() {
            self.data.push_str(",\n");
        }
        let excused = Question::ALL.iter().enumerate();
        let excused = excused.filter(|(_, question)| examination.excused.contains(question));
        self.data += &embed::json_text(&Row(
            id,
            folder,
            name,
            file,
            company.map(str::trim).filter(|company| !company.is_empty()),
            &examination.machine,
            Question::ALL.map(|question| answer(examination, question)),
            rules,
            excused.map(|(number, _)| number).collect(),
        ))?;
        self.still.add(id, examination, file, company);
        self.kinds.count(examination);
        self.excused.count(examination);
        Ok(())
    }

    /// Each rule that fired, by its number.
    fn rules_of(&mut self, examination: &Examination) -> Vec<Fired> {
        let mut told: Vec<Fired> = Vec::new();
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
            let index = told.iter().position(|fired| fired.0 == number).unwrap_or_else(|| {
                told.push(Fired(number, 0, level, None));
                told.len() - 1
            });
            let fired = &mut told[index];
            fired.1 += 1;
            fired.2 = level.max(fired.2);
            if let Some(excuse) = &finding.excuse {
                let kind = usize::from(*excuse == Excuse::Baseline);
                fired.3.get_or_insert_default()[kind] += 1;
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
}

/// The number of an answer in `ANSWERS` of the script: no, unknown, not reached, yes.
fn answer(examination: &Examination, question: Question) -> u8 {
    match examination.verdict.answer(question) {
        Answer::No => 0,
        Answer::Unknown if !examination.verdict.is_not_reached(question) => 1,
        Answer::Unknown => 2,
        Answer::Yes => 3,
    }
}

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
                    ["a-1", "x/", "a.sys", null, null, "x64", [3, 1, 0], [[0, 8, 2]], []],
                    ["b-2", "", "b.sys", "2.1.0.0", "Acme Storage Inc.", "x64", [0, 2, 0], [[1, 1, 2], [2, 1, 0]], []],
                ],
            })
        );
    }

    #[test]
    fn a_row_has_what_is_excused() {
        let mut rows = Rows::default();
        rows.add("known", &sample::excused_and_new()[0]).unwrap();
        let data = data(&rows);
        assert_eq!(data["rows"][0][7], serde_json::json!([[0, 8, 2, [1, 1]]]));
        assert_eq!(data["rows"][0][8], serde_json::json!([2]));
        assert_eq!(rows.excused.told().unwrap(), "1 accepted, 1 in the baseline");
    }
}
