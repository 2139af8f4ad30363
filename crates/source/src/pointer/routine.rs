//! The names of functions that a driver looks up while it runs.

use super::{DEEPEST, MOST_TOKENS, Meant, ROUTINE, meant, parts};
use crate::FEW_FILES;
use crate::call_words::Names;
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Call, Function, Happens, Manner, Variable};
use crate::world::{FunctionId, World};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use ringfence_ddi::Ddi;
use std::ops::Range;

/// What makes a counted string of a literal: of the variable that is its first argument.
const MAKERS: [&str; 4] = [
    "RtlInitUnicodeString",
    "RtlInitUnicodeStringEx",
    "DECLARE_CONST_UNICODE_STRING",
    "DECLARE_GLOBAL_CONST_UNICODE_STRING",
];

/// How many functions that look up others are called by others that do.
const MOST_ROUNDS: usize = 4;

/// The functions of the tree that look up others by a name which they are passed.
#[derive(Debug, Default)]
pub(crate) struct Finding<'t> {
    functions: HashMap<FunctionId, Passed>,
    names: HashSet<&'t str>,
}

/// Which parameter is the name, and how it is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passed {
    parameter: usize,
    /// Whether it points to a counted string, and not to characters.
    is_counted: bool,
}

impl<'t> Finding<'t> {
    /// Those of all that was parsed.
    pub(crate) fn of(world: &World<'t>) -> Finding<'t> {
        let mut found = Finding::default();
        for _ in 0..MOST_ROUNDS {
            let names = Names::of(found.names().chain([ROUTINE]));
            let in_file = |parsed: usize| found.in_file(world, parsed, &names);
            let files = 0..world.parsed.len();
            let all: Vec<_> =
                files.into_par_iter().with_min_len(FEW_FILES).flat_map_iter(in_file).collect();
            let known = found.functions.len();
            for (id, passed) in all {
                let function = &world.parsed[id.parsed].syntax.functions[id.function];
                found.names.insert(world.text(id.parsed, &function.name));
                found.functions.entry(id).or_insert(passed);
            }
            if found.functions.len() == known {
                break;
            }
        }
        found
    }

    /// The names of these functions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'t str> {
        self.names.iter().copied()
    }

    fn in_file(
        &self,
        world: &World<'t>,
        parsed: usize,
        names: &Names,
    ) -> Vec<(FunctionId, Passed)> {
        let (syntax, words) = (&world.parsed[parsed].syntax, world.call_words(parsed));
        let calls = syntax.calls.iter().enumerate();
        let calls = calls.filter(|(number, call)| {
            words.may_call(*number, names) && call.manner == Manner::Plain && !call.is_scoped
        });
        let found = calls.filter_map(|(_, call)| {
            let index = call.function?;
            let function = &syntax.functions[index];
            let passed = self.passed(world, parsed, world.text(parsed, &call.callee))?;
            let range = call.arguments.get(passed.parameter)?.clone();
            let is_returned = returns(world, parsed, function, call);
            let passed = is_returned.then(|| match passed.is_counted {
                true => passed_on(world, parsed, index, range),
                false => variable(world, parsed, &range)
                    .and_then(|word| parameter(world, parsed, index, word))
                    .map(|parameter| Passed { parameter, is_counted: false }),
            });
            Some((FunctionId { parsed, function: index }, passed??))
        });
        found.collect()
    }

    /// How a function takes the name of another which it looks up.
    fn passed(&self, world: &World<'_>, parsed: usize, name: &str) -> Option<Passed> {
        if name == ROUTINE {
            return Some(Passed { parameter: 0, is_counted: true });
        }
        self.names.get(name)?;
        let mut all = world.called(parsed, name).into_iter();
        let first = *self.functions.get(&all.next()?)?;
        all.all(|id| self.functions.get(&id) == Some(&first)).then_some(first)
    }
}

/// Whether a function of that name may look up others.
pub(super) fn may_be(world: &World<'_>, name: &str) -> bool {
    name == ROUTINE || world.finding.names.contains(name)
}

/// The name of the function that a call gives the address of: what is called, and the text of the arguments.
pub(super) fn looked_up<'t>(
    world: &World<'t>,
    parsed: usize,
    function: Option<usize>,
    (callee, arguments): (&str, Range<usize>),
) -> Option<&'t str> {
    let passed = world.finding.passed(world, parsed, callee)?;
    let text = world.tree.file(world.parsed[parsed].file).text.as_str();
    let all: Vec<Token> = tokens(text, arguments.start, arguments.end).take(MOST_TOKENS).collect();
    let all = parts(text, &all);
    let part = all.get(passed.parameter)?;
    let range = part.first()?.start..part.last()?.end;
    match passed.is_counted {
        true => name(world, parsed, function, range),
        false => literal(world, parsed, &range),
    }
}

