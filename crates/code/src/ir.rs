//! The small language that machine code is turned into: what is behind the decoder knows no other.

/// A register, real or made up by the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reg(pub(crate) u8);

/// Enough for any decoder: general registers, halves of vector registers, and temporaries.
pub(crate) const REGISTERS: usize = 56;

/// How many bits an operation works on; 32 of 64 clear the upper half, fewer keep the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    W8 = 8,
    W16 = 16,
    W32 = 32,
    W64 = 64,
}

impl Width {
    pub(crate) const fn bits(self) -> u32 {
        self as u32
    }

    pub(crate) const fn bytes(self) -> u8 {
        (self as u32 / 8) as u8
    }

    pub(crate) const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

/// What an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Reg(Reg),
    Number(u64),
    /// An address in the image.
    Image(u32),
}

/// An address in memory: the sum of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) base: Option<Reg>,
    pub(crate) index: Option<Reg>,
    pub(crate) scale: u8,
    /// Added to the rest; with neither base nor index an address in the image, if `in_image`.
    pub(crate) offset: i64,
    pub(crate) in_image: bool,
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Sar,
    Mul,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// `to` becomes `from`.
    Copy { to: Reg, width: Width, from: Source },
    /// `to` becomes the result.
    Binary { what: Binary, to: Reg, width: Width, left: Source, right: Source },
    /// `to` becomes `from`, of which only `narrow` bits count.
    Extend { to: Reg, width: Width, from: Reg, narrow: Width, signed: bool },
    /// `to` becomes `from` where the condition holds.
    Maybe { to: Reg, width: Width, from: Source, when: Condition },
    /// `to` becomes `other` where the condition holds, else 0.
    Either { to: Reg, width: Width, other: u64, when: Condition },
    /// The flags tell how two numbers compare. `place` is where `left` stands in memory, if it does.
    Compare { what: Comparison, left: Source, right: Source, width: Width, place: Option<Address> },
    /// The flags tell something else.
    LoseFlags,
    /// `to` becomes what is in memory.
    Load { to: Reg, width: Width, from: Address },
    /// Memory becomes `value`.
    Store { to: Address, width: Width, value: Source },
    /// Memory from there on, to an unknown end, becomes unknown.
    Smear { from: Address },
    /// `to` becomes the address.
    Point { to: Reg, address: Address },
    /// `to` becomes what is left where an unknown number without sign is divided by `by`.
    Remainder { to: Reg, width: Width, by: Source },
    /// `to` becomes unknown.
    Forget { to: Reg },
    /// `to` becomes what control register 0 holds, of which these bits are set whenever a driver runs.
    ReadControl { to: Reg, ones: u64 },
    /// The stack pointer is this many bytes from where it was at the function's start, as unwind
    /// information has it, and the frame register points into the frame.
    Frame { depth: u32, frame_register: Option<(Reg, u32)> },
}

impl Op {
    /// The register that it changes, if one alone.
    pub(crate) fn sets(&self) -> Option<Reg> {
        match *self {
            Op::Copy { to, .. }
            | Op::Binary { to, .. }
            | Op::Extend { to, .. }
            | Op::Maybe { to, .. }
            | Op::Either { to, .. }
            | Op::Load { to, .. }
            | Op::Point { to, .. }
            | Op::Remainder { to, .. }
            | Op::Forget { to }
            | Op::ReadControl { to, .. } => Some(to),
            Op::Compare { .. }
            | Op::LoseFlags
            | Op::Store { .. }
            | Op::Smear { .. }
            | Op::Frame { .. } => None,
        }
    }

    /// Whether it changes memory.
    pub(crate) fn stores(&self) -> bool {
        matches!(self, Op::Store { .. } | Op::Smear { .. })
    }
}

/// What the flags say of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// What is left when the right one is taken from the left one.
    Difference,
    /// Which bits they have in common.
    Common,
    /// Whether they have a bit in common: the carry is set if so.
    Bit,
    /// Whether the left one is zero or negative, and nothing else.
    Sign,
}

/// What a conditional instruction asks of the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Equal,
    NotEqual,
    Below,
    NotBelow,
    Above,
    NotAbove,
    Less,
    NotLess,
    Greater,
    NotGreater,
    Negative,
    NotNegative,
    /// Something that is not followed.
    Other,
}

impl Condition {
    /// What holds where this does not.
    pub(crate) fn opposite(self) -> Condition {
        match self {
            Condition::Equal => Condition::NotEqual,
            Condition::NotEqual => Condition::Equal,
            Condition::Below => Condition::NotBelow,
            Condition::NotBelow => Condition::Below,
            Condition::Above => Condition::NotAbove,
            Condition::NotAbove => Condition::Above,
            Condition::Less => Condition::NotLess,
            Condition::NotLess => Condition::Less,
            Condition::Greater => Condition::NotGreater,
            Condition::NotGreater => Condition::Greater,
            Condition::Negative => Condition::NotNegative,
            Condition::NotNegative => Condition::Negative,
            Condition::Other => Condition::Other,
        }
    }
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Code in the image.
    Code(u32),
    /// Wherever the register says.
    Register(Reg),
    /// Wherever the pointer at this place in the image says.
    Pointer(u32),
    /// Wherever the pointer says that was loaded into this temporary.
    Memory(Reg),
}
