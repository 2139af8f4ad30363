//! What the parameters of a function without a name are, where all who call it are in sight.

use crate::evaluate::Place;
use crate::lex::{Kind, tokens};
use crate::syntax::{Call, Function, Happens, Manner, Variable};
use crate::value::{Unknown, Value};
use crate::world::declares;
use std::ops::Range;

/// How many tokens of a function are looked through for its names, and how many calls are followed.
const MOST_TOKENS: usize = 1 << 12;
const MOST_CALLS: usize = 16;

impl Place<'_, '_> {
    /// The value of a parameter of a function without a name that stands around this place.
    pub(crate) fn lambda_parameter(&self, name: &str, depth: usize) -> Value {
        let open = || Value::open(Unknown::Variable(name.into()));
        self.passed_to_lambda(name, depth).unwrap_or_else(open)
    }

    fn passed_to_lambda(&self, name: &str, depth: usize) -> Option<Value> {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let function = &syntax.functions[self.function?];
        let text = |range: &Range<usize>| self.world.text(self.parsed, range);
        let around = |(whole, _): &&(Range<usize>, Vec<Range<usize>>)| whole.contains(&self.at);
        // A variable of that name in it would be another one.
        let is_again = |one: &Variable| declares(one) && text(&one.name) == name;
        let (whole, parameters) = function.lambdas.iter().rfind(around)?;
        if function.variables.iter().any(|one| whole.contains(&one.name.start) && is_again(one)) {
            return None;
        }
        let index = parameters.iter().position(|one| text(one) == name)?;
        if self.is_changed(function, whole, name) {
            return None;
        }
        let mut holding = function
            .variables
            .iter()
            .filter(|one| matches!(&one.happens, Happens::Begins(value) if value == whole));
        let variable = holding.next().filter(|_| holding.next().is_none())?;
        let of = text(&variable.name);
        let calls: Vec<&Call> = syntax
            .calls
            .iter()
            .filter(|call| call.function == self.function && text(&call.callee) == of)
            .collect();
        let is_plain = |call: &&Call| {
            call.manner == Manner::Plain
                && !call.is_chosen
                && call.arguments.len() == parameters.len()
                && variable.scope.contains(&call.whole.start)
                && !whole.contains(&call.whole.start)
        };
        let is_all = self.times_named(function, of)? == calls.len() + 1;
        if !is_all || calls.is_empty() || calls.len() > MOST_CALLS || !calls.iter().all(is_plain) {
            return None;
        }
        let passed = |call: &Call| {
            let argument = &call.arguments[index];
            Place { at: argument.start, ..*self }.ranged(argument, depth)
        };
        Some(Value::either(calls.into_iter().map(passed)))
    }

    /// Whether a function without a name gives its parameter another value.
    fn is_changed(&self, function: &Function, whole: &Range<usize>, name: &str) -> bool {
        function.variables.iter().any(|one| {
            whole.contains(&one.name.start) && self.world.text(self.parsed, &one.name) == name
        })
    }

    /// How often a word stands in a function; none where it is too long to tell.
    fn times_named(&self, function: &Function, name: &str) -> Option<usize> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let mut left = MOST_TOKENS;
        let mut count = 0;
        for token in tokens(text, function.body.start, function.body.end) {
            left = left.checked_sub(1)?;
            count += usize::from(token.kind == Kind::Word && token.text(text) == name);
        }
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// The pool types of the calls; nothing where that is not known.
    fn values(code: &str) -> Vec<Option<u64>> {
        let mut tree = SourceTree::default();
        let text = format!("#include <ntddk.h>\nvoid F(int c, POOL_TYPE given) {{ {code} }}");
        tree.add("a.cpp", SourceText::of(text)).unwrap();
        let calls = analyse(&tree, &[], &[]).calls;
        let choices = calls.iter().flat_map(|call| &call.arguments[0].value.choices);
        choices.map(|one| one.bits.constant()).collect()
    }

    #[test]
    fn what_is_passed_to_a_lambda_is_known() {
        const TAKE: &str =
            "auto take = [&](POOL_TYPE t, SIZE_T n) { return ExAllocatePool(t, n); };";
        for (code, expected) in [
            ("take(PagedPool, 1);", vec![Some(1)]),
            ("take(PagedPool, 1); take(NonPagedPoolNx, c);", vec![Some(1), Some(0x200)]),
            (
                "POOL_TYPE k = PagedPool; if (c) k = NonPagedPoolNx; take(k, 1);",
                vec![Some(1), Some(0x200)],
            ),
            ("take(given, 1);", vec![None]),
            ("take(PagedPool, 1); Use(take);", vec![None]),
            ("take(PagedPool, 1); auto other = take;", vec![None]),
            ("", vec![None]),
        ] {
            assert_eq!(values(&format!("{TAKE} {code}")), expected, "{code}");
        }
    }

    #[test]
    fn what_a_lambda_changes_is_not_known() {
        for body in [
            "t = NonPagedPool; ExAllocatePool(t, 1);",
            "Set(&t); ExAllocatePool(t, 1);",
            "{ POOL_TYPE t = given; ExAllocatePool(t, 1); }",
        ] {
            let code = format!("auto take = [=](POOL_TYPE t) {{ {body} }}; take(PagedPool);");
            assert_eq!(values(&code), [None], "{body}");
        }
    }

    #[test]
    fn what_a_capture_begins_with_is_known() {
        for (code, expected) in [
            ("auto f = [t = PagedPool]() { ExAllocatePool(t, 1); }; f();", Some(1)),
            ("auto f = [a = c, t = given]() { ExAllocatePool(t, 1); }; f();", None),
            (
                "auto f = [t = PagedPool]() mutable { t = NonPagedPoolNx; ExAllocatePool(t, 1); }; f();",
                Some(0x200),
            ),
            // Behind the lambda the name is another one.
            (
                "POOL_TYPE t = NonPagedPoolNx; auto f = [t = PagedPool]() { }; ExAllocatePool(t, 1);",
                Some(0x200),
            ),
        ] {
            assert_eq!(values(code), [expected], "{code}");
        }
    }
}
