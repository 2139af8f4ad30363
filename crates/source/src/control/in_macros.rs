//! Writes of control register 0 that only macros make.

use super::{ControlWrite, Finder};
use crate::assembly::{Dialect, Machine, instructions};
use crate::control::{WrittenBy, value};
use crate::evaluate::BUDGET;
use crate::expand::Expansion;
use crate::lex::{Kind, Token, tokens};
use crate::macros::Macro;
use crate::pragma::Compiled;
use crate::syntax::Manner;
use crate::world::World;
use crate::{FEW_FILES, FileId, Span};
use foldhash::HashSet;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// How often macros are made of macros.
const MOST_ROUNDS: usize = 16;
/// How many lines a line of the preprocessor's is joined of.
const MOST_LINES: usize = 1 << 10;
/// How many uses are looked at in a file.
const MOST_USES: usize = 1 << 12;

/// Which files of a tree name the register, in any letter case.
pub(super) struct Naming {
    files: HashSet<FileId>,
}

impl Naming {
    /// Of what was parsed, and of all that it includes.
    pub(super) fn of(world: &World<'_>) -> Naming {
        let included = world.parsed.iter().flat_map(|one| one.unit.visits.keys());
        let own = world.parsed.iter().map(|one| &one.file);
        let files: HashSet<FileId> = included.chain(own).copied().collect();
        let names = |file: &FileId| names_register(world.tree.file(*file).text.as_str());
        let files: Vec<FileId> = files.into_iter().collect();
        Naming { files: files.into_par_iter().with_min_len(FEW_FILES).filter(names).collect() }
    }

    /// Whether one of these files names the register.
    pub(super) fn has(&self, file: FileId) -> bool {
        self.files.contains(&file)
    }
}

/// Whether a text names the register. Its digit is what is rare in it.
pub(crate) fn names_register(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_behind = |at: usize| {
        let before = at.checked_sub(2).map(|start| &bytes[start..at]);
        before.is_some_and(|before| before.eq_ignore_ascii_case(b"cr"))
    };
    memchr::memchr_iter(b'0', bytes).any(is_behind)
}

impl<'t> Finder<'_, 't> {
    /// Writes by macros that are used in functions.
    pub(super) fn in_macros(&self, naming: &Naming, found: &mut Vec<ControlWrite>) {
        let parsed = &self.world.parsed[self.parsed];
        if !parsed.unit.visits.keys().any(|file| naming.has(*file)) {
            return;
        }
        let names = self.naming_macros();
        if names.is_empty() {
            return;
        }
        let compiled = Compiled::of(&parsed.unit, parsed.file);
        let mut left = MOST_USES;
        for (index, function) in parsed.syntax.functions.iter().enumerate() {
            let all: Vec<Token> =
                tokens(self.text, function.body.start, function.body.end).collect();
            let mut at = 0;
            while let Some(token) = all.get(at).filter(|_| left > 0) {
                at += 1;
                let is_use = token.kind == Kind::Word
                    && names.contains(token.text(self.text))
                    && compiled.at(token.start).is_some()
                    && !is_in_directive(self.text, token.start);
                if is_use {
                    left -= 1;
                    let end = use_end(self.text, &all, at);
                    self.of_use(token.start..all[end - 1].end, index, found);
                    at = end;
                }
            }
        }
    }

    /// The macros of the unit that name the register, themselves or by way of others.
    fn naming_macros(&self) -> HashSet<&'t str> {
        let parsed = &self.world.parsed[self.parsed];
        let all: Vec<(&'t str, &Macro<'t>)> = parsed.unit.macros.all().collect();
        let mut names: HashSet<&'t str> = HashSet::default();
        for round in 0..MOST_ROUNDS {
            let is_new = |(name, one): &&(&'t str, &Macro<'t>)| {
                let body = one.text(self.world.tree);
                let is_naming = |token: Token| match round {
                    0 => token.text(body).to_ascii_lowercase().contains("cr0"),
                    _ => names.contains(token.text(body)),
                };
                !names.contains(name) && tokens(body, 0, body.len()).any(is_naming)
            };
            let more: Vec<&'t str> = all.iter().filter(is_new).map(|(name, _)| *name).collect();
            if more.is_empty() {
                break;
            }
            names.extend(more);
        }
        names
    }

    /// The writes that the use of a macro makes.
    fn of_use(&self, range: Range<usize>, function: usize, found: &mut Vec<ControlWrite>) {
        let parsed = &self.world.parsed[self.parsed];
        if self.is_dead(Some(function), range.start) {
            return;
        }
        let budget = Cell::new(BUDGET);
        let place = self.place(Some(function), range.start, &budget);
        let file = parsed.file;
        let expanded =
            place.with_expander(&[], |expander| expander.expand(self.text, range.clone(), file));
        for one in expanded.iter().flat_map(|(all, _)| all) {
            let span = Span::new(file, range.clone());
            let write = |value, by| ControlWrite {
                span,
                function: Some(
                    self.world
                        .text(self.parsed, &parsed.syntax.functions[function].name)
                        .to_owned(),
                ),
                value,
                by,
            };
            for call in &crate::calls::body_syntax(&one.text, 0, crate::FileKind::C).calls {
                let name = &one.text[call.callee.clone()];
                let argument = call.arguments.first().filter(|_| call.manner == Manner::Plain);
                if let Some(argument) = argument.filter(|_| super::is_write(name)) {
                    let value = place.value_of(one, argument, 0);
                    found.push(write(value, WrittenBy::Intrinsic));
                }
            }
            if let Some(bit) = block_bit(one) {
                found.push(write(value(bit), WrittenBy::Block));
            }
            for template in templates(one) {
                let mut written = Vec::new();
                let of = Finder { expansion: Some((one, &place)), text: &one.text, ..*self };
                of.template(&one.tokens[template], &mut written);
                found.extend(written.into_iter().map(|one| write(one.value, WrittenBy::Template)));
            }
        }
    }
}

