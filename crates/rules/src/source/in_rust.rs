//! Which fixes are right in Rust, and how they are written there.
//!
//! Rules make edits as C needs them. In Rust a name is known only where a path or a `use` leads to it, and numbers of two
//! types do not mix; so an edit is made to fit, or the fix is not offered.

use super::Source;
use ringfence_ddi::Role;
use ringfence_finding::{SourceEdit, SourceFinding};
use ringfence_source::{FileId, FileKind, SourceTree};
use std::collections::HashMap;

/// What is called in place of the older functions.
const SUCCESSORS: [&str; 2] = ["ExAllocatePool2", OF_DEVICES];
const OF_DEVICES: &str = "MmMapIoSpaceEx";

/// What edits may change in Rust.
pub(super) struct Editable<'s> {
    tree: &'s SourceTree,
    /// Constants and what leads to others, by where they stand.
    constants: HashMap<(FileId, usize, usize), (&'s str, &'s str)>,
    /// Where arguments begin, by where they end.
    arguments: HashMap<(FileId, usize), usize>,
}

impl<'s> Editable<'s> {
    pub(super) fn new(source: &Source<'s>) -> Editable<'s> {
        let mut constants = HashMap::new();
        let mut arguments = HashMap::new();
        let is_rust = |file: FileId| source.tree.file(file).kind == FileKind::Rust;
        let calls = source.analysis.calls.iter();
        for argument in
            calls.filter(|call| is_rust(call.span.file)).flat_map(|call| &call.arguments)
        {
            if let Some(span) = argument.span {
                arguments.insert((span.file, span.end as usize), span.start as usize);
            }
            for term in argument.value.choices.iter().flat_map(|choice| &choice.terms) {
                if let (Some(span), Some(path)) = (term.span, term.path.as_deref()) {
                    let place = (span.file, span.start as usize, span.end as usize);
                    constants.insert(place, (&*term.name, path));
                }
            }
        }
        Editable { tree: source.tree, constants, arguments }
    }

    /// Makes the fixes of a finding fit, or takes them away.
    pub(super) fn fit(&self, finding: &mut SourceFinding) {
        finding
            .other_fixes
            .retain_mut(|fix| fix.edits.iter_mut().all(|edit| self.fit_succession(edit).is_some()));
        let Some(mut fix) = finding.fix.take() else { return };
        // The pool's successor is offered beside a fix, never as one.
        let is_succession = fix.edits.iter().any(|edit| edit.replacement == OF_DEVICES);
        let fit = |edit: &mut SourceEdit| match is_succession {
            true => self.fit_succession(edit),
            false => self.fit_edit(edit),
        };
        if fix.edits.iter_mut().all(|edit| fit(edit).is_some()) {
            finding.fix = Some(fix);
        }
    }

    /// None where the edit is not right.
    fn fit_edit(&self, edit: &mut SourceEdit) -> Option<()> {
        let Some(file) = self.tree.at(&edit.path) else { return Some(()) };
        if self.tree.file(file).kind != FileKind::Rust {
            return Some(());
        }
        let old = self.constants.get(&(file, edit.start, edit.end));
        if let Some((_, path)) = old.filter(|(name, _)| are_alike(name, &edit.replacement)) {
            edit.replacement.insert_str(0, path);
            return Some(());
        }
        self.fit_addition(file, edit)
    }

    /// An edit of a fix that calls the successor of a function; none where it is not right.
    fn fit_succession(&self, edit: &mut SourceEdit) -> Option<()> {
        let Some(file) = self.tree.at(&edit.path) else { return Some(()) };
        if self.tree.file(file).kind != FileKind::Rust {
            return Some(());
        }
        let text = self.tree.file(file).text.as_str();
        if is_successor(edit) {
            // It is known by the path before it, or where all functions are taken in.
            let is_led_to = text.get(..edit.start)?.ends_with("::") || text.contains("ntddk::*");
            return is_led_to.then_some(());
        }
        let is_flag = |name: &str| {
            (name.starts_with("POOL_FLAG_") || name.starts_with("PAGE_")) && is_name(name)
        };
        let is_argument = self.arguments.get(&(file, edit.end)) == Some(&edit.start);
        if !is_argument || !edit.replacement.split(" | ").all(is_flag) {
            return self.fit_edit(edit);
        }
        text.contains("wdk_sys::").then_some(())?;
        let flags = edit.replacement.split(" | ").map(|name| format!("wdk_sys::{name}"));
        edit.replacement = flags.collect::<Vec<_>>().join(" | ");
        Some(())
    }

    /// ` | MdlMappingNoExecute` behind an argument.
    fn fit_addition(&self, file: FileId, edit: &mut SourceEdit) -> Option<()> {
        let start = *self.arguments.get(&(file, edit.end))?;
        let text = self.tree.file(file).text.as_str();
        let argument = text.get(start..edit.end)?;
        let added = match edit.start {
            at if at == edit.end => &edit.replacement[..],
            at if at == start => edit.replacement.strip_prefix(argument)?,
            _ => return None,
        };
        let name = added.strip_prefix(" | ").filter(|name| is_name(name))?;
        // The constant has that name in these bindings, and it is a `u32`, as the argument has to be.
        (text.contains("wdk_sys::") && has_one_type(argument)).then_some(())?;
        let before = edit.replacement.len() - name.len();
        edit.replacement.insert_str(before, "wdk_sys::");
        Some(())
    }
}

/// Whether an edit calls what takes the place of an older function.
fn is_successor(edit: &SourceEdit) -> bool {
    SUCCESSORS.contains(&&*edit.replacement)
}

/// Whether two constants stand side by side in the bindings and have one type: those of a role do, but for the macros among
/// those of an enumeration.
fn are_alike(one: &str, other: &str) -> bool {
    let is_macro = |name: &str| !name.contains(|letter: char| letter.is_ascii_lowercase());
    let has = |role: &Role, name: &str| role.constants().any(|(known, _)| known == name);
    is_macro(one) == is_macro(other)
        && Role::ALL.iter().any(|role| has(role, one) && has(role, other))
}

fn is_name(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.chars().all(is_part) && text.starts_with(|first: char| !first.is_ascii_digit())
}

/// Whether an expression has the type that it has however it is used: numbers, constants, and conversions to a type that
/// is named. What a variable is may follow from what it is passed to.
fn has_one_type(expression: &str) -> bool {
    let is_plain = |letter: char| {
        letter.is_ascii_alphanumeric()
            || letter.is_ascii_whitespace()
            || matches!(letter, '_' | ':' | '|' | '(' | ')')
    };
    let has_type = |operand: &str| {
        let operand = operand.trim_matches(['(', ')', ' ']);
        let name = operand.rsplit("::").next().unwrap_or(operand);
        match operand.rsplit_once(" as ") {
            Some((_, target)) => target.trim() != "_",
            None => {
                name.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit())
            }
        }
    };
    expression.chars().all(is_plain) && expression.split('|').all(has_type)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{findings_of, said};
    use super::*;
    use crate::source::{Mend, edit, fix};
    use ringfence_finding::{Safety, Targets};
    use ringfence_source::{SourceText, Span, analyse};

