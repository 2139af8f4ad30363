//! Which registers still matter where: what is read before it is written again. What a register holds that
//! does not is not followed, and blocks are not looked at again for it.

use super::Analysis;
use crate::decode::{Flow, Stub};
use crate::flow::{Insn, Passes};
use crate::ir::{Address, Binary, Op, Reg, Source, Target, Width};

/// A bit for each register.
type Registers = u64;

fn bit(register: Reg) -> Registers {
    1 << register.0
}

fn of_source(source: Source) -> Registers {
    match source {
        Source::Reg(register) => bit(register),
        Source::Number(_) | Source::Image(_) => 0,
    }
}

fn of_address(address: Address) -> Registers {
    address.base.map_or(0, bit) | address.index.map_or(0, bit)
}

/// What an operation reads, and what it writes whole.
fn uses(op: &Op, stack_pointer: Reg) -> (Registers, Registers) {
    let written = |to: Reg, width: Width| match width {
        Width::W32 | Width::W64 => (0, bit(to)),
        // The rest of the register stays.
        Width::W8 | Width::W16 => (bit(to), 0),
    };
    let reads = |read: Registers, (old, written): (Registers, Registers)| (read | old, written);
    match *op {
        Op::Copy { to, width, from } => reads(of_source(from), written(to, width)),
        // It is 0, whatever the register holds.
        Op::Binary { what: Binary::Xor | Binary::Sub, to, width, left, right } if left == right => {
            written(to, width)
        }
        Op::Binary { to, width, left, right, .. } => {
            reads(of_source(left) | of_source(right), written(to, width))
        }
        Op::Extend { to, width, from, .. } => reads(bit(from), written(to, width)),
        Op::Maybe { to, width, from, .. } => reads(bit(to) | of_source(from), written(to, width)),
        Op::Either { to, width, .. } => written(to, width),
        Op::Compare { left, right, place, .. } => {
            (of_source(left) | of_source(right) | place.map_or(0, of_address), 0)
        }
        Op::LoseFlags => (0, 0),
        Op::Load { to, width, from } => reads(of_address(from), written(to, width)),
        Op::Store { to, value, .. } => (of_address(to) | of_source(value), 0),
        Op::Smear { from } => (of_address(from), 0),
        Op::Point { to, address } => (of_address(address), bit(to)),
        Op::Remainder { to, by, .. } => (of_source(by), bit(to)),
        Op::Forget { to } | Op::ReadControl { to, .. } => (0, bit(to)),
        Op::Frame { frame_register, .. } => {
            let register = frame_register.map_or(0, |(register, _)| bit(register));
            (0, bit(stack_pointer) | register)
        }
    }
}

