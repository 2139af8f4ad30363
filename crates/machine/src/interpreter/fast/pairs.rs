//! Superinstructions: two operations behind one jump.
//!
//! Going from one handler to the next takes this processor longer than what most handlers do. Where one of
//! these operations comes before another, the handler of the first carries out the second as well. Operations
//! stay what they are, so that nothing else need know.
//!
//! It is the commonest in chains of work with registers of 64 bits and of 32. Each more costs a handler with each
//! other.

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

/// What an operation does among those of a width, as a type.
trait Action<W: Width> {
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

            impl<W: Width> Action<W> for $name {
                #[inline(always)]
                fn act(core: &mut Core, op: &Op, given: u64) -> Handed {
                    $action(core, op, given)
                }
            }
        )*

        fn of_width<W: Width>(first: Paired, second: Paired) -> Handler {
            match first {
                $(Paired::$name => and::<$name, W>(second),)*
            }
        }

        fn and<A: Action<W>, W: Width>(second: Paired) -> Handler {
            match second {
                $(Paired::$name => two::<A, $name, W>,)*
            }
        }
    };
}

paired! {
    Add result_only::<arithmetic::Add, First, From, W>;
    AddToGiven result_only::<arithmetic::Add, Given<First>, From, W>;
    AddGiven result_only::<arithmetic::Add, First, Given<From>, W>;
    AddNumber result_only::<arithmetic::Add, First, Value, W>;
    AddNumberToGiven result_only::<arithmetic::Add, Given<First>, Value, W>;
    Sub result_only::<arithmetic::Sub, First, From, W>;
    SubFromGiven result_only::<arithmetic::Sub, Given<First>, From, W>;
    SubGiven result_only::<arithmetic::Sub, First, Given<From>, W>;
    Xor result_only::<arithmetic::Xor, First, From, W>;
    XorToGiven result_only::<arithmetic::Xor, Given<First>, From, W>;
    XorGiven result_only::<arithmetic::Xor, First, Given<From>, W>;
    AndNumber result_only::<arithmetic::And, First, Value, W>;
    AndNumberToGiven result_only::<arithmetic::And, Given<First>, Value, W>;
    MultiplyNumber product_only::<From, Value, W>;
    MultiplyGiven product_only::<Given<First>, From, W>;
    ShiftGivenLeft left_only::<Given<First>, W>;
    ShiftGivenRight right_only::<Given<First>, W>;
    RotateGivenLeft rotate_only::<Given<First>, W, true>;
    Address address::<Base, Index, W>;
    AddressOfGivenBase address::<Given<Base>, Index, W>;
    AddressOfGivenIndex address::<Base, Given<Index>, W>;
    Copy copy::<From, W>;
    CopyHalf copy::<From, B4>;
    Number copy::<Value, B8>;
    Load load::<W>;
    LoadHalf load::<B4>;
    Byte extend_register::<B1, B4, false>;
    CompareGiven in_register::<arithmetic::Cmp, Given<First>, From, W>;
}

/// An instruction that may be one of two.
pub(crate) struct Pairable<'a> {
    pub(crate) i: &'a Instruction,
    pub(crate) at_hand: AtHand,
    /// Whether its flags are left out.
    pub(crate) quiet: bool,
}

/// An operation that sets flags, with `dec` and `jnz` behind it. `dec` leaves the carry alone, so what comes
/// before cannot leave out its flags; but both can where the block is run again.
fn counted<O: Alu, A: Input, B: Input, W: Width, C: Width>(
    core: &mut Core,
    ops: &[Op],
    given: u64,
) -> Outcome {
    let [op, last] = ops else { return Ok(()) };
    let (a, b) = (A::get(core, op, given) << W::GAP, B::get(core, op, given) << W::GAP);
    let r = O::result(a, b);
    if O::WRITES {
        W::put(core, op.to, r >> W::GAP);
    }
    let count = unary::stepped::<false, First, C>(core, last, 0);
    C::put(core, last.to, count >> C::GAP);
    last.branch::<NOT_ZERO>(core, |flags| {
        O::flags(flags, a, b, r, W::GAP);
        flags.stepped(count, C::GAP, false);
    })
}

/// A handler of an instruction with `dec` and `jnz` of so many bytes behind it.
pub(crate) fn with_count_down(first: &Pairable<'_>, count: usize) -> Option<Handler> {
    match (Core::size(first.i, 0), count) {
        (8, 8) => of_flags_with::<B8, B8>(first).or_else(|| of_none_with::<B8>(first)),
        (4, 8) => of_flags_with::<B4, B8>(first).or_else(|| of_none_with::<B4>(first)),
        (8, 4) => of_flags_with::<B8, B4>(first),
        (4, 4) => of_flags_with::<B4, B4>(first),
        _ => None,
    }
}

fn of_none_with<W: Width>(first: &Pairable<'_>) -> Option<Handler> {
    Some(match Paired::of(first, W::BYTES)? {
        Paired::Address => and_count_down::<Address, W>,
        Paired::AddressOfGivenBase => and_count_down::<AddressOfGivenBase, W>,
        Paired::AddressOfGivenIndex => and_count_down::<AddressOfGivenIndex, W>,
        Paired::Load => and_count_down::<Load, W>,
        Paired::Byte => and_count_down::<Byte, W>,
        _ => return None,
    })
}

