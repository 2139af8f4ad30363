//! A translation unit: what its headers and conditions make of the tree.

use crate::directive::{Define, Directive, DirectiveKind};
use crate::expression::{self, Binary, Expression, Unary};
use crate::macros::{Body, Macro, Macros, Meanings};
use crate::pack::Packings;
use crate::target::{self, Given};
use crate::{FileId, FileKind, SourceTree, Span, opt_in};
use foldhash::{HashMap, HashMapExt, HashSet};
use std::ops::Range;
use std::sync::OnceLock;

/// The directives of all files, each read when first asked for.
#[derive(Default)]
pub(crate) struct AllDirectives {
    of_files: Vec<OnceLock<Vec<Directive>>>,
}

impl AllDirectives {
    pub(crate) fn new(tree: &SourceTree) -> AllDirectives {
        AllDirectives { of_files: tree.files().map(|_| OnceLock::new()).collect() }
    }

    /// Reads a file anew when it is asked for.
    pub(crate) fn forget(&mut self, file: FileId) {
        if let Some(known) = self.of_files.get_mut(file.0 as usize) {
            *known = OnceLock::new();
        }
    }

    /// Whether the file was there when all were counted.
    pub(crate) fn knows(&self, file: FileId) -> bool {
        (file.0 as usize) < self.of_files.len()
    }

    pub(crate) fn of(&self, tree: &SourceTree, file: FileId) -> &[Directive] {
        let read = || crate::directive::directives(tree.file(file).text.as_str());
        self.of_files[file.0 as usize].get_or_init(read)
    }
}

/// What is known of a source before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings<'t> {
    /// What is defined, or undefined where there is no value; and whether that is so in every configuration.
    pub(crate) defines: Vec<(&'t str, Option<&'t str>, bool)>,
    pub(crate) include_folders: Vec<String>,
    pub(crate) forced_includes: Vec<&'t str>,
    /// Whether a project says what is defined, so that what nobody defines is not.
    pub(crate) is_told: bool,
}

/// One arm of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    /// What is between its directive and the next of the condition.
    pub(crate) range: Range<usize>,
    pub(crate) state: ArmState,
    /// How many open arms its condition has.
    pub(crate) of: u32,
}

impl Arm {
    /// Whether its code is there in the variant of that number. Every open arm is there in one of them.
    pub(crate) fn is_compiled(&self, variant: u32) -> bool {
        match self.state {
            ArmState::Compiled | ArmState::Open { number: u32::MAX } => true,
            ArmState::LeftOut => false,
            ArmState::Open { number } => number == variant.min(self.of.saturating_sub(1)),
        }
    }
}

/// Whether the code of an arm is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArmState {
    Compiled,
    LeftOut,
    /// It depends on the build. Of the open arms of a condition this is that number.
    Open {
        number: u32,
    },
}

/// What a unit made of one of its files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    /// From which byte on what time it is.
    times: Vec<(usize, u32)>,
    pub(crate) arms: Vec<Arm>,
    /// Most open arms that a condition has.
    pub(crate) variants: u32,
}

impl Visit {
    /// Whether the build decides about a byte, by a condition that begins behind `from`.
    pub(crate) fn is_open(&self, at: usize, from: usize) -> bool {
        // What is certain within an open arm is as open as that one.
        let is_open = |state| matches!(state, ArmState::Open { number } if number != u32::MAX);
        let around = |arm: &Arm| arm.range.start > from && arm.range.contains(&at);
        self.arms.iter().any(|arm| is_open(arm.state) && around(arm))
    }

    /// What time it is at a byte of the file.
    pub(crate) fn time(&self, offset: usize) -> u32 {
        let before = self.times.partition_point(|(from, _)| *from <= offset);
        before.checked_sub(1).map_or(0, |last| self.times[last].1)
    }
}

