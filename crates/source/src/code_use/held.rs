//! Memory that is run by another name than it was given to: another variable, a member, a parameter of a function.

use super::{
    CodeUse, CodeUseKind, FAMILIES, Finder, MOST_LOOKED_AT, conversion_end, gives_memory,
    only_value,
};
use crate::lex::{Kind, Token, is_word, tokens};
use crate::searcher::Searcher;
use crate::syntax::{Call, Happens, Manner};
use crate::world::{FunctionId, World, declares};
use crate::{FileId, Span, vocabulary};
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use std::cell::Cell;
use std::ops::Range;

/// How many variables memory is followed through.
const MOST_VARIABLES: u32 = 4;

/// How many functions of a name in a file are looked at: one for each way the file is built.
const MOST_DEFINED: usize = 8;

/// Functions that run what they are given, by which argument that is, and whether they do so at once.
const STARTERS: [(&str, usize, bool); 12] = [
    ("PsCreateSystemThread", 5, true),
    ("IoCreateSystemThread", 6, true),
    ("KeIpiGenericCall", 0, true),
    ("KeExpandKernelStackAndCallout", 0, true),
    ("KeExpandKernelStackAndCalloutEx", 0, true),
    ("KeInitializeDpc", 1, false),
    ("KeInitializeThreadedDpc", 1, false),
    ("IoInitializeDpcRequest", 1, false),
    ("IoQueueWorkItem", 1, false),
    ("IoQueueWorkItemEx", 1, false),
    ("IoInitializeTimer", 1, false),
    ("ExInitializeWorkItem", 1, false),
];

/// What holds memory in a file.
#[derive(Default)]
pub(super) struct Held<'t> {
    /// Variables of functions that are given memory somewhere.
    pub(super) variables: HashSet<(usize, &'t str)>,
    /// The functions that have such.
    functions: HashSet<usize>,
}

