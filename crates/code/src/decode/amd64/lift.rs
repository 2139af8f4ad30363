//! What x64 instructions do, as operations. What is not listed forgets what it writes.

mod flags;

use super::{RAX, RBP, RCX, RDI, RDX, RSI, RSP, TEMPORARY, general, halves};
use crate::decode::Flow;
use crate::ir::{Address, Binary, Condition, Op, Reg, Source, Target, Width};
use crate::places::Places;
use iced_x86::{
    Code, ConditionCode, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    OpKind, Register,
};

/// `int 29h` ends the system on purpose: code behind it is not reached.
const FAST_FAIL: u8 = 0x29;

/// What is set in control register 0 whenever Windows runs a driver: paging, write protection and
/// protected mode.
const ALWAYS_SET: u64 = 1 << 31 | 1 << 16 | 1;

/// Where code goes on after `instruction`.
pub(super) fn flow(instruction: &Instruction) -> Flow {
    match instruction.flow_control() {
        FlowControl::Next | FlowControl::XbeginXabortXend => Flow::Next,
        FlowControl::UnconditionalBranch => Flow::Jump(near_target(instruction)),
        FlowControl::ConditionalBranch => Flow::Branch(near_target(instruction)),
        FlowControl::IndirectBranch => Flow::Indirect(target(instruction)),
        FlowControl::IndirectCall => Flow::Call(target(instruction)),
        FlowControl::Call if instruction.is_call_near() => {
            Flow::Call(Target::Code(near_target(instruction)))
        }
        // `syscall` and its kin.
        FlowControl::Call => Flow::Next,
        FlowControl::Interrupt
            if instruction.mnemonic() == Mnemonic::Int && instruction.immediate8() != FAST_FAIL =>
        {
            Flow::Next
        }
        FlowControl::Interrupt if instruction.mnemonic() == Mnemonic::Int3 => Flow::Break,
        FlowControl::Return => Flow::Return,
        FlowControl::Interrupt | FlowControl::Exception => Flow::Stop,
    }
}

/// What `instruction` asks of the flags, if it does one thing where they say so and else another.
pub(super) fn condition(instruction: &Instruction) -> Condition {
    match instruction.condition_code() {
        _ if instruction.is_loop() || instruction.is_loopcc() => Condition::Other,
        ConditionCode::e => Condition::Equal,
        ConditionCode::ne => Condition::NotEqual,
        ConditionCode::b => Condition::Below,
        ConditionCode::ae => Condition::NotBelow,
        ConditionCode::a => Condition::Above,
        ConditionCode::be => Condition::NotAbove,
        ConditionCode::l => Condition::Less,
        ConditionCode::ge => Condition::NotLess,
        ConditionCode::g => Condition::Greater,
        ConditionCode::le => Condition::NotGreater,
        ConditionCode::s => Condition::Negative,
        ConditionCode::ns => Condition::NotNegative,
        _ => Condition::Other,
    }
}

/// Adds what `instruction` does to `ops`, and to the flags where that matters.
pub(super) fn lift(
    info: &mut InstructionInfoFactory,
    places: &Places<'_>,
    instruction: &Instruction,
    flags: bool,
    ops: &mut Vec<Op>,
) {
    let mut lifter = Lifter { instruction, places, ops };
    if flags {
        lifter.flags_before();
    }
    match instruction.flow_control() {
        FlowControl::IndirectBranch | FlowControl::IndirectCall => lifter.load_target(),
        FlowControl::ConditionalBranch if instruction.is_loop() || instruction.is_loopcc() => {
            let (what, to, width) = (Binary::Sub, RCX, Width::W64);
            let (left, right) = (Source::Reg(RCX), Source::Number(1));
            lifter.ops.push(Op::Binary { what, to, width, left, right });
        }
        FlowControl::UnconditionalBranch
        | FlowControl::ConditionalBranch
        | FlowControl::Return
        | FlowControl::Exception => {}
        FlowControl::Call if instruction.is_call_near() => {}
        _ => {
            if !lifter.listed() {
                lifter.unlisted(info);
            }
        }
    }
    if flags {
        lifter.flags_behind();
    }
}

