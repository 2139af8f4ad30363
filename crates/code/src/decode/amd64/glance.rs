//! A glance at an instruction: how long it is and where code goes on, by its first bytes alone. Of most
//! instructions of a function nobody asks more, and to decode one whole takes several times as long.
//!
//! Only common forms are known here, which compilers write: an operation code of one byte or of two behind
//! `0F`, with no prefix but REX. Of all others nothing is told, and they are decoded.

use super::RSP;
use crate::decode::{Flow, Taken};
use crate::ir::{Reg, Target};

/// A number of one byte, or of four, stands at the end.
const BYTE: u16 = 1;
const FOUR: u16 = 4;
/// An operand byte follows, with all that it asks for.
const OPERANDS: u16 = 2;
/// It goes, or may go, as far from its end as the number says.
const GOES: u16 = 8;
/// The third register's bits in the operand byte select what is done, and perhaps what follows.
const SELECTS: u16 = 16;
const GROUP: u16 = 64;
/// The lowest bits of the operation code are a register.
const SHORT: u16 = 32;
/// It is not known here.
const OTHER: u16 = 128;
/// A register that it names may be of one byte, and then the second one of another register.
const BYTES: u16 = 256;
/// It takes the address of memory.
const POINTS: u16 = 512;
/// It may return, call, or add one register to another.
const TELLS: u16 = 1024;

/// What operation codes of one byte ask for, and those behind `0F`.
static FORMS: [[u16; 256]; 2] = [one(), two()];
/// What operand bytes ask for.
static FOLLOWS: [u8; 256] = follows();

/// How many bytes of a distance follow, with the byte that says how an index is scaled.
const COUNT: u8 = 7;
/// That byte follows.
const SCALED: u8 = 8;
/// It names two registers and no memory.
const BOTH: u8 = 16;
/// The memory is told by a distance from the instruction's end.
const BESIDE: u8 = 32;
/// The stack pointer, or a register that only REX tells from it, is the second register, or the first.
const STACK_SECOND: u8 = 64;
const STACK_FIRST: u8 = 128;
/// What most operand bytes do not ask for.
const UNUSUAL: u8 = SCALED | STACK_FIRST | STACK_SECOND;

/// The byte before operation codes of two.
const ESCAPE: u8 = 0x0F;
/// Bytes that are looked at.
const WINDOW: usize = 16;

const fn fill(table: &mut [u16; 256], from: u8, to: u8, form: u16) {
    let mut code = from as usize;
    while code <= to as usize {
        table[code] = form;
        code += 1;
    }
}

const fn one() -> [u16; 256] {
    let mut table = [OTHER; 256];
    // Sums and their kin: four forms with operands, two with the result's register.
    let mut code = 0;
    while code < 0x40 {
        fill(&mut table, code, code + 3, OPERANDS);
        table[code as usize] |= BYTES;
        table[code as usize + 2] |= BYTES;
        table[code as usize + 4] = BYTE;
        table[code as usize + 5] = FOUR;
        code += 8;
    }
    fill(&mut table, 0x50, 0x5F, SHORT);
    table[0x63] = OPERANDS;
    table[0x69] = OPERANDS | FOUR;
    table[0x6B] = OPERANDS | BYTE;
    fill(&mut table, 0x70, 0x7F, BYTE | GOES);
    fill(&mut table, 0x80, 0x81, OPERANDS | GROUP);
    table[0x83] = OPERANDS | GROUP;
    fill(&mut table, 0x84, 0x8B, OPERANDS);
    fill(&mut table, 0x98, 0x99, 0);
    table[0xA8] = BYTE;
    table[0xA9] = FOUR;
    fill(&mut table, 0xB0, 0xB7, BYTE | SHORT);
    fill(&mut table, 0xB8, 0xBF, FOUR | SHORT);
    fill(&mut table, 0xC0, 0xC1, OPERANDS | GROUP);
    table[RETURN as usize] = TELLS;
    fill(&mut table, 0xC6, 0xC7, OPERANDS | GROUP);
    fill(&mut table, 0xD0, 0xD1, OPERANDS | GROUP);
    table[CALL as usize] = FOUR | GOES;
    table[JUMP as usize] = FOUR | GOES;
    table[SHORT_JUMP as usize] = BYTE | GOES;
    fill(&mut table, 0xF6, 0xF7, OPERANDS | GROUP);
    fill(&mut table, 0xFE, 0xFF, OPERANDS | GROUP);
    let mut code = 0x84;
    while code < 0x8C {
        table[code] |= BYTES;
        code += 2;
    }
    table[LEA as usize] = OPERANDS | POINTS;
    table[ADD as usize] |= TELLS;
    table[ADD_TO as usize] |= TELLS;
    table
}

