//! JUnit XML, as Jenkins' schema has it and GitLab, Azure DevOps and others read it.
//!
//! A driver is a test suite, a question a test case. Written suite by suite, so the document's root has no
//! sums; readers make their own. The library for JUnit reports holds all of one in memory, and brings dates
//! and UUIDs; the XML writer below it is enough.

#[cfg(test)]
mod tests;

use crate::answers::{because, open_because};
use crate::full::{at, quoted};
use crate::layout::{counted, grouped};
use crate::safe::safe;
use crate::{Options, Sink, excuse};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use ringfence_finding::{
    Answer, Closing, Defect, Examination, Finding, Question, Reason, Targets, Tool,
};
use std::io::{self, Write};

/// Defects of one driver that are written out.
const DEFECTS: usize = 100;

pub(crate) struct Junit<'a> {
    xml: Writer<Box<dyn Write + 'a>>,
    options: Options,
    targets: Targets,
}

/// What a test case came to: the element that says it, and what that says. Nothing for one that passed.
struct Outcome {
    element: &'static str,
    kind: String,
    message: String,
    body: String,
}

/// A test case.
struct Case {
    /// What is asked, in a word.
    what: String,
    outcome: Option<Outcome>,
}

impl<'a> Junit<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Junit<'a> {
        let xml = Writer::new_with_indent(out, b' ', 2);
        Junit { xml, options, targets: Targets::DEFAULT }
    }

    fn case(&self, driver: &Examination, question: Question) -> io::Result<Case> {
        let answer = driver.verdict.answer(question);
        // Where what objects is excused, something may be left open behind it.
        let left = match driver.counted(question) {
            Answer::Unknown => Answer::Unknown,
            _ => answer,
        };
        let outcome = match answer {
            Answer::Yes => None,
            _ if self.options.fails(driver, question) => {
                Some(self.failure(driver, question, left)?)
            }
            Answer::Unknown => {
                Some(Outcome::skipped("unknown", because(&driver.verdict, question)))
            }
            Answer::No => Some(self.no_failure(driver, question)),
        };
        Ok(Case { what: question.to_string(), outcome })
    }

    fn failure(
        &self,
        driver: &Examination,
        question: Question,
        answer: Answer,
    ) -> io::Result<Outcome> {
        let reasons = driver.verdict.reasons(question);
        let deciding = deciding(&driver.findings, question, reasons)
            .filter(|finding| finding.targets.intersects(self.targets));
        let mut kinds: Vec<&str> = reasons.iter().filter_map(|reason| reason.rule).collect();
        kinds.dedup();
        let (kind, message) = match answer {
            Answer::Unknown => ("unknown".to_owned(), open_because(driver, question)),
            _ => (kinds.join(", "), first_of(reasons)),
        };
        let body = match answer {
            Answer::Unknown => String::new(),
            _ => quoted(&driver.path, deciding, self.targets)?.trim_end().to_owned(),
        };
        Ok(Outcome { element: "failure", kind, message: format!("{answer}: {message}"), body })
    }

    /// A no that does not count.
    fn no_failure(&self, driver: &Examination, question: Question) -> Outcome {
        let reasons = because(&driver.verdict, question);
        if driver.counted(question) == Answer::No {
            return Outcome::skipped("no", format!("{reasons} (not a gated question)"));
        }
        let decided =
            driver.findings.iter().filter(|finding| finding.questions.contains(&question));
        let mut excuses: Vec<String> = Vec::new();
        for told in decided.filter_map(|finding| finding.excuse.as_ref()).map(excuse::told) {
            if !excuses.contains(&told) {
                excuses.push(told);
            }
        }
        Outcome::skipped("no", format!("{reasons} ({})", excuses.join("; ")))
    }

    fn suite(
        &mut self,
        name: &str,
        properties: &[(&str, String)],
        cases: &[Case],
    ) -> io::Result<()> {
        let count = |element| {
            let outcomes = cases.iter().filter_map(|case| case.outcome.as_ref());
            outcomes.filter(|outcome| outcome.element == element).count().to_string()
        };
        let name = safe(name);
        let mut start = BytesStart::new("testsuite");
        start.push_attribute(("name", &*name));
        start.push_attribute(("tests", &*cases.len().to_string()));
        start.push_attribute(("failures", &*count("failure")));
        start.push_attribute(("errors", &*count("error")));
        start.push_attribute(("skipped", &*count("skipped")));
        start.push_attribute(("file", &*name));
        self.xml.write_event(Event::Start(start))?;
        if !properties.is_empty() {
            self.xml.write_event(Event::Start(BytesStart::new("properties")))?;
            for (name, value) in properties {
                let element = self.xml.create_element("property");
                let element = element.with_attribute(("name", *name));
                element.with_attribute(("value", &*safe(value))).write_empty()?;
            }
            self.xml.write_event(Event::End(BytesEnd::new("properties")))?;
        }
        for case in cases {
            self.test_case(&name, case)?;
        }
        self.xml.write_event(Event::End(BytesEnd::new("testsuite")))
    }

    /// Servers that list names alone need the driver in them, those that make a tree of the dots in the class
    /// name must find none in a path.
    fn test_case(&mut self, driver: &str, case: &Case) -> io::Result<()> {
        let name = format!("{}: {driver}", case.what);
        let class = format!("ringfence.{}", case.what.split(' ').next().unwrap_or_default());
        let mut start = BytesStart::new("testcase");
        start.push_attribute(("name", &*name));
        start.push_attribute(("classname", &*class));
        let Some(outcome) = &case.outcome else {
            return self.xml.write_event(Event::Empty(start));
        };
        self.xml.write_event(Event::Start(start))?;
        let element = self.xml.create_element(outcome.element);
        let element = element.with_attribute(("type", &*outcome.kind));
        let element = element.with_attribute(("message", &*safe(&outcome.message)));
        match outcome.body.is_empty() {
            true => element.write_empty()?,
            false => element.write_text_content(BytesText::new(&outcome.body))?,
        };
        self.xml.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

impl Sink for Junit<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        self.xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let mut root = BytesStart::new("testsuites");
        root.push_attribute(("name", tool.name));
        self.xml.write_event(Event::Start(root))
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let mut cases = Vec::new();
        for question in Question::ALL {
            cases.push(self.case(examination, question)?);
        }
        cases.extend(malformed(&examination.path, &examination.defects));
        let properties = properties(examination, self.targets);
        self.suite(&examination.path, &properties, &cases)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for unread in &closing.unread {
            let outcome = Outcome::error("unread", &unread.reason);
            let case = Case { what: "read".to_owned(), outcome: Some(outcome) };
            self.suite(&unread.path, &[], &[case])?;
        }
        for fault in &closing.faults {
            let message = format!("ringfence failed here, please report it: {}", fault.message);
            let outcome = Outcome::error(fault.rule, &message);
            let case = Case { what: "examine".to_owned(), outcome: Some(outcome) };
            self.suite(&fault.path, &[], &[case])?;
        }
        self.xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
        let out = self.xml.get_mut();
        out.write_all(b"\n")?;
        out.flush()
    }
}

