//! What a run tells beside results: what could not be read, what failed, what accepts nothing, what is left out.

use crate::layout::grouped;
use crate::lint::scoreboard::idle;
use crate::sarif::kept::LeftOut;
use crate::sarif::model::{
    ArtifactLocation, Descriptor, DescriptorReference, FileOnly, Message, Notification, WholeFile,
};
use crate::sarif::notice::{cut_short_text, describe};
use crate::sarif::rules::Rules;
use crate::sarif::text::sentence;
use crate::uri::Uris;
use ringfence_finding::LintReport;

/// No more notices of a kind; what is beyond is counted.
const MOST: usize = 200;

/// The kinds of notices: their name, level, and what they say of themselves.
const KINDS: [(&str, &str, &str); 4] = [
    ("unread-file", "error", "A file could not be read."),
    ("rule-fault", "error", "A rule failed on a file, which is a defect of ringfence."),
    ("idle-acceptance", "warning", "A comment or pragma in the source accepts nothing."),
    ("cut-short", "warning", "The report is cut short to what GitHub takes."),
];

const UNREAD: usize = 0;
const FAULT: usize = 1;
const IDLE: usize = 2;
const LEFT_OUT: usize = 3;

/// The kinds of notices as SARIF describes them.
pub(super) fn described() -> Vec<Descriptor> {
    describe(&KINDS)
}

/// All notices of a run.
pub(super) fn all(
    report: &LintReport,
    left_out: LeftOut,
    rules: &Rules,
    uris: &mut Uris,
) -> Vec<Notification> {
    let mut notices = Vec::new();
    for unread in report.unread.iter().take(MOST) {
        let text = format!("cannot read {}: {}", unread.path, unread.reason);
        notices.push(notice(UNREAD, &text, Some(uris.scanned(&unread.path))));
    }
    notices.extend(beyond(UNREAD, report.unread.len()));
    for fault in report.faults.iter().take(MOST) {
        let text = format!("rule {} failed, please report: {}", fault.rule, fault.message);
        let mut notice = notice(FAULT, &text, Some(uris.scanned(&fault.path)));
        notice.associated_rule = Some(rules.reference(fault.rule));
        notices.push(notice);
    }
    notices.extend(beyond(FAULT, report.faults.len()));
    for one in report.idle_suppressions.iter().take(MOST) {
        let text = format!("in line {} of {}, {}", one.line, one.path, idle(one));
        notices.push(notice(IDLE, &text, Some(uris.scanned(&one.path))));
    }
    notices.extend(beyond(IDLE, report.idle_suppressions.len()));
    notices.extend(cut_short_text(left_out, 0).map(|text| notice(LEFT_OUT, &text, None)));
    notices
}

fn notice(kind: usize, text: &str, file: Option<ArtifactLocation>) -> Notification {
    let (id, level, _) = KINDS[kind];
    let whole = |artifact_location| FileOnly { physical_location: WholeFile { artifact_location } };
    Notification {
        descriptor: DescriptorReference { id, index: kind },
        associated_rule: None,
        level,
        message: Message::new(sentence(text)),
        locations: file.into_iter().map(whole).collect(),
    }
}

fn beyond(kind: usize, count: usize) -> Option<Notification> {
    let more = count.checked_sub(MOST).filter(|&more| more > 0)?;
    Some(notice(kind, &format!("and {} more of this kind", grouped(more)), None))
}
