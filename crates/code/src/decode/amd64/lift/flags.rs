//! What instructions say by the flags.

use super::super::TEMPORARY;
use super::Lifter;
use crate::ir::{Comparison, Op, Source};
use iced_x86::{Mnemonic, OpKind};

impl Lifter<'_> {
    /// What the flags say of operands as they were before.
    pub(super) fn flags_before(&mut self) {
        let i = self.instruction;
        let Some(width) = self.width(0) else { return self.ops.push(Op::LoseFlags) };
        let what = match i.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Sub => Comparison::Difference,
            Mnemonic::Test => Comparison::Common,
            Mnemonic::Bt if i.op1_kind() == OpKind::Immediate8 => Comparison::Bit,
            Mnemonic::Neg => {
                let (left, right) = (Source::Number(0), self.read(0, width, TEMPORARY[0]));
                let what = Comparison::Difference;
                return self.ops.push(Op::Compare { what, left, right, width, place: None });
            }
            _ => return,
        };
        let left = self.read(0, width, TEMPORARY[0]);
        let right = match what {
            Comparison::Bit => Source::Number(1 << (u32::from(i.immediate8()) % width.bits())),
            _ => self.read(1, width, TEMPORARY[1]),
        };
        let place = match i.op0_kind() {
            OpKind::Memory => self.address(),
            _ => None,
        };
        self.ops.push(Op::Compare { what, left, right, width, place });
    }

    /// What the flags say of the result.
    pub(super) fn flags_behind(&mut self) {
        use Mnemonic as M;
        let i = self.instruction;
        let what = match i.mnemonic() {
            M::Cmp | M::Sub | M::Test | M::Neg => return,
            M::Bt if i.op1_kind() == OpKind::Immediate8 && self.width(0).is_some() => return,
            M::And | M::Or | M::Xor => Comparison::Common,
            M::Add | M::Inc | M::Dec => Comparison::Sign,
            _ => return self.ops.push(Op::LoseFlags),
        };
        let (register, width) = (self.register(0), self.width(0));
        let op = match (register, width) {
            (Some((register, false)), Some(width)) => {
                let left = Source::Reg(register);
                Op::Compare { what, left, right: left, width, place: None }
            }
            _ => Op::LoseFlags,
        };
        self.ops.push(op);
    }
}
