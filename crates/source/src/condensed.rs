//! A text without what a parser only passes over, and where what is left stood in it.
//!
//! Much of a driver's source is comments, indentation and what conditions leave out. A parser looks at all of it byte by
//! byte, and keeps comments in its tree.

mod handling;

pub(crate) use handling::Own;

use crate::FileKind;
use crate::flow::{Fork, ForkKind};
use crate::lex::{
    block_comment_end, is_word, line_comment_end, number_end, quoted_end, raw_end, word_end,
};
use crate::syntax::{
    Call, DefaultArgument, Enumerator, Function, Happens, Listed, Member, Record, Stored, Syntax,
    TemplateParameter, Variable,
};
use std::ops::Range;

/// A text without what a parser only passes over.
pub(crate) struct Condensed {
    pub(crate) bytes: Vec<u8>,
    /// What follows on something that was left out: where it begins, and where it began in the text.
    pieces: Vec<(usize, usize)>,
    /// Whether words that are others by a header of C become those.
    is_c: bool,
    /// Those of them that the tree defines itself.
    own: Own,
}

/// Fewer blanks than these stay: keeping in mind where they were costs more than they do.
const FEWEST_BLANKS: usize = 4;

impl Condensed {
    /// Condenses all of a text but some ranges, which are in its order.
    pub(crate) fn of(
        text: &[u8],
        left_out: &[Range<usize>],
        kind: FileKind,
        own: Own,
    ) -> Condensed {
        let (bytes, pieces) = (Vec::with_capacity(text.len() / 2), Vec::new());
        let mut made = Condensed { bytes, pieces, is_c: kind != FileKind::Cpp, own };
        let mut from = 0;
        for gap in left_out.iter().filter(|gap| !gap.is_empty()) {
            made.take(text, from..gap.start);
            made.pass_over(text, gap.clone());
            from = gap.end;
        }
        made.take(text, from..text.len());
        made
    }

    /// Takes in a part of the text that begins and ends between tokens.
    fn take(&mut self, text: &[u8], range: Range<usize>) {
        let bytes = &text[..range.end];
        let (mut at, mut kept) = (range.start, range.start);
        // Where the last token ended.
        let mut before = range.start;
        while let Some(&first) = bytes.get(at) {
            let end = blank_end(bytes, at);
            if end == at {
                if self.is_c && matches!(first, b't' | b'f' | b'e' | b'l' | b'_') {
                    let lacks = handling::lacking(bytes, before, at, self.own);
                    if lacks > 0 {
                        self.bytes.extend_from_slice(&bytes[kept..at]);
                        self.put_before(at, lacks);
                        kept = at;
                    }
                }
                at = token_end(bytes, at, first);
                before = at;
                continue;
            }
            if end - at >= FEWEST_BLANKS {
                self.bytes.extend_from_slice(&bytes[kept..at]);
                self.pass_over(bytes, at..end);
                kept = end;
            }
            at = end;
        }
        self.bytes.extend_from_slice(&bytes[kept..]);
    }

    /// Puts underscores before what stands at a byte of the text.
    fn put_before(&mut self, at: usize, underscores: usize) {
        self.pieces.push((self.bytes.len(), at));
        self.bytes.resize(self.bytes.len() + underscores, b'_');
        self.pieces.push((self.bytes.len(), at));
    }

    /// Leaves out what stands between tokens, which one blank keeps apart; a line's end stays one.
    fn pass_over(&mut self, text: &[u8], gap: Range<usize>) {
        let is_line_end = memchr::memchr(b'\n', &text[gap.clone()]).is_some();
        self.bytes.push(if is_line_end { b'\n' } else { b' ' });
        self.pieces.push((self.bytes.len(), gap.end));
    }

    /// Where a byte stood in the text.
    fn place(&self, at: usize) -> usize {
        match self.pieces.partition_point(|(start, _)| *start <= at).checked_sub(1) {
            Some(last) => {
                let (start, stood) = self.pieces[last];
                stood + (at - start)
            }
            None => at,
        }
    }

    /// Where a byte of the text is now; none where it was left out.
    pub(crate) fn is_at(&self, place: usize) -> Option<usize> {
        let at = match self.pieces.partition_point(|(_, stood)| *stood <= place).checked_sub(1) {
            Some(last) => {
                let (start, stood) = self.pieces[last];
                start + (place - stood)
            }
            None => place,
        };
        (at < self.bytes.len() && self.place(at) == place).then_some(at)
    }

