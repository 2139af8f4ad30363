//! What became of one driver.

use crate::format::Options;
use crate::layout::{counted, grouped};
use crate::source;
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::{
    ComparedFinding, ComparedSection, DriverDifference, ImportChange, Level, SectionChange,
};

/// Findings of one kind that are told on a terminal; the rest is counted.
const MOST: usize = 8;

pub(super) fn lines(driver: &DriverDifference, options: &Options) -> Vec<Line> {
    let width = options.columns();
    let title = Line::new().colored(Meaning::Strong, &driver.path).plain(": ");
    let mut lines = title.colored(driver.change, driver.change.to_string()).folded(width);
    if driver.old_path != driver.path {
        lines.extend(hanging(Line::indented(2).plain("was "), &driver.old_path, width));
    }
    lines.extend(answers(driver));
    let regraded = driver.regraded.iter().map(|one| (Some(one.old), &one.finding));
    lines.extend(findings("now ", regraded, driver.regraded.len(), options));
    let new = driver.new.iter().map(|finding| (None, finding));
    lines.extend(findings("new ", new, driver.new.len(), options));
    let fixed = driver.fixed.iter().map(|finding| (None, finding));
    lines.extend(findings("fixed ", fixed, driver.fixed.len(), options));
    let unseen = driver.unseen.iter().map(|finding| (None, finding));
    lines.extend(findings("not examined any more: ", unseen, driver.unseen.len(), options));
    let texts = [("sections", sections(&driver.sections)), ("imports", imports(&driver.imports))];
    for (name, texts) in texts {
        if !texts.is_empty() {
            let lead = Line::indented(2).colored(Meaning::Structure, name).plain(": ");
            lines.extend(hanging(lead, &texts.join("; "), width));
        }
    }
    lines
}

/// `load yes → no · certify yes → no`.
fn answers(driver: &DriverDifference) -> Option<Line> {
    if driver.answers.is_empty() {
        return None;
    }
    let mut line = Line::indented(2);
    for (index, change) in driver.answers.iter().enumerate() {
        line = line.plain(if index == 0 { "" } else { " · " });
        line = line.plain(format!("{} ", change.question)).plain(change.old.to_string());
        line = line.plain(" → ").colored(change.new, change.new.to_string());
    }
    Some(line)
}

fn findings<'f>(
    what: &str,
    findings: impl Iterator<Item = (Option<Level>, &'f ComparedFinding)>,
    count: usize,
    options: &Options,
) -> Vec<Line> {
    let most = super::most(options, MOST);
    let mut lines: Vec<_> = findings
        .take(most)
        .flat_map(|(before, finding)| {
            let lead = Line::indented(2).plain(what);
            let lead = lead.colored(finding.level, format!("{}[{}]", finding.level, finding.rule));
            let before = before.map(|level| format!(", was {level}")).unwrap_or_default();
            hanging_below(lead.plain(format!("{before}: ")), &text(finding), options.columns())
        })
        .collect();
    if count > most {
        let more = counted(count - most, &format!("more {what}one"));
        let more = format!("… {more}, {}", super::ELSEWHERE);
        lines.push(Line::indented(2).plain(more));
    }
    lines
}

/// `text` after `lead`; what does not fit stands below, indented a little.
fn hanging_below(lead: Line, text: &str, width: usize) -> Vec<Line> {
    const INDENT: usize = 6;
    let room = width.saturating_sub(lead.columns());
    let mut lead = Some(lead);
    crate::layout::wrap_after(text, room, width - INDENT)
        .into_iter()
        .map(|piece| lead.take().unwrap_or_else(|| Line::indented(INDENT)).plain(piece))
        .collect()
}

/// `+50af memory is requested …, in DriverEntry`.
pub(super) fn text(finding: &ComparedFinding) -> String {
    let place = finding.rva.map(|rva| format!("+{rva:x} ")).unwrap_or_default();
    format!("{place}{}", words(finding))
}

/// The same without the place.
pub(super) fn words(finding: &ComparedFinding) -> String {
    let function = finding.function.as_deref().map(source::shown);
    let function = function.map(|name| format!(", in {name}")).unwrap_or_default();
    format!("{}{function}", finding.message)
}

/// `.text r-x → rwx`, `new HOOK rwx, 16 bytes`, `gone .orpc`, `.data 1 024 → 1 536 bytes`; sizes are those in
/// memory, unless only that in the file differs.
fn sections(changes: &[SectionChange]) -> Vec<String> {
    let told = changes.iter().map(|change| match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{} {}", change.name, changed(old, new)),
        (None, Some(new)) => {
            format!("new {} {}, {}", change.name, new.rights, bytes(new.virtual_size))
        }
        _ => format!("gone {}", change.name),
    });
    told.collect()
}

fn changed(old: &ComparedSection, new: &ComparedSection) -> String {
    let mut parts = Vec::new();
    if old.rights != new.rights {
        parts.push(format!("{} → {}", old.rights, new.rights));
    }
    if old.virtual_size != new.virtual_size {
        let before = grouped(old.virtual_size as usize);
        parts.push(format!("{before} → {}", bytes(new.virtual_size)));
    } else if old.raw_size != new.raw_size {
        let before = grouped(old.raw_size as usize);
        parts.push(format!("{before} → {} in the file", bytes(new.raw_size)));
    }
    parts.join(", ")
}

fn bytes(count: u32) -> String {
    counted(count as usize, "byte")
}

/// `new netio.sys (3)`, `gone hal.dll`, `ntoskrnl.exe 143 → 150`.
fn imports(changes: &[ImportChange]) -> Vec<String> {
    changes
        .iter()
        .map(|change| match (change.old, change.new) {
            (0, new) => format!("new {} ({})", change.module, grouped(new)),
            (_, 0) => format!("gone {}", change.module),
            (old, new) => format!("{} {} → {}", change.module, grouped(old), grouped(new)),
        })
        .collect()
}
