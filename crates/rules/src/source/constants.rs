//! Constants of the tree that a fix would give another value: no two labels of a switch, and no two variants of an
//! enumeration of Rust, may be the same, and what follows in an enumeration must not move.

use super::Source;
use ringfence_ddi::Role;
use ringfence_finding::{SourceEdit, SourceFinding};
use ringfence_source::{FileId, FileKind};
use std::collections::HashMap;

/// How far an enumeration or a switch reaches, in bytes.
const FARTHEST: usize = 1 << 16;

/// Constants that fixes would change, each with whether it may be.
pub(super) struct Constants<'s> {
    source: &'s Source<'s>,
    known: HashMap<(FileId, usize, String), bool>,
}

impl<'s> Constants<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Constants<'s> {
        Constants { source, known: HashMap::new() }
    }

    /// Keeps of a finding's fixes those that leave the source one that compiles and means what it did.
    pub(super) fn keep(&mut self, finding: &mut SourceFinding) {
        let mut fits = |edits: &[SourceEdit]| edits.iter().all(|edit| self.fits(edit));
        if finding.fix.as_ref().is_some_and(|fix| !fits(&fix.edits)) {
            finding.fix = None;
        }
        finding.other_fixes.retain(|fix| fits(&fix.edits));
        if finding.fix.is_none() && !finding.other_fixes.is_empty() {
            finding.fix = Some(finding.other_fixes.remove(0));
        }
    }

    fn fits(&mut self, edit: &SourceEdit) -> bool {
        let Some(file) = self.source.tree.at(&edit.path) else { return true };
        let key = (file, edit.start, edit.replacement.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let fits = fits(self.source, file, edit);
        self.known.insert(key, fits);
        fits
    }
}

/// A constant whose definition stands around a byte of a text.
enum Defined<'t> {
    /// By a macro.
    Macro(&'t str),
    /// In an enumeration, with its braces.
    Enumerator(&'t str, &'t str),
}

fn fits(source: &Source<'_>, file: FileId, edit: &SourceEdit) -> bool {
    let kind = source.tree.file(file).kind;
    let text = source.tree.file(file).text.as_str();
    let Some(defined) = defined(text, edit.start) else { return true };
    let name = match defined {
        Defined::Macro(name) if kind != FileKind::Rust => name,
        Defined::Macro(_) => return true,
        Defined::Enumerator(name, braces) => {
            let is_twice = kind == FileKind::Rust && has_word(braces, &edit.replacement);
            if is_twice || !is_followed_by_value(braces, name) {
                return false;
            }
            name
        }
    };
    let is_c = |kind: FileKind| matches!(kind, FileKind::C | FileKind::Cpp | FileKind::Header);
    let files = source.tree.files().filter(|(_, file)| is_c(file.kind));
    let mut switches = files.flat_map(|(_, file)| switches_on(file.text.as_str(), name));
    switches.all(|labels| {
        labels.iter().all(|label| *label == name || is_other(source, label, &edit.replacement))
    })
}

/// The constant whose definition stands around a byte of a text.
fn defined(text: &str, at: usize) -> Option<Defined<'_>> {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let directive = text[line..at].trim_start().strip_prefix('#');
    if let Some(rest) = directive.and_then(|rest| rest.trim_start().strip_prefix("define")) {
        let rest = rest.trim_start();
        return Some(Defined::Macro(&rest[..word_end(rest)])).filter(|_| word_end(rest) > 0);
    }
    let start = text[..at].rfind(['{', '}', ';', ','])?;
    let own = without_remarks(&text[start + 1..at]);
    let name = &own[..word_end(own)];
    if name.is_empty() || !own[name.len()..].trim_start().starts_with('=') {
        return None;
    }
    let (open, close) = braces(text, at)?;
    let before = text[..open].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    let is_enumeration = has_word(&text[before..open], "enum");
    is_enumeration.then(|| Defined::Enumerator(name, &text[open..close]))
}

/// What is left of a text behind remarks and blanks.
fn without_remarks(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let end = match text.get(..2) {
            Some("//") => text.find('\n').map(|at| at + 1),
            Some("/*") => text.find("*/").map(|at| at + 2),
            _ => return text,
        };
        text = &text[end.unwrap_or(text.len())..];
    }
}

