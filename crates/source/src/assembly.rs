//! What assembly in C makes of CR0.WP: a few registers, followed from instruction to instruction.

use crate::vocabulary::{self, CR0_WP};
use foldhash::{HashMap, HashMapExt};
use std::ops::Range;

/// What a place holds at bit 16: none where that is not known.
pub(crate) type Bit = Option<bool>;

/// How operands are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The target comes first, as Microsoft's compiler has it.
    Intel,
    /// The target comes last, with signs before registers and numbers.
    AtAndT,
}

/// The registers, and what was pushed.
#[derive(Debug)]
pub(crate) struct Machine {
    bits: HashMap<String, Bit>,
    pushed: Vec<Bit>,
    control: Bit,
}

/// Nobody pushes more.
const DEEPEST: usize = 256;

impl Machine {
    /// As the kernel runs: with write protection on, and nothing else known.
    pub(crate) fn new() -> Machine {
        Machine { bits: HashMap::new(), pushed: Vec::new(), control: Some(true) }
    }

    /// Says what a place holds at bit 16.
    pub(crate) fn set(&mut self, place: &str, bit: Bit) {
        self.bits.insert(place.to_owned(), bit);
    }

    /// What a place holds at bit 16.
    pub(crate) fn holds(&self, place: &str) -> Bit {
        self.bit(place)
    }

    /// Forgets all registers: they may have changed in between.
    pub(crate) fn forget(&mut self) {
        self.bits.clear();
        self.pushed.clear();
    }

    /// Carries out one instruction. Gives bit 16 of what is written to control register 0, if it is written.
    pub(crate) fn step(&mut self, instruction: &str, dialect: Dialect) -> Option<Bit> {
        let text = instruction.trim();
        if text.ends_with(':') {
            self.forget();
            return None;
        }
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let mut operands: Vec<String> = rest.split(',').map(plain).collect();
        let mut name = name.to_ascii_lowercase();
        if dialect == Dialect::AtAndT {
            operands.reverse();
            let known =
                |of: &str| matches!(of, "mov" | "and" | "or" | "xor" | "btr" | "bts" | "not");
            if let Some(stem) = name.strip_suffix(['l', 'q']).filter(|stem| known(stem)) {
                name = stem.to_owned();
            }
        }
        let target = operands[0].clone();
        let with = operands.get(1).map(String::as_str).unwrap_or_default();
        let after = self.result(&name, &target, with)?;
        if target == "cr0" {
            self.control = after;
            return Some(after);
        }
        self.bits.insert(target, after);
        None
    }

    /// What an instruction makes of its target; none where it leaves it as it is.
    fn result(&mut self, name: &str, target: &str, with: &str) -> Option<Bit> {
        let is_set = |number: Option<u64>| number.map(|number| number & CR0_WP != 0);
        let before = self.bit(target);
        Some(match name {
            "mov" => self.bit(with).or_else(|| is_set(number(with))),
            "and" => match (before, is_set(number(with)).or(self.bit(with))) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (before, Some(true)) => before,
                _ => None,
            },
            "or" => match (before, is_set(number(with)).or(self.bit(with))) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (before, Some(false)) => before,
                _ => None,
            },
            "xor" if target == with => Some(false),
            "xor" => before.zip(is_set(number(with))).map(|(one, other)| one != other),
            "btr" | "bts" => match number(with) {
                Some(16) => Some(name == "bts"),
                Some(_) => before,
                None => None,
            },
            "not" => before.map(|bit| !bit),
            "push" => {
                if self.pushed.len() < DEEPEST {
                    self.pushed.push(before);
                }
                return None;
            }
            "pop" => self.pushed.pop().flatten(),
            "cmp" | "test" | "cli" | "sti" | "nop" | "pushfd" | "popfd" | "pushfq" | "popfq"
            | "bt" => {
                return None;
            }
            _ if target.is_empty() || name == "xchg" || name.starts_with("call") => {
                self.forget();
                return None;
            }
            _ => None,
        })
    }

    fn bit(&self, place: &str) -> Bit {
        match place {
            "cr0" => self.control,
            _ => self.bits.get(place).copied().flatten(),
        }
    }
}

/// An operand in one spelling: registers without their size, without the signs before registers and numbers.
pub(crate) fn plain(operand: &str) -> String {
    let lower = operand.trim().trim_start_matches(['%', '$']).to_ascii_lowercase();
    // An operand of a template, and no number.
    if operand.trim().starts_with('%') && lower.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("%{lower}");
    }
    let general = ["ax", "bx", "cx", "dx", "si", "di", "bp", "sp"];
    match lower.strip_prefix(['r', 'e']) {
        Some(rest) if general.contains(&rest) => rest.to_owned(),
        // Half a register has no bit 16.
        None if general.contains(&&*lower) => format!("{lower} alone"),
        _ => lower,
    }
}

