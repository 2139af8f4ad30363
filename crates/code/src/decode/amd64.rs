//! x64, decoded by iced-x86.

mod bound;
mod chain;
mod follow;
mod glance;
mod jump_table;
mod lift;
mod stub;
mod touch;

use super::{Access, Decoder, Flags, Flow, Followed, Jumps, Lifted, Read, Stub, Taken, Touch};
use crate::abi::Abi;
use crate::flow::{self, Graph};
use crate::function::{Extent, Finder};
use crate::ir::{Condition, Op, Reg};
use crate::places::Places;
use crate::scan::Field;
use chain::Chain;
use glance::Glance;
use iced_x86::{
    Code, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use std::ops::Range;

const RAX: Reg = Reg(0);
const RCX: Reg = Reg(1);
const RDX: Reg = Reg(2);
const RSP: Reg = Reg(4);
const RBP: Reg = Reg(5);
const RSI: Reg = Reg(6);
const RDI: Reg = Reg(7);

/// Temporaries of the decoder, dead between instructions.
const TEMPORARY: [Reg; 3] = [Reg(16), Reg(17), Reg(18)];

/// Vector registers 0 to 15 are two halves each, from here on.
const VECTORS: u8 = 20;

/// The x64 calling convention of Windows: four arguments in registers, each with eight bytes of home
/// space above the return address.
pub(crate) static ABI: Abi = Abi {
    stack_pointer: RSP,
    arguments: &[RCX, RDX, Reg(8), Reg(9)],
    result: RAX,
    // rax rcx rdx r8-r11, the temporaries, and both halves of xmm0 to xmm5.
    volatile: 0x0F07 | 0x7 << 16 | 0xFFF << VECTORS,
    scratch: 0x7 << 16,
    home: 0x20,
    pushed: 8,
};

/// Instructions that are remembered as they were decoded: what is asked of one is often asked twice.
const RECENT: usize = 128;

/// Addresses that are told apart of what one register was given, and tables of one function.
const MOST_POINTERS: usize = 6;

/// Sums that are looked at together.
const MOST_SUMS: usize = 64;

/// Where the decoder is when it is nowhere in the image.
const NOWHERE: u64 = u64::MAX;

/// Addresses in the image by the number of the general register that was given them.
type Pointers = [Vec<u32>; 16];

/// Decodes x64 code.
pub(crate) struct Amd64<'a> {
    places: &'a Places<'a>,
    info: InstructionInfoFactory,
    /// The section that was looked at last: where it begins, and its bytes.
    section: (u32, &'a [u8]),
    /// Iced's view of the section that was decoded last, and where that begins.
    decoder: iced_x86::Decoder<'a>,
    decoded: u32,
    /// Decoded instructions, each by the lowest bits of its address.
    recent: Vec<Instruction>,
    /// The last instructions read one behind the other.
    chain: Chain,
    /// Addresses in the image that registers were given anywhere in the function.
    pointers: Pointers,
    /// The tables, each with what is added to its entries, that were read from anywhere in the function.
    computed: Vec<(u32, Option<u32>)>,
    /// Sums that such tables may come of, not looked at yet.
    sums: Vec<Sum>,
    /// What is noted where a value is followed.
    notes: follow::Notes,
    /// Functions that write by way of what they are handed, or do not.
    writers: follow::Writers,
    /// Functions that go to what they are handed, or do not.
    runners: follow::Writers,
}

/// An instruction that adds registers.
struct Sum {
    /// The instructions before it.
    chain: Chain,
    /// How many addresses each register had been given by then.
    given: [u8; 16],
}

impl<'a> Amd64<'a> {
    pub(crate) fn new(places: &'a Places<'a>) -> Amd64<'a> {
        Amd64 {
            places,
            info: InstructionInfoFactory::new(),
            section: (0, &[]),
            decoder: iced_x86::Decoder::new(64, &[], DecoderOptions::NONE),
            decoded: u32::MAX,
            recent: vec![Instruction::default(); RECENT],
            chain: Chain::default(),
            pointers: Pointers::default(),
            computed: Vec::new(),
            sums: Vec::new(),
            notes: follow::Notes::default(),
            writers: follow::Writers::default(),
            runners: follow::Writers::default(),
        }
    }

    /// The bytes of code from `at` on.
    #[inline]
    fn bytes(&mut self, at: u32) -> Option<&'a [u8]> {
        let offset = at.wrapping_sub(self.section.0) as usize;
        if offset < self.section.1.len() {
            return self.section.1.get(offset..);
        }
        self.enter_section(at)
    }

    /// Turns to the section around `at`.
    #[cold]
    fn enter_section(&mut self, at: u32) -> Option<&'a [u8]> {
        let (start, bytes) = self.places.code_around(at)?;
        self.section = (start, bytes);
        bytes.get((at - start) as usize..)
    }

    /// What a glance at the instruction at `at` tells, if it is a common one.
    #[inline]
    fn glance(&mut self, at: u32) -> Option<Glance<'a>> {
        Glance::at(self.bytes(at)?)
    }

    /// The instruction at `at`.
    fn decode(&mut self, at: u32) -> Option<Instruction> {
        self.decoded_at(at).map(|index| self.recent[index])
    }

    /// Where the instruction at `at` is among those that are remembered.
    #[inline]
    fn decoded_at(&mut self, at: u32) -> Option<usize> {
        let index = at as usize % RECENT;
        let recent = self.recent.get(index)?;
        if recent.ip() == u64::from(at) && recent.len() > 0 {
            return Some(index);
        }
        self.decode_anew(at, index)
    }

    fn decode_anew(&mut self, at: u32, index: usize) -> Option<usize> {
        self.bytes(at)?;
        if self.decoded != self.section.0 {
            let (start, bytes) = self.section;
            self.decoder =
                iced_x86::Decoder::with_ip(64, bytes, u64::from(start), DecoderOptions::NONE);
            self.decoded = start;
        }
        // Most often it is the one behind the last.
        if self.decoder.ip() != u64::from(at) {
            self.decoder.set_position((at - self.section.0) as usize).ok()?;
            self.decoder.set_ip(u64::from(at));
        }
        let instruction = &mut self.recent[index];
        self.decoder.decode_out(instruction);
        if instruction.is_invalid() {
            *instruction = Instruction::default();
            self.decoder.set_ip(NOWHERE);
            return None;
        }
        Some(index)
    }
}

