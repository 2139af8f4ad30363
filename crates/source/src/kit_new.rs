//! `new` with a pool type where no file has the operator: the kit's own headers do, `stdunk.h` and `kcom.h` among them.

use crate::calls::{Follower, Hop, Reached, Step};
use crate::evaluate::Place;
use crate::lex::{is_word, word_end};
use crate::{FileKind, SourceArgument, SourceTree, Value, vocabulary};
use foldhash::HashSet;
use memchr::memmem;
use rayon::prelude::*;
use ringfence_ddi::Role;

/// What the operator allocates with, by what its first argument is a constant of. Both take size and tag in this order.
const ALLOCATORS: [(Role, &str); 2] =
    [(Role::PoolType, "ExAllocatePoolWithTag"), (Role::PoolFlags, "ExAllocatePool2")];

/// Macros of `stdunk.h` that write a function around `new`, each with the place of the pool type among its arguments.
const BODIES: [(&str, usize); 4] = [
    ("STD_CREATE_BODY", 3),
    ("STD_CREATE_BODY_", 3),
    ("STD_CREATE_BODY_WITH_TAG", 3),
    ("STD_CREATE_BODY_WITH_TAG_", 3),
];

/// The names of these macros.
pub(crate) fn bodies() -> impl Iterator<Item = &'static str> {
    BODIES.into_iter().map(|(name, _)| name)
}

/// Whether any C++ of a tree has `new (POOL…` with a constant of a pool.
pub(crate) fn is_in(tree: &SourceTree) -> bool {
    let names = ALLOCATORS.iter().flat_map(|(role, _)| role.constants());
    let names: HashSet<&str> = names.map(|(name, _)| name).collect();
    let files: Vec<_> = tree
        .files()
        .filter(|(_, file)| matches!(file.kind, FileKind::Cpp | FileKind::Header))
        .map(|(_, file)| file.text.as_str())
        .collect();
    files.into_par_iter().any(|text| is_written(&names, text))
}

fn is_written(names: &HashSet<&str>, text: &str) -> bool {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, b"new").any(|at| {
        let is_word_end = at.checked_sub(1).is_some_and(|before| is_word(bytes[before]));
        let behind = bytes[at + 3..].trim_ascii_start();
        let Some(inner) = behind.strip_prefix(b"(").filter(|_| !is_word_end) else { return false };
        let start = bytes.len() - inner.trim_ascii_start().len();
        names.contains(&text[start..word_end(bytes, start)])
    })
}

impl<'t> Follower<'_, 't> {
    /// What a macro of the kit that writes a function around `new` comes to; none for other names.
    pub(crate) fn through_kit_body(
        &self,
        place: &Place<'_, 't>,
        step: &Step<'_>,
        found: &mut Vec<Reached>,
    ) -> Option<()> {
        let (name, index) = BODIES.iter().find(|(name, _)| *name == step.name)?;
        let pool = step.arguments.get(*index)?;
        let ddi = vocabulary::function(ALLOCATORS[0].1)?;
        let arguments = [pool.clone(), SourceArgument::not_passed()];
        let hop = Hop { name: (*name).to_owned(), is_macro: false, span: step.span };
        let via: Vec<_> = step.via.iter().cloned().chain([hop]).collect();
        found.push(self.of_ddi(place, ddi, &Step { arguments: &arguments, via: &via, ..*step }));
        Some(())
    }

    /// What `new (pool type, tag) T` comes to where no file of the tree has the operator.
    pub(crate) fn through_kit_new(
        &self,
        place: &Place<'_, 't>,
        step: &Step<'_>,
        found: &mut Vec<Reached>,
    ) {
        let [pool, rest @ ..] = step.arguments else { return };
        let Some(name) = allocator(&pool.value) else { return };
        let Some(ddi) = vocabulary::function(name) else { return };
        let size = SourceArgument::not_passed();
        let arguments: Vec<_> =
            [pool.clone(), size].into_iter().chain(rest.first().cloned()).collect();
        let name = step.manner.operator().unwrap_or("operator new").to_owned();
        let hop = Hop { name, is_macro: false, span: step.span };
        let via: Vec<_> = step.via.iter().cloned().chain([hop]).collect();
        let step = Step { arguments: &arguments, via: &via, ..*step };
        found.push(self.of_ddi(place, ddi, &step));
    }
}

