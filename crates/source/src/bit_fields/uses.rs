//! What a function does to a local variable: each place that names it, so that none is missed.

use super::laid_out::Bits;
use crate::FileKind;
use crate::expression::{Binary, Step};
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Function, Happens, Turn};
use crate::world::declares;
use std::ops::Range;

/// More tokens than this are in no function that sets a register.
const MOST_TOKENS: usize = 1 << 13;
/// How many bytes before a name are looked at for its type.
const MOST_BEFORE: usize = 256;

/// Something that is done to a variable.
#[derive(Debug)]
pub(super) struct Use {
    /// Where the variable is named, and where it has happened.
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) setting: Setting,
}

/// What is done. Ranges are those of the values it is done with.
#[derive(Debug)]
pub(super) enum Setting {
    /// It holds whatever.
    Open,
    Zero,
    Becomes(Bits, Range<usize>),
    Combines(Binary, Bits, Range<usize>),
    Turns(Turn, Bits, Range<usize>),
}

/// The word that names the type of the only variable of that name in a function.
pub(super) fn type_of<'t>(text: &'t str, function: &Function, name: &str) -> Option<&'t str> {
    let is_it = |range: &Range<usize>| text.get(range.clone()) == Some(name);
    let mut declared = function.variables.iter().filter(|one| declares(one) && is_it(&one.name));
    let one = declared.next()?;
    if declared.any(|other| other.name != one.name)
        || one.is_static
        || function.parameter_names().any(is_it)
    {
        return None;
    }
    let from = one.name.start.saturating_sub(MOST_BEFORE).max(function.body.start);
    let from = (from..one.name.start).find(|at| text.is_char_boundary(*at))?;
    let before = &text[from..one.name.start];
    let start = before.rfind([';', '{', '}', '(', ')'])? + 1;
    let words: Vec<Token> = tokens(before, start, before.len()).collect();
    let words: Vec<&str> = words.iter().map(|token| token.text(before)).collect();
    match words[..] {
        [of] | ["union" | "const", of] | ["const", "union", of] => Some(of),
        // `CR0 old, cr0;`
        [of, _, ","] | ["union", of, _, ","] => Some(of),
        _ => None,
    }
}

struct Reader<'u> {
    text: &'u str,
    all: Vec<Token>,
    kind: FileKind,
    resolve: &'u dyn Fn(&[Step]) -> Option<Bits>,
    is_macro: &'u dyn Fn(&str) -> bool,
}

/// How many tokens back the parentheses around one are looked for.
const MOST_BACK: usize = 64;

/// All that is done to a variable, in the order in which it has happened; none where something is not plain.
pub(super) fn uses(
    text: &str,
    function: &Function,
    name: &str,
    kind: FileKind,
    resolve: &dyn Fn(&[Step]) -> Option<Bits>,
    is_macro: &dyn Fn(&str) -> bool,
) -> Option<Vec<Use>> {
    let body = function.body.clone();
    let all: Vec<Token> = tokens(text, body.start, body.end).take(MOST_TOKENS + 1).collect();
    let reader = Reader { text, all, kind, resolve, is_macro };
    if reader.all.len() > MOST_TOKENS || reader.all.iter().any(|one| one.text(text) == "#") {
        return None;
    }
    // One with a value is told of as both.
    let is_it = |range: &Range<usize>| text.get(range.clone()) == Some(name);
    let mut declared =
        function.variables.iter().filter(|one| declares(one) && is_it(&one.name)).peekable();
    let start = declared.peek()?.name.start;
    let begins = declared.find_map(|one| match &one.happens {
        Happens::Begins(value) => Some(value),
        _ => None,
    });
    let mut found = Vec::new();
    for index in 0..reader.all.len() {
        let is_it = reader.all[index].kind == Kind::Word && reader.word(index) == name;
        let is_member = index > 0 && matches!(reader.word(index - 1), "." | "->");
        if !is_it || is_member {
            continue;
        }
        if reader.all[index].start == start {
            found.push(reader.begins(index, begins));
        } else if let Some(one) = reader.used(index)? {
            found.push(one);
        }
    }
    found.sort_by_key(|one| one.end);
    Some(found)
}

