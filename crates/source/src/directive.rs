//! The preprocessor's lines of a file, found in one pass, and the operators that say what pragmas do.

pub(crate) mod operator;

use crate::lex::{self, block_comment_end, line_comment_end, quoted_end, raw_end, word_end};
use std::ops::Range;

/// A line, or several joined ones, that the preprocessor acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    /// From the `#` to the end of the line.
    pub(crate) range: Range<usize>,
    pub(crate) kind: DirectiveKind,
}

/// What a directive does. Ranges are bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DirectiveKind {
    Define(Define),
    Undef(Range<usize>),
    If(Range<usize>),
    Ifdef(Range<usize>),
    Ifndef(Range<usize>),
    Elif(Range<usize>),
    Else,
    Endif,
    Include {
        name: Range<usize>,
    },
    Pragma(Range<usize>),
    /// `__pragma(…)` or `_Pragma("…")`, which may stand anywhere: what it says.
    Operator(Range<usize>),
    Other,
}

impl Directive {
    /// Whether it defines a macro as something.
    pub(crate) fn gives_value(&self) -> bool {
        matches!(&self.kind, DirectiveKind::Define(define) if !define.body.is_empty())
    }

    /// What it says, where it is a pragma of any form.
    pub(crate) fn pragma(&self) -> Option<&Range<usize>> {
        match &self.kind {
            DirectiveKind::Pragma(said) | DirectiveKind::Operator(said) => Some(said),
            _ => None,
        }
    }

    /// Whether it is a line of its own.
    pub(crate) fn is_line(&self) -> bool {
        !matches!(self.kind, DirectiveKind::Operator(_))
    }
}

/// A macro's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Define {
    pub(crate) name: Range<usize>,
    /// The names of its parameters; none for a macro that is no function.
    pub(crate) parameters: Option<Vec<Range<usize>>>,
    /// What it stands for.
    pub(crate) body: Range<usize>,
}

/// All directives of a file, in order.
pub(crate) fn directives(text: &str) -> Vec<Directive> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    // Whether only blanks and comments stand before `at` in its line.
    let mut fresh = true;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => {
                fresh = true;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | 0x0B | 0x0C => at += 1,
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_comment_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = block_comment_end(bytes, at),
            b'#' if fresh => {
                let end = line_end(bytes, at);
                found.push(Directive { range: at..end, kind: kind(text, at + 1, end) });
                at = end;
            }
            b'"' => {
                let raw = at > 0 && bytes[at - 1] == b'R';
                at = if raw { raw_end(bytes, at) } else { quoted_end(bytes, at) };
                fresh = false;
            }
            // Between digits it only parts them.
            b'\'' if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'L' => {
                at = quoted_end(bytes, at);
                fresh = false;
            }
            _ => {
                fresh = false;
                at += 1;
                // Most of a file is this; nothing of it matters but where it ends.
                at += bytes[at..].iter().take_while(|byte| !b"\n/\"'".contains(byte)).count();
            }
        }
    }
    operator::add(text, &mut found);
    found
}

/// Where the line ends that begins at `at`, with those joined to it; comments in it count as part of it.
fn line_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => return at,
            b'\\' if bytes[at + 1..].starts_with(b"\r\n") => at += 3,
            b'\\' => at += 2,
            b'/' if bytes.get(at + 1) == Some(&b'/') => return line_comment_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = block_comment_end(bytes, at),
            b'"' => at = quoted_end(bytes, at),
            _ => at += 1,
        }
    }
    bytes.len()
}

fn kind(text: &str, from: usize, end: usize) -> DirectiveKind {
    let bytes = &text.as_bytes()[..end];
    let start = lex::skip_blank(bytes, from);
    let word = word_end(bytes, start.min(end));
    let rest = lex::skip_blank(bytes, word);
    let name = || {
        let start = rest.min(end);
        start..word_end(bytes, start)
    };
    match &bytes[start.min(end)..word] {
        b"define" => define(text, name(), end),
        b"undef" => DirectiveKind::Undef(name()),
        b"if" => DirectiveKind::If(rest..end),
        b"ifdef" => DirectiveKind::Ifdef(name()),
        b"ifndef" => DirectiveKind::Ifndef(name()),
        b"elif" => DirectiveKind::Elif(rest..end),
        b"else" => DirectiveKind::Else,
        b"endif" => DirectiveKind::Endif,
        b"include" | b"include_next" => include(bytes, rest),
        b"pragma" => DirectiveKind::Pragma(rest..end),
        _ => DirectiveKind::Other,
    }
}

