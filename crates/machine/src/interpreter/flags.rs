//! The status flags, worked out when they are read.
//!
//! An addition or subtraction keeps its operands and its result. Conditions are mostly asked of the last
//! comparison, and are a comparison of those operands then.

/// Carry.
pub(crate) const CF: u64 = 1;
/// Parity.
pub(crate) const PF: u64 = 1 << 2;
/// Auxiliary carry.
pub(crate) const AF: u64 = 1 << 4;
/// Zero.
pub(crate) const ZF: u64 = 1 << 6;
/// Sign.
pub(crate) const SF: u64 = 1 << 7;
/// Interrupts are taken.
pub(crate) const IF: u64 = 1 << 9;
/// Strings run downwards.
pub(crate) const DF: u64 = 1 << 10;
/// Accesses to user pages are allowed.
pub(crate) const AC: u64 = 1 << 18;
/// Overflow.
pub(crate) const OF: u64 = 1 << 11;

/// The flags that results give.
pub(crate) const STATUS: u64 = CF | PF | AF | ZF | SF | OF;

/// The flags that `popf` may set in ring 0; not those that say where an exception came from.
const SETTABLE: u64 = STATUS | 1 << 8 | IF | DF | 3 << 12 | 1 << 14 | AC | 1 << 21;

/// A flag where it is set, and nothing else.
pub(crate) const fn when(on: bool, flag: u64) -> u64 {
    if on { flag } else { 0 }
}

/// What the carry comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Carry {
    /// It stands in `word`.
    Word,
    /// `a + b`.
    Sum,
    /// `a - b`.
    Difference,
}

/// What the other status flags come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// They stand in `word`.
    Word,
    /// `r = a + b`.
    Add,
    /// `r = a - b`.
    Subtract,
    /// `r` is one more than something; `a` and `b` are of what set the carry before.
    Increment,
    /// `r` is one less than something, and so on.
    Decrement,
}

/// The flags. Operands and result stand at the upper end of their words, so that the width of an
/// operation matters to the auxiliary carry and to parity alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    kind: Kind,
    carry: Carry,
    /// By how much they were moved up.
    shift: u8,
    a: u64,
    b: u64,
    r: u64,
    /// All other flags, and the status flags where `kind` says so.
    word: u64,
}

/// The sign, zero and parity flags of a result at the upper end of its word.
const fn result_flags(r: u64, shift: u8) -> u64 {
    let parity = ((r >> shift) as u8).count_ones() & 1 == 0;
    when(r >> 63 != 0, SF) | when(r == 0, ZF) | when(parity, PF)
}

impl Flags {
    pub(crate) const fn new(rflags: u64) -> Self {
        let word = rflags & SETTABLE | 2;
        Self { kind: Kind::Word, carry: Carry::Word, shift: 0, a: 0, b: 0, r: 0, word }
    }

    /// The word that `pushf` would store.
    #[inline]
    pub(crate) fn word(&self) -> u64 {
        self.word & !STATUS | self.status()
    }

    pub(crate) fn set_word(&mut self, word: u64) {
        *self = Self::new(word);
    }

    /// Sets what is no status flag.
    pub(crate) fn set_other(&mut self, flag: u64, on: bool) {
        self.word = if on { self.word | flag } else { self.word & !flag };
    }

    /// The direction flag.
    pub(crate) fn backwards(&self) -> bool {
        self.word & DF != 0
    }

    pub(crate) fn status(&self) -> u64 {
        let (r, one) = (self.r, 1 << self.shift);
        let added = |a: u64, b: u64| (a & b) | ((a | b) & !r);
        let subtracted = |a: u64, b: u64| (!a & b) | ((!a | b) & r);
        let carries = match self.kind {
            Kind::Word => return self.word & STATUS,
            Kind::Add => added(self.a, self.b),
            Kind::Subtract => subtracted(self.a, self.b),
            Kind::Increment => added(r.wrapping_sub(one), one),
            Kind::Decrement => subtracted(r.wrapping_add(one), one),
        };
        let carry = match self.kind {
            Kind::Increment | Kind::Decrement => self.carry(),
            _ => carries >> 63 != 0,
        };
        when(carry, CF)
            | result_flags(r, self.shift)
            | when((carries ^ carries << 1) >> 63 != 0, OF)
            | when((carries >> (self.shift + 3)) & 1 != 0, AF)
    }

