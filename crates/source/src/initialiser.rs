//! Values in braces: read from the text with macros replaced, and laid over a layout to see where addresses are.

use crate::code_use::conversion_end;
use crate::layout::{Body, Layout, Placed};
use crate::lex::{Kind, Token, tokens};
use crate::macros::{Body as MacroBody, Macro};
use crate::number::Numbers;
use crate::{SourceTree, Span};
use std::cell::Cell;

/// What initialises something.
#[derive(Debug)]
pub(crate) enum Init {
    /// What stands in braces.
    List(Vec<Item>),
    /// An expression.
    Value(String),
}

/// One of the values in braces.
#[derive(Debug)]
pub(crate) struct Item {
    /// The member that it is for, where that is said.
    member: Option<String>,
    pub(crate) value: Init,
}

impl Item {
    /// Whether its place is that behind the item before.
    pub(crate) fn is_in_order(&self) -> bool {
        self.member.is_none()
    }
}

/// Reads values, and looks names up for them.
pub(crate) struct Initialisers<'a, 't> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) numbers: Numbers<'a, 't>,
    /// When the names are looked up.
    pub(crate) time: u32,
    /// Whether a name is a constant of an enumeration.
    pub(crate) is_enumerator: &'a dyn Fn(&str) -> bool,
    /// How many bytes macros may still give.
    pub(crate) budget: Cell<usize>,
}

/// What macros may give in one file.
pub(crate) const BUDGET: usize = 2 << 20;
const DEEPEST: usize = 24;
const DEEPEST_MACRO: usize = 8;

impl Initialisers<'_, '_> {
    /// The values in a text, which is what stands between two braces. None where their places are not plain.
    pub(crate) fn read(&self, text: &str) -> Option<Vec<Item>> {
        self.items(&self.expanded(text, 0)?, 0)
    }

    fn items(&self, text: &str, depth: usize) -> Option<Vec<Item>> {
        if depth > DEEPEST {
            return None;
        }
        let all: Vec<Token> = tokens(text, 0, text.len()).collect();
        let mut items = Vec::new();
        for piece in pieces(text, &all) {
            self.item(text, piece, &mut items, depth)?;
        }
        Some(items)
    }

    fn item(&self, text: &str, piece: &[Token], items: &mut Vec<Item>, depth: usize) -> Option<()> {
        let word = |index: usize| piece.get(index).map_or("", |token| token.text(text));
        let (member, piece) = match (word(0), word(2)) {
            (".", "=") => (Some(word(1).to_owned()), &piece[3..]),
            // Other ways to name a place are not followed.
            (".", _) | ("[", _) => return None,
            _ => (None, piece),
        };
        let (first, last) = piece.first().zip(piece.last())?;
        if first.text(text) == "{" {
            let inner = text.get(first.end..last.start).filter(|_| last.text(text) == "}")?;
            items.push(Item { member, value: Init::List(self.items(inner, depth + 1)?) });
            return Some(());
        }
        let value = text.get(first.start..last.end)?.to_owned();
        items.push(Item { member, value: Init::Value(value) });
        Some(())
    }

    /// A text in which what macros give is in place, where that is braces or more than one value. None where it is not known
    /// what a macro gives.
    fn expanded(&self, text: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST_MACRO {
            return None;
        }
        let all: Vec<Token> = tokens(text, 0, text.len()).collect();
        let mut given = String::new();
        let mut at = 0;
        while let Some(token) = all.get(at) {
            let end = match token.kind {
                Kind::Word => self.used(text, &all, at, depth, &mut given)?,
                _ => at,
            };
            if end == at {
                given.push_str(token.text(text));
                given.push(' ');
            }
            at = end.max(at + 1);
        }
        Some(given)
    }

    /// Adds what the macro gives that is used at a token, and tells behind which token its use ends; the token itself where
    /// it is no such macro.
    fn used(
        &self,
        text: &str,
        all: &[Token],
        at: usize,
        depth: usize,
        given: &mut String,
    ) -> Option<usize> {
        let meanings = self.numbers.unit.meanings(all[at].text(text), self.time);
        let is_list = |text: &str| text.contains(['{', ',']);
        let one = match &meanings.macros[..] {
            [] => return Some(at),
            [only] if !meanings.maybe_undefined => *only,
            // It depends on the build; if no braces are at stake that is no matter here.
            several => {
                let may_list = several.iter().any(|one| is_list(one.text(self.tree)));
                return (!may_list).then_some(at);
            }
        };
        let MacroBody::Written(..) = one.body else { return Some(at) };
        let is_open = |index: usize| all.get(index).is_some_and(|token| token.text(text) == "(");
        let (arguments, end) = match &one.parameters {
            None => (Vec::new(), at + 1),
            Some(_) if is_open(at + 1) => {
                let close = closing(text, all, at + 1)?;
                let parts = pieces(text, &all[at + 2..close]).into_iter();
                let written = |part: &[Token]| match (part.first(), part.last()) {
                    (Some(first), Some(last)) => &text[first.start..last.end],
                    _ => "",
                };
                (parts.map(written).collect(), close + 1)
            }
            Some(_) => return Some(at),
        };
        let replaced = self.expanded(&self.replaced(one, &arguments)?, depth + 1)?;
        let all: Vec<Token> = tokens(&replaced, 0, replaced.len()).collect();
        let is_several = replaced.contains('{')
            || pieces(&replaced, &all).len() != 1
            || replaced.trim_end().ends_with(',');
        if !is_several {
            return Some(at);
        }
        given.push_str(&replaced);
        given.push(' ');
        Some(end)
    }