    /// Where what ends before a byte ended in the text.
    fn end(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |last| self.place(last) + 1)
    }

    /// Where a range was in the text.
    pub(crate) fn stood(&self, mut range: Range<usize>) -> Range<usize> {
        self.move_back(&mut range);
        range
    }

    /// Moves a range to where it was in the text. What has no end stays so.
    fn move_back(&self, range: &mut Range<usize>) {
        let is_empty = range.start >= range.end;
        range.start = self.place(range.start);
        range.end = match range.end {
            usize::MAX => usize::MAX,
            _ if is_empty => range.start,
            end => self.end(end),
        };
    }

    /// Tells of the text what was found in this one.
    pub(crate) fn tell_of_text(&self, syntax: &mut Syntax) {
        let Syntax {
            functions,
            calls,
            variables,
            enumerators,
            members,
            records,
            listed,
            taken,
            defaults,
            stores,
            assembly: _,
            is_cut: _,
        } = syntax;
        let back = |range: &mut Range<usize>| self.move_back(range);
        functions.iter_mut().for_each(|one| self.function(one));
        for one in calls {
            let Call { callee, whole, arguments, template, class, .. } = one;
            let class = class.iter_mut().flat_map(|(name, all)| all.iter_mut().chain([name]));
            let all = [callee, whole].into_iter().chain(arguments).chain(template);
            all.chain(class).for_each(back);
        }
        variables.iter_mut().for_each(|one| self.variable(one));
        for Enumerator { name, value, behind: _ } in enumerators {
            [name].into_iter().chain(value).for_each(back);
        }
        for Member { name, value, function: _, is_element: _ } in members {
            [name, value].into_iter().for_each(back);
        }
        for Record { names, body, members, is_plain: _, bases } in records {
            let of_members = members.iter_mut().flat_map(|(name, of)| [name].into_iter().chain(of));
            names.iter_mut().chain([body]).chain(bases).chain(of_members).for_each(back);
        }
        for Listed { of, value, function: _ } in listed {
            [of, value].into_iter().for_each(back);
        }
        taken.iter_mut().for_each(back);
        for DefaultArgument { function, parameter: _, of: _, value, template } in defaults {
            [function, value].into_iter().chain(template).for_each(back);
        }
        stores.iter_mut().for_each(|(range, _)| back(range));
    }

    fn function(&self, function: &mut Function) {
        let Function {
            name,
            body,
            parameters,
            template,
            outer,
            variables,
            forks,
            loops,
            lambdas,
            returns,
            misread,
            of,
            stored,
            hidden: _,
            is_static: _,
            linkage: _,
            asking: _,
            known: _,
        } = function;
        let back = |range: &mut Range<usize>| self.move_back(range);
        for TemplateParameter { name, default } in template {
            [name].into_iter().chain(default).for_each(back);
        }
        misread.iter_mut().for_each(|at| *at = self.place(*at));
        [name, body, of]
            .into_iter()
            .chain(returns)
            .chain(parameters)
            .chain(outer)
            .chain(loops)
            .for_each(back);
        variables.iter_mut().for_each(|one| self.variable(one));
        for Stored { path, member, value, block } in stored {
            [path, member, block].into_iter().chain(value).for_each(back);
        }
        forks.iter_mut().for_each(|one| self.fork(one));
        for (range, parameters) in lambdas {
            [range].into_iter().chain(parameters).for_each(back);
        }
    }

    fn variable(&self, variable: &mut Variable) {
        let Variable { name, happens, block, scope, is_static: _ } = variable;
        [name, block, scope].into_iter().for_each(|range| self.move_back(range));
        match happens {
            Happens::Begins(of)
            | Happens::Becomes(of)
            | Happens::Gains(of)
            | Happens::Keeps(of)
            | Happens::Turns(_, of) => {
                self.move_back(of);
            }
            Happens::Declared | Happens::Told(_) | Happens::Changes => {}
        }
    }

    fn fork(&self, fork: &mut Fork) {
        fork.each_range(&mut |range| self.move_back(range));
        if let ForkKind::Loop { begins, .. } = &mut fork.kind {
            *begins = self.end(*begins);
        }
    }
}

/// Behind blanks and comments. Joined lines are no blanks here: a parser knows them.
fn blank_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = match bytes.get(at..) {
            Some([b' ' | b'\t' | b'\r' | b'\n', ..]) => at + 1,
            Some([b'/', b'/', ..]) => line_comment_end(bytes, at),
            Some([b'/', b'*', ..]) => block_comment_end(bytes, at),
            _ => return at,
        };
    }
}

/// The end of a token, or of a byte of one, that begins with `first`.
fn token_end(bytes: &[u8], at: usize, first: u8) -> usize {
    match first {
        b'"' | b'\'' => quoted_end(bytes, at),
        b'0'..=b'9' => number_end(bytes, at),
        _ if is_word(first) => {
            let end = word_end(bytes, at);
            let is_raw = bytes[end - 1] == b'R' && bytes.get(end) == Some(&b'"');
            if is_raw { raw_end(bytes, end) } else { end }
        }
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_becomes_one_blank() {
        for (text, condensed) in [
            ("a;     b;\n\n\n\t c /* d */;", "a; b;\nc ;"),
            ("// a\nint/**/x; // b", "\nint x; "),
            ("x = \"    \" + '/*' / 2;", "x = \"    \" + '/*' / 2;"),
            ("R\"(    // a)\"; 1'000    ;", "R\"(    // a)\"; 1'000 ;"),
            ("a /* never    ends", "a "),
        ] {
            let made = Condensed::of(text.as_bytes(), &[], FileKind::C, Own::default());
            assert_eq!(String::from_utf8(made.bytes).unwrap(), condensed, "{text}");
        }
    }

    #[test]
    fn what_is_left_knows_where_it_stood() {
        let text = "/* a */ void F(int a)     { /* left out */ }\n     void G();";
        let body = text.find('{').unwrap() + 1..text.find('}').unwrap();
        let made = Condensed::of(text.as_bytes(), &[body], FileKind::C, Own::default());
        assert_eq!(made.bytes, b" void F(int a) { }\nvoid G();");
        let now = memchr::memchr(b'G', &made.bytes);
        assert_eq!(made.is_at(text.find('G').unwrap()), now);
        assert_eq!(made.is_at(text.find("left").unwrap()), None);
        for word in ["void F", "a)", "{", "}", "G", ";"] {
            let at = memchr::memmem::find(&made.bytes, word.as_bytes()).unwrap();
            let mut range = at..at + word.len();
            made.move_back(&mut range);
            let stood = if word == "a)" { text.find("a)") } else { text.find(word) }.unwrap();
            assert_eq!(range, stood..stood + word.len(), "{word}");
        }
        let mut whole = 0..made.bytes.len();
        made.move_back(&mut whole);
        assert_eq!(whole, 0..text.len());
        let mut endless = 0..usize::MAX;
        made.move_back(&mut endless);
        assert_eq!(endless, 0..usize::MAX);
    }
}
