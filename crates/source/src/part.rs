//! Members and elements of what is constant: read from the braces that it begins with.

use crate::evaluate::Place;
use crate::expression::Step;
use crate::lex::{Token, tokens};
use crate::syntax::{Happens, Variable};
use crate::value::{Unknown, Value};
use crate::world::declares;
use std::ops::Range;

/// How many tokens of values in braces are looked at, and how many before a name to see what it is declared as.
const MOST_TOKENS: usize = 1 << 13;
const MOST_BEFORE: usize = 512;
/// How much one element costs of the budget, as a part of its tokens.
const TOKENS_FOR_ONE: u32 = 8;

/// A part of a constant, as it is walked into.
struct Part {
    range: Range<usize>,
    /// The structure that it is, by the word that names it.
    of: Option<String>,
}

impl Place<'_, '_> {
    /// The value of a part of something that has a name.
    pub(crate) fn part(&self, name: &str, steps: &[Step], depth: usize) -> Value {
        let constant = || self.constant_part(name, steps, depth);
        // Members of a union share their memory: its parts go before what one of them was given.
        let known = self.bit_field_part(name, steps, depth);
        let known = known.or_else(|| self.stored_part(name, steps, depth)).or_else(constant);
        let known = known.or_else(|| self.version_part(name, steps.last()?));
        known.unwrap_or_else(|| Value::open(Unknown::Memory))
    }

    fn constant_part(&self, name: &str, steps: &[Step], depth: usize) -> Option<Value> {
        if self.macro_given.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let mut values = Vec::new();
        for (parsed, function, variable) in self.declared(name)? {
            let place = Place {
                parsed,
                function,
                at: variable.name.start,
                given: &[],
                macro_given: &[],
                ..*self
            };
            let of = place.is_constant(&variable.name)?;
            let Happens::Begins(range) = &variable.happens else { return None };
            let begin = Part { range: range.clone(), of };
            let count = place.count(&variable.name, depth);
            values.push(self.walk(&place, begin, steps, count, depth)?);
        }
        (!values.is_empty()).then(|| Value::either(values))
    }

    /// What declares a name with a value: in the function around, else outside of all.
    fn declared(&self, name: &str) -> Option<Vec<(usize, Option<usize>, &Variable)>> {
        let syntax = |parsed: usize| &self.world.parsed[parsed].syntax;
        let begins = |one: &&Variable| matches!(one.happens, Happens::Begins(_));
        if let Some(index) = self.function {
            let function = &syntax(self.parsed).functions[index];
            let text = |range: &Range<usize>| self.world.text(self.parsed, range);
            if function.parameters.iter().any(|one| text(one) == name) {
                return None;
            }
            let own: Vec<&Variable> =
                function.variables.iter().filter(|one| text(&one.name) == name).collect();
            if own.iter().any(|one| declares(one)) {
                // Of several with the same name it is not known which one is meant.
                let [only] = own.into_iter().filter(begins).collect::<Vec<_>>()[..] else {
                    return None;
                };
                return Some(vec![(self.parsed, self.function, only)]);
            }
        }
        let mut found = Vec::new();
        for event in self.world.globals.get(name)? {
            let variable = match event.function {
                None => &syntax(event.parsed).variables[event.event],
                Some(_) => continue,
            };
            if declares(variable) {
                found.push((event.parsed, None, variable));
            }
        }
        // A file of the name's own goes first.
        let file = self.world.parsed[self.parsed].file;
        if found.iter().any(|(parsed, ..)| self.world.parsed[*parsed].file == file) {
            found.retain(|(parsed, ..)| self.world.parsed[*parsed].file == file);
        }
        Some(found)
    }

