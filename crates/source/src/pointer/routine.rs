//! The names of functions that a driver looks up while it runs.

use super::{DEEPEST, MOST_TOKENS, Meant, meant};
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Happens, Variable};
use crate::world::World;
use std::ops::Range;

/// What makes a counted string of a literal: of the variable that is its first argument.
const MAKERS: [&str; 4] = [
    "RtlInitUnicodeString",
    "RtlInitUnicodeStringEx",
    "DECLARE_CONST_UNICODE_STRING",
    "DECLARE_GLOBAL_CONST_UNICODE_STRING",
];

/// The name that the counted string has which the expression in `range` points to, if it is plain.
pub(crate) fn name<'t>(
    world: &World<'t>,
    parsed: usize,
    function: Option<usize>,
    range: Range<usize>,
) -> Option<&'t str> {
    let variable = variable(world, parsed, &range)?;
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
        (Some((at, range)), Some((begun, _))) if at > begun => literal(world, parsed, range),
        (_, Some((_, range))) => literal(world, parsed, &range),
        (Some((_, range)), None) => literal(world, parsed, range),
        (None, None) => declared(world, parsed, variable),
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

/// The variable whose address an expression is.
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
