//! A quick look at what becomes of a value in a register, so that only functions where something may
//! come of it are analysed. It errs on that side, but for what happens far from where the value is made.

use super::touch::writes;
use super::{Amd64, RAX, general};
use crate::decode::{Decoder, Followed, Stub};
use crate::ir::Reg;
use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};
use std::collections::VecDeque;

/// Instructions that are looked at, the nearest first.
const MOST_STEPS: usize = 160;
/// Those of them that it may be on the stack alone.
const MOST_IDLE: u8 = 40;
/// Functions one behind the other that it is handed to.
const MOST_CALLS: u8 = 3;
/// Places on the stack that hold the value.
const MOST_SLOTS: usize = 4;

/// Where the value is, at one place in the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holders {
    /// A bit for each general register.
    registers: u16,
    /// Places on the stack, each by a register and the bytes above it.
    slots: [Option<(Register, u64)>; MOST_SLOTS],
    /// Instructions since it was in a register.
    idle: u8,
    /// Calls since it was followed first.
    calls: u8,
}

impl Holders {
    fn holds(&self, register: Register) -> bool {
        general(register).is_some_and(|(register, _)| self.registers & bit(register) != 0)
    }

    fn is_slot(&self, instruction: &Instruction) -> bool {
        self.slots[0].is_some()
            && instruction.memory_index() == Register::None
            && self
                .slots
                .contains(&Some((instruction.memory_base(), instruction.memory_displacement64())))
    }

    /// Whether an instruction says in its operands that it has to do with the value; what overwrites it
    /// without saying so does not matter.
    fn are_concerned(&self, instruction: &Instruction) -> bool {
        let register = |operand| {
            instruction.op_kind(operand) == OpKind::Register
                && self.holds(instruction.op_register(operand))
        };
        self.holds(instruction.memory_base())
            || self.holds(instruction.memory_index())
            || (0..instruction.op_count()).any(register)
            || instruction.is_string_instruction()
            || self.is_slot(instruction)
    }

    fn nowhere(&self) -> bool {
        self.registers == 0 && (self.slots[0].is_none() || self.idle > MOST_IDLE)
    }
}

fn bit(register: Reg) -> u16 {
    1_u16.checked_shl(u32::from(register.0)).unwrap_or(0)
}

/// Follows what `register` holds before the instruction at `start`.
pub(super) fn follow(amd64: &mut Amd64<'_>, start: u32, register: Reg) -> Followed {
    let mut walk = Walk {
        amd64,
        followed: Followed::default(),
        next: None,
        pending: VecDeque::new(),
        seen: Vec::new(),
    };
    walk.pending.push_back((start, Holders { registers: bit(register), ..Holders::default() }));
    for _ in 0..MOST_STEPS {
        let next = walk.next.take().or_else(|| walk.pending.pop_front());
        let Some((at, holders)) = next else { break };
        walk.step(at, holders);
    }
    walk.followed
}

struct Walk<'w, 'a> {
    amd64: &'w mut Amd64<'a>,
    followed: Followed,
    /// What comes next, and behind it.
    next: Option<(u32, Holders)>,
    pending: VecDeque<(u32, Holders)>,
    /// Where jumps led, and in which registers the value was.
    seen: Vec<(u32, u16)>,
}

impl Walk<'_, '_> {
    fn go(&mut self, at: u32, holders: Holders) {
        if holders.nowhere() {
            return;
        }
        match self.next.is_none() && self.pending.is_empty() {
            true => self.next = Some((at, holders)),
            false => self.pending.push_back((at, holders)),
        }
    }

    fn branch(&mut self, instruction: &Instruction, holders: Holders) {
        let way = (instruction.near_branch_target() as u32, holders.registers);
        if !self.seen.contains(&way) {
            self.seen.push(way);
            self.go(way.0, holders);
        }
    }

