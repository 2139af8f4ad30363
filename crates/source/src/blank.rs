//! Source made fit for a parser of plain C: what only annotates, what is not compiled and the preprocessor's lines become
//! blanks, so that every byte stays where it is.

use crate::condensed::Own;
use crate::directive::Directive;
use crate::lex::{
    block_comment_end, is_word, line_comment_end, quoted_end, raw_end, skip_blank, word_end,
};
use crate::outline::Body;
use crate::preprocess::Visit;
use std::iter;
use std::ops::Range;

/// A text of which parts are blank.
#[derive(Debug)]
pub(crate) struct Blanked {
    pub(crate) bytes: Vec<u8>,
    /// Inline assembly in the form of Microsoft's compiler, which is blank as well.
    pub(crate) assembly: Vec<Range<usize>>,
    /// What no parser has to look at, in the order of the text.
    pub(crate) left_out: Vec<Range<usize>>,
    /// The words of exception handling that are macros of the tree.
    pub(crate) own: Own,
}

impl Blanked {
    /// A text of which nothing is blank.
    pub(crate) fn plain(bytes: Vec<u8>) -> Blanked {
        Blanked { bytes, assembly: Vec::new(), left_out: Vec::new(), own: Own::default() }
    }

    /// Leaves out what stands between the braces of bodies.
    pub(crate) fn leave_out(&mut self, bodies: &[Body]) {
        self.left_out =
            bodies.iter().map(|body| body.range.start + 1..body.range.end - 1).collect();
    }

    /// Leaves out ranges too that are apart from what is left out already.
    pub(crate) fn leave_out_too(&mut self, ranges: impl Iterator<Item = Range<usize>>) {
        self.left_out.extend(ranges);
        self.left_out.sort_unstable_by_key(|range| range.start);
    }

    /// Leaves out all but some functions.
    pub(crate) fn keep_only(&mut self, functions: &[Body]) {
        let starts = functions.iter().map(|one| one.head).chain([self.bytes.len()]);
        let ends = iter::once(0).chain(functions.iter().map(|one| one.range.end));
        self.left_out = ends.zip(starts).map(|(end, start)| end..start).collect();
    }
}

/// Blanks `text`, as `visit` sees it in one of its variants.
pub(crate) fn blanked(
    text: &str,
    directives: &[Directive],
    visit: Option<&Visit>,
    variant: u32,
) -> Blanked {
    let mut bytes = text.as_bytes().to_vec();
    for directive in directives {
        blank(&mut bytes, directive.range.clone());
    }
    let arms = visit.map_or(&[][..], |visit| &visit.arms);
    for arm in arms.iter().filter(|arm| !arm.is_compiled(variant)) {
        blank(&mut bytes, arm.range.clone());
    }
    let assembly = annotations(&mut bytes);
    Blanked { bytes, assembly, left_out: Vec::new(), own: Own::default() }
}

fn blank(bytes: &mut [u8], range: Range<usize>) {
    let Some(part) = bytes.get_mut(range) else { return };
    for byte in part {
        if *byte != b'\n' && *byte != b'\r' {
            *byte = b' ';
        }
    }
}

/// Blanks annotations and assembly; gives where the assembly was.
fn annotations(bytes: &mut [u8]) -> Vec<Range<usize>> {
    let mut assembly = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' => quoted_end(bytes, at),
            b'\'' => quoted_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_comment_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            byte if is_word(byte) => {
                let end = word_end(bytes, at);
                let is_raw = bytes[end - 1] == b'R' && bytes.get(end) == Some(&b'"');
                match &bytes[at..end] {
                    _ if is_raw => raw_end(bytes, end),
                    // A separator of digits is part of the number.
                    _ if byte.is_ascii_digit() => number_end(bytes, end),
                    // None of those that are looked for begins so, and most words do.
                    _ if byte.is_ascii_lowercase() => end,
                    b"__asm" | b"_asm" => {
                        let range = at..assembly_end(bytes, end);
                        assembly.push(range.clone());
                        blank(bytes, range.clone());
                        keep_statement(bytes, &range);
                        range.end
                    }
                    word => match annotation(word) {
                        Some(Annotation::Word) => {
                            blank(bytes, at..end);
                            end
                        }
                        Some(Annotation::WithArguments) => {
                            let end = arguments_end(bytes, end);
                            blank(bytes, at..end);
                            end
                        }
                        Some(Annotation::Qualifier) if qualifies(bytes, end) => {
                            blank(bytes, at..end);
                            end
                        }
                        Some(Annotation::Qualifier) | None => end,
                    },
                }
            }
            _ => at + 1,
        };
    }
    assembly
}

/// An empty statement in place of assembly, so that an `if` before it keeps its own.
fn keep_statement(bytes: &mut [u8], range: &Range<usize>) {
    if let Some(first) = bytes.get_mut(range.start) {
        *first = b';';
    }
}

fn number_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b'\'') && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
    {
        at = word_end(bytes, at + 1);
    }
    at
}

enum Annotation {
    Word,
    /// The parenthesis behind it belongs to it, if there is one.
    WithArguments,
    /// It stands before a type, a name or an asterisk; else it is a name of the tree's own.
    Qualifier,
}

/// Whether what comes next may be qualified.
fn qualifies(bytes: &[u8], at: usize) -> bool {
    let next = bytes[at..].iter().find(|byte| !byte.is_ascii_whitespace());
    next.is_some_and(|byte| *byte == b'*' || is_word(*byte))
}