impl Reader<'_> {
    fn word(&self, index: usize) -> &str {
        self.all.get(index).map_or("", |token| token.text(self.text))
    }

    fn before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |index| self.word(index))
    }

    fn begins(&self, index: usize, value: Option<&Range<usize>>) -> Use {
        let Token { start: at, end, .. } = self.all[index];
        let setting = value.and_then(|value| self.listed(value)).unwrap_or(Setting::Open);
        Use { at, end: value.map_or(end, |value| value.end), setting }
    }

    /// What values in braces make of it.
    fn listed(&self, value: &Range<usize>) -> Option<Setting> {
        let all: Vec<Token> = tokens(self.text, value.start, value.end).take(64).collect();
        let word = |index: usize| all.get(index).map_or("", |token| token.text(self.text));
        let last = all.len().checked_sub(1).filter(|last| word(*last) == "}")?;
        match (word(0), word(1), word(2), word(3)) {
            ("{", "}", ..) if last == 1 => Some(Setting::Zero),
            ("{", "0", "}", _) if last == 2 => Some(Setting::Zero),
            ("{", ".", name, "=") => {
                let bits = (self.resolve)(&[Step::Member(name.into())])?;
                let end = if word(last - 1) == "," { last - 1 } else { last };
                let value = all.get(4)?.start..all.get(end.checked_sub(1)?)?.end;
                // What is not said is zero, and where a member is smaller the rest of the union is not said.
                let is_one = !(4..end).any(|index| word(index) == ",");
                (is_one && bits.is_all() && end > 4).then_some(Setting::Becomes(bits, value))
            }
            _ => None,
        }
    }

    /// What is done where the variable is named at a token: nothing where it is only read. None at all where it may be
    /// changed out of sight.
    fn used(&self, index: usize) -> Option<Option<Use>> {
        if self.is_in_macro(index) {
            return None;
        }
        let at = self.all[index].start;
        let mut steps = Vec::new();
        let mut next = index + 1;
        while self.word(next) == "." && self.all.get(next + 1)?.kind == Kind::Word {
            steps.push(Step::Member(self.word(next + 1).into()));
            next += 2;
        }
        let before = self.before(index);
        if before == "&" && self.is_address(index) {
            return self.turned(index, &steps, next).map(Some);
        }
        if steps.is_empty() {
            return self.whole(index, next);
        }
        let open = |end: usize| Some(Some(Use { at, end, setting: Setting::Open }));
        if self.is_changed_by_one(index, next) {
            return open(self.all[next - 1].end);
        }
        let (operator, begins) = match (self.word(next), self.word(next + 1)) {
            ("=", _) => (None, next + 1),
            ("|=", _) => (Some(Binary::Or), next + 1),
            ("&=", _) => (Some(Binary::And), next + 1),
            ("^", "=") => (Some(Binary::Xor), next + 2),
            ("+=" | "-=" | "<<=" | ">>=", _) | ("*" | "/" | "%", "=") | ("[" | "->" | "(", _) => {
                return None;
            }
            _ if self.may_be_reference(index, next) => return None,
            _ => return Some(None),
        };
        let value = self.value(begins)?;
        let bits = (self.resolve)(&steps)?;
        let end = value.end;
        let setting = match operator {
            None => Setting::Becomes(bits, value),
            Some(operator) => Setting::Combines(operator, bits, value),
        };
        Some(Some(Use { at, end, setting }))
    }

    /// What is done to all of it.
    fn whole(&self, index: usize, next: usize) -> Option<Option<Use>> {
        if self.word(next) == "=" {
            let end = self.value(next + 1)?.end;
            let at = self.all[index].start;
            return Some(Some(Use { at, end, setting: Setting::Open }));
        }
        // In C++ what is handed on may be changed by who gets it.
        let is_read = self.kind == FileKind::C && matches!(self.word(next), ")" | "," | ";");
        is_read.then_some(None)
    }

    /// Whether a token is handed to a macro of the tree, which may do anything with it.
    fn is_in_macro(&self, index: usize) -> bool {
        let mut depth = 0_usize;
        for at in (index.saturating_sub(MOST_BACK)..index).rev() {
            match self.word(at) {
                ")" => depth += 1,
                "(" if depth > 0 => depth -= 1,
                "(" if (self.is_macro)(self.before(at)) => return true,
                ";" | "{" | "}" => return false,
                _ => {}
            }
        }
        false
    }

    fn is_changed_by_one(&self, index: usize, next: usize) -> bool {
        let pair = |at: usize| {
            let word = self.word(at);
            matches!(word, "+" | "-") && self.word(at + 1) == word
        };
        index.checked_sub(2).is_some_and(pair) || pair(next)
    }

    /// Whether a member stands alone between parentheses and commas, as what a reference is made to.
    fn may_be_reference(&self, index: usize, next: usize) -> bool {
        self.kind == FileKind::Cpp
            && matches!(self.before(index), "(" | "," | "=" | "{")
            && matches!(self.word(next), ")" | "," | ";" | "}")
            && !self.is_plain_call(index)
    }

    /// Whether it is what an intrinsic gets, that takes numbers.
    fn is_plain_call(&self, index: usize) -> bool {
        let name = index.checked_sub(2).map_or("", |at| self.word(at));
        self.before(index) == "(" && matches!(name, "__writecr0" | "if" | "while" | "switch")
            || self.before(index) == "="
    }

    /// Whether a `&` before a name takes an address: no operand stands before it that is no conversion.
    fn is_address(&self, index: usize) -> bool {
        let and = index - 1;
        let Some(left) = and.checked_sub(1) else { return true };
        // Behind a parenthesis it may be either: it counts as an address.
        let is_operand = matches!(self.all[left].kind, Kind::Word | Kind::Number);
        !is_operand || self.word(left) == "return"
    }

    /// The bit that an intrinsic changes that is handed the address of a member.
    fn turned(&self, index: usize, steps: &[Step], next: usize) -> Option<Use> {
        let mut at = index.checked_sub(2)?;
        // `(LONG64 *)` and what else converts.
        while self.word(at) == ")" {
            at = (0..at).rev().take(8).find(|open| self.word(*open) == "(")?.checked_sub(1)?;
        }
        if self.word(at) != "(" || self.word(next) != "," {
            return None;
        }
        let turn = Turn::by(self.before(at))?;
        let bits = (self.resolve)(steps).filter(|bits| !bits.is_field)?;
        let end = self.end(next + 1);
        let range = self.all.get(next + 1)?.start..self.all.get(end.checked_sub(1)?)?.end;
        (self.word(end) == ")" && range.start < range.end).then_some(())?;
        let (at, end) = (self.all[index].start, range.end);
        Some(Use { at, end, setting: Setting::Turns(turn, bits, range) })
    }

    /// The value from a token on.
    fn value(&self, begins: usize) -> Option<Range<usize>> {
        let end = self.end(begins);
        (end > begins).then(|| self.all[begins].start..self.all[end - 1].end)
    }

    /// The token that ends an expression which begins at a token.
    fn end(&self, begins: usize) -> usize {
        let mut depth = 0_usize;
        for index in begins..self.all.len() {
            match self.word(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" | ";" if depth == 0 => return index,
                ")" | "]" | "}" => depth -= 1,
                "," | ":" if depth == 0 => return index,
                _ => {}
            }
        }
        self.all.len()
    }
}
