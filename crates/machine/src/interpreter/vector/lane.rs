//! A lane of 128 bits as elements.

/// What a lane can be made of.
pub(super) trait Element: Copy {
    const BITS: usize;
    /// The element at the lower end.
    fn of(word: u128) -> Self;
    /// The element with zeros above it.
    fn word(self) -> u128;
}

macro_rules! elements {
    ($($type:ident $unsigned:ident),*) => {$(
        impl Element for $type {
            const BITS: usize = $unsigned::BITS as usize;
            fn of(word: u128) -> Self {
                word as $type
            }
            fn word(self) -> u128 {
                u128::from(self as $unsigned)
            }
        }
    )*};
}

elements!(u8 u8, i8 u8, u16 u16, i16 u16, u32 u32, i32 u32, u64 u64, i64 u64);

impl Element for f32 {
    const BITS: usize = 32;
    fn of(word: u128) -> Self {
        Self::from_bits(word as u32)
    }
    fn word(self) -> u128 {
        self.to_bits().into()
    }
}

impl Element for f64 {
    const BITS: usize = 64;
    fn of(word: u128) -> Self {
        Self::from_bits(word as u64)
    }
    fn word(self) -> u128 {
        self.to_bits().into()
    }
}

/// An element by its number.
pub(super) fn pick<T: Element>(lane: u128, number: usize) -> T {
    T::of(lane >> (number * T::BITS))
}

/// A lane with one element replaced.
pub(super) fn put<T: Element>(lane: u128, number: usize, value: T) -> u128 {
    let at = number * T::BITS;
    let mask = if T::BITS == 128 { u128::MAX } else { (1 << T::BITS) - 1 };
    lane & !(mask << at) | value.word() << at
}

/// A lane of what a function says for each number.
pub(super) fn fill<T: Element>(f: impl Fn(usize) -> T) -> u128 {
    let mut lane = 0;
    for number in 0..128 / T::BITS {
        lane |= f(number).word() << (number * T::BITS);
    }
    lane
}

/// Each element from one.
pub(super) fn each<T: Element, R: Element>(a: u128, f: impl Fn(T) -> R) -> u128 {
    fill(|number| f(pick(a, number)))
}

/// Each element from two.
pub(super) fn both<T: Element, R: Element>(a: u128, b: u128, f: impl Fn(T, T) -> R) -> u128 {
    fill(|number| f(pick(a, number), pick(b, number)))
}
