//! Functions that were left out and turn out to matter: they are read later.

use crate::blank::blanked;
use crate::condensed::Own;
use crate::lex::skip_blank;
use crate::outline::{self, Body};
use crate::preprocess::AllDirectives;
use crate::searcher::Searcher;
use crate::syntax::{self, Record, Syntax, syntax};
use crate::world::{Parsed, World};
use crate::{FEW_FILES, FileId, FileKind, SourceTree, code_use, macro_set, macro_use};
use foldhash::HashSet;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Reads functions that were left out.
#[derive(Clone, Copy)]
pub(crate) struct Warming<'t> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) directives: &'t AllDirectives,
}

impl<'t> Warming<'t> {
    /// Reads the functions that name one of the names, or bear it; whether there are any.
    pub(crate) fn naming(self, world: &mut World<'t>, names: &Searcher) -> bool {
        let named = |_: &World<'t>, file: FileId, body: &Body| {
            let text = &self.tree.file(file).text.as_str()[body.head..body.range.end];
            outline::outside_comments(text.as_bytes(), 0, &names.places(text)).next().is_some()
        };
        self.warm(world, named, Some(names))
    }

    /// Notes where macros of these names are used that call something, in what was read before they were looked for.
    pub(crate) fn using(self, world: &mut World<'t>, names: &Searcher) {
        world.parsed.par_iter_mut().with_min_len(FEW_FILES).for_each(|parsed| {
            let named = names.places(self.tree.file(parsed.file).text.as_str());
            if macro_use::note(self.tree, parsed, &named) {
                parsed.call_words = OnceLock::new();
                parsed.opting = OnceLock::new();
            }
        });
    }

    /// Notes where what bears one of the names has its address taken, in what was read before it was looked for.
    pub(crate) fn taking(self, world: &mut World<'t>, names: &Searcher) {
        let in_file = |index: usize| {
            let taken = self.taken_in(&world.parsed[index], names);
            (!taken.is_empty()).then_some((index, taken))
        };
        let all: Vec<_> = (0..world.parsed.len())
            .into_par_iter()
            .with_min_len(FEW_FILES)
            .filter_map(in_file)
            .collect();
        for (index, taken) in all {
            let known = &mut world.parsed[index].syntax.taken;
            known.extend(taken.into_iter().filter(|one| !known.contains(one)).collect::<Vec<_>>());
        }
    }

    fn taken_in(self, parsed: &Parsed<'t>, names: &Searcher) -> Vec<Range<usize>> {
        let text = self.tree.file(parsed.file).text.as_str();
        let bytes = text.as_bytes();
        let mut named = names.places(text);
        // Most are calls and declarations, which need no tree to be told.
        let is_called = |at: usize| {
            bytes.get(skip_blank(bytes, crate::lex::word_end(bytes, at))) == Some(&b'(')
        };
        named.retain(|at| !is_called(*at));
        named = outline::outside_comments(bytes, 0, &named).collect();
        if named.is_empty() {
            return Vec::new();
        }
        let visit = parsed.unit.visits.get(&parsed.file);
        let directives = self.directives.of(self.tree, parsed.file);
        let mut made = blanked(text, directives, visit, parsed.variant);
        made.own = Own::of(self.tree, &parsed.unit);
        let mut others = outline::bodies(&made.bytes);
        let is_of = |range: &Range<usize>, at: usize| range.contains(&at);
        // What another part has of the file is its affair.
        let functions = &parsed.syntax.functions;
        named.retain(|at| match others.iter().any(|body| is_of(&body.range, *at)) {
            true => functions.iter().any(|function| is_of(&function.body, *at)),
            false => !parsed.is_part,
        });
        others.retain(|body| !named.iter().any(|at| is_of(&body.range, *at)));
        made.leave_out(&others);
        match named.is_empty() {
            true => Vec::new(),
            false => syntax::taken(&made, parsed.kind(self.tree), &named),
        }
    }

    /// Reads the functions that set one of the variables, or are called so; whether there are any.
    pub(crate) fn setting(self, world: &mut World<'t>, asked: &HashSet<String>) -> bool {
        let names: Vec<String> = asked.iter().cloned().collect();
        let names = Searcher::of(&names);
        let matters = |_: &World<'t>, file: FileId, body: &Body| {
            let text = self.tree.file(file).text.as_str();
            sets_any(&names, &text[body.range.clone()])
                || bears_any(&names, &text[body.head..body.range.start])
        };
        self.warm(world, matters, None)
    }

    /// Reads the functions that may do something to code.
    pub(crate) fn using_code(self, world: &mut World<'t>) -> bool {
        let use_code = |world: &World<'t>, _: FileId, text: &str| {
            let is_code =
                |name: &str| world.functions.contains_key(name) || code_use::is_of_kernel(name);
            code_use::may_use(&is_code, text)
        };
        let is_any = self.warm_by_text(world, use_code);
        // What keeps memory is known by all that the file does with it.
        let kept = code_use::kept::called(world);
        let name_kept = |_: &World<'t>, file: FileId, text: &str| {
            kept.get(&file).is_some_and(|names| !names.places(text).is_empty())
        };
        let is_any = is_any | (!kept.is_empty() && self.warm_by_text(world, name_kept));
        // So is what runs memory that it is handed, or that a member keeps.
        let handed = code_use::held::handed(world);
        let runs = |_: &World<'t>, file: FileId, body: &Body| {
            let text = self.tree.file(file).text.as_str();
            handed.get(&file).is_some_and(|(names, members)| {
                bears_any(names, &text[body.head..body.range.start])
                    || members.is_any_in(&text[body.range.clone()])
            })
        };
        is_any | (!handed.is_empty() && self.warm(world, runs, None))
    }

    /// Reads the functions whose bodies matter.
    fn warm_by_text(
        self,
        world: &mut World<'t>,
        matters: impl Fn(&World<'t>, FileId, &str) -> bool + Sync,
    ) -> bool {
        let named = |world: &World<'t>, file: FileId, body: &Body| {
            matters(world, file, &self.tree.file(file).text.as_str()[body.range.clone()])
        };
        self.warm(world, named, None)
    }

    fn warm(
        self,
        world: &mut World<'t>,
        matters: impl Fn(&World<'t>, FileId, &Body) -> bool + Sync,
        names: Option<&Searcher>,
    ) -> bool {
        let of_file = |index: usize| {
            let parsed = &world.parsed[index];
            let matters = |body: &Body| matters(world, parsed.file, body);
            let (hot, cold): (Vec<_>, Vec<_>) = parsed.cold.iter().cloned().partition(matters);
            (!hot.is_empty()).then(|| (index, cold, self.part(parsed, &hot, names)))
        };
        let all: Vec<_> = (0..world.parsed.len())
            .into_par_iter()
            .with_min_len(FEW_FILES)
            .filter_map(of_file)
            .collect();
        let is_any = !all.is_empty();
        let mut parts = Vec::new();
        for (index, cold, part) in all {
            world.parsed[index].cold = cold;
            parts.push(part);
        }
        world.add(parts);
        is_any
    }

    /// Some functions of a file, and nothing else of it; `names` are those whose addresses may be taken in them.
    fn part(self, of: &Parsed<'t>, bodies: &[Body], names: Option<&Searcher>) -> Parsed<'t> {
        let source = self.tree.file(of.file);
        let text = source.text.as_str();
        let visit = of.unit.visits.get(&of.file);
        let directives = self.directives.of(self.tree, of.file);
        let kind = of.kind(self.tree);
        let mut made = blanked(text, directives, visit, of.variant);
        made.own = Own::of(self.tree, &of.unit);
        // In C++ a function may stand in a class, which then is read as well.
        if kind == FileKind::Cpp {
            let mut other = outline::bodies(&made.bytes);
            other.retain(|one| !bodies.contains(one));
            made.leave_out(&other);
        } else {
            made.keep_only(bodies);
        }
        let mut named = names.map_or_else(Vec::new, |names| names.places(text));
        named.retain(|at| bodies.iter().any(|body| body.range.contains(at)));
        let mut syntax = syntax(made, kind, &named);
        keep_functions(&mut syntax, bodies);
        let mut part = Parsed {
            file: of.file,
            unit: Arc::clone(&of.unit),
            syntax,
            opt_in: of.opt_in.clone(),
            variant: of.variant,
            cold: Vec::new(),
            is_part: true,
            opting: OnceLock::new(),
            call_words: OnceLock::new(),
        };
        macro_use::note(self.tree, &mut part, &named);
        macro_set::note(self.tree, &mut part);
        part
    }
}

/// Drops all but some functions with what stands in them.
fn keep_functions(syntax: &mut Syntax, bodies: &[Body]) {
    let is_kept = |range: &Range<usize>| bodies.iter().any(|body| body.range == *range);
    let mut moved = Vec::new();
    let mut kept = Vec::new();
    for function in std::mem::take(&mut syntax.functions) {
        let stays = is_kept(&function.body);
        moved.push(stays.then_some(kept.len()));
        kept.extend(stays.then_some(function));
    }
    syntax.functions = kept;
    let place = |function: Option<usize>| function.and_then(|index| moved[index]);
    syntax.calls.retain_mut(|call| {
        call.function = place(call.function);
        call.function.is_some()
    });
    syntax.stores.retain_mut(|(_, function)| {
        *function = place(*function);
        function.is_some()
    });
    syntax.members.retain_mut(|member| {
        member.function = place(member.function);
        member.function.is_some()
    });
    let is_within = |at: usize| bodies.iter().any(|body| body.range.contains(&at));
    // Classes around say what names mean in their functions.
    let is_around =
        |record: &Record| bodies.iter().any(|body| record.body.contains(&body.range.start));
    syntax.records.retain(|record| is_within(record.body.start) || is_around(record));
    syntax.listed.retain_mut(|listed| {
        listed.function = place(listed.function);
        listed.function.is_some()
    });
    syntax.defaults.clear();
    syntax.variables.clear();
    syntax.enumerators.clear();
    syntax.assembly.clear();
}

/// Whether a text sets a variable of one of the names, or gives its address away.
fn sets_any(names: &Searcher, text: &str) -> bool {
    sets_at(text, &names.places(text))
}

/// Whether a text sets what it names at one of the places, or gives its address away.
fn sets_at(text: &str, places: &[usize]) -> bool {
    let bytes = text.as_bytes();
    places.iter().any(|&start| {
        let end = crate::lex::word_end(bytes, start);
        let before = bytes[..start].trim_ascii_end();
        let behind = &bytes[skip_blank(bytes, end).min(bytes.len())..];
        let is_given = match behind {
            [b'=', b'=', ..] => false,
            [b'=', ..] | [b'+', b'+', ..] | [b'-', b'-', ..] => true,
            [b'<', b'<', b'=', ..] | [b'>', b'>', b'=', ..] => true,
            [b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^', b'=', ..] => true,
            _ => false,
        };
        let is_changed = before.ends_with(b"++") || before.ends_with(b"--");
        let is_given_away = before.ends_with(b"&") && !before.ends_with(b"&&");
        is_given || is_changed || is_given_away
    })
}

/// Whether what stands before a body says that the function has one of the names.
fn bears_any(names: &Searcher, head: &str) -> bool {
    let bytes = head.as_bytes();
    names.places(head).into_iter().any(|start| {
        let behind = skip_blank(bytes, crate::lex::word_end(bytes, start));
        bytes.get(behind) == Some(&b'(')
    })
}

/// Whether a text defines a function whose name is at one of the places.
fn defines_at(text: &str, places: &[usize]) -> bool {
    let bytes = text.as_bytes();
    places.iter().any(|&start| {
        let open = skip_blank(bytes, crate::lex::word_end(bytes, start));
        let Some(list) = bytes.get(open..).filter(|rest| rest.first() == Some(&b'(')) else {
            return false;
        };
        let list = &list[..list.len().min(LONGEST_LIST)];
        let mut depth = 0_usize;
        let close = list.iter().position(|byte| {
            depth += usize::from(*byte == b'(');
            depth -= usize::from(*byte == b')');
            depth == 0
        });
        let Some(close) = close else { return false };
        let behind = &bytes[skip_blank(bytes, open + close + 1).min(bytes.len())..];
        [&b"{"[..], b"const", b"noexcept"].iter().any(|start| behind.starts_with(start))
    })
}

/// No list of parameters is longer, in bytes.
const LONGEST_LIST: usize = 1 << 12;

/// The files of `all` that set a variable of one of the names, or define a function that is called so.
pub(crate) fn setting_files(
    tree: &SourceTree,
    all: impl Iterator<Item = FileId>,
    asked: &HashSet<String>,
) -> Vec<FileId> {
    let names: Vec<String> = asked.iter().cloned().collect();
    let names = Searcher::of(&names);
    let all: Vec<FileId> = all.collect();
    let matters = |file: &FileId| {
        let text = tree.file(*file).text.as_str();
        let places = names.places(text);
        sets_at(text, &places) || defines_at(text, &places)
    };
    all.into_par_iter().filter(matters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_a_variable() {
        let names = Searcher::of(&["g".to_owned()]);
        for text in ["g = 1", "g /* c */ |= 2", "++g", "g--", "f(&g)", "f(& g)", "g <<= 1"] {
            assert!(sets_any(&names, text), "{text}");
        }
        for text in ["static int g(void) { return 1; }", "int g (a(*)(b)) const { }"] {
            assert!(defines_at(text, &names.places(text)), "{text}");
            assert!(bears_any(&names, &text[..text.find('{').unwrap()]), "{text}");
        }
        for text in ["int g(void);", "x = g(1);", "int (*g)(void) = 0;", "g(", "gg() { }"] {
            assert!(!defines_at(text, &names.places(text)), "{text}");
        }
        for text in ["g == 1", "a && g", "x = g", "f(g)", "gg = 1", "g < 1", "g <= 1"] {
            assert!(!sets_any(&names, text), "{text}");
        }
    }
}
