//! Variables that are counted with: a loop from one pool type to the next would not run, or run otherwise, with another
//! first value.

use super::Source;
use ringfence_finding::{SourceEdit, SourceFinding};
use ringfence_source::FileKind;

/// Keeps of a finding's fixes those that give another value to nothing that is counted with.
pub(super) fn look_at(finding: &mut SourceFinding, source: &Source<'_>) {
    let counts = |edits: &[SourceEdit]| edits.iter().any(|edit| is_counted_with(edit, source));
    if finding.fix.as_ref().is_some_and(|fix| counts(&fix.edits)) {
        finding.fix = None;
    }
    finding.other_fixes.retain(|fix| !counts(&fix.edits));
    if finding.fix.is_none() && !finding.other_fixes.is_empty() {
        finding.fix = Some(finding.other_fixes.remove(0));
    }
}

/// Whether an edit changes what a variable is given that its file counts with.
fn is_counted_with(edit: &SourceEdit, source: &Source<'_>) -> bool {
    let Some(file) = source.tree.at(&edit.path) else { return false };
    let file = source.tree.file(file);
    if !matches!(file.kind, FileKind::C | FileKind::Cpp | FileKind::Header) {
        return false;
    }
    let text = file.text.as_str();
    let Some(name) = text.get(..edit.start).and_then(given) else { return false };
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        let is_whole = !before.ends_with(is_word) && !behind.starts_with(is_word);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let is_include = line.trim_start().starts_with('#') && line.contains("include");
        is_whole && !is_include && (counts_behind(behind) || counts_before(before))
    })
}

/// The variable that is given a value in which a text ends.
fn given(before: &str) -> Option<&str> {
    let start = before.rfind([';', '{', '}', ',']).map_or(0, |at| at + 1);
    let statement = &before[start..];
    let is_plain = |at: &usize| {
        !statement[..*at].ends_with(['=', '<', '>', '!', '+', '-', '*', '/', '|', '&', '^'])
            && !statement[at + 1..].starts_with('=')
    };
    let mut places = statement.match_indices('=').map(|(at, _)| at);
    let equals = places.find(is_plain)?;
    // What a function is passed is no value of what its result is given to.
    if is_passed(&statement[equals..]) {
        return None;
    }
    let left = statement[..equals].trim_end();
    let name = &left[left.trim_end_matches(is_word).len()..];
    (!name.is_empty()).then_some(name)
}

/// Whether a text ends within the arguments of a call.
fn is_passed(text: &str) -> bool {
    let mut open = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open.push(text[..at].trim_end().ends_with(is_word)),
            ')' => drop(open.pop()),
            _ => {}
        }
    }
    open.contains(&true)
}

/// Whether what stands behind a variable computes with it or orders it, or it is an index.
fn counts_behind(behind: &str) -> bool {
    let behind = behind.trim_start();
    let is_other = ["->", "//", "/*"].iter().any(|mark| behind.starts_with(mark));
    !is_other && behind.starts_with(['<', '>', '+', '-', '*', '/', '%', ']'])
}

/// The same of what stands before it.
fn counts_before(before: &str) -> bool {
    let before = before.trim_end();
    let is_other = ["->", "//", "*/"].iter().any(|mark| before.ends_with(mark));
    !is_other && before.ends_with(['<', '>', '+', '-', '/', '%', '['])
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use crate::source::tests::fixed_by;

    fn is_fixed(body: &str) -> bool {
        let code = format!("int F(int n) {{ {body} }}");
        fixed_by("executable-pool-type", &code).0 != code
    }

    #[test]
    fn what_is_counted_with_keeps_its_value() {
        const CALL: &str = "p = ExAllocatePoolWithTag(t, 1, 'a');";
        for body in [
            format!("for (POOL_TYPE t = NonPagedPool; t < 2; t++) {CALL}"),
            format!("POOL_TYPE t = NonPagedPool; while (2 > t) {{ {CALL} ++t; }}"),
            format!("POOL_TYPE t; t = NonPagedPool; {CALL} n = names[t];"),
            format!("POOL_TYPE t = NonPagedPool; {CALL} n += t + 1;"),
            format!("POOL_TYPE t = (POOL_TYPE)(NonPagedPool); {CALL} n += t + 1;"),
        ] {
            assert!(!is_fixed(&body), "{body}");
        }
        for body in [
            format!("POOL_TYPE t = NonPagedPool; {CALL}"),
            format!("POOL_TYPE t = NonPagedPool; if (t == n) {CALL}"),
            format!("POOL_TYPE t = n > 1 ? NonPagedPool : PagedPool; {CALL}"),
            "char *h; h = ExAllocatePoolWithTag(NonPagedPool, n, 'a'); n = h + n;".to_owned(),
            "POOL_TYPE h = NonPagedPool; p = ExAllocatePoolWithTag(h, 1, 'a');\n\
             #include <b.h>\n"
                .to_owned(),
            "for (int t = 0; t < 2; t++) p = ExAllocatePoolWithTag(NonPagedPool, t, 'a');"
                .to_owned(),
        ] {
            assert!(is_fixed(&body), "{body}");
        }
    }
}