    /// What the rules say of a file, and the file with their safe fixes made.
    fn linted(text: &str) -> (Vec<String>, String) {
        let findings = findings_of(&[("src/lib.rs", text)], Targets::DEFAULT);
        let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
        let safe = fixes.filter(|fix| fix.safety == Safety::Safe);
        let mut edits: Vec<_> = safe.flat_map(|fix| fix.edits.clone()).collect();
        edits.sort_by_key(|edit| edit.start);
        edits.dedup();
        let mut mended = text.to_owned();
        for edit in edits.iter().rev() {
            mended.replace_range(edit.start..edit.end, &edit.replacement);
        }
        (findings.iter().map(said).collect(), mended)
    }

    #[test]
    fn rust_is_judged_as_c_is() {
        let text = "use wdk_sys::{*, ntddk::*};
unsafe fn take() -> PVOID { ExAllocatePoolWithTag(_POOL_TYPE::NonPagedPool, 64, 1) }
unsafe fn other() -> PVOID { ExAllocatePoolWithTag(_POOL_TYPE::NonPagedPoolNx, 64, 1) }";
        let (said, mended) = linted(text);
        assert_eq!(
            said,
            ["src/lib.rs:2:51 error[executable-pool-type] certify: memory is requested from an \
              executable pool: PoolType = NonPagedPool (0) at ExAllocatePoolWithTag"]
        );
        assert_eq!(mended, text.replace("::NonPagedPool,", "::NonPagedPoolNx,"));
    }

