//! Why execution does not simply go on.

use ringfence_machine::{Access, Registers};

/// What a kernel function, or the driver, comes to.
pub(crate) type Answer = Result<u64, Stop>;

/// Why execution does not simply go on.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    /// The run is over; its end is written down.
    Down,
    /// An exception is raised where the kernel was called.
    Raise(Exception),
    /// The kernel touched memory for the driver that is not there.
    Missing(u64, Access),
    /// The stack was unwound to where these registers are.
    Resume(Box<Registers>),
    /// The thread waits; its registers are at the call that waits.
    Parked,
    /// The thread ended itself.
    Ended,
}

/// An exception as programs and drivers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// EXCEPTION_RECORD.ExceptionCode: an NTSTATUS.
    pub code: u32,
    /// How many of the parameters count.
    pub count: u32,
    /// Its parameters.
    pub parameters: [u64; 2],
}

impl Exception {
    /// An exception without parameters.
    pub(crate) fn of(code: u32) -> Exception {
        Exception { code, count: 0, parameters: [0; 2] }
    }

    /// A read (0), write (1) or execution (8) of an address that is not to be had.
    pub(crate) fn access_violation(access: u64, address: u64) -> Exception {
        Exception { code: status::ACCESS_VIOLATION, count: 2, parameters: [access, address] }
    }
}

/// NTSTATUS values.
pub(crate) mod status {
    pub const SUCCESS: u32 = 0;
    pub const TIMEOUT: u32 = 0x102;
    pub const PENDING: u32 = 0x103;
    pub const BREAKPOINT: u32 = 0x8000_0003;
    pub const BUFFER_OVERFLOW: u32 = 0x8000_0005;
    pub const NO_MORE_ENTRIES: u32 = 0x8000_001A;
    pub const UNSUCCESSFUL: u32 = 0xC000_0001;
    pub const INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
    pub const ACCESS_VIOLATION: u32 = 0xC000_0005;
    pub const INVALID_HANDLE: u32 = 0xC000_0008;
    pub const INVALID_PARAMETER: u32 = 0xC000_000D;
    pub const NO_SUCH_DEVICE: u32 = 0xC000_000E;
    pub const INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
    pub const MORE_PROCESSING_REQUIRED: u32 = 0xC000_0016;
    pub const ILLEGAL_INSTRUCTION: u32 = 0xC000_001D;
    pub const INVALID_FILE_FOR_SECTION: u32 = 0xC000_0020;
    pub const BUFFER_TOO_SMALL: u32 = 0xC000_0023;
    pub const OBJECT_NAME_NOT_FOUND: u32 = 0xC000_0034;
    pub const OBJECT_NAME_COLLISION: u32 = 0xC000_0035;
    pub const INTEGER_DIVIDE_BY_ZERO: u32 = 0xC000_0094;
    pub const INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;
    pub const NOT_SUPPORTED: u32 = 0xC000_00BB;
    pub const NOT_FOUND: u32 = 0xC000_0225;
}

impl Stop {
    /// A status as a kernel function returns it.
    pub(crate) fn status(code: u32) -> Answer {
        Ok(u64::from(code))
    }
}
