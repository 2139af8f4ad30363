//! A quick look at what becomes of a value in a register, so that only functions where something may
//! come of it are analysed. It errs on that side, but for what happens far from where the value is made.

use super::glance::{Glance, Memory, Plain};
use super::touch::writes;
use super::{Amd64, RAX, RBP, RSP, general};
use crate::decode::{Decoder, Flow, Followed, Stub};
use crate::ir::{Reg, Target};
use foldhash::HashMap;
use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};

/// Instructions that are looked at in a function and what it jumps to, the nearest first.
const MOST_STEPS: usize = 160;
/// Functions of which it is remembered whether they write by way of a value; any more are taken to do so.
const MOST_REMEMBERED: usize = 1 << 14;
/// The same where it is only asked who is handed a value to go there: that is rare, and seen soon.
const FEW_STEPS: usize = 48;
/// Those of them that it may be on the stack alone.
const MOST_IDLE: u8 = 40;
/// Functions one behind the other that it is handed to, to be written by way of or to go there.
const MOST_CALLS: u8 = 3;
const MOST_RUNS: u8 = 2;
/// Places on the stack that hold the value.
const MOST_SLOTS: usize = 4;

/// Where the value is, at one place in the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holders {
    /// A bit for each general register.
    registers: u16,
    /// Which of the lists of places on the stack are those that hold it; 0 for none.
    slots: u8,
    /// Instructions since it was in a register.
    idle: u8,
    /// Calls since it was followed first.
    calls: u8,
}

/// Places on the stack, each by a register and the bytes above it.
type Slots = [Option<(Register, u64)>; MOST_SLOTS];

/// What a walk notes on its way, kept for its memory.
#[derive(Default)]
pub(super) struct Notes {
    /// What comes later, and where the value is there; those before `done` have come. There are never more than
    /// a few for each step.
    pending: Vec<(u32, Holders)>,
    done: usize,
    /// Where jumps led, and in which registers the value was.
    seen: Vec<(u32, u16)>,
    /// Lists of places on the stack.
    slots: Vec<Slots>,
}

impl Holders {
    fn holds(&self, register: Register) -> bool {
        general(register).is_some_and(|(register, _)| self.registers & bit(register) != 0)
    }

    fn nowhere(&self) -> bool {
        self.registers == 0 && (self.slots == 0 || self.idle > MOST_IDLE)
    }
}

impl Notes {
    fn clear(&mut self) {
        self.pending.clear();
        self.done = 0;
        self.seen.clear();
        self.slots.clear();
    }

    /// What comes next of what is pending.
    fn pop(&mut self) -> Option<(u32, Holders)> {
        let next = self.pending.get(self.done).copied()?;
        self.done += 1;
        Some(next)
    }

    fn slots(&self, holders: &Holders) -> Slots {
        let index = usize::from(holders.slots).checked_sub(1);
        index.and_then(|index| self.slots.get(index)).copied().unwrap_or_default()
    }

    fn is_slot(&self, holders: &Holders, instruction: &Instruction) -> bool {
        holders.slots != 0
            && instruction.memory_index() == Register::None
            && self
                .slots(holders)
                .contains(&Some((instruction.memory_base(), instruction.memory_displacement64())))
    }

    /// The same of a glance at an instruction.
    #[inline]
    fn is_slot_of(&self, holders: &Holders, glance: &Glance<'_>) -> bool {
        holders.slots != 0
            && place(glance).is_some_and(|at| self.slots(holders).contains(&Some(at)))
    }

    /// Whether an instruction says in its operands that it has to do with the value; what overwrites it
    /// without saying so does not matter.
    fn are_concerned(&self, holders: &Holders, instruction: &Instruction) -> bool {
        let register = |operand| {
            instruction.op_kind(operand) == OpKind::Register
                && holders.holds(instruction.op_register(operand))
        };
        holders.holds(instruction.memory_base())
            || holders.holds(instruction.memory_index())
            || (0..instruction.op_count()).any(register)
            || instruction.is_string_instruction()
            || self.is_slot(holders, instruction)
    }

    fn loads(&self, holders: &Holders, instruction: &Instruction) -> bool {
        (1..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory)
            && self.is_slot(holders, instruction)
    }

    /// Notes a place on the stack that the value is stored in.
    fn store(&mut self, holders: &mut Holders, place: (Register, u64)) {
        let mut slots = self.slots(holders);
        if let Some(slot) = slots.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(place);
            // There is no more than one for each step.
            self.slots.push(slots);
            holders.slots = self.slots.len() as u8;
        }
    }
}

