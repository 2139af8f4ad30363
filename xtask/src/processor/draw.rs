//! Draws instructions: every opcode of every map with every prefix that matters, random operands, and
//! registers that make them meet memory.

use super::case::{AT, Case, DATA, READ_ONLY, State, WINDOW};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// Xorshift: the same seed gives the same cases.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }

    /// A value that is as likely an odd one as any.
    fn value(&mut self) -> u64 {
        let value = match self.below(6) {
            0 => self.below(70),
            1 => self.choose(&EDGES),
            2 => 1 << self.below(64),
            3 => self.next() & 0xFF,
            _ => self.next(),
        };
        if self.below(8) == 0 { value.wrapping_neg() } else { value }
    }

    /// Bytes of a vector: integers, or numbers of either width with the odd ones among them.
    fn lane(&mut self) -> [u8; 8] {
        match self.below(6) {
            0 => self.choose(&DOUBLES).to_le_bytes(),
            1 => {
                let pair = [self.choose(&SINGLES), self.choose(&SINGLES)];
                (u64::from(pair[0]) | u64::from(pair[1]) << 32).to_le_bytes()
            }
            2 => ((self.next() as i32) as f64 / 7.0).to_le_bytes(),
            3 => {
                let single = |random: &mut Self| (((random.next() as i32) as f32) / 3.0).to_bits();
                let pair = [single(self), single(self)];
                (u64::from(pair[0]) | u64::from(pair[1]) << 32).to_le_bytes()
            }
            4 => self.value().to_le_bytes(),
            _ => self.next().to_le_bytes(),
        }
    }
}

const EDGES: [u64; 8] =
    [0, u64::MAX, 0x7FFF_FFFF, 0x8000_0000, i64::MAX as u64, 1 << 63, 0x7F, 0x8000];

/// Zero, one, the largest, infinity, a quiet and a signalling none, a denormal, halves that tie.
const DOUBLES: [u64; 12] = [
    0,
    1 << 63,
    0x3FF0_0000_0000_0000,
    0x7FEF_FFFF_FFFF_FFFF,
    0x7FF0_0000_0000_0000,
    0xFFF0_0000_0000_0000,
    0x7FF8_0000_0000_1234,
    0xFFF4_0000_0000_0001,
    0x0000_0000_0000_0001,
    0x4004_0000_0000_0000,
    0xC1E0_0000_0000_0000,
    0x43E0_0000_0000_0000,
];
const SINGLES: [u32; 12] = [
    0,
    1 << 31,
    0x3F80_0000,
    0x7F7F_FFFF,
    0x7F80_0000,
    0xFF80_0000,
    0x7FC0_1234,
    0xFFA0_0001,
    0x0000_0001,
    0x4020_0000,
    0xCF00_0000,
    0x5F00_0000,
];

/// An encoding without its operands.
#[derive(Clone, Copy)]
pub struct Shape {
    map: u8,
    opcode: u8,
    /// None, 66, F3, F2.
    prefix: u8,
    wide: bool,
    /// VEX with 128 or 256 bits.
    vex: Option<bool>,
}

/// All encodings there may be.
pub fn shapes() -> Vec<Shape> {
    let mut all = Vec::new();
    for opcode in 0..=255 {
        for prefix in 0..4 {
            for wide in [false, true] {
                for map in 0..4 {
                    all.push(Shape { map, opcode, prefix, wide, vex: None });
                }
                for map in 1..4 {
                    for long in [false, true] {
                        all.push(Shape { map, opcode, prefix, wide, vex: Some(long) });
                    }
                }
            }
        }
    }
    all
}

