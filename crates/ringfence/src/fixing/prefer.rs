//! Which of several fixes of a finding is made.

use ringfence_finding::{Fix, Safety, SourceFinding};

/// Lets the fix that writes `name`, such as a newer function, be the one that is made of each finding that has it
/// among its other fixes.
pub fn prefer(findings: &mut [SourceFinding], name: &str) {
    for finding in findings {
        let Some(first) = &mut finding.fix else { continue };
        if let Some(other) = finding.other_fixes.iter_mut().find(|fix| writes(fix, name)) {
            std::mem::swap(first, other);
        }
    }
}

fn writes(fix: &Fix, name: &str) -> bool {
    fix.safety != Safety::Proposed && fix.edits.iter().any(|edit| edit.replacement.contains(name))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{edit, finding};
    use super::*;

    #[test]
    fn only_a_fix_that_can_be_made_comes_first() {
        let with = |safety: Safety| {
            let other = finding("a.c", safety, &[edit("a.c", 0..1, "New(1)")]).fix;
            finding("a.c", Safety::Safe, &[edit("a.c", 0..1, "x")]).or_fixed_by(other)
        };
        for (safety, name, expected) in [
            (Safety::Unsafe, "New", "New(1)"),
            (Safety::Unsafe, "Newer", "x"),
            (Safety::Proposed, "New", "x"),
        ] {
            let mut findings = [with(safety)];
            prefer(&mut findings, name);
            assert_eq!(findings[0].fix.as_ref().unwrap().edits[0].replacement, expected);
            assert_eq!(findings[0].other_fixes.len(), 1);
        }
    }
}