/// Where an indirect call or jump goes.
fn target(instruction: &Instruction) -> Target {
    if instruction.op0_kind() == OpKind::Register {
        let register = general(instruction.op0_register());
        return register
            .map_or(Target::Memory(TEMPORARY[0]), |(register, _)| Target::Register(register));
    }
    match instruction.is_ip_rel_memory_operand() && instruction.memory_size().size() == 8 {
        true => Target::Pointer(instruction.ip_rel_memory_address() as u32),
        false => Target::Memory(TEMPORARY[0]),
    }
}

fn near_target(instruction: &Instruction) -> u32 {
    instruction.near_branch_target() as u32
}

struct Lifter<'l> {
    instruction: &'l Instruction,
    places: &'l Places<'l>,
    ops: &'l mut Vec<Op>,
}

impl Lifter<'_> {
    /// Lifts what is listed here; whether it was.
    fn listed(&mut self) -> bool {
        use Mnemonic as M;
        let i = self.instruction;
        match i.mnemonic() {
            M::Nop
            | M::Test
            | M::Cmp
            | M::Bt
            | M::Pause
            | M::Endbr64
            | M::Lfence
            | M::Mfence
            | M::Sfence
            | M::Comiss
            | M::Comisd
            | M::Ucomiss
            | M::Ucomisd
            | M::Prefetchw
            | M::Prefetcht0
            | M::Cld
            | M::Cli
            | M::Sti => {}
            M::Mov => return self.mov(),
            M::Movzx => self.extend(false),
            M::Movsx | M::Movsxd => self.extend(true),
            M::Lea => return self.lea(),
            M::Xor => return self.binary(Binary::Xor),
            M::Or => return self.binary(Binary::Or),
            M::And => return self.binary(Binary::And),
            M::Add => return self.binary(Binary::Add),
            M::Sub => return self.binary(Binary::Sub),
            M::Shl | M::Sal => return self.binary(Binary::Shl),
            M::Shr => return self.binary(Binary::Shr),
            M::Sar => return self.binary(Binary::Sar),
            M::Bts => return self.bit(Binary::Or, false),
            M::Btr => return self.bit(Binary::And, true),
            M::Btc => return self.bit(Binary::Xor, false),
            M::Inc => return self.with_number(Binary::Add, 1),
            M::Dec => return self.with_number(Binary::Sub, 1),
            M::Not => return self.with_number(Binary::Xor, u64::MAX),
            M::Neg => return self.negate(),
            M::Imul if i.op_count() > 1 => return self.multiply(),
            M::Div => return self.divide(),
            M::Sbb => return self.borrow_mask() || self.with_carry(Binary::Sub),
            M::Adc => return self.with_carry(Binary::Add),
            M::Push => self.push(),
            M::Pop => return self.pop(),
            M::Pushfq => {
                self.ops.push(Op::Forget { to: TEMPORARY[0] });
                self.push_value(Source::Reg(TEMPORARY[0]));
            }
            M::Popfq => self.move_stack(Binary::Add),
            M::Leave => {
                self.ops.push(Op::Copy { to: RSP, width: Width::W64, from: Source::Reg(RBP) });
                self.pop_to(RBP);
            }
            M::Cdqe => self.widen_rax(Width::W32, Width::W64),
            M::Cwde => self.widen_rax(Width::W16, Width::W32),
            M::Cdq | M::Cqo => self.ops.push(Op::Forget { to: RDX }),
            M::Xchg => return self.exchange(),
            M::Xorps | M::Xorpd | M::Pxor | M::Vxorps | M::Vpxor | M::Vxorpd => {
                return self.vector_zero();
            }
            M::Movaps
            | M::Movups
            | M::Movdqa
            | M::Movdqu
            | M::Movapd
            | M::Movupd
            | M::Vmovaps
            | M::Vmovups
            | M::Vmovdqa
            | M::Vmovdqu => return self.vector_move(),
            M::Movq | M::Vmovq => return self.vector_part(Width::W64),
            M::Movd | M::Vmovd => return self.vector_part(Width::W32),
            _ if i.is_string_instruction() => self.string(),
            _ => return self.by_name(),
        }
        true
    }

    /// The families `cmovcc` and `setcc`.
    fn by_name(&mut self) -> bool {
        let i = self.instruction;
        let conditional = i.condition_code() != ConditionCode::None;
        match (conditional, i.op_count()) {
            (true, 1) => self.set(),
            (true, 2) => self.conditional_move(),
            _ => false,
        }
    }

    fn set(&mut self) -> bool {
        let to = match self.register(0) {
            Some((to, true)) => {
                let bit = TEMPORARY[0];
                let when = condition(self.instruction);
                self.ops.push(Op::Either { to: bit, width: Width::W64, other: 1, when });
                self.put_high(to, Source::Reg(bit));
                return true;
            }
            Some((to, false)) => to,
            None => TEMPORARY[0],
        };
        let when = condition(self.instruction);
        self.ops.push(Op::Either { to, width: Width::W8, other: 1, when });
        if self.instruction.op0_kind() == OpKind::Memory {
            self.store(Width::W8, Source::Reg(to));
        }
        true
    }

    fn conditional_move(&mut self) -> bool {
        let (Some((to, _)), Some(width)) = (self.register(0), self.width(0)) else { return false };
        let from = self.read(1, width, TEMPORARY[0]);
        let when = condition(self.instruction);
        self.ops.push(Op::Maybe { to, width, from, when });
        true
    }

    /// Forgets every register and every piece of memory that the instruction writes.
    fn unlisted(&mut self, info: &mut InstructionInfoFactory) {
        let used = info.info(self.instruction);
        let writes = |access: OpAccess| {
            !matches!(
                access,
                OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
            )
        };
        for register in used.used_registers().iter().filter(|used| writes(used.access())) {
            if let Some((to, _)) = general(register.register()) {
                self.ops.push(Op::Forget { to });
            }
            for to in halves(register.register()).into_iter().flatten() {
                self.ops.push(Op::Forget { to });
            }
        }
        if used.used_memory().iter().any(|memory| writes(memory.access())) {
            self.forget_memory();
        }
    }

    fn forget_memory(&mut self) {
        let bytes = self.instruction.memory_size().size();
        let Some(address) = self.address().filter(|_| (1..=64).contains(&bytes)) else {
            // Which memory it is cannot be told: state saved by `xsave`, or an odd address.
            self.ops.push(Op::Forget { to: TEMPORARY[0] });
            let from = Address { base: Some(TEMPORARY[0]), ..NOWHERE };
            return self.ops.push(Op::Smear { from: self.address().unwrap_or(from) });
        };
        self.ops.push(Op::Forget { to: TEMPORARY[0] });
        for piece in 0..bytes.div_ceil(8) as i64 {
            let to = Address { offset: address.offset.wrapping_add(8 * piece), ..address };
            let width = if bytes < 8 { narrow(bytes) } else { Width::W64 };
            self.ops.push(Op::Store { to, width, value: Source::Reg(TEMPORARY[0]) });
        }
    }

    fn mov(&mut self) -> bool {
        let Some(width) = self.width(0) else {
            // Segment, control and debug registers.
            return false;
        };
        if self.instruction.code() == Code::Mov_r64_imm64
            && let Some(rva) = self.places.rva(self.instruction.immediate64())
            && let Some((to, _)) = self.register(0)
        {
            self.ops.push(Op::Copy { to, width, from: Source::Image(rva) });
            return true;
        }
        if self.instruction.op1_kind() == OpKind::Register && self.register(1).is_none() {
            return self.read_control();
        }
        if self.instruction.op1_kind() == OpKind::Memory
            && let Some((to, false)) = self.register(0)
        {
            match self.address() {
                Some(from) => self.ops.push(Op::Load { to, width, from }),
                None => self.ops.push(Op::Forget { to }),
            }
            return true;
        }
        let value = self.read(1, width, TEMPORARY[0]);
        self.put(width, value);
        true
    }

    /// Lifts a read of control register 0; what the other special registers hold is not followed.
    fn read_control(&mut self) -> bool {
        let Some((to, _)) = self.register(0) else { return false };
        let known = self.instruction.op1_register() == Register::CR0;
        if known {
            self.ops.push(Op::ReadControl { to, ones: ALWAYS_SET });
        }
        known
    }

    fn extend(&mut self, signed: bool) {
        let (Some((to, _)), Some(width), Some(narrow)) =
            (self.register(0), self.width(0), self.width(1))
        else {
            return;
        };
        match self.read(1, narrow, TEMPORARY[0]) {
            Source::Reg(from) => {
                self.ops.push(Op::Extend { to, width, from, narrow, signed });
            }
            _ => self.ops.push(Op::Forget { to }),
        }
    }

    fn lea(&mut self) -> bool {
        let (Some((to, _)), Some(width)) = (self.register(0), self.width(0)) else { return false };
        let Some(address) = self.address() else { return false };
        if width == Width::W64 {
            self.ops.push(Op::Point { to, address });
        } else {
            self.ops.push(Op::Point { to: TEMPORARY[0], address });
            self.ops.push(Op::Copy { to, width, from: Source::Reg(TEMPORARY[0]) });
        }
        true
    }

    fn binary(&mut self, what: Binary) -> bool {
        let Some(width) = self.width(0) else { return false };
        let right = match self.instruction.op_count() {
            1 => Source::Number(1),
            _ => self.read(1, width, TEMPORARY[1]),
        };
        self.change(what, width, right)
    }

    fn with_number(&mut self, what: Binary, number: u64) -> bool {
        let Some(width) = self.width(0) else { return false };
        self.change(what, width, Source::Number(number & width.mask()))
    }

    /// Operand 0 becomes itself with `right`.
    fn change(&mut self, what: Binary, width: Width, right: Source) -> bool {
        if let Some((to, high)) = self.register(0) {
            if high {
                let left = self.read(0, width, TEMPORARY[0]);
                let result = TEMPORARY[2];
                self.ops.push(Op::Binary { what, to: result, width, left, right });
                self.put_high(to, Source::Reg(result));
            } else {
                self.ops.push(Op::Binary { what, to, width, left: Source::Reg(to), right });
            }
            return true;
        }
        let left = self.read(0, width, TEMPORARY[0]);
        let to = TEMPORARY[2];
        self.ops.push(Op::Binary { what, to, width, left, right });
        self.store(width, Source::Reg(to));
        true
    }

    fn bit(&mut self, what: Binary, clear: bool) -> bool {
        let Some(width) = self.width(0) else { return false };
        if self.instruction.op1_kind() != OpKind::Immediate8 {
            return false;
        }
        let bit = 1 << (u32::from(self.instruction.immediate8()) % width.bits());
        self.change(what, width, Source::Number(if clear { width.mask() & !bit } else { bit }))
    }

    fn negate(&mut self) -> bool {
        let Some(width) = self.width(0) else { return false };
        let Some((to, false)) = self.register(0) else { return false };
        let (left, right) = (Source::Number(0), Source::Reg(to));
        self.ops.push(Op::Binary { what: Binary::Sub, to, width, left, right });
        true
    }

    fn multiply(&mut self) -> bool {
        let (Some((to, _)), Some(width)) = (self.register(0), self.width(0)) else { return false };
        let (left, right) = match self.instruction.op_count() {
            2 => (Source::Reg(to), self.read(1, width, TEMPORARY[0])),
            _ => {
                let left = self.read(1, width, TEMPORARY[0]);
                (left, self.read(2, width, TEMPORARY[1]))
            }
        };
        self.ops.push(Op::Binary { what: Binary::Mul, to, width, left, right });
        true
    }

    /// `sbb r, r`: 0 or all ones, by the carry.
    fn borrow_mask(&mut self) -> bool {
        let i = self.instruction;
        let same = i.op1_kind() == OpKind::Register && i.op0_register() == i.op1_register();
        let (Some((to, false)), Some(width), true) = (self.register(0), self.width(0), same) else {
            return false;
        };
        let when = Condition::Below;
        self.ops.push(Op::Either { to, width, other: width.mask(), when });
        true
    }

    /// `adc` and `sbb`: one more, or less, by the carry.
    fn with_carry(&mut self, what: Binary) -> bool {
        let (Some((to, false)), Some(width)) = (self.register(0), self.width(0)) else {
            return false;
        };
        let (right, carry) = (self.read(1, width, TEMPORARY[0]), TEMPORARY[1]);
        self.ops.push(Op::Either { to: carry, width, other: 1, when: Condition::Below });
        for right in [right, Source::Reg(carry)] {
            self.ops.push(Op::Binary { what, to, width, left: Source::Reg(to), right });
        }
        true
    }

    /// `div` of 32 or 64 bits.
    fn divide(&mut self) -> bool {
        let Some(width) = self.width(0).filter(|width| *width >= Width::W32) else { return false };
        let by = self.read(0, width, TEMPORARY[0]);
        self.ops.push(Op::Remainder { to: RDX, width, by });
        self.ops.push(Op::Forget { to: RAX });
        true
    }

    fn push(&mut self) {
        let value = self.read(0, Width::W64, TEMPORARY[0]);
        self.push_value(value);
    }

    fn push_value(&mut self, value: Source) {
        self.move_stack(Binary::Sub);
        let to = Address { base: Some(RSP), ..NOWHERE };
        self.ops.push(Op::Store { to, width: Width::W64, value });
    }

    fn pop(&mut self) -> bool {
        let Some((to, _)) = self.register(0) else { return false };
        self.pop_to(to);
        true
    }

    fn pop_to(&mut self, to: Reg) {
        let from = Address { base: Some(RSP), ..NOWHERE };
        self.ops.push(Op::Load { to: TEMPORARY[0], width: Width::W64, from });
        self.move_stack(Binary::Add);
        self.ops.push(Op::Copy { to, width: Width::W64, from: Source::Reg(TEMPORARY[0]) });
    }

    fn move_stack(&mut self, what: Binary) {
        let (left, right) = (Source::Reg(RSP), Source::Number(8));
        self.ops.push(Op::Binary { what, to: RSP, width: Width::W64, left, right });
    }

    fn widen_rax(&mut self, narrow: Width, width: Width) {
        self.ops.push(Op::Extend { to: RAX, width, from: RAX, narrow, signed: true });
    }

    fn exchange(&mut self) -> bool {
        let Some(width) = self.width(0).filter(|width| *width >= Width::W32) else { return false };
        let (Some((a, _)), Some((b, _))) = (self.register(0), self.register(1)) else {
            return false;
        };
        self.ops.push(Op::Copy { to: TEMPORARY[0], width, from: Source::Reg(a) });
        self.ops.push(Op::Copy { to: a, width, from: Source::Reg(b) });
        self.ops.push(Op::Copy { to: b, width, from: Source::Reg(TEMPORARY[0]) });
        true
    }

    /// A vector register with itself: all zero.
    fn vector_zero(&mut self) -> bool {
        let i = self.instruction;
        let last = i.op_count() - 1;
        let same = i.op_kind(last) == OpKind::Register
            && i.op_register(last) == i.op_register(last - 1)
            && i.op0_register().is_xmm();
        let Some(both) = halves(i.op0_register()).filter(|_| same) else { return false };
        for to in both {
            self.ops.push(Op::Copy { to, width: Width::W64, from: Source::Number(0) });
        }
        true
    }

    /// Sixteen bytes between vector registers and memory.
    fn vector_move(&mut self) -> bool {
        let i = self.instruction;
        if i.op_count() != 2 || i.memory_size().size() > 16 {
            return false;
        }
        let half = |operand| match i.op_kind(operand) {
            OpKind::Register if i.op_register(operand).is_xmm() => halves(i.op_register(operand)),
            _ => None,
        };
        let width = Width::W64;
        match (half(0), half(1), self.address()) {
            (Some(to), Some(from), _) => {
                for (to, from) in to.into_iter().zip(from) {
                    self.ops.push(Op::Copy { to, width, from: Source::Reg(from) });
                }
            }
            (Some(to), None, Some(from)) => {
                for (piece, to) in (0..).zip(to) {
                    let from = Address { offset: from.offset.wrapping_add(8 * piece), ..from };
                    self.ops.push(Op::Load { to, width, from });
                }
            }
            (None, Some(from), Some(to)) => {
                for (piece, from) in (0..).zip(from) {
                    let to = Address { offset: to.offset.wrapping_add(8 * piece), ..to };
                    self.ops.push(Op::Store { to, width, value: Source::Reg(from) });
                }
            }
            _ => return false,
        }
        true
    }

    /// The low half of a vector register from or to a general register or memory.
    fn vector_part(&mut self, width: Width) -> bool {
        let i = self.instruction;
        let vector = |operand| match i.op_kind(operand) {
            OpKind::Register if i.op_register(operand).is_xmm() => halves(i.op_register(operand)),
            _ => None,
        };
        match (vector(0), vector(1)) {
            (Some([low, high]), from) => {
                let from = match from {
                    Some([from, _]) => Source::Reg(from),
                    None => self.read(1, width, TEMPORARY[0]),
                };
                self.ops.push(Op::Copy { to: low, width, from });
                let zero = Source::Number(0);
                self.ops.push(Op::Copy { to: high, width: Width::W64, from: zero });
            }
            (None, Some([low, _])) => self.put(width, Source::Reg(low)),
            _ => return false,
        }
        true
    }

    /// `stos`, `movs` and their kin: what the destination holds is not followed.
    fn string(&mut self) {
        use Mnemonic as M;
        let i = self.instruction;
        let writes = matches!(
            i.mnemonic(),
            M::Stosb
                | M::Stosw
                | M::Stosd
                | M::Stosq
                | M::Movsb
                | M::Movsw
                | M::Movsd
                | M::Movsq
                | M::Insb
                | M::Insw
                | M::Insd
        );
        if writes {
            self.ops.push(Op::Smear { from: Address { base: Some(RDI), ..NOWHERE } });
        }
        for to in [RCX, RSI, RDI] {
            self.ops.push(Op::Forget { to });
        }
        if matches!(i.mnemonic(), M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq) {
            self.ops.push(Op::Forget { to: RAX });
        }
    }

    /// Loads where an indirect call or jump goes, if that is not told by a register or a place.
    fn load_target(&mut self) {
        let to = TEMPORARY[0];
        if target(self.instruction) == Target::Memory(to) {
            match self.address().filter(|_| self.instruction.memory_size().size() == 8) {
                Some(from) => self.ops.push(Op::Load { to, width: Width::W64, from }),
                None => self.ops.push(Op::Forget { to }),
            }
        }
    }

    /// The general register that an operand is.
    fn register(&self, operand: u32) -> Option<(Reg, bool)> {
        let i = self.instruction;
        (operand < i.op_count() && i.op_kind(operand) == OpKind::Register)
            .then(|| general(i.op_register(operand)))?
    }

    /// How wide an operand is.
    fn width(&self, operand: u32) -> Option<Width> {
        let i = self.instruction;
        let bytes = match i.op_kind(operand) {
            OpKind::Register if general(i.op_register(operand)).is_some() => {
                i.op_register(operand).size()
            }
            OpKind::Memory => i.memory_size().size(),
            _ => return None,
        };
        [Width::W8, Width::W16, Width::W32, Width::W64]
            .into_iter()
            .find(|width| usize::from(width.bytes()) == bytes)
    }

    /// What an operand holds, loaded into `temporary` if it is in memory.
    fn read(&mut self, operand: u32, width: Width, temporary: Reg) -> Source {
        let i = self.instruction;
        match (i.op_kind(operand), self.register(operand)) {
            (OpKind::Register, Some((register, false))) => Source::Reg(register),
            (OpKind::Memory, _) => {
                match self.address() {
                    Some(from) => self.ops.push(Op::Load { to: temporary, width, from }),
                    None => self.ops.push(Op::Forget { to: temporary }),
                }
                Source::Reg(temporary)
            }
            (OpKind::Register, Some((register, true))) => {
                let (what, width) = (Binary::Shr, Width::W64);
                let (left, right) = (Source::Reg(register), Source::Number(8));
                self.ops.push(Op::Binary { what, to: temporary, width, left, right });
                Source::Reg(temporary)
            }
            (OpKind::Register, None) => {
                self.ops.push(Op::Forget { to: temporary });
                Source::Reg(temporary)
            }
            _ => match i.try_immediate(operand) {
                Ok(number) => Source::Number(number & width.mask()),
                Err(_) => {
                    self.ops.push(Op::Forget { to: temporary });
                    Source::Reg(temporary)
                }
            },
        }
    }

    /// Operand 0 becomes `value`.
    fn put(&mut self, width: Width, value: Source) {
        match self.register(0) {
            Some((to, false)) => self.ops.push(Op::Copy { to, width, from: value }),
            Some((to, true)) => self.put_high(to, value),
            None => self.store(width, value),
        }
    }

    /// Bits 8 to 15 of `to` become the low byte of `value`.
    fn put_high(&mut self, to: Reg, value: Source) {
        let width = Width::W64;
        let byte = TEMPORARY[1];
        let mut push = |what, to, left, right| {
            self.ops.push(Op::Binary { what, to, width, left, right });
        };
        push(Binary::And, byte, value, Source::Number(0xFF));
        push(Binary::Shl, byte, Source::Reg(byte), Source::Number(8));
        push(Binary::And, to, Source::Reg(to), Source::Number(!0xFF00));
        push(Binary::Or, to, Source::Reg(to), Source::Reg(byte));
    }

    /// The memory operand becomes `value`.
    fn store(&mut self, width: Width, value: Source) {
        let to = self.address().unwrap_or_else(|| {
            self.ops.push(Op::Forget { to: TEMPORARY[1] });
            Address { base: Some(TEMPORARY[1]), ..NOWHERE }
        });
        self.ops.push(Op::Store { to, width, value });
    }

    /// The memory operand's address; `None` where it is not made of 64-bit registers.
    fn address(&self) -> Option<Address> {
        let i = self.instruction;
        if matches!(i.segment_prefix(), Register::FS | Register::GS) {
            return None;
        }
        let offset = i.memory_displacement64();
        if i.is_ip_rel_memory_operand() {
            let offset = i64::from(i.ip_rel_memory_address() as u32);
            return Some(Address { offset, in_image: true, ..NOWHERE });
        }
        let part = |register: Register| match register {
            Register::None => Some(None),
            register if register.is_gpr64() => Some(Some(Reg(register.number() as u8))),
            _ => None,
        };
        Some(Address {
            base: part(i.memory_base())?,
            index: part(i.memory_index())?,
            scale: i.memory_index_scale() as u8,
            offset: offset.cast_signed(),
            in_image: false,
        })
    }
}

const NOWHERE: Address = Address { base: None, index: None, scale: 1, offset: 0, in_image: false };

fn narrow(bytes: usize) -> Width {
    match bytes {
        1 => Width::W8,
        2 | 3 => Width::W16,
        _ => Width::W32,
    }
}