/// The DDI that is called where the address of a function is looked up: `((T)MmGetSystemRoutineAddress(&n))(…)`.
pub(crate) fn called_at_once(
    world: &World<'_>,
    parsed: usize,
    call: &Call,
) -> Option<&'static Ddi> {
    let callee = world.text(parsed, &call.callee);
    if call.manner != Manner::Given || !may_be(world, callee) {
        return None;
    }
    let text = world.tree.file(world.parsed[parsed].file).text.as_str();
    let all: Vec<Token> = tokens(text, call.callee.end, call.whole.end).take(MOST_TOKENS).collect();
    let (open, close) = (all.first()?, all.get(super::closing(text, &all, 0)?)?);
    let arguments = open.end..close.start;
    let name = looked_up(world, parsed, call.function, (callee, arguments))?;
    crate::vocabulary::function(name)
}

/// Whether a function returns what a call in it gives, itself or by way of a variable.
fn returns(world: &World<'_>, parsed: usize, function: &Function, call: &Call) -> bool {
    let holds =
        |range: &Range<usize>| range.start <= call.whole.start && call.whole.end <= range.end;
    let is_given = |name: &str| {
        function.variables.iter().any(|one| match &one.happens {
            Happens::Begins(value) | Happens::Becomes(value) => {
                holds(value) && world.text(parsed, &one.name) == name
            }
            _ => false,
        })
    };
    let mut all = function.returns.iter();
    all.any(|range| holds(range) || variable(world, parsed, range).is_some_and(is_given))
}

/// The parameter of a function that decides which name a counted string has to which an expression points.
fn passed_on(
    world: &World<'_>,
    parsed: usize,
    function: usize,
    range: Range<usize>,
) -> Option<Passed> {
    let name = variable(world, parsed, &range)?;
    if let Some(parameter) = parameter(world, parsed, function, name) {
        return Some(Passed { parameter, is_counted: true });
    }
    let made = made_of(world, parsed, Some(function), &range)?;
    let of = variable(world, parsed, &made)?;
    let parameter = parameter(world, parsed, function, of)?;
    Some(Passed { parameter, is_counted: false })
}

fn parameter(world: &World<'_>, parsed: usize, function: usize, name: &str) -> Option<usize> {
    let function = &world.parsed[parsed].syntax.functions[function];
    function.parameters.iter().position(|one| world.text(parsed, one) == name)
}

/// The name that the counted string has which the expression in `range` points to, if it is plain.
pub(crate) fn name<'t>(
    world: &World<'t>,
    parsed: usize,
    function: Option<usize>,
    range: Range<usize>,
) -> Option<&'t str> {
    match made_of(world, parsed, function, &range) {
        Some(range) => literal(world, parsed, &range),
        None => declared(world, parsed, variable(world, parsed, &range)?),
    }
}

/// What the counted string is made of to which the expression in `range` points.
fn made_of(
    world: &World<'_>,
    parsed: usize,
    function: Option<usize>,
    range: &Range<usize>,
) -> Option<Range<usize>> {
    let variable = variable(world, parsed, range)?;
    let syntax = &world.parsed[parsed].syntax;
    let is_here = |one: &Option<usize>| *one == function || one.is_none();
    // The last one before is the one that counts.
    let made = syntax.calls.iter().rev().find_map(|call| {
        let is_maker = MAKERS.contains(&world.text(parsed, &call.callee));
        let before = call.whole.start < range.start && is_here(&call.function);
        let [first, second, ..] = &call.arguments[..] else { return None };
        let is_it = || self::variable(world, parsed, first) == Some(variable);
        (is_maker && before && is_it()).then_some((call.whole.start, second))
    });
    let is_it =
        |one: &&Variable| world.text(parsed, &one.name) == variable && one.name.start < range.start;
    let begins = |one: &'_ Variable| match &one.happens {
        Happens::Begins(value) => Some((one.name.start, value.clone())),
        _ => None,
    };
    let own = function.map_or(&[][..], |function| &syntax.functions[function].variables);
    let begun = own.iter().rev().filter(is_it).find_map(begins);
    let begun = begun.or_else(|| global(world, parsed, variable, range.start));
    match (made, begun) {
        (Some((at, range)), Some((begun, _))) if at > begun => Some(range.clone()),
        (_, Some((_, range))) => Some(range),
        (Some((_, range)), None) => Some(range.clone()),
        (None, None) => None,
    }
}

