//! Members that were given a value just before: nothing can have changed them in between.

use crate::evaluate::Place;
use crate::expression::Step;
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Function, Stored};
use crate::value::Value;
use std::ops::Range;

/// How many assignments are looked back through, and how many tokens may lie between one and what is read.
const MOST_STORED: usize = 64;
const MOST_TOKENS: usize = 256;

impl<'w> Place<'w, '_> {
    /// The value of a member that the code before gave it, whatever path led here.
    pub(crate) fn stored_part(&self, name: &str, steps: &[Step], depth: usize) -> Option<Value> {
        let member = match steps.last()? {
            Step::Member(member) | Step::Pointed(member) => member,
            Step::Element(_) => return None,
        };
        let is_bound = self.macro_given.iter().any(|(known, _)| *known == name);
        let function = &self.world.parsed[self.parsed].syntax.functions[self.function?];
        let text = |range: &Range<usize>| self.world.text(self.parsed, range);
        let before = function.stored.partition_point(|one| one.path.start < self.at);
        let mut before = function.stored[..before].iter().rev().take(MOST_STORED);
        // One by another path may be the same memory.
        let last = before.find(|one| text(&one.member) == &**member).filter(|_| !is_bound)?;
        let value = last.value.clone()?;
        let is_same = is_path(text(&last.path), name, steps);
        let is_sure = is_same && self.always_comes_by(function, last, value.end);
        if !is_sure || self.may_change(name, value.end..self.at) {
            return None;
        }
        Some(Place { at: last.path.start, ..*self }.ranged(&value, depth))
    }

    /// Whether what is stored is stored whenever control comes here, and comes here next.
    fn always_comes_by(&self, function: &Function, stored: &Stored, end: usize) -> bool {
        let within = |range: &Range<usize>| range.contains(&self.at) && !range.contains(&end);
        stored.block.contains(&self.at)
            && end < self.at
            && !function.loops.iter().any(within)
            && !function.lambdas.iter().any(|(range, _)| within(range))
    }

    /// Whether code in a range of the file may change something that is reached from `name`, or be jumped into.
    fn may_change(&self, name: &str, range: Range<usize>) -> bool {
        let file = self.world.parsed[self.parsed].file;
        let text = self.world.tree.file(file).text.as_str();
        if text.get(range.clone()).is_none_or(|between| between.contains('#')) {
            return true;
        }
        let all: Vec<Token> = tokens(text, range.start, range.end).take(MOST_TOKENS + 1).collect();
        let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
        let changes = |index: usize| {
            let (before, behind) = (index.checked_sub(1).map_or("", word), word(index + 1));
            let is_kept = matches!(behind, "." | "->") && before != "&";
            match (all[index].kind, word(index)) {
                (_, "goto" | "case" | "default" | "asm" | "__asm" | "_asm" | "__asm__") => true,
                (_, ":") => !(0..index).any(|at| word(at) == "?"),
                (_, one) if one == name => !is_kept,
                (Kind::Word, "if" | "return" | "sizeof" | "switch") => false,
                (Kind::Word, _) => behind == "(",
                (_, "*") => matches!(before, ";" | "{" | "}" | ""),
                (_, ")") => behind == "(",
                (_, "]") => behind == "=",
                (_, one @ ("+" | "-")) => behind == one,
                _ => false,
            }
        };
        all.len() > MOST_TOKENS || (0..all.len()).any(changes)
    }
}

/// Whether a text is the way to a member from `name`.
fn is_path(text: &str, name: &str, steps: &[Step]) -> bool {
    let mut all = tokens(text, 0, text.len()).map(|token| token.text(text));
    let is_step = |step: &Step, all: &mut dyn Iterator<Item = &str>| match step {
        Step::Member(member) => all.next() == Some(".") && all.next() == Some(member),
        Step::Pointed(member) => all.next() == Some("->") && all.next() == Some(member),
        Step::Element(_) => false,
    };
    all.next() == Some(name)
        && steps.iter().all(|step| is_step(step, &mut all))
        && all.next().is_none()
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::of;

    /// The values of the only call of a function with `code` before it.
    fn values(code: &str, read: &str) -> String {
        let found = of(&format!(
            "struct P {{ POOL_TYPE Type; int n; }};\n\
             void F(int c, struct P *p, struct P *q, struct P s) {{ {code} x = ExAllocatePool({read}, 1); }}"
        ));
        assert_eq!(found.len(), 1, "{code} {found:?}");
        found[0].split_once("Pool ").unwrap().1.to_owned()
    }

    #[test]
    fn what_a_member_was_given_just_before_is_known() {
        for (code, read) in [
            ("p->Type = PagedPool;", "p->Type"),
            ("s.Type = PagedPool; s.n = c + 1;", "s.Type"),
            ("s.Type = 0; s.Type = (POOL_TYPE)PagedPool; /* why */", "s.Type"),
            ("p->Type = PagedPool; p->n = 8; if (c) { return; } c = 2;", "(POOL_TYPE)p->Type"),
            ("while (c) { p->Type = 0; break; } p->Type = PagedPool;", "p->Type"),
            ("POOL_TYPE t = PagedPool; s.Type = t;", "s.Type"),
        ] {
            assert_eq!(values(code, read), "0x1", "{code}");
        }
        // As much as is known of what it was given.
        assert_eq!(values("p->Type = c ? 0 : 1;", "p->Type"), "0x0 or 0x1");
        assert!(values("p->Type = p->n;", "p->Type").ends_with("? it is read from memory"));
    }

    /// Anything between may have changed it.
    #[test]
    fn what_may_have_changed_is_not_known() {
        for (code, read) in [
            ("if (c) { p->Type = PagedPool; }", "p->Type"),
            ("p->Type = PagedPool; G();", "p->Type"),
            ("p->Type = PagedPool; (*g)(p);", "p->Type"),
            ("p->Type = PagedPool; p = q;", "p->Type"),
            ("s.Type = PagedPool; q = &s;", "s.Type"),
            ("s.Type = PagedPool; *q = s;", "s.Type"),
            ("p->Type = PagedPool; *q = o;", "p->Type"),
            ("p->Type = PagedPool; p++;", "p->Type"),
            ("p->Type = PagedPool; p->Type++;", "p->Type"),
            ("p->Type = PagedPool; o[0] = 0;", "p->Type"),
            ("p->Type = PagedPool; q->Type = 0;", "p->Type"),
            ("p->Type = PagedPool; p->Type |= 512;", "p->Type"),
            ("p->Type = PagedPool; again:", "p->Type"),
            ("switch (c) { case 1: p->Type = PagedPool; case 2:", "p->Type); }; y = (1"),
            ("p->Type = PagedPool; while (c--)", "p->Type"),
            ("p->Type = PagedPool;\n#if X\n#endif\n", "p->Type"),
            ("p->Type = PagedPool;", "q->Type"),
            ("p->Type = PagedPool;", "p->a.Type"),
            ("p[1].Type = PagedPool;", "p[1].Type"),
        ] {
            assert!(
                values(code, read).ends_with("? it is read from memory"),
                "{code} {}",
                values(code, read)
            );
        }
    }
}