/// A translation unit.
pub(crate) struct Unit<'t> {
    pub(crate) main: FileId,
    pub(crate) macros: Macros<'t>,
    pub(crate) packings: Packings,
    pub(crate) visits: HashMap<FileId, Visit>,
    /// When the first header of the kernel came: that fixes what an opt-in makes of the pool types.
    pub(crate) kernel_at: Option<u32>,
    /// When the first header came that is not in the tree and may have brought them along.
    pub(crate) maybe_kernel_at: Option<u32>,
    /// Headers in quotation marks that are nowhere in the tree, each where it is included.
    pub(crate) missing: Vec<Span>,
    /// Whether the header of user mode is included, whatever the build.
    pub(crate) has_user_mode: bool,
    /// Whether a header that nothing but the kernel can include is included, whatever the build.
    pub(crate) has_kernel: bool,
    /// Whether a condition hangs on an opt-in to no-execute pools, and nothing in sight decides it.
    asks_opt_in: bool,
    /// How much time there is.
    pub(crate) end: u32,
    is_cpp: bool,
    is_told: bool,
    /// What files define only where nothing else did before, and nothing in sight says that.
    fallbacks: HashSet<&'t str>,
}

/// Budgets: a unit stops including, with what it has, where a tree is made to be endless.
const MOST_DIRECTIVES: u32 = 1 << 20;
const DEEPEST_INCLUDE: usize = 64;
const MOST_VISITS_OF_A_FILE: u32 = 16;
const DEEPEST_MACRO: usize = 24;

/// Works out the unit of `main`.
pub(crate) fn unit<'t>(
    tree: &'t SourceTree,
    directives: &'t AllDirectives,
    main: FileId,
    around: &Surroundings<'t>,
) -> Unit<'t> {
    let is_cpp = tree.file(main).kind == FileKind::Cpp;
    let mut walk = Walk {
        tree,
        directives,
        around,
        unit: Unit {
            main,
            macros: Macros::default(),
            packings: Packings::new(),
            visits: HashMap::new(),
            kernel_at: None,
            maybe_kernel_at: None,
            missing: Vec::new(),
            has_user_mode: false,
            has_kernel: false,
            asks_opt_in: false,
            end: 0,
            is_cpp,
            is_told: around.is_told,
            fallbacks: HashSet::default(),
        },
        time: 0,
        visited: HashMap::new(),
        once: HashMap::new(),
    };
    for &(name, value, certain) in &around.defines {
        walk.time += 1;
        let defined = value.map(|value| Macro { parameters: None, body: Body::Given(value) });
        walk.unit.macros.define(name, walk.time, certain, defined);
    }
    for forced in &around.forced_includes {
        walk.include(main, forced, true, 0);
    }
    walk.file(main, true, 0);
    walk.unit.end = walk.time;
    walk.unit
}

struct Walk<'t, 'a> {
    tree: &'t SourceTree,
    directives: &'t AllDirectives,
    around: &'a Surroundings<'t>,
    unit: Unit<'t>,
    time: u32,
    visited: HashMap<FileId, u32>,
    once: HashMap<FileId, bool>,
}

/// A condition whose end is not reached yet.
struct Open {
    /// Whether an arm before was certainly taken.
    taken: bool,
    /// Whether an arm before may have been taken.
    maybe_taken: bool,
    /// How many open arms there are so far.
    arms: u32,
    /// The arms that are closed, by their place among those of the file.
    closed: Vec<usize>,
    /// What the code around is.
    outer: ArmState,
    /// The arm that is open: its first byte and its state.
    from: usize,
    state: ArmState,
}

