//! From a call in Rust to the DDI that comes of it, through wrappers.

use super::syntax::Manner;
use super::values::{BUDGET, Given, Place, Wanted};
use super::world::{Spot, World};
use crate::calls::{CallId, Hop, Reached, SourceArgument, SourceCall, Wrappers};
use crate::{OptIn, Span, vocabulary};
use ringfence_ddi::Ddi;
use std::cell::Cell;

/// Follows calls.
pub(crate) struct Follower<'w, 't> {
    pub(crate) world: &'w World<'t>,
    pub(crate) wrappers: &'w Wrappers,
    pub(crate) wanted: &'w Wanted,
}

/// How many wrappers are followed one into another.
const DEEPEST: usize = 8;
/// How many ways a single call is followed.
const MOST_WAYS: usize = 16;
/// More arguments than any function has.
const MOST_ARGUMENTS: usize = 32;

impl<'t> Follower<'_, 't> {
    /// What a call comes to.
    ///
    /// Of a file's budget it takes a part.
    pub(crate) fn reach(&self, id: CallId, of_file: &Cell<u64>) -> Vec<Reached> {
        let whole = u32::try_from(of_file.get()).unwrap_or(BUDGET).min(BUDGET);
        let budget = Cell::new(whole);
        let mut found = Vec::new();
        self.follow(id, &[], &budget, &[], &mut found);
        of_file.set(of_file.get() - u64::from(whole - budget.get()));
        let call = self.world.call(id);
        let file = &self.world.files[id.parsed];
        let function = call.function.map(|function| &file.syntax.functions[function]);
        let around = function.map(|function| Span::new(file.file, function.body.clone()));
        let function = function.map(|function| match &function.owner {
            Some(owner) => format!("{owner}::{}", function.name),
            None => function.name.to_string(),
        });
        for reached in &mut found {
            let told = &mut reached.call;
            told.function.clone_from(&function);
            told.around = around;
            told.span = self.world.span(id);
            told.callee = Span::new(file.file, call.path.last.clone());
            let pointed = self.world.pointed(id.parsed, call);
            told.pointed.extend(pointed.map(|path| Span::new(file.file, path.last.clone())));
            reached.depends =
                told.deciding().is_some_and(|(_, argument)| argument.value.depends_on_parameter());
        }
        found
    }

    fn follow(
        &self,
        id: CallId,
        given: &Given,
        budget: &Cell<u32>,
        via: &[Hop],
        found: &mut Vec<Reached>,
    ) {
        if via.len() > DEEPEST || found.len() >= MOST_WAYS {
            return;
        }
        let left = budget.get();
        budget.set(left.saturating_sub(1));
        // The DDI itself is told even where nothing can be said about it.
        if left == 0 && !via.is_empty() {
            return;
        }
        let arguments = || self.arguments(id, given, budget);
        if let Some(ddi) = self.world.ddi(id) {
            let call = self.of_ddi(id, ddi, &arguments(), via);
            found.push(Reached { call, depends: false });
            return;
        }
        if self.wrappers.is_empty() {
            return;
        }
        let arguments = arguments();
        let call = self.world.call(id);
        for function in self.world.called(id) {
            let Some(calls) = self.wrappers.get(&function) else { continue };
            let inside = &self.world.files[function.parsed].syntax.functions[function.function];
            // `Type::method(value, ...)` passes `self` first.
            let skipped = usize::from(inside.takes_self && call.manner != Manner::Method);
            let values = arguments.iter().skip(skipped).map(|argument| argument.value.clone());
            let given: Vec<_> = inside.parameters.iter().cloned().zip(values).collect();
            for inner in calls {
                let span = self.world.span(*inner);
                let hop = Hop { name: inside.name.to_string(), is_macro: inside.is_macro, span };
                let via: Vec<_> = via.iter().cloned().chain([hop]).collect();
                self.follow(*inner, &given, budget, &via, found);
            }
        }
    }

    fn arguments(&self, id: CallId, given: &Given, budget: &Cell<u32>) -> Vec<SourceArgument> {
        let call = self.world.call(id);
        let spot = Spot { parsed: id.parsed, module: call.module, at: call.whole.start };
        let place = Place {
            world: self.world,
            spot,
            function: call.function,
            given,
            wanted: self.wanted,
            budget,
        };
        let file = self.world.files[id.parsed].file;
        let all = call.arguments.iter().take(MOST_ARGUMENTS);
        let one = |(range, of): &(std::ops::Range<usize>, super::expression::Expression)| {
            let place = Place { spot: Spot { at: range.start, ..spot }, ..place };
            SourceArgument {
                span: Some(Span::new(file, range.clone())),
                value: place.value(of),
                is_loose: of.is_loose(),
                read_through: Vec::new(),
            }
        };
        all.map(one).collect()
    }

    fn of_ddi(
        &self,
        id: CallId,
        ddi: &'static Ddi,
        passed: &[SourceArgument],
        via: &[Hop],
    ) -> SourceCall {
        let hidden = vocabulary::hidden_parameters(ddi);
        let argument = |index: usize| {
            let passed = index.checked_sub(hidden).and_then(|index| passed.get(index));
            passed.cloned().unwrap_or_else(SourceArgument::not_passed)
        };
        let span = self.world.span(id);
        SourceCall {
            ddi,
            span,
            callee: span,
            function: None,
            around: None,
            arguments: (0..ddi.parameters.len()).map(argument).collect(),
            via: via.to_vec(),
            innermost: span,
            opt_in: OptIn::None,
            pointed: Vec::new(),
            is_maybe: false,
            shares_arguments: false,
            looked_at: crate::LookedAt::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{driver, told};

    fn of(text: &str) -> Vec<String> {
        told(&driver(&[("src/lib.rs", text)]))
    }

    #[test]
    fn what_callers_choose_is_told_where_they_do() {
        let text = "use wdk_sys::ntddk::*;
fn take(flags: POOL_FLAGS, n: usize) -> PVOID { unsafe { ExAllocatePool2(flags | 2, n as u64, 1) } }
fn a() { take(0x40, 1); }
fn b() { crate::take(POOL_FLAG_NON_PAGED_EXECUTE, 1); }";
        assert_eq!(
            of(text),
            [
                "src/lib.rs:3 a ExAllocatePool2 0x42 < take",
                "src/lib.rs:4 b ExAllocatePool2 0x82 < take"
            ]
        );
        let alone = text.split_once("fn a").unwrap().0;
        assert_eq!(
            of(alone),
            ["src/lib.rs:2 take ExAllocatePool2 0x2? callers choose it by the parameter `flags`"]
        );
    }

    #[test]
    fn methods_and_types_wrap_too() {
        let text = "use wdk_sys::ntddk::ExAllocatePool2;
struct Pool; impl Pool {
 fn new(flags: u64) -> Self { Self::raw(flags); Pool }
 fn raw(flags: u64) { unsafe { ExAllocatePool2(flags, 8, 1); } }
 fn grow(&self, flags: u64) { Self::raw(flags) }
}
fn f(p: &Pool) { Pool::new(0x40); p.grow(0x80); Pool::grow(p, 0x100); Vec::new(0x80); }";
        assert_eq!(
            of(text),
            [
                "src/lib.rs:7 f ExAllocatePool2 0x40 < new < raw",
                "src/lib.rs:7 f ExAllocatePool2 0x80 < grow < raw",
                "src/lib.rs:7 f ExAllocatePool2 0x100 < grow < raw"
            ]
        );
    }

    #[test]
    fn macros_of_the_tree_are_followed() {
        let text = "use wdk_sys::ntddk::*;
macro_rules! take { ($f:expr, $n:expr) => { unsafe { ExAllocatePool2($f, $n, 1) } } }
macro_rules! take_bad { ($n:expr) => { unsafe { ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, $n, 1) } }; }
fn f() { let p = take!(0x40, 8); take_bad!(8); take_bad!(9); }";
        assert_eq!(
            of(text),
            [
                "src/lib.rs:3 take_bad ExAllocatePool2 0x80",
                "src/lib.rs:4 f ExAllocatePool2 0x40 < take"
            ]
        );
    }

    #[test]
    fn other_files_are_read_for_callers_and_constants() {
        let tree = driver(&[
            ("src/lib.rs", "mod pool; mod flags; mod user; mod other;"),
            (
                "src/pool.rs",
                "use wdk_sys::ntddk::*; pub fn take(f: u64) { unsafe { ExAllocatePool2(f, 8, 1); } }",
            ),
            (
                "src/user.rs",
                "use crate::{pool, flags::*};\nfn f() { pool::take(MY_FLAGS); pool::take(crate::flags::Kind::Bad as u64); }",
            ),
            (
                "src/flags.rs",
                "pub const MY_FLAGS: u64 = BASE | 2; pub const BASE: u64 = 0x40;\npub enum Kind { Good = 0x40, Bad = 0x80 }",
            ),
            ("src/other.rs", "fn nothing() { g(MY_FLAGS) }"),
        ]);
        assert_eq!(
            told(&tree),
            [
                "src/user.rs:2 f ExAllocatePool2 0x42 < take",
                "src/user.rs:2 f ExAllocatePool2 0x80 < take"
            ]
        );
        let parsed = crate::analyse(&tree, &[], &[]).parsed;
        let parsed: Vec<_> = parsed.iter().map(|file| &*tree.file(*file).path).collect();
        assert_eq!(parsed, ["src/pool.rs", "src/user.rs", "src/flags.rs"]);
    }

    #[test]
    fn wrappers_that_call_each_other_end() {
        let text = "use wdk_sys::ntddk::*;
fn a(f: u64) { unsafe { ExAllocatePool2(f, 8, 1); } b(f | 1); }
fn b(f: u64) { a(f); }
fn c() { a(0x80); }";
        assert!(of(text).contains(&"src/lib.rs:4 c ExAllocatePool2 0x80 < a".to_owned()));
    }
}