/// A case of this shape, where its bytes are an instruction that can be tried.
pub fn case(shape: Shape, random: &mut Random) -> Option<(Case, Instruction)> {
    let mut code = encode(shape, random);
    let i = Decoder::with_ip(64, &code, super::case::CODE, DecoderOptions::NONE).decode();
    if i.is_invalid() || !may_be_tried(&i) || differs_by_maker(&i, &code) {
        return None;
    }
    code.truncate(i.len());
    let mut state = State {
        general: std::array::from_fn(|_| random.value()),
        rflags: 0x202 | random.next() & 0x8D5 | if random.below(4) == 0 { 0x400 } else { 0 },
        vectors: [[0; 32]; 16],
        window: [0; WINDOW],
    };
    for lane in state.vectors.as_flattened_mut().chunks_exact_mut(8) {
        lane.copy_from_slice(&random.lane());
    }
    for lane in state.window.chunks_exact_mut(8) {
        lane.copy_from_slice(&random.lane());
    }
    place(&i, &mut state, random)?;
    // Sometimes another rounding than to nearest.
    let rounding = if random.below(4) == 0 { random.below(4) as u32 } else { 0 };
    Some((Case { code, mxcsr: 0x1F80 | rounding << 13, state }, i))
}

fn encode(shape: Shape, random: &mut Random) -> Vec<u8> {
    let mut code = Vec::new();
    let bits = random.next() as u8;
    match shape.vex {
        Some(long) => {
            let free = random.next() as u8;
            code.push(0xC4);
            code.push(bits & 0xE0 | shape.map);
            let w = if shape.wide { 0x80 } else { 0 };
            // Half of all instructions want no further register, which is all ones.
            let further = if random.below(2) == 0 { 0x78 } else { free & 0x78 };
            code.push(w | further | if long { 4 } else { 0 } | pp(shape.prefix));
        }
        None => {
            code.extend([0x66, 0xF3, 0xF2].get(usize::from(shape.prefix).wrapping_sub(1)));
            if shape.prefix == 1 && random.below(8) == 0 {
                code.push(if random.below(2) == 0 { 0xF3 } else { 0xF2 });
            }
            if shape.prefix == 0 && random.below(6) == 0 {
                code.push(0xF0);
            }
            if shape.wide || random.below(3) != 0 {
                code.push(0x40 | bits & 7 | if shape.wide { 8 } else { 0 });
            }
            match shape.map {
                1 => code.push(0x0F),
                2 => code.extend([0x0F, 0x38]),
                3 => code.extend([0x0F, 0x3A]),
                _ => {}
            }
        }
    }
    code.push(shape.opcode);
    let rest = random.next().to_le_bytes();
    let modrm = if random.below(2) == 0 { rest[0] | 0xC0 } else { rest[0] };
    code.push(modrm);
    code.extend(&rest[1..]);
    code.extend(random.next().to_le_bytes());
    code.truncate(15);
    code
}

fn pp(prefix: u8) -> u8 {
    [0, 1, 2, 3][usize::from(prefix)]
}

/// Whether an instruction may be tried on the machine that this runs on: it stays in the program and its
/// memory.
fn may_be_tried(i: &Instruction) -> bool {
    use Mnemonic as M;
    let flows = matches!(
        i.flow_control(),
        FlowControl::Next | FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
    );
    let segments = matches!(i.memory_segment(), Register::FS | Register::GS)
        || (0..i.op_count())
            .any(|n| i.op_kind(n) == OpKind::Register && i.op_register(n).is_segment_register());
    let left_out = matches!(
        i.mnemonic(),
        M::Popf
            | M::Popfq
            | M::Rdfsbase
            | M::Rdgsbase
            | M::Wrfsbase
            | M::Wrgsbase
            | M::Fxrstor
            | M::Fxrstor64
            | M::Xrstor
            | M::Xrstor64
            | M::Xsave
            | M::Xsave64
            | M::Xsaveopt
            | M::Xsaveopt64
            | M::Fxsave
            | M::Fxsave64
            | M::Enter
    );
    flows && !segments && !left_out && !i.is_ip_rel_memory_operand() && !i.is_privileged()
}

