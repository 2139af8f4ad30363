//! Threaded code: each operation goes on to the one behind it.
//!
//! The compiler turns the call at the end of a handler into a jump, so a block is run without coming back to a
//! loop between its operations. Where it does not, as without optimisation, calls nest no deeper than a block
//! is long.
//!
//! The value that an operation wrote is handed to the next one as an argument, which is in a register of this
//! processor. What reads it from there need not wait for the store to be seen by a load.

use super::core::{Core, Outcome, Stop};
use super::op::Op;

/// Carries out the first operation and those behind it. The number is what the one before it handed on.
pub(crate) type Handler = fn(&mut Core, &[Op], u64) -> Outcome;

/// What the action of an operation hands on, or why it stops.
pub(crate) type Handed = Result<u64, Stop>;

/// What an operation hands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hands {
    /// What the register `Op::to` holds now.
    Result,
    /// What was handed to it: it writes no general register.
    Given,
    /// Nothing that is of use.
    Nothing,
}

/// Carries out one operation, whose action gives what it hands on, and goes on to the next.
#[inline(always)]
pub(crate) fn step(
    core: &mut Core,
    ops: &[Op],
    given: u64,
    action: impl FnOnce(&mut Core, &Op, u64) -> Handed,
) -> Outcome {
    let [op, rest @ ..] = ops else { return Ok(()) };
    match action(core, op, given) {
        Ok(handed) => (op.then)(core, rest, handed),
        Err(stop) => {
            core.unfinished = ops.len();
            Err(stop)
        }
    }
}

/// A handler of an action that takes what it was given, and hands on what it returns.
macro_rules! handing {
    ($action:expr) => {{
        let run: crate::interpreter::threaded::Handler =
            |core, ops, given| crate::interpreter::threaded::step(core, ops, given, $action);
        run
    }};
}

/// Goes on with nothing: what stands behind the last operation of a block.
pub(crate) fn nothing(_: &mut Core, _: &[Op], _: u64) -> Outcome {
    Ok(())
}

/// Lets each operation know the handler of the one behind it. Tells that of the first.
pub(crate) fn link(ops: &mut [Op]) -> Handler {
    let mut then: Handler = nothing;
    for op in ops.iter_mut().rev() {
        op.then = then;
        then = op.run;
    }
    then
}

/// Carries out the last operation of a block.
#[inline(always)]
pub(crate) fn end(
    core: &mut Core,
    ops: &[Op],
    given: u64,
    action: impl FnOnce(&mut Core, &Op, u64) -> Outcome,
) -> Outcome {
    let [op, ..] = ops else { return Ok(()) };
    action(core, op, given).inspect_err(|stop| {
        if *stop != Stop::Again {
            core.unfinished = 1;
        }
    })
}

/// A handler of an action that ends its block.
macro_rules! ending {
    ($action:expr) => {{
        let run: crate::interpreter::threaded::Handler =
            |core, ops, given| crate::interpreter::threaded::end(core, ops, given, $action);
        run
    }};
}

/// A handler of an action that knows nothing of what is handed on.
macro_rules! handler {
    ($action:expr) => {
        crate::interpreter::threaded::handing!(|core, op, given| {
            $action(core, op)?;
            Ok(given)
        })
    };
}

pub(crate) use {ending, handing, handler};