impl<'t> Walk<'t, '_> {
    fn file(&mut self, file: FileId, certain: bool, depth: usize) {
        let visits = self.visited.entry(file).or_default();
        *visits += 1;
        let first = *visits == 1;
        if *visits > MOST_VISITS_OF_A_FILE || self.once.contains_key(&file) {
            return;
        }
        let text = self.tree.file(file).text.as_str();
        let mut visit = Visit { variants: 1, times: vec![(0, self.time)], ..Visit::default() };
        let mut open: Vec<Open> = Vec::new();
        let all = self.directives.of(self.tree, file);
        for (directive, next) in all.iter().zip((1..).map(|next| all.get(next))) {
            self.time += 1;
            if self.time > MOST_DIRECTIVES {
                break;
            }
            let state = open.last().map_or(ArmState::Compiled, |open| open.state);
            if self.condition(text, file, (directive, next), &mut open, &mut visit)
                || state == ArmState::LeftOut
            {
                continue;
            }
            let certain = certain && open.iter().all(|open| open.state == ArmState::Compiled);
            self.act(text, file, directive, certain, depth);
            visit.times.push((directive.range.end, self.time));
        }
        while let Some(left) = open.pop() {
            left.close(text.len(), &mut visit);
        }
        if first {
            self.unit.visits.insert(file, visit);
        }
    }

    /// Follows the directives of conditions; whether it was one.
    fn condition(
        &mut self,
        text: &'t str,
        file: FileId,
        (directive, next): (&Directive, Option<&Directive>),
        open: &mut Vec<Open>,
        visit: &mut Visit,
    ) -> bool {
        let end = directive.range.end;
        let outer = open.last().map_or(ArmState::Compiled, |open| open.state);
        let lives = outer != ArmState::LeftOut;
        let decided = match &directive.kind {
            DirectiveKind::If(range) if lives => self.decide(text, file, range.clone()),
            DirectiveKind::Ifdef(name) if lives => {
                self.unit.is_defined(self.tree, &text[name.clone()], self.time)
            }
            DirectiveKind::Ifndef(name) if lives => {
                let name = &text[name.clone()];
                let is_guard = next.is_some_and(|next| defines(text, next, name));
                match self.unit.is_defined(self.tree, name, self.time) {
                    None if is_guard => {
                        if next.is_some_and(Directive::gives_value) {
                            self.unit.fallbacks.insert(name);
                        }
                        Some(true)
                    }
                    is => is.map(|is| !is),
                }
            }
            DirectiveKind::If(_) | DirectiveKind::Ifdef(_) | DirectiveKind::Ifndef(_) => {
                Some(false)
            }
            DirectiveKind::Elif(range) => {
                let matters =
                    open.last().is_some_and(|open| !open.taken && open.outer != ArmState::LeftOut);
                if matters { self.decide(text, file, range.clone()) } else { Some(false) }
            }
            DirectiveKind::Else => Some(true),
            DirectiveKind::Endif => {
                if let Some(closed) = open.pop() {
                    closed.close(directive.range.start, visit);
                }
                return true;
            }
            _ => return false,
        };
        self.unit.asks_opt_in |=
            decided.is_none() && text[directive.range.clone()].contains(opt_in::NAMES);
        let continues = matches!(directive.kind, DirectiveKind::Elif(_) | DirectiveKind::Else);
        if continues {
            let Some(current) = open.last_mut() else { return true };
            current.close_arm(directive.range.start, visit);
            current.from = end;
            current.enter(decided);
        } else {
            let mut new = Open {
                taken: false,
                maybe_taken: false,
                arms: 0,
                closed: Vec::new(),
                outer,
                from: end,
                state: ArmState::LeftOut,
            };
            new.enter(decided);
            open.push(new);
        }
        true
    }

    fn act(
        &mut self,
        text: &'t str,
        file: FileId,
        directive: &'t Directive,
        certain: bool,
        depth: usize,
    ) {
        match &directive.kind {
            DirectiveKind::Define(Define { name, parameters, body }) => {
                let names =
                    |all: &Vec<Range<usize>>| all.iter().map(|one| &text[one.clone()]).collect();
                let parameters = parameters.as_ref().map(names);
                let defined = Macro { parameters, body: Body::Written(file, body.clone()) };
                self.unit.macros.define(&text[name.clone()], self.time, certain, Some(defined));
            }
            DirectiveKind::Undef(name) => {
                self.unit.macros.define(&text[name.clone()], self.time, certain, None);
            }
            DirectiveKind::Include { name } => {
                let written = &text[name.clone()];
                let found = self.include(file, written, certain, depth);
                let is_quoted = text[..name.start].ends_with('"');
                if !found && is_quoted && target::may_be_of_tree(written) {
                    self.unit.missing.push(Span::new(file, name.clone()));
                }
            }
            DirectiveKind::Pragma(range) if text[range.clone()].trim_end() == "once" => {
                self.once.insert(file, true);
            }
            DirectiveKind::Pragma(range) | DirectiveKind::Operator(range) => {
                self.unit.packings.pragma(&text[range.clone()], self.time, certain);
            }
            _ => {}
        }
    }

    /// Includes a header; whether it is in the tree.
    fn include(&mut self, from: FileId, name: &str, certain: bool, depth: usize) -> bool {
        self.unit.packings.include(name, self.time, certain);
        self.unit.has_user_mode |= certain && name.eq_ignore_ascii_case("windows.h");
        self.unit.has_kernel |= certain && target::is_of_kernel_alone(name);
        let found = match target::is_of_kit(name) {
            true => None,
            false => self.tree.included(from, name, &self.around.include_folders),
        };
        match found {
            Some(found) if depth < DEEPEST_INCLUDE => self.file(found, certain, depth + 1),
            None if self.unit.kernel_at.is_none() && target::is_of_kit(name) => {
                self.unit.kernel_at = Some(self.time);
            }
            None if target::may_declare_kernel(name) => {
                self.unit.maybe_kernel_at.get_or_insert(self.time);
            }
            _ => {}
        }
        found.is_some()
    }

    fn decide(&self, text: &str, file: FileId, range: Range<usize>) -> Option<bool> {
        let expression = expression::read(text, range, file);
        self.unit.number(self.tree, &expression, self.time, 0).map(|value| value != 0)
    }
}

