//! What macros do to variables: a parser sees a call of them, and no assignment.

mod flags;

use crate::expand::{Expander, Expansion};
use crate::lex::{Kind, Token, tokens};
use crate::preprocess::Unit;
use crate::syntax::{Call, Happens, Manner, Turn, Variable};
use crate::world::Parsed;
use crate::{FileId, SourceTree, Span, vocabulary};
use flags::Flags;
use foldhash::{HashMap, HashMapExt};
use std::cell::Cell;
use std::ops::Range;

/// How much of a file's macros is replaced to see what they set, and how many tokens of one are looked at.
const BUDGET: u32 = 20_000;
const MOST_TOKENS: usize = 1 << 10;
/// How many macros are looked through one into another.
const DEEPEST: usize = 4;

/// What a macro does to a variable of the function around.
enum Set {
    /// To one that it is handed.
    Handed(Variable),
    /// To one that it names itself.
    Named(Box<str>),
}

/// Notes in the functions of a file what macros that are called in them do to variables.
pub(crate) fn note(tree: &SourceTree, parsed: &mut Parsed<'_>) {
    let text = tree.file(parsed.file).text.as_str();
    let mut setters = Setters { tree, unit: &parsed.unit, known: HashMap::new() };
    let mut flags = Flags::new(tree, &parsed.unit);
    let budget = Cell::new(BUDGET);
    let mut found = Vec::new();
    for call in &parsed.syntax.calls {
        let Some(function) = call.function.filter(|_| call.manner == Manner::Plain) else {
            continue;
        };
        let Some(name) = text.get(call.callee.clone()) else { continue };
        let time = parsed.time(call.callee.start);
        if let Some(set) = flags.set(text, call, time) {
            found.push((function, Set::Handed(set)));
            continue;
        }
        if !setters.may_set(name, time, DEEPEST) {
            continue;
        }
        let nothing = |_: &str| false;
        let expander = Expander {
            tree,
            unit: &parsed.unit,
            time,
            means: &nothing,
            bound: &nothing,
            budget: &budget,
        };
        let Some((all, are_all)) = expander.expand(text, call.whole.clone(), parsed.file) else {
            continue;
        };
        let is_sure = are_all && all.len() == 1;
        for one in &all {
            let sets = sets(tree, parsed.file, call, one, is_sure);
            found.extend(sets.into_iter().map(|set| (function, set)));
        }
    }
    for (function, set) in found {
        let function = &mut parsed.syntax.functions[function];
        match set {
            Set::Handed(variable) => {
                function.variables.push(variable);
                function.variables.sort_by_key(|one| one.name.start);
            }
            Set::Named(name) if function.hidden.contains(&name) => {}
            Set::Named(name) => function.hidden.push(name),
        }
    }
}

/// Which macros may set anything, as far as that is known.
struct Setters<'a, 't> {
    tree: &'a SourceTree,
    unit: &'a Unit<'t>,
    /// By where their bodies are written.
    known: HashMap<(FileId, usize), bool>,
}

impl Setters<'_, '_> {
    fn may_set(&mut self, name: &str, time: u32, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else { return false };
        let meanings = self.unit.meanings(name, time);
        let mut may_set = false;
        for one in meanings.macros.iter().filter(|one| one.parameters.is_some()) {
            let crate::macros::Body::Written(file, range) = &one.body else { continue };
            let key = (*file, range.start);
            may_set |= match self.known.get(&key) {
                Some(known) => *known,
                None => {
                    // What calls itself adds nothing.
                    self.known.insert(key, false);
                    let sets = self.body_sets(one.text(self.tree), name, time, left);
                    self.known.insert(key, sets);
                    sets
                }
            };
        }
        may_set
    }

    fn body_sets(&mut self, body: &str, own: &str, time: u32, left: usize) -> bool {
        let all: Vec<Token> = tokens(body, 0, body.len()).take(MOST_TOKENS).collect();
        let word = |at: usize| all.get(at).map_or("", |token| token.text(body));
        (0..all.len()).any(|at| {
            is_assignment(word(at))
                || is_step(&word, at)
                || is_address(&word, at)
                || all[at].kind == Kind::Word
                    && word(at + 1) == "("
                    && word(at) != own
                    && self.may_set(word(at), time, left)
        })
    }
}

fn is_assignment(word: &str) -> bool {
    matches!(word, "=" | "|=" | "&=" | "+=" | "-=" | "<<=" | ">>=")
}

/// Whether `++` or `--` stands at an index.
fn is_step<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> bool {
    matches!(word(at), "+" | "-") && word(at + 1) == word(at)
}

