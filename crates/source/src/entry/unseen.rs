//! Whether control may come to a call that opts in by ways that are not followed: pointers, constructors and macros.

use super::{DEEPEST, starts};
use crate::call_words::Names;
use crate::calls::CallId;
use crate::directive::{DirectiveKind, directives};
use crate::lex::{Kind, Token, tokens};
use crate::world::{FunctionId, World};
use crate::{FileId, FileKind};
use foldhash::{HashSet, HashSetExt};

/// How many calls are asked about; of more it is not known.
const MOST_CALLS: usize = 16;

/// The first of `calls` that control may come to unseen, by what files of the driver's `own` say.
pub(super) fn first(
    world: &World<'_>,
    calls: &[CallId],
    own: &dyn Fn(usize) -> bool,
) -> Option<CallId> {
    let mut asked = calls.iter().copied().take(MOST_CALLS);
    asked.find(|call| may_come(world, *call, own)).or_else(|| calls.get(MOST_CALLS).copied())
}

/// Whether the function around a call, or one that leads to it, is named where it is not called, or is one that the
/// compiler calls.
fn may_come(world: &World<'_>, call: CallId, own: &dyn Fn(usize) -> bool) -> bool {
    let Some(function) = world.parsed[call.parsed].syntax.calls[call.call].function else {
        // What is outside of functions runs as a variable is made.
        return true;
    };
    let mut known: HashSet<&str> = starts(world).collect();
    let mut level = vec![FunctionId { parsed: call.parsed, function }];
    for _ in 0..DEEPEST {
        let mut names = Vec::new();
        for id in level.drain(..) {
            if is_of_compiler(world, id) {
                return true;
            }
            let name =
                world.text(id.parsed, &world.parsed[id.parsed].syntax.functions[id.function].name);
            if known.insert(name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return false;
        }
        if is_named(world, &names, own) {
            return true;
        }
        let numbers = Names::of(names.iter().copied());
        for parsed in (0..world.parsed.len()).filter(|parsed| own(*parsed)) {
            let words = world.call_words(parsed);
            let all = &world.parsed[parsed].syntax.calls;
            let leads = |call: &usize| {
                words.may_call(*call, &numbers)
                    && names.contains(&world.text(parsed, &all[*call].callee))
            };
            for call in (0..all.len()).filter(leads) {
                match all[call].function {
                    Some(function) => level.push(FunctionId { parsed, function }),
                    None => return true,
                }
            }
        }
    }
    // Deeper than control is followed.
    true
}

/// Whether a function has no type: the compiler calls constructors, destructors and conversions.
fn is_of_compiler(world: &World<'_>, id: FunctionId) -> bool {
    let parsed = &world.parsed[id.parsed];
    let of = &parsed.syntax.functions[id.function].of;
    parsed.kind(world.tree) == FileKind::Cpp && world.text(id.parsed, of).is_empty()
}

/// Whether one of `names` stands where it is neither called nor declared.
fn is_named(world: &World<'_>, names: &[&str], own: &dyn Fn(usize) -> bool) -> bool {
    let mut seen: HashSet<FileId> = HashSet::new();
    let mut files = (0..world.parsed.len()).filter(|parsed| own(*parsed));
    files.any(|parsed| {
        let file = world.parsed[parsed].file;
        seen.insert(file) && is_named_in(world.tree.file(file).text.as_str(), names)
    })
}

fn is_named_in(text: &str, names: &[&str]) -> bool {
    let has = |name: &&str| memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_some();
    if !names.iter().any(has) {
        return false;
    }
    let directives = directives(text);
    // A macro may call it; other directives only place it.
    let in_directive = |at: usize| {
        let before = directives.partition_point(|one| one.range.start <= at);
        let around = directives[..before].last().filter(|one| one.range.contains(&at))?;
        Some(matches!(&around.kind, DirectiveKind::Define(define) if define.body.contains(&at)))
    };
    let mut before: Option<Token> = None;
    let mut all = tokens(text, 0, text.len()).peekable();
    while let Some(token) = all.next() {
        let last = before.replace(token);
        if token.kind != Kind::Word || !names.contains(&token.text(text)) {
            continue;
        }
        if let Some(is_body) = in_directive(token.start) {
            if is_body {
                return true;
            }
            continue;
        }
        let next = all.peek().map_or("", |next| next.text(text));
        let is_member = last.is_some_and(|last| matches!(last.text(text), "." | "->"));
        let is_declared = next == ";"
            && last.is_some_and(|last| last.kind == Kind::Word && last.text(text) != "return");
        if !(next == "(" || next == "::" || is_member || is_declared) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_named_in;
    use crate::{Initialised, OptIn, SourceText, SourceTree, analyse};

    const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";

    fn said(path: &str, code: &str) -> Initialised {
        let mut tree = SourceTree::default();
        let uses = "void F(void) { ExAllocatePool(NonPagedPool, 1); }";
        let text = format!("#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n{code}\n{uses}\n");
        tree.add(path, SourceText::of(text)).unwrap();
        let analysis = analyse(&tree, &[], &[]);
        let Some((_, OptIn::Runtime(said))) = analysis.opt_ins.first() else {
            panic!("{:?}", analysis.opt_ins)
        };
        said.clone()
    }

    /// The names are given away, or the compiler calls the function.
    #[test]
    fn control_may_come_unseen() {
        let entry = "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)";
        let init = format!("VOID Init(VOID) {{ {CALL} }}");
        for code in [
            format!("{init} static const FN All[] = {{ Init }}; {entry} {{ All[0](); }}"),
            format!("{init} {entry} {{ Once(&Init); }}"),
            format!("{init} VOID Other(VOID) {{ Init(); }} {entry} {{ d->Start = Other; }}"),
            format!("{init}\n#define START(a) a.Do(Init)\n{entry} {{ START(d); }}"),
        ] {
            assert!(matches!(said("a.c", &code), Initialised::Unseen(_)), "{code}");
        }
        for code in [
            format!("struct D {{ D() {{ {CALL} }} }}; {entry} {{ D d; }}"),
            format!("struct D {{ D(); }}; D::D() {{ {CALL} }} {entry} {{ D d; }}"),
            format!("static int a = [] {{ {CALL} return 1; }}(); {entry} {{ }}"),
        ] {
            assert!(matches!(said("a.cpp", &code), Initialised::Unseen(_)), "{code}");
        }
    }

    #[test]
    fn what_nothing_comes_to_is_elsewhere() {
        let entry = "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) { return 0; }";
        for code in [
            format!("VOID Init(VOID) {{ {CALL} }} {entry}"),
            format!(
                "INIT_FN Init;\n#pragma alloc_text(INIT, Init)\nVOID Init(VOID) {{ {CALL} }} {entry}"
            ),
            format!("VOID Init(VOID) {{ {CALL} }} VOID Other(VOID) {{ Init(); }} {entry}"),
        ] {
            for path in ["a.c", "a.cpp"] {
                assert!(matches!(said(path, &code), Initialised::Elsewhere(_)), "{path} {code}");
            }
        }
    }

    #[test]
    fn comments_and_members_are_no_uses() {
        for text in ["/* Init */", "\"Init\"", "p->Init = 1;", "FN Init;", "Init();", "xInit = y;"]
        {
            assert!(!is_named_in(text, &["Init"]), "{text}");
        }
        for text in ["f(Init)", "x = Init;", "return Init;", "#define A Init\n", "{ 1, Init }"] {
            assert!(is_named_in(text, &["Init"]), "{text}");
        }
    }
}
