//! Words of exception handling as C has them by `excpt.h`, which makes `__try` of `try`, and as older compilers of
//! Microsoft's spelt them: `_try`. A parser of C knows `__try` alone.

use super::{blank_end, token_end};
use crate::SourceTree;
use crate::lex::{is_word, word_end};
use crate::preprocess::Unit;

/// How far back the beginning of a statement is looked for.
const LONGEST: usize = 512;

/// The words, each with its number in [`Own`].
const WORDS: [&str; 4] = ["try", "finally", "except", "leave"];

/// Which of the words a tree defines itself, as something else: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own(u8);

impl Own {
    /// Those that a translation unit has macros for, which are not what `excpt.h` has.
    pub(crate) fn of(tree: &SourceTree, unit: &Unit<'_>) -> Own {
        let is_own = |word: &str| {
            let macros = unit.meanings(word, unit.end).macros;
            macros.iter().any(|one| one.text(tree).trim().trim_start_matches('_') != word)
        };
        let bits = (0..).zip(WORDS).filter(|(_, word)| is_own(word)).map(|(bit, _)| 1 << bit);
        Own(bits.sum())
    }

    fn has(self, word: &[u8]) -> bool {
        let at = WORDS.iter().position(|known| known.as_bytes() == word);
        at.is_some_and(|at| self.0 & 1 << at != 0)
    }
}

/// How many underscores a word lacks to be one that a parser knows. It stands at `at`; the token before it ends at
/// `before`. What only has the name of such a word lacks none, nor does one that the tree defines itself.
pub(super) fn lacking(bytes: &[u8], before: usize, at: usize, own: Own) -> usize {
    let end = word_end(bytes, at);
    let word = &bytes[at..end];
    let (stem, lacks) = match word.strip_prefix(b"_") {
        Some(stem) => (stem, 1),
        None => (word, 2),
    };
    let next = blank_end(bytes, end);
    let behind = bytes.get(next).copied();
    let last = before.checked_sub(1).and_then(|last| bytes.get(last)).copied();
    let is_it = match stem {
        b"try" => behind == Some(b'{') && !is_tag(bytes, before),
        b"finally" => behind == Some(b'{') && last == Some(b'}'),
        b"except" => behind == Some(b'(') && last == Some(b'}') && has_block(bytes, next),
        b"leave" => behind == Some(b';') && begins_statement(bytes, before),
        _ => false,
    };
    if is_it && !own.has(word) { lacks } else { 0 }
}

/// The word that ends at a byte.
fn word_before(bytes: &[u8], end: usize) -> &[u8] {
    let bytes = &bytes[..end];
    let start = bytes.iter().rposition(|byte| !is_word(*byte)).map_or(0, |last| last + 1);
    &bytes[start..]
}

/// Whether what follows is the name of a type.
fn is_tag(bytes: &[u8], before: usize) -> bool {
    matches!(word_before(bytes, before), b"struct" | b"union" | b"enum")
}

/// Whether a block follows the parenthesis that opens at a byte: `f(x);` is a call.
fn has_block(bytes: &[u8], open: usize) -> bool {
    let mut depth = 0_usize;
    let mut at = open;
    while let Some(&first) = bytes.get(at).filter(|_| at - open < LONGEST) {
        depth += usize::from(first == b'(');
        at = token_end(bytes, at, first);
        if first == b')' {
            depth -= 1;
            if depth == 0 {
                return bytes.get(blank_end(bytes, at)) == Some(&b'{');
            }
        }
    }
    false
}

/// Whether a statement may begin behind what ends at a byte.
fn begins_statement(bytes: &[u8], before: usize) -> bool {
    let within = &bytes[before.saturating_sub(LONGEST)..before];
    match within.last() {
        Some(b';' | b'{' | b'}') => true,
        // Behind a label, and not of `a ? b : c`.
        Some(b':') => {
            let last = within.iter().rposition(|byte| matches!(byte, b';' | b'{' | b'}' | b'?'));
            last.is_none_or(|last| within[last] != b'?')
        }
        // Behind a condition, and not of a conversion.
        Some(b')') => opening(within).is_some_and(|open| {
            let word = word_before(within, within[..open].trim_ascii_end().len());
            matches!(word, b"if" | b"while" | b"for" | b"switch")
        }),
        _ => matches!(word_before(within, within.len()), b"else" | b"do"),
    }
}