impl Open {
    fn close_arm(&mut self, end: usize, visit: &mut Visit) {
        self.closed.push(visit.arms.len());
        visit.arms.push(Arm { range: self.from..end.max(self.from), state: self.state, of: 0 });
    }

    fn close(mut self, end: usize, visit: &mut Visit) {
        self.close_arm(end, visit);
        for &arm in &self.closed {
            visit.arms[arm].of = self.arms;
        }
        visit.variants = visit.variants.max(self.arms);
    }

    /// Begins an arm whose condition is `decided`, where it is.
    fn enter(&mut self, decided: Option<bool>) {
        self.state = match decided {
            _ if self.outer == ArmState::LeftOut || self.taken => ArmState::LeftOut,
            Some(false) => ArmState::LeftOut,
            Some(true) if !self.maybe_taken => {
                self.taken = true;
                // Within an arm that is open, so is this one; but it is not one of several.
                match self.outer {
                    ArmState::Open { .. } => ArmState::Open { number: u32::MAX },
                    _ => ArmState::Compiled,
                }
            }
            _ => {
                self.taken = decided == Some(true);
                self.maybe_taken = true;
                self.arms += 1;
                ArmState::Open { number: self.arms - 1 }
            }
        };
    }
}

impl<'t> Unit<'t> {
    /// What `name` may stand for at a time, with what the compiler and the kit define.
    pub(crate) fn meanings(&self, name: &str, at: u32) -> Meanings<'_, 't> {
        self.macros.meanings(name, at)
    }

    /// Whether a build may define a macro of the tree as something else than what it is at a time.
    pub(crate) fn may_be_given(&self, name: &str, at: u32) -> bool {
        if self.fallbacks.contains(name) {
            return true;
        }
        let meanings = self.meanings(name, at);
        !meanings.macros.is_empty() && meanings.maybe_undefined
    }

    /// Whether `name` is defined at a time; none where that is open.
    fn is_defined(&self, tree: &SourceTree, name: &str, at: u32) -> Option<bool> {
        let meanings = self.meanings(name, at);
        if !meanings.mentioned {
            return match target::since(name) {
                Some(since) => self.is_kit_since(tree, since, at).then_some(true),
                None => self.given(name).map(|given| given.is_some()),
            };
        }
        match (meanings.macros.is_empty(), meanings.maybe_undefined) {
            (true, _) => Some(false),
            (false, false) => Some(true),
            (false, true) => None,
        }
    }

    /// Whether the headers of the kernel were included, for that version of Windows or a later one, as `NTDDI_VERSION`
    /// numbers it: what they define since then is defined.
    fn is_kit_since(&self, tree: &SourceTree, since: i64, at: u32) -> bool {
        let is_for = |name, least: i64| {
            let said = self.number_of_name(tree, name, at, 0);
            said.is_some_and(|version| version >= least)
        };
        self.kernel_at.is_some_and(|kernel| kernel <= at)
            && is_for("NTDDI_VERSION", since)
            && is_for("_WIN32_WINNT", since >> 16)
    }

