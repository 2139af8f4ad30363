//! Pointers to functions: what a variable or a member that is called may point to.

mod argument;
mod listed;
mod result;
mod routine;
mod taken;

use crate::FEW_FILES;
use crate::Span;
use crate::call_words::Names;
use crate::evaluate::Place;
use crate::interest::Interest;
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Happens, Manner, Variable};
use crate::value::Unknown;
use crate::world::{FunctionId, World};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
pub(crate) use routine::{Finding, called_at_once, name as routine_name};
use std::ops::Range;
pub(crate) use taken::taken;

/// What something that is given to a pointer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'t> {
    /// A function, or another pointer, of that name.
    Named(&'t str),
    /// It points to nothing: no call of it can be meant.
    Nothing,
    /// It is not known.
    Other,
}

/// What is given to a pointer at one place.
#[derive(Debug)]
pub(crate) struct Given<'t> {
    pub(crate) parsed: usize,
    /// Whether only the function around sees it.
    pub(crate) is_local: bool,
    function: Option<usize>,
    naming: Naming,
    /// The name of the pointer.
    name: &'t str,
    /// Where it is given this.
    at: usize,
    value: Range<usize>,
    targets: Vec<Target<'t>>,
}

/// How a pointer is named where it is given something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// As a variable.
    Variable,
    /// As a variable, which is declared with it.
    Declared,
    /// As an array, of which it is an element.
    Element,
    /// As a member.
    Member,
    /// As a parameter of that function, by a call of it.
    Parameter(FunctionId),
}

/// What is given to pointers, by their names.
pub(crate) type Pointers<'t> = HashMap<&'t str, Vec<Given<'t>>>;

/// Pointers to what is looked for, each with the function that alone sees it, if one does.
type Known<'t> = HashSet<(Option<FunctionId>, &'t str)>;

/// What a pointer may point to.
#[derive(Debug, Default)]
pub(crate) struct Pointed<'t> {
    pub(crate) functions: Vec<PointedFunction<'t>>,
    /// Whether it may be more than one, or something that is not known.
    pub(crate) is_several: bool,
}

/// A function that a pointer may point to.
#[derive(Debug)]
pub(crate) struct PointedFunction<'t> {
    pub(crate) name: &'t str,
    /// Where the pointer is given it.
    pub(crate) given: Span,
    pub(crate) parsed: usize,
    pub(crate) function: Option<usize>,
    pub(crate) at: usize,
}

/// More tokens and nested parentheses than a function's name is written with.
const MOST_TOKENS: usize = 512;
const DEEPEST: usize = 16;
/// How often pointers of a function are given to others of it, and how long such an expression is at most.
const MOST_ROUNDS: usize = 4;
const LONGEST: usize = 256;
/// How many functions a pointer is followed to.
const MOST_FUNCTIONS: usize = 16;
/// How many addresses of routines are looked up in a file.
const MOST_ROUTINES: usize = 256;
/// The function that looks up others by name.
pub(crate) const ROUTINE: &str = "MmGetSystemRoutineAddress";