/// What assembly in the form of Microsoft's compiler writes last.
fn block_bit(of: &Expansion) -> Option<crate::assembly::Bit> {
    let is_start = |index: &usize| {
        let word = |index: usize| of.tokens.get(index).map_or("", |one| one.text(&of.text));
        matches!(word(*index), "__asm" | "_asm") && !matches!(word(index + 1), "(" | "volatile")
    };
    let start = of.tokens[(0..of.tokens.len()).find(is_start)?].start;
    let mut machine = Machine::new();
    let mut last = None;
    for one in instructions(&of.text, start..of.text.len()) {
        last = machine.step(&of.text[one], Dialect::Intel).or(last);
    }
    last
}

/// What stands in the parentheses of assembly in the form of GCC and Clang, as tokens.
fn templates(of: &Expansion) -> Vec<Range<usize>> {
    let word = |index: usize| of.tokens.get(index).map_or("", |one| one.text(&of.text));
    let mut found = Vec::new();
    let mut index = 0;
    while index < of.tokens.len() {
        index += 1;
        if !matches!(word(index - 1), "asm" | "__asm__" | "__asm") {
            continue;
        }
        while super::is_qualifier(word(index)) {
            index += 1;
        }
        if word(index) == "(" {
            let end = super::closing(&of.text, &of.tokens, index);
            found.push(index + 1..end.max(index + 1));
            index = end;
        }
    }
    found
}

/// The token behind a use of a macro: behind its arguments, where there are any.
fn use_end(text: &str, all: &[Token], at: usize) -> usize {
    match all.get(at).filter(|next| next.text(text) == "(") {
        Some(_) => (super::closing(text, all, at) + 1).min(all.len()),
        None => at,
    }
}

/// Whether a byte stands in a line of the preprocessor's.
pub(crate) fn is_in_directive(text: &str, at: usize) -> bool {
    let mut line = at;
    for _ in 0..MOST_LINES {
        line = text[..line].rfind('\n').map_or(0, |at| at + 1);
        let joins = text[..line].trim_end_matches(['\n', '\r']).ends_with('\\');
        if line == 0 || !joins {
            break;
        }
        line -= 1;
    }
    text[line..at].trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use crate::assembly::Bit;
    use crate::{SourceText, SourceTree, analyse};

    /// The line and bit 16 of each write.
    fn bits(text: &str) -> Vec<(u32, Bit)> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        let all = analyse(&tree, &[], &[]).control;
        let line = |at: u32| tree.file(all[0].span.file).text.place(at as usize).line;
        all.iter().map(|one| (line(one.span.start), super::super::bit(&one.value))).collect()
    }

    #[test]
    fn the_intrinsic_in_a_macro_counts_where_it_is_used() {
        let text = "#define OFF() __writecr0(__readcr0() & ~0x10000)\n#define ON __writecr0(__readcr0() | 0x10000)\n#define SET(x) do { _disable(); __writecr0(x); } while (0)\n#define BOTH OFF()\nvoid F() {\nOFF();\nON;\nSET(__readcr0() & ~(1 << 16));\nBOTH;\n}";
        let (off, on) = (Some(false), Some(true));
        assert_eq!(bits(text), [(6, off), (7, on), (8, off), (9, off)]);
        assert_eq!(bits("#define OFF() __writecr0(0)\nvoid F() {\n#define A OFF()\n}"), []);
    }

    #[test]
    fn assembly_in_a_macro_counts_where_it_is_used() {
        let block = "#define OFF __asm { __asm mov eax, cr0 __asm and eax, 0FFFEFFFFh __asm mov cr0, eax }\nvoid F() { OFF }";
        assert_eq!(bits(block), [(2, Some(false))]);
        let template = "#define WRITE(x) asm volatile(\"mov %0, %%cr0\" :: \"r\"(x))\nvoid F(ULONG64 c) { WRITE(c & ~0x10000); }";
        assert_eq!(bits(template), [(2, Some(false))]);
    }
}