/// Whether the token at an index takes the address of what follows it.
fn is_address<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", word);
    word(at) == "&" && matches!(before, "" | "(" | "," | "=" | "return" | "{" | ";")
}

/// What is set in what a call became.
fn sets(tree: &SourceTree, file: FileId, call: &Call, of: &Expansion, is_sure: bool) -> Vec<Set> {
    let all = &of.tokens[..of.tokens.len().min(MOST_TOKENS)];
    let word = |at: usize| all.get(at).map_or("", |token| token.text(&of.text));
    // What a condition decides may be done or not.
    let decides = |at: usize| {
        matches!(word(at), "if" | "else" | "for" | "switch" | "goto" | "?" | "&&" | "||")
    };
    let is_loop = |at: usize| word(at) == "while" && word(at.wrapping_sub(1)) != "}";
    let is_sure = is_sure && !(0..all.len()).any(|at| decides(at) || is_loop(at));
    // `^=` and its like are two tokens.
    let is_compound = |at: usize| at > 0 && matches!(word(at - 1), "^" | "*" | "/" | "%");
    let mut found = Vec::new();
    for at in 0..all.len() {
        let target = match word(at) {
            _ if is_address(&word, at) => target_behind(&word, at),
            _ if is_step(&word, at) => {
                target_before(&word, at).or_else(|| target_behind(&word, at + 1))
            }
            "=" if is_compound(at) => target_before(&word, at - 1),
            one if is_assignment(one) => target_before(&word, at),
            _ => None,
        };
        let Some(target) = target.filter(|target| all[*target].kind == Kind::Word) else {
            continue;
        };
        let written = |span: &Span| {
            let within = call.arguments.iter().any(|one| one.contains(&(span.start as usize)));
            span.file == file && within
        };
        let span = of.spans[target];
        if !written(&span) {
            found.push(Set::Named(word(target).into()));
            continue;
        }
        let value = is_sure.then(|| value_behind(&word, at)).flatten();
        let number = value.as_ref().and_then(|value| number(&word, value));
        let value = value.and_then(|value| {
            let range = all[value.start].start..all[value.end - 1].end;
            of.written(tree, &range).filter(written).map(|span| span.range())
        });
        let happens = match (word(at), value) {
            ("=", Some(value)) if !is_compound(at) => Happens::Becomes(value),
            ("|=", Some(value)) => Happens::Gains(value),
            ("&=", Some(value)) => Happens::Keeps(value),
            // What was before does not matter any more.
            ("=", None) if is_sure && !is_compound(at) => {
                Happens::Turns(Turn::To(number), span.range())
            }
            _ => Happens::Changes,
        };
        let block = call.whole.clone();
        let (name, scope) = (span.range(), 0..usize::MAX);
        found.push(Set::Handed(Variable { name, happens, block, scope, is_static: false }));
    }
    found
}

/// The variable that the operator at an index assigns to; none for what is declared, a member or what is pointed to.
fn target_before<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> Option<usize> {
    let mut first = at.checked_sub(1)?;
    let mut target = first;
    let mut open = 0;
    while word(target) == ")" {
        open += 1;
        target = target.checked_sub(1)?;
        first = target;
    }
    for _ in 0..open {
        first = first.checked_sub(1).filter(|at| word(*at) == "(")?;
    }
    let before = first.checked_sub(1).map_or("", word);
    let is_plain = matches!(before, "" | ";" | "{" | "}" | "(" | ")" | "," | ":" | "else" | "do");
    (is_plain || is_assignment(before)).then_some(target)
}

/// The variable that stands behind an operator.
fn target_behind<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> Option<usize> {
    let target = (at + 1..).find(|at| word(*at) != "(")?;
    (!matches!(word(target + 1), "." | "->" | "[" | "(")).then_some(target)
}

/// The tokens that are assigned by the operator at an index, without parentheses around them.
fn value_behind<'a>(word: &impl Fn(usize) -> &'a str, at: usize) -> Option<Range<usize>> {
    let mut end = at + 1;
    let mut open = 0_usize;
    loop {
        match word(end) {
            "" | ";" | "," | "}" if open == 0 => break,
            ")" if open == 0 => break,
            "" => return None,
            "(" => open += 1,
            ")" => open -= 1,
            _ => {}
        }
        end += 1;
    }
    let mut value = at + 1..end;
    while value.len() > 2 && word(value.start) == "(" && closes(word, &value) {
        value = value.start + 1..value.end - 1;
    }
    (!value.is_empty()).then_some(value)
}

/// The number that the only one of some tokens is, unless the build decides about it.
fn number<'a>(word: &impl Fn(usize) -> &'a str, of: &Range<usize>) -> Option<u64> {
    let only = (of.len() == 1).then(|| word(of.start))?;
    let constant = vocabulary::constant(only).filter(|_| !vocabulary::is_opted_in(only));
    constant.or_else(|| only.parse().ok().filter(|_| !only.starts_with('0')))
}

