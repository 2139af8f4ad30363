//! Functions that write what their callers pass: what each of these writes is told where it calls.

use super::{ControlWrite, Finder, WrittenBy, bit, is_write};
use crate::evaluate::{BUDGET, Bindings, Place};
use crate::lex::{Kind, tokens};
use crate::syntax::{Call, Manner};
use crate::value::Value;
use crate::world::{FunctionId, World};
use foldhash::HashSet;
use std::cell::Cell;

/// How often what is passed is passed on.
const DEEPEST: usize = 3;
/// How many calls of such functions are looked at for one write.
const MOST_CALLS: usize = 64;

/// What a value is with parameters of a function bound.
type Bound<'b> = dyn Fn(&Bindings<'_>) -> Value + 'b;

/// Whether a call writes the register, or calls one of `others`, with what a parameter of the function around has to do with.
pub(crate) fn hands_on(
    world: &World<'_>,
    parsed: usize,
    call: &Call,
    others: &HashSet<String>,
) -> bool {
    let name = world.text(parsed, &call.callee);
    let is_it = call.manner == Manner::Plain && (is_write(name) || others.contains(name));
    is_it && names_parameter(world, parsed, call)
}

/// Whether arguments of a call name a parameter of the function around.
fn names_parameter(world: &World<'_>, parsed: usize, call: &Call) -> bool {
    let Some(function) = call.function else { return false };
    let parameters = &world.parsed[parsed].syntax.functions[function].parameters;
    let is_parameter = |word: &str| parameters.iter().any(|one| world.text(parsed, one) == word);
    let names_any = |text: &str| {
        let mut words = tokens(text, 0, text.len()).filter(|token| token.kind == Kind::Word);
        words.any(|token| is_parameter(token.text(text)))
    };
    call.arguments.iter().any(|range| names_any(world.text(parsed, range)))
}

impl Finder<'_, '_> {
    /// What is written by way of those who call the function around; nothing where these do not decide about it.
    pub(super) fn by_callers(&self, call: &Call, value: &Value) -> Vec<ControlWrite> {
        let Some((function, argument)) = call.function.zip(call.arguments.first()) else {
            return Vec::new();
        };
        if bit(value).is_some() || !names_parameter(self.world, self.parsed, call) {
            return Vec::new();
        }
        let file = self.world.parsed[self.parsed].file;
        let written = |given: &Bindings<'_>| {
            let budget = Cell::new(BUDGET);
            let place = self.place(Some(function), argument.start, &budget);
            Place { given, ..place }.value_in(file, argument.clone())
        };
        let mut found = Vec::new();
        let mut left = MOST_CALLS;
        let id = FunctionId { parsed: self.parsed, function };
        self.follow(id, &written, 0, &mut left, &mut found);
        found
    }

    fn follow(
        &self,
        id: FunctionId,
        written: &Bound<'_>,
        depth: usize,
        left: &mut usize,
        found: &mut Vec<ControlWrite>,
    ) {
        let world = self.world;
        let function = &world.parsed[id.parsed].syntax.functions[id.function];
        let name = world.text(id.parsed, &function.name);
        let names: Vec<&str> =
            function.parameters.iter().map(|one| world.text(id.parsed, one)).collect();
        for (parsed, one) in world.parsed.iter().enumerate() {
            let calls = one.syntax.calls.iter().filter(|call| {
                call.manner == Manner::Plain
                    && world.text(parsed, &call.callee) == name
                    && call.arguments.len() == names.len()
            });
            for call in calls {
                if *left == 0 {
                    return;
                }
                *left -= 1;
                let is_dead = world.is_dead(parsed, call.function, call.callee.start);
                if is_dead || world.called(parsed, name) != [id] {
                    continue;
                }
                let finder = Finder { parsed, text: super::text_of(world, parsed), ..*self };
                let passed = |given: &Bindings<'_>| {
                    let values = call.arguments.iter().map(|argument| {
                        let budget = Cell::new(BUDGET);
                        let place = finder.place(call.function, argument.start, &budget);
                        Place { given, ..place }.value_in(one.file, argument.clone())
                    });
                    let all: Vec<_> = names.iter().copied().zip(values).collect();
                    written(&all)
                };
                let value = passed(&[]);
                let caller = call.function.filter(|_| {
                    depth < DEEPEST && bit(&value).is_none() && names_parameter(world, parsed, call)
                });
                let before = found.len();
                if let Some(function) = caller {
                    let id = FunctionId { parsed, function };
                    finder.follow(id, &passed, depth + 1, left, found);
                }
                if found.len() == before {
                    let (whole, by) = (call.whole.clone(), WrittenBy::Intrinsic);
                    found.push(finder.write(whole, call.function, value, by));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::assembly::Bit;
    use crate::{SourceText, SourceTree, analyse};

    /// The file, the line and bit 16 of each write.
    fn bits(files: &[(&str, &str)]) -> Vec<(String, u32, Bit)> {
        let mut tree = SourceTree::default();
        for (name, text) in files {
            tree.add(name, SourceText::of(*text)).unwrap();
        }
        let told = |one: &super::ControlWrite| {
            let file = tree.file(one.span.file);
            let line = file.text.place(one.span.start as usize).line;
            (file.path.clone(), line, super::bit(&one.value))
        };
        analyse(&tree, &[], &[]).control.iter().map(told).collect()
    }

    #[test]
    fn what_callers_pass_is_told_where_they_call() {
        let write = "void WriteCr0(ULONG64 v) { __writecr0(v); }";
        let code = "void WriteCr0(ULONG64 v);\nvoid Off(void) { WriteCr0(__readcr0() & ~0x10000); }\nvoid On(void)\n{ ULONG64 c = __readcr0(); WriteCr0(c | 0x10000); }";
        let expected =
            |file: &str| vec![(file.to_owned(), 2, Some(false)), (file.to_owned(), 4, Some(true))];
        assert_eq!(bits(&[("a.c", write), ("b.c", code)]), expected("b.c"));
        let one = format!("{write} {code}");
        assert_eq!(bits(&[("a.c", &one)]), expected("a.c"));
    }

    #[test]
    fn what_is_passed_may_be_passed_on() {
        let code = "static void Write(ULONG64 v) { __writecr0(v); }
static void Clear(ULONG64 bits) { Write(__readcr0() & ~bits); }
void Off(void) { Clear(1 << 16); }
void Other(void) { Clear(2); }
void Any(ULONG64 bits) { Clear(bits); }";
        let line = |line, bit| ("a.c".to_owned(), line, bit);
        assert_eq!(
            bits(&[("a.c", code)]),
            [line(3, Some(false)), line(4, Some(true)), line(5, None)]
        );
    }

    #[test]
    fn what_nobody_passes_stays_where_it_is_written() {
        let code = "void Write(ULONG64 v) { __writecr0(v); }\nvoid Own(ULONG64 v) { Own(v); __writecr0(v); }";
        let told = bits(&[("a.c", code)]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().all(|(.., bit)| bit.is_none()), "{told:?}");
    }

    /// A choice of the caller by a flag, as helpers have it.
    #[test]
    fn functions_that_switch_it_off_and_on_are_open() {
        let code = "void Protect(BOOLEAN on) { ULONG64 c = __readcr0(); if (on) c |= 0x10000; else c &= ~0x10000; __writecr0(c); }\nvoid F(void) { Protect(FALSE); }";
        let told = bits(&[("a.c", code)]);
        assert_eq!(told, [("a.c".to_owned(), 1, None)]);
    }
}