/// What is given to pointers that may point to functions that are looked for, and the names of those that other functions
/// see too.
pub(crate) fn all<'t>(world: &World<'t>, interest: &Interest) -> (Pointers<'t>, Vec<&'t str>) {
    let files = 0..world.parsed.len();
    let names_of = |parsed| {
        let found = Finder::new(world, parsed).pointers(interest).into_iter();
        let id = move |function| FunctionId { parsed, function };
        found.map(move |(within, name)| (within.map(id), name))
    };
    let found: Known<'t> =
        files.clone().into_par_iter().with_min_len(FEW_FILES).flat_map_iter(names_of).collect();
    let mut pointers = Pointers::default();
    let mut seen: Vec<&str> =
        found.iter().filter(|(within, _)| within.is_none()).map(|(_, name)| *name).collect();
    // Who calls these may be handed what is looked for.
    seen.extend(world.finding.names());
    let handed = argument::handed(world, interest, &found);
    seen.extend(handed.keys());
    if found.is_empty() && handed.is_empty() {
        return (pointers, seen);
    }
    let names: HashSet<&str> = found.into_iter().map(|(_, name)| name).collect();
    let taking = Names::of(handed.keys().copied());
    let given_in = |parsed| {
        let mut finder = Finder::new(world, parsed);
        let mut all = Vec::new();
        let mut take = |finder: &mut Finder<'_, 't>, one: Given<'t>| {
            if world.is_dead(parsed, one.function, one.at) {
                return;
            }
            let (targets, is_local) = (finder.targets(&one), finder.is_local(&one));
            all.push(Given { targets, is_local, ..one });
        };
        finder.each(&mut |finder, one| {
            if names.contains(one.name) {
                take(finder, one);
            }
        });
        finder.each_listed(&|_| true, &|name| names.contains(name), &mut take);
        finder.each_argument((&handed, &taking), &mut take);
        all
    };
    let all: Vec<_> =
        files.into_par_iter().with_min_len(FEW_FILES).flat_map_iter(given_in).collect();
    for given in all {
        pointers.entry(given.name).or_default().push(given);
    }
    (pointers, seen)
}

/// Whether some are parameters of functions that are handed something.
pub(crate) fn has_parameters(pointers: &Pointers<'_>) -> bool {
    let mut all = pointers.values().flatten();
    all.any(|one| matches!(one.naming, Naming::Parameter(_)))
}

/// Finds what pointers are given in a file.
struct Finder<'w, 't> {
    world: &'w World<'t>,
    parsed: usize,
    /// How many more routines are looked up.
    routines: usize,
}

impl<'w, 't> Finder<'w, 't> {
    fn new(world: &'w World<'t>, parsed: usize) -> Finder<'w, 't> {
        Finder { world, parsed, routines: MOST_ROUTINES }
    }

