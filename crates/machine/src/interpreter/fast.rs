//! Handlers of their own for what compilers emit most.
//!
//! Each is made for a width and the kinds of its operands. What has none is carried out by its family,
//! which looks at the instruction anew each time.

mod arithmetic;
mod branch;
mod moves;
mod shift;
mod vectors;

use super::core::Core;
use super::op::{Handler, Op};
use iced_x86::{Instruction, OpKind, Register};

/// A handler, and one that does the same without flags, where there is one.
pub(crate) struct Choice {
    pub(crate) run: Handler,
    /// For when all flags that the instruction sets are set again before anybody can see them.
    pub(crate) without_flags: Option<Handler>,
    /// One that carries out a conditional branch as well, by its condition.
    pub(crate) with_branch: Option<WithBranch>,
}

/// A handler for an instruction with a branch behind it, by the branch's condition.
pub(crate) type WithBranch = fn(u8) -> Handler;

impl Choice {
    const fn only(run: Handler) -> Self {
        Self { run, without_flags: None, with_branch: None }
    }
}

/// The kinds of two operands: `R` a register, `M` memory, `I` an immediate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    RegisterRegister,
    RegisterImmediate,
    RegisterMemory,
    MemoryRegister,
    MemoryImmediate,
    Register,
    Memory,
    RegisterRegisterImmediate,
}

/// The operation for an instruction, where it has a handler of its own.
pub(crate) fn choose(i: &Instruction, block: u64) -> Option<(Op, Choice)> {
    let choice = branch::choose(i).or_else(|| {
        let form = form(i)?;
        arithmetic::choose(i, form)
            .or_else(|| moves::choose(i, form))
            .or_else(|| shift::choose(i, form))
            .or_else(|| vectors::choose(i, form))
    })?;
    let mut op = Op::new(choice.run, i, block);
    let mut has_memory = false;
    for operand in 0..i.op_count().min(2) {
        match (operand, i.op_kind(operand)) {
            (0, OpKind::Register) => op.to = number(i.op_register(0))?,
            (_, OpKind::Register) => op.from = number(i.op_register(1))?,
            (_, OpKind::Memory) => has_memory = true,
            _ => {}
        }
    }
    op.value = value(i);
    if has_memory && !op.takes_memory(i, block) {
        return None;
    }
    Some((op, choice))
}

/// The immediate at the end, or where a branch leads.
fn value(i: &Instruction) -> u64 {
    let Some(last) = i.op_count().checked_sub(1) else { return 0 };
    match i.op_kind(last) {
        OpKind::NearBranch64 => i.near_branch_target(),
        OpKind::Register | OpKind::Memory => 0,
        _ => i.try_immediate(last).unwrap_or(0) & super::operand::mask(Core::size(i, 0).max(1)),
    }
}

/// The number of a general or vector register; not of AH and its like.
fn number(register: Register) -> Option<u8> {
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    let whole = register.is_gpr() || register.is_xmm();
    (whole && !high).then(|| register.full_register().number() as u8)
}

fn form(i: &Instruction) -> Option<Form> {
    let is_immediate = |operand| !matches!(i.op_kind(operand), OpKind::Register | OpKind::Memory);
    Some(match (i.op_count(), i.op0_kind()) {
        (1, OpKind::Register) => Form::Register,
        (1, OpKind::Memory) => Form::Memory,
        (2, OpKind::Register) if i.op1_kind() == OpKind::Register => Form::RegisterRegister,
        (2, OpKind::Register) if i.op1_kind() == OpKind::Memory => Form::RegisterMemory,
        (2, OpKind::Register) if is_immediate(1) => Form::RegisterImmediate,
        (2, OpKind::Memory) if i.op1_kind() == OpKind::Register => Form::MemoryRegister,
        (2, OpKind::Memory) if is_immediate(1) => Form::MemoryImmediate,
        (3, OpKind::Register) if i.op1_kind() == OpKind::Register && is_immediate(2) => {
            Form::RegisterRegisterImmediate
        }
        _ => return None,
    })
}

/// A handler for the width of an instruction's first operand.
macro_rules! by_width {
    ($size:expr, $handler:ident $(, $other:ty)*) => {
        match $size {
            1 => $handler::<$($other,)* crate::interpreter::width::B1>,
            2 => $handler::<$($other,)* crate::interpreter::width::B2>,
            4 => $handler::<$($other,)* crate::interpreter::width::B4>,
            _ => $handler::<$($other,)* crate::interpreter::width::B8>,
        }
    };
}

/// A handler for a condition.
macro_rules! by_condition {
    ($condition:expr, $handler:ident $(, $other:tt)*) => {
        match $condition {
            0 => $handler::<0 $(, $other)*>,
            1 => $handler::<1 $(, $other)*>,
            2 => $handler::<2 $(, $other)*>,
            3 => $handler::<3 $(, $other)*>,
            4 => $handler::<4 $(, $other)*>,
            5 => $handler::<5 $(, $other)*>,
            6 => $handler::<6 $(, $other)*>,
            7 => $handler::<7 $(, $other)*>,
            8 => $handler::<8 $(, $other)*>,
            9 => $handler::<9 $(, $other)*>,
            10 => $handler::<10 $(, $other)*>,
            11 => $handler::<11 $(, $other)*>,
            12 => $handler::<12 $(, $other)*>,
            13 => $handler::<13 $(, $other)*>,
            14 => $handler::<14 $(, $other)*>,
            _ => $handler::<15 $(, $other)*>,
        }
    };
}

use {by_condition, by_width};
