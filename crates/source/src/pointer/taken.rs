//! Functions whose addresses go where calls by them are not seen.

use super::{Given, Naming, Target};
use crate::calls::{CallId, Follower, SourceArgument, SourceCall};
use crate::lex::is_word;
use crate::macros::Macro;
use crate::own::Called;
use crate::syntax::Call;
use crate::value::{Unknown, Value};
use crate::world::{FunctionId, World};
use crate::{FEW_FILES, Span, vocabulary};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use ringfence_ddi::{Ddi, Grant};
use std::ops::Range;

/// How many macros that stand for a name are followed one to another.
const MOST_NAMES: usize = 8;

/// What is called by nothing that was found though its address is taken, each as a call of which nothing is known; `calls`
/// are those that were followed. What `is_for_kernel` does not say counts is not told.
pub(crate) fn taken(
    follower: &Follower<'_, '_>,
    calls: &HashMap<CallId, Vec<SourceCall>>,
    is_for_kernel: &(dyn Fn(usize) -> bool + Sync),
) -> Vec<SourceCall> {
    let world = follower.world;
    let takes =
        |parsed: &usize| !world.parsed[*parsed].syntax.taken.is_empty() && is_for_kernel(*parsed);
    let files: Vec<usize> = (0..world.parsed.len()).filter(takes).collect();
    if files.is_empty() {
        return Vec::new();
    }
    let pointed = calls.values().flatten().flat_map(|call| call.pointed.iter().copied()).collect();
    let seen = Seen::new(follower, calls, &pointed);
    let in_file = |parsed: usize| {
        let all = world.parsed[parsed].syntax.taken.iter();
        all.filter_map(|name| seen.untold(parsed, name)).collect::<Vec<_>>()
    };
    files.into_par_iter().with_min_len(FEW_FILES).flat_map_iter(in_file).collect()
}

/// What was seen of calls.
struct Seen<'w, 't> {
    world: &'w World<'t>,
    follower: &'w Follower<'w, 't>,
    calls: &'w HashMap<CallId, Vec<SourceCall>>,
    /// What is given to pointers of which calls were followed.
    followed: Vec<&'w Given<'t>>,
}

/// A pointer: its name, whether it is a member, and the function that alone sees it.
type Pointer<'t> = (&'t str, bool, Option<FunctionId>);

impl<'w, 't> Seen<'w, 't> {
    /// `pointed` is what pointers are given that were followed.
    fn new(
        follower: &'w Follower<'w, 't>,
        calls: &'w HashMap<CallId, Vec<SourceCall>>,
        pointed: &HashSet<Span>,
    ) -> Seen<'w, 't> {
        let world = follower.world;
        let span = |one: &Given<'_>| Span::new(world.parsed[one.parsed].file, one.value.clone());
        let mut known: HashSet<Pointer<'t>> = HashSet::default();
        let all = || world.pointers.values().flatten();
        known.extend(all().filter(|one| pointed.contains(&span(one))).map(pointer));
        // What a variable of a function is given and loses again is given to nobody.
        for (parsed, file) in world.parsed.iter().enumerate() {
            for call in &file.syntax.calls {
                let here = call.function.map(|function| FunctionId { parsed, function });
                known.insert((world.text(parsed, &call.callee), false, here));
            }
        }
        let followed = all().filter(|one| known.contains(&pointer(one))).collect();
        Seen { world, follower, calls, followed }
    }

