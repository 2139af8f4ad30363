//! Uses of macros that are no functions and call something: `#define GET_BUF ExAllocatePool(NonPagedPool, 1)`. A parser
//! sees a name there, and no call.

use crate::SourceTree;
use crate::control::is_in_directive;
use crate::lex::{Kind, skip_blank, tokens, word_end};
use crate::preprocess::Unit;
use crate::syntax::{Call, Manner};
use crate::world::Parsed;
use foldhash::{HashSet, HashSetExt};

/// How many macros are looked through one into another.
const DEEPEST: usize = 8;
/// How many tokens of one are looked at.
const MOST_TOKENS: usize = 1 << 10;

/// Notes as calls where such a macro is used in a function of a file, of the places where anything is named that is looked
/// for; whether there are any that were not known.
pub(crate) fn note(tree: &SourceTree, parsed: &mut Parsed<'_>, named: &[usize]) -> bool {
    let text = tree.file(parsed.file).text.as_str();
    let bytes = text.as_bytes();
    let mut wanted: HashSet<usize> = HashSet::new();
    for &at in named {
        let end = word_end(bytes, at);
        let is_use = bytes.get(skip_blank(bytes, end)) != Some(&b'(')
            && makes_calls(tree, &parsed.unit, &text[at..end], parsed.time(at), DEEPEST)
            && is_compiled(parsed, at)
            && !is_in_directive(text, at);
        if is_use {
            wanted.insert(at);
        }
    }
    if wanted.is_empty() {
        return false;
    }
    for call in &parsed.syntax.calls {
        wanted.remove(&call.callee.start);
    }
    let mut found = Vec::new();
    for (index, function) in parsed.syntax.functions.iter().enumerate() {
        let body = function.body.clone();
        if !wanted.iter().any(|at| body.contains(at)) {
            continue;
        }
        // Comments and strings name things as well.
        for token in tokens(text, body.start, body.end) {
            if token.kind == Kind::Word && wanted.remove(&token.start) {
                let callee = token.start..token.end;
                found.push(Call {
                    whole: callee.clone(),
                    callee,
                    manner: Manner::Plain,
                    arguments: Vec::new(),
                    template: Vec::new(),
                    class: None,
                    function: Some(index),
                    is_chosen: false,
                    is_scoped: false,
                });
            }
        }
    }
    let is_any = !found.is_empty();
    // No address is taken there.
    let is_use = |at: usize| found.iter().any(|one| one.callee.start == at);
    parsed.syntax.taken.retain(|one| !is_use(one.start));
    // Those that are known keep their places.
    parsed.syntax.calls.append(&mut found);
    is_any
}

/// Whether a name is a macro that is no function and calls something, itself or by another such.
fn makes_calls(tree: &SourceTree, unit: &Unit<'_>, name: &str, time: u32, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else { return false };
    let meanings = unit.meanings(name, time);
    meanings.macros.iter().filter(|one| one.parameters.is_none()).any(|one| {
        let body = one.text(tree);
        let mut all = tokens(body, 0, body.len()).take(MOST_TOKENS).peekable();
        while let Some(token) = all.next() {
            let next = all.peek().map_or("", |next| next.text(body));
            let is_call = next == "(" && !matches!(token.text(body), "if" | "while" | "sizeof");
            let inner = token.text(body);
            if token.kind == Kind::Word
                && (is_call || inner != name && makes_calls(tree, unit, inner, time, left))
            {
                return true;
            }
        }
        false
    })
}

/// Whether the variant of a file that was parsed has what stands at a byte.
fn is_compiled(parsed: &Parsed<'_>, at: usize) -> bool {
    let visit = parsed.unit.visits.get(&parsed.file);
    let mut arms = visit.map_or(&[][..], |visit| &visit.arms).iter();
    !arms.any(|arm| arm.range.contains(&at) && !arm.is_compiled(parsed.variant))
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told, tree};

    /// As with macros that are functions: what a macro chooses itself is told of it, with what led there.
    #[test]
    fn macros_that_call_are_seen_where_they_are_used() {
        let all = |macros: &str, code: &str| {
            of(&format!("{macros}\nint F(PIRP Irp, POOL_TYPE t) {{ PVOID p; {code} return 0; }}"))
        };
        let own = "#define GET_BUF ExAllocatePool(NonPagedPool, 4096)";
        assert_eq!(all(own, "p = GET_BUF;"), ["a.c:2 ExAllocatePool 0x0"]);
        let by_other =
            "#define MEM(t, n) ExAllocatePool(t, n)\n#define GET_BUF MEM(NonPagedPool, 4096)";
        assert_eq!(all(by_other, "p = GET_BUF;"), ["a.c:3 ExAllocatePool 0x0 < MEM"]);
        let mapped =
            "#define IRP_BUF MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority)";
        assert_eq!(all(mapped, "p = IRP_BUF;"), ["a.c:2 MmGetSystemAddressForMdlSafe 0x10"]);
        let statements = "#define ALLOC p = ExAllocatePool(t, 1); if (!p) return 1";
        assert_eq!(all(statements, "t = PagedPool; ALLOC;"), ["a.c:3 ExAllocatePool 0x1 < ALLOC"]);
        let again = "#define GET_BUF ExAllocatePool(t, 1)\n#define OTHER GET_BUF";
        assert_eq!(all(again, "t = 0; p = OTHER; t = 1;"), ["a.c:4 ExAllocatePool 0x0 < GET_BUF"]);
        // Another name for it stays one.
        assert_eq!(
            all("#define MyAlloc ExAllocatePool", "MyAlloc(PagedPool, 1);"),
            ["a.c:3 ExAllocatePool 0x1"]
        );
        assert_eq!(
            all("#define MyAlloc (ExAllocatePool)", "MyAlloc(PagedPool, 1);"),
            ["a.c:3 ExAllocatePool 0x1"]
        );
    }

    #[test]
    fn macros_that_call_wrappers_are_seen() {
        let text = "PVOID W(POOL_TYPE t) { return ExAllocatePool(t, 1); }\nPOOL_TYPE n;\n\
            #define GET_BUF W(t)\nvoid F(void) { POOL_TYPE t = PagedPool; PVOID p = GET_BUF; }\n\
            void G(void) { ExAllocatePool(NonPagedPoolNx, 1); POOL_TYPE t = 0; PVOID p = GET_BUF; }";
        let found = of(text);
        assert!(found.contains(&"a.c:5 ExAllocatePool 0x1 < GET_BUF < W".to_owned()), "{found:?}");
        assert!(found.contains(&"a.c:6 ExAllocatePool 0x0 < GET_BUF < W".to_owned()), "{found:?}");
    }

    #[test]
    fn names_that_are_no_uses_are_left_alone() {
        let text = "#define GET_BUF ExAllocatePool(t, 1)\nvoid F(POOL_TYPE t) {\n// GET_BUF\n\"GET_BUF\";\n#define A GET_BUF\n#if 0\nGET_BUF;\n#endif\n}";
        assert_eq!(of(text), [""; 0]);
    }

    #[test]
    fn a_macro_opts_in() {
        let text = "#define POOL_NX_OPTIN 1\n#include <wdm.h>\n#define NX_INIT ExInitializeDriverRuntime(DrvRtPoolNxOptIn)\n\
            PVOID W(void) { return ExAllocatePool(NonPagedPool, 1); }\n\
            NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) { NX_INIT; W(); return 0; }";
        assert_eq!(told(&tree(&[("a.c", text)]), &[]), ["a.c:4 ExAllocatePool 0x200"]);
    }
}
