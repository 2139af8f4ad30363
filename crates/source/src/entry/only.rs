//! Functions that nothing calls but what has opted in by then: `if (c) { ExInitializeDriverRuntime(…); Allocate(); }`.

use super::starts;
use crate::calls::CallId;
use crate::directive::directives;
use crate::lex::{Kind, Token, tokens};
use crate::outline::bodies;
use crate::world::{FunctionId, World};
use crate::{FileId, SourceTree};
use foldhash::{HashSet, HashSetExt};

/// How many functions are looked at; of more it is not known.
const MOST_FUNCTIONS: usize = 64;

/// The functions that are called nowhere in the tree but at `sites`, or in one of them, and named nowhere else.
pub(super) fn only_called(world: &World<'_>, sites: Vec<CallId>) -> Vec<FunctionId> {
    let mut places: HashSet<(FileId, usize)> = HashSet::new();
    let mut found: Vec<FunctionId> = Vec::new();
    let mut asked: HashSet<FunctionId> = HashSet::new();
    let mut level = sites;
    while !level.is_empty() {
        let callee = |id: &CallId| &world.parsed[id.parsed].syntax.calls[id.call].callee;
        places.extend(level.iter().map(|id| (world.parsed[id.parsed].file, callee(id).start)));
        let called =
            level.iter().flat_map(|id| world.called(id.parsed, world.text(id.parsed, callee(id))));
        let candidates: Vec<FunctionId> = called.collect();
        level.clear();
        for id in candidates {
            if asked.len() >= MOST_FUNCTIONS {
                return found;
            }
            if !asked.insert(id) || !is_only_called(world, id, &places) {
                continue;
            }
            found.push(id);
            let own = world.call_words(id.parsed).within(id.function);
            level.extend(own.map(|call| CallId { parsed: id.parsed, call }));
        }
    }
    found
}

/// Whether a function is named at `places` only, beside where it is declared.
fn is_only_called(world: &World<'_>, id: FunctionId, places: &HashSet<(FileId, usize)>) -> bool {
    let parsed = &world.parsed[id.parsed];
    let function = &parsed.syntax.functions[id.function];
    let name = world.text(id.parsed, &function.name);
    if starts(world).any(|start| start == name) {
        return false;
    }
    let tree: &SourceTree = world.tree;
    let is_own = |file: FileId| !function.is_static || file == parsed.file;
    let mut files = tree.files().filter(|(file, _)| is_own(*file));
    files.all(|(file, source)| {
        let text = source.text.as_str();
        memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_none()
            || uses(text, name).all(|at| places.contains(&(file, at)))
    })
}

/// Where a text names a function, but to declare or define it.
fn uses<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    let (directives, bodies) = (directives(text), bodies(text.as_bytes()));
    let in_directive = move |at: usize| {
        let before = directives.partition_point(|one| one.range.start <= at);
        directives[..before].last().is_some_and(|last| last.range.contains(&at))
    };
    let in_body = move |at: usize| {
        let before = bodies.partition_point(|body| body.range.start <= at);
        bodies[..before].last().is_some_and(|last| last.range.contains(&at))
    };
    let is_it = move |token: &Token| token.kind == Kind::Word && token.text(text) == name;
    let is_declared = move |token: &Token| {
        let behind = text.get(token.end..).unwrap_or_default().trim_start();
        behind.starts_with('(') && !in_directive(token.start) && !in_body(token.start)
    };
    let all = tokens(text, 0, text.len()).filter(is_it);
    all.filter(move |token| !is_declared(token)).map(|token| token.start)
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{told, tree};

    const HEAD: &str = "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n";
    const ALLOCATE: &str = "void Allocate(void) { ExAllocatePool(NonPagedPool, 1); }";

    /// The value that is asked for in `Allocate`.
    fn value(code: &str, others: &str) -> String {
        let init = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";
        let entry = format!(
            "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {{ int v = Read(r); {code} return 0; }}"
        );
        let text = format!("{HEAD}{ALLOCATE}\n{others}\n{}", entry.replace("INIT", init));
        let found = told(&tree(&[("a.c", &text)]), &[]);
        found[0].split_once("Pool ").unwrap().1.to_owned()
    }

    #[test]
    fn what_only_runs_where_it_opts_in_is_in_order() {
        for (code, others) in [
            ("if (v) { INIT Allocate(); }", ""),
            ("if (v) { INIT Allocate(); Allocate(); }", "void Allocate(void);"),
            ("if (v) { INIT Between(); }", "static void Between(void) { Allocate(); }"),
            ("if (v) { INIT } else { return 1; } Allocate();", ""),
        ] {
            assert_eq!(value(code, others), "0x200", "{code}");
        }
    }

    /// Something else may call it without.
    #[test]
    fn what_also_runs_elsewhere_is_not() {
        for (code, others) in [
            ("if (v) { INIT Allocate(); } Allocate();", ""),
            ("if (v) { Allocate(); INIT }", ""),
            ("if (v) { INIT } Allocate();", ""),
            ("if (v) { INIT Allocate(); }", "void Dispatch(void) { Allocate(); }"),
            ("if (v) { INIT Allocate(); } d->DriverUnload = Allocate;", ""),
            (
                "if (v) { INIT Allocate(); }",
                "#define AGAIN Allocate()\nvoid Dispatch(void) { AGAIN; }",
            ),
            (
                "if (v) { INIT Between(); }",
                "static void Between(void) { Allocate(); }\nvoid Dispatch(void) { Between(); }",
            ),
        ] {
            assert_ne!(value(code, others), "0x200", "{code} {others}");
        }
    }
}
