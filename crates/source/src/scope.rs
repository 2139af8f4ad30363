//! Which variable a name means in a function: of several of one name each has a history of its own.

mod chosen;
mod known;
mod narrow;

use crate::dead::Dead;
use crate::evaluate::Place;
use crate::flow::{Event, EventKind, Passes, Way, reached};
use crate::syntax::{Function, Happens, Variable};
use crate::world::{World, declares};
use foldhash::HashMap;
pub(crate) use known::Known;
use std::ops::Range;

/// What may have happened last to a variable of a function.
#[derive(Debug)]
pub(crate) struct Local<'v> {
    pub(crate) events: Vec<&'v Variable>,
    /// Whether it may still be what the caller passed.
    pub(crate) is_given: bool,
    /// Whether the events may happen in any order, and each again.
    pub(crate) is_loose: bool,
    /// All that happens to it, in order; nothing where that is loose.
    order: Vec<(Event, &'v Variable)>,
}

/// Which variable of a function a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Parameter,
    /// Where it is declared.
    Declared(usize),
}

/// How many declarations of one name are looked through for the one that counts.
const MOST_DECLARATIONS: usize = 256;
/// How many steps it takes at most to walk through a function, and how many of them count as one of an evaluation.
const MOST_STEPS: u32 = 20_000;
const STEPS_OF_ONE: u32 = 16;

/// The declarations of one name in a function, in the order of the text.
#[derive(Default)]
struct Declared<'v> {
    is_parameter: bool,
    all: Vec<&'v Variable>,
}

impl<'v> Declared<'v> {
    fn of(function: &'v Function, is_it: &dyn Fn(&Range<usize>) -> bool) -> Declared<'v> {
        let all = function.variables.iter().filter(|one| declares(one) && is_it(&one.name));
        let mut all: Vec<&Variable> = all.collect();
        all.sort_by_key(|one| one.name.start);
        Declared { is_parameter: function.parameter_names().any(is_it), all }
    }

    /// The one that the name means at a byte; none where it is no variable of the function.
    fn at(&self, at: usize) -> Option<Binding> {
        let before = self.all.partition_point(|one| one.name.start <= at);
        let mut before = self.all[..before].iter().rev().take(MOST_DECLARATIONS);
        // What is declared later lies further within.
        let innermost = before.find(|one| one.scope.contains(&at));
        let parameter = self.is_parameter.then_some(Binding::Parameter);
        innermost.map(|one| Binding::Declared(one.name.start)).or(parameter)
    }
}

impl Function {
    /// The names of its parameters, and of those of templates.
    pub(crate) fn parameter_names(&self) -> impl Iterator<Item = &Range<usize>> {
        let of_template = self.template.iter().map(|one| &one.name);
        self.parameters.iter().chain(of_template).chain(&self.outer)
    }
}

/// All variables and parameters of a function by their names.
pub(crate) struct Names<'v, 't>(HashMap<&'t str, Declared<'v>>);

impl<'v, 't> Names<'v, 't> {
    pub(crate) fn of(
        function: &'v Function,
        name: &dyn Fn(&Range<usize>) -> &'t str,
    ) -> Names<'v, 't> {
        let mut names: HashMap<&'t str, Declared<'v>> = HashMap::default();
        for parameter in function.parameter_names() {
            names.entry(name(parameter)).or_default().is_parameter = true;
        }
        for variable in function.variables.iter().filter(|one| declares(one)) {
            names.entry(name(&variable.name)).or_default().all.push(variable);
        }
        names.values_mut().for_each(|one| one.all.sort_by_key(|one| one.name.start));
        Names(names)
    }

    /// Whether a name at a byte means one of them.
    pub(crate) fn has(&self, name: &str, at: usize) -> bool {
        self.0.get(name).is_some_and(|declared| declared.at(at).is_some())
    }
}

impl World<'_> {
    /// Whether a name at a byte of a function means a variable or a parameter of it.
    pub(crate) fn is_local(&self, parsed: usize, function: usize, name: &str, at: usize) -> bool {
        let function = &self.parsed[parsed].syntax.functions[function];
        Declared::of(function, &|range| self.text(parsed, range) == name).at(at).is_some()
    }
}

