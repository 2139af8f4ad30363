//! Handlers of their own for what compilers emit most.
//!
//! Each is made for a width and the kinds of its operands. What has none is carried out by its family,
//! which looks at the instruction anew each time.

mod arithmetic;
mod branch;
mod moves;
mod multiply;
pub(crate) mod pairs;
mod shift;
mod unary;
mod vectors;

use super::core::Core;
use super::op::Op;
use super::threaded::{Handler, Hands};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// A handler, and one that does the same without flags, where there is one.
pub(crate) struct Choice {
    pub(crate) run: Handler,
    pub(crate) hands: Hands,
    /// For when all flags that the instruction sets are set again before anybody can see them.
    pub(crate) without_flags: Option<Handler>,
    /// One that carries out a conditional branch as well, by its condition.
    pub(crate) with_branch: Option<WithBranch>,
}

/// A handler for an instruction with a branch behind it, by the branch's condition.
pub(crate) type WithBranch = fn(u8) -> Handler;

impl Choice {
    const fn new(run: Handler, hands: Hands) -> Self {
        Self { run, hands, without_flags: None, with_branch: None }
    }
}

/// What an instruction can have otherwise than from the registers it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AtHand {
    /// The general register whose value the operation before hands on.
    given: Option<u8>,
    /// The register of which the first operand is a copy, where the operation makes that copy as well.
    copied: Option<u8>,
}

impl AtHand {
    /// At the beginning of a block.
    pub(crate) const NOTHING: Self = Self { given: None, copied: None };

    /// What is at hand behind this operation.
    pub(crate) fn behind(self, op: &Op, hands: Hands) -> Self {
        let given = match hands {
            Hands::Result => Some(op.to),
            Hands::Given => self.given,
            Hands::Nothing => None,
        };
        Self { given, copied: None }
    }

    /// The same for an operation that copies this register to its first operand before anything else.
    pub(crate) const fn copying(self, register: u8) -> Self {
        Self { given: self.given, copied: Some(register) }
    }

    fn is(self, register: Register) -> bool {
        register.is_gpr() && self.given.is_some() && number(register) == self.given
    }

    /// Whether it is the first operand.
    fn is_first(self, i: &Instruction) -> bool {
        match self.copied {
            Some(copied) => self.given == Some(copied),
            None => self.is(i.op0_register()),
        }
    }

    /// Whether it is the second operand.
    fn is_second(self, i: &Instruction) -> bool {
        self.is(i.op1_register())
    }

    /// Whether it is the base of the address.
    fn is_base(self, i: &Instruction) -> bool {
        self.is(i.memory_base())
    }

    /// Whether it is the index of the address.
    fn is_index(self, i: &Instruction) -> bool {
        self.is(i.memory_index())
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
pub(crate) fn choose(i: &Instruction, block: u64, at_hand: AtHand) -> Option<(Op, Choice)> {
    let choice = branch::choose(i).or_else(|| {
        let form = form(i)?;
        arithmetic::choose(i, form, at_hand)
            .or_else(|| moves::choose(i, form, at_hand))
            .or_else(|| unary::choose(i, form, at_hand))
            .or_else(|| multiply::choose(i, form, at_hand))
            .or_else(|| shift::choose(i, form, at_hand))
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
    op.first = at_hand.copied.unwrap_or(op.to);
    if has_memory && !op.takes_memory(i, block) {
        return None;
    }
    Some((op, choice))
}

/// Whether an instruction changes its first operand, a register of which a copy was just made, and can as well
/// make that copy itself.
pub(crate) fn takes_copy(copy: &Instruction, i: &Instruction) -> bool {
    use Mnemonic as M;
    let changes = matches!(
        i.mnemonic(),
        M::Add
            | M::Sub
            | M::And
            | M::Or
            | M::Xor
            | M::Inc
            | M::Dec
            | M::Neg
            | M::Not
            | M::Shl
            | M::Shr
            | M::Sar
            | M::Rol
            | M::Ror
    );
    let is_copy = copy.mnemonic() == M::Mov && form(copy) == Some(Form::RegisterRegister);
    let (to, size) = (copy.op0_register(), copy.op0_register().size());
    let second =
        (i.op_count() > 1).then(|| i.op1_register()).filter(|register| *register != Register::None);
    changes
        && is_copy
        && to.is_gpr()
        && copy.op1_register().is_gpr()
        && size >= 4
        && i.op0_register() == to
        && !matches!(form(i), None | Some(Form::RegisterMemory))
        && second != Some(to)
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

/// A handler for the width of an instruction's first operand, of a kind that `threaded` knows.
macro_rules! by_width {
    ($kind:ident, $size:expr, $handler:ident $(, $other:tt)*) => {
        match $size {
            1 => $kind!($handler::<$($other,)* crate::interpreter::width::B1>),
            2 => $kind!($handler::<$($other,)* crate::interpreter::width::B2>),
            4 => $kind!($handler::<$($other,)* crate::interpreter::width::B4>),
            _ => $kind!($handler::<$($other,)* crate::interpreter::width::B8>),
        }
    };
}

/// A handler for a condition, of a kind that `threaded` knows.
macro_rules! by_condition {
    ($kind:ident, $condition:expr, $handler:ident $(, $other:tt)*) => {
        match $condition {
            0 => $kind!($handler::<0 $(, $other)*>),
            1 => $kind!($handler::<1 $(, $other)*>),
            2 => $kind!($handler::<2 $(, $other)*>),
            3 => $kind!($handler::<3 $(, $other)*>),
            4 => $kind!($handler::<4 $(, $other)*>),
            5 => $kind!($handler::<5 $(, $other)*>),
            6 => $kind!($handler::<6 $(, $other)*>),
            7 => $kind!($handler::<7 $(, $other)*>),
            8 => $kind!($handler::<8 $(, $other)*>),
            9 => $kind!($handler::<9 $(, $other)*>),
            10 => $kind!($handler::<10 $(, $other)*>),
            11 => $kind!($handler::<11 $(, $other)*>),
            12 => $kind!($handler::<12 $(, $other)*>),
            13 => $kind!($handler::<13 $(, $other)*>),
            14 => $kind!($handler::<14 $(, $other)*>),
            _ => $kind!($handler::<15 $(, $other)*>),
        }
    };
}

use {by_condition, by_width};
