//! Calls that only macros make: pasted names, functions handed to macros, arguments that one macro gives together.

use crate::calls::{Follower, Passed, Reached, SourceArgument, Step, body_syntax, takes_step};
use crate::evaluate::Place;
use crate::expand::{Expander, Expansion};
use crate::lex::{Kind, Token, skip_blank, tokens};
use crate::macros::{Body, Macro};
use crate::syntax::{Call, Manner};
use crate::{FileId, Hop, Span, dead, vocabulary};
use foldhash::{HashSet, HashSetExt};
use std::cell::Cell;
use std::ops::Range;

/// How many macros are looked at to see whether one has to be replaced as text.
const MOST_MACROS: usize = 128;
/// How many tokens of a call and of a macro are looked at for that.
const MOST_TOKENS: usize = 1 << 12;

impl<'t> Follower<'_, 't> {
    /// Follows a call that has to be read as the preprocessor leaves it; false where it is as well followed as it is
    /// written.
    pub(crate) fn through_text(
        &self,
        place: &Place<'_, 't>,
        call: &Call,
        (file, via, left): (FileId, &[Hop], &Cell<u32>),
        depth: usize,
        found: &mut Vec<Reached>,
    ) -> bool {
        let text = self.world.tree.file(file).text.as_str();
        let names: Vec<&str> = place.with_expander(&[], |expander| {
            let is_macro = |range: &Range<usize>| expander.is_needed(text, range.clone());
            let is_needed = (call.manner == Manner::Given && is_macro(&call.callee))
                || (call.manner != Manner::Given && needs_text(expander, text, call));
            if is_needed { called_within(expander, text, call) } else { vec![""] }
        });
        if names == [""] {
            return call.manner == Manner::Given;
        }
        if !takes_step(left, found) {
            return true;
        }
        let all = place.with_expander(&names, |expander| {
            expander.expand(text, call.whole.clone(), file).map_or_else(Vec::new, |(all, _)| all)
        });
        for one in &all {
            self.of_expansion(place, call, one, (file, via, left), depth, found);
        }
        true
    }

    /// Follows the calls in what a call became.
    fn of_expansion(
        &self,
        place: &Place<'_, 't>,
        call: &Call,
        one: &Expansion,
        (file, via, left): (FileId, &[Hop], &Cell<u32>),
        depth: usize,
        found: &mut Vec<Reached>,
    ) {
        let text = self.world.tree.file(file).text.as_str();
        let whole = Span::new(file, call.whole.clone());
        let own = text.get(call.callee.clone()).unwrap_or_default();
        let kind = self.world.parsed[place.parsed].kind(self.world.tree);
        let body = body_syntax(&one.text, 0, kind);
        let constant = Place { only_constants: true, ..*place };
        let truth = |of: &Range<usize>| constant.value_of(one, of, 0).truth();
        let dead = dead::by_conditions(&body, &truth);
        let runs = |call: &&Call| !dead.iter().any(|range| range.contains(&call.callee.start));
        for inner in body.calls.iter().filter(runs) {
            let (_, spans) = one.within(&inner.callee);
            let at = spans.first().filter(|span| span.file == file).map(|span| span.start as usize);
            let is_own = at == Some(call.callee.start);
            // What is written as a call is followed by itself.
            let is_call = |at: usize| call.whole.contains(&at) && is_called_at(text, at);
            if !is_own && at.is_some_and(is_call) {
                continue;
            }
            let arguments: Vec<SourceArgument> =
                inner.arguments.iter().map(|range| argument(place, one, range, file)).collect();
            let hop = (!is_own).then(|| Hop {
                name: own.to_owned(),
                is_macro: true,
                span: self.body_of(place, own).unwrap_or(whole),
            });
            let via: Vec<Hop> = via.iter().cloned().chain(hop).collect();
            let written = &one.text[inner.callee.clone()];
            let name = inner.manner.operator().unwrap_or(written);
            let own = inner.template.iter().map(|range| place.value_of(one, range, 0)).collect();
            let template = Passed { own, ..Passed::default() };
            let (manner, arguments, template) = (inner.manner, &*arguments, &template);
            let (span, via, is_scoped) = (whole, &*via, inner.is_scoped);
            let step = Step { name, manner, arguments, template, span, via, is_scoped, left };
            match vocabulary::function(name) {
                Some(ddi) => self.of_name(place, ddi, &step, depth, found),
                None if self.through_pointer(place, name, &step, depth, found) => {}
                None if inner.manner.operator().is_some()
                    && self.world.called(place.parsed, name).is_empty() =>
                {
                    self.through_kit_new(place, &step, found)
                }
                None => self.through_function(place, name, &step, depth, found),
            }
        }
    }

    /// Where the body of a macro is written.
    fn body_of(&self, place: &Place<'_, 't>, name: &str) -> Option<Span> {
        let parsed = &self.world.parsed[place.parsed];
        let meanings = parsed.unit.meanings(name, parsed.time(place.at));
        match &meanings.macros.first()?.body {
            Body::Written(file, range) => Some(Span::new(*file, range.clone())),
            _ => None,
        }
    }
}