    /// The call that is told of an address that is not followed.
    fn untold(&self, parsed: usize, name: &Range<usize>) -> Option<SourceCall> {
        let ddi = self.ddi(parsed, name)?;
        let file = &self.world.parsed[parsed];
        let span = Span::new(file.file, name.clone());
        let decides = matches!(ddi.grant, Grant::Argument | Grant::Always);
        if !decides || self.is_followed(parsed, name) || self.is_in_call(parsed, name) {
            return None;
        }
        let functions = &file.syntax.functions;
        let index = functions.iter().position(|one| one.body.contains(&name.start));
        if self.world.is_dead(parsed, index, name.start) {
            return None;
        }
        let function = index.map(|index| &functions[index]);
        let text = |range: &Range<usize>| self.world.text(parsed, range).to_owned();
        let open =
            SourceArgument { value: Value::open(Unknown::Address), ..SourceArgument::not_passed() };
        Some(SourceCall {
            ddi,
            span,
            callee: span,
            function: function.map(|one| text(&one.name)),
            around: function.map(|one| Span::new(file.file, one.body.clone())),
            arguments: vec![open; ddi.parameters.len()],
            via: Vec::new(),
            innermost: span,
            opt_in: file.opt_in.clone(),
            pointed: Vec::new(),
            is_maybe: true,
            shares_arguments: false,
            looked_at: crate::LookedAt::No,
        })
    }

    /// The DDI that a name stands for: itself, by macros, or as a function that hands a parameter on to it.
    fn ddi(&self, parsed: usize, name: &Range<usize>) -> Option<&'static Ddi> {
        let file = &self.world.parsed[parsed];
        let mut word: &str = self.world.text(parsed, name);
        for _ in 0..MOST_NAMES {
            let meanings = file.unit.meanings(word, file.time(name.start));
            let is_name = |one: &&&Macro<'_>| one.parameters.is_none();
            let Some(one) = meanings.macros.iter().find(is_name).copied() else { break };
            let text = one.text(self.world.tree).trim().trim_matches(['(', ')']).trim();
            if text == word || text.is_empty() || !text.bytes().all(is_word) {
                return None;
            }
            word = text;
        }
        let is_own = || {
            let means = self.world.named_ddi(parsed, name.start, word, None, false);
            means == Called::Own
        };
        let ddi = vocabulary::function(word).filter(|_| !is_own());
        ddi.or_else(|| self.follower.led_to(parsed, word))
    }

    /// Whether it is given to a pointer of which calls were followed.
    fn is_followed(&self, parsed: usize, name: &Range<usize>) -> bool {
        let file = self.world.parsed[parsed].file;
        let word = self.world.text(parsed, name);
        let points = |target: &Target<'_>| matches!(target, Target::Named(of) if *of == word);
        self.followed.iter().any(|one| {
            self.world.parsed[one.parsed].file == file
                && one.value.start <= name.start
                && name.end <= one.value.end
                && one.targets.iter().any(points)
        })
    }

    /// Whether it stands in a call that is followed, or in one of a routine that calls it with nothing but what else it is
    /// told.
    fn is_in_call(&self, parsed: usize, name: &Range<usize>) -> bool {
        let is_around = |call: &Call| call.whole.start <= name.start && name.end <= call.whole.end;
        let all = self.world.parsed[parsed].syntax.calls.iter().enumerate();
        all.filter(|(_, call)| is_around(call)).any(|(call, one)| {
            let leads_on =
                || self.calls.get(&CallId { parsed, call }).is_some_and(|all| !all.is_empty());
            is_allocator(self.world.text(parsed, &one.callee))
                || is_macro(self.world, parsed, one) && leads_on()
        })
    }
}

fn pointer<'t>(one: &Given<'t>) -> Pointer<'t> {
    let own = one.function.filter(|_| one.is_local);
    let here = match one.naming {
        Naming::Parameter(of) => Some(of),
        _ => own.map(|function| FunctionId { parsed: one.parsed, function }),
    };
    (one.name, one.naming == Naming::Member, here)
}

/// Whether a routine takes the address of an allocator, and calls it only with what else it is told.
fn is_allocator(name: &str) -> bool {
    const TAKE: [&str; 3] = [
        "ExInitializeNPagedLookasideList",
        "ExInitializePagedLookasideList",
        "ExInitializeLookasideListEx",
    ];
    TAKE.contains(&name)
}