/// The place on the stack that an instruction uses; others are not followed.
fn place_of(instruction: &Instruction) -> Option<(Register, u64)> {
    let base = instruction.memory_base();
    let local = matches!(base, Register::RSP | Register::RBP)
        && instruction.memory_index() == Register::None;
    local.then(|| (base, instruction.memory_displacement64()))
}

/// The same by a glance.
fn place(glance: &Glance<'_>) -> Option<(Register, u64)> {
    let Memory { base: Some(base), index: None, offset } = glance.memory()? else { return None };
    let base = match Reg(base) {
        RSP => Register::RSP,
        RBP => Register::RBP,
        _ => return None,
    };
    Some((base, i64::from(offset).cast_unsigned()))
}

fn bit(register: Reg) -> u16 {
    1_u16.checked_shl(u32::from(register.0)).unwrap_or(0)
}

/// Functions, the registers that hold a value where each begins, and after how many calls: whether something is
/// done by way of it. There are few functions that many values are handed to, and those come again and again.
pub(super) type Writers = HashMap<(u32, u16, u8), bool>;

/// Follows what `register` holds before the instruction at `start`, until something that is `asked` becomes of it;
/// whether it does.
pub(super) fn follow(amd64: &mut Amd64<'_>, start: u32, register: Reg, asked: &Followed) -> bool {
    let holders = Holders { registers: bit(register), ..Holders::default() };
    walk(amd64, (start, holders), asked)
}

/// The same, and the place of the image that the value is stored in first.
pub(super) fn follow_and_keep(
    amd64: &mut Amd64<'_>,
    start: u32,
    register: Reg,
    asked: &Followed,
) -> (bool, Option<u32>) {
    let holders = Holders { registers: bit(register), ..Holders::default() };
    walk_and_keep(amd64, (start, holders), asked)
}

/// Walks on from a place; whether something that is asked becomes of the value.
fn walk(amd64: &mut Amd64<'_>, start: (u32, Holders), asked: &Followed) -> bool {
    walk_and_keep(amd64, start, asked).0
}

fn walk_and_keep(
    amd64: &mut Amd64<'_>,
    (start, holders): (u32, Holders),
    asked: &Followed,
) -> (bool, Option<u32>) {
    let mut notes = std::mem::take(&mut amd64.notes);
    notes.clear();
    let next = Some(start);
    let mut walk = Walk { amd64, told: false, asked, next, holders, notes, kept: None };
    let only_runs = Followed { run: true, ..Followed::default() };
    let most = if *asked == only_runs { FEW_STEPS } else { MOST_STEPS };
    for _ in 0..most {
        let at = match walk.next.take() {
            Some(at) => at,
            None => {
                let Some((at, holders)) = walk.notes.pop() else { break };
                walk.holders = holders;
                at
            }
        };
        walk.step(at);
        if walk.told {
            break;
        }
    }
    let Walk { amd64, told, notes, kept, .. } = walk;
    amd64.notes = notes;
    (told, kept)
}

struct Walk<'w, 'a> {
    amd64: &'w mut Amd64<'a>,
    /// Whether something that is asked became of the value.
    told: bool,
    asked: &'w Followed,
    /// What comes next, and where the value is there.
    next: Option<u32>,
    holders: Holders,
    /// What comes behind it, and what was noted on the way.
    notes: Notes,
    /// Where in the image the value is first stored.
    kept: Option<u32>,
}

impl Walk<'_, '_> {
    fn go(&mut self, at: u32) {
        if self.holders.nowhere() {
            return;
        }
        match self.next.is_none() && self.notes.pending.len() == self.notes.done {
            true => self.next = Some(at),
            false => self.notes.pending.push((at, self.holders)),
        }
    }

    fn branch(&mut self, target: u32) {
        let way = (target, self.holders.registers);
        if !self.notes.seen.contains(&way) {
            self.notes.seen.push(way);
            self.go(target);
        }
    }

