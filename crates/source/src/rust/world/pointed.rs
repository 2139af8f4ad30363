//! Calls by a name that stands for a function: `let take = ExAllocatePoolWithTag; take(...)`.

use super::super::expression::Expression;
use super::super::path::Path;
use super::super::syntax::{Begin, Call, Manner};
use super::{Spot, World};
use crate::calls::CallId;

/// How often a name stands for another one.
const MOST_NAMES: usize = 4;

impl World<'_> {
    /// What a call names: what its variable or constant stands for, else its own path.
    pub(crate) fn callee(&self, id: CallId) -> &Path {
        self.pointed(id.parsed, self.call(id)).unwrap_or(&self.call(id).path)
    }

    /// The function that what is called stands for, where that is a variable or a constant that is given one function alone.
    pub(crate) fn pointed<'a>(&'a self, parsed: usize, call: &'a Call) -> Option<&'a Path> {
        let mut path = &call.path;
        for _ in 0..MOST_NAMES {
            match self.stands_for(parsed, call, path) {
                Some(next) => path = next,
                None => break,
            }
        }
        (path.last != call.path.last).then_some(path)
    }

    fn stands_for<'a>(&'a self, parsed: usize, call: &Call, path: &Path) -> Option<&'a Path> {
        let [name] = &path.segments[..] else { return None };
        if call.manner != Manner::Plain {
            return None;
        }
        let syntax = &self.files[parsed].syntax;
        let around = call.function.and_then(|function| syntax.functions.get(function));
        let at = path.last.start;
        let variables = around.and_then(|function| function.variables.get(name));
        if let Some(all) = variables
            && let Some(binding) = all.at(at, usize::MAX)
        {
            let Begin::Value(value) = &binding.begin else { return None };
            let is_plain = !binding.is_open && all.changes.is_empty();
            return named(value).filter(|_| is_plain);
        }
        if !self.constants.contains_key(name) {
            return None;
        }
        let spot = Spot { parsed, module: call.module, at };
        let [(file, index)] = self.constants(spot, &self.resolved(spot, path), None)[..] else {
            return None;
        };
        // What a constant of another file names is told from there.
        let one = &self.files[file].syntax.constants[index];
        let value = one.value.as_ref().filter(|_| !one.is_mutable && file == parsed)?;
        named(value)
    }
}

/// The name that an expression is, but for conversions.
fn named(mut of: &Expression) -> Option<&Path> {
    loop {
        match of {
            Expression::Name(path) => return Some(path),
            Expression::Cast(_, inner) => of = inner,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rust::tests::{driver, told};

    #[test]
    fn calls_by_a_variable_are_of_what_it_stands_for() {
        for text in [
            "use wdk_sys::ntddk::*; fn f() { let take = ExAllocatePoolWithTag; unsafe { take(0, 8, 1); } }",
            "fn f() { let take = wdk_sys::ntddk::ExAllocatePoolWithTag; let p = unsafe { (take)(0, 8, 1) }; }",
            "use wdk_sys::ntddk::*; fn f() { let take: Take = ExAllocatePoolWithTag as Take; unsafe { take(0, 8, 1) }; }",
            "use wdk_sys::ntddk::*; fn f() { let a = ExAllocatePoolWithTag; let take = a; unsafe { take(0, 8, 1) }; }",
            "use wdk_sys::ntddk::*; const TAKE: Take = ExAllocatePoolWithTag; fn f() { unsafe { TAKE(0, 8, 1) }; }",
            "use wdk_sys::ntddk::*; static TAKE: Take = ExAllocatePoolWithTag; fn f() { unsafe { TAKE(0, 8, 1) }; }",
        ] {
            let found = told(&driver(&[("src/lib.rs", text)]));
            assert_eq!(found, ["src/lib.rs:1 f ExAllocatePoolWithTag 0x0"], "{text}");
        }
    }

    #[test]
    fn wrappers_are_pointed_to_as_well() {
        let text =
            "use wdk_sys::ntddk::*; fn take(t: i32) { unsafe { ExAllocatePoolWithTag(t, 8, 1); } }
fn f() { let g = take; g(0); }";
        let found = told(&driver(&[("src/lib.rs", text)]));
        assert_eq!(found, ["src/lib.rs:2 f ExAllocatePoolWithTag 0x0 < take"]);
    }

    /// What it may be is not known.
    #[test]
    fn what_may_stand_for_more_is_not_told() {
        for text in [
            "use wdk_sys::ntddk::*; fn f(take: Take) { unsafe { take(0, 8, 1); } }",
            "use wdk_sys::ntddk::*; fn f() { let mut take = ExAllocatePoolWithTag; take = g; unsafe { take(0, 8, 1); } }",
            "use wdk_sys::ntddk::*; fn f() { let take = choose(ExAllocatePoolWithTag); unsafe { take(0, 8, 1); } }",
            "use wdk_sys::ntddk::*; fn f() { let take = ExAllocatePoolWithTag; let take = g; unsafe { take(0, 8, 1); } }",
            "use wdk_sys::ntddk::*; fn f(k: K) { let take = ExAllocatePoolWithTag; k.take(0, 8, 1); m::take(0, 8, 1); }",
            "use wdk_sys::ntddk::*; const A: Take = B; const B: Take = A; fn f() { A(0, 8, 1); }",
        ] {
            assert_eq!(told(&driver(&[("src/lib.rs", text)])), [""; 0], "{text}");
        }
    }
}
