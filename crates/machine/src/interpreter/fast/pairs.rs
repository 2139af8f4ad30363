//! Superinstructions: two operations behind one jump.
//!
//! Going from one handler to the next takes this processor longer than what most handlers do. Where one of
//! these operations comes before another, the handler of the first carries out the second as well. Operations
//! stay what they are, so that nothing else need know.
//!
//! It is the commonest of 64 bits in chains of work with registers. Each more costs a handler with each other.

use super::arithmetic::{self, Alu, in_register, result_only};
use super::moves::{address, copy, extend_register, load};
use super::multiply::product_only;
use super::shift::{left_only, right_only, rotate_only};
use super::{AtHand, Form, form, unary};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::input::{Base, First, From, Given, Index, Input, Value};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Handler};
use crate::interpreter::width::{B1, B4, B8, Width};
use iced_x86::{Instruction, Mnemonic};

/// What an operation does, as a type.
trait Action {
    fn act(core: &mut Core, op: &Op, given: u64) -> Handed;
}

macro_rules! paired {
    ($($name:ident $action:expr;)*) => {
        /// An operation that can be one of two.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Paired {
            $($name,)*
        }

        $(
            struct $name;

            impl Action for $name {
                #[inline(always)]
                fn act(core: &mut Core, op: &Op, given: u64) -> Handed {
                    $action(core, op, given)
                }
            }
        )*

        /// A handler of two operations.
        pub(crate) fn both(first: Paired, second: Paired) -> Handler {
            match first {
                $(Paired::$name => and::<$name>(second),)*
            }
        }

        fn and<A: Action>(second: Paired) -> Handler {
            match second {
                $(Paired::$name => two::<A, $name>,)*
            }
        }
    };
}

paired! {
    Add result_only::<arithmetic::Add, First, From, B8>;
    AddToGiven result_only::<arithmetic::Add, Given<First>, From, B8>;
    AddGiven result_only::<arithmetic::Add, First, Given<From>, B8>;
    AddNumber result_only::<arithmetic::Add, First, Value, B8>;
    AddNumberToGiven result_only::<arithmetic::Add, Given<First>, Value, B8>;
    Sub result_only::<arithmetic::Sub, First, From, B8>;
    SubFromGiven result_only::<arithmetic::Sub, Given<First>, From, B8>;
    SubGiven result_only::<arithmetic::Sub, First, Given<From>, B8>;
    Xor result_only::<arithmetic::Xor, First, From, B8>;
    XorToGiven result_only::<arithmetic::Xor, Given<First>, From, B8>;
    XorGiven result_only::<arithmetic::Xor, First, Given<From>, B8>;
    AndNumber result_only::<arithmetic::And, First, Value, B8>;
    AndNumberToGiven result_only::<arithmetic::And, Given<First>, Value, B8>;
    MultiplyNumber product_only::<From, Value, B8>;
    MultiplyGiven product_only::<Given<First>, From, B8>;
    ShiftGivenLeft left_only::<Given<First>, B8>;
    ShiftGivenRight right_only::<Given<First>, B8>;
    RotateGivenLeft rotate_only::<Given<First>, B8, true>;
    Address address::<Base, Index, B8>;
    AddressOfGivenBase address::<Given<Base>, Index, B8>;
    AddressOfGivenIndex address::<Base, Given<Index>, B8>;
    Copy copy::<From, B8>;
    CopyHalf copy::<From, B4>;
    Number copy::<Value, B8>;
    Load load::<B8>;
    LoadHalf load::<B4>;
    Byte extend_register::<B1, B4, false>;
    CompareGiven in_register::<arithmetic::Cmp, Given<First>, From, B8>;
}

/// An operation that sets flags, with `dec` and `jnz` behind it. `dec` leaves the carry alone, so what comes
/// before cannot leave out its flags; but both can where the block is run again.
fn counted<O: Alu, A: Input, B: Input>(core: &mut Core, ops: &[Op], given: u64) -> Outcome {
    let [op, last] = ops else { return Ok(()) };
    let (a, b) = (A::get(core, op, given), B::get(core, op, given));
    let r = O::result(a, b);
    if O::WRITES {
        B8::put(core, op.to, r);
    }
    let count = unary::stepped::<false, First, B8>(core, last, r);
    B8::put(core, last.to, count);
    last.branch::<NOT_ZERO>(core, |flags| {
        O::flags(flags, a, b, r, B8::GAP);
        flags.stepped(count, B8::GAP, false);
    })
}

/// A handler of an instruction with `dec` and `jnz` behind it.
pub(crate) fn with_count_down(i: &Instruction, at_hand: AtHand) -> Option<Handler> {
    use Mnemonic as M;
    match Paired::of(i, at_hand, false) {
        Some(Paired::Address) => return Some(and_count_down::<Address>),
        Some(Paired::AddressOfGivenBase) => return Some(and_count_down::<AddressOfGivenBase>),
        Some(Paired::AddressOfGivenIndex) => return Some(and_count_down::<AddressOfGivenIndex>),
        Some(Paired::Load) => return Some(and_count_down::<Load>),
        Some(Paired::Byte) => return Some(and_count_down::<Byte>),
        _ if Core::size(i, 0) != 8 => return None,
        _ => {}
    }
    match i.mnemonic() {
        M::Add => counted_by_form::<arithmetic::Add>(i, at_hand),
        M::Sub => counted_by_form::<arithmetic::Sub>(i, at_hand),
        M::Cmp => counted_by_form::<arithmetic::Cmp>(i, at_hand),
        M::And => counted_by_form::<arithmetic::And>(i, at_hand),
        M::Or => counted_by_form::<arithmetic::Or>(i, at_hand),
        M::Xor => counted_by_form::<arithmetic::Xor>(i, at_hand),
        _ => None,
    }
}

