//! The way to a value in memory that a parameter leads to.

use ringfence_image::Rva;
use std::fmt;

/// Pointers one behind the other that are told; of what lies farther, nothing is.
const MOST_OFFSETS: usize = 3;

/// The way to a value in memory: the parameter that it begins with, and at each step how many bytes behind
/// the pointer the next one stands; at last, the value itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    function: u32,
    offsets: [u16; MOST_OFFSETS],
    count: u8,
    parameter: u8,
    /// Whether it is what stands there; else it is worked out from that.
    whole: bool,
}

impl Path {
    /// `parameter`, counted from 0, of `function` itself.
    pub(crate) fn start(function: Rva, parameter: u8) -> Path {
        let offsets = [0; MOST_OFFSETS];
        Path { function: function.0, offsets, count: 0, parameter, whole: true }
    }

    /// What stands `offset` bytes behind where `parameter`, counted from 0, of `function` points to;
    /// nothing where that is far away.
    pub fn new(function: Rva, parameter: u8, offset: i64) -> Option<Path> {
        Path::start(function, parameter).then(offset)
    }

    /// What stands `offset` bytes behind where that points to; nothing where the way gets too long.
    pub fn then(self, offset: i64) -> Option<Path> {
        let mut next = self;
        *next.offsets.get_mut(usize::from(self.count))? = u16::try_from(offset).ok()?;
        next.count += 1;
        Some(next)
    }

    /// The function whose parameter it begins with.
    pub fn function(&self) -> Rva {
        Rva(self.function)
    }

    /// The parameter that it begins with, counted from 0.
    pub fn parameter(&self) -> u8 {
        self.parameter
    }

    /// The bytes behind each pointer, the parameter first: at most three, and none for the parameter itself.
    pub fn offsets(&self) -> &[u16] {
        &self.offsets[..usize::from(self.count)]
    }

    /// Whether it is what stands there, rather than worked out from that.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The same for the value itself.
    pub(crate) fn not_worked_out(self) -> Path {
        Path { whole: true, ..self }
    }

    /// The same for what is worked out from the value.
    pub(crate) fn worked_out(self) -> Path {
        Path { whole: false, ..self }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} of {:x}", self.parameter, self.function)?;
        self.offsets().iter().try_for_each(|offset| write!(f, " -> {offset:#x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_short_and_near() {
        let path = Path::new(Rva(0x1000), 1, 0x18).unwrap().then(0).unwrap().then(8).unwrap();
        assert_eq!((path.parameter(), path.offsets()), (1, &[0x18, 0, 8][..]));
        assert_eq!(format!("{path:?}"), "parameter 1 of 1000 -> 0x18 -> 0x0 -> 0x8");
        assert_eq!(path.then(0), None);
        assert_eq!(Path::new(Rva(0), 0, -8), None);
        assert_eq!(Path::new(Rva(0), 0, 0x1_0000), None);
    }
}