/// What allocates for a value that is made of a constant of a pool.
fn allocator(value: &Value) -> Option<&'static str> {
    let terms = || value.choices.iter().flat_map(|choice| &choice.terms);
    let of = |role: &Role| {
        terms().any(|term| role.constants().any(|(constant, _)| constant == &*term.name))
    };
    ALLOCATORS.iter().find(|(role, _)| of(role)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{told, tree};

    fn found(text: &str) -> Vec<String> {
        told(&tree(&[("a.cpp", &format!("#include <stdunk.h>\n{text}"))]), &[])
    }

    #[test]
    fn the_kits_operator_allocates_from_the_pool_it_is_given() {
        let text = "#define POOL NonPagedPool\nvoid F(void *at) {\n\
            auto a = new (NonPagedPool, 'a') Foo;\nauto b = new (PagedPool) Foo();\n\
            auto c = new(POOL_FLAG_NON_PAGED_EXECUTE, 'a') Foo;\nauto d = new (POOL, 1) Foo[2];\n\
            auto e = new (at) Foo;\nauto f = new Foo;\n}";
        assert_eq!(
            found(text),
            [
                "a.cpp:4 ExAllocatePoolWithTag 0x0 < operator new",
                "a.cpp:5 ExAllocatePoolWithTag 0x1 < operator new",
                "a.cpp:6 ExAllocatePool2 0x80 < operator new",
                "a.cpp:7 ExAllocatePoolWithTag 0x0 < operator new[]",
            ]
        );
    }

    /// `STD_CREATE_BODY(Class, ppUnknown, pUnkOuter, PoolType)` is `new(PoolType) Class` and what is to be done then.
    #[test]
    fn the_kits_bodies_hand_the_pool_type_on() {
        let text = "NTSTATUS Create(PUNKNOWN *u, PUNKNOWN o, POOL_TYPE PoolType) { STD_CREATE_BODY(CMini, u, o, PoolType); }\n\
            void F(PUNKNOWN *u) { Create(u, NULL, NonPagedPool); }\n\
            NTSTATUS G(PUNKNOWN *u) { STD_CREATE_BODY_WITH_TAG_(CMini, u, NULL, NonPagedPoolNx, 'a', IMini*); }";
        assert_eq!(
            found(text),
            [
                "a.cpp:3 ExAllocatePoolWithTag 0x0 < Create < STD_CREATE_BODY",
                "a.cpp:4 ExAllocatePoolWithTag 0x200 < STD_CREATE_BODY_WITH_TAG_",
            ]
        );
    }

    #[test]
    fn the_trees_own_operator_is_the_one() {
        let own = "void *Take(size_t n) { return ExAllocatePoolWithTag(NonPagedPoolNx, n, 'a'); }\n\
            void *operator new(size_t n, POOL_TYPE t, ULONG tag) { return Take(n); }\n\
            void F() { auto a = new (NonPagedPool, 'a') Foo; }";
        assert_eq!(found(own), ["a.cpp:2 ExAllocatePoolWithTag 0x200"]);
    }

    /// A macro that is `new` and a type is no call in C, which macros are read as else.
    #[test]
    fn macros_write_new() {
        let own = "void *operator new(size_t n, POOL_TYPE t, ULONG g) { return ExAllocatePoolWithTag(t, n, g); }\n";
        let read = |operator: &str, code: &str| {
            let text = format!("#include <ntddk.h>\n{operator}{code}");
            told(&tree(&[("a.cpp", &text)]), &[])
        };
        let fixed = "#define NEW(T) new (NonPagedPool, 'a') T\nvoid F() { C *c = NEW(C); }";
        let passed = "#define NEW(P, T) (new (P, 'a') T)\nvoid F() { C *c = NEW(PagedPool, C); }";
        assert_eq!(read(own, fixed), ["a.cpp:3 ExAllocatePoolWithTag 0x0 < operator new"]);
        assert_eq!(read(own, passed), ["a.cpp:4 ExAllocatePoolWithTag 0x1 < NEW < operator new"]);
        let kit = read("", fixed);
        assert!(
            kit.len() == 1 && kit[0].starts_with("a.cpp:2 ExAllocatePoolWithTag 0x0"),
            "{kit:?}"
        );
        // In C it is a name like others.
        let c = "#include <ntddk.h>\n#define SET(a) new = ExAllocatePool(a, 1)\nvoid F(void *new) { SET(PagedPool); }";
        let found = told(&tree(&[("a.c", c)]), &[]);
        assert_eq!(found, ["a.c:3 ExAllocatePool 0x1 < SET"]);
    }
}
