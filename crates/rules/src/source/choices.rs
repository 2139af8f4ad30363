//! Choices that a fix would make idle: `c ? NonPagedPool : NonPagedPoolNx` chose, and would not any more.

use super::Source;
use ringfence_finding::{Fix, Safety, SourceEdit, SourceFinding};

/// Why a person should look at it.
const IDLE: &str = "both ways of the choice would be the same then";

/// Lets no fix be safe that makes both ways of a `?:` the same.
pub(super) fn look_at(finding: &mut SourceFinding, source: &Source<'_>) {
    for fix in finding.fix.iter_mut().chain(&mut finding.other_fixes) {
        if fix.safety == Safety::Safe && fix.edits.iter().any(|edit| makes_idle(edit, fix, source))
        {
            fix.safety = Safety::Unsafe;
            fix.because = Some(IDLE.to_owned());
        }
    }
}

fn makes_idle(edit: &SourceEdit, fix: &Fix, source: &Source<'_>) -> bool {
    let Some(file) = source.tree.at(&edit.path) else { return false };
    let text = source.tree.file(file).text.as_str();
    let Some((start, end)) = other_way(text, edit) else { return false };
    let is_it = |one: &&SourceEdit| one.path == edit.path && (one.start, one.end) == (start, end);
    let then = fix.edits.iter().find(is_it).map_or(&text[start..end], |one| &one.replacement);
    then == edit.replacement
}

/// Where the word is that stands on the other side of the `:` of a choice, where an edit replaces all of one side.
fn other_way(text: &str, edit: &SourceEdit) -> Option<(usize, usize)> {
    let before = text.get(..edit.start)?.trim_end();
    let behind = text.get(edit.end..)?;
    if before.ends_with('?') {
        let rest = behind.trim_start().strip_prefix(':')?.trim_start();
        let start = text.len() - rest.len();
        let end = start + rest.find(|one| !is_word(one)).unwrap_or(rest.len());
        let is_all = text[end..].trim_start().starts_with([',', ')', ';']);
        return (end > start && is_all).then_some((start, end));
    }
    let before = before.strip_suffix(':')?.trim_end();
    let start = before.trim_end_matches(is_word).len();
    let is_all = before[..start].trim_end().ends_with('?')
        && behind.trim_start().starts_with([',', ')', ';']);
    (start < before.len() && is_all).then_some((start, before.len()))
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use crate::source::tests::findings_of;
    use ringfence_finding::{Safety, Targets};

    fn safety(pool_type: &str) -> Option<Safety> {
        let text = format!(
            "#include <ntddk.h>\nvoid F(int n) {{ p = ExAllocatePoolWithTag({pool_type}, 1, 'a'); }}"
        );
        let found = findings_of(&[("a.c", &text)], Targets::DEFAULT);
        assert_eq!(found.len(), 1, "{pool_type}: {found:?}");
        found[0].fix.as_ref().map(|fix| fix.safety)
    }

    #[test]
    fn a_choice_that_would_choose_nothing_is_for_a_person() {
        for idle in [
            "n ? NonPagedPool : NonPagedPoolNx",
            "n ? NonPagedPoolNx : NonPagedPool",
            "(n > 1) ?\n NonPagedPoolNx : NonPagedPool",
        ] {
            assert_eq!(safety(idle), Some(Safety::Unsafe), "{idle}");
        }
        for other in
            ["n ? NonPagedPool : PagedPool", "n ? PagedPool : NonPagedPool", "NonPagedPool"]
        {
            assert_eq!(safety(other), Some(Safety::Safe), "{other}");
        }
    }
}