    /// The pointers that are given what is looked for, each with the function that alone sees it, if one does.
    fn pointers(&mut self, interest: &Interest) -> Vec<(Option<usize>, &'t str)> {
        let (world, parsed) = (self.world, self.parsed);
        let mut found: HashSet<(Option<usize>, &str)> = HashSet::default();
        // What a function gives one of its own pointers it may give another one.
        for _ in 0..MOST_ROUNDS {
            let known = found.clone();
            let mut take = |finder: &mut Finder<'_, 't>, one: Given<'t>| {
                let text = world.text(parsed, &one.value);
                let is_near = one.function.is_some() && text.len() <= LONGEST;
                if !(interest.is_named_in(text) || is_near && !known.is_empty()) {
                    return;
                }
                let targets = finder.targets(&one);
                let is_wanted = |target: &Target<'_>| match target {
                    Target::Named(name) if known.contains(&(one.function, *name)) => true,
                    // A variable of that name is no function.
                    Target::Named(name) => {
                        interest.has(name) && !finder.means_local(&one, name, one.value.start)
                    }
                    Target::Nothing | Target::Other => false,
                };
                let runs = || !world.is_dead(parsed, one.function, one.at);
                if targets.iter().any(is_wanted) && runs() {
                    let within = one.function.filter(|_| finder.is_local(&one));
                    found.insert((within, one.name));
                }
            };
            self.each(&mut take);
            self.each_listed(&|text| interest.is_named_in(text), &|_| true, &mut take);
            if found.len() == known.len() || found.iter().all(|(within, _)| within.is_none()) {
                break;
            }
        }
        found.into_iter().collect()
    }

    /// Whether only the function around sees a pointer.
    fn is_local(&self, one: &Given<'_>) -> bool {
        match one.naming {
            Naming::Variable | Naming::Declared => self.means_local(one, one.name, one.at),
            Naming::Parameter(_) => true,
            Naming::Element | Naming::Member => false,
        }
    }

    /// Whether a name at a byte means a variable of the function around.
    fn means_local(&self, one: &Given<'_>, name: &str, at: usize) -> bool {
        one.function.is_some_and(|function| self.world.is_local(self.parsed, function, name, at))
    }

    /// Tells everything that is given to anything; what it may point to, and who sees it, is left out.
    fn each(&mut self, tell: &mut dyn FnMut(&mut Self, Given<'t>)) {
        let world = self.world;
        let syntax = &world.parsed[self.parsed].syntax;
        let parsed = self.parsed;
        let of_variable = |one: &Variable, function: Option<usize>| {
            let (naming, value) = match &one.happens {
                Happens::Declared => (Naming::Declared, 0..0),
                Happens::Begins(value) => (Naming::Declared, value.clone()),
                Happens::Becomes(value) => (Naming::Variable, value.clone()),
                Happens::Gains(_)
                | Happens::Keeps(_)
                | Happens::Turns(..)
                | Happens::Told(_)
                | Happens::Changes => {
                    return None;
                }
            };
            let (name, at) = (world.text(parsed, &one.name), one.name.start);
            let (is_local, targets) = (false, Vec::new());
            Some(Given { parsed, is_local, function, naming, name, at, value, targets })
        };
        for one in syntax.variables.iter().filter_map(|one| of_variable(one, None)) {
            tell(self, one);
        }
        for (index, function) in syntax.functions.iter().enumerate() {
            for one in function.variables.iter().filter_map(|one| of_variable(one, Some(index))) {
                tell(self, one);
            }
        }
        for one in &syntax.members {
            let naming = if one.is_element { Naming::Element } else { Naming::Member };
            let (name, at) = (world.text(parsed, &one.name), one.name.start);
            let (function, value) = (one.function, one.value.clone());
            let (is_local, targets) = (false, Vec::new());
            tell(self, Given { parsed, is_local, function, naming, name, at, value, targets });
        }
    }

    /// What the value that is given may point to.
    fn targets(&mut self, given: &Given<'t>) -> Vec<Target<'t>> {
        let text = self.world.tree.file(self.world.parsed[self.parsed].file).text.as_str();
        let range = &given.value;
        let mut all: Vec<Token> =
            tokens(text, range.start, range.end).take(MOST_TOKENS + 1).collect();
        let mut found = Vec::new();
        if all.len() > MOST_TOKENS {
            found.push(Meant::Other);
            all.truncate(MOST_TOKENS);
        }
        meant(text, &all, DEEPEST, &mut found);
        let target = |one: Meant<'t>| match one {
            Meant::Word("NULL" | "nullptr" | "0") => Target::Nothing,
            Meant::Word(name) => Target::Named(name),
            Meant::Call(name, arguments) if routine::may_be(self.world, name) => {
                self.routines = self.routines.saturating_sub(1);
                let found = (self.routines > 0).then(|| {
                    let call = (name, arguments);
                    routine::looked_up(self.world, self.parsed, given.function, call)
                });
                found.flatten().map_or(Target::Other, Target::Named)
            }
            Meant::Call(..) => Target::Other,
            Meant::Other => Target::Other,
        };
        found.into_iter().map(target).collect()
    }
}

