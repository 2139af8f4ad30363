//! Memory that is kept in a variable of a file, for other functions of that file to run.

use super::{FAMILIES, Finder, MOST_LOOKED_AT};
use crate::lex::{skip_blank, word_end};
use crate::searcher::Searcher;
use crate::syntax::{Happens, Variable};
use crate::world::{GlobalEvent, World, declares};
use crate::{FileId, FileKind, Span};
use foldhash::HashMap;
use std::cell::Cell;

/// Static variables of files that hold nothing but what a DDI gave, or nothing.
pub(super) type Kept<'t> = HashMap<(FileId, &'t str), Given>;

/// What a variable is given.
pub(super) struct Given {
    /// The DDI that gives it first.
    pub(super) by: &'static str,
    /// All places where it is given.
    pub(super) at: Vec<Span>,
}

/// What is known of a variable of one file.
#[derive(Default)]
struct Seen {
    is_static: bool,
    /// Whether it may hold something else.
    is_spoiled: bool,
    given: Option<Given>,
}

/// The variables that are known to keep memory, of all that was read.
pub(super) fn kept<'t>(world: &World<'t>) -> Kept<'t> {
    let mut looked_at: HashMap<usize, u32> = HashMap::default();
    let mut kept = Kept::default();
    for (name, events) in &world.globals {
        if !events.iter().any(|event| is_static(world, event)) {
            continue;
        }
        let mut seen: HashMap<FileId, Seen> = HashMap::default();
        for event in events {
            let file = world.parsed[event.parsed].file;
            let left = looked_at.entry(event.parsed).or_insert(MOST_LOOKED_AT);
            seen.entry(file).or_default().take(world, event, left);
        }
        for (file, one) in seen {
            // A header's variable is one of each file that includes it.
            let is_own = one.is_static && world.tree.file(file).kind != FileKind::Header;
            if let Some(given) = one.given.filter(|_| is_own && !one.is_spoiled) {
                kept.insert((file, *name), given);
            }
        }
    }
    kept
}

fn variable<'w>(world: &'w World<'_>, event: &GlobalEvent) -> &'w Variable {
    let syntax = &world.parsed[event.parsed].syntax;
    match event.function {
        Some(function) => &syntax.functions[function].variables[event.event],
        None => &syntax.variables[event.event],
    }
}

fn is_static(world: &World<'_>, event: &GlobalEvent) -> bool {
    let variable = variable(world, event);
    event.function.is_none() && declares(variable) && variable.is_static
}

impl Seen {
    fn take(&mut self, world: &World<'_>, event: &GlobalEvent, left: &mut u32) {
        self.is_static |= is_static(world, event);
        let (Happens::Begins(range) | Happens::Becomes(range)) = &variable(world, event).happens
        else {
            self.is_spoiled |= !matches!(variable(world, event).happens, Happens::Declared);
            return;
        };
        let text = world.text(event.parsed, range);
        if matches!(text.trim(), "0" | "NULL" | "nullptr") {
            return;
        }
        let may_give = FAMILIES.iter().any(|family| text.contains(family));
        let finder = Finder { world, parsed: event.parsed, left: Cell::new(0) };
        *left = left.saturating_sub(u32::from(may_give));
        let by = (may_give && *left > 0).then(|| finder.given(range.clone())).flatten();
        match by {
            Some(by) => {
                let given = self.given.get_or_insert(Given { by, at: Vec::new() });
                given.at.push(finder.span(range.clone()));
            }
            None => self.is_spoiled = true,
        }
    }
}

/// The variables of each file that may keep memory and that the file may call, as far as can be told without a parser.
pub(crate) fn called<'t>(world: &World<'t>) -> HashMap<FileId, Searcher> {
    let mut names: HashMap<FileId, Vec<String>> = HashMap::default();
    for (file, name) in kept(world).into_keys() {
        names.entry(file).or_default().push(name.to_owned());
    }
    let of_file = |(file, names): (FileId, Vec<String>)| {
        let text = world.tree.file(file).text.as_str();
        let names = Searcher::of(&names);
        let is_called = |at: usize| {
            let mut at = word_end(text.as_bytes(), at);
            loop {
                at = skip_blank(text.as_bytes(), at);
                match text.as_bytes().get(at) {
                    Some(b')') => at += 1,
                    other => return other == Some(&b'('),
                }
            }
        };
        names.places(text).into_iter().any(is_called).then_some((file, names))
    };
    names.into_iter().filter_map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use crate::code_use::tests::told;

    #[test]
    fn memory_that_another_function_calls() {
        for (declared, set) in [
            ("static UCHAR *stub;", "stub = ExAllocatePool(NonPagedPool, 20);"),
            (
                "static FN *stub = NULL;",
                "stub = (FN *)ExAllocatePoolWithTag(NonPagedPool, 20, 'a');",
            ),
            (
                "static PVOID stub;",
                "stub = MmMapIoSpace(at, 20, MmNonCached); if (x) { stub = NULL; }",
            ),
        ] {
            for code in [
                format!(
                    "{declared}\nvoid Set(int x) {{ {set} }}\nvoid Go(void) {{ ((FN *)stub)(); }}"
                ),
                format!(
                    "{declared}\nvoid Go(void) {{ ((FN *)stub)(); }}\nvoid Set(int x) {{ {set} }}"
                ),
                format!("{declared}\nvoid Go(int x) {{ {set} ((FN *)stub)(); }}"),
            ] {
                let found = told(&code);
                assert!(
                    found.len() == 1 && found[0].starts_with("stub runs memory of "),
                    "{code}: {found:?}"
                );
            }
        }
    }

    /// What may hold anything else is not told.
    #[test]
    fn variables_with_other_values_are_not_told() {
        const SET: &str = "void Set(int x) { stub = ExAllocatePool(NonPagedPool, 20); }";
        const GO: &str = "void Go(void) { ((FN *)stub)(); }";
        for (declared, more) in [
            ("static UCHAR *stub;", "void Other(void) { stub = Known; }"),
            ("static UCHAR *stub;", "void Other(void) { stub += 4; }"),
            ("static UCHAR *stub;", "void Other(void) { Fill(&stub); }"),
            ("static UCHAR *stub = Known;", ""),
            // Other files may set it.
            ("UCHAR *stub;", ""),
            ("extern UCHAR *stub;", ""),
            ("static UCHAR *stub;", "#define stub Other"),
        ] {
            let code = format!("{declared}\n{SET}\n{more}\n{GO}");
            assert_eq!(told(&code), [""; 0], "{code}");
        }
        for go in [
            "void Go(FN *stub) { stub(); }",
            "void Go(void) { FN *stub = Known; stub(); }",
            "void Go(void) { s.stub(); s->stub(); stub[0](); (*(FN **)stub)(); }",
        ] {
            let code = format!("static UCHAR *stub;\n{SET}\n{go}");
            assert_eq!(told(&code), [""; 0], "{code}");
        }
    }
}
