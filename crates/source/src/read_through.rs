//! Where the memory is from that an argument is read from.

use crate::evaluate::Place;
use crate::lex::{Kind, tokens};
use crate::syntax::{Happens, Variable};
use crate::value::{Unknown, Value};
use crate::world::declares;
use crate::{FileId, Span};
use std::ops::Range;

/// How many variables are followed one to another.
const MOST_STEPS: usize = 4;
/// How many tokens are looked at for a variable.
const MOST_TOKENS: usize = 64;
/// How many calls are looked through for the one that a variable's address is handed to.
const MOST_CALLS: usize = 64;

impl Place<'_, '_> {
    /// Of an argument that is read from memory: what the variable was last given through which it is read, then what the
    /// variable in that was given, and so on. A variable whose address was handed on was given the call.
    pub(crate) fn read_through(
        &self,
        file: FileId,
        range: Range<usize>,
        value: &Value,
    ) -> Vec<Span> {
        let is_memory = |unknown: &Option<Unknown>| {
            matches!(unknown, Some(Unknown::Memory | Unknown::Variable(_)))
        };
        let is_own = file == self.world.parsed[self.parsed].file && self.macro_given.is_empty();
        let mut found = Vec::new();
        if !is_own || !value.choices.iter().any(|choice| is_memory(&choice.unknown)) {
            return found;
        }
        let (mut range, mut at) = (range, self.at);
        while found.len() < MOST_STEPS
            && let Some((given, by)) = self.given_before(&range, at)
        {
            found.push(Span::new(file, given.clone()));
            (range, at) = (given, by);
        }
        found
    }

    /// What the first local variable in `range` was given last before the byte `at`, and where that is done.
    fn given_before(&self, range: &Range<usize>, at: usize) -> Option<(Range<usize>, usize)> {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let function = &syntax.functions[self.function?];
        let name = self.first_variable(&function.variables, range)?;
        let text = |range: &Range<usize>| self.world.text(self.parsed, range);
        let before = |one: &&Variable| {
            text(&one.name) == name
                && one.name.start < at
                && !matches!(one.happens, Happens::Declared)
        };
        let last = function.variables.iter().filter(before).max_by_key(|one| one.name.start)?;
        let given = match &last.happens {
            Happens::Begins(value) | Happens::Becomes(value) => value.clone(),
            Happens::Told(_) | Happens::Changes => {
                // The innermost call around is the last that begins before.
                let before =
                    syntax.calls.partition_point(|call| call.whole.start < last.name.start);
                let mut calls = syntax.calls[..before].iter().rev().take(MOST_CALLS);
                calls.find(|call| last.name.end <= call.whole.end)?.whole.clone()
            }
            Happens::Gains(_) | Happens::Keeps(_) | Happens::Turns(..) | Happens::Declared => {
                return None;
            }
        };
        Some((given, last.name.start))
    }

    /// The first word of `range` that is a variable of the function rather than a member.
    fn first_variable(&self, variables: &[Variable], range: &Range<usize>) -> Option<&str> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let is_local = |name: &str| {
            let is_it =
                |one: &Variable| declares(one) && self.world.text(self.parsed, &one.name) == name;
            variables.iter().any(is_it)
        };
        let mut is_member = false;
        for token in tokens(text, range.start, range.end).take(MOST_TOKENS) {
            let word = token.text(text);
            if token.kind == Kind::Word && !is_member && is_local(word) {
                return Some(word);
            }
            is_member = matches!(word, "->" | "." | "::");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// What the pool type of the only call is read through.
    fn through(code: &str) -> Vec<String> {
        let mut tree = SourceTree::default();
        let text = format!("#include <wdm.h>\nvoid F(PIRP irp) {{ {code} }}");
        tree.add("a.c", SourceText::of(text)).unwrap();
        let analysis = analyse(&tree, &[], &[]);
        let spans = &analysis.calls[0].arguments[0].read_through;
        spans.iter().map(|span| tree.text(*span).to_owned()).collect()
    }

    #[test]
    fn variables_lead_to_where_memory_is_from() {
        assert_eq!(
            through(
                "REQ *r = irp->SystemBuffer; int t = r->type; r = other; ExAllocatePool(t, 1); r = q;"
            ),
            ["r->type", "irp->SystemBuffer"]
        );
        assert_eq!(
            through(
                "PVOID b; Retrieve(irp, 8, (PVOID *)&b, NULL); ExAllocatePool(((REQ *)b)->type, 1);"
            ),
            ["Retrieve(irp, 8, (PVOID *)&b, NULL)"]
        );
        assert_eq!(through("int r = 1; ExAllocatePool(irp->r, 1);"), [""; 0]);
        assert_eq!(through("int t = t; ExAllocatePool(s->t, 1);"), [""; 0]);
        assert_eq!(through("int t = PagedPool; ExAllocatePool(t, 1);"), [""; 0]);
    }

    #[test]
    fn chains_end() {
        let chain = "P a = a->n; a = a->n; a = a->n; a = a->n; a = a->n; a = a->n; ";
        assert_eq!(through(&format!("{chain} ExAllocatePool(a->t, 1);")).len(), 4);
    }
}