impl<'t> Place<'_, 't> {
    /// What a pointer that is called here may point to; none where the name is that of no pointer.
    pub(crate) fn pointed(&self, name: &str, manner: Manner) -> Option<Pointed<'t>> {
        let mut pointed = Pointed::default();
        let all = self.world.pointers.get(name)?;
        let file_of = |one: &Given<'_>| self.world.parsed[one.parsed].file;
        let own = self.world.parsed[self.parsed].file;
        let mut given: Vec<&Given<'t>> = Vec::new();
        if manner == Manner::Member {
            given.extend(all.iter().filter(|one| one.naming == Naming::Member));
        } else if let Some(local) = self.reaching(name) {
            let is_it = |one: &&Given<'_>| {
                if let Naming::Parameter(of) = one.naming {
                    return local.is_given
                        && of.parsed == self.parsed
                        && Some(of.function) == self.function;
                }
                let is_here = one.parsed == self.parsed && one.function == self.function;
                let reaches = local.events.iter().any(|event| event.name.start == one.at);
                is_here && (one.naming == Naming::Element || one.is_local && reaches)
            };
            given.extend(all.iter().filter(is_it));
            self.keep_passed(name, &mut given);
            let is_open = |one: &&Variable| one.happens.is_change();
            let is_handed = given.iter().any(|one| matches!(one.naming, Naming::Parameter(_)));
            pointed.is_several = local.is_given && !is_handed || local.events.iter().any(is_open);
        } else {
            let is_open = |one: &&Given<'t>| !one.is_local && one.naming != Naming::Member;
            given.extend(all.iter().filter(is_open));
            if given.is_empty() {
                return None;
            }
            let changes = self.world.globals.get(name).map_or(&[][..], Vec::as_slice);
            pointed.is_several = changes.iter().any(|event| self.world.happens(event).is_change());
            // What each of several files declares is a variable of its own.
            let declared: HashSet<_> = given
                .iter()
                .filter(|one| one.naming == Naming::Declared)
                .map(|one| file_of(one))
                .collect();
            if declared.contains(&own) {
                given.retain(|one| file_of(one) == own || !declared.contains(&file_of(one)));
            }
        }
        self.fill(&mut pointed, &given);
        Some(pointed)
    }

    /// Of what callers hand to a parameter, keeps what the caller does that is followed here.
    fn keep_passed(&self, name: &str, given: &mut Vec<&Given<'t>>) {
        let passed = self.given.iter().find(|(known, _)| *known == name);
        let Some((_, value)) = passed else { return };
        let names: Option<Vec<&str>> = value
            .choices
            .iter()
            .map(|choice| match &choice.unknown {
                Some(Unknown::Name(name)) => Some(&**name),
                _ => None,
            })
            .collect();
        let Some(names) = names else { return };
        let is_passed =
            |target: &Target<'_>| matches!(target, Target::Named(name) if names.contains(name));
        given.retain(|one| {
            !matches!(one.naming, Naming::Parameter(_)) || one.targets.iter().any(is_passed)
        });
    }

    fn fill(&self, pointed: &mut Pointed<'t>, given: &[&Given<'t>]) {
        let mut others = usize::from(pointed.is_several);
        for one in given {
            for target in &one.targets {
                let Target::Named(name) = *target else {
                    others += usize::from(*target == Target::Other);
                    continue;
                };
                let is_known = pointed.functions.iter().any(|known| known.name == name);
                if is_known || pointed.functions.len() >= MOST_FUNCTIONS {
                    others += usize::from(!is_known);
                    continue;
                }
                let file = self.world.parsed[one.parsed].file;
                pointed.functions.push(PointedFunction {
                    name,
                    given: Span::new(file, one.value.clone()),
                    parsed: one.parsed,
                    function: one.function,
                    at: one.at,
                });
            }
        }
        pointed.is_several = pointed.functions.len() + others > 1;
    }
}

