//! Writes of control register 0, and what is known of what is written.

mod callers;
mod in_macros;

pub(crate) use callers::hands_on;
pub(crate) use in_macros::{is_in_directive, names_register};

use crate::FEW_FILES;
use crate::Span;
use crate::assembly::{Bit, Dialect, Machine, instructions};
use crate::evaluate::{ASKS_VERSIONS, BUDGET, Place};
use crate::expand::Expansion;
use crate::lex::{Kind, Token, tokens};
use crate::pragma::Compiled;
use crate::value::{Unknown, Value};
use crate::vocabulary::CR0_WP;
use crate::world::World;
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;

/// A write of control register 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlWrite {
    /// The argument or the instruction.
    pub span: Span,
    /// The function around it.
    pub function: Option<String>,
    /// What is written; of assembly no more than bit 16.
    pub value: Value,
    /// How it is written.
    pub by: WrittenBy,
}

/// How control register 0 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenBy {
    /// By `__writecr0`.
    Intrinsic,
    /// By assembly in the form of Microsoft's compiler, which has it for x86 only.
    Block,
    /// By assembly in the form of GCC and Clang.
    Template,
}

/// All writes of control register 0 in files that count, each place once.
pub(crate) fn writes(
    world: &World<'_>,
    counts: &(dyn Fn(usize) -> bool + Sync),
) -> Vec<ControlWrite> {
    let naming = in_macros::Naming::of(world);
    let of_file = |parsed: usize| {
        let mut found = Vec::new();
        let finder = Finder { world, parsed, text: text_of(world, parsed), expansion: None };
        finder.intrinsics(&mut found);
        finder.in_macros(&naming, &mut found);
        if naming.has(world.parsed[parsed].file) {
            finder.blocks(&mut found);
            finder.templates(&mut found);
        }
        found
    };
    let files = (0..world.parsed.len())
        .into_par_iter()
        .with_min_len(FEW_FILES)
        .filter(|parsed| counts(*parsed));
    let mut found: Vec<ControlWrite> = files.flat_map_iter(of_file).collect();
    found.sort_by_key(|one| one.span);
    found.dedup_by_key(|one| one.span);
    found
}

fn text_of<'t>(world: &World<'t>, parsed: usize) -> &'t str {
    let tree: &'t crate::SourceTree = world.tree;
    tree.file(world.parsed[parsed].file).text.as_str()
}

struct Finder<'w, 't> {
    world: &'w World<'t>,
    parsed: usize,
    text: &'w str,
    /// What the text is, where macros made it, and the place where.
    expansion: Option<(&'w Expansion, &'w Place<'w, 't>)>,
}

/// How deep functions are looked for in functions.
const DEEPEST: usize = 16;
/// More operands than any template has.
const MOST_OPERANDS: usize = 128;

/// What an operand of a template is called in it, and what its bit is.
type Operands = Vec<(String, Bit)>;

