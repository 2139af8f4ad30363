//! What is known of a value.

use crate::Path;
use ringfence_image::Rva;
use std::fmt;

/// What a value may be: one of a few possibilities, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The possibilities, at most eight. If code reaches the call at all, one of them holds.
    pub possible: Vec<Possible>,
}

/// One of the things a value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Possible {
    /// Bits that are certainly 1.
    pub ones: u64,
    /// Bits that are certainly 0. All bits beyond the argument's width count as known zeros.
    pub zeros: u64,
    /// The instruction that set it, where one did.
    pub set_at: Option<Rva>,
    /// Why it is not known whole; none for a constant.
    pub unknown: Option<Reason>,
    /// The place in the image that it is the address of, where it is one.
    pub points_to: Option<Rva>,
    /// Which content of a variable it is, where it comes from one.
    pub origin: Option<Origin>,
}

/// Which content of a variable a value is, or was worked out from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// What the file has there, of the variable at this address.
    Initial(Rva),
    /// What an instruction stores there.
    Stored {
        /// Where the variable is.
        variable: Rva,
        /// The instruction.
        at: Rva,
    },
}

impl Possible {
    /// The number, if every bit is known.
    pub fn constant(&self) -> Option<u64> {
        (self.ones | self.zeros == u64::MAX).then_some(self.ones)
    }
}

/// Why a value is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It is what the function was given in this parameter, counted from 0.
    Parameter(u8),
    /// It is read from the writable variable at this address.
    Global(Rva),
    /// It is read from memory that a pointer leads to.
    Memory,
    /// It is read, or worked out from what is read, from memory that a parameter leads to in this way, which
    /// begins as [`Query::fields`](crate::Query::fields) asks.
    Field(Path),
    /// It is what a call returned.
    Returned,
    /// It is what the image's own function at this address returned.
    ReturnedBy(Rva),
    /// Callers that are not known choose it.
    Callers,
    /// It is read from a control register.
    ControlRegister,
    /// It is an address.
    Address,
    /// It is worked out in a way that is not followed.
    Arithmetic,
    /// More than eight values come together, as in a loop.
    ManyValues,
    /// Code gets here in a way that is not followed, such as an exception.
    Entry,
    /// A call may have changed it.
    Clobbered,
    /// The stack pointer is not known here.
    Stack,
    /// What is known of it is enough: see [`Parameter::enough`](crate::Parameter::enough).
    NotAsked,
    /// The function is too large or too tangled to be followed to its end.
    Budget,
}

impl Reason {
    /// Why something is not known that is worked out from what is not known for this reason.
    pub(crate) fn worked_out(self) -> Reason {
        match self {
            Reason::Field(path) => Reason::Field(path.worked_out()),
            _ => self,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Parameter(index) => {
                write!(f, "it is the function's own parameter {}", u32::from(*index) + 1)
            }
            Reason::Global(rva) => write!(f, "it is read from the variable at {:x}", rva.0),
            Reason::Memory | Reason::Field(_) => {
                f.write_str("it is read from memory that a pointer leads to")
            }
            Reason::Returned => f.write_str("it is what a call returned"),
            Reason::ReturnedBy(rva) => write!(f, "it is what the function at {:x} returned", rva.0),
            Reason::Callers => f.write_str("callers that are not known choose it"),
            Reason::ControlRegister => f.write_str("it is read from a control register"),
            Reason::Address => f.write_str("it is an address"),
            Reason::Arithmetic => f.write_str("it is worked out in a way that is not followed"),
            Reason::ManyValues => f.write_str("more than eight values come together"),
            Reason::Entry => f.write_str("code gets there in a way that is not followed"),
            Reason::Clobbered => f.write_str("a call may have changed it"),
            Reason::Stack => f.write_str("the stack pointer is not known"),
            Reason::NotAsked => f.write_str("its other bits decide nothing and were not followed"),
            Reason::Budget => f.write_str("the function is too large or too tangled to follow"),
        }
    }
}