    /// The same calls bring the same findings, in the same words.
    #[test]
    fn rust_says_what_c_says() {
        let told = |path: &str, text: &str| -> Vec<String> {
            let said = findings_of(&[(path, text)], Targets::DEFAULT);
            let told = |one: &SourceFinding| {
                format!("{} {}: {} {:?}", one.level, one.rule, one.message, one.notes)
            };
            said.iter().map(told).collect()
        };
        for (rust, c) in [
            (
                "ExInitializeNPagedLookasideList(l, None, None, 0, 64, 1, 0)",
                "ExInitializeNPagedLookasideList(l, NULL, NULL, 0, 64, 1, 0)",
            ),
            (
                "ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 1)",
                "ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 1)",
            ),
            (
                "ExAllocatePool2(_POOL_TYPE::NonPagedPoolNx as u64, 64, 1)",
                "ExAllocatePool2(NonPagedPoolNx, 64, 1)",
            ),
            (
                "ZwAllocateVirtualMemory(usize::MAX as HANDLE, &mut b, 0, &mut s, MEM_COMMIT, PAGE_EXECUTE_READWRITE)",
                "ZwAllocateVirtualMemory(ZwCurrentProcess(), &b, 0, &s, MEM_COMMIT, PAGE_EXECUTE_READWRITE)",
            ),
            (
                "MmMapLockedPagesSpecifyCache(m, _MODE::UserMode as i8, _MEMORY_CACHING_TYPE::MmCached, null_mut(), 0, 16)",
                "MmMapLockedPagesSpecifyCache(m, UserMode, MmCached, NULL, 0, 16)",
            ),
            ("MmMapLockedPages(m, _MODE::UserMode as i8)", "MmMapLockedPages(m, UserMode)"),
            (
                "MmMapIoSpace(a, 64, _MEMORY_CACHING_TYPE::MmNonCached)",
                "MmMapIoSpace(a, 64, MmNonCached)",
            ),
            ("MmMapLockedPages(m, _MODE::KernelMode as i8)", "MmMapLockedPages(m, KernelMode)"),
        ] {
            let of_rust =
                told("src/lib.rs", &format!("use wdk_sys::{{*, ntddk::*}}; fn f() {{ {rust}; }}"));
            let of_c = told("a.c", &format!("#include <ntddk.h>\nvoid f(void) {{ {c}; }}"));
            assert_eq!(of_rust, of_c);
            assert_eq!(of_rust.len(), 1, "{rust}");
        }
    }