/// Members that a file gives nothing but memory, or nothing, each with the DDIs that give it and where.
pub(super) type Members<'t> = HashMap<(FileId, &'t str), Vec<(&'static str, Span)>>;

impl<'t> Finder<'_, 't> {
    /// What is given memory somewhere in the file.
    pub(super) fn held(&self) -> Held<'t> {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let mut held = Held::default();
        let gives = |call: &&Call| {
            let name = self.text(&call.callee);
            gives_memory(name) && vocabulary::function(name).is_some()
        };
        let ends: HashSet<usize> =
            syntax.calls.iter().filter(gives).map(|call| call.whole.end).collect();
        if ends.is_empty() {
            return held;
        }
        for (index, function) in syntax.functions.iter().enumerate() {
            let is_given = |value: &Range<usize>| ends.contains(&value.end);
            for variable in &function.variables {
                let (Happens::Begins(value) | Happens::Becomes(value)) = &variable.happens else {
                    continue;
                };
                let is_held = is_given(value)
                    || held.functions.contains(&index)
                        && self
                            .named(value)
                            .is_some_and(|name| held.variables.contains(&(index, name)));
                if is_held {
                    held.variables.insert((index, self.text(&variable.name)));
                    held.functions.insert(index);
                }
            }
        }
        held
    }

    /// The variable whose value an expression is, behind nothing but conversions, or with a distance behind.
    fn named(&self, range: &Range<usize>) -> Option<&'t str> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let all: Vec<Token> = tokens(text, range.start, range.end).take(64).collect();
        let at = value_at(&all, text)?;
        let name = all.get(at).filter(|token| token.kind == Kind::Word)?;
        let is_plain =
            |token: &Token| token.kind == Kind::Number || matches!(token.text(text), "+" | ")");
        all[at + 1..].iter().all(is_plain).then(|| name.text(text))
    }

    /// The DDI that gave what a variable of a function holds at a byte of it, whatever path is taken, and where it did.
    pub(super) fn memory(
        &self,
        function: usize,
        name: &str,
        at: usize,
    ) -> Option<(&'static str, Range<usize>)> {
        let of = self.function(Some(function))?;
        let (mut name, mut at) = (name, at);
        for _ in 0..MOST_VARIABLES {
            let events = self.events(of, name);
            if !events.iter().any(|one| declares(one)) {
                return None;
            }
            let range = only_value(&events, of, at)?;
            if let Some(given) = self.given(range.clone()) {
                return Some((given, range.clone()));
            }
            (name, at) = (self.named(range)?, range.start);
        }
        None
    }

    /// A call that hands memory to what runs it.
    pub(super) fn handing(&self, call: &Call, held: &Held<'_>) -> Option<CodeUse> {
        let function = call.function.filter(|one| held.functions.contains(one))?;
        let callee = self.text(&call.callee);
        if call.manner != Manner::Plain {
            return None;
        }
        let starter = STARTERS.iter().find(|(name, ..)| *name == callee);
        if starter.is_none() && !self.world.functions.contains_key(callee) {
            return None;
        }
        for (index, argument) in call.arguments.iter().enumerate() {
            if starter.is_some_and(|(_, runs, _)| *runs != index) {
                continue;
            }
            let name = self.named(argument);
            let Some(name) = name.filter(|name| held.variables.contains(&(function, *name))) else {
                continue;
            };
            if !self.may_look() || starter.is_none() && !self.runs_parameter(callee, index) {
                continue;
            }
            let Some((by, given)) = self.memory(function, name, call.whole.start) else { continue };
            let is_now = starter.is_some_and(|(.., is_now)| *is_now);
            let kind = if is_now { CodeUseKind::Run(by) } else { CodeUseKind::MayRun(by) };
            return Some(self.of_memory(kind, call, name, vec![self.span(given)]));
        }
        None
    }

    /// Whether a name is of a function that calls this parameter and does nothing else to it: of the same file, or of another
    /// that was read anyway.
    fn runs_parameter(&self, name: &str, index: usize) -> bool {
        let all = self.world.called(self.parsed, name);
        let runs = |id: &FunctionId| {
            let finder = Finder { world: self.world, parsed: id.parsed, left: Cell::new(0) };
            finder.runs_own(id.function, index)
        };
        (1..=MOST_DEFINED).contains(&all.len()) && all.iter().all(runs)
    }

    /// Whether a function of this part calls its parameter.
    fn runs_own(&self, function: usize, index: usize) -> bool {
        let syntax = &self.world.parsed[self.parsed].syntax;
        let of = &syntax.functions[function];
        let Some(parameter) = of.parameters.get(index).map(|one| self.text(one)) else {
            return false;
        };
        let is_run = |call: &Call| {
            call.function == Some(function)
                && self.text(&call.callee) == parameter
                && self.is_of_value(call)
        };
        !parameter.is_empty()
            && self.events(of, parameter).is_empty()
            && syntax.calls.iter().any(is_run)
    }

    /// A call of a member that holds nothing but what DDIs gave.
    pub(super) fn running_member(&self, call: &Call, members: &Members<'_>) -> Option<CodeUse> {
        if call.manner != Manner::Member {
            return None;
        }
        let member = self.text(&call.callee);
        let given = members.get(&(self.world.parsed[self.parsed].file, member))?;
        let before = self.text(&(call.whole.start..call.callee.start));
        // `(*(FN **)e->f)()` calls what is read there.
        if before.trim_start_matches(['(', ' ', '\t']).starts_with('*') {
            return None;
        }
        let (by, _) = given.first()?;
        let from = given.iter().map(|(_, span)| *span).collect();
        Some(self.of_memory(CodeUseKind::MayRun(by), call, member, from))
    }

    pub(super) fn of_memory(
        &self,
        kind: CodeUseKind,
        call: &Call,
        name: &str,
        from: Vec<Span>,
    ) -> CodeUse {
        let function = self.function(call.function);
        CodeUse {
            kind,
            span: self.span(call.whole.clone()),
            function: function.map(|function| self.text(&function.name).to_owned()),
            name: name.to_owned(),
            from,
        }
    }
}

/// Where the name is whose value an expression begins with, behind conversions and parentheses that open.
fn value_at(all: &[Token], text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        match conversion_end(all, text, at) {
            Some(end) => at = end,
            None if all.get(at)?.text(text) == "(" => at += 1,
            None => return Some(at),
        }
    }
}

/// Whether an expression may be a call that gives memory, by its text alone.
fn may_give(text: &str) -> bool {
    text.ends_with(')') && FAMILIES.iter().any(|family| text.contains(family))
}

