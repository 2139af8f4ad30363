//! Where the bodies of functions lie in a file, found without a parser: most of them name nothing that is looked for, and
//! need not be parsed.

use crate::lex::{
    block_comment_end, is_word, line_comment_end, number_end, quoted_end, raw_end, word_end,
};
use std::ops::Range;

/// A function, as far as braces tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// Where its declaration begins.
    pub(crate) head: usize,
    /// Its body, with the braces.
    pub(crate) range: Range<usize>,
}

/// The bodies of the functions of a blanked text, in its order. There are none where the braces are not those of plain
/// code: then all of it has to be parsed.
pub(crate) fn bodies(bytes: &[u8]) -> Vec<Body> {
    outline(bytes).0
}

/// The bodies, and the declarations of functions without one that stand outside of all braces.
pub(crate) fn outline(bytes: &[u8]) -> (Vec<Body>, Vec<Range<usize>>) {
    let (found, declared) = (Vec::new(), Vec::new());
    Outline { bytes, at: 0, scopes: 0, head: Head::default(), found, declared }
        .read()
        .unwrap_or_default()
}

/// What stands before a brace, since the declaration began.
#[derive(Default)]
struct Head {
    start: Option<usize>,
    /// How many parentheses and brackets are open.
    depth: usize,
    has_parentheses: bool,
    /// Words before the first parenthesis, and whether one of them stands right before it.
    words: usize,
    is_called: bool,
    /// Whether it is anything else than words before parentheses.
    is_more: bool,
    /// Whether a value follows.
    is_given: bool,
    /// Whether it makes a type or a namespace.
    makes_scope: bool,
    makes_enumeration: bool,
    /// The last byte of the last token.
    last: u8,
    is_operator: bool,
}

impl Head {
    /// Sees a token outside of parentheses.
    fn see(&mut self, token: &[u8], first: u8) {
        match first {
            b'(' if !self.has_parentheses => self.is_called = is_word(self.last),
            b')' | b'*' => {}
            _ if is_word(first) && !self.has_parentheses && token != b"typedef" => self.words += 1,
            _ => self.is_more = true,
        }
    }

    /// Whether it is `TYPE NAME(…)`, and not `NAME(…)`, which a macro may make anything of, nor a pointer or a type.
    fn declares_function(&self) -> bool {
        self.words > 1 && self.is_called && !self.is_more && self.last == b')'
    }
}

struct Outline<'b> {
    bytes: &'b [u8],
    at: usize,
    /// How many braces of types, namespaces and linkages are open.
    scopes: usize,
    head: Head,
    found: Vec<Body>,
    declared: Vec<Range<usize>>,
}

impl Outline<'_> {
    fn read(mut self) -> Option<(Vec<Body>, Vec<Range<usize>>)> {
        while let Some(token) = next(self.bytes, &mut self.at) {
            let first = self.bytes[token.start];
            match first {
                b'{' => self.open(token.start)?,
                b'}' => {
                    self.scopes = self.scopes.checked_sub(1)?;
                    self.head = Head::default();
                }
                b';' if self.head.depth == 0 => {
                    let is_outside = self.scopes == 0 && self.head.declares_function();
                    let start = self.head.start.filter(|_| is_outside);
                    self.declared.extend(start.map(|start| start..self.at));
                    self.head = Head::default();
                }
                _ => self.take(token, first)?,
            }
        }
        (self.scopes == 0).then_some((self.found, self.declared))
    }

    /// Takes in a token of a declaration.
    fn take(&mut self, token: Range<usize>, first: u8) -> Option<()> {
        let head = &mut self.head;
        let is_first = head.start.is_none();
        head.start.get_or_insert(token.start);
        if head.depth == 0 {
            head.see(&self.bytes[token.clone()], first);
        }
        match first {
            b'(' | b'[' => {
                head.depth += 1;
                head.has_parentheses |= first == b'(';
            }
            b')' | b']' => head.depth = head.depth.checked_sub(1)?,
            b'=' if head.depth == 0 && !head.is_operator => head.is_given = true,
            _ if is_word(first) && head.depth == 0 => match &self.bytes[token.clone()] {
                // Statements stand in functions only: what is around is not what it seems.
                b"if" | b"else" | b"for" | b"while" | b"do" | b"switch" | b"return" | b"goto"
                | b"__try" | b"__except" | b"__finally"
                    if is_first =>
                {
                    return None;
                }
                b"enum" => head.makes_enumeration = true,
                b"struct" | b"class" | b"union" | b"namespace" | b"extern" | b"interface"
                | b"__interface" => head.makes_scope = true,
                b"operator" => head.is_operator = true,
                _ => {}
            },
            _ => {}
        }
        head.last = self.bytes[token.end - 1];
        Some(())
    }

    /// A brace opens.
    fn open(&mut self, at: usize) -> Option<()> {
        let head = &self.head;
        let start = head.start?;
        if head.is_given || head.depth > 0 {
            self.at = group_end(self.bytes, at)?;
            self.head.last = b'}';
            return Some(());
        }
        let is_behind = head.last == b')';
        let is_body =
            head.has_parentheses && !head.makes_enumeration && (is_behind || !head.makes_scope);
        if is_body {
            self.at = group_end(self.bytes, at)?;
            self.found.push(Body { head: start, range: at..self.at });
        } else if head.makes_scope || head.makes_enumeration {
            self.scopes += 1;
        } else {
            return None;
        }
        self.head = Head::default();
        Some(())
    }
}

