//! Everything about each driver, in the manner of a compiler's messages.

use crate::answers::{answers, whys};
use crate::excuse;
use crate::failing::Failing;
use crate::format::Options;
use crate::layout::{self, counted};
use crate::style::{Line, Meaning, Terminal};
use crate::{Sink, coverage, drawing, scoreboard, seen_calls, source, witness};
use ringfence_finding::{
    Closing, Confidence, Defect, Examination, Finding, Level, Mitigations, Question, Targets, Tool,
    Totals,
};
use std::io;

/// A driver's defects beyond these are only counted: a mangled file may have thousands.
const DEFECTS_SHOWN: usize = 10;

pub(crate) struct Full<'a> {
    pub(crate) terminal: Terminal<'a>,
    targets: Targets,
    told: Told,
    failing: Failing,
    /// Whether registers and stack are told of what was seen.
    stacks: bool,
}

/// What was told below the findings of one driver: rule, address and remarks.
type Told = Vec<(&'static str, u32, Vec<Remark>)>;

/// A line below the evidence: its name and its text.
pub(crate) type Remark = (&'static str, String);

impl<'a> Full<'a> {
    pub(crate) fn new(terminal: Terminal<'a>) -> Full<'a> {
        let (told, failing) = (Told::new(), Failing::default());
        Full { terminal, targets: Targets::DEFAULT, told, failing, stacks: false }
    }

    /// Tells registers and stack of what was seen when the driver ran.
    pub(crate) fn with_stacks(self) -> Full<'a> {
        Full { stacks: true, ..self }
    }

    /// What was said of other drivers' findings is not referred to.
    pub(crate) fn begin_driver(&mut self) {
        self.told.clear();
    }

    pub(crate) fn finding(&mut self, path: &str, finding: &Finding) -> io::Result<()> {
        let title = format!("{}[{}]", finding.level, finding.rule);
        let lead = Line::new().colored(finding.level, title).plain(": ");
        for line in title_lines(lead, &finding.message, self.terminal.columns()) {
            self.terminal.line(line)?;
        }
        let evidence = finding.evidence.as_ref();
        let margin = drawing::margin(evidence);
        let width = self.terminal.columns();
        let (place, origin) = place(path, finding, margin, width);
        self.terminal.line(place)?;
        let inlined = finding.source.iter().flat_map(source::inlined);
        for text in origin.into_iter().chain(inlined) {
            self.terminal.wrapped(Line::indented(margin - 1 + ARROW.len()), &text)?;
        }
        for line in evidence.map_or(vec![], |evidence| {
            drawing::draw(evidence, finding.level.into(), self.terminal.columns())
        }) {
            self.terminal.line(line)?;
        }
        // Each finding has its own excuse, so it is never told by another's.
        let excuse = finding.excuse.as_ref().map(excuse::parts);
        let seen = witness::remarks(path, &finding.seen, self.stacks);
        for (name, text) in seen.into_iter().chain(self.new_remarks(finding)).chain(excuse) {
            let lead = Line::indented(margin + 1).colored(Meaning::Structure, "= ");
            self.terminal.wrapped(lead.plain(format!("{name}: ")), &text)?;
        }
        self.terminal.blank()
    }

    /// What stands below the evidence. Where a finding of the rule has said the same before, it is
    /// named instead: thirty calls of one kind should differ in what differs.
    fn new_remarks(&mut self, finding: &Finding) -> Vec<Remark> {
        let remarks = remarks(finding, self.targets);
        let Some(rva) = finding.rva.filter(|_| remarks.len() > 1) else { return remarks };
        let told =
            self.told.iter().find(|(rule, _, told)| *rule == finding.rule && *told == remarks);
        if let Some((_, first, _)) = told {
            return vec![("notes and help", format!("as at {first:x}"))];
        }
        self.told.push((finding.rule, rva, remarks.clone()));
        remarks
    }

    fn defects(&mut self, path: &str, defects: &[Defect]) -> io::Result<()> {
        for defect in defects.iter().take(DEFECTS_SHOWN) {
            let lead = Line::new()
                .colored(Meaning::Structure, format!("defect[{}]", defect.kind))
                .plain(": ");
            for line in title_lines(lead, &defect.message, self.terminal.columns()) {
                self.terminal.line(line)?;
            }
            let offset = defect.file_offset.map(|offset| format!(", file offset {offset:x}"));
            let structure = format!("{}{}", defect.structure, offset.unwrap_or_default());
            let arrow = arrow(path, defect.rva, drawing::MARGIN);
            let (place, below) = beside(arrow, vec![structure], self.terminal.columns());
            self.terminal.line(place)?;
            for text in below {
                self.terminal.wrapped(Line::indented(drawing::MARGIN - 1 + ARROW.len()), &text)?;
            }
            self.terminal.blank()?;
        }
        if defects.len() > DEFECTS_SHOWN {
            let more = counted(defects.len() - DEFECTS_SHOWN, "more defect");
            self.terminal.line(Line::new().plain(format!("… {more}, with --format concise")))?;
            self.terminal.blank()?;
        }
        Ok(())
    }

    fn verdict(&mut self, examination: &Examination) -> io::Result<()> {
        let header = Line::new().colored(Meaning::Strong, &examination.path).plain(": ");
        self.terminal.folded(header.then(answers(&examination.verdict)))?;
        for why in whys(&examination.verdict) {
            self.terminal.wrapped(Line::indented(2).then(why.lead()), &why.text)?;
        }
        let indent = || Line::indented(2);
        if let Some(told) = excuse::answers(examination) {
            self.terminal.wrapped(indent(), &told)?;
        }
        self.terminal.wrapped(indent(), &facts(examination))?;
        for line in coverage::lines(&examination.coverage) {
            self.terminal.wrapped(indent(), &line)?;
        }
        for line in seen_calls::of_runs(&examination.runs) {
            self.terminal.wrapped(indent(), &line)?;
        }
        if let Some((meaning, lead, text)) = examination.symbols.as_ref().map(source::symbols) {
            self.terminal.wrapped(indent().colored(meaning, lead), &text)?;
        }
        self.terminal.wrapped(indent(), &mitigations(&examination.properties.mitigations))?;
        if !self.terminal.options.show_notes {
            let hidden = examination.findings.iter().filter(|finding| finding.level == Level::Note);
            let hidden = hidden.count();
            if hidden > 0 {
                self.terminal
                    .wrapped(indent(), &format!("{} not shown", counted(hidden, "note")))?;
            }
        }
        self.terminal.wrapped(indent(), &format!("asked about {}", self.targets))?;
        if let Some(sha256) = &examination.sha256 {
            self.terminal.line(indent().plain(format!("sha256 {sha256}")))?;
        }
        self.terminal.blank()
    }
}

impl Sink for Full<'_> {
    fn begin(&mut self, _: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.begin_driver();
        self.failing.count(examination, &self.terminal.options);
        let show_notes = self.terminal.options.show_notes;
        for finding in &examination.findings {
            if show_notes || finding.level > Level::Note {
                self.finding(&examination.path, finding)?;
            }
        }
        self.defects(&examination.path, &examination.defects)?;
        self.verdict(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for fault in &closing.faults {
            self.terminal.folded(scoreboard::fault(fault))?;
        }
        for unread in &closing.unread {
            self.terminal.folded(scoreboard::unread(unread))?;
        }
        if !(closing.faults.is_empty() && closing.unread.is_empty()) {
            self.terminal.blank()?;
        }
        if let Some(rule) = gravest(&closing.totals) {
            self.terminal.line(Line::new().plain(format!("for more: ringfence explain {rule}")))?;
        }
        for line in self.failing.lines(&self.terminal.options, self.terminal.columns()) {
            self.terminal.line(line)?;
        }
        self.terminal.last_line(scoreboard::scoreboard(closing, self.failing.excused))?;
        self.terminal.flush()
    }
}

/// `findings` as this format tells them, for formats that quote it.
pub(crate) fn quoted<'f>(
    path: &str,
    findings: impl IntoIterator<Item = &'f Finding>,
    targets: Targets,
) -> io::Result<String> {
    let mut text = Vec::new();
    let mut full = Full::new(Terminal::new(Box::new(&mut text), Options::default()));
    full.targets = targets;
    for finding in findings {
        full.finding(path, finding)?;
    }
    drop(full);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The first line of a finding; a long one goes on below, indented a little.
pub(crate) fn title_lines(lead: Line, message: &str, width: usize) -> Vec<Line> {
    const INDENT: usize = 4;
    let room = width.saturating_sub(lead.columns());
    let mut lead = Some(lead);
    layout::wrap_after(message, room, width - INDENT)
        .into_iter()
        .map(|piece| {
            let line = lead.take().unwrap_or_else(|| Line::indented(INDENT));
            line.colored(Meaning::Strong, piece)
        })
        .collect()
}

/// What stands before a place.
pub(crate) const ARROW: &str = "--> ";

/// `    --> acme.sys+1a45`.
fn arrow(path: &str, rva: Option<u32>, margin: usize) -> Line {
    Line::indented(margin.saturating_sub(1)).colored(Meaning::Structure, ARROW).plain(at(path, rva))
}

/// `acme.sys+1a45`, as debuggers write an address in a module.
pub(crate) fn at(path: &str, rva: Option<u32>) -> String {
    match rva {
        Some(rva) => format!("{path}+{rva:x}"),
        None => path.to_owned(),
    }
}

/// `    --> acme.sys+1a45  (.text)  in Allocate`, and what stands below: `src/pool.c:57, from pool.obj`,
/// with what there is no room for above.
fn place(path: &str, finding: &Finding, margin: usize, width: usize) -> (Line, Option<String>) {
    let source = finding.source.as_ref();
    let name = source.and_then(|source| source.function.as_deref());
    let part = || finding.evidence.as_ref().and_then(drawing::part);
    let section = finding.section.as_ref().map(|section| format!("({section})"));
    let function = name.map(|name| format!("in {}", source::shown(name))).or_else(part);
    let parts = section.into_iter().chain(function).collect();
    let (line, below) = beside(arrow(path, finding.rva, margin), parts, width);
    let origin = source.and_then(source::line_and_origin);
    let told: Vec<_> = below.into_iter().chain(origin).collect();
    (line, (!told.is_empty()).then(|| told.join(", ")))
}

/// As many of `parts` behind `line` as there is room for, and the others.
pub(crate) fn beside(mut line: Line, parts: Vec<String>, width: usize) -> (Line, Vec<String>) {
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.peek() {
        let longer = line.clone().plain("  ").plain(part);
        if longer.columns() > width {
            break;
        }
        line = longer;
        parts.next();
    }
    (line, parts.collect())
}

/// What stands below the evidence, each with its name.
pub(crate) fn remarks(finding: &Finding, targets: Targets) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = Vec::new();
    remarks.extend(doubt(finding).map(|doubt| ("note", doubt)));
    if finding.targets != Targets::ALL {
        let aside = if finding.targets.intersects(targets) { "" } else { " (not asked)" };
        remarks.push(("holds for", format!("{}{aside}", finding.targets)));
    }
    remarks.extend(finding.notes.iter().map(|note| ("note", note.clone())));
    remarks.extend(finding.help.iter().map(|help| ("help", help.clone())));
    if !finding.aliases.is_empty() {
        remarks.push(("known as", finding.aliases.join(", ")));
    }
    remarks
}

/// What is not certain about a finding.
pub(crate) fn doubt(finding: &Finding) -> Option<String> {
    if finding.confidence == Confidence::Likely {
        return Some("likely, not certain".to_owned());
    }
    let questions: Vec<_> = finding.only_likely_for.iter().map(Question::to_string).collect();
    let any = !questions.is_empty();
    any.then(|| format!("the no to {} is likely, not certain", questions.join(" and ")))
}

/// `x64 · 2.1.0.0 · Acme Storage Inc. · Visual Studio 2013`.
fn facts(examination: &Examination) -> String {
    let properties = &examination.properties;
    let version = properties.version.as_ref();
    let facts = [
        Some(examination.machine.as_str()),
        properties.hybrid,
        version.and_then(|version| version.file.as_deref()),
        version.and_then(|version| version.company.as_deref()),
        properties.toolset.as_deref(),
    ];
    facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What the image opts in to and what not: often taken for criteria, so it is said that they are none.
pub(crate) fn mitigations(mitigations: &Mitigations) -> String {
    let all = [
        (mitigations.dynamic_base, "DYNAMIC_BASE"),
        (mitigations.high_entropy_va, "HIGH_ENTROPY_VA"),
        (mitigations.nx_compat, "NX_COMPAT"),
        (mitigations.control_flow_guard, "GUARD_CF"),
        (mitigations.cet_compat, "CET_COMPAT"),
        (mitigations.force_integrity, "FORCE_INTEGRITY"),
    ];
    let (has, lacks): (Vec<_>, Vec<_>) = all.into_iter().partition(|(has, _)| *has);
    let names = |flags: Vec<(bool, &str)>| match flags[..] {
        [] => "none".to_owned(),
        _ => flags.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", "),
    };
    format!("mitigations (no criteria here): {}; without {}", names(has), names(lacks))
}

/// The rule to read about first: of those with the most errors the first by name.
fn gravest(totals: &Totals) -> Option<&'static str> {
    let rules = totals.rules.iter().rev();
    rules.max_by_key(|(_, tally)| (tally.errors, tally.drivers)).map(|(rule, _)| *rule)
}