    /// Whether what is declared at a name is constant; the words before it that may name its structure are given.
    fn is_constant(&self, name: &Range<usize>) -> Option<Option<String>> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let mut from = name.start.saturating_sub(MOST_BEFORE);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = &text[from..name.start];
        let start = before.rfind([';', '{', '}', '(', ')']).map_or(0, |at| at + 1);
        let before = &before[start..];
        let all: Vec<&str> =
            tokens(before, 0, before.len()).map(|token| token.text(before)).collect();
        let is_const = all.iter().any(|word| matches!(*word, "const" | "constexpr"));
        let is_pointer = all.contains(&"*");
        let known = all.iter().rev().find(|word| self.world.records.contains_key(**word));
        (is_const && !is_pointer).then(|| known.map(|word| (*word).to_owned()))
    }

    /// How many elements the brackets behind a name say that there are.
    fn count(&self, name: &Range<usize>, depth: usize) -> Option<u64> {
        let file = self.world.parsed[self.parsed].file;
        let text = self.world.tree.file(file).text.as_str();
        let mut all = tokens(text, name.end, text.len()).take(64);
        let open = all.next().filter(|token| token.text(text) == "[")?;
        let close = all.find(|token| token.text(text) == "]")?;
        let between = open.end..close.start;
        if text[between.clone()].trim().is_empty() {
            return None;
        }
        self.value_at_depth(file, between, depth + 4).constant()
    }

    /// Steps into a part of the declaration at `there`; what the indices are is looked up here.
    fn walk(
        &self,
        there: &Place<'_, '_>,
        part: Part,
        steps: &[Step],
        count: Option<u64>,
        depth: usize,
    ) -> Option<Value> {
        let file = self.world.parsed[there.parsed].file;
        let text = self.world.tree.file(file).text.as_str();
        let Some((step, rest)) = steps.split_first() else {
            if text[part.range.clone()].starts_with('{') {
                return None;
            }
            return Some(there.value_at_depth(file, part.range, depth + 4));
        };
        let items = items(text, part.range.clone())?;
        let cost = u32::try_from(part.range.len()).ok()? / TOKENS_FOR_ONE;
        self.budget.set(self.budget.get().checked_sub(cost + 1)?);
        let into = |item: Option<Part>| match item {
            Some(item) => self.walk(there, item, rest, None, depth + 1),
            // What is not said is zero.
            None => Some(Value::of(0)),
        };
        match step {
            Step::Member(name) => into(there.member(text, &items, &part, name)?),
            Step::Pointed(_) => None,
            Step::Element(index) => {
                let places = there.elements(text, &items, depth)?;
                let item =
                    |range: &Range<usize>| Part { range: range.clone(), of: part.of.clone() };
                match self.value(index, depth + 4).constant() {
                    Some(index) => {
                        let last = places.iter().map(|(at, _)| at + 1).max().unwrap_or_default();
                        if index >= count.unwrap_or(last) {
                            return None;
                        }
                        into(places.iter().rfind(|(at, _)| *at == index).map(|(_, one)| item(one)))
                    }
                    None => {
                        let all = places.iter().map(|(_, range)| into(Some(item(range))));
                        let mut values = all.collect::<Option<Vec<_>>>()?;
                        let is_all = count.is_none_or(|count| count == places.len() as u64);
                        values.extend((!is_all).then(|| Value::of(0)));
                        Some(Value::either(values))
                    }
                }
            }
        }
    }

    /// The member of that name among values: some, or none where it is not said. None at all where that is not plain.
    fn member(
        &self,
        text: &str,
        items: &[Vec<Token>],
        of: &Part,
        name: &str,
    ) -> Option<Option<Part>> {
        let record = of.of.as_deref().and_then(|of| self.world.record(of));
        let at = record.as_ref().and_then(|all| all.iter().position(|(known, _)| *known == name));
        let kind = record.as_ref().zip(at).and_then(|(all, at)| all[at].1).map(str::to_owned);
        let word = |item: &[Token], index: usize| item.get(index).map_or("", |one| one.text(text));
        let part = |all: &[Token]| {
            let (first, last) = all.first().zip(all.last())?;
            Some(Part { range: first.start..last.end, of: kind.clone() })
        };
        let is_named = |item: &&Vec<Token>| word(item, 0) == ".";
        if items.iter().any(|item| is_named(&item)) {
            // Values without names between those with them are not followed.
            if !items.iter().all(|item| is_named(&item) && word(item, 2) == "=") {
                return None;
            }
            let item = items.iter().rfind(|item| word(item, 1) == name);
            return Some(item.and_then(|item| part(&item[3..])));
        }
        let at = at?;
        match items.get(at) {
            Some(item) => Some(Some(part(item)?)),
            None => Some(None),
        }
    }

    /// The elements among values, each with its index.
    fn elements(
        &self,
        text: &str,
        items: &[Vec<Token>],
        depth: usize,
    ) -> Option<Vec<(u64, Range<usize>)>> {
        let file = self.world.parsed[self.parsed].file;
        let mut next = 0_u64;
        let mut found = Vec::new();
        for item in items {
            let mut item = &item[..];
            if item.first()?.text(text) == "[" {
                let close = item.iter().position(|one| one.text(text) == "]")?;
                let index = item.get(1)?.start..item.get(close.checked_sub(1)?)?.end;
                next = self.value_at_depth(file, index, depth + 4).constant()?;
                item.get(close + 1).filter(|one| one.text(text) == "=")?;
                item = &item[close + 2..];
            }
            found.push((next, item.first()?.start..item.last()?.end));
            next = next.checked_add(1)?;
        }
        Some(found)
    }
}

