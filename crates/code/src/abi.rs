//! What a calling convention promises: where arguments are, and what a call leaves alone.

use crate::ir::Reg;

/// A calling convention.
pub(crate) struct Abi {
    /// The stack pointer.
    pub(crate) stack_pointer: Reg,
    /// Where the first arguments are, in order.
    pub(crate) arguments: &'static [Reg],
    /// Where a result is.
    pub(crate) result: Reg,
    /// Registers that a call may change, a bit each.
    pub(crate) volatile: u64,
    /// Registers that the decoder uses within an instruction only, a bit each.
    pub(crate) scratch: u64,
    /// Bytes above the stack pointer, before a call, that belong to the called function.
    pub(crate) home: i32,
    /// Bytes that the call instruction itself puts on the stack.
    pub(crate) pushed: i32,
}

impl Abi {
    /// Where argument `index` stands before a call, in bytes above the stack pointer; `None` for
    /// those in registers.
    pub(crate) fn on_stack(&self, index: u8) -> Option<i32> {
        let index = usize::from(index);
        // On x64 each register has a place on the stack too, so argument 4 is at 8 * 4.
        let first = self.arguments.len();
        let below = self.home / 8;
        (index >= first).then(|| 8 * (index as i32 - first as i32 + below))
    }

    /// Which argument stands at `offset` bytes above the stack pointer at a function's start.
    pub(crate) fn parameter_at(&self, offset: i32) -> Option<u8> {
        let above_home = offset.saturating_sub(self.pushed + self.home);
        let index = self.arguments.len() as i32 + above_home / 8;
        (above_home >= 0 && above_home % 8 == 0).then(|| u8::try_from(index).ok())?
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::amd64::ABI;

    /// The places that the documentation of the x64 calling convention gives: the fifth argument at
    /// rsp+20h before the call and at rsp+28h after it.
    #[test]
    fn x64_arguments_are_where_the_convention_says() {
        assert_eq!(ABI.on_stack(3), None);
        assert_eq!(ABI.on_stack(4), Some(0x20));
        assert_eq!(ABI.on_stack(9), Some(0x48));
        assert_eq!(ABI.parameter_at(0x28), Some(4));
        assert_eq!(ABI.parameter_at(0x30), Some(5));
        assert_eq!(ABI.parameter_at(0x20), None);
        assert_eq!(ABI.parameter_at(0x2C), None);
    }
}