    /// Sets all status flags.
    #[inline]
    pub(crate) fn set_status(&mut self, status: u64) {
        (self.kind, self.carry) = (Kind::Word, Carry::Word);
        self.word = (self.word & !STATUS) | status;
    }

    /// Sets those status flags that `which` has.
    pub(crate) fn change(&mut self, which: u64, status: u64) {
        let kept = self.status() & !which;
        self.set_status(kept | status & which);
    }

    /// After `a + b`, with all three at the upper end.
    #[inline]
    pub(crate) fn added(&mut self, a: u64, b: u64, r: u64, shift: u32) {
        (self.kind, self.carry, self.shift) = (Kind::Add, Carry::Sum, shift as u8);
        (self.a, self.b, self.r) = (a, b, r);
    }

    /// After `a - b`, with all three at the upper end.
    #[inline]
    pub(crate) fn subtracted(&mut self, a: u64, b: u64, r: u64, shift: u32) {
        (self.kind, self.carry, self.shift) = (Kind::Subtract, Carry::Difference, shift as u8);
        (self.a, self.b, self.r) = (a, b, r);
    }

    /// After one more or one less, with the result at the upper end: the carry stays as it was.
    #[inline]
    pub(crate) fn stepped(&mut self, r: u64, shift: u32, up: bool) {
        self.kind = if up { Kind::Increment } else { Kind::Decrement };
        (self.shift, self.r) = (shift as u8, r);
    }

    /// After a logical operation: as after subtracting nothing, for it carries nothing.
    #[inline]
    pub(crate) fn logical(&mut self, r: u64, shift: u32) {
        self.subtracted(r, 0, r, shift);
    }

    /// After an operation whose carry and overflow are known apart.
    #[inline]
    pub(crate) fn explicit(&mut self, r: u64, shift: u32, others: u64) {
        self.set_status(result_flags(r, shift as u8) | others);
    }

    #[inline]
    pub(crate) fn carry(&self) -> bool {
        match self.carry {
            Carry::Word => self.word & CF != 0,
            Carry::Sum => self.a > !self.b,
            Carry::Difference => self.a < self.b,
        }
    }

    #[inline]
    fn zero(&self) -> bool {
        match self.kind {
            Kind::Word => self.word & ZF != 0,
            _ => self.r == 0,
        }
    }

    #[inline]
    fn sign(&self) -> bool {
        match self.kind {
            Kind::Word => self.word & SF != 0,
            _ => self.r >> 63 != 0,
        }
    }

    #[inline]
    fn less(&self) -> bool {
        match self.kind {
            Kind::Word => (self.word & SF != 0) != (self.word & OF != 0),
            Kind::Subtract => (self.a as i64) < self.b as i64,
            _ => self.slow(12),
        }
    }

    /// Whether the condition with this number, as instructions encode it, holds.
    #[inline]
    pub(crate) fn holds(&self, condition: u8) -> bool {
        let plain = match condition >> 1 & 7 {
            1 => self.carry(),
            2 => self.zero(),
            3 => self.carry() || self.zero(),
            4 => self.sign(),
            6 => self.less(),
            7 => self.less() || self.zero(),
            _ => self.slow(condition & !1),
        };
        plain != (condition & 1 != 0)
    }

    /// Overflow, parity, and less by the book.
    #[cold]
    fn slow(&self, condition: u8) -> bool {
        let status = self.status();
        match condition {
            0 => status & OF != 0,
            10 => status & PF != 0,
            _ => (status & SF != 0) != (status & OF != 0),
        }
    }
}