impl<'w> Place<'w, '_> {
    /// What may have happened last to the variable of the function around that `name` means here; none where it means none.
    pub(crate) fn reaching(&self, name: &str) -> Option<Local<'w>> {
        let function = &self.world.parsed[self.parsed].syntax.functions[self.function?];
        let left = self.budget.get();
        let dead = self.dead();
        if dead.is_some_and(Dead::decides) {
            // What is constant may turn out to be so only later.
            return self.looked_for(function, name, dead).0;
        }
        // What it took counts again: what is left must not depend on who asked first.
        let known = function.known.of(name, self.at);
        if let Some(known) = known.filter(|known| known.took == 0 || known.took < left) {
            self.budget.set(left - known.took);
            return known.local(function);
        }
        let (found, is_whole) = self.looked_for(function, name, None);
        if is_whole {
            let took = left - self.budget.get();
            function.known.keep(name, self.at, function, found.as_ref(), took);
        }
        found
    }

    /// What [`Self::reaching`] gives, and whether the budget was enough to tell.
    fn looked_for(
        &self,
        function: &'w Function,
        name: &str,
        dead: Option<&Dead>,
    ) -> (Option<Local<'w>>, bool) {
        let world = self.world;
        let is_it = |range: &Range<usize>| world.text(self.parsed, range) == name;
        let declared = Declared::of(function, &is_it);
        let Some(binding) = declared.at(self.at) else { return (None, true) };
        let is_own =
            |one: &&Variable| is_it(&one.name) && declared.at(one.name.start) == Some(binding);
        let runs =
            |one: &&Variable| declares(one) || !dead.is_some_and(|dead| dead.has(one.name.start));
        let own = function.variables.iter().filter(is_own).filter(runs);
        let events: Vec<&Variable> = own.collect();
        let is_parameter = binding == Binding::Parameter;
        let passes = dead.map_or(&[][..], |dead| &dead.passes);
        let found = self.in_order(function, &events, is_parameter, passes);
        let is_whole = found.is_some();
        let found = found.unwrap_or_else(|| {
            let found = crate::evaluate::reaching(&events, &function.loops, self.at);
            let is_given = is_parameter && found.begins;
            Local::loose(found.events, is_given)
        });
        // What is left of an earlier call may be anything that is ever given.
        if found.events.iter().any(|one| one.is_static) {
            return (Some(Local::loose(events, false)), is_whole);
        }
        (Some(found), is_whole)
    }

    /// What may have happened last, and where that adds to what was before, whether it does so once.
    fn in_order(
        &self,
        function: &'w Function,
        events: &[&'w Variable],
        is_parameter: bool,
        passes: &[Passes],
    ) -> Option<Local<'w>> {
        let mut all: Vec<(Event, &Variable)> =
            events.iter().map(|one| (event(one), *one)).collect();
        all.sort_by_key(|(event, _)| event.at);
        let order: Vec<Event> = all.iter().map(|(event, _)| *event).collect();
        let walk = |way: &Way<'_>, work: &mut u32| reached(way, passes, work);
        let last = |at: usize| self.walked(function, &order, at, walk);
        let adds = |index: &usize| {
            matches!(
                all[*index].1.happens,
                Happens::Gains(_) | Happens::Keeps(_) | Happens::Turns(..)
            )
        };
        let mut found = last(self.at)?;
        // What is added to again and again is taken together with all that it is added to.
        let again = |index: &usize| {
            let at = all[*index].1.name.start;
            adds(index) && function.loops.iter().any(|range| range.contains(&at))
        };
        let is_loose = found.events.iter().any(again);
        let mut next = 0;
        while let Some(index) = found.events.get(next).copied().filter(|_| is_loose) {
            if adds(&index) {
                let more = last(all[index].1.name.start)?;
                found.begins |= more.begins;
                found.events.extend(more.events);
            }
            let mut known = Vec::new();
            found.events.retain(|one| {
                !known.contains(one) && {
                    known.push(*one);
                    true
                }
            });
            next += 1;
        }
        let events = found.events.into_iter().map(|index| all[index].1).collect();
        let is_given = is_parameter && found.begins;
        let order = if is_loose { Vec::new() } else { all };
        Some(Local { events, is_given, is_loose, order })
    }

    /// Walks through a function to the byte `at`, for as much of the budget as that takes.
    pub(crate) fn walked<T>(
        &self,
        function: &Function,
        events: &[Event],
        at: usize,
        walk: impl FnOnce(&Way<'_>, &mut u32) -> T,
    ) -> T {
        let same = |one: &Range<usize>, other: &Range<usize>| {
            self.world.text(self.parsed, one) == self.world.text(self.parsed, other)
        };
        let left = self.budget.get();
        let all = MOST_STEPS.min(left.saturating_mul(STEPS_OF_ONE));
        let mut work = all;
        let (forks, body) = (&function.forks[..], function.body.clone());
        let found = walk(&Way { forks, events, body, at, same: &same }, &mut work);
        self.budget.set(left.saturating_sub((all - work) / STEPS_OF_ONE));
        found
    }
}

