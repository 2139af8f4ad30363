//! Memory that Rust is given and runs: a pointer to functions that holds nothing else.

use super::expression::Expression;
use super::reaching::reaching;
use super::syntax::{Begin, Call, Function, Manner};
use super::world::World;
use crate::calls::CallId;
use crate::code_use::gives_memory;
use crate::{CodeUse, CodeUseKind, Span};
use ringfence_ddi::Ddi;
use std::ops::Range;

/// How many variables are looked through for one that is called.
const DEEPEST: usize = 4;
/// How many calls of variables are looked at in a file, and how many changes a variable may have.
const MOST_CALLS: usize = 1_000;
const MOST_CHANGES: usize = 32;

/// The calls of what DDIs gave, in all files that were read.
pub(super) fn uses(world: &World<'_>) -> Vec<CodeUse> {
    let mut found = Vec::new();
    for (parsed, file) in world.files.iter().enumerate() {
        let mut left = MOST_CALLS;
        for call in &file.syntax.calls {
            let Some((function, name)) = variable(&file.syntax.functions, call) else { continue };
            left -= 1;
            if let Some((ddi, given)) =
                memory(world, parsed, function, name, call.whole.start, DEEPEST)
            {
                found.push(CodeUse {
                    kind: CodeUseKind::Run(ddi.name),
                    span: Span::new(file.file, call.whole.clone()),
                    function: Some(function.name.to_string()),
                    name: name.to_owned(),
                    from: vec![Span::new(file.file, given)],
                });
            }
            if left == 0 {
                break;
            }
        }
    }
    found.sort_by_key(|one| one.span);
    found
}

/// The variable that a call is of, with the function that has it.
fn variable<'f>(functions: &'f [Function], call: &'f Call) -> Option<(&'f Function, &'f str)> {
    let function = functions.get(call.function?)?;
    let [name] = &call.path.segments[..] else { return None };
    let is_it = call.manner == Manner::Plain && function.variables.contains_key(name);
    is_it.then_some((function, name))
}

/// The DDI whose memory a variable holds at a byte, whatever path is taken, and the call that gave it.
fn memory(
    world: &World<'_>,
    parsed: usize,
    function: &Function,
    name: &str,
    at: usize,
    left: usize,
) -> Option<(&'static Ddi, Range<usize>)> {
    let all = function.variables.get(name)?;
    if all.changes.len() > MOST_CHANGES {
        return None;
    }
    let binding = all.at(at, usize::MAX).filter(|binding| !binding.is_open)?;
    let reaching = reaching(all, binding, &function.loops, at);
    let Begin::Value(value) = &binding.begin else { return None };
    if !reaching.begins || !reaching.changes.is_empty() {
        return None;
    }
    match without_conversions(value) {
        Expression::Name(path) => {
            let [name] = &path.segments[..] else { return None };
            memory(world, parsed, function, name, binding.at, left.checked_sub(1)?)
        }
        Expression::Call(_, range) => {
            let calls = &world.files[parsed].syntax.calls;
            let call = calls.iter().position(|call| call.whole == *range)?;
            let ddi = world.ddi(CallId { parsed, call })?;
            gives_memory(ddi.name).then(|| (ddi, range.clone()))
        }
        _ => None,
    }
}

fn without_conversions(mut of: &Expression) -> &Expression {
    while let Expression::Cast(64, inner) = of {
        of = inner;
    }
    of
}

#[cfg(test)]
mod tests {
    use super::super::tests::driver;
    use crate::{CodeUseKind, analyse};

    fn told(code: &str) -> Vec<String> {
        let text = format!(
            "use wdk_sys::{{*, ntddk::*}}; use core::mem::transmute;\nunsafe fn f(s: *const u8, known: fn()) {{ {code} }}"
        );
        let tree = driver(&[("src/lib.rs", &text)]);
        let told = |one: &crate::CodeUse| {
            let CodeUseKind::Run(ddi) = one.kind else { return String::new() };
            assert_eq!(one.from.len(), 1);
            assert!(tree.text(one.from[0]).starts_with("ExAllocate") || ddi == "MmMapIoSpace");
            format!("{} runs memory of {ddi}", one.name)
        };
        analyse(&tree, &[], &[]).code_uses.iter().map(told).collect()
    }

    #[test]
    fn memory_that_is_called() {
        for (code, ddi) in [
            (
                "let p = ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 1); let f: extern \"C\" fn() = transmute(p); f();",
                "ExAllocatePool2",
            ),
            (
                "let p = unsafe { ExAllocatePoolWithTag(0, 64, 1) } as *mut u8; if p.is_null() { return; } copy(s, p, 64); let f = core::mem::transmute::<*mut u8, fn(u32)>(p); f(1);",
                "ExAllocatePoolWithTag",
            ),
            (
                "let f: fn() = unsafe { transmute(ExAllocatePool2(0x80, 64, 1)) }; unsafe { f() };",
                "ExAllocatePool2",
            ),
            ("let f: fn() = transmute(MmMapIoSpace(a, 64, 0).cast::<u8>()); f();", "MmMapIoSpace"),
        ] {
            assert_eq!(told(code), [format!("f runs memory of {ddi}")], "{code}");
        }
    }

    /// What may hold anything else is not told.
    #[test]
    fn what_is_not_plain_is_not_told() {
        for code in [
            "let p = ExAllocatePool2(0x80, 64, 1); known(); g(p);",
            "let mut f: fn() = transmute(ExAllocatePool2(0x80, 64, 1)); if x { f = known; } f();",
            "let mut f: fn() = known; if x { f = transmute(ExAllocatePool2(0x80, 64, 1)); } f();",
            "let p = ExAllocatePool2(0x80, 64, 1); let f: fn() = transmute(lookup(p)); f();",
            "let p = ExAllocatePool2(0x80, 64, 1) as *mut fn(); let f = *p; f();",
            "let mut f: fn() = transmute(ExAllocatePool2(0x80, 64, 1)); set(&mut f); f();",
            "let f: fn() = transmute(PsGetCurrentProcess()); f();",
            "let f = known; { let f: fn() = transmute(ExAllocatePool2(0x80, 64, 1)); } f();",
            "let f: fn() = transmute(ExAllocatePool2(0x80, 64, 1)); self.f(); m::f();",
        ] {
            assert_eq!(told(code), [""; 0], "{code}");
        }
    }
}
