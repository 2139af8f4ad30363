//! Addition, subtraction and logic.

use super::{Choice, Form, WithBranch, by_condition, by_width};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::op::{Handler, Op};
use crate::interpreter::width::Width;
use iced_x86::{Instruction, Mnemonic};

/// An operation of two values at the upper ends of their words.
trait Alu {
    /// Whether the result goes to the first operand.
    const WRITES: bool = true;
    /// Whether a branch behind it is common enough for handlers of both.
    const FUSES: bool;
    fn result(a: u64, b: u64) -> u64;
    fn flags(core: &mut Core, a: u64, b: u64, r: u64, gap: u32);
}

macro_rules! operations {
    ($($name:ident $writes:literal $fuses:literal $f:expr, $flags:expr;)*) => {$(
        struct $name;

        impl Alu for $name {
            const WRITES: bool = $writes;
            const FUSES: bool = $fuses;
            #[inline(always)]
            fn result(a: u64, b: u64) -> u64 {
                $f(a, b)
            }
            #[inline(always)]
            fn flags(core: &mut Core, a: u64, b: u64, r: u64, gap: u32) {
                $flags(core, a, b, r, gap);
            }
        }
    )*};
}

operations! {
    Add true true u64::wrapping_add, |core: &mut Core, a, b, r, gap| core.flags.added(a, b, r, gap);
    Sub true true u64::wrapping_sub, |core: &mut Core, a, b, r, gap| core.flags.subtracted(a, b, r, gap);
    Cmp false true u64::wrapping_sub, |core: &mut Core, a, b, r, gap| core.flags.subtracted(a, b, r, gap);
    And true true |a, b| a & b, |core: &mut Core, _, _, r, gap| core.flags.logical(r, gap);
    Or true false |a, b| a | b, |core: &mut Core, _, _, r, gap| core.flags.logical(r, gap);
    Xor true false |a, b| a ^ b, |core: &mut Core, _, _, r, gap| core.flags.logical(r, gap);
    Test false true |a, b| a & b, |core: &mut Core, _, _, r, gap| core.flags.logical(r, gap);
}

pub(super) fn choose(i: &Instruction, form: Form) -> Option<Choice> {
    use Mnemonic as M;
    match i.mnemonic() {
        M::Add => two::<Add>(i, form),
        M::Sub => two::<Sub>(i, form),
        M::Cmp => two::<Cmp>(i, form),
        M::And => two::<And>(i, form),
        M::Or => two::<Or>(i, form),
        M::Xor => two::<Xor>(i, form),
        M::Test => two::<Test>(i, form),
        M::Inc | M::Dec | M::Neg | M::Not => one(i, form),
        M::Imul => product(i, form),
        _ => None,
    }
}

fn two<O: Alu>(i: &Instruction, form: Form) -> Option<Choice> {
    let size = Core::size(i, 0);
    let run: Handler = match form {
        Form::RegisterRegister => by_width!(size, register_register, O),
        Form::RegisterImmediate => by_width!(size, register_immediate, O),
        Form::RegisterMemory => by_width!(size, register_memory, O),
        Form::MemoryRegister => by_width!(size, memory_register, O),
        Form::MemoryImmediate => by_width!(size, memory_immediate, O),
        _ => return None,
    };
    let small = size < 4 && O::WRITES || size == 2;
    let with_branch: Option<WithBranch> = match form {
        _ if small || !O::FUSES => None,
        Form::RegisterRegister => Some(by_width!(size, branch_on_registers, O)),
        Form::RegisterImmediate => Some(by_width!(size, branch_on_immediate, O)),
        _ => None,
    };
    let without_flags: Option<Handler> = match form {
        Form::RegisterRegister if O::WRITES => Some(by_width!(size, register_register_only, O)),
        Form::RegisterImmediate if O::WRITES => Some(by_width!(size, register_immediate_only, O)),
        _ => None,
    };
    Some(Choice { run, without_flags, with_branch })
}

/// Handlers of the operation with a branch behind it, by the branch's condition.
fn branch_on_registers<O: Alu, W: Width>(condition: u8) -> Handler {
    by_condition!(condition, registers_and_branch, O, W)
}

fn branch_on_immediate<O: Alu, W: Width>(condition: u8) -> Handler {
    by_condition!(condition, immediate_and_branch, O, W)
}

fn registers_and_branch<const C: u8, O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let b = W::get(core, op.from);
    in_register::<O, W>(core, op.to, b);
    op.branch::<C>(core);
    Ok(())
}

fn immediate_and_branch<const C: u8, O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    in_register::<O, W>(core, op.to, op.value);
    op.branch::<C>(core);
    Ok(())
}

#[inline(always)]
fn in_register<O: Alu, W: Width>(core: &mut Core, to: u8, b: u64) {
    let a = W::get(core, to) << W::GAP;
    let b = b << W::GAP;
    let r = O::result(a, b);
    O::flags(core, a, b, r, W::GAP);
    if O::WRITES {
        W::put(core, to, r >> W::GAP);
    }
}

fn register_register<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let b = W::get(core, op.from);
    in_register::<O, W>(core, op.to, b);
    Ok(())
}

fn register_immediate<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    in_register::<O, W>(core, op.to, op.value);
    Ok(())
}

fn register_memory<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    let b = W::load(core, address)?;
    in_register::<O, W>(core, op.to, b);
    Ok(())
}

