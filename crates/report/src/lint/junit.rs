//! JUnit XML, as Jenkins' schema has it: a file is a test case, and what fails in it a failure.
//!
//! What fails nothing stands in the output of its test case. Where nothing was found there is one test case that
//! passed, as servers take a report without any for a mistake.

use super::excuse::{level, weighed};
use super::full::{at, quoted};
use super::scoreboard::{examined, idle};
use crate::format::Options;
use crate::safe::safe;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use ringfence_finding::{Level, LintReport, SourceFinding};
use std::io;

/// What the suite and the class of all its test cases are called.
const SUITE: &str = "ringfence.lint";

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let cases = cases(report, options)?;
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", report.tool.name));
    xml.write_event(Event::Start(root))?;
    let count = |element| {
        let bad = |case: &&Case| case.outcomes.iter().any(|outcome| outcome.element == element);
        cases.iter().filter(bad).count().to_string()
    };
    let mut suite = BytesStart::new("testsuite");
    suite.push_attribute(("name", SUITE));
    suite.push_attribute(("tests", &*cases.len().to_string()));
    suite.push_attribute(("failures", &*count("failure")));
    suite.push_attribute(("errors", &*count("error")));
    suite.push_attribute(("skipped", "0"));
    xml.write_event(Event::Start(suite))?;
    for case in &cases {
        case.write(&mut xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    let out = xml.get_mut();
    out.write_all(b"\n")?;
    out.flush()
}

/// What was found in one file.
struct Case {
    name: String,
    outcomes: Vec<Outcome>,
    /// What fails nothing, a line each.
    output: String,
}

/// What makes a test case fail.
struct Outcome {
    element: &'static str,
    kind: String,
    message: String,
    body: String,
}

impl Case {
    fn new(path: &str) -> Case {
        Case { name: path.to_owned(), outcomes: Vec::new(), output: String::new() }
    }

    fn line(&mut self, line: &str) {
        self.output += &safe(line);
        self.output.push('\n');
    }

    fn write(&self, xml: &mut Writer<&mut dyn io::Write>) -> io::Result<()> {
        let name = safe(&self.name);
        let mut start = BytesStart::new("testcase");
        start.push_attribute(("name", &*name));
        start.push_attribute(("classname", SUITE));
        if self.outcomes.is_empty() && self.output.is_empty() {
            return xml.write_event(Event::Empty(start));
        }
        xml.write_event(Event::Start(start))?;
        for outcome in &self.outcomes {
            let element = xml.create_element(outcome.element);
            let element = element.with_attribute(("type", &*outcome.kind));
            let element = element.with_attribute(("message", &*safe(&outcome.message)));
            match outcome.body.is_empty() {
                true => element.write_empty()?,
                false => element.write_text_content(BytesText::new(&outcome.body))?,
            };
        }
        if !self.output.is_empty() {
            xml.create_element("system-out").write_text_content(BytesText::new(&self.output))?;
        }
        xml.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

/// A case a file, in the order in which the report comes to them.
fn cases(report: &LintReport, options: &Options) -> io::Result<Vec<Case>> {
    let mut cases = Cases::default();
    for finding in report.findings.iter().filter(|finding| finding.excuse.is_none()) {
        let case = cases.of(&finding.path);
        match weighed(finding, options) {
            Level::Error => case.outcomes.push(failure(finding, report)?),
            Level::Warning | Level::Note => {
                let told = format!("{}[{}]: {}", level(finding), finding.rule, finding.message);
                case.line(&format!("{}: {told}", at(&finding.mark)));
            }
        }
    }
    for one in &report.idle_suppressions {
        cases.of(&one.path).line(&format!("{}:{}: warning: {}", one.path, one.line, idle(one)));
    }
    for unread in &report.unread {
        cases.of(&unread.path).outcomes.push(error("unread", &unread.reason));
    }
    for fault in &report.faults {
        let message = format!("ringfence failed here, please report it: {}", fault.message);
        cases.of(&fault.path).outcomes.push(error(fault.rule, &message));
    }
    if cases.list.is_empty() {
        cases.of(&format!("no findings: {}", examined(&report.examined)));
    }
    Ok(cases.list)
}

/// Cases with the number of each file's.
#[derive(Default)]
struct Cases {
    list: Vec<Case>,
    numbers: std::collections::HashMap<String, usize>,
}

impl Cases {
    fn of(&mut self, path: &str) -> &mut Case {
        let next = self.list.len();
        let number = *self.numbers.entry(path.to_owned()).or_insert(next);
        if number == next {
            self.list.push(Case::new(path));
        }
        &mut self.list[number]
    }
}

fn failure(finding: &SourceFinding, report: &LintReport) -> io::Result<Outcome> {
    Ok(Outcome {
        element: "failure",
        kind: finding.rule.to_owned(),
        message: format!("{}: {}", at(&finding.mark), finding.message),
        body: quoted([finding], report.targets)?.trim_end().to_owned(),
    })
}

fn error(kind: &str, message: &str) -> Outcome {
    let (kind, message) = (kind.to_owned(), message.to_owned());
    Outcome { element: "error", kind, message, body: String::new() }
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};
    use ringfence_finding::LintReport;
    use std::collections::BTreeMap;

    /// Elements by the name of their test case, as another program reads them.
    fn read(report: &LintReport, options: &Options) -> BTreeMap<String, Vec<String>> {
        let text = sample::written(Format::Junit, report, options);
        let document = roxmltree::Document::parse(&text).unwrap();
        let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let told = cases.map(|case| {
            let elements = case.children().filter(roxmltree::Node::is_element);
            let elements = elements.map(|element| {
                let kind = element.attribute("type").unwrap_or_default();
                format!("{} {kind}", element.tag_name().name())
            });
            (case.attribute("name").unwrap().to_owned(), elements.collect())
        });
        told.collect()
    }

    #[test]
    fn a_file_is_a_test_case() {
        let cases = read(&sample::report(), &Options::default());
        assert_eq!(cases["src/pool.c"], ["failure executable-pool-type"; 2]);
        assert_eq!(cases["src/net/queue.c"], ["failure executable-pool-type", "system-out "]);
        assert_eq!(cases["src/old.c"], ["system-out "]);
        assert_eq!(cases["src/gone.c"], ["error unread"]);
        assert_eq!(cases["src/odd.c"], ["error unaligned-section"]);
        assert!(!cases.contains_key("src/jit.c"), "all that is in it is excused");
        let zero = Options { exit_zero: true, ..Options::default() };
        let failures = read(&sample::report(), &zero);
        assert!(failures.values().flatten().all(|told| !told.starts_with("failure")));
    }

    #[test]
    fn where_nothing_is_found_something_passed() {
        let cases = read(&sample::clean(vec![]), &Options::default());
        let name = "no findings: 12 files (5 parsed), 31 calls of DDIs, all known";
        assert_eq!(cases.into_iter().collect::<Vec<_>>(), [(name.to_owned(), vec![])]);
    }
}
