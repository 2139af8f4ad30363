//! Code that control never comes to, in any build: where constants decide so, and behind what always leaves.
//!
//! Each function is asked about once, by one walk through it. What may be otherwise in a build, or where a parser or a macro leaves
//! doubts, counts as if control came there.

mod constant;
#[cfg(test)]
mod tests;

use crate::evaluate::{ASKS_VERSIONS, Place};
use crate::flow::{Fork, ForkKind, Passes, Way, unreached};
use crate::kit_types;
use crate::lex::{Kind, tokens};
use crate::preprocess::{Arm, ArmState};
use crate::syntax::{Function, MOST_MISREAD, Syntax};
use crate::world::{FunctionId, Parsed, World};
use foldhash::{HashSet, HashSetExt};
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::sync::OnceLock;

/// What of a function control never comes to.
#[derive(Debug, Default)]
pub(crate) struct Dead {
    /// In the order of the text.
    ranges: Vec<Range<usize>>,
    /// What forks let by whose conditions are constant.
    pub(crate) passes: Vec<Passes>,
}

/// The same of the functions of all parsed files, as far as it was asked for.
#[derive(Default)]
pub(crate) struct DeadOfFiles(Vec<OnceLock<Box<[OnceLock<Dead>]>>>);

/// How much of the budget of an evaluation all conditions of a function may take.
const BUDGET: u32 = 4_000;
/// How many steps it takes at most to walk through a function.
const MOST_STEPS: u32 = 1 << 16;
/// How many arms that the build decides about are looked at for a function; where there are more, all of it counts.
const MOST_ARMS: usize = 64;
/// How many macros are looked into to see whether code can be entered by them.
const MOST_MACROS: usize = 256;
/// What a debugger passes by, so that code behind it may run.
const BREAKPOINTS: [&str; 2] = ["__debugbreak", "DbgBreakPoint"];

impl DeadOfFiles {
    /// Forgets all, as more was read: there are so many files now.
    pub(crate) fn forget(&mut self, count: usize) {
        self.0.clear();
        self.0.resize_with(count, OnceLock::new);
    }
}

impl Dead {
    /// Whether a constant decides about anything.
    pub(crate) fn decides(&self) -> bool {
        !self.passes.is_empty()
    }

    /// Whether control never comes to a byte.
    pub(crate) fn has(&self, at: usize) -> bool {
        let before = self.ranges.partition_point(|range| range.start <= at);
        self.ranges[..before].last().is_some_and(|last| last.contains(&at))
    }
}

impl<'w> Place<'w, '_> {
    /// What of the function around control never comes to; none where it does not matter, or is being found out.
    pub(crate) fn dead(&self) -> Option<&'w Dead> {
        let id = FunctionId { parsed: self.parsed, function: self.function? };
        if self.only_constants { None } else { self.world.dead(id) }
    }

    /// Whether control never comes here, in any build.
    pub(crate) fn is_dead(&self) -> bool {
        self.world.is_dead(self.parsed, self.function, self.at)
    }
}

impl World<'_> {
    /// Whether control never comes to a byte of a file that stands in that function of it.
    pub(crate) fn is_dead(&self, parsed: usize, function: Option<usize>, at: usize) -> bool {
        let dead = function.and_then(|function| self.dead(FunctionId { parsed, function }));
        dead.is_some_and(|dead| dead.has(at))
    }

    /// What of a function control never comes to; none where it does not matter.
    pub(crate) fn dead(&self, id: FunctionId) -> Option<&Dead> {
        let functions = &self.parsed[id.parsed].syntax.functions;
        let made = || functions.iter().map(|_| OnceLock::new()).collect();
        let of_file = self.dead.0.get(id.parsed)?.get_or_init(made);
        Some(of_file.get(id.function)?.get_or_init(|| self.found_dead(id)))
    }

    fn found_dead(&self, id: FunctionId) -> Dead {
        let parsed = &self.parsed[id.parsed];
        let function = &parsed.syntax.functions[id.function];
        let (text, at) = (self.tree.file(parsed.file).text.as_str(), function.body.start);
        let Some(open) = open_arms(parsed, function, text) else { return Dead::default() };
        let budget = Cell::new(BUDGET);
        let place = Place {
            world: self,
            parsed: id.parsed,
            function: Some(id.function),
            at,
            given: &[],
            macro_given: &[],
            budget: &budget,
            asks_start: false,
            asks_versions: ASKS_VERSIONS,
            only_constants: true,
        };
        let truth = |range: &Range<usize>| {
            let is_open = open.iter().any(|arm| arm.contains(&range.start));
            let place = Place { at: range.start, ..place };
            if is_open { None } else { place.constant_truth(range) }
        };
        let of = |range: &Range<usize>| self.text(id.parsed, range);
        let mut found = dead(function, &truth, &of, &open);
        self.keep_certain(parsed, function, &mut found.ranges);
        found
    }

    /// Keeps of what control never comes to what lies before anything that may be entered unseen: what a parser did not know, or
    /// a macro with a label or a brace in it, or that nobody here defines.
    fn keep_certain(&self, parsed: &Parsed<'_>, function: &Function, dead: &mut Vec<Range<usize>>) {
        let text = self.tree.file(parsed.file).text.as_str();
        let mut enters = Enters { world: self, parsed, known: HashSet::new() };
        for index in 0..dead.len() {
            let range = dead[index].clone();
            let mut all = tokens(text, range.start, range.end).peekable();
            let mut before = "";
            let mut macro_at = None;
            while let Some(token) = all.next() {
                let word = token.text(text);
                let next = all.peek().map_or("", |next| next.text(text));
                let is_statement = matches!(before, "" | ";" | "{" | "}" | ":");
                let mut is_by = || {
                    enters.is_by(word, token.start)
                        || is_statement && enters.is_unknown(word, next, token.start)
                };
                if token.kind == Kind::Word && is_by() {
                    macro_at = Some(token);
                    break;
                }
                before = word;
            }
            let misread = function.misread.iter().copied().find(|at| *at >= range.start);
            let is_full = function.misread.len() >= MOST_MISREAD;
            let misread = misread.or(is_full.then_some(range.start));
            let first = macro_at.map(|token| token.start).into_iter().chain(misread).min();
            if let Some(first) = first.filter(|at| *at <= range.end) {
                dead[index].end = first.max(range.start);
                dead.truncate(index + 1);
                return;
            }
        }
    }
}