fn include(bytes: &[u8], start: usize) -> DirectiveKind {
    let close = match bytes.get(start) {
        Some(b'"') => b'"',
        Some(b'<') => b'>',
        _ => return DirectiveKind::Other,
    };
    match memchr::memchr(close, &bytes[start + 1..]) {
        Some(length) => DirectiveKind::Include { name: start + 1..start + 1 + length },
        None => DirectiveKind::Other,
    }
}

fn define(text: &str, name: Range<usize>, end: usize) -> DirectiveKind {
    if name.is_empty() {
        return DirectiveKind::Other;
    }
    let bytes = text.as_bytes();
    // Only a parenthesis that touches the name makes a function of it.
    let takes = bytes.get(name.end) == Some(&b'(') && name.end < end;
    let close = takes.then(|| memchr::memchr(b')', &bytes[name.end..end])).flatten();
    let (parameters, body) = match close {
        Some(close) => {
            let close = name.end + close;
            (Some(parameters(text, name.end + 1, close)), close + 1)
        }
        None => (None, name.end),
    };
    let body = lex::skip_blank(&bytes[..end], body)..end;
    DirectiveKind::Define(Define { name, parameters, body })
}

/// The names in a list; `name...`, as GCC has it for further arguments, is one.
fn parameters(text: &str, from: usize, to: usize) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut is_new = true;
    for token in lex::tokens(text, from, to) {
        match (token.text(text), found.last_mut()) {
            (",", _) => is_new = true,
            ("...", Some(last)) if !is_new => last.end = token.end,
            (word, _) if token.kind == lex::Kind::Word || word == "..." => {
                found.push(token.start..token.end);
                is_new = false;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let told = |directive: Directive| match directive.kind {
            DirectiveKind::Define(define) => {
                let parameters = define
                    .parameters
                    .map(|all| all.into_iter().map(|one| text[one].to_owned()).collect::<Vec<_>>());
                format!("define {} {parameters:?} [{}]", &text[define.name], &text[define.body])
            }
            DirectiveKind::Undef(name) => format!("undef {}", &text[name]),
            DirectiveKind::If(of) => format!("if {}", &text[of]),
            DirectiveKind::Ifdef(name) => format!("ifdef {}", &text[name]),
            DirectiveKind::Ifndef(name) => format!("ifndef {}", &text[name]),
            DirectiveKind::Elif(of) => format!("elif {}", &text[of]),
            DirectiveKind::Else => "else".to_owned(),
            DirectiveKind::Endif => "endif".to_owned(),
            DirectiveKind::Include { name } => format!("include {}", &text[name]),
            DirectiveKind::Pragma(of) => format!("pragma {}", &text[of]),
            DirectiveKind::Operator(of) => format!("operator {}", &text[of]),
            DirectiveKind::Other => "other".to_owned(),
        };
        directives(text).into_iter().map(told).collect()
    }

    #[test]
    fn directives_are_found_where_they_count() {
        assert_eq!(
            told(
                "# define A 1\n  #if A > \\\n 2\nx = \"#endif\"; '#'; // #else\n/* \n#else\n */ #endif"
            ),
            ["define A None [1]", "if A > \\\n 2", "endif"]
        );
        assert_eq!(told("a #define B"), [""; 0]);
        assert_eq!(
            told("#include <ntddk.h> // x\n#include \"a b.h\"\n#include MACRO"),
            ["include ntddk.h", "include a b.h", "other"]
        );
    }

    #[test]
    fn macros_know_their_parameters() {
        assert_eq!(
            told("#define F(a, b, ...) g(a)\n#define G (1)\n#define H"),
            [
                "define F Some([\"a\", \"b\", \"...\"]) [g(a)]",
                "define G None [(1)]",
                "define H None []"
            ]
        );
        assert_eq!(
            told("#define F(a...) a\n#define G(a , ...)"),
            ["define F Some([\"a...\"]) [a]", "define G Some([\"a\", \"...\"]) []"]
        );
        assert_eq!(
            told("#define\n#define F(a\n#define \\"),
            ["other", "define F None [(a]", "other"]
        );
    }

    #[test]
    fn a_digit_separator_opens_no_character() {
        assert_eq!(told("int a = 1'000;\n#define A"), ["define A None []"]);
    }
}