    fn step(&mut self, at: u32) {
        let holders = &mut self.holders;
        holders.idle = if holders.registers == 0 { holders.idle.saturating_add(1) } else { 0 };
        let Some(glance) = self.amd64.glance(at) else { return self.step_concerned(at) };
        let next = at.saturating_add(u32::from(glance.length));
        if glance.concerns() & holders.registers == 0 && !self.notes.is_slot_of(holders, &glance) {
            return self.pass(next, &glance);
        }
        match glance.plain() {
            Some(plain) => {
                self.moves_plainly(plain, &glance, next);
                self.go(next);
            }
            None => self.step_concerned(at),
        }
    }

    /// Notes what one of the commonest instructions does with the value: what `memory` and `moves` note of it.
    fn moves_plainly(&mut self, plain: Plain, glance: &Glance<'_>, next: u32) {
        let holders = self.holders;
        let holds = |number: u8| holders.registers & bit(Reg(number)) != 0;
        let parts = glance.memory().map_or([None; 2], |memory| [memory.base, memory.index]);
        let by_value = parts.into_iter().flatten().any(holds);
        if by_value && plain != Plain::Points {
            self.used(plain == Plain::Moves);
        }
        let (first, second) = (glance.register(), glance.second());
        let (to, held) = match (plain, second) {
            (Plain::Compares, _) => return,
            (Plain::Points, _) => (first, by_value),
            (Plain::Loads, Some(second)) => (first, holds(second)),
            (Plain::Loads, None) => (first, self.notes.is_slot_of(&holders, glance)),
            (Plain::Moves, Some(second)) => (second, holds(first)),
            (Plain::Moves, None) => {
                if holds(first) && self.holders.calls == 0 && self.kept.is_none() {
                    self.kept = glance.names(next);
                }
                if let Some(place) = place(glance).filter(|_| holds(first)) {
                    self.notes.store(&mut self.holders, place);
                }
                return;
            }
        };
        match held {
            true => self.holders.registers |= bit(Reg(to)),
            false => self.holders.registers &= !bit(Reg(to)),
        }
    }