/// Whether the first parenthesis of some tokens is closed by the last one.
fn closes<'a>(word: &impl Fn(usize) -> &'a str, of: &Range<usize>) -> bool {
    let mut open = 0_usize;
    let end = of.clone().find(|at| {
        open += usize::from(word(*at) == "(");
        open -= usize::from(word(*at) == ")");
        open == 0
    });
    end == Some(of.end - 1)
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::of;

    /// What the call in a function is told as behind `code`.
    fn values(macros: &str, code: &str) -> String {
        let call = "p = ExAllocatePool(t, 1);";
        let found = of(&format!("{macros}\nvoid F(int c) {{ POOL_TYPE t = 512; {code} {call} }}"));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].split_once("Pool ").unwrap().1.to_owned()
    }

    const OPEN: &str = "0x0? the variable `t` holds it";

    #[test]
    fn macros_that_are_handed_a_variable_set_it() {
        let set = "#define SET(a, b) ((a) = (b))\n#define PUT(b, a) do { a = b; } while (0)\n\
            #define ADD(a, b) a |= (b)\n#define BOTH(a, b) SET(a, b)";
        assert_eq!(values(set, "SET(t, NonPagedPool);"), "0x0");
        assert_eq!(values(set, "PUT(PagedPool | 1024, t);"), "0x401");
        assert_eq!(values(set, "BOTH(t, NonPagedPool);"), "0x0");
        assert_eq!(values(set, "if (c) SET(t, NonPagedPool);"), "0x200 or 0x0");
        assert_eq!(values(set, "t = 1; ADD(t, 512);"), "0x201");
        assert_eq!(values(set, "SET(c, NonPagedPool);"), "0x200");
        assert_eq!(values(set, "{ POOL_TYPE t; SET(t, NonPagedPool); }"), "0x200");
    }

    /// What is not followed is no reason to believe what was there before.
    #[test]
    fn what_a_macro_may_have_set_is_not_known() {
        for macros in [
            "#define RESET(a) a = NonPagedPool",
            "#define RESET(a) if (g) a = NonPagedPool",
            "#define RESET(a) Fill(&(a))",
            "#define RESET(a) (a)++",
            "#define RESET(a) --a",
            "#define RESET(a) (a) ^= 512",
            "#define RESET(a) a &= g ? 1 : 0",
        ] {
            let found = values(macros, "RESET(t);");
            assert!(found.contains(OPEN), "{macros} {found}");
        }
        // One that names the variable itself.
        let found = values("#define RESET(x) t = x", "RESET(NonPagedPool);");
        assert!(found.contains(OPEN), "{found}");
        let asks = "#define IS(a) ((a) == NonPagedPool && (a) <= 1 && sizeof(&a))";
        assert_eq!(values("#define IS(a, b) ((a) == (b) || (a) <= 1)", "IS(t, 1);"), "0x200");
        assert!(values(asks, "IS(t);").contains("0x200"));
    }

    /// What the macro itself gives a variable: before it was 512.
    #[test]
    fn a_macro_that_sets_a_variable_leaves_nothing_of_what_was_before() {
        for (macros, expected) in [
            ("#define PICK(a) do { (a) = PagedPool; } while (0)", "0x1"),
            ("#define PICK(a) { a = (1024); }", "0x400"),
            ("#define PICK(a) do { a = NonPagedPool; } while (0)", OPEN),
            ("#define PICK(a) a = g + 1", OPEN),
        ] {
            assert_eq!(values(macros, "PICK(t);"), expected, "{macros}");
        }
        let before = "#define PICK(a) if (g) a = PagedPool";
        assert!(values(before, "PICK(t);").contains("0x200"));
        assert_eq!(values("#define PICK(a) a = PagedPool", "if (c) PICK(t);"), "0x200 or 0x1");
    }

    #[test]
    fn macros_that_set_a_variable_of_the_file_are_seen() {
        let text =
            "POOL_TYPE g = NonPagedPoolNx;\n#define SETG(x) g = (x)\n#define PUT(a, b) a = b\n";
        let call = "void F(void) { ExAllocatePool(g, 1); }";
        for set in ["SETG(NonPagedPool);", "PUT(g, NonPagedPool);"] {
            let set = format!("void S(void) {{ {set} ExAllocatePool(PagedPool, 1); }}");
            let found = of(&format!("{text}{set}\n{call}"));
            assert!(found.len() == 2 && found[1].contains("0x0"), "{set} {found:?}");
        }
    }
}