/// A part of an expression that gives it a value that may be an address.
enum Meant<'t> {
    /// Nothing but a name or a number.
    Word(&'t str),
    /// Nothing but a call of a name, and what stands in its parentheses.
    Call(&'t str, Range<usize>),
    Other,
}

/// What an expression may mean: through parentheses, conversions, conditions and lists.
fn meant<'t>(text: &'t str, all: &[Token], left: usize, found: &mut Vec<Meant<'t>>) {
    let word = |at: usize| all.get(at).map_or("", |token| token.text(text));
    let Some(last) = all.len().checked_sub(1) else { return };
    let Some(left) = left.checked_sub(1) else { return found.push(Meant::Other) };
    if let Some((yes, no)) = arms(text, all) {
        meant(text, &all[yes..no - 1], left, found);
        return meant(text, &all[no..], left, found);
    }
    match word(0) {
        "(" => match closing(text, all, 0) {
            Some(close) if close == last => meant(text, &all[1..last], left, found),
            // A conversion.
            Some(close) => meant(text, &all[close + 1..], left, found),
            None => found.push(Meant::Other),
        },
        "{" if closing(text, all, 0) == Some(last) => {
            for part in parts(text, &all[1..last]) {
                let from = part.iter().position(|token| token.text(text) == "=");
                meant(text, &part[from.map_or(0, |at| at + 1)..], left, found);
            }
        }
        "&" | "*" | "::" => meant(text, &all[1..], left, found),
        "reinterpret_cast" | "static_cast" | "const_cast" => {
            let is_last = |at: &usize| word(*at) == "(" && closing(text, all, *at) == Some(last);
            match (1..all.len()).find(is_last) {
                Some(open) => meant(text, &all[open + 1..last], left, found),
                None => found.push(Meant::Other),
            }
        }
        name if all[0].kind == Kind::Word
            && word(1) == "("
            && closing(text, all, 1) == Some(last) =>
        {
            found.push(Meant::Call(name, all[1].end..all[last].start))
        }
        one if last == 0 && matches!(all[0].kind, Kind::Word | Kind::Number) => {
            found.push(Meant::Word(one))
        }
        _ if matches!(word(1), "::" | "=") => meant(text, &all[2..], left, found),
        _ => found.push(Meant::Other),
    }
}