impl Outcome {
    fn skipped(answer: &str, message: String) -> Outcome {
        let message = format!("{answer}: {message}");
        Outcome { element: "skipped", kind: answer.to_owned(), message, body: String::new() }
    }

    fn error(kind: &str, message: &str) -> Outcome {
        let (kind, message) = (kind.to_owned(), message.to_owned());
        Outcome { element: "error", kind, message, body: String::new() }
    }
}

/// The findings that said no to `question`, but for those that are excused.
fn deciding<'f>(
    findings: &'f [Finding],
    question: Question,
    reasons: &'f [Reason],
) -> impl Iterator<Item = &'f Finding> {
    findings.iter().filter(move |finding| {
        finding.excuse.is_none()
            && finding.questions.contains(&question)
            && reasons.iter().any(|reason| reason.rule == Some(finding.rule))
    })
}

/// `executable-pool-type: memory is requested …, and 2 more`.
fn first_of(reasons: &[Reason]) -> String {
    let Some(first) = reasons.first() else { return String::new() };
    let told = match first.rule {
        Some(rule) => format!("{rule}: {}", first.text),
        None => first.text.to_string(),
    };
    match reasons.len() {
        1 => told,
        all => format!("{told}, and {} more", grouped(all - 1)),
    }
}

/// What is malformed makes the exit code 2, so it is no success here either.
fn malformed(path: &str, defects: &[Defect]) -> Option<Case> {
    if defects.is_empty() {
        return None;
    }
    let message = format!("{} malformed", counted(defects.len(), "part"));
    let shown = defects.iter().take(DEFECTS);
    let mut body: String = shown
        .map(|defect| format!("{}: {}\n", safe(&at(path, defect.rva)), safe(&defect.message)))
        .collect();
    if defects.len() > DEFECTS {
        body += &format!("and {} more\n", grouped(defects.len() - DEFECTS));
    }
    let outcome = Outcome { body, ..Outcome::error("malformed", &message) };
    Some(Case { what: "read whole".to_owned(), outcome: Some(outcome) })
}

fn properties(driver: &Examination, targets: Targets) -> Vec<(&'static str, String)> {
    let version = driver.properties.version.as_ref();
    let facts = [
        ("machine", Some(driver.machine.clone())),
        ("sha256", driver.sha256.clone()),
        ("company", version.and_then(|version| version.company.clone())),
        ("product", version.and_then(|version| version.product.clone())),
        ("version", version.and_then(|version| version.file.clone())),
        ("asked about", Some(targets.to_string())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