/// An argument of a call that macros made.
fn argument(
    place: &Place<'_, '_>,
    of: &Expansion,
    range: &Range<usize>,
    file: FileId,
) -> SourceArgument {
    let span = of.written(place.world.tree, range);
    match span.filter(|span| span.file == file) {
        Some(span) => SourceArgument {
            span: Some(span),
            value: place.value_in(file, span.range()),
            is_loose: place.is_loose(file, span.range()),
            read_through: Vec::new(),
        },
        None => SourceArgument {
            span,
            value: place.value_of(of, range, 0),
            ..SourceArgument::not_passed()
        },
    }
}

/// Whether an opening parenthesis follows the word at a byte.
fn is_called_at(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let end = crate::lex::word_end(bytes, at);
    bytes.get(skip_blank(bytes, end)) == Some(&b'(')
}

/// Whether a call has a macro in it that has to be replaced to see what is called with what.
fn needs_text(expander: &Expander<'_, '_>, text: &str, call: &Call) -> bool {
    let mut seen: HashSet<String> = HashSet::new();
    let mut left: Vec<String> = vec![text[call.callee.clone()].to_owned()];
    for range in &call.arguments {
        // Of an argument it matters only whether it is several.
        let mut all = tokens(text, range.start, range.end);
        let alone = all.next().filter(|token| token.kind == Kind::Word);
        let Some(word) = alone.filter(|_| all.next().is_none()) else { continue };
        if gives_several(expander, word.text(text), 0) {
            return true;
        }
    }
    while let Some(name) = left.pop().filter(|_| seen.len() < MOST_MACROS) {
        if !seen.insert(name.clone()) {
            continue;
        }
        if name != text[call.callee.clone()] && gives_several(expander, &name, 0) {
            return true;
        }
        for one in expander.unit.meanings(&name, expander.time).macros {
            let body = one.text(expander.tree);
            let all: Vec<Token> = tokens(body, 0, body.len()).take(MOST_TOKENS).collect();
            if is_hard(one, body, &all) {
                return true;
            }
            let words = all.iter().filter(|token| token.kind == Kind::Word);
            let words = words.map(|token| token.text(body)).filter(|word| !seen.contains(*word));
            left.extend(words.map(str::to_owned));
        }
    }
    false
}

/// Whether the body of a macro is no plain C: names are pasted, arguments are not counted, or a parameter is called.
fn is_hard(one: &Macro<'_>, body: &str, all: &[Token]) -> bool {
    let parameters = one.parameters.as_deref().unwrap_or_default();
    let word = |index: usize| all.get(index).map_or("", |token| token.text(body));
    let calls = |index: usize| parameters.contains(&word(index)) && word(index + 1) == "(";
    let is_pasted = all.iter().any(|token| matches!(token.text(body), "##" | "#"));
    is_pasted || parameters.iter().any(|one| one.ends_with("...")) || (0..all.len()).any(calls)
}