/// Where the arms of a condition begin, if an expression is one.
fn arms(text: &str, all: &[Token]) -> Option<(usize, usize)> {
    let mut open = 0_usize;
    let mut asked = 0_usize;
    let mut yes = None;
    for (at, token) in all.iter().enumerate() {
        match token.text(text) {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            "?" if open == 0 => {
                asked += 1;
                yes.get_or_insert(at + 1);
            }
            ":" if open == 0 && asked > 0 => {
                asked -= 1;
                if asked == 0 {
                    return Some((yes?, at + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the bracket is closed that opens at `from`.
fn closing(text: &str, all: &[Token], from: usize) -> Option<usize> {
    let mut open = 0_usize;
    for (at, token) in all.iter().enumerate().skip(from) {
        match token.text(text) {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// The parts of a list.
fn parts<'a>(text: &str, all: &'a [Token]) -> Vec<&'a [Token]> {
    let mut open = 0_usize;
    let is_end = |token: &Token| {
        match token.text(text) {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && token.text(text) == ","
    };
    all.split(is_end).collect()
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{of, told};
    use crate::{SourceText, SourceTree, analyse};

    const CALL: &str = "(NonPagedPool, 1, 'a')";
    const TO: &str = "ExAllocatePoolWithTag";
    const TYPE: &str = "typedef PVOID (*ALLOC)(POOL_TYPE, SIZE_T, ULONG);\n";

    /// In a function such a declaration reads like a call, as nothing says that its first word is a type.
    #[test]
    fn pointers_are_declared_in_functions() {
        let text = "#include <ntddk.h>\nvoid F(PMDL m) {\nPVOID (*f)(POOL_TYPE, SIZE_T, ULONG) = ExAllocatePoolWithTag;\nf(NonPagedPool, 1, 2);\n\
            PVOID (NTAPI *g)(PMDL, int, int, PVOID, ULONG, ULONG) = &MmMapLockedPagesSpecifyCache;\ng(m, KernelMode, 1, 0, 0, NormalPagePriority);\n}";
        assert_eq!(
            told(&crate::analysis::tests::tree(&[("a.c", text)]), &[]),
            ["a.c:4 ExAllocatePoolWithTag 0x0", "a.c:6 MmMapLockedPagesSpecifyCache 0x10"]
        );
    }

    /// Every way to call a DDI by another name is a call of it.
    #[test]
    fn a_pointer_to_a_ddi_is_the_ddi() {
        for code in [
            format!("static PVOID (*a)(POOL_TYPE, SIZE_T, ULONG) = {TO}; void F() {{ a{CALL}; }}"),
            format!("{TYPE}ALLOC a; void F() {{ a{CALL}; }} void G() {{ a = (ALLOC)&{TO}; }}"),
            format!("{TYPE}void F() {{ ALLOC a = {TO}; (*a){CALL}; }}"),
            format!("{TYPE}void F() {{ ALLOC a; a = b = {TO}; a{CALL}; }}"),
            format!("{TYPE}void F() {{ ALLOC a = {TO}, b = a; b{CALL}; }}"),
            format!("{TYPE}void F() {{ PVOID a = {TO}; ((ALLOC)a){CALL}; }}"),
            format!("{TYPE}ALLOC a[] = {{ {TO} }}; void F() {{ a[0]{CALL}; }}"),
            format!("{TYPE}struct S {{ ALLOC m; }} s = {{ .m = {TO} }}; void F() {{ s.m{CALL}; }}"),
            format!("{TYPE}void G(S *s) {{ s->m = {TO}; }} void F(S *s) {{ s->m{CALL}; }}"),
            format!("void F() {{ ({TO}){CALL}; }}"),
            format!("void F(int c) {{ (c ? {TO} : My){CALL}; }}"),
            format!(
                "#define G(f, ...) f(__VA_ARGS__)\n{TYPE}void F() {{ ALLOC a = {TO}; G(a, NonPagedPool, 1, 'a'); }}"
            ),
            format!("#define a b\n{TYPE}ALLOC b = {TO}; void F() {{ a{CALL}; }}"),
        ] {
            let found = of(&code);
            assert!(
                found.len() == 1 && found[0].contains(&format!(" {TO} 0x0")),
                "{code} {found:?}"
            );
        }
    }

    /// MmGetSystemRoutineAddress gives the function that a counted string names.
    #[test]
    fn a_routine_that_is_looked_up_is_the_ddi() {
        let call = format!("ALLOC a = (ALLOC)(ULONG_PTR)MmGetSystemRoutineAddress(&n); a{CALL};");
        let text = format!("L\"{TO}\"");
        for code in [
            format!("void F() {{ UNICODE_STRING n; RtlInitUnicodeString(&n, {text}); {call} }}"),
            format!("void F() {{ UNICODE_STRING n = RTL_CONSTANT_STRING({text}); {call} }}"),
            format!("void F() {{ DECLARE_CONST_UNICODE_STRING(n, {text}); {call} }}"),
            format!("DECLARE_CONST_UNICODE_STRING(n, {text});\nvoid F() {{ {call} }}"),
        ] {
            let found = of(&format!("{TYPE}{code}"));
            assert!(
                found.iter().any(|one| one.ends_with(&format!("{TO} 0x0"))),
                "{code} {found:?}"
            );
        }
        // Kept by way of a converted address.
        let set = "*(PVOID *)&a = MmGetSystemRoutineAddress(&n);";
        let name = format!("UNICODE_STRING n; RtlInitUnicodeString(&n, {text});");
        for code in [
            format!("void F() {{ ALLOC a; {name} {set} a{CALL}; }}"),
            format!("ALLOC a;\nvoid F() {{ {name} {set} }}\nvoid G() {{ a{CALL}; }}"),
        ] {
            let found = of(&format!("{TYPE}{code}"));
            assert!(
                found.iter().any(|one| one.ends_with(&format!("{TO} 0x0"))),
                "{code} {found:?}"
            );
        }
        // Of two strings the last one counts, and another one is another function.
        let other = "RtlInitUnicodeString(&n, L\"IoCreateDevice\");";
        let init = format!("UNICODE_STRING n; RtlInitUnicodeString(&n, {text}); {other} {call}");
        let found = of(&format!("{TYPE}void F() {{ {init} }}"));
        assert!(!found.iter().any(|one| one.contains(TO)), "{found:?}");
    }

    /// Whether each call may be one of something else.
    fn maybe(code: &str) -> Vec<bool> {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of(format!("#include <wdm.h>\n{TYPE}{code}"))).unwrap();
        analyse(&tree, &[], &[]).calls.iter().map(|call| call.is_maybe).collect()
    }

    #[test]
    fn one_of_several_is_told_as_such() {
        let with = |code: &str| maybe(&format!("void F(int c, ALLOC p) {{ {code} a{CALL}; }}"));
        assert_eq!(with(&format!("ALLOC a = NULL; if (c) a = {TO};")), [false]);
        assert_eq!(with(&format!("ALLOC a = My; a = {TO};")), [false]);
        assert_eq!(with(&format!("ALLOC a = My; if (c) a = {TO};")), [true]);
        assert_eq!(with(&format!("ALLOC a = c ? {TO} : p;")), [true]);
        assert_eq!(with(&format!("ALLOC a = {TO}; Get(&a);")), [true]);
        assert_eq!(with(&format!("ALLOC a = {TO}; a = My;")), [false; 0]);
        assert_eq!(maybe(&format!("void F(int c) {{ (c ? My : {TO}){CALL}; }}")), [true]);
    }

    /// A member of the same name that takes other arguments is another function's.
    #[test]
    fn members_take_what_the_ddi_takes() {
        let set = format!("void G(S *s) {{ s->m = {TO}; }}\n");
        let found = of(&format!("{set}void F(T *t) {{ t->m(0, 1); }}"));
        // Nothing calls it that is seen.
        assert!(found.len() == 1 && found[0].ends_with("calls by that are not followed"));
    }

    /// What a pointer is given in one file is called in another, by functions that name nothing of it.
    #[test]
    fn pointers_are_set_in_another_file() {
        let head = format!("#include <wdm.h>\n{TYPE}extern ALLOC g; extern ALLOC h;\n");
        let found = |one: &str, other: &str| {
            let mut tree = SourceTree::default();
            for (path, text) in [("a.c", one), ("b.c", other)] {
                tree.add(path, SourceText::of(format!("{head}{text}"))).unwrap();
            }
            let calls = analyse(&tree, &[], &[]).calls.into_iter();
            let all: Vec<_> = told(&tree, &[]).into_iter().zip(calls).collect();
            let all = all.into_iter().filter(|(_, call)| call.ddi.name == TO);
            all.map(|(told, call)| (told, call.is_maybe)).collect::<Vec<_>>()
        };
        let is = |line: u32, maybe| vec![(format!("a.c:{line} {TO} 0x0"), maybe)];
        let call = format!("void F() {{ g{CALL}; }}");
        let set = format!("ALLOC g;\nvoid Set() {{ g = {TO}; }}");
        assert_eq!(found(&call, &set), is(4, false));
        assert_eq!(found(&format!("void F() {{ Other(1); }}\n{call}"), &set), is(5, false));
        let looked_up = format!(
            "ALLOC g; UNICODE_STRING n = RTL_CONSTANT_STRING(L\"{TO}\");\n\
             void Set() {{ g = (ALLOC)MmGetSystemRoutineAddress(&n); }}"
        );
        assert_eq!(found(&call, &looked_up), is(4, false));
        // By way of another pointer, and of a member.
        let by_way = format!("ALLOC h;\nvoid F() {{ h{CALL}; }}\nvoid Move() {{ h = g; }}");
        assert_eq!(found(&by_way, &set), is(5, false));
        let member = format!("void Set(S *s) {{ s->m = {TO}; }}");
        assert_eq!(found(&format!("void F(S *s) {{ s->m{CALL}; }}"), &member), is(4, false));
        // Another function may be what is called.
        let two = format!("{call}\nvoid Mine() {{ g = My; }}");
        assert_eq!(found(&two, &set), is(4, true));
        let away = format!("{call}\nvoid Away() {{ Get(&g); }}");
        assert_eq!(found(&away, &set), is(4, true));
    }

    #[test]
    fn pointers_that_lead_round_end() {
        let round = "void F() { ALLOC a, b; for (;;) { a = b; b = a; a(0, 1, 2); } }";
        let found = of(&format!("{TYPE}{round} ALLOC a = {TO};"));
        assert!(found.len() == 1 && found[0].ends_with("calls by that are not followed"));
    }
}