impl Analysis<'_, '_, '_> {
    /// The registers that matter at the start of each of the blocks `within`.
    pub(super) fn live(&mut self, within: &[bool]) -> Vec<Registers> {
        let count = self.graph.blocks.len();
        // What a block reads of what was there before, and what it leaves as it was.
        let mut blocks = vec![Passes::default(); count];
        for block in (0..count).filter(|&block| within[block]) {
            blocks[block] = match self.graph.blocks[block].registers {
                Some(known) => known,
                None => {
                    self.graph.lift(self.decoder, block);
                    let passes = self.passes(block);
                    *self.graph.blocks[block].registers.insert(passes)
                }
            };
        }
        let mut live: Vec<Registers> = blocks.iter().map(|passes| passes.read).collect();
        let mut pending: Vec<usize> = (0..count).filter(|&block| within[block]).collect();
        let mut waits = within.to_vec();
        while let Some(block) = pending.pop() {
            waits[block] = false;
            for &before in self.predecessors.before(block) {
                let more = live[before] | live[block] & blocks[before].left;
                if within[before] && more != live[before] {
                    live[before] = more;
                    if !std::mem::replace(&mut waits[before], true) {
                        pending.push(before);
                    }
                }
            }
        }
        live
    }

    /// What a lifted block reads of what was there before, and what it leaves as it was.
    fn passes(&self, block: usize) -> Passes {
        let (mut live, mut left, mut unclear) = (0, Registers::MAX, 0);
        let stack_pointer = self.transfer.abi.stack_pointer;
        for insn in self.graph.insns[self.graph.blocks[block].insns.clone()].iter().rev() {
            let (read, written) = self.goes(insn);
            live = live & !written | read;
            left &= !written;
            if matches!(insn.flow, Flow::Call(_)) && written == 0 {
                unclear = self.transfer.abi.volatile;
            }
            for op in self.graph.ops(insn).iter().rev() {
                let (read, written) = uses(op, stack_pointer);
                live = live & !written | read;
                left &= !written;
            }
        }
        Passes { read: live | bit(stack_pointer), left, unclear }
    }

    /// What is read where an instruction goes, and what is written there whole.
    fn goes(&self, insn: &Insn) -> (Registers, Registers) {
        let abi = self.transfer.abi;
        let arguments = abi.arguments.iter().fold(0, |all, argument| all | bit(*argument));
        let to = |target: Target| match target {
            Target::Code(at) => match self.decoder.stub(at) {
                Stub::ToRegister(register) | Stub::Retpoline(register) => bit(register),
                Stub::ToPointer(_) | Stub::Code(_) => 0,
            },
            Target::Pointer(_) => 0,
            Target::Register(register) | Target::Memory(register) => bit(register),
        };
        // Behind a dispatch routine it is the result's register that says where code goes.
        let read = |target: Target| arguments | to(target) | bit(abi.result);
        match insn.flow {
            Flow::Call(target) => {
                // What Control Flow Guard and the cookie's check leave as it is may be called like this.
                let is_plain = match target {
                    Target::Code(at) => !self.decoder.checks_cookie(at),
                    Target::Pointer(place) => {
                        let places = self.transfer.places;
                        places.is_import(place) && !places.is_guard_check(place)
                    }
                    Target::Register(_) | Target::Memory(_) => false,
                };
                (read(target), if is_plain { abi.volatile } else { 0 })
            }
            Flow::Indirect(target) => (read(target), 0),
            Flow::Jump(at) | Flow::Branch(at) if self.leaves(at) => (read(Target::Code(at)), 0),
            Flow::Return => (bit(abi.result), 0),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::amd64::ABI;

    const ONE: Reg = Reg(1);
    const TWO: Reg = Reg(2);

    fn of(op: Op) -> (Registers, Registers) {
        uses(&op, ABI.stack_pointer)
    }

    /// Writing 32 bits of a register clears the rest, writing fewer does not (Intel's manual, 3.4.1.1).
    #[test]
    fn what_is_written_in_part_still_matters() {
        let copy = |width| of(Op::Copy { to: ONE, width, from: Source::Reg(TWO) });
        assert_eq!(copy(Width::W64), (bit(TWO), bit(ONE)));
        assert_eq!(copy(Width::W32), (bit(TWO), bit(ONE)));
        assert_eq!(copy(Width::W16), (bit(ONE) | bit(TWO), 0));
        assert_eq!(copy(Width::W8), (bit(ONE) | bit(TWO), 0));
    }

    #[test]
    fn a_register_with_itself_is_not_read_where_that_is_0() {
        let same = Source::Reg(ONE);
        let binary =
            |what| of(Op::Binary { what, to: ONE, width: Width::W32, left: same, right: same });
        assert_eq!(binary(Binary::Xor), (0, bit(ONE)));
        assert_eq!(binary(Binary::Sub), (0, bit(ONE)));
        assert_eq!(binary(Binary::Add), (bit(ONE), bit(ONE)));
    }

    #[test]
    fn an_address_is_read_and_nothing_written_by_a_store() {
        let to =
            Address { base: Some(ONE), index: Some(TWO), scale: 1, offset: 0, in_image: false };
        let value = Source::Number(0);
        assert_eq!(of(Op::Store { to, width: Width::W8, value }), (bit(ONE) | bit(TWO), 0));
    }
}