/// The braces around a byte of a text: where they open, and behind where they close.
fn braces(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let first = at.saturating_sub(FARTHEST);
    let mut depth = 0_usize;
    let open = (first..at).rev().find(|index| match bytes[*index] {
        b'}' => {
            depth += 1;
            false
        }
        b'{' if depth == 0 => true,
        b'{' => {
            depth -= 1;
            false
        }
        _ => false,
    })?;
    let last = bytes.len().min(open.saturating_add(FARTHEST));
    let close = (open..last).find(|index| {
        depth += usize::from(bytes[*index] == b'{');
        depth -= usize::from(bytes[*index] == b'}');
        depth == 0
    })?;
    Some((open, close + 1))
}

/// Whether what follows a constant in its enumeration, if anything does, has a value of its own.
fn is_followed_by_value(braces: &str, name: &str) -> bool {
    let inner = &braces[1..braces.len() - 1];
    let mut all = inner.split(',').map(without_remarks).filter(|one| !one.trim().is_empty());
    all.any(|one| &one[..word_end(one)] == name) && all.next().is_none_or(|next| next.contains('='))
}

/// The labels of each switch of a text that has `name` as one.
fn switches_on<'t>(text: &'t str, name: &str) -> Vec<Vec<&'t str>> {
    let is_label = |at: usize| {
        let before = text[..at].trim_end_matches([' ', '\t', '(']);
        let behind = text[at + name.len()..].trim_start_matches([' ', '\t', ')']);
        before.ends_with("case") && behind.starts_with(':')
    };
    let places = words(text, name).filter(|at| is_label(*at));
    places.map(|at| labels(text, at)).collect()
}

/// The labels of the switch around a byte of a text.
fn labels(text: &str, at: usize) -> Vec<&str> {
    // Where it ends is not plain, it may have any.
    let Some((open, close)) = braces(text, at) else { return vec![""] };
    let body = &text[open..close];
    let label = |at: usize| {
        let behind = body[at + "case".len()..].trim_start();
        behind.split(':').next().unwrap_or_default().trim().trim_matches(['(', ')'])
    };
    words(body, "case").map(label).collect()
}

/// Whether a label is plainly another value than that of a constant of the kit.
fn is_other(source: &Source<'_>, label: &str, than: &str) -> bool {
    let Some(than) = kit(than) else { return false };
    let known = |text: &str| kit(text).or_else(|| number(text));
    if let Some(value) = known(label) {
        return value != than;
    }
    if label.is_empty() || word_end(label) != label.len() {
        return false;
    }
    let mut values =
        source.tree.files().flat_map(|(_, file)| definitions(file.text.as_str(), label)).peekable();
    values.peek().is_some() && values.all(|value| known(value).is_some_and(|value| value != than))
}

/// What a text defines a constant as.
fn definitions<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let value = |at: usize| {
        let behind = &text[at + name.len()..];
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = text[line..at].trim_start();
        let is_macro = before.starts_with('#') && before.trim_end().ends_with("define");
        let end = |marks: &[char]| behind.find(marks).unwrap_or(behind.len());
        let value = match behind.trim_start().strip_prefix('=') {
            _ if is_macro => &behind[..end(&['\n'])],
            Some(rest) if !rest.starts_with('=') => {
                &rest[..rest.find([',', '}', '\n']).unwrap_or(rest.len())]
            }
            _ => return None,
        };
        Some(
            value
                .split("//")
                .next()
                .unwrap_or_default()
                .split("/*")
                .next()
                .unwrap_or_default()
                .trim(),
        )
    };
    words(text, name).filter_map(value).collect()
}

/// The value of a constant of the kit.
fn kit(name: &str) -> Option<u64> {
    let mut all = Role::ALL.into_iter().flat_map(Role::constants);
    all.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn number(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None if digits.len() > 1 && digits.starts_with('0') => None,
        None => digits.parse().ok(),
    }
}

/// Where a text has a word.
fn words(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let is_part = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !is_part(text[..*at].chars().next_back())
            && !is_part(text[at + word.len()..].chars().next())
    })
}

fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// Where the word ends that a text begins with.
fn word_end(text: &str) -> usize {
    text.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, fixed_by};
    use ringfence_finding::Targets;

    const CALL: &str = "void F(void) { p = ExAllocatePool(MY_POOL, 1); }";

    fn is_mended(before: &str, behind: &str) -> bool {
        let code = format!("{before}\n{CALL}\n{behind}");
        let (made, _) = fixed_by("executable-pool-type", &code);
        made != code
    }

    fn switch(labels: &str) -> String {
        format!("int G(int t) {{ switch (t) {{ {labels} }} return 0; }}")
    }

    #[test]
    fn no_label_of_a_switch_comes_twice() {
        const ENUM: &str =
            "enum { MY_POOL = NonPagedPool, MY_NX = NonPagedPoolNx, MY_PAGED = PagedPool };";
        const MACRO: &str = "#define MY_POOL NonPagedPool";
        for (before, labels, expected) in [
            (ENUM, "case MY_POOL: return 1; case MY_NX: return 2;", false),
            (ENUM, "case MY_POOL: return 1; case 512: return 2;", false),
            (ENUM, "case (MY_POOL): return 1; case NonPagedPoolNx: return 2;", false),
            (ENUM, "case MY_POOL: return 1; case OTHER: return 2;", false),
            (ENUM, "case MY_POOL: return 1; case 0x200 + 0: return 2;", false),
            (ENUM, "case MY_POOL: return 1; case MY_PAGED: return 2;", true),
            (ENUM, "case MY_POOL: return 1; case 1: return 2;", true),
            (ENUM, "case MY_NX: return 2;", true),
            (ENUM, "case MY_POOL_2: return 1; case MY_NX: return 2;", true),
            (MACRO, "case MY_POOL: return 1; case NonPagedPoolNx: return 2;", false),
            (MACRO, "case MY_POOL: return 1; case PagedPool: return 2;", true),
        ] {
            assert_eq!(is_mended(before, &switch(labels)), expected, "{before} {labels}");
        }
    }

    /// What has no value of its own is one more than what stands before it.
    #[test]
    fn what_follows_in_an_enumeration_does_not_move() {
        for (before, expected) in [
            ("enum { MY_POOL = NonPagedPool, NEXT };", false),
            ("enum { MY_POOL = NonPagedPool, /* more */ NEXT, LAST = 4 };", false),
            ("enum { MY_POOL = NonPagedPool, NEXT = 1 };", true),
            ("enum { FIRST, MY_POOL = NonPagedPool };", true),
            ("typedef enum _K { FIRST = 3, // MY_POOL\n MY_POOL = NonPagedPool, } K;", true),
        ] {
            assert_eq!(is_mended(before, ""), expected, "{before}");
        }
    }

    #[test]
    fn no_variant_of_rust_comes_twice() {
        for (variants, expected) in [
            (
                "Bad = wdk_sys::_POOL_TYPE::NonPagedPool, Good = wdk_sys::_POOL_TYPE::NonPagedPoolNx",
                false,
            ),
            (
                "Bad = wdk_sys::_POOL_TYPE::NonPagedPool, Good = wdk_sys::_POOL_TYPE::PagedPool",
                true,
            ),
        ] {
            let text = format!(
                "#[repr(i32)] enum Kind {{ {variants} }} unsafe fn f() {{ wdk_sys::ntddk::ExAllocatePool(Kind::Bad as i32, 8); }}"
            );
            let found = findings_of(&[("src/lib.rs", &text)], Targets::DEFAULT);
            assert_eq!(found.len(), 1, "{variants}");
            assert_eq!(found[0].fix.is_some(), expected, "{variants}");
        }
    }

    /// Another function that a condition may choose gets what the DDI gets.
    #[test]
    fn arguments_that_go_elsewhere_are_left_alone() {
        for (callee, expected) in [
            ("(c ? ExAllocatePoolWithTag : MyAlloc)", false),
            ("(c ? MyAlloc : ExAllocatePoolWithTag)", false),
            ("(c ? ExAllocatePoolWithTag : a[1].f())", false),
            ("(c ? ExAllocatePoolWithTag : ExAllocatePoolWithQuotaTag)", true),
        ] {
            let code = format!(
                "void *MyAlloc(int k, SIZE_T n, ULONG t) {{ return k ? Big(n) : Small(n); }}\n\
                 void F(int c) {{ {callee}(NonPagedPool, 1, 'a'); }}"
            );
            let (made, _) = fixed_by("executable-pool-type", &code);
            assert_eq!(made != code, expected, "{callee}");
        }
    }
}