/// The values in braces, each as its tokens.
fn items(text: &str, range: Range<usize>) -> Option<Vec<Vec<Token>>> {
    let all: Vec<Token> = tokens(text, range.start, range.end).take(MOST_TOKENS + 1).collect();
    let (first, last) = all.first().zip(all.last())?;
    if all.len() > MOST_TOKENS || first.text(text) != "{" || last.text(text) != "}" {
        return None;
    }
    let mut found = vec![Vec::new()];
    let mut depth = 0_usize;
    for token in &all[1..all.len() - 1] {
        match token.text(text) {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth = depth.checked_sub(1)?,
            "," if depth == 0 => {
                found.push(Vec::new());
                continue;
            }
            _ => {}
        }
        found.last_mut()?.push(*token);
    }
    // Nothing behind the last comma is no value.
    if found.last().is_some_and(Vec::is_empty) {
        found.pop();
    }
    found.iter().all(|item| !item.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// What the pool types of the calls may be; nothing where that is not known.
    fn values(text: &str) -> Vec<Option<u64>> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(format!("#include <ntddk.h>\n{text}"))).unwrap();
        let calls = analyse(&tree, &[], &[]).calls;
        let choices = calls.iter().flat_map(|call| &call.arguments[0].value.choices);
        choices.map(|one| one.bits.constant()).collect()
    }

    fn of(before: &str, pool_type: &str) -> Vec<Option<u64>> {
        values(&format!("{before}\nvoid F(int i) {{ ExAllocatePool({pool_type}, 1); }}"))
    }

    #[test]
    fn elements_of_constant_tables_are_known() {
        let table = "static const POOL_TYPE T[] = { NonPagedPool, PagedPool, NonPagedPoolNx, };";
        assert_eq!(of(table, "T[1]"), [Some(1)]);
        assert_eq!(of(table, "T[1 + 1]"), [Some(0x200)]);
        assert_eq!(of(table, "T[i]"), [Some(0), Some(1), Some(0x200)]);
        assert_eq!(of(table, "T[3]"), [None]);
        assert_eq!(of("const int T[4] = { 1, [2] = 512 };", "T[2]"), [Some(0x200)]);
        assert_eq!(of("const int T[4] = { 1, [2] = 512 };", "T[3]"), [Some(0)]);
        assert_eq!(of("const int T[4] = { 1 };", "T[i]"), [Some(1), Some(0)]);
        assert_eq!(
            values("void F() { static const int t[] = { 1, 2 }; ExAllocatePool(t[0], 1); }"),
            [Some(1)]
        );
    }

    #[test]
    fn members_of_constant_structures_are_known() {
        let shape =
            "struct S { int a, b; POOL_TYPE Type; };\ntypedef struct { struct S s; int n; } O;\n";
        let of = |before: &str, value: &str| of(&format!("{shape}{before}"), value);
        assert_eq!(of("const struct S c = { 1, 2, PagedPool };", "c.Type"), [Some(1)]);
        assert_eq!(of("const struct S c = { 1 };", "c.Type"), [Some(0)]);
        assert_eq!(of("const struct S c = { .Type = PagedPool };", "c.Type"), [Some(1)]);
        assert_eq!(of("static const O c[] = { { { 1, 2, 3 }, 4 } };", "c[0].s.Type"), [Some(3)]);
    }

    /// What may change, or lies where nobody can tell, is not known.
    #[test]
    fn what_is_not_constant_is_not_known() {
        for (before, value) in [
            ("POOL_TYPE T[] = { PagedPool };", "T[0]"),
            ("const struct U c = { 1, 2 };", "c.Type"),
            ("const int *p = { 0 };", "p[0]"),
            ("extern const int T[2];", "T[0]"),
            ("struct S { struct { int x; }; int Type; };\nconst struct S c = { 1, 2 };", "c.Type"),
            ("const int T[] = { 1, 2", "T[0]"),
            ("const int T[] = { [X] = 1 };", "T[0]"),
        ] {
            assert_eq!(of(before, value), [None], "{before}");
        }
    }
}
