//! Where an operation takes its operands from, as types: handlers are made for each.

use super::core::Core;
use super::op::Op;
use std::marker::PhantomData;

/// Where an operand comes from.
pub(crate) trait Input {
    /// The operand, all 64 bits of its register. `given` is what the operation before handed on.
    fn get(core: &Core, op: &Op, given: u64) -> u64;
}

macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident $get:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Input for $name {
            #[inline(always)]
            fn get(core: &Core, op: &Op, _: u64) -> u64 {
                $get(core, op)
            }
        }
    )*};
}

inputs! {
    /// The first operand's register.
    First |core: &Core, op: &Op| core.number(op.first);
    /// The second operand's register.
    From |core: &Core, op: &Op| core.number(op.from);
    /// The immediate.
    Value |_, op: &Op| op.value;
    /// The base of the address.
    Base |core: &Core, op: &Op| core.number(op.base);
    /// The index of the address.
    Index |core: &Core, op: &Op| core.number(op.index);
}

/// The same value, which the operation before wrote and handed on.
pub(crate) struct Given<I>(PhantomData<I>);

impl<I: Input> Input for Given<I> {
    #[inline(always)]
    fn get(core: &Core, op: &Op, given: u64) -> u64 {
        debug_assert_eq!(given, I::get(core, op, given), "another register was handed on");
        given
    }
}