const fn two() -> [u16; 256] {
    let mut table = [OTHER; 256];
    // Vectors without a prefix, `nop`, `cmov`, jumps, `set`, products and what makes numbers wider.
    fill(&mut table, 0x10, 0x11, OPERANDS);
    table[0x1F] = OPERANDS;
    fill(&mut table, 0x28, 0x29, OPERANDS);
    fill(&mut table, 0x40, 0x4F, OPERANDS);
    table[0x57] = OPERANDS;
    fill(&mut table, 0x80, 0x8F, FOUR | GOES);
    fill(&mut table, 0x90, 0x9F, OPERANDS | SELECTS | BYTES);
    table[0xAF] = OPERANDS;
    fill(&mut table, 0xB6, 0xB7, OPERANDS | BYTES);
    fill(&mut table, 0xBE, 0xBF, OPERANDS | BYTES);
    table
}

const fn follows() -> [u8; 256] {
    let mut table = [0; 256];
    let mut operands = 0;
    while operands < 256 {
        let (mode, first, second) = (operands >> 6, operands >> 3 & 7, operands & 7);
        let mut follows = match mode {
            0 if second == NONE as usize => 4 | BESIDE,
            0 => 0,
            1 => 1,
            2 => 4,
            _ => BOTH,
        };
        if second == STACK as usize {
            follows |= if mode == 3 { STACK_SECOND } else { SCALED };
        }
        if first == STACK as usize {
            follows |= STACK_FIRST;
        }
        table[operands] = follows + (follows & SCALED) / SCALED;
        operands += 1;
    }
    table
}

/// Sums of registers of more than one byte, by which of the two operands becomes the sum.
const ADD: u8 = 0x01;
const ADD_TO: u8 = 0x03;
const STORE: u8 = 0x89;
const LOAD: u8 = 0x8B;
const LEA: u8 = 0x8D;
const RETURN: u8 = 0xC3;
const CALL: u8 = 0xE8;
const JUMP: u8 = 0xE9;
const SHORT_JUMP: u8 = 0xEB;
/// The last of the groups: `inc`, `dec`, calls, jumps and `push`; and what selects two of them.
const LAST_GROUP: u8 = 0xFF;
const CALLS: u8 = 2;
const PUSHES: u8 = 6;

/// The stack pointer's number, which as a base says that another byte follows.
const STACK: u8 = 4;
/// The number that as a base without a distance stands for none, or for the instruction's end.
const NONE: u8 = 5;

/// Bits of REX: of 64 bits, and a fourth bit for each of three registers.
const WIDE: u8 = 8;
const MORE_REGISTER: u8 = 4;
const MORE_INDEX: u8 = 2;
const MORE_BASE: u8 = 1;

/// A memory operand that is not told by a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// Numbers of registers.
    pub(super) base: Option<u8>,
    pub(super) index: Option<u8>,
    pub(super) offset: i32,
}

/// What the commonest instructions do with their two operands, of four or eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// The first becomes the second: a register, or what is put into memory.
    Moves,
    /// The register becomes what is in memory, or in the other register.
    Loads,
    /// The register becomes the address.
    Points,
    /// Nothing but the flags changes.
    Compares,
}