    /// Goes on from the instruction at `at`, which may have to do with the value.
    #[inline(never)]
    fn step_concerned(&mut self, at: u32) {
        let Some(instruction) = self.amd64.decode(at) else { return };
        let next = at.saturating_add(instruction.len() as u32);
        let concerned = self.notes.are_concerned(&self.holders, &instruction);
        if concerned {
            self.memory(&instruction);
        }
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch => {
                self.jump(instruction.near_branch_target() as u32);
            }
            FlowControl::ConditionalBranch => {
                self.branch(instruction.near_branch_target() as u32);
                self.go(next);
            }
            FlowControl::Return => self.returns(),
            FlowControl::Exception => {}
            FlowControl::IndirectBranch => {
                self.goes(&instruction);
                self.goes_on(&instruction);
            }
            FlowControl::IndirectCall | FlowControl::Call => {
                self.goes(&instruction);
                let target = self.target(&instruction);
                self.called(target, next);
            }
            _ => {
                if concerned {
                    self.moves(&instruction);
                }
                self.go(next);
            }
        }
    }

    /// Goes on from an instruction that ends before `next` and has nothing to do with the value.
    #[inline]
    fn pass(&mut self, next: u32, glance: &Glance<'_>) {
        if glance.only_passes() {
            return self.go(next);
        }
        match glance.flow(next) {
            Flow::Jump(target) => self.jump(target),
            Flow::Branch(target) => {
                self.branch(target);
                self.go(next);
            }
            Flow::Return => self.returns(),
            Flow::Call(target) => {
                self.told |= self.asks_where()
                    && match target {
                        Target::Code(at) => self.goes_through(at),
                        Target::Pointer(place) => self.dispatches(place),
                        Target::Register(_) => self.may_dispatch(),
                        Target::Memory(_) => false,
                    };
                self.called(Some(target), next);
            }
            _ => self.go(next),
        }
    }

    fn returns(&mut self) {
        let returned = self.holders.calls == 0 && self.holders.registers & bit(RAX) != 0;
        self.told |= self.asked.returned & returned;
    }

    /// Goes on behind a call, which leaves some registers as they are, and in the function called if the value is
    /// handed to it; `target` is none where a value in memory says where the call goes.
    fn called(&mut self, target: Option<Target>, next: u32) {
        let arguments = self.amd64.abi().arguments;
        let handed = arguments.iter().fold(0, |all, register| all | bit(*register));
        let handed = self.holders.registers & handed;
        self.holders.registers &= !(self.amd64.abi().volatile as u16);
        let calls = self.holders.calls + 1;
        self.go(next);
        // In the function called it only shows who writes, and where code goes.
        if handed == 0 || !(self.asked.handed || self.asked.run) {
            return;
        }
        let slot = match target {
            Some(Target::Pointer(slot)) => slot,
            Some(Target::Code(at)) => match self.amd64.stub(at) {
                Stub::ToPointer(slot) => slot,
                Stub::Code(at) if calls <= MOST_CALLS => {
                    let inside = Holders { registers: handed, calls, ..Holders::default() };
                    self.told |= self.asked.handed && self.writes(at, inside);
                    self.told |= self.asked.run && calls <= MOST_RUNS && self.runs(at, inside);
                    return;
                }
                Stub::Code(_) => return,
                Stub::ToRegister(_) | Stub::Retpoline(_) => return self.may_write(handed),
            },
            // It may be one that writes.
            Some(Target::Register(_) | Target::Memory(_)) | None => return self.may_write(handed),
        };
        if self.amd64.places.writes(slot) {
            self.may_write(handed);
        }
    }

    /// Goes on where a jump leads, which may be a call that a function ends with, by way of a register.
    fn jump(&mut self, target: u32) {
        let arguments = self.amd64.abi().arguments;
        let handed = self.holders.registers & (bit(arguments[0]) | bit(arguments[1]));
        if handed != 0
            && (self.asked.handed || self.asked.read)
            && matches!(self.amd64.stub(target), Stub::ToRegister(_) | Stub::Retpoline(_))
        {
            self.may_write(handed);
        }
        self.branch(target);
    }

    /// Notes a jump by a pointer to a function that may write to what its first argument leads to: what a function
    /// ends with. Any other jump by a pointer goes on in the function itself.
    fn goes_on(&mut self, instruction: &Instruction) {
        if let Some(Target::Pointer(slot)) = self.target(instruction)
            && self.amd64.places.writes(slot)
        {
            self.may_write(self.holders.registers);
        }
    }

    /// Whether a function writes by way of the value that is `inside` where it begins.
    fn writes(&mut self, at: u32, inside: Holders) -> bool {
        let key = (at, inside.registers, inside.calls);
        if let Some(known) = self.amd64.writers.get(&key) {
            return *known;
        }
        if self.amd64.writers.len() >= MOST_REMEMBERED {
            return true;
        }
        let asked = Followed { handed: true, ..Followed::default() };
        let writes = walk(self.amd64, (at, inside), &asked);
        self.amd64.writers.insert(key, writes);
        writes
    }

    /// Whether code goes to the value that is `inside` where a function begins.
    fn runs(&mut self, at: u32, inside: Holders) -> bool {
        let key = (at, inside.registers, inside.calls);
        if let Some(known) = self.amd64.runners.get(&key) {
            return *known;
        }
        if self.amd64.runners.len() >= MOST_REMEMBERED {
            return true;
        }
        let asked = Followed { run: true, ..Followed::default() };
        let runs = walk(self.amd64, (at, inside), &asked);
        self.amd64.runners.insert(key, runs);
        runs
    }

    /// Whether it is asked if code goes to the value where the walk is.
    fn asks_where(&self) -> bool {
        match self.holders.calls {
            0 => self.asked.called,
            _ => self.asked.run,
        }
    }

    /// Where a call goes, as far as the instruction says.
    fn target(&self, instruction: &Instruction) -> Option<Target> {
        match instruction.op0_kind() {
            OpKind::Memory if instruction.is_ip_rel_memory_operand() => {
                Some(Target::Pointer(instruction.ip_rel_memory_address() as u32))
            }
            OpKind::Memory | OpKind::Register => None,
            _ => Some(Target::Code(instruction.near_branch_target() as u32)),
        }
    }

    /// Notes a call of a function that may write to what its first argument leads to, and read what its second does.
    fn may_write(&mut self, handed: u16) {
        let [first, second] = [0, 1].map(|index| bit(self.amd64.abi().arguments[index]));
        let written = self.asked.handed && handed & first != 0;
        let read = self.asked.read && self.holders.calls == 0 && handed & second != 0;
        self.told |= (written || read) && self.amd64.places.has_writers();
    }

    /// Notes that memory is used by way of the value.
    fn used(&mut self, written: bool) {
        self.told |= match (written, self.holders.calls) {
            (true, 0) => self.asked.written,
            (false, 0) => self.asked.read,
            (true, _) => self.asked.handed,
            (false, _) => false,
        };
    }

    /// Whether a call by the pointer at `place` goes where the value says.
    fn dispatches(&self, place: u32) -> bool {
        self.holders.registers & bit(RAX) != 0 && self.amd64.places.is_guard_dispatch(place)
    }

    /// Whether a call by another register may go where the value says: compilers that do not optimise load the address of
    /// the dispatch routine first.
    fn may_dispatch(&self) -> bool {
        self.holders.registers & bit(RAX) != 0 && self.amd64.places.has_guard_dispatch()
    }

    /// Whether a call of the code at `at` goes where the value says.
    fn goes_through(&self, at: u32) -> bool {
        match self.amd64.stub(at) {
            Stub::ToRegister(to) | Stub::Retpoline(to) => self.holders.registers & bit(to) != 0,
            Stub::ToPointer(_) | Stub::Code(_) => false,
        }
    }

    /// Notes memory that is used by way of the value.
    fn memory(&mut self, instruction: &Instruction) {
        match instruction.mnemonic() {
            Mnemonic::Lea => {}
            mnemonic @ (Mnemonic::Mov | Mnemonic::Cmp | Mnemonic::Test) => {
                let (base, index) = (instruction.memory_base(), instruction.memory_index());
                if self.holders.holds(base) || self.holders.holds(index) {
                    let to_memory = instruction.op0_kind() == OpKind::Memory;
                    self.used(to_memory && mnemonic == Mnemonic::Mov);
                }
            }
            _ => {
                let holders = self.holders;
                let memory = self.amd64.info.info(instruction).used_memory().iter();
                let by_value = memory
                    .filter(|memory| holders.holds(memory.base()) || holders.holds(memory.index()));
                let (mut written, mut read) = (false, false);
                for memory in by_value {
                    match writes(memory.access()) {
                        Some(true) => written = true,
                        Some(false) => read = true,
                        None => {}
                    }
                }
                if written {
                    self.used(true);
                }
                if read {
                    self.used(false);
                }
            }
        }
    }

    /// Notes a call or a jump that goes where the value says.
    fn goes(&mut self, instruction: &Instruction) {
        self.told |= self.asks_where()
            && match instruction.op0_kind() {
                OpKind::Register => {
                    self.holders.holds(instruction.op0_register()) || self.may_dispatch()
                }
                OpKind::Memory if instruction.is_ip_rel_memory_operand() => {
                    self.dispatches(instruction.ip_rel_memory_address() as u32)
                }
                OpKind::Memory => self.notes.is_slot(&self.holders, instruction),
                _ => self.goes_through(instruction.near_branch_target() as u32),
            };
    }

    /// The registers that an instruction writes, a bit each.
    fn written(&mut self, instruction: &Instruction) -> u16 {
        let number = |register| general(register).map_or(0, |(register, _)| bit(register));
        use Mnemonic as M;
        match instruction.mnemonic() {
            M::Cmp | M::Test => return 0,
            M::Mov | M::Lea | M::Add | M::Sub | M::And | M::Or | M::Xor | M::Movzx | M::Movsxd => {
                return number(instruction.op0_register());
            }
            _ => {}
        }
        let used = self.amd64.info.info(instruction).used_registers().iter();
        let written = used.filter(|used| writes(used.access()) == Some(true));
        written.fold(0, |all, used| all | number(used.register()))
    }

    /// Says where the value is behind an instruction that does not branch.
    fn moves(&mut self, instruction: &Instruction) {
        let written = self.written(instruction);
        let holders = &self.holders;
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
                    (0..instruction.op_count()).any(register)
                        || self.notes.loads(holders, instruction)
                }
            };
        if passes && instruction.op0_kind() == OpKind::Memory {
            if instruction.is_ip_rel_memory_operand() && self.holders.calls == 0 {
                self.kept = self.kept.or(Some(instruction.ip_rel_memory_address() as u32));
            }
            if let Some(place) = place_of(instruction) {
                self.notes.store(&mut self.holders, place);
            }
            return;
        }
        // What a register holds is overwritten by a plain move alone: sums keep to the same place.
        let plain = instruction.mnemonic() == Mnemonic::Mov
            && !(1..instruction.op_count())
                .any(|operand| holders.holds(instruction.op_register(operand)))
            && !self.notes.loads(holders, instruction);
        match passes && !plain {
            true => self.holders.registers |= written,
            false => self.holders.registers &= !written,
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
