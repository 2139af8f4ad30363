//! Findings that the source itself says are known.

use crate::rule_cards;
use ringfence_finding::{IdleSuppression, SourceExcuse, SourceFinding};
use ringfence_source::{FileKind, SourceTree, Suppressed, Suppression};

/// Excuses the findings that a suppression is about; gives the suppressions that are about none.
pub(super) fn suppress<'s>(
    tree: &SourceTree,
    findings: &mut [SourceFinding],
    suppressions: impl Iterator<Item = &'s Suppression>,
) -> Vec<IdleSuppression> {
    let mut idle = Vec::new();
    for one in suppressions {
        let path = tree.name(one.span.file);
        let unknown = unknown_rule(one);
        let mut used = false;
        for finding in findings.iter_mut().filter(|finding| finding.path == path) {
            let touches =
                (finding.line..=last_line(tree, finding)).any(|line| one.lines.contains(&line));
            if touches && is_about(one, finding) {
                used = true;
                let excuse = SourceExcuse::Source { reason: reason(one), line: one.line };
                finding.excuse.get_or_insert(excuse);
            }
        }
        let because = match unknown {
            Some(because) => because,
            None if used => continue,
            None => "there is nothing for it to accept".to_owned(),
        };
        idle.push(IdleSuppression {
            path: path.to_owned(),
            line: one.line,
            text: one.told(),
            because,
        });
    }
    idle
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

fn unknown_rule(of: &Suppression) -> Option<String> {
    let Suppressed::Rule(name) = &of.of else { return None };
    if rule_cards().any(|card| card.is_called(name)) {
        return None;
    }
    let known = rule_cards().map(|card| card.id);
    let meant = crate::similar(name, known).first().map(|id| format!(", did you mean {id}?"));
    Some(format!("there is no such rule{}", meant.unwrap_or_default()))
}