/// What of a function control never comes to, as the `truth` of its conditions has it; `open` are the parts that only some builds
/// have.
pub(crate) fn dead<'t>(
    function: &Function,
    truth: &dyn Fn(&Range<usize>) -> Option<bool>,
    text: &dyn Fn(&Range<usize>) -> &'t str,
    open: &[Range<usize>],
) -> Dead {
    let passes: Vec<Passes> = function
        .forks
        .iter()
        .enumerate()
        .filter_map(|(fork, one)| {
            let (condition, goes_in) = decides(one)?;
            let goes_in = truth(condition)? == goes_in;
            let let_by = |is: bool| if is { u128::MAX } else { 0 };
            Some(Passes { fork, yes: let_by(goes_in), no: let_by(!goes_in) })
        })
        .collect();
    let forks = certain(&function.forks, text, open);
    let is_any =
        !passes.is_empty() || forks.iter().any(|fork| fork.is_jump() || is_endless(&fork.kind));
    if !is_any {
        return Dead::default();
    }
    let same = |one: &Range<usize>, other: &Range<usize>| text(one) == text(other);
    let (body, events) = (function.body.clone(), &[][..]);
    let way = Way { forks: &forks, events, body, at: usize::MAX, same: &same };
    let mut work = MOST_STEPS;
    let ranges = unreached(&way, passes.clone(), &mut work).unwrap_or_default();
    Dead { ranges, passes }
}

/// What in the body of a macro control never comes to, as the `truth` of its conditions has it: arms that nothing leads into but
/// these.
pub(crate) fn by_conditions(
    body: &Syntax,
    truth: &dyn Fn(&Range<usize>) -> Option<bool>,
) -> Vec<Range<usize>> {
    let forks = body.functions.first().map_or(&[][..], |whole| &whole.forks);
    let arm = |fork: &Fork| {
        let (condition, goes_in) = decides(fork)?;
        let goes_in = truth(condition)? == goes_in;
        match &fork.kind {
            ForkKind::Choice { yes, .. } if !goes_in => Some(yes.clone()),
            ForkKind::Choice { no, .. } => no.clone(),
            ForkKind::Maybe(_) if !goes_in => Some(fork.range.clone()),
            ForkKind::Loop { body, .. } if !goes_in => Some(body.clone()),
            _ => None,
        }
    };
    let leads_in = |fork: &Fork| matches!(fork.kind, ForkKind::Case(_) | ForkKind::Label(_));
    let is_closed = |arm: &Range<usize>| {
        !forks.iter().any(|fork| leads_in(fork) && arm.contains(&fork.range.start))
    };
    forks.iter().filter_map(arm).filter(is_closed).collect()
}

/// What decides which way is taken at a fork, and with which truth that is the way in.
fn decides(fork: &Fork) -> Option<(&Range<usize>, bool)> {
    match &fork.kind {
        ForkKind::Choice { condition, .. }
        | ForkKind::Loop { condition: Some(condition), is_endless: false, .. }
        | ForkKind::Do(_, true, Some(condition)) => Some((condition, true)),
        ForkKind::Maybe(Some((condition, runs_with))) => Some((condition, *runs_with)),
        _ => None,
    }
}

fn is_endless(kind: &ForkKind) -> bool {
    matches!(kind, ForkKind::Loop { is_endless: true, .. })
}