/// Whether a word is one that the kit's headers define as nothing, or as what a parser need not know.
fn annotation(word: &[u8]) -> Option<Annotation> {
    match word {
        // The second generation of the annotation language: `_In_reads_bytes_(n)`, `_IRQL_requires_max_(x)`.
        [b'_', b'A'..=b'Z', .., b'_'] => Some(Annotation::WithArguments),
        // The first: `__in`, `__out_bcount(n)`, `__drv_maxIRQL(x)`.
        [b'_', b'_', rest @ ..] if of_first_generation(rest) => Some(Annotation::WithArguments),
        b"__declspec"
        | b"DECLSPEC_ALIGN"
        | b"DECLSPEC_SELECTANY"
        | b"DECLSPEC_NORETURN"
        | b"DECLSPEC_NOINLINE"
        | b"DECLSPEC_IMPORT"
        | b"DECLSPEC_EXPORT"
        | b"DECLSPEC_DEPRECATED"
        | b"__pragma"
        | b"_Pragma"
        | b"__attribute__" => Some(Annotation::WithArguments),
        b"CONST" | b"VOLATILE" => Some(Annotation::Qualifier),
        b"IN"
        | b"OUT"
        | b"INOUT"
        | b"OPTIONAL"
        | b"CONST_VTBL"
        | b"NTAPI"
        | b"WINAPI"
        | b"CALLBACK"
        | b"APIENTRY"
        | b"STDMETHODCALLTYPE"
        | b"STDAPICALLTYPE"
        | b"FASTCALL"
        | b"NTKERNELAPI"
        | b"NTSYSAPI"
        | b"NTHALAPI"
        | b"FORCEINLINE"
        | b"CFORCEINLINE"
        | b"__forceinline"
        | b"EXTERN_C"
        | b"EXTERN_C_START"
        | b"EXTERN_C_END"
        | b"__stdcall"
        | b"__cdecl"
        | b"__fastcall"
        | b"_cdecl"
        | b"_stdcall"
        | b"UNALIGNED"
        | b"__unaligned"
        | b"__ptr64"
        | b"__ptr32"
        | b"RESTRICTED_POINTER"
        | b"POINTER_ALIGNMENT"
        | b"CDECL"
        | b"__checkReturn" => Some(Annotation::Word),
        _ => None,
    }
}

fn of_first_generation(rest: &[u8]) -> bool {
    let stem = rest.split(|byte| *byte == b'_').next().unwrap_or_default();
    matches!(
        stem,
        b"in"
            | b"out"
            | b"inout"
            | b"deref"
            | b"drv"
            | b"bcount"
            | b"ecount"
            | b"field"
            | b"reserved"
            | b"success"
            | b"notnull"
            | b"nullterminated"
            | b"possibly"
            | b"kernel"
            | b"byte"
            | b"elem"
            | b"post"
            | b"pre"
    )
}

/// The end of the arguments of an annotation, if there are any. Not farther than two kilobytes: no annotation is longer,
/// and a parenthesis that is never closed shall not blank a file.
fn arguments_end(bytes: &[u8], word_end: usize) -> usize {
    const LONGEST: usize = 2048;
    let open = skip_blank(bytes, word_end);
    if bytes.get(open) != Some(&b'(') {
        return word_end;
    }
    let mut depth = 0_usize;
    let mut at = open;
    while let Some(&byte) = bytes.get(at).filter(|_| at - open < LONGEST) {
        match byte {
            b'"' | b'\'' => {
                at = quoted_end(bytes, at);
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    word_end
}

/// The end of what follows `__asm`: a block, or the rest of the line.
fn assembly_end(bytes: &[u8], word_end: usize) -> usize {
    let open = skip_blank(bytes, word_end);
    let line =
        word_end + memchr::memchr(b'\n', &bytes[word_end..]).unwrap_or(bytes.len() - word_end);
    if bytes.get(open) != Some(&b'{') {
        return line;
    }
    memchr::memchr(b'}', &bytes[open..]).map_or(line, |close| open + close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> String {
        let blanked = blanked(text, &crate::directive::directives(text), None, 0);
        assert_eq!(blanked.bytes.len(), text.len());
        let made = String::from_utf8(blanked.bytes).unwrap();
        made.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn annotations_become_blanks() {
        assert_eq!(
            made(
                "_IRQL_requires_max_(DISPATCH_LEVEL)\nNTSTATUS NTAPI F(_In_reads_bytes_(n + (1)) IN PVOID p, __out_bcount(n) int *q OPTIONAL) {}"
            ),
            "NTSTATUS F( PVOID p, int *q ) {}"
        );
        assert_eq!(
            made("__declspec(align(16)) int _Inner_x; int __index;"),
            "int _Inner_x; int __index;"
        );
        assert_eq!(
            made("CONST CHAR *a; CHAR CONST *b; int * VOLATILE c; enum { CONST, VOLATILE = 2 };"),
            "CHAR *a; CHAR *b; int * c; enum { CONST, VOLATILE = 2 };"
        );
        assert_eq!(made("\"_In_\" /* _In_ */ 'IN' // IN"), "\"_In_\" /* _In_ */ 'IN' // IN");
    }

    #[test]
    fn directives_and_assembly_become_blanks() {
        assert_eq!(made("#define A \\\n b\nint x; // c"), "int x; // c");
        let text = "void F() { if (a) __asm { mov cr0, eax } __asm mov eax, cr0\n g(); }";
        assert_eq!(made(text), "void F() { if (a) ; ; g(); }");
        let found = blanked(text, &[], None, 0).assembly;
        assert_eq!(&text[found[0].clone()], "__asm { mov cr0, eax }");
    }

    #[test]
    fn an_annotation_that_never_ends_blanks_nothing_else() {
        assert_eq!(made("_In_( a; b"), "( a; b");
        assert_eq!(made("__asm"), ";");
    }
}