/// The members of each file that keep memory, of all that was read.
pub(super) fn members<'t>(world: &World<'t>) -> Members<'t> {
    let finder = |parsed| Finder { world, parsed, left: Cell::new(MOST_LOOKED_AT) };
    let mut names: HashSet<&str> = HashSet::new();
    for (parsed, of) in world.parsed.iter().enumerate() {
        for one in of.syntax.functions.iter().flat_map(|function| &function.stored) {
            if one.value.as_ref().is_some_and(|value| may_give(world.text(parsed, value))) {
                names.insert(world.text(parsed, &one.member));
            }
        }
    }
    let mut members = Members::new();
    if names.is_empty() {
        return members;
    }
    // What else they are given, in any file: none where that is not plain.
    let mut others: HashSet<&str> = HashSet::new();
    for (parsed, of) in world.parsed.iter().enumerate() {
        let finder = finder(parsed);
        let stored = of.syntax.functions.iter().flat_map(|function| &function.stored);
        let stored = stored.map(|one| (&one.member, one.value.as_ref()));
        let listed = of.syntax.members.iter().map(|one| (&one.name, Some(&one.value)));
        for (name, value) in stored.chain(listed) {
            let name = world.text(parsed, name);
            if !names.contains(name) {
                continue;
            }
            let text = value.map(|value| world.text(parsed, value).trim());
            if matches!(text, Some("0" | "NULL" | "nullptr")) {
                continue;
            }
            let may_be = text.is_some_and(may_give) && finder.may_look();
            match value
                .filter(|_| may_be)
                .and_then(|value| Some((finder.given(value.clone())?, value)))
            {
                Some((by, value)) => {
                    let given: &mut Vec<_> = members.entry((of.file, name)).or_default();
                    let one = (by, finder.span(value.clone()));
                    if !given.contains(&one) {
                        given.push(one);
                    }
                }
                None => {
                    others.insert(name);
                }
            }
        }
    }
    let mut files: HashMap<&str, u32> = HashMap::new();
    members.keys().for_each(|(_, name)| *files.entry(*name).or_default() += 1);
    members.retain(|(file, name), _| {
        let is_alone = !others.contains(name) && files.get(name) == Some(&1);
        is_alone && !is_given_away(world.tree.file(*file).text.as_str(), name)
    });
    members
}

/// Whether a text takes the address of a member of that name: something else may be written there.
fn is_given_away(text: &str, member: &str) -> bool {
    let places = Searcher::of(&[member.to_owned()]).places(text);
    places.into_iter().any(|at| {
        let is_path = |byte: &u8| is_word(*byte) || b".->[]".contains(byte);
        let before = &text.as_bytes()[..at];
        let length = before.iter().rev().take_while(|byte| is_path(byte)).count();
        let before = before[..at - length].trim_ascii_end();
        length > 0 && before.ends_with(b"&") && !before.ends_with(b"&&")
    })
}

/// What may run the memory of each file without having a word of interest: the names of functions that are handed it, and
/// of members that keep it.
pub(crate) fn handed(world: &World<'_>) -> HashMap<FileId, (Searcher, Searcher)> {
    let mut handed: HashMap<FileId, (Vec<String>, Vec<String>)> = HashMap::new();
    for (parsed, of) in world.parsed.iter().enumerate() {
        let finder = Finder { world, parsed, left: Cell::new(MOST_LOOKED_AT) };
        let held = finder.held();
        if held.functions.is_empty() {
            continue;
        }
        for call in &of.syntax.calls {
            let Some(function) = call.function.filter(|one| held.functions.contains(one)) else {
                continue;
            };
            let callee = finder.text(&call.callee);
            let is_held = |argument: &Range<usize>| {
                finder
                    .named(argument)
                    .is_some_and(|name| held.variables.contains(&(function, name)))
            };
            let may_be = call.manner == Manner::Plain && vocabulary::function(callee).is_none();
            if may_be && finder.may_look() && call.arguments.iter().any(is_held) {
                handed.entry(of.file).or_default().0.push(callee.to_owned());
            }
        }
    }
    for (file, name) in members(world).into_keys() {
        handed.entry(file).or_default().1.push(name.to_owned());
    }
    let found = |(file, (names, members)): (FileId, (Vec<String>, Vec<String>))| {
        (file, (Searcher::of(&names), Searcher::of(&members)))
    };
    handed.into_iter().map(found).collect()
}

#[cfg(test)]
mod tests {
    use crate::code_use::tests::told;

    /// What is seen to run in `code`, with what else the file has before it.
    fn run(before: &str, code: &str) -> Vec<String> {
        told(&format!("{before}\nvoid F(char *s, struct E *e) {{ {code} }}"))
    }

