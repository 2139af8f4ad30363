//! What a survey found beside calls.

use crate::Value;
use ringfence_image::Rva;

/// Something that code does to code or to the processor, or with memory it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The instruction that does it.
    pub at: Rva,
    /// Where the function begins that it is in.
    pub function: Rva,
    /// What it does.
    pub what: Sight,
    /// Whether it does so whatever path leads there; else on some paths only.
    pub always: bool,
    /// Whether a known path leads there.
    pub reached: bool,
}

/// What writes to code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The instruction itself.
    Here,
    /// A function of the image that the instruction calls with the address.
    Function {
        /// Its instruction that writes; none where it is only known that it may.
        store: Option<Rva>,
    },
    /// A function of another module that is called with the address.
    Import,
}

/// What was sighted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It writes into a section of the image that is executable and not writable.
    CodeWritten {
        /// Where to: the place itself, or the one that an index is added to.
        target: Rva,
        /// The instruction that made the address, if another one.
        set_at: Option<Rva>,
        /// What writes.
        by: Writer,
    },
    /// It gives control register 0 a value.
    Cr0Set {
        /// What that may be. A value read from the register has the bits that Windows runs with.
        value: Value,
    },
    /// It calls, or jumps to, memory that a wanted function gave.
    MemoryRun {
        /// Index into [`Query::wanted`](crate::Query::wanted).
        wanted: usize,
        /// The call that gave it.
        given_at: Rva,
        /// Where the function goes there that the instruction hands the address to; nothing where the instruction
        /// goes there itself.
        by: Option<Rva>,
    },
    /// It reads or writes what the pointer in an import's slot points to: another module's code.
    ImportTouched {
        /// The slot.
        slot: Rva,
        /// The instruction that read the pointer.
        read_at: Rva,
        /// Whether it writes there, or calls a function that does.
        writes: bool,
    },
}

impl Sight {
    /// Tells kinds of sightings apart, in the order in which they are told.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Sight::CodeWritten { .. } => 0,
            Sight::Cr0Set { .. } => 1,
            Sight::MemoryRun { .. } => 2,
            Sight::ImportTouched { .. } => 3,
        }
    }
}