/// The forks of a function as every build has them: what only some builds have may not take place.
fn certain<'f, 't>(
    forks: &'f [Fork],
    text: &dyn Fn(&Range<usize>) -> &'t str,
    open: &[Range<usize>],
) -> Cow<'f, [Fork]> {
    let is_open = |at: usize| open.iter().any(|arm| arm.contains(&at));
    let mut all = Cow::Borrowed(forks);
    for (index, fork) in forks.iter().enumerate() {
        let kind = match &fork.kind {
            _ if fork.is_jump() && is_open(fork.range.start) => ForkKind::Unclear,
            ForkKind::Loop { begins, condition, body, update, is_endless: true } => {
                let part = text(body);
                let breaks = BREAKPOINTS.iter().any(|name| part.contains(name));
                if !breaks && !is_open(fork.range.start) {
                    continue;
                }
                ForkKind::Loop {
                    begins: *begins,
                    condition: condition.clone(),
                    body: body.clone(),
                    update: update.clone(),
                    is_endless: false,
                }
            }
            _ => continue,
        };
        all.to_mut()[index].kind = kind;
    }
    all
}

/// The parts of a function that only some builds have; none where these are no whole statements, or too many.
fn open_arms(parsed: &Parsed<'_>, function: &Function, text: &str) -> Option<Vec<Range<usize>>> {
    let Some(visit) = parsed.unit.visits.get(&parsed.file) else { return Some(Vec::new()) };
    let body = &function.body;
    let is_open = |arm: &&Arm| {
        let is_within = body.start < arm.range.start && arm.range.start < body.end;
        is_within && matches!(arm.state, ArmState::Open { .. })
    };
    let arms = visit.arms.iter().filter(is_open).map(|arm| arm.range.clone());
    let arms: Vec<Range<usize>> = arms.take(MOST_ARMS + 1).collect();
    let are_whole = || arms.iter().all(|arm| text.get(arm.clone()).is_some_and(is_whole));
    (arms.len() <= MOST_ARMS && are_whole()).then_some(arms)
}

/// Whether a text is nothing but whole statements, as far as braces and its end tell; lines of the preprocessor aside.
fn is_whole(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut is_ended = true;
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for token in tokens(line, 0, line.len()) {
            let word = token.text(line);
            match word {
                "{" => depth += 1,
                "}" if depth == 0 => return false,
                "}" => depth -= 1,
                _ => {}
            }
            is_ended = matches!(word, ";" | "{" | "}" | ":");
        }
    }
    depth == 0 && is_ended
}

/// Whether macros have something in them by which code is entered that seems to be left.
struct Enters<'w, 't> {
    world: &'w World<'t>,
    parsed: &'w Parsed<'t>,
    /// Those that have not.
    known: HashSet<String>,
}

impl Enters<'_, '_> {
    fn is_by(&mut self, name: &str, at: usize) -> bool {
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            if self.known.contains(&name) {
                continue;
            }
            if self.known.len() >= MOST_MACROS {
                return true;
            }
            for one in self.parsed.unit.meanings(&name, self.parsed.time(at)).macros {
                let body = one.text(self.world.tree);
                if !is_whole_expression(body) {
                    return true;
                }
                let words = tokens(body, 0, body.len()).filter(|token| token.kind == Kind::Word);
                left.extend(words.map(|token| token.text(body).to_owned()));
            }
            self.known.insert(name);
        }
        false
    }
}

impl Enters<'_, '_> {
    /// Whether a statement that begins with a name, behind which `next` stands, may be a macro that nobody here defines: it
    /// may end a block which another one began.
    fn is_unknown(&self, name: &str, next: &str, at: usize) -> bool {
        /// Those of the kit that are whole statements.
        const WHOLE: [&str; 6] = [
            "ASSERT",
            "ASSERTMSG",
            "NT_ASSERT",
            "PAGED_CODE",
            "PAGED_CODE_LOCKED",
            "UNREFERENCED_PARAMETER",
        ];
        let is_capital =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let is_macro = name.bytes().all(is_capital) && name.bytes().any(|byte| byte != b'_');
        // A type is followed by what it is of, and a variable by an operator, but for names of the tree.
        let is_word = next.bytes().all(crate::lex::is_word);
        is_macro
            && (matches!(next, "(" | ";" | "}" | "") || is_word && kit_types::of(name).is_none())
            && !WHOLE.contains(&name)
            && name != "VOID"
            && !self.world.functions.contains_key(name)
            && self.parsed.unit.meanings(name, self.parsed.time(at)).macros.is_empty()
    }
}

/// Whether a macro's body has no label and no half of a block in it.
fn is_whole_expression(body: &str) -> bool {
    let (mut depth, mut asked) = (0_usize, 0_usize);
    for token in tokens(body, 0, body.len()) {
        match token.text(body) {
            "case" | "default" | "else" => return false,
            "{" => depth += 1,
            "}" if depth == 0 => return false,
            "}" => depth -= 1,
            "?" => asked += 1,
            ":" if asked == 0 => return false,
            ":" => asked -= 1,
            _ => {}
        }
    }
    depth == 0
}