/// The parenthesis that the last byte closes.
fn opening(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    bytes.iter().rposition(|byte| {
        depth += usize::from(*byte == b')');
        depth -= usize::from(*byte == b'(');
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::Own;
    use crate::FileKind;
    use crate::analysis::tests::of;
    use crate::condensed::Condensed;

    fn condensed(text: &str, kind: FileKind) -> String {
        String::from_utf8(Condensed::of(text.as_bytes(), &[], kind, Own::default()).bytes).unwrap()
    }

    #[test]
    fn the_words_of_excpt_h_are_those_of_the_compiler() {
        for (text, expected) in [
            (
                "try { if (a) leave; else leave; } finally { }",
                "__try { if (a) __leave; else __leave; } __finally { }",
            ),
            ("_try { _leave; } _except (f(1)) { }", "__try { __leave; } __except (f(1)) { }"),
            (
                "try { a: leave; case 1: leave; } /**/ except(1) { }",
                "__try { a: __leave; case 1: __leave; } __except(1) { }",
            ),
            ("__try { __leave; } __finally { }", "__try { __leave; } __finally { }"),
        ] {
            assert_eq!(condensed(text, FileKind::C), expected);
            assert_eq!(condensed(text, FileKind::Cpp), text.replace("/**/ ", ""));
        }
    }

    /// In C they are names like any other where the header is not included.
    #[test]
    fn what_only_bears_such_a_name_is_left_alone() {
        for text in [
            "struct try { int leave; }; int try(int finally) { goto leave; leave: return leave; }",
            "x = a ? b : leave; y = (int)leave; leave = 1; leave(); except(1); { } except(1);",
            "enum finally { try, except }; retry { } mytry { }",
            "\"try {\" try; try(1); finally();",
        ] {
            assert_eq!(condensed(text, FileKind::C), text);
        }
        condensed("leave;", FileKind::C);
        condensed(") leave; try", FileKind::C);
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "f(); try { g(); leave; } finally { h(); }";
        let made = Condensed::of(text.as_bytes(), &[], FileKind::C, Own::default());
        for word in ["f", "g", ";", "h", "leave", "finally", "try"] {
            let at = text.find(word).unwrap();
            let now = made.is_at(at).unwrap();
            assert_eq!(&made.bytes[now..now + word.len()], word.as_bytes());
            assert_eq!(made.stood(now..now + word.len()), at..at + word.len());
        }
        let whole = memchr::memmem::find(&made.bytes, b"__try").unwrap()..made.bytes.len();
        assert_eq!(made.stood(whole), 5..text.len());
    }

    /// The values of the only call in a function, as `__try` and its like have them too.
    #[test]
    fn values_come_through_as_by_the_words_of_the_compiler() {
        const CALL: &str = "ExAllocatePool(t, 1);";
        for (code, expected) in [
            ("t = 0; try { t = 512; } finally { G(); }", "0x200"),
            ("t = 0; try { t = 1; } finally { t = 512; }", "0x200"),
            ("t = 512; try { G(); } except (1) { t = 0; }", "0x200 or 0x0"),
            ("t = 0; try { G(); t = 1; } except (1) { c = 1; }", "0x0 or 0x1"),
            ("t = 0; try { if (c) { leave; } t = 1; } finally { G(); }", "0x0 or 0x1"),
            ("t = 0; _try { t = 1; } _finally { t = 512; }", "0x200"),
        ] {
            let found = of(&format!("void F(int c) {{ POOL_TYPE t; {code} {CALL} }}"));
            assert_eq!(found, [format!("a.c:2 ExAllocatePool {expected}")], "{code}");
        }
    }

    #[test]
    fn functions_with_them_are_whole() {
        let text = "PVOID W(POOL_TYPE t) { return ExAllocatePool(t, 1); }\n\
            NTSTATUS F(PIRP i) { PVOID p; p = W(NonPagedPool); if (!p) return 1;\n\
            try { s = Z(i); } finally { ExFreePool(p); } return s; }";
        assert_eq!(of(text), ["a.c:3 ExAllocatePool 0x0 < W"]);
        let text = "void F(PMDL m) { try { MmGetSystemAddressForMdlSafe(m, NormalPagePriority); } finally { Z(); } }";
        assert_eq!(of(text).len(), 1);
    }

    /// A macro of the tree is what its body says. What `excpt.h` has may be written in the tree as well.
    #[test]
    fn words_that_the_tree_defines_are_its_own() {
        let code = "void F(int c) { __try { c = 1; leave; ExAllocatePool(NonPagedPool, 1); } __finally { } }";
        let found = ["a.c:3 ExAllocatePool 0x0"];
        assert_eq!(of(&format!("#define leave ++count\n{code}")), found);
        assert_eq!(of(&format!("#define leave if (c) goto out\n{code}")), found);
        // Nothing behind it runs.
        assert_eq!(of(&format!("#define leave __leave\n{code}")), [""; 0]);
        assert_eq!(of(&format!("\n{code}")), [""; 0]);
        let both = "#define leave goto out\nvoid F(int c) { if (c) leave; ExAllocatePool(PagedPool, 1);\nout: ExAllocatePool(NonPagedPool, 1); }";
        assert_eq!(of(both), ["a.c:3 ExAllocatePool 0x1", "a.c:4 ExAllocatePool 0x0"]);
    }
}
