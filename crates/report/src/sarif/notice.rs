//! What a run tells beside results: what could not be read, what is unknown, what is left out.

use super::artifact::Artifacts;
use super::kept::LeftOut;
use super::model::{
    ArtifactLocation, Configuration, Descriptor, DescriptorReference, FileOnly, Help, Message,
    Notification, Properties, WholeFile,
};
use super::rules::{Rules, pascal};
use super::text::sentence;
use crate::answers::whys;
use crate::layout::{counted, grouped};
use crate::uri::Uris;
use ringfence_finding::{Answer, Closing, Verdict};
use std::collections::BTreeMap;

/// No more notices of a kind; what is beyond is counted.
const MOST: usize = 200;

/// No more drivers are named by a notice of what is unknown.
const MOST_NAMED: usize = 10;

/// The kinds of notices, with what they say of themselves.
const KINDS: [(&str, &str, &str); 4] = [
    ("unread-file", "error", "A file could not be read."),
    ("rule-fault", "error", "A rule failed on a driver, which is a defect of ringfence."),
    (
        "unknown-answer",
        "note",
        "A question has no answer for some drivers, as something was not examined.",
    ),
    ("cut-short", "warning", "The report is cut short to what GitHub takes."),
];

const UNREAD: usize = 0;
const FAULT: usize = 1;
const UNKNOWN: usize = 2;
const LEFT_OUT: usize = 3;

/// The kinds of notices as SARIF describes them.
pub(super) fn described() -> Vec<Descriptor> {
    describe(&KINDS)
}

/// Describes kinds of notices: their name, level, and what they say of themselves.
pub(crate) fn describe(kinds: &[(&str, &'static str, &str)]) -> Vec<Descriptor> {
    let describe = |(id, level, about): &(&str, &'static str, &str)| Descriptor {
        id: (*id).to_owned(),
        name: Some(pascal(id)),
        short_description: Message::new(*about),
        full_description: Message::new(*about),
        help: Some(Help { text: (*about).to_owned(), markdown: (*about).to_owned() }),
        help_uri: None,
        default_configuration: Configuration { level },
        properties: Properties::new(),
    };
    kinds.iter().map(describe).collect()
}

/// Why answers are unknown, and for which drivers.
#[derive(Default)]
pub(super) struct Unknowns {
    reasons: BTreeMap<String, (usize, Vec<ArtifactLocation>)>,
    /// Drivers with a reason that there was no room for.
    beyond: usize,
}

impl Unknowns {
    /// Takes note of what is unknown about the driver at `location`.
    pub(super) fn add(&mut self, verdict: &Verdict, location: &ArtifactLocation) {
        for why in whys(verdict).into_iter().filter(|why| why.answer == Answer::Unknown) {
            let reason = format!("{}: {}", why.asked(), why.text);
            if self.reasons.len() == MOST && !self.reasons.contains_key(&reason) {
                self.beyond += 1;
                continue;
            }
            let (count, named) = self.reasons.entry(reason).or_default();
            *count += 1;
            if named.len() < MOST_NAMED {
                named.push(location.clone());
            }
        }
    }

    fn notices(self) -> impl Iterator<Item = Notification> {
        let notices = self.reasons.into_iter().map(|(reason, (count, named))| {
            let text = format!("unknown for {}, {reason}", counted(count, "driver"));
            notice(UNKNOWN, text, named)
        });
        let beyond = (self.beyond > 0).then(|| {
            let text = format!("unknown for other reasons {}", counted(self.beyond, "time"));
            notice(UNKNOWN, text, vec![])
        });
        notices.chain(beyond)
    }
}

/// All notices of a run.
pub(super) fn all(
    closing: &Closing,
    unknowns: Unknowns,
    left_out: LeftOut,
    artifacts: &Artifacts,
    (rules, uris): (&Rules, &mut Uris),
) -> Vec<Notification> {
    let mut notices = Vec::new();
    for unread in closing.unread.iter().take(MOST) {
        let text = format!("cannot read {}: {}", unread.path, unread.reason);
        notices.push(notice(UNREAD, text, vec![uris.scanned(&unread.path)]));
    }
    notices.extend(beyond(UNREAD, closing.unread.len()));
    for fault in closing.faults.iter().take(MOST) {
        let text = format!("rule {} failed, please report: {}", fault.rule, fault.message);
        let mut notice = notice(FAULT, text, vec![uris.scanned(&fault.path)]);
        notice.associated_rule = Some(rules.reference(fault.rule));
        notices.push(notice);
    }
    notices.extend(beyond(FAULT, closing.faults.len()));
    notices.extend(unknowns.notices());
    notices.extend(cut_short(left_out, artifacts.left_out));
    notices
}

fn notice(kind: usize, text: String, files: Vec<ArtifactLocation>) -> Notification {
    let (id, level, _) = KINDS[kind];
    let whole = |artifact_location| FileOnly { physical_location: WholeFile { artifact_location } };
    Notification {
        descriptor: DescriptorReference { id, index: kind },
        associated_rule: None,
        level,
        message: Message::new(sentence(&text)),
        locations: files.into_iter().map(whole).collect(),
    }
}

fn beyond(kind: usize, count: usize) -> Option<Notification> {
    let more = count.checked_sub(MOST).filter(|&more| more > 0)?;
    Some(notice(kind, format!("and {} more of this kind", grouped(more)), vec![]))
}

fn cut_short(results: LeftOut, drivers: usize) -> Option<Notification> {
    cut_short_text(results, drivers).map(|text| notice(LEFT_OUT, text, vec![]))
}

/// What a report lacks of what GitHub does not take; none where it is whole.
pub(crate) fn cut_short_text(results: LeftOut, drivers: usize) -> Option<String> {
    let mut parts = Vec::new();
    if results.total() > 0 {
        let levels =
            [(results.errors, "error"), (results.warnings, "warning"), (results.notes, "note")];
        let levels: Vec<_> = levels
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, level)| counted(count, level))
            .collect();
        parts.push(format!(
            "{}, the least grave ({})",
            counted(results.total(), "result"),
            levels.join(", ")
        ));
    }
    if drivers > 0 {
        parts.push(format!("{} of the list of drivers", grouped(drivers)));
    }
    let told = parts.join("; ");
    (!parts.is_empty()).then(|| {
        format!("left out: {told}. GitHub takes 25,000 results and 10 MB compressed; the JSON report has everything")
    })
}