/// A number as assemblers write it: `0FFFEFFFFh`, `0x10000`, `not 10000h`, `~0x10000`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')').trim();
    if let Some(of) = text.strip_prefix("not ").or_else(|| text.strip_prefix('~')) {
        return number_of(of.trim().trim_start_matches('(')).map(|number| !number);
    }
    number_of(text)
}

fn number_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['u', 'l']);
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hexadecimal, 16).ok();
    }
    if digits.starts_with(|first: char| first.is_ascii_digit()) {
        return match digits.strip_suffix('h') {
            Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
            None => digits.parse().ok(),
        };
    }
    vocabulary::constant(&text.to_ascii_uppercase())
}

/// The instructions in a block of Microsoft's form, or in lines of it.
pub(crate) fn instructions(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let bytes = &text.as_bytes()[..range.end.min(text.len())];
    let mut found = Vec::new();
    let mut start = range.start;
    let mut at = range.start;
    let mut close = |start: usize, end: usize| {
        let part = &text[start..end];
        let blank = part.len() - part.trim_start().len();
        if !part.trim().is_empty() {
            found.push(start + blank..start + part.trim_end().len());
        }
    };
    while at < bytes.len() {
        let rest = &bytes[at..];
        let is_word = at > range.start && crate::lex::is_word(bytes[at - 1]);
        let skipped = if rest.starts_with(b";") || rest.starts_with(b"//") {
            memchr::memchr(b'\n', rest).unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            crate::lex::block_comment_end(bytes, at) - at
        } else if !is_word && (rest.starts_with(b"__asm") || rest.starts_with(b"_asm")) {
            crate::lex::word_end(bytes, at) - at
        } else if matches!(rest[0], b'\n' | b'{' | b'}') || is_label(&text[start..at], rest[0]) {
            1
        } else {
            at += 1;
            continue;
        };
        // A label keeps its colon.
        close(start, if rest[0] == b':' { at + 1 } else { at });
        at += skipped;
        start = at;
    }
    close(start.min(bytes.len()), bytes.len());
    found
}

/// Whether a label ends here. A colon behind several words is a segment's.
fn is_label(before: &str, byte: u8) -> bool {
    byte == b':' && !before.trim().contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a block makes of bit 16 of CR0, each time it is written.
    fn intel(text: &str) -> Vec<Bit> {
        let mut machine = Machine::new();
        let all = instructions(text, 0..text.len());
        all.into_iter().filter_map(|one| machine.step(&text[one], Dialect::Intel)).collect()
    }

    #[test]
    fn one_bit_is_followed() {
        for (middle, expected) in [
            ("and eax, 0FFFEFFFFh", Some(false)),
            ("AND EAX, NOT 10000H", Some(false)),
            ("and eax, ~0x10000", Some(false)),
            ("and eax, not CR0_WP", Some(false)),
            ("btr eax, 16", Some(false)),
            ("xor eax, 10000h", Some(false)),
            ("mov ecx, 10000h\nnot ecx\nand eax, ecx", Some(false)),
            ("push eax\nand eax, 0FFFEFFFFh\npop eax", Some(true)),
            ("or eax, 10000h", Some(true)),
            ("and eax, 0FFFFFFFEh", Some(true)),
            ("bts eax, 10h", Some(true)),
            ("and ax, 0FFFEh", Some(true)),
            ("mov eax, [ebx]", None),
            ("and eax, ebx", None),
            ("call helper", None),
            ("again:", None),
        ] {
            // 10h is 16 to an assembler.
            let text =
                format!("__asm {{\n cli\n mov eax, cr0 ; and eax, 0\n {middle}\n mov cr0, eax\n}}");
            assert_eq!(intel(&text), [expected], "{middle}");
        }
    }

    #[test]
    fn lines_and_blocks_are_parted() {
        assert_eq!(
            intel(
                "__asm mov eax, cr0 __asm and eax, 0xFFFEFFFF // or eax, 10000h\n__asm mov cr0, eax"
            ),
            [Some(false)]
        );
        assert_eq!(intel("_asm { xor eax, eax /* or */ mov cr0, eax }"), [Some(false)]);
        assert_eq!(intel("__asm mov cr0, eax"), [None]);
        assert_eq!(intel("__asm {"), []);
    }

    #[test]
    fn the_other_dialect_has_the_target_last() {
        let mut machine = Machine::new();
        let mut step = |text: &str| machine.step(text, Dialect::AtAndT);
        assert_eq!(step("movq %%cr0, %%rax"), None);
        assert_eq!(step("andl $0xfffeffff, %%eax"), None);
        assert_eq!(step("mov %%rax, %%cr0"), Some(Some(false)));
        assert_eq!(step("orq $0x10000, %%rax"), None);
        assert_eq!(step("movq %%rax, %%cr0"), Some(Some(true)));
    }
}