    /// The body of a macro with its arguments in place.
    fn replaced(&self, one: &Macro<'_>, arguments: &[&str]) -> Option<String> {
        let body = one.text(self.tree);
        let parameters = one.parameters.as_deref().unwrap_or_default();
        let argument = |name: &str| {
            let index = parameters.iter().position(|known| *known == name)?;
            Some(arguments.get(index).copied().unwrap_or_default())
        };
        let mut given = String::new();
        let mut joins = false;
        for token in tokens(body, 0, body.len()) {
            let word = token.text(body);
            match word {
                "##" => {
                    given.truncate(given.trim_end().len());
                    joins = true;
                    continue;
                }
                // What follows becomes a string.
                "#" => {
                    given.push_str("\"\"");
                    joins = true;
                    continue;
                }
                // Further arguments are not followed.
                "__VA_ARGS__" => return None,
                _ => {}
            }
            let with = argument(word);
            if joins && given.ends_with("\"\"") {
                joins = false;
                continue;
            }
            joins = false;
            given.push_str(with.unwrap_or(word));
            given.push(' ');
            self.budget.set(self.budget.get().checked_sub(word.len() + with.map_or(0, str::len))?);
        }
        Some(given)
    }

    /// Adds where in `layout`, which begins at `base`, addresses are stored. None where that is not plain.
    pub(crate) fn fill(
        &self,
        layout: &Layout,
        init: &Init,
        base: u64,
        found: &mut Vec<u64>,
    ) -> Option<()> {
        match (&layout.body, init) {
            (Body::Plain, Init::Value(_)) => Some(()),
            (Body::Pointer, Init::Value(value)) => {
                if self.is_address(value, 0) {
                    found.push(base);
                }
                Some(())
            }
            (Body::Plain | Body::Pointer, Init::List(items)) => match &items[..] {
                [] => Some(()),
                [only] if only.member.is_none() => self.fill(layout, &only.value, base, found),
                _ => None,
            },
            (Body::Array(of, _), Init::Value(value)) => {
                let is_text = matches!(of.body, Body::Plain) && of.size <= 2 && value.contains('"');
                is_text.then_some(())
            }
            (Body::Array(of, count), Init::List(items)) => {
                for (index, item) in (0..).zip(items) {
                    if index >= *count || item.member.is_some() {
                        return None;
                    }
                    self.fill(of, &item.value, base + index * of.size, found)?;
                }
                Some(())
            }
            (Body::Structure(members), Init::List(items)) => {
                let mut next = 0;
                for item in items {
                    next = self.place(members, item, next)?;
                    let member = members.get(next)?;
                    self.fill(&member.layout, &item.value, base + member.offset, found)?;
                    next += 1;
                }
                Some(())
            }
            (Body::Union(members), Init::List(items)) => match &items[..] {
                [] => Some(()),
                [only] => {
                    let member = members.get(self.place(members, only, 0)?)?;
                    self.fill(&member.layout, &only.value, base, found)
                }
                _ => None,
            },
            // Braces that are left out.
            (Body::Structure(_) | Body::Union(_), Init::Value(_)) => None,
        }
    }

    /// Which member an item is for.
    fn place(&self, members: &[Placed], item: &Item, next: usize) -> Option<usize> {
        let Some(name) = &item.member else { return Some(next) };
        let is_it = |one: &Placed| one.name.is_some_and(|span: Span| self.tree.text(span) == name);
        members.iter().position(is_it)
    }

    /// Whether an expression is certainly an address that the loader has to adjust.
    fn is_address(&self, text: &str, depth: usize) -> bool {
        let all: Vec<Token> = tokens(text, 0, text.len()).take(64).collect();
        let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
        let mut at = 0;
        loop {
            match conversion_end(&all, text, at) {
                Some(end) => at = end,
                None if word(at) == "(" => at += 1,
                None => break,
            }
        }
        let Some(first) = all.get(at) else { return false };
        let rest = &all[at + 1..];
        let is_kind = |token: &Token, kind| token.kind == kind || token.text(text) == ")";
        match first.kind {
            Kind::String => rest.iter().all(|token| is_kind(token, Kind::String)),
            Kind::Operator => {
                first.text(text) == "&" && rest.first().is_some_and(|one| one.kind == Kind::Word)
            }
            Kind::Word => {
                let is_plain =
                    |token: &Token| is_kind(token, Kind::Number) || token.text(text) == "+";
                rest.iter().all(is_plain) && self.names_address(first.text(text), depth)
            }
            _ => false,
        }
    }

    /// Whether a name is that of something that has an address. One in capitals that nothing explains may be a number.
    fn names_address(&self, name: &str, depth: usize) -> bool {
        let meanings = self.numbers.unit.meanings(name, self.time);
        match &meanings.macros[..] {
            [] => {
                name.bytes().any(|byte| byte.is_ascii_lowercase())
                    && !(self.is_enumerator)(name)
                    && !self.numbers.is_number(name, self.time)
                    && !matches!(name, "sizeof" | "nullptr" | "true" | "false")
            }
            [only] if depth < 8 && only.parameters.is_none() => {
                self.is_address(only.text(self.tree), depth + 1)
            }
            _ => false,
        }
    }
}

/// The token that closes the parenthesis at `open`.
fn closing(text: &str, all: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let close = all.iter().skip(open).position(|token| {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    close.map(|length| open + length)
}

/// What commas part, outside of parentheses and braces. Nothing behind the last comma is no piece.
fn pieces<'p>(text: &str, all: &'p [Token]) -> Vec<&'p [Token]> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, token) in all.iter().enumerate() {
        match token.text(text) {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                found.push(&all[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if start < all.len() {
        found.push(&all[start..]);
    }
    found
}