    #[test]
    fn a_constant_is_replaced_by_one_that_has_a_name_there() {
        for (text, mended) in [
            // The bindings are taken whole.
            ("use wdk_sys::_POOL_TYPE::*; const P: POOL_TYPE = NonPagedPool;", "NonPagedPoolNx"),
            // Only this one is brought in, perhaps by another name.
            (
                "use wdk_sys::_POOL_TYPE::NonPagedPool; const P: POOL_TYPE = NonPagedPool;",
                "wdk_sys::_POOL_TYPE::NonPagedPoolNx",
            ),
            (
                "use wdk_sys::_POOL_TYPE::{NonPagedPool as NP}; const P: POOL_TYPE = NP;",
                "wdk_sys::_POOL_TYPE::NonPagedPoolNx",
            ),
            // bindgen's other way to name them.
            (
                "use sys::*; const P: POOL_TYPE = _POOL_TYPE_NonPagedPool;",
                "_POOL_TYPE_NonPagedPoolNx",
            ),
            // A number is no name, and this name is the crate's own.
            ("const P: POOL_TYPE = 0;", "0"),
            ("const P: POOL_TYPE = NonPagedPool; const NonPagedPool: i32 = 0;", "NonPagedPool"),
            ("use super::NonPagedPool; const P: POOL_TYPE = NonPagedPool;", "NonPagedPool"),
        ] {
            let call = "unsafe fn f() { wdk_sys::ntddk::ExAllocatePool(P, 8); }";
            let (said, made) = linted(&format!("{text} {call}"));
            assert_eq!(said.len(), 1, "{text}");
            let value = made.split_once("const P: POOL_TYPE = ").unwrap().1;
            assert_eq!(value.split_once(';').unwrap().0, mended, "{text}");
        }
    }

    /// What is left of a fix of one edit, made of the file and the last argument of its only call.
    fn fitted(text: &str, edited: impl Fn(Span) -> (Span, String)) -> Option<String> {
        let mut tree = SourceTree::default();
        tree.add("src/lib.rs", SourceText::of(text)).unwrap();
        let analysis = analyse(&tree, &[], &[]);
        let source = Source {
            tree: &tree,
            projects: &[],
            analysis: &analysis,
            targets: Targets::DEFAULT,
            strict: false,
            code_analysis: false,
        };
        let (span, with) = edited(analysis.calls[0].arguments.last().unwrap().span.unwrap());
        let pool = "fn f() { wdk_sys::ntddk::ExAllocatePool(0, 8); }";
        let mut finding = findings_of(&[("src/lib.rs", pool)], Targets::DEFAULT).remove(0);
        finding.fix = fix("change it", Mend::Safe, vec![edit(&source, span, with)]);
        Editable::new(&source).fit(&mut finding);
        finding.fix.map(|fix| fix.edits[0].replacement.clone())
    }

    #[test]
    fn a_flag_is_added_where_types_allow() {
        for (argument, fits) in [
            ("_MM_PAGE_PRIORITY::NormalPagePriority as ULONG", true),
            ("(HighPagePriority as u32 | MdlMappingNoWrite)", true),
            ("crate::PRIORITY", true),
            ("16", true),
            ("priority", false),
            ("HighPagePriority as u32 | more", false),
            ("NormalPagePriority as _", false),
            ("NormalPagePriority.try_into().unwrap()", false),
            ("PRIORITY & 16", false),
        ] {
            let text = format!(
                "fn f() {{ wdk_sys::ntddk::MmMapLockedPagesSpecifyCache(m, 0, 1, n, 0, {argument}); }}"
            );
            let behind = |span: Span| {
                (Span { start: span.end, ..span }, " | MdlMappingNoExecute".to_owned())
            };
            let added = " | wdk_sys::MdlMappingNoExecute";
            assert_eq!(fitted(&text, behind), fits.then(|| added.to_owned()), "{argument}");
            let whole = |span: Span| (span, format!("{argument} | MdlMappingNoExecute"));
            let added = format!("{argument}{added}");
            assert_eq!(fitted(&text, whole), fits.then_some(added), "{argument}");
        }
        // Nothing is known of the names of other bindings.
        let text = "extern \"C\" { fn MmMapLockedPages(m: PMDL, mode: i8); } fn f() { MmMapLockedPages(m, 0); }";
        let behind = |span: Span| (Span { start: span.end, ..span }, " | FLAG".to_owned());
        assert_eq!(fitted(text, behind), None);
    }

