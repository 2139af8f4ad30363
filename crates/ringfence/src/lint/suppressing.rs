//! Findings that the source itself says are known.

use crate::rule_cards;
use ringfence_finding::{IdleSuppression, SourceExcuse, SourceFinding};
use ringfence_source::{FileId, FileKind, SourceTree, Span, Suppressed, Suppression};
use std::collections::HashSet;

/// Excuses the findings that a suppression is about; gives the suppressions in files that are asked about that are about
/// none.
pub(super) fn suppress(
    tree: &SourceTree,
    findings: &mut [SourceFinding],
    suppressions: &[Suppression],
    is_asked: impl Fn(FileId) -> bool,
) -> Vec<IdleSuppression> {
    // One in a header may be about several files, of which not all may be asked about.
    let mut used: HashSet<(Span, String)> = HashSet::new();
    for one in suppressions {
        if !is_asked(one.file) || excuses(tree, findings, one) {
            used.insert((one.span, one.told()));
        }
    }
    let mut idle = Vec::new();
    let own = suppressions.iter().filter(|one| one.file == one.span.file && is_asked(one.file));
    for one in own {
        let because = match unfit(one) {
            Some(because) => because,
            None if used.contains(&(one.span, one.told())) => continue,
            None => "there is nothing for it to accept".to_owned(),
        };
        idle.push(IdleSuppression {
            path: tree.name(one.span.file).to_owned(),
            line: one.line,
            text: one.told(),
            because,
        });
    }
    idle
}

/// Excuses what a suppression is about; whether there is anything.
fn excuses(tree: &SourceTree, findings: &mut [SourceFinding], one: &Suppression) -> bool {
    let path = tree.name(one.file);
    let mut used = false;
    for finding in findings.iter_mut().filter(|finding| finding.path == path) {
        let touches =
            (finding.line..=last_line(tree, finding)).any(|line| one.lines.contains(&line));
        if touches && is_about(one, finding) {
            used = true;
            let elsewhere = one.span.file != one.file;
            let excuse = SourceExcuse::Source {
                reason: reason(one),
                line: one.line,
                path: elsewhere.then(|| tree.name(one.span.file).to_owned()),
            };
            finding.excuse.get_or_insert(excuse);
        }
    }
    used
}

/// The line that the statement of a finding ends in, as far as a semicolon tells it.
fn last_line(tree: &SourceTree, finding: &SourceFinding) -> u32 {
    const LONGEST: u32 = 16;
    let Some(file) = tree.at(&finding.path).map(|file| tree.file(file)) else {
        return finding.line;
    };
    if file.kind == FileKind::Project {
        return finding.line;
    }
    let ends = |line: &u32| {
        let range = file.text.line_range(*line).unwrap_or_default();
        file.text.as_str()[range].contains([';', '{', '}'])
    };
    let mut lines = finding.line..finding.line + LONGEST;
    lines.find(ends).unwrap_or(finding.line)
}

fn reason(of: &Suppression) -> String {
    if of.reason.is_empty() { of.told() } else { of.reason.clone() }
}

fn is_about(of: &Suppression, finding: &SourceFinding) -> bool {
    match &of.of {
        Suppressed::Rule(name) => {
            // A warning's name is only that of what brings this warning, though rules have several.
            match is_warning(name) {
                true => finding.warning.is_some_and(|warning| warning.eq_ignore_ascii_case(name)),
                false => rule_cards().any(|card| card.id == finding.rule && card.is_called(name)),
            }
        }
        Suppressed::Nothing { .. } => false,
        Suppressed::Warning(number) => {
            finding.warning.is_some_and(|warning| warning[1..] == number.to_string())
        }
    }
}

fn is_warning(name: &str) -> bool {
    let digits = name.strip_prefix(['C', 'c']);
    digits
        .is_some_and(|digits| digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Why one can suppress nothing, or is to be told all the same.
fn unfit(of: &Suppression) -> Option<String> {
    let name = match &of.of {
        Suppressed::Rule(name) => name,
        Suppressed::Nothing { why, .. } => return Some((*why).to_owned()),
        Suppressed::Warning(_) => return None,
    };
    if rule_cards().any(|card| card.is_called(name)) {
        return None;
    }
    let known = rule_cards().map(|card| card.id);
    // A short word begins or is within some rule or other.
    let is_close = |id: &&&str| name.len() * 3 >= id.len();
    let similar = crate::similar(name, known);
    let meant = similar.first().filter(is_close).map(|id| format!(", did you mean {id}?"));
    Some(format!("there is no such rule{}", meant.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::unfit;
    use ringfence_source::{SourceText, SourceTree, Span, Suppressed, Suppression};

    /// Three letters are part of many a rule's name, and mean none of them.
    #[test]
    fn only_what_is_close_is_suggested() {
        let file = SourceTree::default().add("a.c", SourceText::of("")).unwrap();
        for (name, expected) in [
            ("all", Some("there is no such rule")),
            (
                "executable-pool-typ",
                Some("there is no such rule, did you mean executable-pool-type?"),
            ),
            ("executable-pool-type", None),
        ] {
            let suppression = Suppression {
                span: Span::new(file, 0..0),
                line: 1,
                file,
                lines: 1..=1,
                of: Suppressed::Rule(name.to_owned()),
                reason: String::new(),
            };
            assert_eq!(unfit(&suppression).as_deref(), expected, "{name}");
        }
    }
}