impl Amd64<'_> {
    /// The place in the image that an instruction names, by its distance or its whole address.
    fn named(&self, instruction: &Instruction) -> Option<u32> {
        if instruction.is_ip_rel_memory_operand() {
            return Some(instruction.ip_rel_memory_address() as u32);
        }
        if instruction.code() == Code::Mov_r64_imm64 {
            return self.places.rva(instruction.immediate64());
        }
        let near = instruction.near_branch_target();
        (near != 0).then_some(near as u32)
    }

    /// Notes that the `lea` of a number's register is given an address in the image.
    fn point(&mut self, register: usize, rva: u32) {
        let known = &mut self.pointers[register & 15];
        if !known.contains(&rva) && known.len() < MOST_POINTERS {
            known.push(rva);
        }
    }

    /// The instructions of a chain, the newest last.
    fn decoded(&mut self, chain: &Chain) -> Vec<Instruction> {
        let mut instructions = Vec::with_capacity(chain::REMEMBERED);
        instructions.extend(chain.places().filter_map(|at| self.decode(at)));
        instructions
    }

    /// Notes that the last instruction adds registers, one of which may hold an entry of a table.
    fn sum(&mut self) {
        if self.chain.selects() {
            let given = self.pointers.each_ref().map(|known| known.len() as u8);
            self.sums.push(Sum { chain: self.chain.clone(), given });
            if self.sums.len() == MOST_SUMS {
                self.sum_up();
            }
        }
    }

    /// Looks at the sums: few functions have jumps that ask for that.
    fn sum_up(&mut self) {
        for Sum { chain, given } in std::mem::take(&mut self.sums) {
            let chain = self.decoded(&chain);
            let mut pointers = self.pointers.clone();
            pointers
                .iter_mut()
                .zip(given)
                .for_each(|(known, given)| known.truncate(usize::from(given)));
            for table in jump_table::computed(&chain, &pointers, self.places) {
                if !self.computed.contains(&table) && self.computed.len() < MOST_POINTERS {
                    self.computed.push(table);
                }
            }
        }
    }

    /// Reads any other instruction.
    #[inline(never)]
    fn read_rare(&mut self, at: u32) -> Option<Lifted> {
        let instruction = self.decode(at)?;
        self.chain.push(at, instruction.memory_index_scale() == 4);
        if let Some(rva) = jump_table::pointer(&instruction) {
            self.point(instruction.op0_register().number(), rva);
        }
        if jump_table::adds_registers(&instruction) {
            self.sum();
        }
        Some(Lifted {
            length: instruction.len() as u8,
            flow: lift::flow(&instruction),
            names: self.named(&instruction),
            takes: taken(&instruction),
        })
    }

    /// Reads an instruction that a glance tells enough of.
    #[inline(always)]
    fn read_common(&mut self, at: u32, glance: &Glance<'_>) -> Lifted {
        let next = at.wrapping_add(u32::from(glance.length));
        self.chain.push(at, glance.may_select());
        let names = glance.names(next);
        let mut takes = None;
        if let Some(register) = glance.points() {
            match names {
                Some(rva) => self.point(usize::from(register), rva),
                None => takes = glance.takes(),
            }
        }
        if glance.adds_registers() {
            self.sum();
        }
        Lifted { length: glance.length, flow: glance.flow(next), names, takes }
    }
}