    #[test]
    fn another_variable_holds_the_same_memory() {
        for code in [
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn; fn = (FN)p; fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); PVOID q = p; ((FN)q)();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); if (!p) return; ((FN)((PUCHAR)p + 16))();",
            "PUCHAR p = ExAllocatePool2(1, 64, 'a'); FN fn = (FN)(p + 16); fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); ((FN)(PVOID)p)();",
        ] {
            let found = run("", code);
            assert!(
                found.len() == 1 && found[0].ends_with(" runs memory of ExAllocatePool2"),
                "{code}: {found:?}"
            );
        }
    }

    #[test]
    fn what_holds_something_else_by_then_is_not_told() {
        for code in [
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn; fn = (FN)p; fn = Known; fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); p = Known; PVOID q = p; ((FN)q)();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn = Known; if (s) fn = (FN)p; fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn = (FN)p; Fill(&fn); fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn = *(FN *)p; fn();",
            "PVOID *p = ExAllocatePool2(1, 64, 'a'); FN fn = (FN)p[1]; fn();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); (*(FN *)((PUCHAR)p + 16))();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); ((FN)(Known - p))(); ((FN)*(PVOID *)p)();",
            "PVOID p = ExAllocatePool2(1, 64, 'a'); FN fn = (FN)&p; fn = (FN)Other(p); fn();",
        ] {
            assert_eq!(run("", code), [""; 0], "{code}");
        }
    }

    #[test]
    fn members_may_keep_it() {
        for code in [
            "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); ((FN)e->Code)();",
            "e->Code = (FN)ExAllocatePoolWithTag(0, 64, 'a'); e->Code(1);",
            "e->Code = NULL; e->Code = ExAllocatePoolWithTag(0, 64, 'a'); ((FN)(e->Code))();",
        ] {
            let found = run("", code);
            assert_eq!(found, ["Code may run memory of ExAllocatePoolWithTag"], "{code}");
        }
        let found = run(
            "void Go(struct E *e) { ((FN)e->Code)(); }",
            "e->Code = ExAllocatePoolWithTag(0, 64, 'a');",
        );
        assert_eq!(found, ["Code may run memory of ExAllocatePoolWithTag"]);
        for (before, code) in [
            ("", "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); e->Code = Known; ((FN)e->Code)();"),
            ("", "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); Set(&e->Code); ((FN)e->Code)();"),
            ("", "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); (*(FN *)e->Code)();"),
            ("", "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); ((FN)((PUCHAR)e->Code + 8))();"),
            ("", "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); ((FN)e->Other)();"),
            (
                "struct E known = { .Code = Known };",
                "e->Code = ExAllocatePoolWithTag(0, 64, 'a'); ((FN)e->Code)();",
            ),
        ] {
            assert_eq!(run(before, code), [""; 0], "{before} {code}");
        }
    }

    #[test]
    fn who_is_handed_it_may_run_it() {
        const HANDS: &str = "PVOID p = ExAllocatePoolWithTag(0, 64, 'a'); run(1, p);";
        for before in [
            "void run(int n, PVOID p) { ((FN)p)(); }",
            "static void run(int n, FN f) { if (n) f(); }",
        ] {
            let found = run(before, HANDS);
            assert_eq!(found, ["p may run memory of ExAllocatePoolWithTag"], "{before}");
        }
        for before in [
            "void run(int n, PVOID p) { p = Known; ((FN)p)(); }",
            "void run(int n, FN *p) { (*(FN *)p)(); p[0](); }",
            "void run(FN f, PVOID p) { f(); }",
            "void run(int n, PVOID p) { free(p); }",
            "void run(int n, PVOID p);",
        ] {
            assert_eq!(run(before, HANDS), [""; 0], "{before}");
        }
    }

    #[test]
    fn threads_and_routines_that_begin_there() {
        const P: &str = "PVOID p = ExAllocatePoolWithTag(0, 64, 'a');";
        let told = |call: &str| run("", &format!("{P} {call}"));
        assert_eq!(
            told("PsCreateSystemThread(&h, 0, 0, 0, 0, (PKSTART_ROUTINE)p, s);"),
            ["p runs memory of ExAllocatePoolWithTag"]
        );
        assert_eq!(
            told("KeInitializeDpc(&dpc, (PKDEFERRED_ROUTINE)p, s);"),
            ["p may run memory of ExAllocatePoolWithTag"]
        );
        // The memory is what the routine is handed.
        assert_eq!(told("PsCreateSystemThread(&h, 0, 0, 0, 0, Known, p);"), [""; 0]);
        assert_eq!(told("KeInitializeDpc((PKDPC)p, Known, p);"), [""; 0]);
    }
}
