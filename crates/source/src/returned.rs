//! What a function of the tree returns.

use crate::evaluate::Place;
use crate::expression::{self, Expression};
use crate::value::{Choice, Unknown, Value};
use crate::world::FunctionId;

/// More places that return something, and more functions of one name, are not looked at.
const MOST_RETURNS: usize = 16;
const MOST_FUNCTIONS: usize = 8;
/// How deep an evaluation may be where it still matters on which versions of Windows something is returned.
const DEEPEST_ASKED: usize = 24;

impl Place<'_, '_> {
    /// What a call of a function gives; none where it is not defined in the tree, or not plainly.
    pub(crate) fn returned(
        &self,
        name: &str,
        arguments: &[Expression],
        depth: usize,
    ) -> Option<Value> {
        // A pointer of that name is what is called.
        if self.reaching(name).is_some() || self.world.globals.contains_key(name) {
            return None;
        }
        let mut all = self.world.called(self.parsed, name);
        all.retain(|id| {
            let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
            function.parameters.iter().filter(|one| !one.is_empty()).count() == arguments.len()
        });
        if all.is_empty() || all.len() > MOST_FUNCTIONS {
            return None;
        }
        let values: Vec<Value> = arguments.iter().map(|one| self.value(one, depth + 4)).collect();
        let each = all.iter().map(|id| self.returned_by(*id, &values, depth));
        let value = Value::either(each.collect::<Option<Vec<_>>>()?);
        Some(value.mapped(|choice| as_returned(choice, name, &values)))
    }

    fn returned_by(&self, id: FunctionId, values: &[Value], depth: usize) -> Option<Value> {
        let parsed = &self.world.parsed[id.parsed];
        let function = &parsed.syntax.functions[id.function];
        let names = function.parameters.iter().map(|one| self.world.text(id.parsed, one));
        let given: Vec<_> = names.zip(values.iter().cloned()).collect();
        if function.returns.is_empty() || function.returns.len() > MOST_RETURNS {
            return None;
        }
        let place = |range: &std::ops::Range<usize>| Place {
            parsed: id.parsed,
            function: Some(id.function),
            at: range.start,
            given: &given,
            macro_given: &[],
            ..*self
        };
        let is_asked = depth < DEEPEST_ASKED && !function.asking(self.world, id.parsed).is_empty();
        // All that it returns comes by the same conditions.
        let passes = match is_asked {
            true => place(&function.body).version_passes(depth + 4),
            false => Vec::new(),
        };
        let comes = |range: &&std::ops::Range<usize>| {
            let place = place(range);
            !place.is_dead() && !place.is_kept_away(&passes)
        };
        let mut returns: Vec<_> = function.returns.iter().filter(comes).collect();
        if returns.is_empty() {
            returns.extend(&function.returns);
        }
        let value = |range: &std::ops::Range<usize>| {
            place(range).value_at_depth(parsed.file, range.clone(), depth + 4)
        };
        let value = Value::either(returns.into_iter().map(value));
        let bits = expression::type_bits(self.world.text(id.parsed, &function.of));
        Some(bits.map_or(value.clone(), |bits| value.cast(bits)))
    }
}

/// What is not known within the function is not known as it returns it; what it was passed has a reason of its own.
fn as_returned(choice: Choice, name: &str, passed: &[Value]) -> Choice {
    let is_passed = |why: &Unknown| {
        let mut choices = passed.iter().flat_map(|value| &value.choices);
        choices.any(|one| one.unknown.as_ref() == Some(why))
    };
    let unknown = choice.unknown.map(|why| match why {
        Unknown::OptIn | Unknown::TooMuch | Unknown::Call(_) | Unknown::Windows(_) => why,
        _ if is_passed(&why) => why,
        _ => Unknown::Call(name.into()),
    });
    Choice { unknown, ..choice }
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told, tree};

    const CALL: &str = "void F(int c) { ExAllocatePool(Kind(), 1); }";

    #[test]
    fn a_function_that_returns_a_constant_is_that() {
        for (function, expected) in [
            ("static POOL_TYPE Kind(void) { return NonPagedPoolNx; }", "0x200"),
            ("POOL_TYPE Kind() { int a; a = 2; return (POOL_TYPE)(PagedPool); }", "0x1"),
            ("POOL_TYPE Kind() { if (g) return PagedPool; return NonPagedPool; }", "0x1 or 0x0"),
            ("POOL_TYPE Kind() { POOL_TYPE t = PagedPool; return t; }", "0x1"),
            ("UCHAR Kind() { return 0x200 | 1; }", "0x1"),
            (
                "POOL_TYPE Of(int n) { return n ? PagedPool : 0; } POOL_TYPE Kind() { return Of(1); }",
                "0x1",
            ),
        ] {
            assert_eq!(
                of(&format!("{function}\n{CALL}")),
                [format!("a.c:3 ExAllocatePool {expected}")]
            );
        }
    }

    #[test]
    fn what_decides_may_be_handed_through() {
        let function = "static POOL_TYPE Same(POOL_TYPE t) { return t; }\n";
        let wrapper =
            "void W(POOL_TYPE p) { ExAllocatePool(Same(p), 1); } void F() { W(PagedPool); }";
        assert_eq!(of(&format!("{function}{wrapper}")), ["a.c:3 ExAllocatePool 0x1 < W"]);
        assert_eq!(
            of(&format!("{function}void F() {{ ExAllocatePool(Same(NonPagedPool), 1); }}")),
            ["a.c:3 ExAllocatePool 0x0"]
        );
    }

    #[test]
    fn what_is_not_plain_is_not_known() {
        for function in [
            "POOL_TYPE Kind(void);",
            "POOL_TYPE (*Kind)(void);",
            "POOL_TYPE Kind(int a) { return PagedPool; }",
            "void Kind(void) { }",
            "POOL_TYPE Kind(void) { return Kind(); }",
            "POOL_TYPE Kind(void) { return g->Type; }",
            "POOL_TYPE g; void Set(POOL_TYPE t) { g = t; } POOL_TYPE Kind(void) { return g; }",
        ] {
            let found = of(&format!("{function}\n{CALL}"));
            assert!(found[0].contains("0x0? "), "{function} {found:?}");
            assert!(!found[0].contains("parameter"), "{function} {found:?}");
        }
    }

    /// The function is in a file that names nothing of interest.
    #[test]
    fn functions_are_found_in_other_files() {
        let head = "#include <ntddk.h>\n";
        let call = format!("{head}POOL_TYPE Kind(void);\n{CALL}");
        let kind = format!(
            "{head}void O(int a) {{ Kind(); }}\nPOOL_TYPE Kind(void)\n{{ return PagedPool; }}"
        );
        assert_eq!(
            told(&tree(&[("a.c", &call), ("b.c", &kind)]), &[]),
            ["a.c:3 ExAllocatePool 0x1"]
        );
    }
}
