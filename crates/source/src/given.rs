//! What the parameters of a wrapper are by a call of it.

use crate::calls::{Follower, Step};
use crate::evaluate::Place;
use crate::value::Value;
use crate::world::FunctionId;

impl<'t> Follower<'_, 't> {
    /// The parameters of a function with what a call makes of them: of those before `skipped` nothing is known. What is not
    /// passed is what a declaration says.
    pub(crate) fn given(
        &self,
        place: &Place<'_, 't>,
        id: FunctionId,
        step: &Step<'_>,
        skipped: usize,
    ) -> Vec<(&'t str, Value)> {
        let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
        let all = function.parameters.iter().enumerate().skip(skipped);
        let passed = |(index, range): (usize, &std::ops::Range<usize>)| {
            let value = match step.arguments.get(index - skipped) {
                Some(argument) => argument.value.clone(),
                None => self.default_of(place, id, index)?,
            };
            Some((self.world.text(id.parsed, range), value))
        };
        let of_template = function.template.iter().zip(step.template);
        let of_template =
            of_template.map(|(range, value)| (self.world.text(id.parsed, range), value.clone()));
        all.filter_map(passed).chain(of_template).collect()
    }

    /// What a parameter is that is not passed, by every declaration that says so.
    fn default_of(&self, place: &Place<'_, 't>, id: FunctionId, parameter: usize) -> Option<Value> {
        let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
        let all = self.world.defaults.get(self.world.text(id.parsed, &function.name))?;
        let value = |&(parsed, index): &(usize, usize)| {
            let one = &self.world.parsed[parsed].syntax.defaults[index];
            let place = Place {
                parsed,
                function: None,
                at: one.value.start,
                given: &[],
                macro_given: &[],
                ..*place
            };
            let is_it = one.parameter == parameter && one.of == function.parameters.len();
            is_it.then(|| place.value_in(self.world.parsed[parsed].file, one.value.clone()))
        };
        let mut values = all.iter().filter_map(value).peekable();
        values.peek()?;
        Some(Value::either(values))
    }
}

#[cfg(test)]
mod tests {
    use crate::{SourceText, SourceTree, analyse};

    /// What the pool type of each call is, where that is one value.
    fn values(text: &str) -> Vec<Option<u64>> {
        let mut tree = SourceTree::default();
        tree.add("a.cpp", SourceText::of(format!("#include <ntddk.h>\n{text}"))).unwrap();
        let calls = analyse(&tree, &[], &[]).calls;
        calls.iter().map(|call| call.arguments[0].value.constant()).collect()
    }

    #[test]
    fn what_is_not_passed_is_what_a_declaration_says() {
        let body = "{ return ExAllocatePoolWithTag(t, n, 'x'); }";
        assert_eq!(
            values(&format!(
                "void *W(size_t n, POOL_TYPE t = PagedPool) {body}\nvoid A() {{ W(1); W(1, NonPagedPoolNx); }}"
            )),
            [Some(1), Some(0x200)]
        );
        assert_eq!(
            values(&format!(
                "void *W(size_t n, POOL_TYPE t = PagedPool);\nvoid *W(size_t n, POOL_TYPE t) {body}\nvoid A() {{ W(1); }}"
            )),
            [Some(1)]
        );
        assert_eq!(
            values(&format!(
                "class C {{ static void *W(size_t n, POOL_TYPE t = PagedPool) {body} }};\nvoid A() {{ C::W(1); }}"
            )),
            [Some(1)]
        );
    }

    #[test]
    fn templates_are_given_values() {
        assert_eq!(
            values(
                "template <class X, POOL_TYPE T> void *W(size_t n) { return ExAllocatePoolWithTag(T, n, 'x'); }\nvoid A() { W<int, PagedPool>(1); N::W<int, NonPagedPoolNx>(1); W<int>(1); }"
            ),
            [Some(1), Some(0x200), None]
        );
    }

    #[test]
    fn constants_of_classes_are_known() {
        assert_eq!(
            values(
                "struct K { static const POOL_TYPE One = PagedPool; static constexpr int Two = 512; };\nvoid A() { ExAllocatePool(K::One, 1); ExAllocatePool((POOL_TYPE)K::Two, 1); }"
            ),
            [Some(1), Some(0x200)]
        );
        assert_eq!(
            values(
                "void A() { POOL_TYPE t{PagedPool}; ExAllocatePool(t, 1); ExAllocatePool(POOL_TYPE{PagedPool}, 1); }"
            ),
            [Some(1), Some(1)]
        );
    }

    /// C's old way to say of which types parameters are.
    #[test]
    fn parameters_whose_types_come_behind_them_are_known() {
        let text = "PVOID W(n, t) SIZE_T n; POOL_TYPE t;\n{ return ExAllocatePool(t, n); }\nvoid A() { W(1, PagedPool); }";
        assert_eq!(crate::analysis::tests::of(text), ["a.c:4 ExAllocatePool 0x1 < W"]);
    }
}
