//! Findings of two builds of a driver: which are the same.

use crate::recorded::RecordedFinding;
use ringfence_finding::{ComparedFinding, Regraded};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What became of a driver's findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) new: Vec<ComparedFinding>,
    pub(super) fixed: Vec<ComparedFinding>,
    pub(super) regraded: Vec<Regraded>,
    pub(super) unchanged: usize,
}

/// Compares by rule and fingerprint. A fingerprint knows the function where debug information named it; where
/// only one of the sides had that, what is left is compared without.
pub(super) fn compare(old: &[RecordedFinding], new: &[RecordedFinding]) -> Findings {
    let (mut old, mut new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
    let mut same = pair(&mut old, &mut new, |finding| {
        Some((finding.rule.as_str(), finding.fingerprint.as_str()))
    });
    let named = |findings: &[&RecordedFinding]| findings.iter().any(|one| function(one).is_some());
    if named(&old) != named(&new) {
        same.extend(pair(&mut old, &mut new, |finding| {
            // What is about no call has nothing but the rule and the section to be known by, with or without names.
            let ddi = finding.ddi.as_deref()?;
            Some((
                finding.rule.as_str(),
                finding.section.as_deref(),
                ddi,
                finding.argument.as_deref(),
            ))
        }));
    }
    let mut found = Findings {
        new: new.into_iter().map(told).collect(),
        fixed: old.into_iter().map(told).collect(),
        ..Findings::default()
    };
    for (before, after) in same {
        match before.level == after.level {
            true => found.unchanged += 1,
            false => found.regraded.push(Regraded { old: before.level, finding: told(after) }),
        }
    }
    found
}

/// Takes those with the same key out of both lists, the first with the first.
fn pair<'f, K: Eq + Hash>(
    old: &mut Vec<&'f RecordedFinding>,
    new: &mut Vec<&'f RecordedFinding>,
    key: impl Fn(&'f RecordedFinding) -> Option<K>,
) -> Vec<(&'f RecordedFinding, &'f RecordedFinding)> {
    let mut by_key: HashMap<K, VecDeque<usize>> = HashMap::new();
    for (index, finding) in old.iter().copied().enumerate() {
        if let Some(key) = key(finding) {
            by_key.entry(key).or_default().push_back(index);
        }
    }
    let mut pairs = Vec::new();
    let mut gone = vec![false; old.len()];
    new.retain(|&finding| {
        let index = key(finding).and_then(|key| by_key.get_mut(&key)?.pop_front());
        if let Some(index) = index {
            gone[index] = true;
            pairs.push((old[index], finding));
        }
        index.is_none()
    });
    let mut gone = gone.into_iter();
    old.retain(|_| gone.next() == Some(false));
    pairs
}

fn function(finding: &RecordedFinding) -> Option<&str> {
    finding.source.as_ref()?.function.as_deref()
}

/// A finding as it is told.
pub(super) fn told(finding: &RecordedFinding) -> ComparedFinding {
    ComparedFinding {
        rule: finding.rule.clone(),
        level: finding.level,
        fingerprint: finding.fingerprint.clone(),
        rva: finding.rva,
        function: function(finding).map(str::to_owned),
        message: finding.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::RecordedSource;
    use ringfence_finding::Level;

    fn finding(rule: &str, level: Level, fingerprint: &str) -> RecordedFinding {
        RecordedFinding {
            rule: rule.to_owned(),
            level,
            fingerprint: fingerprint.to_owned(),
            message: String::new(),
            questions: vec![],
            rva: Some(0x1000),
            section: Some("PAGE".to_owned()),
            ddi: Some("ExAllocatePool".to_owned()),
            argument: Some("PoolType = NonPagedPool (0)".to_owned()),
            source: None,
            excuse: None,
        }
    }

    fn in_function(name: &str, finding: RecordedFinding) -> RecordedFinding {
        let source =
            RecordedSource { function: Some(name.to_owned()), ..RecordedSource::default() };
        RecordedFinding { source: Some(source), ..finding }
    }

    /// New, fixed, regraded, unchanged.
    fn told(old: &[RecordedFinding], new: &[RecordedFinding]) -> [usize; 4] {
        let found = compare(old, new);
        [found.new.len(), found.fixed.len(), found.regraded.len(), found.unchanged]
    }

    #[test]
    fn rule_and_fingerprint_decide() {
        let a = finding("a", Level::Error, "1:1");
        assert_eq!(told(std::slice::from_ref(&a), std::slice::from_ref(&a)), [0, 0, 0, 1]);
        let moved = RecordedFinding { rva: Some(0x9000), message: "moved".to_owned(), ..a.clone() };
        assert_eq!(told(std::slice::from_ref(&a), &[moved]), [0, 0, 0, 1]);
        let second = finding("a", Level::Error, "1:2");
        assert_eq!(told(std::slice::from_ref(&a), &[a.clone(), second]), [1, 0, 0, 1]);
        assert_eq!(
            told(std::slice::from_ref(&a), &[finding("b", Level::Error, "1:1")]),
            [1, 1, 0, 0]
        );
        let lighter = finding("a", Level::Note, "1:1");
        let found = compare(&[lighter], &[a]);
        assert_eq!(
            (found.regraded[0].old, found.regraded[0].finding.level),
            (Level::Note, Level::Error)
        );
    }

    /// A PDB beside one of the builds makes other fingerprints of the same findings.
    #[test]
    fn functions_that_one_side_does_not_know_do_not_matter() {
        let bare = [finding("a", Level::Error, "1:1"), finding("a", Level::Error, "1:2")];
        let named = [
            in_function("Read", finding("a", Level::Error, "2:1")),
            in_function("Write", finding("a", Level::Error, "3:1")),
        ];
        assert_eq!(told(&bare, &named), [0, 0, 0, 2]);
        assert_eq!(told(&named, &bare[..1]), [0, 1, 0, 1]);
        // Where both sides know them they do.
        let other = [in_function("Other", finding("a", Level::Error, "4:1"))];
        assert_eq!(told(&named[..1], &other), [1, 1, 0, 0]);
        let elsewhere = RecordedFinding { section: Some("INIT".to_owned()), ..named[0].clone() };
        assert_eq!(told(&bare[..1], &[elsewhere]), [1, 1, 0, 0]);
    }
}