impl Decoder for Amd64<'_> {
    fn abi(&self) -> &'static Abi {
        &ABI
    }

    #[inline(always)]
    fn read(&mut self, at: u32) -> Option<Lifted> {
        match self.glance(at) {
            Some(glance) => Some(self.read_common(at, &glance)),
            None => self.read_rare(at),
        }
    }

    #[inline(always)]
    fn read_on(&mut self, at: u32) -> Option<Read> {
        match self.glance(at) {
            Some(glance) if glance.only_passes() => {
                self.chain.push(at, glance.may_select());
                Some(Read::Passing(glance.length))
            }
            Some(glance) => Some(Read::Telling(self.read_common(at, &glance))),
            None => self.read_rare(at).map(Read::Telling),
        }
    }

    fn step(&mut self, at: u32) -> Option<(u32, Flow)> {
        if let Some(glance) = self.glance(at) {
            let length = u32::from(glance.length);
            return Some((length, glance.flow(at.wrapping_add(length))));
        }
        let instruction = self.decode(at)?;
        Some((instruction.len() as u32, lift::flow(&instruction)))
    }

    fn flags(&mut self, at: u32, branches: bool) -> (Flags, Condition) {
        let Some(index) = self.decoded_at(at) else {
            return (Flags::default(), Condition::Other);
        };
        let instruction = &self.recent[index];
        let flags = Flags {
            read: instruction.rflags_read() != 0,
            written: instruction.rflags_modified() != 0,
        };
        (flags, if branches { lift::condition(instruction) } else { Condition::Other })
    }

    fn lift(&mut self, at: u32, flags: bool, ops: &mut Vec<Op>) {
        if let Some(index) = self.decoded_at(at) {
            lift::lift(&mut self.info, self.places, &self.recent[index], flags, ops);
        }
    }

    fn graph(
        &mut self,
        places: &Places<'_>,
        finder: &Finder<'_>,
        extent: Extent,
        wanted: &[Field],
    ) -> Graph {
        flow::read(self, places, finder, extent, wanted)
    }

    fn access(&mut self, at: u32) -> Option<Access> {
        let instruction = self.decode(at)?;
        if !instruction.is_ip_rel_memory_operand() || instruction.mnemonic() == Mnemonic::Lea {
            let calls = instruction.near_branch_target() != 0;
            return Some(if calls { Access::Reads } else { Access::Takes });
        }
        let memory = self.info.info(&instruction).used_memory().iter();
        let reads = |access| matches!(access, OpAccess::Read | OpAccess::CondRead);
        // A call writes its return address, but not to the place it names.
        let named = memory.into_iter().filter(|memory| memory.base() != Register::RSP);
        let only_read = named.into_iter().all(|memory| reads(memory.access()));
        Some(if only_read { Access::Reads } else { Access::Writes })
    }

    fn start_function(&mut self) {
        self.chain.clear();
        self.pointers.iter_mut().for_each(Vec::clear);
        self.computed.clear();
        self.sums.clear();
    }

    fn start_chain(&mut self) {
        self.chain.clear();
    }

    fn jump_table(&mut self, inside: &dyn Fn(u32) -> bool) -> Jumps {
        let chain = self.decoded(&self.chain.clone());
        if let Some(jumps) = jump_table::targets(&chain, &self.pointers, self.places, inside) {
            return jumps;
        }
        self.sum_up();
        jump_table::earlier(&chain, &self.computed, self.places, inside)
    }

    fn stub(&self, at: u32) -> Stub {
        stub::follow(self.places, at)
    }

    fn checks_cookie(&self, at: u32) -> bool {
        stub::checks_cookie(self.places, at)
    }

    #[inline]
    fn length(&mut self, at: u32) -> Option<u32> {
        match self.glance(at) {
            Some(glance) => Some(u32::from(glance.length)),
            None => self.decode(at).map(|instruction| instruction.len() as u32),
        }
    }

    fn is_inside_another(&mut self, start: u32, at: u32, readings: Range<u32>) -> bool {
        let first = readings.start;
        let mut elsewhere = false;
        // Where instructions begin near the first reading: one that comes there as well goes on alike.
        let mut known = 0_u64;
        'readings: for from in readings {
            let mut begin = from;
            loop {
                let mark = 1_u64.checked_shl(begin - first).unwrap_or(0);
                if known & mark != 0 {
                    continue 'readings;
                }
                known |= mark;
                match self.length(begin).and_then(|length| begin.checked_add(length)) {
                    None => continue 'readings,
                    Some(next) if next <= at => begin = next,
                    Some(_) if begin == start => return false,
                    Some(_) => {
                        elsewhere = true;
                        continue 'readings;
                    }
                }
            }
        }
        elsewhere
    }

    fn names(&mut self, at: u32) -> Option<(u32, u32)> {
        if let Some(glance) = self.glance(at) {
            let length = u32::from(glance.length);
            return Some((length, glance.names(at.wrapping_add(length))?));
        }
        let instruction = self.decode(at)?;
        Some((instruction.len() as u32, self.named(&instruction)?))
    }

    fn uses(&mut self, at: u32, register: Reg) -> (bool, bool) {
        let Some(instruction) = self.decode(at) else { return (false, false) };
        let (mut reads, mut writes) = (false, false);
        for used in self.info.info(&instruction).used_registers() {
            if general(used.register()).is_some_and(|(used, _)| used == register) {
                writes |= touch::writes(used.access()) == Some(true);
                reads |= !matches!(used.access(), OpAccess::Write | OpAccess::None);
            }
        }
        (reads, writes)
    }

    fn touches(&mut self, at: u32, touches: &mut Vec<Touch>) {
        if let Some(index) = self.decoded_at(at) {
            touch::touches(&mut self.info, self.places, &self.recent[index], touches);
        }
    }

    fn control(&mut self, at: u32) -> Option<Reg> {
        touch::control(&self.decode(at)?)
    }

    fn made(&mut self, at: u32) -> Option<(Reg, bool)> {
        if let Some((register, loads)) = self.glance(at).and_then(|glance| glance.makes()) {
            return Some((Reg(register), loads));
        }
        made(&self.decode(at)?)
    }

    fn follow(&mut self, start: u32, register: Reg, asked: &Followed) -> bool {
        follow::follow(self, start, register, asked)
    }

    fn follow_and_keep(
        &mut self,
        start: u32,
        register: Reg,
        asked: &Followed,
    ) -> (bool, Option<u32>) {
        follow::follow_and_keep(self, start, register, asked)
    }

    fn padding(&self, bytes: &[u8]) -> usize {
        stub::padding(bytes)
    }
}