/// The next token, or byte of an operator, behind blanks and comments.
fn next(bytes: &[u8], at: &mut usize) -> Option<Range<usize>> {
    loop {
        let start = *at;
        let &first = bytes.get(start)?;
        let end = match first {
            b'"' | b'\'' => quoted_end(bytes, start),
            b'/' if bytes.get(start + 1) == Some(&b'/') => line_comment_end(bytes, start),
            b'/' if bytes.get(start + 1) == Some(&b'*') => block_comment_end(bytes, start),
            b'0'..=b'9' => number_end(bytes, start),
            first if is_word(first) => {
                let end = word_end(bytes, start);
                let is_raw = bytes[end - 1] == b'R' && bytes.get(end) == Some(&b'"');
                if is_raw { raw_end(bytes, end) } else { end }
            }
            _ => start + 1,
        };
        *at = end;
        let is_comment = first == b'/' && end > start + 1;
        if !is_comment && !first.is_ascii_whitespace() && first != b'\\' {
            return Some(start..end);
        }
    }
}

/// Of some places in the order of a text those that are outside of comments, as `from` is.
pub(crate) fn outside_comments(
    bytes: &[u8],
    from: usize,
    places: &[usize],
) -> impl Iterator<Item = usize> {
    with_tokens(bytes, from, places).map(|(place, _)| place)
}

/// Of some places in the order of a text those where a word or the like begins, outside of comments and strings.
pub(crate) fn beginning<'a>(bytes: &'a [u8], places: &'a [usize]) -> impl Iterator<Item = usize> {
    let all = with_tokens(bytes, 0, places).filter(|(place, start)| place == start);
    all.map(|(place, _)| place)
}

/// Of some places those outside of comments, each with where what it is in begins.
fn with_tokens(
    bytes: &[u8],
    from: usize,
    places: &[usize],
) -> impl Iterator<Item = (usize, usize)> {
    let (mut at, mut token) = (from, from..from);
    places.iter().copied().filter_map(move |place| {
        while token.end <= place {
            token = next(bytes, &mut at)?;
        }
        (token.start <= place).then_some((place, token.start))
    })
}

/// What counts within braces: braces, quotes, and what may begin a comment.
const COUNTS: [bool; 256] = {
    let mut all = [false; 256];
    let mut index = 0;
    while index < b"{}\"'/".len() {
        all[b"{}\"'/"[index] as usize] = true;
        index += 1;
    }
    all
};

/// Behind the brace that closes the one at `open`. Most of a text stands in functions, so what does not count is passed
/// over byte by byte.
fn group_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open;
    let mut depth = 0_usize;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| COUNTS[usize::from(*byte)])?;
        at = match (bytes[at], bytes.get(at + 1)) {
            (b'{', _) => {
                depth += 1;
                at + 1
            }
            (b'}', _) => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
                at + 1
            }
            (b'"', _) if bytes[at - 1] == b'R' => raw_end(bytes, at),
            (b'\'', Some(next)) if is_word(*next) && is_in_number(bytes, at) => at + 1,
            (b'"' | b'\'', _) => quoted_end(bytes, at),
            (b'/', Some(b'/')) => line_comment_end(bytes, at),
            (b'/', Some(b'*')) => block_comment_end(bytes, at),
            _ => at + 1,
        };
    }
}

/// No number has more digits with what separates them.
const LONGEST_NUMBER: usize = 128;