fn is_macro(world: &World<'_>, parsed: usize, call: &Call) -> bool {
    let file = &world.parsed[parsed];
    let name = world.text(parsed, &call.callee);
    !file.unit.meanings(name, file.time(call.callee.start)).macros.is_empty()
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told, tree};

    const TO: &str = "ExAllocatePoolWithTag";
    const CALL: &str = "(NonPagedPool, 8, 'x')";
    const TYPE: &str = "typedef PVOID ALLOC(POOL_TYPE, SIZE_T, ULONG);\n";

    fn found(code: &str) -> Vec<String> {
        of(&format!("{TYPE}{code}"))
    }

    fn open(line: u32) -> String {
        let why = "its address is taken here and calls by that are not followed";
        format!("a.c:{line} {TO} 0x0? {why}")
    }

    /// C lays values in braces over members in their order.
    #[test]
    fn members_are_given_functions_by_their_places() {
        let shape = "struct A { int n; PVOID (*Take)(POOL_TYPE, SIZE_T, ULONG), *p; };\n\
            typedef struct { int n; struct { ALLOC *Take; } In; struct A a[2]; } B;\n";
        for (given, call) in [
            (format!("struct A a = {{ 1, {TO} }};"), "a.Take"),
            (format!("static const struct A a[] = {{ {{ 1, &{TO}, 0 }}, }};"), "a[0].Take"),
            (format!("B b = {{ 1, {{ {TO} }} }};"), "b.In.Take"),
            (format!("B b = {{ 1, .a = {{ {{ 2, {TO} }} }} }};"), "b.a[0].Take"),
            (format!("struct A a = {{ .n = 1, (void *){TO} }};"), "a.Take"),
            (format!("struct {{ int n; ALLOC *Take; }} a = {{ 1, {TO} }};"), "a.Take"),
            (format!("void G(struct A *a) {{ *a = (struct A){{ 1, {TO} }}; }}"), "a->Take"),
            (format!("void G(void) {{ struct A a = {{ 1, {TO} }}; a.Take{CALL}; }}"), "c = 1; "),
        ] {
            let all = found(&format!("{shape}{given}\nvoid F(struct A *a) {{ {call}{CALL}; }}"));
            assert!(all.len() == 1 && all[0].ends_with(&format!("{TO} 0x0")), "{given} {all:?}");
        }
    }

    #[test]
    fn functions_are_called_by_parameters() {
        let go = format!("static PVOID Go(int a, ALLOC *f) {{ return f{CALL}; }}\n");
        let line = |line: u32| [format!("a.c:{line} {TO} 0x0")];
        assert_eq!(found(&format!("{go}void F(void) {{ Go(1, {TO}); }}")), line(3));
        assert_eq!(found(&format!("{go}void F(void) {{ Go(1, (ALLOC *)&{TO}); }}")), line(3));
        assert_eq!(found(&format!("{go}void F(void) {{ ALLOC *a = {TO}; Go(1, a); }}")), line(3));
        let on = format!("{go}void On(ALLOC *g) {{ Go(2, g); }}\nvoid F(void) {{ On({TO}); }}");
        assert_eq!(found(&on), line(3));
        assert_eq!(found(&format!("{go}void F(void) {{ Go(1, Mine); }}")), [""; 0]);
        // The function that calls it names nothing of interest and is in another file.
        let other =
            format!("#include <ntddk.h>\n{TYPE}PVOID Go(ALLOC *f) {{ return (*f){CALL}; }}");
        let call = format!("#include <ntddk.h>\nvoid F(void) {{ Go({TO}); }}");
        assert_eq!(
            told(&tree(&[("a.c", &call), ("b.c", &other)]), &[]),
            [format!("b.c:3 {TO} 0x0")]
        );
    }

    /// Each caller's function is called with that caller's pool type.
    #[test]
    fn callers_that_choose_both_are_told_apart() {
        let wrap = "static PVOID Wrap(ALLOC *f, POOL_TYPE t) { return f(t, 8, 'x'); }\n";
        let calls =
            format!("Wrap({TO}, NonPagedPool); Wrap(Mine, NonPagedPool); Wrap({TO}, PagedPool);");
        assert_eq!(
            found(&format!("{wrap}void F(void) {{ {calls} }}")),
            [format!("a.c:4 {TO} 0x0 < Wrap"), format!("a.c:4 {TO} 0x1 < Wrap")]
        );
    }

    /// Nothing is known of calls by such an address, and that is said.
    #[test]
    fn what_is_not_followed_is_told() {
        for code in [
            format!("void F(void) {{ Register({TO}); }}"),
            format!("void *F(void) {{ return {TO}; }}"),
            format!("void F(void **p) {{ *p = (void *){TO}; }}"),
            format!("void F(struct X *x) {{ x->Alloc = {TO}; }}"),
            format!("struct X x = {{ 1, {TO} }};"),
            format!("void F(int c, void **p) {{ p[1] = c ? {TO} : 0; }}"),
        ] {
            assert_eq!(found(&code), [open(3)], "{code}");
        }
        let text = format!(
            "#include <ntddk.h>\n{TYPE}void F() {{ ALLOC *f({TO}); f{CALL}; Get<{TO}>(); }}"
        );
        let cpp = told(&tree(&[("a.cpp", &text)]), &[]);
        assert_eq!(cpp.len(), 2, "{cpp:?}");
        // By another name.
        let named = format!("#define TAKE {TO}\nvoid F(void) {{ Register(TAKE); }}");
        assert_eq!(found(&named), [open(4)]);
    }

    /// Its name is known only after the file was read that hands its address on.
    #[test]
    fn addresses_of_wrappers_are_told() {
        let head = "#include <ntddk.h>\nvoid *Wrap(POOL_TYPE t, SIZE_T n);\n";
        let wrap = format!("{head}void *Wrap(POOL_TYPE t, SIZE_T n) {{ return {TO}(t, n, 'x'); }}");
        let why = "its address is taken here and calls by that are not followed";
        for (code, line) in [
            ("void F(void) { Wrap(PagedPool, 1); Register(Wrap); }", 3),
            ("void F(void) { Wrap(PagedPool, 1); }\nvoid G(void) { Register(&Wrap); }", 4),
            ("struct X x = { 1, Wrap };\nvoid F(void) { Wrap(PagedPool, 1); }", 3),
            ("void G(struct X *x) { x->Take = Wrap; }\nvoid F(void) { Wrap(PagedPool, 1); }", 3),
        ] {
            for known in ["", "void K(void) { ExFreePool(p); ExAllocatePool(PagedPool, 1); }\n"] {
                let line = line + known.lines().count();
                let main = format!("{head}{known}{code}");
                let found = told(&tree(&[("a.c", &main), ("b.c", &wrap)]), &[]);
                let open = format!("a.c:{line} {TO} 0x0? {why}");
                assert_eq!(found.iter().filter(|one| **one == open).count(), 1, "{found:?}");
            }
        }
        let call =
            format!("{head}void F(void) {{ if (Wrap == 0) Wrap(PagedPool, 1); /* Wrap */ }}");
        let found = told(&tree(&[("a.c", &call), ("b.c", &wrap)]), &[]);
        assert_eq!(found, [format!("a.c:3 {TO} 0x1 < Wrap")]);
    }

    /// What does not go anywhere, and what Windows calls only as it is told to.
    #[test]
    fn not_every_name_is_an_address() {
        for code in [
            format!("void F(void) {{ if ({TO} == 0 || sizeof({TO})) {{ }} }}"),
            format!("NTKERNELAPI PVOID NTAPI {TO} (POOL_TYPE t, SIZE_T n, ULONG a);"),
            format!("void F(struct X *x) {{ x->{TO} = 0; }}"),
            format!("/* {TO} */ char *s = \"{TO}\";"),
            format!("#if 0\nvoid *p = {TO};\n#endif"),
            "void F(void) { Register(ExFreePool); }".to_owned(),
        ] {
            assert_eq!(found(&code), [""; 0], "{code}");
        }
        let list = format!(
            "void F(void) {{ ExInitializePagedLookasideList(&l, {TO}, 0, 0, 8, 'x', 0); }}"
        );
        assert!(found(&list).iter().all(|one| !one.contains("address")), "{:?}", found(&list));
    }
}