/// Whether processors do different things with the same bytes. Behind 66 a near branch keeps 16 bits of its target on
/// AMD's and all of them on Intel's; before a branch REP is reserved; and `F3 41 90` is PAUSE on one and XCHG on the
/// other.
fn differs_by_maker(i: &Instruction, code: &[u8]) -> bool {
    let is_prefix = |byte: &&u8| matches!(byte, 0x26 | 0x2E | 0x36 | 0x3E | 0x40..=0x4F | 0x64..=0x67 | 0xF0 | 0xF2 | 0xF3);
    let prefixes: Vec<u8> = code.iter().take_while(is_prefix).copied().collect();
    let has = |wanted: fn(u8) -> bool| prefixes.iter().any(|byte| wanted(*byte));
    match i.flow_control() {
        FlowControl::Next => {
            i.mnemonic() == Mnemonic::Pause && has(|byte| matches!(byte, 0x40..=0x4F))
        }
        _ => has(|byte| matches!(byte, 0x66 | 0xF2 | 0xF3)),
    }
}

/// Sets the registers so that memory operands are where there is memory, or just is none.
fn place(i: &Instruction, state: &mut State, random: &mut Random) -> Option<()> {
    let inside = |random: &mut Random, size: u64| match random.below(4) {
        // Across the border of the two pages, often.
        0 => 0x2000_1000 - random.below(size.max(2)),
        1 => (AT + random.below(WINDOW as u64 - 64)) & !31,
        _ => AT + random.below(WINDOW as u64 - 64),
    };
    state.general[4] = (AT + 64 + random.below(128)) & !7;
    let implicit = |kind| {
        matches!(
            kind,
            OpKind::MemorySegRSI
                | OpKind::MemoryESRDI
                | OpKind::MemorySegRDI
                | OpKind::MemorySegESI
                | OpKind::MemoryESEDI
                | OpKind::MemorySegEDI
        )
    };
    if i.op_kinds().any(implicit) {
        state.general[6] = AT + 64 + random.below(96);
        state.general[7] = AT + 64 + random.below(96);
        state.general[1] = random.below(8);
    }
    if i.mnemonic() == Mnemonic::Leave {
        state.general[5] = AT + random.below(128);
    }
    if i.mnemonic() == Mnemonic::Xlatb {
        state.general[3] = AT;
        state.general[0] &= !0x80;
        return Some(());
    }
    if !i.op_kinds().any(|kind| kind == OpKind::Memory) || i.mnemonic() == Mnemonic::Lea {
        return Some(());
    }
    let size = i.memory_size().size() as u64;
    let wanted = match random.below(16) {
        0 => DATA + 0x2000 - random.below(size.max(1) + 1),
        1 => READ_ONLY + random.below(2048),
        _ => inside(random, size),
    };
    reach(i, state, wanted, random)
}

/// Sets base and index so that they give an address; none where no value of theirs does.
fn reach(i: &Instruction, state: &mut State, wanted: u64, random: &mut Random) -> Option<()> {
    let (base, index) = (i.memory_base(), i.memory_index());
    let number = |register: Register| register.full_register().number() & 15;
    let scale = u64::from(i.memory_index_scale());
    if base == Register::None || index.is_vector_register() || base == index {
        return None;
    }
    // A bit number in a register reaches beyond the operand.
    if i.op_count() == 2
        && i.op1_kind() == OpKind::Register
        && matches!(i.mnemonic(), Mnemonic::Bt | Mnemonic::Btc | Mnemonic::Btr | Mnemonic::Bts)
    {
        let place = number(i.op1_register());
        if place == number(base) || index != Register::None && place == number(index) {
            return None;
        }
        state.general[place] = random.below(64).wrapping_sub(32);
    }
    let mut rest = wanted.wrapping_sub(i.memory_displacement64());
    if index != Register::None {
        if base.size() == 4 {
            state.general[number(index)] &= 0xFF;
        }
        rest = rest.wrapping_sub(state.general[number(index)].wrapping_mul(scale));
    }
    if base.size() == 4 {
        rest &= 0xFFFF_FFFF;
    }
    state.general[number(base)] = rest;
    Some(())
}