/// Where a variable outside of functions is declared in the same file before a byte, and what it begins as.
fn global(
    world: &World<'_>,
    parsed: usize,
    variable: &str,
    before: usize,
) -> Option<(usize, Range<usize>)> {
    let file = world.parsed[parsed].file;
    let mut all = world.globals.get(variable)?.iter().filter(|event| event.function.is_none());
    all.find_map(|event| {
        let of = &world.parsed[event.parsed];
        let one = &of.syntax.variables[event.event];
        match &one.happens {
            Happens::Begins(value) if of.file == file && one.name.start < before => {
                Some((one.name.start, value.clone()))
            }
            _ => None,
        }
    })
}

/// The variable that an expression is, or whose address it is.
fn variable<'t>(world: &World<'t>, parsed: usize, range: &Range<usize>) -> Option<&'t str> {
    let text = world.tree.file(world.parsed[parsed].file).text.as_str();
    let all: Vec<Token> = tokens(text, range.start, range.end).take(MOST_TOKENS).collect();
    let mut found = Vec::new();
    meant(text, &all, DEEPEST, &mut found);
    match found[..] {
        [Meant::Word(name)] => Some(name),
        _ => None,
    }
}

/// The text of the only string in `range`.
fn literal<'t>(world: &World<'t>, parsed: usize, range: &Range<usize>) -> Option<&'t str> {
    let text = world.tree.file(world.parsed[parsed].file).text.as_str();
    let mut strings = tokens(text, range.start, range.end)
        .take(MOST_TOKENS)
        .filter(|token| token.kind == Kind::String);
    let only = strings.next().filter(|_| strings.next().is_none())?.text(text);
    Some(only.split_once('"')?.1.trim_end_matches('"'))
}