fn counted_by_form<O: Alu>(i: &Instruction, at_hand: AtHand) -> Option<Handler> {
    Some(match form(i)? {
        Form::RegisterRegister if at_hand.is_first(i) => counted::<O, Given<First>, From>,
        Form::RegisterRegister if at_hand.is_second(i) => counted::<O, First, Given<From>>,
        Form::RegisterRegister => counted::<O, First, From>,
        Form::RegisterImmediate if at_hand.is_first(i) => counted::<O, Given<First>, Value>,
        Form::RegisterImmediate => counted::<O, First, Value>,
        _ => return None,
    })
}

/// The condition of `jnz`.
pub(crate) const NOT_ZERO: u8 = 5;

fn two<A: Action, B: Action>(core: &mut Core, ops: &[Op], given: u64) -> Outcome {
    let [first, second, rest @ ..] = ops else { return Ok(()) };
    let given = A::act(core, first, given).inspect_err(|_| core.unfinished = ops.len())?;
    let given = B::act(core, second, given).inspect_err(|_| core.unfinished = rest.len() + 1)?;
    (second.then)(core, rest, given)
}

/// An operation that leaves flags alone, with `dec` and `jnz` behind it.
fn and_count_down<A: Action>(core: &mut Core, ops: &[Op], given: u64) -> Outcome {
    let [op, last] = ops else { return Ok(()) };
    A::act(core, op, given).inspect_err(|_| core.unfinished = 2)?;
    unary::and_branch::<NOT_ZERO, false, First, B8>(core, last, 0)
}

impl Paired {
    /// What an operation without flags is among these, or one whose flags nobody leaves out.
    pub(crate) fn of(i: &Instruction, at_hand: AtHand, without_flags: bool) -> Option<Self> {
        use Mnemonic as M;
        let form = form(i)?;
        let wide = Core::size(i, 0) == 8;
        let half = Core::size(i, 0) == 4;
        let general = i.op0_register().is_gpr();
        Some(match (i.mnemonic(), form) {
            (M::Movzx, Form::RegisterRegister)
                if Core::size(i, 0) >= 4 && Core::size(i, 1) == 1 =>
            {
                Self::Byte
            }
            (M::Mov, Form::RegisterRegister) if half && general => Self::CopyHalf,
            (M::Mov, Form::RegisterMemory) if half && general => Self::LoadHalf,
            // A number of 32 bits has zeros above.
            (M::Mov, Form::RegisterImmediate) if half || wide => Self::Number,
            (M::Xor | M::Sub, Form::RegisterRegister)
                if without_flags && (half || wide) && i.op0_register() == i.op1_register() =>
            {
                Self::Number
            }
            _ if !wide => return None,
            (M::Mov, Form::RegisterRegister) if general => Self::Copy,
            (M::Mov, Form::RegisterMemory) if general => Self::Load,
            (M::Cmp, Form::RegisterRegister) if at_hand.is_first(i) => Self::CompareGiven,
            (M::Lea, Form::RegisterMemory) if at_hand.is_base(i) => Self::AddressOfGivenBase,
            (M::Lea, Form::RegisterMemory) if at_hand.is_index(i) => Self::AddressOfGivenIndex,
            (M::Lea, Form::RegisterMemory) => Self::Address,
            _ if !without_flags => return None,
            _ if at_hand.is_first(i) => Self::of_given(i.mnemonic(), form)?,
            (M::Add, Form::RegisterRegister) if at_hand.is_second(i) => Self::AddGiven,
            (M::Sub, Form::RegisterRegister) if at_hand.is_second(i) => Self::SubGiven,
            (M::Xor, Form::RegisterRegister) if at_hand.is_second(i) => Self::XorGiven,
            (M::Add, Form::RegisterRegister) => Self::Add,
            (M::Sub, Form::RegisterRegister) => Self::Sub,
            (M::Xor, Form::RegisterRegister) => Self::Xor,
            (M::Imul, Form::RegisterRegisterImmediate) => Self::MultiplyNumber,
            (M::Add, Form::RegisterImmediate) => Self::AddNumber,
            (M::And, Form::RegisterImmediate) => Self::AndNumber,
            _ => return None,
        })
    }

    /// What it is where its first operand is given.
    fn of_given(mnemonic: Mnemonic, form: Form) -> Option<Self> {
        use Mnemonic as M;
        Some(match (mnemonic, form) {
            (M::Add, Form::RegisterRegister) => Self::AddToGiven,
            (M::Sub, Form::RegisterRegister) => Self::SubFromGiven,
            (M::Xor, Form::RegisterRegister) => Self::XorToGiven,
            (M::Imul, Form::RegisterRegister) => Self::MultiplyGiven,
            (M::Add, Form::RegisterImmediate) => Self::AddNumberToGiven,
            (M::And, Form::RegisterImmediate) => Self::AndNumberToGiven,
            (M::Shl | M::Sal, Form::RegisterImmediate) => Self::ShiftGivenLeft,
            (M::Shr, Form::RegisterImmediate) => Self::ShiftGivenRight,
            (M::Rol, Form::RegisterImmediate) => Self::RotateGivenLeft,
            _ => return None,
        })
    }
}