/// The instruction at the start of `bytes`, which stand at `at`.
pub(crate) fn decode(bytes: &[u8], at: u32) -> Option<Instruction> {
    let longest = &bytes[..bytes.len().min(15)];
    let mut decoder = iced_x86::Decoder::with_ip(64, longest, u64::from(at), DecoderOptions::NONE);
    let instruction = decoder.decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// The register of 64 bits that an instruction puts an address or a value into; and whether it reads that
/// in memory.
fn made(instruction: &Instruction) -> Option<(Reg, bool)> {
    let makes = matches!(instruction.mnemonic(), Mnemonic::Lea | Mnemonic::Mov)
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register().is_gpr64();
    let loads = instruction.mnemonic() == Mnemonic::Mov && instruction.op1_kind() == OpKind::Memory;
    makes.then(|| general(instruction.op0_register()).map(|(register, _)| (register, loads)))?
}

/// The address on the stack that an instruction may take.
fn taken(instruction: &Instruction) -> Option<Taken> {
    let base = instruction.memory_base();
    if instruction.mnemonic() == Mnemonic::Lea {
        let (from, _) = general(base)?;
        let (to, _) = general(instruction.op0_register())?;
        let offset = instruction.memory_displacement64().cast_signed();
        return match instruction.memory_index() {
            Register::None => Some(Taken::At(from, i32::try_from(offset).ok()?, to)),
            _ if from == RSP => Some(Taken::StackPointer),
            _ => None,
        };
    }
    // As an operand that is read, whatever is done with it.
    let operands = 1..instruction.op_count();
    let read = operands.into_iter().any(|operand| {
        instruction.op_kind(operand) == OpKind::Register
            && instruction.op_register(operand) == Register::RSP
    });
    let pushed = instruction.mnemonic() == Mnemonic::Push
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register() == Register::RSP;
    (read || pushed).then_some(Taken::StackPointer)
}

/// The register as the analysis numbers it, and whether it is one of the high bytes `ah` to `bh`.
fn general(register: Register) -> Option<(Reg, bool)> {
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    let full = register.full_register();
    full.is_gpr64().then(|| (Reg(full.number() as u8), high))
}

/// The two halves of a vector register that is followed.
fn halves(register: Register) -> Option<[Reg; 2]> {
    let number = register.full_register().is_zmm().then(|| register.number())?;
    let low = VECTORS + 2 * u8::try_from(number).ok().filter(|number| *number < 16)?;
    Some([Reg(low), Reg(low + 1)])
}