impl<'t> Finder<'_, 't> {
    fn intrinsics(&self, found: &mut Vec<ControlWrite>) {
        for call in &self.world.parsed[self.parsed].syntax.calls {
            let name = self.world.text(self.parsed, &call.callee);
            if !is_write(name) || self.is_dead(call.function, call.callee.start) {
                continue;
            }
            let Some(argument) = call.arguments.first() else { continue };
            let value = self.value(argument.clone(), call.function);
            let by_callers = self.by_callers(call, &value);
            if !by_callers.is_empty() {
                found.extend(by_callers);
                continue;
            }
            found.push(self.write(argument.clone(), call.function, value, WrittenBy::Intrinsic));
        }
    }

    fn write(
        &self,
        range: Range<usize>,
        function: Option<usize>,
        value: Value,
        by: WrittenBy,
    ) -> ControlWrite {
        let parsed = &self.world.parsed[self.parsed];
        let name = |function: usize| {
            self.world.text(self.parsed, &parsed.syntax.functions[function].name).to_owned()
        };
        ControlWrite {
            span: Span::new(parsed.file, range),
            function: function.map(name),
            value,
            by,
        }
    }

    fn value(&self, range: Range<usize>, function: Option<usize>) -> Value {
        if let Some((expansion, place)) = self.expansion {
            return place.value_of(expansion, &range, 0);
        }
        let budget = Cell::new(BUDGET);
        let place = self.place(function, range.start, &budget);
        place.value_in(self.world.parsed[self.parsed].file, range)
    }

    fn place<'p>(
        &'p self,
        function: Option<usize>,
        at: usize,
        budget: &'p Cell<u32>,
    ) -> Place<'p, 't> {
        Place {
            world: self.world,
            parsed: self.parsed,
            function,
            at,
            given: &[],
            macro_given: &[],
            budget,
            asks_start: true,
            asks_versions: ASKS_VERSIONS,
            only_constants: false,
        }
    }

    /// Whether control never comes to a byte of the file that stands in a function.
    fn is_dead(&self, function: Option<usize>, at: usize) -> bool {
        self.expansion.is_none() && self.world.is_dead(self.parsed, function, at)
    }

    fn function_at(&self, at: usize) -> Option<usize> {
        let functions = &self.world.parsed[self.parsed].syntax.functions;
        // They are in the order they begin, and hardly nest.
        let end = functions.partition_point(|function| function.body.start <= at);
        let near = end.saturating_sub(DEEPEST);
        let found = functions[near..end].iter().rposition(|one| one.body.contains(&at));
        found.map(|index| near + index)
    }

    /// Blocks that follow each other are one piece of code.
    fn blocks(&self, found: &mut Vec<ControlWrite>) {
        let mut machine = Machine::new();
        let mut last = 0;
        for block in &self.world.parsed[self.parsed].syntax.assembly {
            let function = self.function_at(block.start);
            if self.is_template(block.start) || self.is_dead(function, block.start) {
                continue;
            }
            let between = self.text.get(last..block.start).unwrap_or_default();
            if !between.chars().all(|one| one.is_whitespace() || one == ';') {
                machine = Machine::new();
            }
            last = block.end;
            for one in instructions(self.text, block.clone()) {
                if let Some(bit) = machine.step(&self.text[one.clone()], Dialect::Intel) {
                    found.push(self.write(one, function, value(bit), WrittenBy::Block));
                }
            }
        }
    }

    fn is_template(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        let rest = rest.trim_start_matches("__asm").trim_start_matches("_asm").trim_start();
        rest.starts_with(['(', '_']) || rest.starts_with("volatile")
    }

    /// `asm volatile("…" : outputs : inputs : …)`
    fn templates(&self, found: &mut Vec<ControlWrite>) {
        let parsed = &self.world.parsed[self.parsed];
        let all: Vec<Token> = tokens(self.text, 0, self.text.len()).collect();
        let word = |index: usize| all.get(index).map_or("", |token| token.text(self.text));
        let compiled = Compiled::of(&parsed.unit, parsed.file);
        let mut index = 0;
        while index < all.len() {
            let start = all[index].start;
            index += 1;
            if !matches!(word(index - 1), "asm" | "__asm__" | "__asm") {
                continue;
            }
            while is_qualifier(word(index)) {
                index += 1;
            }
            // What a macro writes is told where it is used.
            let is_defined = is_in_directive(self.text, start);
            if word(index) != "(" || is_defined || compiled.at(start).is_none() {
                continue;
            }
            let end = closing(self.text, &all, index);
            self.template(&all[index + 1..end], found);
            index = end;
        }
    }

    fn template(&self, inner: &[Token], found: &mut Vec<ControlWrite>) {
        let strings = inner.iter().take_while(|token| token.kind == Kind::String).count();
        let Some((first, last)) = inner[..strings].first().zip(inner[..strings].last()) else {
            return;
        };
        let range = first.start..last.end;
        let code: String =
            inner[..strings].iter().map(|token| token.text(self.text).trim_matches('"')).collect();
        let function = self.function_at(first.start);
        if self.is_dead(function, first.start) {
            return;
        }
        let mut machine = Machine::new();
        for (name, bit) in self.operands(&inner[strings..], function) {
            machine.set(&name, bit);
        }
        let dialect = if code.contains('%') { Dialect::AtAndT } else { Dialect::Intel };
        let code = code.replace("\\n", "\n").replace("\\t", " ").replace("\\r", " ");
        for one in code.split(['\n', ';']).filter(|one| !one.trim().is_empty()) {
            if let Some(bit) = machine.step(one, dialect) {
                found.push(self.write(range.clone(), function, value(bit), WrittenBy::Template));
            }
        }
    }

    /// The operands of a template in their order, with what they hold before it runs.
    fn operands(&self, rest: &[Token], function: Option<usize>) -> Operands {
        let mut operands = Vec::new();
        let mut group = 0;
        let mut at = 0;
        let word = |index: usize| rest.get(index).map_or("", |token| token.text(self.text));
        while at < rest.len() && operands.len() < MOST_OPERANDS {
            match word(at) {
                ":" => group += 1,
                "::" => group += 2,
                "[" if group <= 2 => {
                    operands.push((word(at + 1).to_ascii_lowercase(), None));
                    at += 2;
                }
                "(" => {
                    let end = closing(self.text, rest, at);
                    let constraint = word(at.saturating_sub(1));
                    let is_read = group == 2 || constraint.contains('+');
                    let range = rest.get(at + 1).map_or(0, |token| token.start)
                        ..rest.get(end.saturating_sub(1)).map_or(0, |token| token.end);
                    if group <= 2 && range.start < range.end {
                        let bit = is_read
                            .then(|| self.value(range, function))
                            .and_then(|value| bit(&value));
                        let number = operands.iter().filter(|(name, _)| is_number(name)).count();
                        // A name stands for the operand that comes behind it.
                        if let Some((name, None)) =
                            operands.last().filter(|(name, _)| !is_number(name))
                        {
                            let name = format!("[{name}]");
                            operands.push((name, bit));
                        }
                        operands.push((format!("%{number}"), bit));
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
        operands
    }
}

/// Whether a function is the intrinsic that writes the register.
fn is_write(name: &str) -> bool {
    matches!(name, "__writecr0" | "_writecr0")
}

/// Whether a word may stand between `asm` and its parenthesis.
fn is_qualifier(word: &str) -> bool {
    matches!(word, "volatile" | "__volatile__" | "__volatile" | "goto")
}

fn is_number(name: &str) -> bool {
    name.starts_with('%')
}

/// The token that closes the parenthesis at `open`, or the end.
fn closing(text: &str, all: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in all.iter().enumerate().skip(open) {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return index;
        }
    }
    all.len()
}

/// Bit 16 of a value that has it whatever path is taken.
pub(crate) fn bit(value: &Value) -> Bit {
    let of = |ones: u64, zeros: u64| match (ones & CR0_WP != 0, zeros & CR0_WP != 0) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let mut bits = value.choices.iter().map(|one| of(one.bits.ones, one.bits.zeros));
    let first = bits.next()??;
    bits.all(|one| one == Some(first)).then_some(first)
}

/// A value of which bit 16 is this.
pub(crate) fn value(bit: Bit) -> Value {
    let open = Value::open(Unknown::Text);
    open.mapped(|mut choice| {
        choice.bits.ones = if bit == Some(true) { CR0_WP } else { 0 };
        choice.bits.zeros = if bit == Some(false) { CR0_WP } else { 0 };
        choice
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceText, SourceTree, analyse};

    /// Bit 16 of each write, by place.
    fn bits(text: &str) -> Vec<Bit> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(text)).unwrap();
        analyse(&tree, &[], &[]).control.iter().map(|one| bit(&one.value)).collect()
    }

    #[test]
    fn what_the_intrinsic_is_given() {
        for (code, expected) in [
            ("__writecr0(__readcr0() & ~0x10000);", Some(false)),
            ("__writecr0(__readcr0() & ~(1 << 16));", Some(false)),
            ("__writecr0(x & 0xFFFEFFFF);", Some(false)),
            ("ULONG64 c = __readcr0(); c &= 0xfffffffffffeffff; __writecr0(c);", Some(false)),
            ("ULONG64 c = __readcr0(); c &= ~CR0_WP; _disable(); __writecr0(c);", Some(false)),
            ("ULONG64 c = __readcr0(); c |= 0x10000; __writecr0(c);", Some(true)),
            ("ULONG64 c = __readcr0(); c &= ~0x10000; c |= 0x10000; __writecr0(c);", Some(true)),
            ("ULONG64 c = __readcr0(); __writecr0(c);", Some(true)),
            ("__writecr0(__readcr0() | 0x10000);", Some(true)),
            ("__writecr0(x);", None),
            ("ULONG64 c = __readcr0(); if (x) c &= ~0x10000; __writecr0(c);", None),
            ("ULONG64 c = __readcr0(); Change(&c); __writecr0(c);", None),
            ("__writecr0(__readcr0() ^ 0x10000);", Some(false)),
            ("ULONG64 c = __readcr0(); c ^= 1ULL << 16; __writecr0(c);", Some(false)),
            ("ULONG64 c = __readcr0(); c ^= 0x10000; c ^= 0x10000; __writecr0(c);", Some(true)),
            ("ULONG64 c = __readcr0(); c ^= 2; __writecr0(c);", Some(true)),
            ("ULONG64 c = __readcr0(); c ^= x; __writecr0(c);", None),
            ("ULONG64 c = __readcr0(); while (x--) c ^= 0x10000; __writecr0(c);", None),
            ("ULONG64 c = __readcr0(); c &= ~(1ULL << 16); __writecr0(c);", Some(false)),
            ("LONG64 c = __readcr0(); _bittestandreset64(&c, 16); __writecr0(c);", Some(false)),
            (
                "ULONG64 c = __readcr0(); _bittestandreset((PLONG)&c, 16); __writecr0(c);",
                Some(false),
            ),
            ("ULONG64 c = __readcr0(); _bittestandreset((long *)&c, WP); __writecr0(c);", None),
            ("LONG64 c = x; _bittestandset64(&c, 16); __writecr0(c);", Some(true)),
            (
                "LONG64 c = __readcr0(); _bittestandcomplement64(&c, 16); __writecr0(c);",
                Some(false),
            ),
            ("LONG64 c = __readcr0(); _bittestandreset64(&c, 80); __writecr0(c);", None),
        ] {
            assert_eq!(bits(&format!("void F(ULONG64 x) {{ {code} }}")), [expected], "{code}");
        }
    }

    /// A way around what clears the bit leaves both.
    #[test]
    fn jumps_pass_by() {
        let text = "void F(int x) { ULONG64 c = __readcr0(); if (x) goto on; c &= ~0x10000; on: __writecr0(c); }";
        assert_eq!(bits(text), [None]);
    }

    #[test]
    fn blocks_of_assembly() {
        let lines = "void F() { __asm cli\n __asm mov eax, cr0\n __asm and eax, 0FFFEFFFFh\n __asm mov cr0, eax\n Patch();\n __asm mov eax, cr0\n __asm or eax, 10000h\n __asm mov cr0, eax\n }";
        assert_eq!(bits(lines), [Some(false), Some(true)]);
        // What C does in between is not known to the registers.
        let parted = "void F() { __asm { mov eax, cr0 } G(); __asm { mov cr0, eax } }";
        assert_eq!(bits(parted), [None]);
        assert_eq!(bits("void F() { // __asm mov cr0, eax\n __asm nop\n }"), []);
    }

    #[test]
    fn templates_of_assembly() {
        for (code, expected) in [
            ("asm volatile(\"mov %0, %%cr0\" :: \"r\"(c & ~0x10000));", Some(false)),
            (
                "__asm__ __volatile__(\"mov %[v],%%cr0\" : : [v] \"r\" (c | 0x10000UL) : \"memory\");",
                Some(true),
            ),
            ("asm volatile(\"mov %0, %%cr0\" :: \"r\"(c));", None),
            (
                "asm(\"mov %%cr0, %%rax\\n\\tand $~0x10000, %%rax\\n\" \"mov %%rax, %%cr0\" ::: \"rax\");",
                Some(false),
            ),
            ("asm volatile(\"mov %1, %%cr0\" : \"=r\"(x) : \"r\"(c & ~0x10000));", Some(false)),
        ] {
            assert_eq!(bits(&format!("void F(ULONG64 c) {{ {code} }}")), [expected], "{code}");
        }
        let read = "void F() { ULONG64 c; asm volatile(\"mov %%cr0, %0\" : \"=r\"(c)); }";
        assert_eq!(bits(read), []);
    }

    #[test]
    fn broken_assembly_ends() {
        for text in [
            "asm(",
            "asm(\"mov %0, %%cr0\" :",
            "__asm",
            "asm volatile",
            "asm(\"cr0\":::::[(",
            "__writecr0()",
        ] {
            assert!(bits(&format!("void F() {{ cr0; {text}")).len() <= 1);
        }
    }
}
