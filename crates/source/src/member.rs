//! Members that functions of a class name without saying so: they go before what is outside of the class.

use crate::FileKind;
use crate::evaluate::Place;
use crate::lex::is_word;
use crate::syntax::{Happens, Record};
use crate::value::{Unknown, Value};
use crate::world::{FunctionId, GlobalEvent, World};

/// How many bytes the name of a class with its template's arguments has at most before a function's name.
const LONGEST_CLASS: usize = 256;
/// How many structures are looked at for one of the budget.
const RECORDS_OF_ONE: usize = 64;
/// How many classes one is derived from at most.
const MOST_CLASSES: usize = 32;

impl Place<'_, '_> {
    /// The value of a member of the class that the function around is of; none where it has none of that name.
    ///
    /// Each object has its own, which constructors and others may set: only static ones are known.
    pub(crate) fn own_member(&self, name: &str, depth: usize) -> Option<Value> {
        let mut values = Vec::new();
        for (parsed, record) in self.own_classes() {
            if self.has_member((parsed, record), name) {
                values.push(Value::open(Unknown::Memory));
            }
            values.extend(self.static_member(name, (parsed, record), depth));
        }
        (!values.is_empty()).then(|| Value::either(values))
    }

    /// Whether a name means a member of the class that the function around is of.
    pub(crate) fn is_own_member(&self, name: &str) -> bool {
        self.own_classes().into_iter().any(|record| {
            self.has_member(record, name) || self.static_event(name, record).is_some()
        })
    }

    fn has_member(&self, (parsed, record): (usize, &Record), name: &str) -> bool {
        record.members.iter().any(|(member, _)| self.world.text(parsed, member) == name)
    }

    /// The classes that the function around is of, and those that they are derived from, each with the file that has it.
    fn own_classes(&self) -> Vec<(usize, &Record)> {
        let world = self.world;
        let parsed = &world.parsed[self.parsed];
        let function = self.function.map(|function| &parsed.syntax.functions[function]);
        let Some(function) = function.filter(|_| parsed.kind(world.tree) == FileKind::Cpp) else {
            return Vec::new();
        };
        // Files may have as many as they like.
        self.take(parsed.syntax.records.len() / RECORDS_OF_ONE);
        let here = function.name.start;
        let own = parsed.syntax.records.iter().filter(|record| record.body.contains(&here));
        let of_name = |class: &str| {
            let all = world.records.get(class).into_iter().flatten();
            all.map(|&(parsed, index)| (parsed, &world.parsed[parsed].syntax.records[index]))
        };
        let named = world.class_before(self.parsed, here).into_iter().flat_map(of_name);
        let mut all: Vec<_> = own.map(|record| (self.parsed, record)).chain(named).collect();
        let mut next = 0;
        while let Some((parsed, record)) = all.get(next).copied() {
            next += 1;
            let bases = record.bases.iter().flat_map(|base| of_name(world.text(parsed, base)));
            for (parsed, base) in bases {
                let is_same =
                    |(of, known): &(usize, &Record)| (*of, &known.body) == (parsed, &base.body);
                if all.len() < MOST_CLASSES && !all.iter().any(is_same) {
                    all.push((parsed, base));
                }
            }
        }
        all
    }

    /// Where a static member of a class begins.
    fn static_event(&self, name: &str, (parsed, record): (usize, &Record)) -> Option<&GlobalEvent> {
        let is_of = |event: &&GlobalEvent| {
            let at = self.world.variable(event).name.start;
            event.function.is_none() && event.parsed == parsed && record.body.contains(&at)
        };
        self.world.globals.get(name)?.iter().find(is_of)
    }

    fn static_member(
        &self,
        name: &str,
        (parsed, record): (usize, &Record),
        depth: usize,
    ) -> Option<Value> {
        let world = self.world;
        let event = self.static_event(name, (parsed, record))?;
        let events = world.globals.get(name)?;
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

    /// What a class is derived from has its members, also by way of a template and of another class.
    #[test]
    fn inherited_members_go_before_what_is_outside() {
        for bases in [
            "struct B { POOL_TYPE type; };\nstruct C : B",
            "struct B { POOL_TYPE type; };\nstruct A : public B { };\nclass C : private N::A",
            "template <class T> struct B { POOL_TYPE type; };\nstruct C : B<int>",
        ] {
            let all = found(&format!("POOL_TYPE type = NonPagedPool;\n{bases} {{ {TAKE} }};"));
            assert!(all.len() == 1 && all[0].contains("0x0? it is read"), "{bases} {all:?}");
        }
        let other = format!(
            "struct B {{ POOL_TYPE kind; }};\nPOOL_TYPE type = PagedPool;\nstruct C : B {{ {TAKE} }};"
        );
        assert_eq!(found(&other), ["a.cpp:4 ExAllocatePool 0x1"]);
        // Classes that are derived from each other end somewhere.
        let round =
            format!("struct B : C {{ }};\nPOOL_TYPE type = PagedPool;\nstruct C : B {{ {TAKE} }};");
        assert_eq!(found(&round), ["a.cpp:4 ExAllocatePool 0x1"]);
    }

    /// What a function gives a member of its class is given to no variable of that name.
    #[test]
    fn members_that_are_set_are_no_variables() {
        let outside = format!("POOL_TYPE type = PagedPool;\n{TAKE}\n");
        for class in [
            "struct C { POOL_TYPE type; void Set() { type = NonPagedPool; } };",
            "struct C { POOL_TYPE type; void Set(); };\nvoid C::Set() { type = NonPagedPool; }",
            "struct B { POOL_TYPE type; };\nstruct C : B { void Set() { type = NonPagedPool; } };",
        ] {
            assert_eq!(
                found(&format!("{outside}{class}")),
                ["a.cpp:3 ExAllocatePool 0x1"],
                "{class}"
            );
        }
        let set = "struct C { POOL_TYPE kind; void Set() { type = NonPagedPool; } };";
        let all = found(&format!("{outside}{set}"));
        assert!(all.len() == 1 && all[0] != "a.cpp:3 ExAllocatePool 0x1", "{all:?}");
    }
}