/// Whether a macro that is no function stands for several values with commas between.
fn gives_several(expander: &Expander<'_, '_>, name: &str, depth: usize) -> bool {
    let several = |one: &&Macro<'_>| {
        let body = one.text(expander.tree);
        let mut open = 0_usize;
        let mut all = tokens(body, 0, body.len()).take(MOST_TOKENS);
        let is_alone = !body.is_empty() && body.trim().bytes().all(crate::lex::is_word);
        one.parameters.is_none()
            && (is_alone && depth < 8 && gives_several(expander, body.trim(), depth + 1)
                || all.any(|token| match token.text(body) {
                    "(" | "[" | "{" => {
                        open += 1;
                        false
                    }
                    ")" | "]" | "}" => {
                        open = open.saturating_sub(1);
                        false
                    }
                    word => word == "," && open == 0,
                }))
    };
    expander.unit.meanings(name, expander.time).macros.iter().any(several)
}

/// The macros that are called in the arguments of a call and make calls: these are followed by themselves.
fn called_within<'a>(expander: &Expander<'_, '_>, text: &'a str, call: &Call) -> Vec<&'a str> {
    let mut found = Vec::new();
    let all: Vec<Token> = tokens(text, call.callee.end, call.whole.end).take(MOST_TOKENS).collect();
    for two in all.windows(2) {
        let name = two[0].text(text);
        let makes_calls = |one: &&Macro<'_>| {
            let body = one.text(expander.tree);
            let all: Vec<Token> = tokens(body, 0, body.len()).take(MOST_TOKENS).collect();
            let is_call = |two: &[Token]| two[0].kind == Kind::Word && two[1].text(body) == "(";
            one.parameters.is_some() && all.windows(2).any(is_call)
        };
        if two[0].kind == Kind::Word
            && two[1].text(text) == "("
            && expander.unit.meanings(name, expander.time).macros.iter().any(makes_calls)
        {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// The line of each call, its DDI, and its pool type where that is one value.
    fn told(text: &str) -> Vec<String> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(format!("#include <ntddk.h>\n{text}"))).unwrap();
        let one = |call: &crate::SourceCall| {
            let line = tree.file(call.span.file).text.place(call.span.start as usize).line;
            let value = call.arguments[0].value.constant();
            format!(
                "{line} {} {}",
                call.ddi.name,
                value.map_or("?".into(), |of| format!("{of:#x}"))
            )
        };
        analyse(&tree, &[], &[]).calls.iter().map(one).collect()
    }

    /// As C's preprocessor has it: the second translation phase after the first.
    #[test]
    fn functions_are_handed_to_macros() {
        assert_eq!(
            told(
                "#define APPLY(f, ...) f(__VA_ARGS__)\nvoid A(void) { APPLY(ExAllocatePoolWithTag, PagedPool, 16, 'x'); }"
            ),
            ["3 ExAllocatePoolWithTag 0x1"]
        );
        assert_eq!(
            told(
                "#define CALL(f, a, b) f(a, b)\nvoid A(void) { CALL(ExAllocatePool, NonPagedPoolNx, 1); CALL(Other, 1, 2); }"
            ),
            ["3 ExAllocatePool 0x200"]
        );
        assert_eq!(
            told("#define ID(x) x\nvoid A(void) { ID(ExAllocatePool)(PagedPool, 1); F(1)(2); }"),
            ["3 ExAllocatePool 0x1"]
        );
    }

    #[test]
    fn names_are_pasted() {
        assert_eq!(
            told(
                "#define ALLOC(how) ExAllocatePool##how\nvoid A(void) { ALLOC(WithTag)(PagedPool, 1, 'x'); }"
            ),
            ["3 ExAllocatePoolWithTag 0x1"]
        );
        assert_eq!(
            told(
                "#define POOL(x) x##Pool\nvoid A(void) { ExAllocatePool(POOL(Paged), 1); ExAllocatePool(POOL(NonPaged) | 0x200, 1); }"
            ),
            ["3 ExAllocatePool 0x1", "3 ExAllocatePool 0x200"]
        );
        assert_eq!(
            told(
                "#define TAKE(p, n) ExAllocatePoolWithTag(p##Pool, n, #n)\nvoid A(void) { TAKE(Paged, 1); }"
            ),
            ["3 ExAllocatePoolWithTag 0x1"]
        );
    }

    #[test]
    fn arguments_are_counted_by_nobody() {
        for define in [
            "#define TAKE(...) ExAllocatePoolWithTag(__VA_ARGS__)",
            "#define TAKE(p, ...) ExAllocatePoolWithTag(p, ##__VA_ARGS__)",
            "#define TAKE(p, rest...) ExAllocatePoolWithTag(p, rest)",
            "#define ARGS PagedPool, 1, 'x'\n#define TAKE(p, n, t) ExAllocatePoolWithTag(ARGS)",
        ] {
            let found = told(&format!("{define}\nvoid A(void) {{ TAKE(PagedPool, 1, 'x'); }}"));
            assert_eq!(found.len(), 1, "{define}");
            assert!(found[0].ends_with("ExAllocatePoolWithTag 0x1"), "{define}: {found:?}");
        }
        assert_eq!(
            told("#define ARGS PagedPool, 1, 'x'\nvoid A(void) { ExAllocatePoolWithTag(ARGS); }"),
            ["3 ExAllocatePoolWithTag 0x1"]
        );
    }

    /// A call within another is told once, whatever macros are around it.
    #[test]
    fn each_call_is_told_once() {
        assert_eq!(
            told(
                "#define TRY(x, ...) Check(x, #x, __VA_ARGS__)\n#define TAKE(p) ExAllocatePool(p, 1)\nvoid A(void) { TRY(ExAllocatePool(PagedPool, 1), 2); TRY(TAKE(PagedPool), 3); }"
            ),
            ["4 ExAllocatePool 0x1", "4 ExAllocatePool 0x1"]
        );
    }

    #[test]
    fn wrappers_may_be_made_of_such_macros() {
        assert_eq!(
            told(
                "#define APPLY(f, ...) f(__VA_ARGS__)\nvoid *W(POOL_TYPE t) { return APPLY(ExAllocatePoolWithTag, t, 1, 'x'); }\nvoid A(void) { W(PagedPool); }"
            ),
            ["4 ExAllocatePoolWithTag 0x1"]
        );
    }

    /// What depends on the build is all that it may be.
    #[test]
    fn several_meanings_are_all_followed() {
        let text = "#ifdef OLD\n#define POOL(x) x##Pool\n#else\n#define POOL(x) x##PoolNx\n#endif\nvoid A(void) { ExAllocatePool(POOL(NonPaged), 1); }";
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(format!("#include <ntddk.h>\n{text}"))).unwrap();
        let calls = analyse(&tree, &[], &[]).calls;
        let value = &calls[0].arguments[0].value;
        let mut all: Vec<_> = value.choices.iter().map(|one| one.bits.constant()).collect();
        all.sort();
        assert_eq!(all, [Some(0), Some(0x200)]);
    }

    #[test]
    fn macros_made_to_be_hard_end() {
        let doubling: String =
            (1..40).map(|n| format!("#define A{n}(x) A{}(x x)\n", n - 1)).collect();
        let bomb = format!(
            "#define A0(x) x##Pool\n{doubling}void A(void) {{ ExAllocatePool(A39(1), 1); }}"
        );
        assert_eq!(told(&bomb), ["42 ExAllocatePool ?"]);
        let own = "#define F(x) F(x) x##Pool\n#define G G\nvoid A(void) { ExAllocatePool(F(1), 1); ExAllocatePool(G, 1); F(";
        told(own);
        let deep = format!(
            "#define I(x) x\nvoid A(void) {{ ExAllocatePool({}1, 1); }}",
            "I(".repeat(5000)
        );
        told(&deep);
    }

    #[test]
    fn long_chains_are_followed() {
        let chain: String = (1..30).map(|n| format!("#define P{n} P{}\n", n - 1)).collect();
        let text =
            format!("#define P0 PagedPool\n{chain}void A(void) {{ ExAllocatePool(P29, 1); }}");
        assert_eq!(told(&text), ["32 ExAllocatePool 0x1"]);
    }
}
