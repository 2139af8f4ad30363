//! Members that functions of a class name without saying so: they go before what is outside of the class.

use crate::FileKind;
use crate::evaluate::Place;
use crate::lex::is_word;
use crate::syntax::{Happens, Record};
use crate::value::{Unknown, Value};
use crate::world::{FunctionId, GlobalEvent, World};
use std::ops::Range;

/// How many bytes the name of a class with its template's arguments has at most before a function's name.
const LONGEST_CLASS: usize = 256;
/// How many structures are looked at for one of the budget.
const RECORDS_OF_ONE: usize = 64;

impl Place<'_, '_> {
    /// The value of a member of the class that the function around is of; none where it has none of that name.
    ///
    /// Each object has its own, which constructors and others may set: only static ones are known.
    pub(crate) fn own_member(&self, name: &str, depth: usize) -> Option<Value> {
        let world = self.world;
        let parsed = &world.parsed[self.parsed];
        let function = &parsed.syntax.functions[self.function?];
        if parsed.kind(world.tree) != FileKind::Cpp {
            return None;
        }
        // Files may have as many as they like.
        self.take(parsed.syntax.records.len() / RECORDS_OF_ONE);
        let here = function.name.start;
        let own = parsed.syntax.records.iter().filter(|record| record.body.contains(&here));
        let named =
            world.class_before(self.parsed, here).and_then(|class| world.records.get(class));
        let named = named.into_iter().flatten();
        let all = own.map(|record| (self.parsed, record)).chain(
            named.map(|&(parsed, index)| (parsed, &world.parsed[parsed].syntax.records[index])),
        );
        let mut values = Vec::new();
        for (parsed, record) in all {
            let is_it = |(member, _): &(Range<usize>, _)| world.text(parsed, member) == name;
            if record.members.iter().any(is_it) {
                values.push(Value::open(Unknown::Memory));
            }
            values.extend(self.static_member(name, (parsed, record), depth));
        }
        (!values.is_empty()).then(|| Value::either(values))
    }

    fn static_member(
        &self,
        name: &str,
        (parsed, record): (usize, &Record),
        depth: usize,
    ) -> Option<Value> {
        let world = self.world;
        let events = world.globals.get(name)?;
        let is_of = |event: &&GlobalEvent| {
            event.parsed == parsed && record.body.contains(&world.variable(event).name.start)
        };
        let event = events.iter().find(is_of)?;
        // One that is set is known by all that sets it.
        let Happens::Begins(range) = &world.variable(event).happens else { return None };
        let is_set = events.iter().any(|event| event.function.is_some());
        let (function, at) = (event.function, world.variable(event).name.start);
        let place = Place { parsed, function, at, given: &[], macro_given: &[], ..*self };
        Some(match is_set {
            true => Value::open(Unknown::Variable(name.into())),
            false => place.ranged(range, depth),
        })
    }
}

impl<'t> World<'t> {
    /// The class that a function is one of, by what stands before its name or around it.
    pub(crate) fn class_of(&self, id: FunctionId) -> Option<&'t str> {
        let syntax = &self.parsed[id.parsed].syntax;
        let here = syntax.functions[id.function].name.start;
        let around = || {
            let around = syntax.records.iter().filter(|record| record.body.contains(&here));
            let inner = around.min_by_key(|record| record.body.len())?;
            let name = self.text(id.parsed, inner.names.first()?);
            // One that a template is for certain arguments names these as well.
            Some(name.split_once('<').map_or(name, |(class, _)| class.trim_end()))
        };
        self.class_before(id.parsed, here).or_else(around)
    }

    /// The class that stands before the name of a function: of `A<B>::F` it is `A`.
    fn class_before(&self, parsed: usize, at: usize) -> Option<&'t str> {
        let before = self.text(parsed, &(at.saturating_sub(LONGEST_CLASS)..at));
        let mut before = before.trim_end().strip_suffix("::")?.trim_end();
        if before.ends_with('>') {
            let mut depth = 0_usize;
            let open = before.bytes().rposition(|byte| {
                depth += usize::from(byte == b'>');
                depth -= usize::from(byte == b'<' && depth > 0);
                depth == 0
            })?;
            before = before[..open].trim_end();
        }
        let word = before.bytes().rev().take_while(|byte| is_word(*byte)).count();
        Some(&before[before.len() - word..]).filter(|class| !class.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{told, tree};

    fn found(code: &str) -> Vec<String> {
        told(&tree(&[("a.cpp", &format!("#include <ntddk.h>\n{code}"))]), &[])
    }

    const TAKE: &str = "void *Take() { return ExAllocatePool(type, 1); }";

    /// What every object has of its own is not what is called so elsewhere.
    #[test]
    fn members_go_before_what_is_outside() {
        for class in [
            format!("class C {{ POOL_TYPE type = NonPagedPool; {TAKE} }};"),
            format!("class C {{ POOL_TYPE type; C() : type(NonPagedPool) {{ }} {TAKE} }};"),
            format!("class C {{ {TAKE} POOL_TYPE type{{NonPagedPool}}; }};"),
            "class C { POOL_TYPE type; void *Take(); };\nvoid *C::Take() { return ExAllocatePool(type, 1); }".to_owned(),
            "template <class T> class C { POOL_TYPE type; void *Take(); };\ntemplate <class T> void *C<T>::Take() { return ExAllocatePool(type, 1); }".to_owned(),
        ] {
            for outside in ["PagedPool", "NonPagedPool"] {
                let all = found(&format!("POOL_TYPE type = {outside};\n{class}"));
                assert!(all.len() == 1 && all[0].contains("0x0? it is read"), "{class} {all:?}");
            }
        }
        let other = format!("class D {{ POOL_TYPE type; }};\nPOOL_TYPE type = PagedPool;\n{TAKE}");
        assert_eq!(found(&other), ["a.cpp:4 ExAllocatePool 0x1"]);
    }

    #[test]
    fn static_ones_are_those_of_the_class() {
        let with = |of: &str| format!("struct {of} {{ static const POOL_TYPE type = ");
        let (one, other) = (with("A"), with("B"));
        let code = format!("{one}PagedPool; {TAKE} }};\n{other}NonPagedPool; {TAKE} }};");
        assert_eq!(found(&code), ["a.cpp:2 ExAllocatePool 0x1", "a.cpp:3 ExAllocatePool 0x0"]);
    }
}