fn of_flags_with<W: Width, C: Width>(first: &Pairable<'_>) -> Option<Handler> {
    use Mnemonic as M;
    match first.i.mnemonic() {
        M::Add => counted_by_form::<arithmetic::Add, W, C>(first),
        M::Sub => counted_by_form::<arithmetic::Sub, W, C>(first),
        M::Cmp => counted_by_form::<arithmetic::Cmp, W, C>(first),
        M::And => counted_by_form::<arithmetic::And, W, C>(first),
        M::Or => counted_by_form::<arithmetic::Or, W, C>(first),
        M::Xor => counted_by_form::<arithmetic::Xor, W, C>(first),
        _ => None,
    }
}

fn counted_by_form<O: Alu, W: Width, C: Width>(first: &Pairable<'_>) -> Option<Handler> {
    let (i, at_hand) = (first.i, first.at_hand);
    Some(match form(i)? {
        Form::RegisterRegister if at_hand.is_first(i) => counted::<O, Given<First>, From, W, C>,
        Form::RegisterRegister if at_hand.is_second(i) => counted::<O, First, Given<From>, W, C>,
        Form::RegisterRegister => counted::<O, First, From, W, C>,
        Form::RegisterImmediate if at_hand.is_first(i) => counted::<O, Given<First>, Value, W, C>,
        Form::RegisterImmediate => counted::<O, First, Value, W, C>,
        _ => return None,
    })
}

/// The condition of `jnz`.
pub(crate) const NOT_ZERO: u8 = 5;

/// A handler of two instructions, the first of which is handed this, the second that.
pub(crate) fn both(first: &Pairable<'_>, second: &Pairable<'_>) -> Option<Handler> {
    let of = |size| Some((Paired::of(first, size)?, Paired::of(second, size)?));
    match (of(8), of(4)) {
        (Some((first, second)), _) => Some(of_width::<B8>(first, second)),
        (None, Some((first, second))) => Some(of_width::<B4>(first, second)),
        (None, None) => None,
    }
}

fn two<A: Action<W>, B: Action<W>, W: Width>(core: &mut Core, ops: &[Op], given: u64) -> Outcome {
    let [first, second, rest @ ..] = ops else { return Ok(()) };
    let given = A::act(core, first, given).inspect_err(|_| core.unfinished = ops.len())?;
    let given = B::act(core, second, given).inspect_err(|_| core.unfinished = rest.len() + 1)?;
    (second.then)(core, rest, given)
}

/// An operation that leaves flags alone, with `dec` and `jnz` behind it.
fn and_count_down<A: Action<W>, W: Width>(core: &mut Core, ops: &[Op], given: u64) -> Outcome {
    let [op, last] = ops else { return Ok(()) };
    A::act(core, op, given).inspect_err(|_| core.unfinished = 2)?;
    unary::and_branch::<NOT_ZERO, false, First, B8>(core, last, 0)
}

impl Paired {
    /// What an instruction is among those of so many bytes. Some are among those of either width.
    fn of(one: &Pairable<'_>, size: usize) -> Option<Self> {
        use Mnemonic as M;
        let (i, at_hand) = (one.i, one.at_hand);
        let form = form(i)?;
        let own = Core::size(i, 0);
        let general = i.op0_register().is_gpr();
        let itself = i.op0_register() == i.op1_register();
        Some(match (i.mnemonic(), form) {
            (M::Movzx, Form::RegisterRegister) if own >= 4 && Core::size(i, 1) == 1 => Self::Byte,
            (M::Mov, Form::RegisterRegister) if own == 4 && general => Self::CopyHalf,
            (M::Mov, Form::RegisterMemory) if own == 4 && general => Self::LoadHalf,
            // A number of 32 bits has zeros above.
            (M::Mov, Form::RegisterImmediate) if own >= 4 => Self::Number,
            (M::Xor | M::Sub, Form::RegisterRegister) if one.quiet && own >= 4 && itself => {
                Self::Number
            }
            _ if own != size => return None,
            (M::Mov, Form::RegisterRegister) if general => Self::Copy,
            (M::Mov, Form::RegisterMemory) if general => Self::Load,
            (M::Cmp, Form::RegisterRegister) if at_hand.is_first(i) => Self::CompareGiven,
            (M::Lea, Form::RegisterMemory) if at_hand.is_base(i) => Self::AddressOfGivenBase,
            (M::Lea, Form::RegisterMemory) if at_hand.is_index(i) => Self::AddressOfGivenIndex,
            (M::Lea, Form::RegisterMemory) => Self::Address,
            _ if !one.quiet => return None,
            _ if at_hand.is_first(i) => Self::of_given(i.mnemonic(), form)?,
            _ if at_hand.is_second(i) => Self::with_given(i.mnemonic(), form)?,
            (M::Add, Form::RegisterRegister) => Self::Add,
            (M::Sub, Form::RegisterRegister) => Self::Sub,
            (M::Xor, Form::RegisterRegister) => Self::Xor,
            (M::Imul, Form::RegisterRegisterImmediate) => Self::MultiplyNumber,
            (M::Add, Form::RegisterImmediate) => Self::AddNumber,
            (M::And, Form::RegisterImmediate) => Self::AndNumber,
            _ => return None,
        })
    }

    /// What it is where its second operand is given.
    const fn with_given(mnemonic: Mnemonic, form: Form) -> Option<Self> {
        use Mnemonic as M;
        Some(match (mnemonic, form) {
            (M::Add, Form::RegisterRegister) => Self::AddGiven,
            (M::Sub, Form::RegisterRegister) => Self::SubGiven,
            (M::Xor, Form::RegisterRegister) => Self::XorGiven,
            (M::Imul, Form::RegisterRegisterImmediate) => Self::MultiplyNumber,
            _ => return None,
        })
    }

    /// What it is where its first operand is given.
    const fn of_given(mnemonic: Mnemonic, form: Form) -> Option<Self> {
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