/// Whether the quotation mark at `at` separates digits.
fn is_in_number(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[at.saturating_sub(LONGEST_NUMBER)..at];
    let is_part = |byte: &u8| is_word(*byte) || matches!(byte, b'.' | b'\'');
    let start = before.iter().rposition(|byte| !is_part(byte)).map_or(0, |last| last + 1);
    before[start..].first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<&str> {
        bodies(text.as_bytes()).into_iter().map(|body| &text[body.head..body.range.end]).collect()
    }

    #[test]
    fn functions_are_found() {
        for (text, all) in [
            (
                "int a; void f(int b) { if (b) { g(); } }",
                &["void f(int b) { if (b) { g(); } }"][..],
            ),
            ("struct S *f(void) { }", &["struct S *f(void) { }"]),
            ("struct S { int a; }; S f() { }", &["S f() { }"]),
            (
                "extern \"C\" { void f() { } } extern \"C\" int g() { }",
                &["void f() { }", "extern \"C\" int g() { }"],
            ),
            ("class A { public: void f() const { } int x; };", &["public: void f() const { }"]),
            (
                "enum E { A, B }; int t[] = { 1, { 2 } }; void f() { '}'; \"}\"; /* } */ }",
                &["void f() { '}'; \"}\"; /* } */ }"],
            ),
            (
                "A &A::operator=(const A &b) { return *this; }",
                &["A &A::operator=(const A &b) { return *this; }"],
            ),
            ("NTSTATUS (*table[2])(void) = { a, b };", &[]),
            ("f(a, [] { b(); });", &[]),
        ] {
            assert_eq!(told(text), all, "{text}");
        }
    }

    #[test]
    fn declarations_of_functions_are_told_from_others() {
        let text = "NTSTATUS F(int a, int (*b)(void)); void *G(void); static int H(void) { return 1; }
            typedef void T(int); void (*p)(int); MACRO(a); int x = K(1); void *(NTAPI *q)(void); int b[S(1)];
            extern \"C\" int c(void); A int d(int) CONST; void e(void), f(void); M(a) int g(void);
            extern int I(struct S *s); struct T { int h(void); };";
        let (bodies, declared) = outline(text.as_bytes());
        assert_eq!(bodies.len(), 1);
        let told: Vec<&str> = declared.into_iter().map(|one| &text[one]).collect();
        let all =
            ["NTSTATUS F(int a, int (*b)(void));", "void *G(void);", "extern int I(struct S *s);"];
        assert_eq!(told, all);
    }

    /// The same as token by token.
    #[test]
    fn groups_end_with_their_brace() {
        let slowly = |bytes: &[u8]| {
            let (mut at, mut depth) = (0, 0_usize);
            while let Some(token) = next(bytes, &mut at) {
                match bytes[token.start] {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    return Some(at);
                }
            }
            None
        };
        for (text, end) in [
            ("{ a[1'000] = '}'; { } } }", 23),
            ("{ \"}\\\"}\"; L'}'; 0x1'Fu; u8\"}\" } }", 31),
            ("{ R\"(})\"; LR\"x(}\")x\"; /* } */ // }\n } }", 37),
            ("{ a / b; 1.5'0; 'x'; '\\''; '{' } }", 32),
            ("{ f('1','2','{'); } }", 19),
        ] {
            assert_eq!(group_end(text.as_bytes(), 0), Some(end), "{text}");
            assert_eq!(slowly(text.as_bytes()), Some(end), "{text}");
        }
        for text in ["{ { }", "{ '", "{ \"}", "{ /* }", "{ 1'"] {
            assert_eq!(group_end(text.as_bytes(), 0), None, "{text}");
            assert_eq!(slowly(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn places_in_comments_are_told_from_others() {
        let text = "x /* x */ '/*' x // x \\\n x\n \"// x\" 1'0 x; // x";
        let all: Vec<usize> = text.match_indices('x').map(|(at, _)| at).collect();
        assert_eq!(all.len(), 8);
        let found: Vec<usize> = outside_comments(text.as_bytes(), 0, &all).collect();
        assert_eq!(found, [all[0], all[2], all[5], all[6]]);
        assert_eq!(outside_comments(text.as_bytes(), 0, &all[7..]).count(), 0);
    }

    /// Where braces do not tell, nothing may be left out.
    #[test]
    fn what_is_not_plain_has_no_outline() {
        for text in [
            "void f(void) { } }",
            "void f(void) { if (a) {",
            "BEGIN { if (a) { } }",
            "int f(a) int a; { if (a) { } }",
            "X::X() : a{1} { b(); }",
            "BEGIN_NAMESPACE(x) extern \"C\" { if (a) { } }",
            "void f()) { }",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }
}