/// The text of a string that a macro declares outside of functions, where it is no call to a parser.
fn declared<'t>(world: &World<'t>, parsed: usize, variable: &str) -> Option<&'t str> {
    let text = world.tree.file(world.parsed[parsed].file).text.as_str();
    let makers = memchr::memmem::find_iter(text.as_bytes(), "CONST_UNICODE_STRING(");
    makers.into_iter().find_map(|at| {
        let from = at + "CONST_UNICODE_STRING(".len();
        let mut tokens = tokens(text, from, text.len());
        let is_it = tokens.next()?.text(text) == variable && tokens.next()?.text(text) == ",";
        let string = tokens.next().filter(|token| is_it && token.kind == Kind::String)?;
        literal(world, parsed, &(string.start..string.end))
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told, tree};

    const CALL: &str = "(NonPagedPool, 1, 'a')";
    const TO: &str = "ExAllocatePoolWithTag";
    const TYPE: &str = "typedef PVOID (*ALLOC)(POOL_TYPE, SIZE_T, ULONG);\n";

    fn found(code: &str) -> Vec<String> {
        of(&format!("{TYPE}{code}"))
    }

    /// Whether a call of the DDI is among what was found, in a line.
    fn has(found: &[String], line: u32) -> bool {
        found.contains(&format!("a.c:{line} {TO} 0x0"))
    }

    /// What MmGetSystemRoutineAddress gives is called without a variable between.
    #[test]
    fn what_is_looked_up_is_called_at_once() {
        let name = format!("L\"{TO}\"");
        for call in [
            "((ALLOC)MmGetSystemRoutineAddress(&n))",
            "((ALLOC)(ULONG_PTR)MmGetSystemRoutineAddress((PUNICODE_STRING)&n))",
            "((ALLOC)(MmGetSystemRoutineAddress(&n)))",
            "(*(ALLOC)MmGetSystemRoutineAddress(&n))",
        ] {
            for made in [
                format!("UNICODE_STRING n; RtlInitUnicodeString(&n, {name});"),
                format!("UNICODE_STRING n = RTL_CONSTANT_STRING({name});"),
                format!("DECLARE_CONST_UNICODE_STRING(n, {name});"),
            ] {
                let found = found(&format!("void F(void) {{ {made} {call}{CALL}; }}"));
                assert!(has(&found, 3), "{made} {call}: {found:?}");
            }
        }
        let made = format!("UNICODE_STRING n; RtlInitUnicodeString(&n, {name});");
        let text = format!(
            "#include <ntddk.h>\n{TYPE}void F() {{ {made} reinterpret_cast<ALLOC>(MmGetSystemRoutineAddress(&n)){CALL}; }}"
        );
        let all = told(&tree(&[("a.cpp", &text)]), &[]);
        assert!(all.contains(&format!("a.cpp:3 {TO} 0x0")), "{all:?}");
    }

    #[test]
    fn what_a_function_looks_up_is_called() {
        let text = "static PVOID Get(PCWSTR s) { UNICODE_STRING n; RtlInitUnicodeString(&n, s); return MmGetSystemRoutineAddress(&n); }\n";
        let kept = "PVOID Get(PCWSTR s) { UNICODE_STRING n; PVOID p; RtlInitUnicodeString(&n, s); p = MmGetSystemRoutineAddress(&n); return p; }\n";
        for get in [text, kept] {
            for code in [
                format!("ALLOC p; p = (ALLOC)Get(L\"{TO}\"); p{CALL};"),
                format!("((ALLOC)Get(L\"{TO}\")){CALL};"),
            ] {
                let found = found(&format!("{get}void F(void) {{ {code} }}"));
                assert!(has(&found, 4), "{get} {code}: {found:?}");
            }
        }
        // A string that is counted already, and one function by way of another.
        let counted = "static PVOID Look(int x, PUNICODE_STRING s) { return (PVOID)MmGetSystemRoutineAddress(s); }\n";
        let made = format!("UNICODE_STRING n; RtlInitUnicodeString(&n, L\"{TO}\");");
        let code =
            format!("{counted}void F(void) {{ {made} ALLOC p = (ALLOC)Look(1, &n); p{CALL}; }}");
        assert!(has(&found(&code), 4), "{:?}", found(&code));
        let on = "PVOID Get(PCWSTR s) { UNICODE_STRING n; RtlInitUnicodeString(&n, s); return Look(0, &n); }\n";
        let code =
            format!("{counted}{on}void F(void) {{ ALLOC p = (ALLOC)Get(L\"{TO}\"); p{CALL}; }}");
        assert!(has(&found(&code), 5), "{:?}", found(&code));
    }

    /// The caller names nothing of interest but in a string, and its file nothing else.
    #[test]
    fn a_function_of_another_file_looks_up() {
        let get = "#include <ntddk.h>\nPVOID Get(PCWSTR s) { UNICODE_STRING n; RtlInitUnicodeString(&n, s); return MmGetSystemRoutineAddress(&n); }";
        let call = format!(
            "#include <ntddk.h>\n{TYPE}PVOID Get(PCWSTR s);\nvoid F(void) {{ ALLOC p = (ALLOC)Get(L\"{TO}\"); p{CALL}; }}"
        );
        let all = told(&tree(&[("a.c", &call), ("b.c", get)]), &[]);
        assert!(has(&all, 4), "{all:?}");
    }

    /// Other functions are called there, or nobody knows which.
    #[test]
    fn what_is_something_else_is_not_told() {
        let made = |name: &str| format!("UNICODE_STRING n; RtlInitUnicodeString(&n, L\"{name}\");");
        let once = format!("((ALLOC)MmGetSystemRoutineAddress(&n)){CALL};");
        for code in [
            format!("void F(void) {{ {} {once} }}", made("IoCreateDevice")),
            format!("void F(PUNICODE_STRING n) {{ ((ALLOC)MmGetSystemRoutineAddress(n)){CALL}; }}"),
            format!(
                "PVOID Get(PCWSTR s) {{ return Other(s); }}\nvoid F(void) {{ ((ALLOC)Get(L\"{TO}\")){CALL}; }}"
            ),
            // The address is for something else.
            format!(
                "PVOID Get(PCWSTR s) {{ UNICODE_STRING n; RtlInitUnicodeString(&n, s); g = MmGetSystemRoutineAddress(&n); return h; }}\nvoid F(void) {{ ((ALLOC)Get(L\"{TO}\")){CALL}; }}"
            ),
            // What a function gives for the address of the DDI.
            format!(
                "ALLOC Other(ALLOC p);\nALLOC Choose(ALLOC p) {{ return Other(p); }}\nvoid F(void) {{ ALLOC p = 0; ((Choose)(p)){CALL}; }}"
            ),
            format!(
                "void F(ALLOC (*get)(ALLOC)) {{ ALLOC p = (ALLOC){TO}; p = 0; ((get)(p)){CALL}; }}"
            ),
        ] {
            let found = found(&code);
            assert!(
                !found.iter().any(|one| one.contains("0x0") && !one.contains('?')),
                "{code}: {found:?}"
            );
        }
        let choose = format!("void F(ALLOC (*get)(ALLOC)) {{ ALLOC p = {TO}; ((get)(p)){CALL}; }}");
        assert!(!has(&found(&choose), 3), "{:?}", found(&choose));
    }
}
