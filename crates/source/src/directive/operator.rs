//! `__pragma(…)` and `_Pragma("…")`, which say what pragmas do, anywhere in a text and in macros.

use super::{Directive, DirectiveKind};
use crate::lex::{Kind, is_word, skip_blank, tokens, word_end};
use crate::outline::beginning;
use std::borrow::Cow;
use std::ops::Range;

/// More than any file has, in more bytes each.
const MOST: usize = 1024;
const LONGEST: usize = 16 << 10;
/// The name of C and that of Microsoft's compiler.
const NAMES: [&str; 2] = ["_Pragma", "__pragma"];

/// Adds those of a text that stand outside of directives, in their order.
pub(super) fn add(text: &str, found: &mut Vec<Directive>) {
    let lines = found.len();
    let outside = |at: &usize| within(&found[..lines], *at).is_none();
    let named: Vec<usize> = words(text, 0..text.len()).filter(outside).take(MOST).collect();
    if named.is_empty() {
        return;
    }
    let operator = |at| {
        let (whole, said) = said(text, at)?;
        Some(Directive { range: whole, kind: DirectiveKind::Operator(said) })
    };
    let all: Vec<_> = beginning(text.as_bytes(), &named).filter_map(operator).collect();
    for one in all {
        // One in another's parentheses is no pragma.
        if found[lines..].last().is_none_or(|last| last.range.end <= one.range.start) {
            found.push(one);
        }
    }
    found.sort_by_key(|one| one.range.start);
}

/// The directive around a byte, of those of a text in their order.
pub(crate) fn within(directives: &[Directive], at: usize) -> Option<&Directive> {
    let before = directives.partition_point(|one| one.range.start <= at);
    before.checked_sub(1).map(|last| &directives[last]).filter(|one| one.range.contains(&at))
}

/// What the operator is whose name stands at a byte: all of it, and what it says.
pub(crate) fn said(text: &str, at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let bytes = text.as_bytes();
    let name = word_end(bytes, at);
    let open = skip_blank(bytes, name);
    let content = parenthesis(text, open)?;
    let whole = at..content.end + 1;
    if &text[at..name] != NAMES[0] {
        return Some((whole, content));
    }
    let mut all = tokens(text, content.start, content.end);
    let string = all.next().filter(|one| one.kind == Kind::String && all.next().is_none())?;
    let quoted = string.text(text);
    let start = string.start + quoted.find('"')? + 1;
    let end = string.end.checked_sub(1).filter(|end| *end >= start && quoted.ends_with('"'))?;
    Some((whole, start..end))
}

/// A text in which the strings within what `_Pragma` says begin and end as they do elsewhere, with everything in its place.
pub(crate) fn unescaped<'t>(text: &'t str, directives: &[Directive]) -> Cow<'t, str> {
    let escapes = |one: &&Directive| match &one.kind {
        DirectiveKind::Operator(said) => text[said.clone()].contains("\\\""),
        _ => false,
    };
    let mut all = directives.iter().filter(escapes).peekable();
    if all.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut made = text.to_owned();
    for said in all.filter_map(Directive::pragma) {
        let mut is_open = false;
        let mut plain = String::with_capacity(said.len());
        let mut rest = &text[said.clone()];
        while let Some(at) = rest.find('\\') {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            let is_quote = rest.starts_with("\\\"");
            plain.push_str(match (is_quote, is_open) {
                (true, false) => " \"",
                (true, true) => "\" ",
                (false, _) => "\\",
            });
            is_open ^= is_quote;
            rest = &rest[if is_quote { 2 } else { 1 }..];
        }
        plain.push_str(rest);
        made.replace_range(said.clone(), &plain);
    }
    Cow::Owned(made)
}

/// What stands in the parentheses that open at a place.
fn parenthesis(text: &str, open: usize) -> Option<Range<usize>> {
    let mut end = text.len().min(open.saturating_add(LONGEST));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut depth = 0_usize;
    for token in tokens(text, open, end) {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (token.start > open).then_some(open + 1..token.start);
        }
    }
    None
}

/// Where a part of a text has one of the names as a word.
pub(crate) fn words(text: &str, part: Range<usize>) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    // Both end so, and one search finds both.
    memchr::memmem::find_iter(&bytes[part.clone()], b"ragma").filter_map(move |found| {
        let found = part.start + found;
        let name = NAMES.iter().find(|name| bytes[..found + 5].ends_with(name.as_bytes()))?;
        let at = found + 5 - name.len();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        (!is_part(before) && !is_part(bytes.get(found + 5))).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directive::directives;

    fn told(text: &str) -> Vec<String> {
        let all = directives(text);
        let all = all.iter().filter(|one| !one.is_line());
        all.filter_map(|one| Some(text[one.pragma()?.clone()].to_owned())).collect()
    }

    #[test]
    fn operators_are_found_anywhere() {
        assert_eq!(
            told("int a; __pragma(pack(push, 1)) struct S {};\n_Pragma(\"pack(pop)\")"),
            ["pack(push, 1)", "pack(pop)"]
        );
        assert_eq!(told("__pragma (once) _Pragma(L\"x\")"), ["once", "x"]);
        for text in [
            "#define A __pragma(pack(1))",
            "// __pragma(pack(1))\n/* _Pragma(\"pack(1)\") */",
            "my__pragma(pack(1)) _Pragmatic(\"a\") __pragma",
            "__pragma(pack(1)",
            "_Pragma(pack) _Pragma(\"a\" \"b\") _Pragma(\"",
            "\"__pragma(pack(1))\"",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
        assert_eq!(told("__pragma(a __pragma(b))"), ["a __pragma(b)"]);
    }

    #[test]
    fn strings_in_strings_keep_their_places() {
        let text = r#"_Pragma("comment(linker, \"/A:1 /B\")") "\"x\"""#;
        let made = unescaped(text, &directives(text));
        assert_eq!(made, r#"_Pragma("comment(linker,  "/A:1 /B" )") "\"x\"""#);
        assert_eq!(made.len(), text.len());
        let plain = "__pragma(comment(linker, \"/A\"))";
        assert_eq!(unescaped(plain, &directives(plain)), plain);
    }
}