    /// What the compiler or the kit define `name` as: none where that is open.
    fn given(&self, name: &str) -> Option<Option<Macro<'static>>> {
        let as_macro = |body| Some(Some(Macro { parameters: None, body }));
        match target::given(name, self.is_cpp) {
            Given::Defined(value) => as_macro(Body::Given(value)),
            Given::Number(value) => as_macro(Body::Number(value)),
            Given::Undefined => Some(None),
            // Names with an underscore are the compiler's and the kit's, who may have defined them.
            Given::Open if self.is_told && !name.starts_with('_') && name != "DBG" => Some(None),
            Given::Open => None,
        }
    }

    /// Whether a macro is defined as something other than 0 at a time; none where that is open. What nothing mentions is
    /// not, unless a condition hangs on it that only the build can decide.
    pub(crate) fn is_on(&self, tree: &SourceTree, name: &str, at: u32) -> Option<bool> {
        let meanings = self.meanings(name, at);
        if meanings.macros.is_empty() {
            let is_asked =
                !meanings.mentioned && self.asks_opt_in && name.starts_with(opt_in::NAMES);
            return (!is_asked).then_some(false);
        }
        if meanings.maybe_undefined {
            return None;
        }
        // Defined as nothing, it counts as defined.
        let value = |one: &&Macro<'_>| match one.text(tree).trim() {
            "" if !matches!(one.body, Body::Number(_)) => Some(true),
            _ => self.number(tree, &one.expression(tree), at, 0).map(|value| value != 0),
        };
        let first = value(&meanings.macros[0])?;
        meanings.macros.iter().all(|one| value(one) == Some(first)).then_some(first)
    }

    /// Where a macro was defined that holds at a time, if that stands in a file.
    pub(crate) fn defined_at(&self, name: &str, at: u32) -> Option<Span> {
        let meanings = self.meanings(name, at);
        match &meanings.macros.first()?.body {
            Body::Written(file, range) => Some(Span::new(*file, range.clone())),
            _ => None,
        }
    }

    /// The value of a condition; none where it is open. Numbers are signed, as the preprocessor's are.
    fn number(&self, tree: &SourceTree, of: &Expression, at: u32, depth: usize) -> Option<i64> {
        if depth > DEEPEST_MACRO * 16 {
            return None;
        }
        let inner = |of: &Expression| self.number(tree, of, at, depth + 1);
        match of {
            Expression::Number(value, _) => Some(value.cast_signed()),
            Expression::Cast(_, of) => inner(of),
            Expression::Name(name, _) => self.number_of_name(tree, name, at, depth),
            Expression::Unary(operator, of) => inner(of).map(|value| match operator {
                Unary::Minus => value.wrapping_neg(),
                Unary::Not => i64::from(value == 0),
                Unary::Complement => !value,
            }),
            Expression::Binary(operator, left, right) => {
                binary(*operator, inner(left), || inner(right))
            }
            Expression::Choice(of) => {
                let taken = inner(&of[0])?;
                inner(if taken != 0 { &of[1] } else { &of[2] })
            }
            Expression::Call(name, arguments, _) if &**name == "defined" => match &arguments[..] {
                [Expression::Name(name, _)] => self.is_defined(tree, name, at).map(i64::from),
                _ => None,
            },
            Expression::Call(name, arguments, _) => match &arguments[..] {
                [of] if !self.meanings(name, at).mentioned => {
                    inner(of).and_then(|version| target::part_of_version(name, version))
                }
                _ => None,
            },
            Expression::Part(..) | Expression::Pointed(_) | Expression::Opaque(_) => None,
        }
    }

    fn number_of_name(&self, tree: &SourceTree, name: &str, at: u32, depth: usize) -> Option<i64> {
        let meanings = self.meanings(name, at);
        let given;
        let meaning = if meanings.mentioned {
            match (&meanings.macros[..], meanings.maybe_undefined) {
                ([], _) => return Some(0),
                ([only], false) => *only,
                _ => return None,
            }
        } else {
            // Nothing says that it is defined, but where it is compared it is what the build is for.
            if name == "_NT_TARGET_VERSION" {
                return self.number_of_name(tree, "_WIN32_WINNT", at, depth + 16);
            }
            match self.given(name)? {
                Some(one) => {
                    given = one;
                    &given
                }
                None => return Some(0),
            }
        };
        // An empty macro as a condition is an error to the compiler; here it is open.
        self.number(tree, &meaning.expression(tree), at, depth + 16)
    }
}

/// Whether a directive defines `name`: behind `#ifndef name` that keeps a header from being read twice, or is what holds
/// where the build says nothing.
fn defines(text: &str, directive: &Directive, name: &str) -> bool {
    matches!(&directive.kind, DirectiveKind::Define(define) if &text[define.name.clone()] == name)
}