#[inline(always)]
fn in_memory<O: Alu, W: Width>(core: &mut Core, address: u64, b: u64) -> Outcome {
    let a = if O::WRITES { W::load_to_write(core, address)? } else { W::load(core, address)? };
    let (a, b) = (a << W::GAP, b << W::GAP);
    let r = O::result(a, b);
    if O::WRITES {
        W::store(core, address, r >> W::GAP)?;
    }
    O::flags(core, a, b, r, W::GAP);
    if O::WRITES { core.finish() } else { Ok(()) }
}

fn memory_register<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let (address, b) = (op.address(core), W::get(core, op.from));
    in_memory::<O, W>(core, address, b)
}

fn memory_immediate<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    in_memory::<O, W>(core, op.address(core), op.value)
}

fn register_register_only<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    // Nothing but addition, subtraction and logic, whose lower bits need no higher ones.
    let r = O::result(core.number(op.to), core.number(op.from));
    W::put(core, op.to, r);
    Ok(())
}

fn register_immediate_only<O: Alu, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = O::result(core.number(op.to), op.value);
    W::put(core, op.to, r);
    Ok(())
}

fn one(i: &Instruction, form: Form) -> Option<Choice> {
    use Mnemonic as M;
    let size = Core::size(i, 0);
    if form != Form::Register {
        return None;
    }
    let (run, without_flags): (Handler, Handler) = match i.mnemonic() {
        M::Inc => (by_width!(size, increment), by_width!(size, increment_only)),
        M::Dec => (by_width!(size, decrement), by_width!(size, decrement_only)),
        M::Neg => (by_width!(size, negate), by_width!(size, negate_only)),
        _ => (by_width!(size, complement), by_width!(size, complement)),
    };
    let with_branch: Option<WithBranch> = match i.mnemonic() {
        _ if size < 4 => None,
        M::Inc => Some(by_width!(size, branch_on_increment)),
        M::Dec => Some(by_width!(size, branch_on_decrement)),
        _ => None,
    };
    Some(Choice { run, without_flags: Some(without_flags), with_branch })
}

fn branch_on_increment<W: Width>(condition: u8) -> Handler {
    by_condition!(condition, step_and_branch, true, W)
}

fn branch_on_decrement<W: Width>(condition: u8) -> Handler {
    by_condition!(condition, step_and_branch, false, W)
}

fn step_and_branch<const C: u8, const UP: bool, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    step::<UP, W>(core, op);
    op.branch::<C>(core);
    Ok(())
}

/// One more or one less, which leaves the carry alone.
#[inline(always)]
fn step<const UP: bool, W: Width>(core: &mut Core, op: &Op) {
    let (a, b) = (W::get(core, op.to) << W::GAP, 1 << W::GAP);
    let r = if UP { a.wrapping_add(b) } else { a.wrapping_sub(b) };
    core.flags.stepped(a, b, r, W::GAP, UP);
    W::put(core, op.to, r >> W::GAP);
}

fn increment<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    step::<true, W>(core, op);
    Ok(())
}

fn decrement<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    step::<false, W>(core, op);
    Ok(())
}

fn increment_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.to).wrapping_add(1);
    W::put(core, op.to, r);
    Ok(())
}

fn decrement_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.to).wrapping_sub(1);
    W::put(core, op.to, r);
    Ok(())
}

fn negate<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let b = W::get(core, op.to) << W::GAP;
    let r = b.wrapping_neg();
    core.flags.subtracted(0, b, r, W::GAP);
    W::put(core, op.to, r >> W::GAP);
    Ok(())
}

fn negate_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.to).wrapping_neg();
    W::put(core, op.to, r);
    Ok(())
}

fn complement<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = !core.number(op.to);
    W::put(core, op.to, r);
    Ok(())
}

/// `imul` with two operands.
fn product(i: &Instruction, form: Form) -> Option<Choice> {
    let size = Core::size(i, 0);
    match form {
        Form::RegisterRegister => Some(Choice {
            run: by_width!(size, multiply),
            without_flags: Some(by_width!(size, multiply_only)),
            with_branch: None,
        }),
        Form::RegisterMemory => Some(Choice::only(by_width!(size, multiply_memory))),
        Form::RegisterRegisterImmediate => Some(Choice {
            run: by_width!(size, multiply_immediate),
            without_flags: Some(by_width!(size, multiply_immediate_only)),
            with_branch: None,
        }),
        _ => None,
    }
}

#[inline(always)]
fn multiplied<W: Width>(core: &mut Core, to: u8, a: u64, b: u64) {
    let spread = |value: u64| (value << W::GAP) as i64 >> W::GAP;
    let (a, b) = (spread(a), spread(b));
    let (r, beyond) = a.overflowing_mul(b);
    let matters = beyond || spread(r as u64) != r;
    W::put(core, to, r as u64);
    let others = crate::interpreter::arithmetic::wide(matters);
    core.flags.explicit((r as u64) << W::GAP, W::GAP, others);
}

fn multiply<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let (a, b) = (core.number(op.to), core.number(op.from));
    multiplied::<W>(core, op.to, a, b);
    Ok(())
}

fn multiply_memory<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    let b = W::load(core, address)?;
    multiplied::<W>(core, op.to, core.number(op.to), b);
    Ok(())
}

fn multiply_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.to).wrapping_mul(core.number(op.from));
    W::put(core, op.to, r);
    Ok(())
}

fn multiply_immediate<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    multiplied::<W>(core, op.to, core.number(op.from), op.value);
    Ok(())
}

fn multiply_immediate_only<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let r = core.number(op.from).wrapping_mul(op.value);
    W::put(core, op.to, r);
    Ok(())
}