/// What a glance tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance<'b> {
    pub(super) length: u8,
    /// Whether the operation code has two bytes, and the last of them.
    long: bool,
    code: u8,
    /// What it asks for, and what the operand byte does; 0 where there is none.
    form: u16,
    follows: u8,
    rex: u8,
    /// The operand byte, and the one behind it that says how an index is scaled; 0 for none.
    operands: u8,
    scaled: u8,
    /// The instruction, and where in it stands what is added to the address of a memory operand, or how far
    /// from its end code goes on.
    bytes: &'b [u8; WINDOW],
    tail: u8,
}

impl<'b> Glance<'b> {
    /// What stands at the start of `bytes`; nothing where it is not a common form, or near the end.
    #[inline(always)]
    pub(super) fn at(bytes: &'b [u8]) -> Option<Glance<'b>> {
        let bytes: &[u8; WINDOW] = bytes.first_chunk()?;
        let mut word = bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        let prefixed = word & 0xF0 == 0x40;
        let rex = if prefixed { word as u8 } else { 0 };
        word >>= 8 * u32::from(prefixed);
        let long = word as u8 == ESCAPE;
        word >>= 8 * u32::from(long);
        let code = word as u8;
        let mut tail = 1 + u8::from(prefixed) + u8::from(long);
        let mut length = tail;
        let mut form = FORMS[usize::from(long)][usize::from(code)];
        let (mut follows, mut operands, mut scaled) = (0, 0, 0);
        if form & OPERANDS != 0 {
            operands = (word >> 8) as u8;
            if form & GROUP != 0 {
                form = selected(code, operands);
            }
            follows = FOLLOWS[usize::from(operands)];
            tail += 1;
            length = tail + (follows & COUNT);
            if follows & UNUSUAL != 0 {
                if follows & SCALED != 0 {
                    scaled = (word >> 16) as u8;
                    tail += 1;
                    if operands < 0x40 && scaled & 7 == NONE {
                        length += 4;
                    }
                } else if follows & BOTH != 0
                    && (form & POINTS != 0 || follows & STACK_SECOND != 0 && rex & MORE_BASE == 0)
                {
                    // No instruction, or one that does something with the stack pointer.
                    return None;
                }
                if follows & STACK_FIRST != 0
                    && rex & (WIDE | MORE_REGISTER) == WIDE
                    && form & SELECTS == 0
                {
                    return None;
                }
            } else if form & POINTS != 0 && follows & BOTH != 0 {
                return None;
            }
        } else if form & SHORT != 0 && is_rare(code, form, rex) {
            return None;
        }
        if form & OTHER != 0 {
            return None;
        }
        length += (form & (BYTE | FOUR)) as u8;
        Some(Glance { length, long, code, form, follows, rex, operands, scaled, bytes, tail })
    }

    /// The four bytes where the distance stands, if it has so many.
    #[inline]
    fn four(&self) -> i32 {
        // It stands behind five bytes at the most.
        let tail = usize::from(self.tail & 7);
        self.bytes[tail..].first_chunk().map_or(0, |four| i32::from_le_bytes(*four))
    }

    /// The one byte where it stands, if it has no more.
    #[inline]
    fn byte(&self) -> i32 {
        i32::from(self.bytes[usize::from(self.tail & 7)] as i8)
    }

    /// What is added to the address of a memory operand, or to the instruction's end.
    #[inline]
    fn offset(&self) -> i32 {
        match self.operands >> 6 {
            0 if self.follows & BESIDE != 0 || self.is_absolute() => self.four(),
            1 => self.byte(),
            2 => self.four(),
            _ => 0,
        }
    }

    /// Whether its memory is told without a base.
    #[inline]
    fn is_absolute(&self) -> bool {
        self.follows & SCALED != 0 && self.operands < 0x40 && self.scaled & 7 == NONE
    }

    /// Whether code goes on behind it, and it neither names a place, takes the address of one nor adds registers.
    #[inline]
    pub(super) fn only_passes(&self) -> bool {
        self.form & (GOES | POINTS | TELLS) == 0 && self.follows & BESIDE == 0
    }

    /// How far from its end code goes on.
    #[inline]
    fn goes(&self) -> i32 {
        if self.form & BYTE != 0 { self.byte() } else { self.four() }
    }

    /// Where code goes on, if the instruction ends before `next`.
    #[inline]
    pub(super) fn flow(&self, next: u32) -> Flow {
        if self.form & GOES != 0 {
            let target = next.wrapping_add_signed(self.goes());
            return match (self.long, self.code) {
                (false, CALL) => Flow::Call(Target::Code(target)),
                (false, JUMP | SHORT_JUMP) => Flow::Jump(target),
                _ => Flow::Branch(target),
            };
        }
        match (self.long, self.code) {
            (false, RETURN) => Flow::Return,
            (false, LAST_GROUP) if self.operands >> 3 & 7 == CALLS => {
                Flow::Call(Target::Pointer(next.wrapping_add_signed(self.four())))
            }
            _ => Flow::Next,
        }
    }

    /// The place in the image that it names, if the instruction ends before `next`.
    #[inline]
    pub(super) fn names(&self, next: u32) -> Option<u32> {
        if self.form & GOES != 0 {
            // That to the image's very start tells nothing.
            let target = i64::from(next) + i64::from(self.goes());
            return (target != 0).then_some(target as u32);
        }
        self.is_beside().then(|| next.wrapping_add_signed(self.four()))
    }

    /// Whether it uses memory that is told by a distance from its end.
    #[inline]
    pub(super) fn is_beside(&self) -> bool {
        self.follows & BESIDE != 0
    }

    /// The memory that it uses, or whose address it takes, otherwise.
    #[inline]
    pub(super) fn memory(&self) -> Option<Memory> {
        if !self.uses_memory() {
            return None;
        }
        let more = |bit: u8, number: u8| if self.rex & bit != 0 { 8 + number } else { number };
        let (low, offset) = (self.operands & 7, self.offset());
        if low != STACK {
            return Some(Memory { base: Some(more(MORE_BASE, low)), index: None, offset });
        }
        let (base, index) = (self.scaled & 7, more(MORE_INDEX, self.scaled >> 3 & 7));
        let base = if self.is_absolute() { None } else { Some(more(MORE_BASE, base)) };
        Some(Memory { base, index: (index != STACK).then_some(index), offset })
    }

    /// What it does with the stack's address.
    #[inline]
    pub(super) fn takes(&self) -> Option<Taken> {
        let to = Reg(self.points()?);
        let memory = self.memory()?;
        match (Reg(memory.base?), memory.index) {
            (from, None) => Some(Taken::At(from, memory.offset, to)),
            (RSP, Some(_)) => Some(Taken::StackPointer),
            _ => None,
        }
    }

    /// The register of 64 bits that it puts the address of memory into, or what stands there; and whether it
    /// is the latter.
    pub(super) fn makes(&self) -> Option<(u8, bool)> {
        match self.code {
            LEA if self.is_wide() => Some((self.register(), false)),
            LOAD if self.is_wide() && self.operands < 0xC0 => Some((self.register(), true)),
            _ => None,
        }
    }

    /// A bit for each general register that may be an operand or a part of one; some are none.
    #[inline]
    pub(super) fn concerns(&self) -> u16 {
        let bit = |number: u8| 1_u16 << (number & 15);
        let more = |bit: u8, number: u8| if self.rex & bit != 0 { 8 + number } else { number };
        if self.form & OPERANDS == 0 {
            if self.form & (GOES | TELLS) != 0 {
                return 0;
            }
            // It is the result's, where the code does not say which.
            let number = more(MORE_BASE, self.code & 7);
            return bit(number) | bit(number & 3) | 1;
        }
        let mut concerned = bit(self.register());
        if self.follows & SCALED == 0 {
            concerned |= bit(more(MORE_BASE, self.operands & 7));
        } else {
            concerned |= bit(more(MORE_BASE, self.scaled & 7));
            concerned |= bit(more(MORE_INDEX, self.scaled >> 3 & 7));
        }
        // Without REX the numbers from 4 on may be the second bytes of the first four registers.
        if self.form & BYTES != 0 { concerned | concerned >> 4 & 15 } else { concerned }
    }

    /// Whether it uses memory by way of a register.
    #[inline]
    pub(super) fn uses_memory(&self) -> bool {
        self.form & OPERANDS != 0 && self.follows & (BOTH | BESIDE) == 0
    }

    /// What it does, if it is one of the commonest.
    #[inline]
    pub(super) fn plain(&self) -> Option<Plain> {
        match self.code {
            _ if self.long => None,
            STORE => Some(Plain::Moves),
            LOAD => Some(Plain::Loads),
            LEA => Some(Plain::Points),
            0x39 | 0x3B | 0x85 => Some(Plain::Compares),
            _ => None,
        }
    }

    /// The register that the operand byte names in the place of memory.
    #[inline]
    pub(super) fn second(&self) -> Option<u8> {
        let number = self.operands & 7;
        let number = if self.rex & MORE_BASE != 0 { 8 + number } else { number };
        (self.follows & BOTH != 0).then_some(number)
    }

    fn is_wide(&self) -> bool {
        !self.long && self.rex & WIDE != 0
    }

    /// The register that it puts an address into, if it does that alone.
    #[inline]
    pub(super) fn points(&self) -> Option<u8> {
        (self.form & POINTS != 0).then(|| self.register())
    }

    /// The register that the operand byte names beside memory or another register.
    #[inline]
    pub(super) fn register(&self) -> u8 {
        let number = self.operands >> 3 & 7;
        if self.rex & MORE_REGISTER != 0 { 8 + number } else { number }
    }

    /// Whether it adds one register of 64 bits to another.
    #[inline]
    pub(super) fn adds_registers(&self) -> bool {
        self.follows & BOTH != 0 && matches!(self.code, ADD | ADD_TO) && self.is_wide()
    }

    /// Whether it may read an entry of four bytes of a table.
    #[inline]
    pub(super) fn may_select(&self) -> bool {
        self.scaled >> 6 == 2
    }
}

/// What a group's instruction asks for, by what `operands` select of it.
fn selected(code: u8, operands: u8) -> u16 {
    let more = match (code, operands >> 3 & 7) {
        (0xC6, 0) => BYTE,
        (0xC7, 0) => FOUR,
        (0x80 | 0x83 | 0xC0 | 0xC1, _) => BYTE,
        (0x81, _) => FOUR,
        // `test` with a number.
        (0xF6, 0 | 1) => BYTE,
        (0xF7, 0 | 1) => FOUR,
        (0xD0 | 0xD1 | 0xF6 | 0xF7, _) | (0xFE | LAST_GROUP, 0 | 1) => 0,
        (LAST_GROUP, CALLS) if operands & 0xC7 == NONE => TELLS,
        (LAST_GROUP, PUSHES) if operands < 0xC0 => 0,
        _ => OTHER,
    };
    OPERANDS | SELECTS | BYTES | more
}

/// Whether an instruction with its register in the operation code is none of the common ones: it has a number
/// of eight bytes, or puts the stack pointer on the stack.
fn is_rare(code: u8, form: u16, rex: u8) -> bool {
    form & FOUR != 0 && rex & WIDE != 0 || code & 7 == STACK && rex & MORE_BASE == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::amd64::{general, lift, made, taken};
    use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

    const AT: u32 = 0x0010_0000;

    /// What a glance tells is what iced says.
    fn compare(bytes: &[u8], iced: &Instruction, glance: &Glance<'_>) {
        assert_eq!(usize::from(glance.length), iced.len(), "{bytes:x?}");
        let next = AT + u32::from(glance.length);
        assert_eq!(glance.flow(next), lift::flow(iced), "{bytes:x?}");
        let place = glance.is_beside().then(|| next.wrapping_add_signed(glance.offset()));
        let named = iced.is_ip_rel_memory_operand().then(|| iced.ip_rel_memory_address() as u32);
        assert_eq!(place, named, "{bytes:x?}");
        let uses = (0..iced.op_count()).any(|operand| iced.op_kind(operand) == OpKind::Memory);
        assert_eq!(glance.memory().is_some(), uses && named.is_none(), "{bytes:x?}");
        let number = |register: Register| general(register).map(|(register, _)| register.0);
        if let Some(memory) = glance.memory() {
            assert_eq!(memory.base, number(iced.memory_base()), "{bytes:x?}");
            assert_eq!(memory.index, number(iced.memory_index()), "{bytes:x?}");
            let selects = iced.memory_index_scale() == 4;
            assert_eq!(glance.may_select(), selects, "{bytes:x?}");
            let offset = iced.memory_displacement64().cast_signed();
            assert_eq!(i64::from(memory.offset), offset, "{bytes:x?}");
        }
        let registers = (0..iced.op_count()).map(|operand| iced.op_register(operand));
        let parts = [iced.memory_base(), iced.memory_index()];
        for number in registers.chain(parts).filter_map(number) {
            assert!(glance.concerns() >> number & 1 == 1, "{bytes:x?}");
        }
        assert!(!iced.is_string_instruction(), "{bytes:x?}");
        let points = (iced.mnemonic() == Mnemonic::Lea).then(|| number(iced.op0_register()));
        assert_eq!(glance.points(), points.flatten(), "{bytes:x?}");
        let sum = iced.mnemonic() == Mnemonic::Add
            && iced.op0_register().is_gpr64()
            && iced.op1_kind() == OpKind::Register;
        assert_eq!(glance.adds_registers(), sum, "{bytes:x?}");
        assert_eq!(glance.takes(), taken(iced), "{bytes:x?}");
        let named = named.or_else(|| Some(iced.near_branch_target() as u32).filter(|at| *at != 0));
        assert_eq!(glance.names(next), named, "{bytes:x?}");
        if glance.only_passes() {
            assert_eq!((glance.flow(next), named), (Flow::Next, None), "{bytes:x?}");
            assert_eq!((glance.takes(), sum), (None, false), "{bytes:x?}");
        }
        if let Some(plain) = glance.plain() {
            let means = match iced.mnemonic() {
                Mnemonic::Mov if matches!(iced.code(), Code::Mov_r32_rm32 | Code::Mov_r64_rm64) => {
                    Plain::Loads
                }
                Mnemonic::Mov => Plain::Moves,
                Mnemonic::Lea => Plain::Points,
                Mnemonic::Cmp | Mnemonic::Test => Plain::Compares,
                _ => panic!("{bytes:x?}"),
            };
            assert_eq!(plain, means, "{bytes:x?}");
            let (first, second) = (number(iced.op0_register()), number(iced.op1_register()));
            // Of memory no register is told.
            let told = match plain == Plain::Moves || matches!(glance.code, 0x39 | 0x85) {
                true => (second, first),
                false => (first, second),
            };
            assert_eq!((Some(glance.register()), glance.second()), told, "{bytes:x?}");
        }
        if let Some(makes) = glance.makes() {
            assert_eq!(made(iced), Some((Reg(makes.0), makes.1)), "{bytes:x?}");
        }
    }

    /// Every operation code that is known, with every operand byte and many bytes behind it.
    #[test]
    fn a_glance_tells_what_decoding_does() {
        let mut seed = 11_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as u8
        };
        let mut known = 0_u32;
        for rex in [None].into_iter().chain((0x40..0x50).map(Some)) {
            for code in 0..512_u16 {
                for operands in 0..=255 {
                    let mut bytes: Vec<u8> = rex.into_iter().collect();
                    bytes.extend((code >= 256).then_some(ESCAPE));
                    bytes.extend([code as u8, operands]);
                    bytes.extend((bytes.len()..20).map(|_| random()));
                    let Some(glance) = Glance::at(&bytes) else { continue };
                    let Some(iced) = crate::decode::amd64::decode(&bytes, AT) else {
                        panic!("{bytes:x?} is no instruction")
                    };
                    compare(&bytes, &iced, &glance);
                    known += 1;
                }
            }
        }
        assert!(known > 500_000, "{known}");
        assert_eq!(Glance::at(&[0x90; 15]), None);
        for prefix in [0x2E, 0x64, 0x66, 0x67, 0xF0, 0xF2, 0xF3] {
            assert_eq!(Glance::at(&[&[prefix], &[0x89; 16][..]].concat()), None);
        }
    }
}