impl<'v> Local<'v> {
    fn loose(events: Vec<&'v Variable>, is_given: bool) -> Local<'v> {
        Local { events, is_given, is_loose: true, order: Vec::new() }
    }
}

/// What happens to a variable, as the walk through its function has it.
pub(crate) fn event(of: &Variable) -> Event {
    let start = of.name.start;
    let (at, kind) = match &of.happens {
        Happens::Declared => (start, EventKind::Begins),
        Happens::Told(_) => (start, EventKind::Ends),
        Happens::Changes => (start, EventKind::Adds),
        Happens::Begins(value)
        | Happens::Becomes(value)
        | Happens::Gains(value)
        | Happens::Keeps(value)
        | Happens::Turns(_, value) => (value.end, EventKind::Ends),
    };
    Event { at, kind }
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::of;

    /// The values of the only call in a function.
    fn values(code: &str) -> String {
        let found = of(&format!("void F(int c, POOL_TYPE p) {{ POOL_TYPE t; {code} }}"));
        assert_eq!(found.len(), 1, "{code} {found:?}");
        found[0].split_once("Pool ").unwrap().1.to_owned()
    }

    /// What C says about which values may come to a place.
    #[test]
    fn only_what_can_come_to_a_call_counts() {
        const CALL: &str = "ExAllocatePool(t, 1);";
        for (code, expected) in [
            ("if (c) t = 1; else t = 512;", "0x1 or 0x200"),
            ("t = 0; if (c) t = 1; else t = 512;", "0x1 or 0x200"),
            ("t = 0; if (c) t = 1;", "0x0 or 0x1"),
            ("t = 0; if (c) { t = 1; return; } else if (c > 2) return;", "0x0"),
            ("if (c) { t = 0; return; } t = 1;", "0x1"),
            ("t = 0; switch (c) { case 1: t = 1; break; default: t = 512; }", "0x1 or 0x200"),
            ("t = 0; switch (c) { case 1: t = 1; break; case 2: t = 512; }", "0x0 or 0x1 or 0x200"),
            ("switch (c) { case 1: t = 0; case 2: t = 1; break; default: return; }", "0x1"),
            ("t = 0; while (c--) { t = 1; }", "0x0 or 0x1"),
            ("t = 0; do { t = 1; } while (c--);", "0x1"),
            ("t = 0; for (;;) { if (c) { t = 1; break; } t = 512; }", "0x1"),
            ("t = 0; if (c) goto out; t = 1; out:", "0x0 or 0x1"),
            ("t = 0; if (c) goto out; t = 1; goto end; out: t = 512; end:", "0x1 or 0x200"),
            ("t = 0; c && (t = 1);", "0x0 or 0x1"),
            ("t = 0; __try { t = 1; } __finally { t = 512; }", "0x200"),
            ("t = 0; __try { G(); t = 1; } __except (1) { c = 1; }", "0x0 or 0x1"),
            ("t = 1; if (c) t |= 512; else t |= 1024;", "0x201 or 0x401"),
            ("t = 1; while (c--) t |= 512;", "0x1 or 0x201"),
            ("t = c ? 1 : 512; ", "0x1 or 0x200"),
        ] {
            assert_eq!(values(&format!("{code} {CALL}")), expected, "{code}");
        }
        // A parameter that is set on every way.
        assert_eq!(values("if (c) p = 1; else p = 512; ExAllocatePool(p, 1);"), "0x1 or 0x200");
        assert!(values("if (c) p = 1; ExAllocatePool(p, 1);").contains("`p`"));
    }

    /// What comes later counts only where control comes back.
    #[test]
    fn what_is_set_later_counts_in_a_loop() {
        assert_eq!(values("t = 1; ExAllocatePool(t, 1); t = 0;"), "0x1");
        assert_eq!(values("t = 1; while (c--) { ExAllocatePool(t, 1); t = 0; }"), "0x1 or 0x0");
        assert_eq!(values("t = 1; again: ExAllocatePool(t, 1); t = 0; goto again;"), "0x1 or 0x0");
        assert_eq!(values("t = 1; do { ExAllocatePool(t, 1); t = 0; } while (0);"), "0x1");
    }

    /// A variable that outlives the call may hold what an earlier call left in it.
    #[test]
    fn static_variables_keep_what_they_are_given() {
        const CALL: &str = "ExAllocatePool(s, 1);";
        assert_eq!(values(&format!("static POOL_TYPE s = 1; {CALL} s = 0;")), "0x1 or 0x0");
        assert_eq!(values(&format!("static POOL_TYPE s = 1; s = 512; {CALL} s = 0;")), "0x200");
        assert_eq!(
            values(&format!("static POOL_TYPE s = 1; if (c) s = 512; {CALL}")),
            "0x1 or 0x200"
        );
        assert_eq!(values(&format!("static const POOL_TYPE s = 1; {CALL}")), "0x1");
        assert!(
            values(&format!("static POOL_TYPE s; {CALL} s = 512;")).contains("the variable `s`")
        );
    }

    /// A variable of an inner block is another one.
    #[test]
    fn inner_variables_have_a_history_of_their_own() {
        assert_eq!(values("t = 1; { POOL_TYPE t = 0; t = 0; } ExAllocatePool(t, 1);"), "0x1");
        assert_eq!(values("t = 0; { POOL_TYPE t = 1; ExAllocatePool(t, 1); }"), "0x1");
        assert_eq!(values("t = 1; { t = 512; POOL_TYPE t = 0; } ExAllocatePool(t, 1);"), "0x200");
        assert_eq!(values("for (POOL_TYPE p = 0; c; c--) ; p = 1; ExAllocatePool(p, 1);"), "0x1");
        let global = "POOL_TYPE g = 1; void F() { { POOL_TYPE g; g = 0; } ExAllocatePool(g, 1); }";
        assert_eq!(of(global), ["a.c:2 ExAllocatePool 0x1"]);
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        let nested = "if (c) { t = 1; ".repeat(300);
        let loops = "while (c) { t = 1; ".repeat(90);
        let close = |count| "}".repeat(count);
        for code in [
            format!("{nested} ExAllocatePool(t, 1); {}", close(300)),
            format!("{loops} ExAllocatePool(t, 1); {}", close(90)),
            format!("{} ExAllocatePool(t, 1);", "if (c) t = 1; ".repeat(500)),
        ] {
            assert!(values(&code).starts_with("0x1"), "{}", &code[..40]);
        }
    }
}
