//! What the parameters of a wrapper are by a call of it.

use crate::calls::{Follower, Passed, Step};
use crate::evaluate::Place;
use crate::lex::{Kind, tokens};
use crate::value::{Unknown, Value};
use crate::world::FunctionId;
use std::ops::Range;

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
        let mut given = self.template_given(place, id, step);
        let of_template = given.clone();
        let all = function.parameters.iter().enumerate().skip(skipped);
        let passed = |(index, range): (usize, &Range<usize>)| {
            let value = match step.arguments.get(index - skipped) {
                Some(argument) => argument.value.clone(),
                None => self.default_of(place, id, index, &of_template)?,
            };
            Some((self.world.text(id.parsed, range), value))
        };
        given.extend(all.filter_map(passed));
        given
    }

    /// The parameters of the template that a function is: what is passed, and what is said of the others.
    fn template_given(
        &self,
        place: &Place<'_, 't>,
        id: FunctionId,
        step: &Step<'_>,
    ) -> Vec<(&'t str, Value)> {
        let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
        let head = self.world.text(id.parsed, &(function.name.end..function.body.start));
        // What the type of a parameter names a compiler deduces from the argument.
        let is_deduced = |name: &str| {
            let mut words = tokens(head, 0, head.len());
            words.any(|token| token.kind == Kind::Word && token.text(head) == name)
        };
        // What is passed to the class: its parameters are those of the function that is defined outside of it.
        let (passed, of_class) = (&step.template.own, &step.template.of_class);
        let is_outside = function.outer.is_empty() && passed.is_empty();
        let passed = if is_outside { of_class } else { passed };
        let mut given: Vec<(&'t str, Value)> = Vec::new();
        if of_class.len() <= function.outer.len() {
            let names = function.outer.iter().map(|range| self.world.text(id.parsed, range));
            given.extend(names.zip(of_class.iter().cloned()).filter(|(name, _)| !name.is_empty()));
        }
        for (index, parameter) in function.template.iter().enumerate() {
            let name = self.world.text(id.parsed, &parameter.name);
            let value = match (passed.get(index), &parameter.default) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) if !is_deduced(name) => {
                    self.within_head(place, id, default, &given)
                }
                _ => continue,
            };
            given.push((name, value));
        }
        given
    }

    /// Of functions of one name keeps those of the class that a call names, if there are any.
    pub(crate) fn keep_of_class(&self, all: &mut Vec<FunctionId>, passed: &Passed<'_>) {
        let Some(class) = passed.class else { return };
        let is_of = |id: &FunctionId| self.world.class_of(*id) == Some(class);
        if all.iter().any(is_of) {
            all.retain(is_of);
        }
    }

    /// Whether one of the functions is of a class that a template is for certain arguments only: it has no parameters.
    pub(crate) fn is_class_special(&self, all: &[FunctionId], step: &Step<'_>) -> bool {
        let is_plain = |id: &FunctionId| {
            let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
            function.outer.is_empty() && function.template.is_empty()
        };
        !step.template.of_class.is_empty() && all.len() > 1 && all.iter().any(is_plain)
    }

    /// The value of something in the head of a function.
    fn within_head(
        &self,
        place: &Place<'_, 't>,
        id: FunctionId,
        range: &Range<usize>,
        given: &[(&'t str, Value)],
    ) -> Value {
        let (parsed, function, at) = (id.parsed, Some(id.function), range.start);
        let place = Place { parsed, function, at, given, macro_given: &[], ..*place };
        place.value_in(self.world.parsed[parsed].file, range.clone())
    }

    /// What a parameter is that is not passed, by every declaration that says so.
    fn default_of(
        &self,
        place: &Place<'_, 't>,
        id: FunctionId,
        parameter: usize,
        of_template: &[(&'t str, Value)],
    ) -> Option<Value> {
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
            let text = self.world.text(parsed, &one.value);
            let is_of_template = |word: &str| {
                one.template.iter().any(|range| self.world.text(parsed, range) == word)
            };
            let mut words = tokens(text, 0, text.len()).filter(|token| token.kind == Kind::Word);
            is_it.then(|| match words.find(|token| is_of_template(token.text(text))) {
                Some(_) if (parsed, &one.function) == (id.parsed, &function.name) => {
                    self.within_head(&place, id, &one.value, of_template)
                }
                Some(word) => Value::open(Unknown::Parameter(word.text(text).into())),
                None => place.value_in(self.world.parsed[parsed].file, one.value.clone()),
            })
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

    /// What nothing is passed for is what the template says, but where an argument tells it.
    #[test]
    fn templates_have_values_of_their_own() {
        let alloc = "size_t n) { return ExAllocatePoolWithTag(P, n, 'x'); }\n";
        for (head, call, expected) in [
            (
                "template <POOL_TYPE P = PagedPool> void *W(",
                "W(1); W<>(1); W<NonPagedPoolNx>(1);",
                &[Some(1), Some(1), Some(0x200)][..],
            ),
            (
                "template <class T, POOL_TYPE P = PagedPool> T *W(",
                "W<int>(1); W<int, NonPagedPoolNx>(1);",
                &[Some(1), Some(0x200)],
            ),
            (
                "template <POOL_TYPE Q = PagedPool, POOL_TYPE P = Q> void *W(",
                "W<NonPagedPoolNx>(1); W(1);",
                &[Some(0x200), Some(1)],
            ),
            ("template <POOL_TYPE P = PagedPool> void *W(Tag<P> t, ", "W(tag, 1);", &[None]),
        ] {
            // Something of the same name elsewhere is not meant.
            let other = "POOL_TYPE P = NonPagedPool; POOL_TYPE Q = NonPagedPool;\n";
            let text = format!("{other}{head}{alloc}void A() {{ {call} }}");
            assert_eq!(values(&text), expected, "{head}");
        }
        let by_argument = "template <POOL_TYPE P> void *W(size_t n, POOL_TYPE t = P) { return ExAllocatePoolWithTag(t, n, 'x'); }\nPOOL_TYPE P = NonPagedPool;\nvoid A() { W<PagedPool>(1); }";
        assert_eq!(values(by_argument), [Some(1)]);
    }

    /// For some arguments it may be another function.
    #[test]
    fn specialisations_leave_it_open_which_is_called() {
        let text = "#include <ntddk.h>\ntemplate <POOL_TYPE P> void *W(size_t n) { return ExAllocatePoolWithTag(P, n, 'x'); }\n";
        let special = "template <> void *W<NonPagedPool>(size_t n) { return 0; }\n";
        for (special, expected) in [("", false), (special, true)] {
            let mut tree = SourceTree::default();
            let text = format!("{text}{special}void A() {{ W<NonPagedPool>(1); }}");
            tree.add("a.cpp", SourceText::of(text)).unwrap();
            let calls = analyse(&tree, &[], &[]).calls;
            let maybe: Vec<bool> = calls.iter().map(|call| call.is_maybe).collect();
            assert_eq!(maybe, [expected]);
        }
    }

    /// What the class is made for decides; of what nothing says so it is not known.
    #[test]
    fn parameters_of_class_templates_are_not_known() {
        let other = "POOL_TYPE P = NonPagedPool;\n";
        for class in [
            "template <POOL_TYPE P> struct C { void *W(size_t n) { return ExAllocatePoolWithTag(P, n, 'x'); } };",
            "template <POOL_TYPE P> struct C { void *W(size_t n); };\ntemplate <POOL_TYPE P> void *C<P>::W(size_t n) { return ExAllocatePoolWithTag(P, n, 'x'); }",
            "template <POOL_TYPE P = PagedPool> struct C { template <class T> T *W(size_t n) { return ExAllocatePoolWithTag(P, n, 'x'); } };",
        ] {
            assert_eq!(values(&format!("{other}{class}")), [None], "{class}");
        }
    }

    /// A call that names the class says what its template is given, and which of several functions is meant.
    #[test]
    fn parameters_of_class_templates_are_given_by_the_class() {
        let body = "{ return ExAllocatePoolWithTag(P, 1, 'x'); }";
        let inside = |class: &str| {
            format!("template <POOL_TYPE P> struct {class} {{ static void *Get() {body} }};\n")
        };
        let outside = format!(
            "template <POOL_TYPE P> struct C {{ static void *Get(); }};\ntemplate <POOL_TYPE P> void *C<P>::Get() {body}\n"
        );
        let other = "POOL_TYPE P = NonPagedPool;\n";
        for class in [inside("C"), outside] {
            let call = "void A() { C<PagedPool>::Get(); N::C<NonPagedPoolNx>::Get(); }";
            assert_eq!(values(&format!("{other}{class}{call}")), [Some(1), Some(0x200)], "{class}");
            // Nothing is passed, or by another name.
            let call = "typedef C<PagedPool> D;\nvoid A() { D::Get(); C<>::Get(); }";
            assert_eq!(values(&format!("{other}{class}{call}")), [None, None], "{class}");
        }
        let two = format!("{}{}", inside("C"), inside("D"));
        assert_eq!(
            values(&format!("{two}void A() {{ C<PagedPool>::Get(); D<NonPagedPool>::Get(); }}")),
            [Some(1), Some(0)]
        );
        let nested = format!(
            "template <class T, POOL_TYPE P> struct C {{ template <POOL_TYPE Q> static void *Get() {} }};\n",
            body.replace("(P", "(Q")
        );
        assert_eq!(
            values(&format!("{nested}void A() {{ C<int, PagedPool>::Get<NonPagedPoolNx>(); }}")),
            [Some(0x200)]
        );
    }

    /// For some arguments the class may be another one.
    #[test]
    fn special_classes_leave_it_open_which_is_called() {
        let class = "template <POOL_TYPE P> struct C { static void *Get() { return ExAllocatePoolWithTag(P, 1, 'x'); } };\n";
        let special = "template <> struct C<NonPagedPool> { static void *Get() { return 0; } };\n";
        for (special, expected) in [("", false), (special, true)] {
            let mut tree = SourceTree::default();
            let text = format!(
                "#include <ntddk.h>\n{class}{special}void A() {{ C<NonPagedPool>::Get(); }}"
            );
            tree.add("a.cpp", SourceText::of(text)).unwrap();
            let calls = analyse(&tree, &[], &[]).calls;
            let maybe: Vec<bool> = calls.iter().map(|call| call.is_maybe).collect();
            assert_eq!(maybe, [expected]);
        }
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

    /// Likewise where a pointer is returned, which a parser takes for a variable.
    #[test]
    fn what_returns_a_pointer_may_be_written_so_too() {
        let body = "{ return ExAllocatePool(t, n); }\nvoid A() { W(1, PagedPool); }";
        for head in [
            "char *W(n, t) SIZE_T n; POOL_TYPE t;\n",
            "char *W(n, t) POOL_TYPE t; SIZE_T n;\n",
            "static struct S *W(n, t) register SIZE_T n; register POOL_TYPE t;\n",
            "char **W(n, t) SIZE_T n; enum E t;\n",
        ] {
            for other in ["", "POOL_TYPE t = NonPagedPool; SIZE_T n;\n"] {
                let found = crate::analysis::tests::of(&format!("{other}{head}{body}"));
                let line = 4 + other.lines().count();
                assert_eq!(found, [format!("a.c:{line} ExAllocatePool 0x1 < W")], "{head}");
            }
        }
        // Blocks that stand nowhere belong to nothing.
        for text in [
            "{ ExAllocatePool(1, 1); }",
            "int a; { ExAllocatePool(1, 1); }",
            "char *F(int); int b; { ExAllocatePool(1, 1); }",
        ] {
            assert_eq!(crate::analysis::tests::of(text), ["a.c:2 ExAllocatePool 0x1"], "{text}");
        }
    }
}
