//! One line a finding, then one line with the driver's answers: easy to sort, to grep and to click.

use crate::answers::{answers, whys};
use crate::excuse;
use crate::failing::Failing;
use crate::full::{at, doubt};
use crate::style::{Line, Meaning, Terminal};
use crate::{Sink, scoreboard, seen_calls, source};
use ringfence_finding::{
    Answer, Closing, DebugSymbols, Examination, Level, Question, Targets, Tool,
};
use std::io;

pub(crate) struct Concise<'a> {
    terminal: Terminal<'a>,
    failing: Failing,
}

impl<'a> Concise<'a> {
    pub(crate) fn new(terminal: Terminal<'a>) -> Concise<'a> {
        Concise { terminal, failing: Failing::default() }
    }
}

impl Sink for Concise<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.failing.count(examination, &self.terminal.options);
        let path = &examination.path;
        let mut lines = Vec::new();
        for finding in &examination.findings {
            if finding.level > Level::Note || self.terminal.options.show_notes {
                let title = format!("{}[{}]", finding.level, finding.rule);
                let message = match doubt(finding) {
                    Some(doubt) => format!("{} ({doubt})", finding.message),
                    None => finding.message.clone(),
                };
                let source = finding.source.as_ref().and_then(source::brief);
                let message = match source {
                    Some(source) => format!("{message}; {source}"),
                    None => message,
                };
                let excuse = finding.excuse.as_ref().map(excuse::told);
                let message = match excuse {
                    Some(excuse) => format!("{message}; {excuse}"),
                    None => message,
                };
                lines.push((finding.rva, finding.level.into(), title, message));
            }
        }
        for defect in &examination.defects {
            let title = format!("defect[{}]", defect.kind);
            lines.push((defect.rva, Meaning::Structure, title, defect.message.clone()));
        }
        // By address; what has none comes first, and equal ones stay in the order of the rules.
        lines.sort_by_key(|(rva, ..)| *rva);
        for (rva, meaning, title, message) in lines {
            let line = Line::new().plain(format!("{}: ", at(path, rva))).colored(meaning, title);
            self.terminal.line(line.plain(" ").plain(message))?;
        }
        if let Some(symbols @ DebugSymbols::Refused { .. }) = &examination.symbols {
            let (meaning, lead, text) = source::symbols(symbols);
            let line = Line::new().plain(format!("{path}: ")).colored(meaning, lead);
            self.terminal.line(line.plain(text))?;
        }
        self.terminal.line(verdict(examination))
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for fault in &closing.faults {
            self.terminal.line(scoreboard::fault(fault))?;
        }
        for unread in &closing.unread {
            self.terminal.line(scoreboard::unread(unread))?;
        }
        // A line each here too, however long.
        for line in self.failing.lines(&self.terminal.options, usize::MAX) {
            self.terminal.line(line)?;
        }
        self.terminal.last_line(scoreboard::scoreboard(closing, self.failing.excused))?;
        self.terminal.flush()
    }
}

/// `acme.sys: load yes · run unknown · certify unknown (run, certify: machine code not examined)`.
///
/// Why an answer is no stands in the lines above, and why *run* is unknown when *load* is no goes
/// without saying.
fn verdict(examination: &Examination) -> Line {
    let line = Line::new().plain(format!("{}: ", examination.path));
    let line = line.then(answers(&examination.verdict));
    let loads = examination.verdict.load != Answer::No;
    let mut asides: Vec<String> = whys(&examination.verdict)
        .into_iter()
        .filter(|why| why.answer == Answer::Unknown && (loads || why.questions != [Question::Run]))
        .map(|why| format!("{}: {}", why.asked(), why.text))
        .collect();
    asides.extend(excuse::answers(examination));
    asides.extend(seen_calls::of_open_runs(&examination.runs));
    if asides.is_empty() { line } else { line.plain(format!(" ({})", asides.join("; "))) }
}