/// A binary operator of conditions, with what is open taken into account.
fn binary(operator: Binary, left: Option<i64>, right: impl FnOnce() -> Option<i64>) -> Option<i64> {
    match (operator, left) {
        (Binary::BothTrue, Some(0)) => return Some(0),
        (Binary::EitherTrue, Some(value)) if value != 0 => return Some(1),
        _ => {}
    }
    let right = right();
    match (operator, right) {
        (Binary::BothTrue, Some(0)) => return Some(0),
        (Binary::EitherTrue, Some(value)) if value != 0 => return Some(1),
        _ => {}
    }
    let (left, right) = (left?, right?);
    let shift = || u32::try_from(right).ok();
    Some(match operator {
        Binary::Or => left | right,
        Binary::And => left & right,
        Binary::Xor => left ^ right,
        Binary::Add => left.wrapping_add(right),
        Binary::Subtract => left.wrapping_sub(right),
        Binary::Multiply => left.wrapping_mul(right),
        Binary::Divide => left.checked_div(right)?,
        Binary::Remainder => left.checked_rem(right)?,
        Binary::ShiftLeft => left.checked_shl(shift()?)?,
        Binary::ShiftRight => left.checked_shr(shift()?)?,
        Binary::Equal => i64::from(left == right),
        Binary::NotEqual => i64::from(left != right),
        Binary::Less => i64::from(left < right),
        Binary::LessOrEqual => i64::from(left <= right),
        Binary::Greater => i64::from(left > right),
        Binary::GreaterOrEqual => i64::from(left >= right),
        Binary::BothTrue => i64::from(left != 0 && right != 0),
        Binary::EitherTrue => i64::from(left != 0 || right != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn tree(files: &[(&str, &str)]) -> SourceTree {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        tree
    }

    /// The arms of the first file, each as its first word and what becomes of it.
    fn arms(files: &[(&str, &str)], around: &Surroundings<'_>) -> Vec<String> {
        let tree = tree(files);
        let directives = AllDirectives::new(&tree);
        let main = FileId(0);
        let unit = unit(&tree, &directives, main, around);
        let mut arms = unit.visits[&main].arms.clone();
        arms.sort_by_key(|arm| arm.range.start);
        let told = |arm: Arm| {
            let text = &tree.file(main).text.as_str()[arm.range];
            format!("{} {:?}", text.split_whitespace().next().unwrap_or_default(), arm.state)
        };
        arms.into_iter().map(told).collect()
    }

    fn of(text: &str) -> Vec<String> {
        arms(&[("a.c", text)], &Surroundings::default())
    }

    /// Spec cases 130 and 131.
    #[test]
    fn the_target_decides_what_is_compiled() {
        assert_eq!(
            of("#include <ntddk.h>\n#if NTDDI_VERSION < NTDDI_WIN8\nold\n#else\nnew\n#endif"),
            ["old LeftOut", "new Compiled"]
        );
        assert_eq!(
            of("#ifdef _X86_\nx\n#elif defined(_AMD64_)\ny\n#else\nz\n#endif"),
            ["x LeftOut", "y Compiled", "z LeftOut"]
        );
        assert_eq!(
            of("#if (_WIN32_WINNT >= _WIN32_WINNT_WIN7) && !defined _M_IX86\nx\n#endif"),
            ["x Compiled"]
        );
    }

    /// `wdm.h` defines these, `sdkddkver.h` the parts of versions and that of the kit.
    #[test]
    fn what_the_kit_defines_for_the_target_is_defined() {
        let kernel = "#include <ntddk.h>\n";
        for name in [
            "MdlMappingNoExecute",
            "POOL_NX_ALLOCATION",
            "POOL_FLAG_NON_PAGED",
            "POOL_ZERO_ALLOCATION",
        ] {
            let asked = format!("#ifdef {name}\nx\n#else\ny\n#endif");
            assert_eq!(of(&format!("{kernel}{asked}")), ["x Compiled", "y LeftOut"]);
            // Before the kit's headers nothing is.
            assert_eq!(of(&asked)[1], "y Open { number: 1 }");
            let old = format!("#define NTDDI_VERSION NTDDI_WIN7\n{kernel}{asked}");
            assert_eq!(of(&old)[1], "y Open { number: 1 }");
        }
        let win8 = "#define NTDDI_VERSION NTDDI_WIN8\n#define _WIN32_WINNT 0x602\n";
        assert_eq!(
            of(&format!(
                "{win8}{kernel}#ifdef POOL_NX_ALLOCATION\nx\n#endif\n#ifdef POOL_FLAG_NON_PAGED\ny\n#endif"
            )),
            ["x Compiled", "y Open { number: 0 }"]
        );
        for old in [
            "OSVER(NTDDI_VERSION) < NTDDI_WIN8",
            "OSVER(NTDDI_VERSION) != 0x0A000000",
            "SPVER(NTDDI_WIN7) != 0",
            "_NT_TARGET_VERSION < 0x602",
            "WDK_NTDDI_VERSION < NTDDI_WIN10",
        ] {
            assert_eq!(of(&format!("#if {old}\nx\n#else\ny\n#endif")), ["x LeftOut", "y Compiled"]);
        }
    }

    #[test]
    fn what_depends_on_the_build_is_open() {
        assert_eq!(
            of("#if DBG\nx\n#else\ny\n#endif"),
            ["x Open { number: 0 }", "y Open { number: 1 }"]
        );
        assert_eq!(
            of("#ifdef FEATURE\nx\n#if 1\ny\n#else\nz\n#endif\n#endif"),
            ["x Open { number: 0 }", "y Open { number: 4294967295 }", "z LeftOut"]
        );
        // 0 && anything is 0.
        assert_eq!(
            of("#if 0 && FEATURE\nx\n#endif\n#if FEATURE || 1\ny\n#endif"),
            ["x LeftOut", "y Compiled"]
        );
    }

    #[test]
    fn a_project_that_says_what_is_defined_leaves_little_open() {
        let around = Surroundings {
            defines: vec![("ON", Some("1"), true), ("MAYBE", Some("1"), false)],
            is_told: true,
            ..Surroundings::default()
        };
        let text = "#if ON\na\n#endif\n#if OFF\nb\n#endif\n#ifdef MAYBE\nc\n#endif\n#ifdef _WPP\nd\n#endif";
        assert_eq!(
            arms(&[("a.c", text)], &around),
            ["a Compiled", "b LeftOut", "c Open { number: 0 }", "d Open { number: 0 }"]
        );
    }

    #[test]
    fn headers_of_the_tree_are_included_once() {
        let header = "#ifndef H\n#define H\n#include \"a.h\"\n#define POOL NonPagedPool\n#endif";
        let text = "#include \"a.h\"\n#include \"a.h\"\n#ifdef POOL\nx\n#endif\n#undef POOL\n#ifdef POOL\ny\n#endif";
        let files = [("a.c", text), ("a.h", header)];
        assert_eq!(arms(&files, &Surroundings::default()), ["x Compiled", "y LeftOut"]);
    }

    #[test]
    fn endless_trees_end() {
        let cyclic = [("a.c", "#include \"b.h\"\n#if X\nx\n#endif"), ("b.h", "#include \"a.c\"\n")];
        assert_eq!(arms(&cyclic, &Surroundings::default()), ["x Open { number: 0 }"]);
        let bomb = "#include \"a.c\"\n".repeat(50);
        assert_eq!(arms(&[("a.c", &bomb)], &Surroundings::default()), [""; 0]);
        assert_eq!(
            of("#define A A\n#define B C\n#define C B\n#if A || B\nx\n#endif"),
            ["x Open { number: 0 }"]
        );
        assert_eq!(of("#endif\n#else\n#elif 1\n#if 1\nx"), ["x Compiled"]);
    }

    #[test]
    fn a_macro_means_what_it_meant_there() {
        let tree = tree(&[("a.c", "#define A 1\nx\n#undef A\n#ifdef F\n#define A 2\n#endif\ny")]);
        let directives = AllDirectives::new(&tree);
        let unit = unit(&tree, &directives, FileId(0), &Surroundings::default());
        let text = tree.file(FileId(0)).text.as_str();
        let visit = &unit.visits[&FileId(0)];
        let at = |word| {
            let meanings = unit.meanings("A", visit.time(text.find(word).unwrap()));
            let bodies: Vec<_> = meanings.macros.iter().map(|one| one.text(&tree)).collect();
            (bodies, meanings.maybe_undefined)
        };
        assert_eq!(at("x"), (vec!["1"], false));
        assert_eq!(at("y"), (vec!["2"], true));
    }
}