    /// Names are known by their paths, as in `wdk-sys` 0.3: functions in `ntddk`, constants in the root.
    #[test]
    fn the_successor_is_called_where_its_name_is_known() {
        const BEFORE: &str = "wdk_sys::_POOL_TYPE::NonPagedPool, 10, 1";
        const FLAGS: &str =
            "wdk_sys::POOL_FLAG_NON_PAGED | wdk_sys::POOL_FLAG_UNINITIALIZED, 10, 1";
        for (head, callee, successor) in [
            ("", "wdk_sys::ntddk::ExAllocatePoolWithTag", Some("wdk_sys::ntddk::ExAllocatePool2")),
            ("use wdk_sys::ntddk;", "ntddk::ExAllocatePoolWithTag", Some("ntddk::ExAllocatePool2")),
            ("use wdk_sys::ntddk::*;", "ExAllocatePoolWithTag", Some("ExAllocatePool2")),
            ("use wdk_sys::ntddk::ExAllocatePoolWithTag;", "ExAllocatePoolWithTag", None),
        ] {
            let text = |callee: &str, arguments: &str| {
                format!("{head} unsafe fn f() {{ {callee}({arguments}); }}")
            };
            let before = text(callee, BEFORE);
            let findings = findings_of(&[("src/lib.rs", &before)], Targets::since(19041));
            assert_eq!(findings.len(), 1, "{before}");
            let made = findings[0].other_fixes.first().map(|fix| {
                let mut made = before.clone();
                let mut edits: Vec<_> = fix.edits.iter().collect();
                edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
                edits.iter().for_each(|edit| {
                    made.replace_range(edit.start..edit.end, &edit.replacement);
                });
                made
            });
            assert_eq!(made, successor.map(|successor| text(successor, FLAGS)), "{before}");
        }
        // The tag of the kit's headers is written as C has it.
        let untagged = "unsafe fn f() { wdk_sys::ntddk::ExAllocatePool(wdk_sys::_POOL_TYPE::NonPagedPool, 8); }";
        let findings = findings_of(&[("src/lib.rs", untagged)], Targets::since(19041));
        assert_eq!(findings[0].other_fixes, []);
    }

    /// `MmMapIoSpaceEx` takes a protection where the old function takes a cache type; both are in `ntddk`.
    #[test]
    fn device_memory_is_mapped_by_the_successor() {
        for (cache_type, protection) in [
            ("_MEMORY_CACHING_TYPE::MmNonCached", "PAGE_READWRITE | wdk_sys::PAGE_NOCACHE"),
            ("_MEMORY_CACHING_TYPE::MmCached", "PAGE_READWRITE"),
        ] {
            let text = |callee: &str, last: &str| {
                format!("unsafe fn f() {{ wdk_sys::ntddk::{callee}(a, 64, wdk_sys::{last}); }}")
            };
            let (_, made) = linted(&text("MmMapIoSpace", cache_type));
            assert_eq!(made, text("MmMapIoSpaceEx", protection));
        }
        let named = "use wdk_sys::ntddk::MmMapIoSpace; fn f() { MmMapIoSpace(a, 64, wdk_sys::_MEMORY_CACHING_TYPE::MmCached); }";
        assert_eq!(linted(named).1, named);
    }

    /// What a rule does otherwise is not offered.
    #[test]
    fn other_edits_are_for_c_alone() {
        let text =
            "fn f() { wdk_sys::ntddk::ExAllocatePool(wdk_sys::_POOL_TYPE::NonPagedPool, 8); }";
        let callee =
            |span: Span| (Span { start: 25, end: 39, ..span }, "ExAllocatePool2".to_owned());
        assert_eq!(fitted(text, callee), None);
        let whole = |span: Span| (Span { start: 40, end: 73, ..span }, "NonPagedPoolNx".to_owned());
        assert_eq!(fitted(text, whole), None);
        let last = |span: Span| (Span { start: 61, end: 73, ..span }, "NonPagedPoolNx".to_owned());
        assert_eq!(fitted(text, last), Some("NonPagedPoolNx".to_owned()));
        let call =
            |span: Span| (Span { start: 61, end: 73, ..span }, "a(NonPagedPoolNx)".to_owned());
        assert_eq!(fitted(text, call), None);
    }
}