    fn step(&mut self, at: u32, mut holders: Holders) {
        holders.idle = if holders.registers == 0 { holders.idle.saturating_add(1) } else { 0 };
        let Some(instruction) = self.amd64.decode(at) else { return };
        let next = at.saturating_add(instruction.len() as u32);
        let concerned = holders.are_concerned(&instruction);
        if concerned {
            self.memory(&instruction, &holders);
        }
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch => {
                self.branch(&instruction, holders);
            }
            FlowControl::ConditionalBranch => {
                self.branch(&instruction, holders);
                self.go(next, holders);
            }
            FlowControl::Return if holders.calls > 0 => {}
            FlowControl::Return => self.followed.returned |= holders.registers & bit(RAX) != 0,
            FlowControl::Exception => {}
            FlowControl::IndirectBranch => self.goes(&instruction, &holders),
            FlowControl::IndirectCall | FlowControl::Call => {
                self.goes(&instruction, &holders);
                self.hands_on(&instruction, &holders);
                holders.registers &= !(self.amd64.abi().volatile as u16);
                self.go(next, holders);
            }
            _ => {
                if concerned {
                    self.moves(&instruction, &mut holders);
                }
                self.go(next, holders);
            }
        }
    }

    /// Notes memory that is used by way of the value.
    fn memory(&mut self, instruction: &Instruction, holders: &Holders) {
        for used in self.amd64.info.info(instruction).used_memory() {
            if holders.holds(used.base()) || holders.holds(used.index()) {
                match writes(used.access()) {
                    Some(true) if holders.calls > 0 => self.followed.handed = true,
                    Some(true) => self.followed.written = true,
                    Some(false) if holders.calls == 0 => self.followed.read = true,
                    Some(false) | None => {}
                }
            }
        }
    }

    /// Follows the value into a function that it is handed to, once what is nearer has been looked at.
    fn hands_on(&mut self, instruction: &Instruction, holders: &Holders) {
        let arguments = self.amd64.abi().arguments;
        let handed = arguments.iter().fold(0, |all, register| all | bit(*register));
        let handed = holders.registers & handed;
        let slot = match instruction.op0_kind() {
            _ if handed == 0 => return,
            OpKind::Memory if instruction.is_ip_rel_memory_operand() => {
                instruction.ip_rel_memory_address() as u32
            }
            // By a register it may be one that writes.
            OpKind::Memory | OpKind::Register => return self.may_write(handed),
            _ => match self.amd64.stub(instruction.near_branch_target() as u32) {
                Stub::ToPointer(slot) => slot,
                Stub::Code(at) if holders.calls < MOST_CALLS => {
                    let calls = holders.calls + 1;
                    let inside = Holders { registers: handed, calls, ..Holders::default() };
                    return self.pending.push_back((at, inside));
                }
                Stub::Code(_) => return,
                Stub::ToRegister(_) | Stub::Retpoline(_) => return self.may_write(handed),
            },
        };
        if self.amd64.places.writes(slot) {
            self.may_write(handed);
        }
    }

    /// Notes a call of a function that may write to what its first argument leads to.
    fn may_write(&mut self, handed: u16) {
        let first = bit(self.amd64.abi().arguments[0]);
        self.followed.handed |= handed & first != 0 && self.amd64.places.has_writers();
    }

    /// Notes a call or a jump that goes where the value says.
    fn goes(&mut self, instruction: &Instruction, holders: &Holders) {
        if holders.calls > 0 {
            return;
        }
        let result = holders.registers & bit(RAX) != 0;
        self.followed.called |= match instruction.op0_kind() {
            OpKind::Register => holders.holds(instruction.op0_register()),
            OpKind::Memory if instruction.is_ip_rel_memory_operand() => {
                let place = instruction.ip_rel_memory_address() as u32;
                result && self.amd64.places.is_guard_dispatch(place)
            }
            OpKind::Memory => holders.is_slot(instruction),
            _ => match self.amd64.stub(instruction.near_branch_target() as u32) {
                Stub::ToRegister(to) | Stub::Retpoline(to) => holders.registers & bit(to) != 0,
                Stub::ToPointer(_) | Stub::Code(_) => false,
            },
        };
    }

    /// Says where the value is behind an instruction that does not branch.
    fn moves(&mut self, instruction: &Instruction, holders: &mut Holders) {
        let mut written = 0;
        for used in self.amd64.info.info(instruction).used_registers() {
            if writes(used.access()) == Some(true)
                && let Some((register, _)) = general(used.register())
            {
                written |= bit(register);
            }
        }
        let passes = passes_on(instruction.mnemonic())
            && match instruction.mnemonic() {
                Mnemonic::Lea => {
                    holders.holds(instruction.memory_base())
                        || holders.holds(instruction.memory_index())
                }
                _ => {
                    let register = |operand| {
                        instruction.op_kind(operand) == OpKind::Register
                            && holders.holds(instruction.op_register(operand))
                    };
                    (0..instruction.op_count()).any(register) || self.loads(instruction, holders)
                }
            };
        if passes && instruction.op0_kind() == OpKind::Memory {
            Self::stores(instruction, holders);
            return;
        }
        // What a register holds is overwritten by a plain move alone: sums keep to the same place.
        let plain = instruction.mnemonic() == Mnemonic::Mov
            && !(1..instruction.op_count())
                .any(|operand| holders.holds(instruction.op_register(operand)))
            && !self.loads(instruction, holders);
        match passes && !plain {
            true => holders.registers |= written,
            false => holders.registers &= !written,
        }
    }

    fn loads(&self, instruction: &Instruction, holders: &Holders) -> bool {
        (1..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory)
            && holders.is_slot(instruction)
    }

    /// Notes a place on the stack that the value is stored in; others are not followed.
    fn stores(instruction: &Instruction, holders: &mut Holders) {
        let base = instruction.memory_base();
        let local = matches!(base, Register::RSP | Register::RBP)
            && instruction.memory_index() == Register::None;
        let free = holders.slots.iter_mut().find(|slot| slot.is_none());
        if let Some(slot) = free.filter(|_| local) {
            *slot = Some((base, instruction.memory_displacement64()));
        }
    }
}

/// Whether what an instruction writes may be an address near to one that it reads.
fn passes_on(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Mov | M::Lea | M::Add | M::Sub | M::And | M::Or | M::Inc | M::Dec | M::Xchg
    ) || matches!(
        mnemonic,
        M::Cmova
            | M::Cmovae
            | M::Cmovb
            | M::Cmovbe
            | M::Cmove
            | M::Cmovg
            | M::Cmovge
            | M::Cmovl
            | M::Cmovle
            | M::Cmovne
            | M::Cmovno
            | M::Cmovnp
            | M::Cmovns
            | M::Cmovo
            | M::Cmovp
            | M::Cmovs
    )
}
