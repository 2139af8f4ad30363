//! Offsets in the structures that the kernel and drivers share, as wdm.h lays them out for x64.

/// DRIVER_OBJECT.
pub(crate) mod driver {
    pub const SIZE: u64 = 0x150;
    pub const DEVICE_OBJECT: u64 = 0x8;
    pub const FLAGS: u64 = 0x10;
    pub const START: u64 = 0x18;
    pub const SIZE_OF_IMAGE: u64 = 0x20;
    pub const SECTION: u64 = 0x28;
    pub const EXTENSION: u64 = 0x30;
    pub const NAME: u64 = 0x38;
    pub const HARDWARE_DATABASE: u64 = 0x48;
    pub const INIT: u64 = 0x58;
    pub const START_IO: u64 = 0x60;
    pub const UNLOAD: u64 = 0x68;
    pub const MAJOR_FUNCTION: u64 = 0x70;
    /// Where DRIVER_EXTENSION is put, and what of it is used.
    pub const EXTENSION_AT: u64 = SIZE;
    pub const ADD_DEVICE: u64 = 0x8;
    pub const SERVICE_KEY_NAME: u64 = 0x18;
}

/// DEVICE_OBJECT.
pub(crate) mod device {
    pub const SIZE: u64 = 0x150;
    pub const REFERENCE_COUNT: u64 = 0x4;
    pub const DRIVER_OBJECT: u64 = 0x8;
    pub const NEXT_DEVICE: u64 = 0x10;
    pub const ATTACHED_DEVICE: u64 = 0x18;
    pub const CURRENT_IRP: u64 = 0x20;
    pub const FLAGS: u64 = 0x30;
    pub const CHARACTERISTICS: u64 = 0x34;
    pub const EXTENSION: u64 = 0x40;
    pub const TYPE: u64 = 0x48;
    pub const STACK_SIZE: u64 = 0x4C;
    pub const SECTOR_SIZE: u64 = 0x130;
    pub const OBJECT_EXTENSION: u64 = 0x138;
    /// DO_ flags.
    pub const BUFFERED_IO: u32 = 0x4;
    pub const DIRECT_IO: u32 = 0x10;
    pub const INITIALIZING: u32 = 0x80;
}

/// IRP.
pub(crate) mod irp {
    pub const SIZE: u64 = 0xD0;
    pub const SIZE_FIELD: u64 = 0x2;
    pub const MDL: u64 = 0x8;
    pub const SYSTEM_BUFFER: u64 = 0x18;
    pub const STATUS: u64 = 0x30;
    pub const INFORMATION: u64 = 0x38;
    pub const REQUESTOR_MODE: u64 = 0x40;
    pub const PENDING_RETURNED: u64 = 0x41;
    pub const STACK_COUNT: u64 = 0x42;
    pub const CURRENT_LOCATION: u64 = 0x43;
    pub const CANCEL: u64 = 0x44;
    pub const CANCEL_IRQL: u64 = 0x45;
    pub const USER_STATUS: u64 = 0x48;
    pub const USER_EVENT: u64 = 0x50;
    pub const CANCEL_ROUTINE: u64 = 0x68;
    pub const USER_BUFFER: u64 = 0x70;
    pub const THREAD: u64 = 0x98;
    pub const CURRENT_STACK: u64 = 0xB8;
    pub const FILE_OBJECT: u64 = 0xC0;
}

/// IO_STACK_LOCATION.
pub(crate) mod stack {
    pub const SIZE: u64 = 0x48;
    pub const MINOR: u64 = 0x1;
    pub const CONTROL: u64 = 0x3;
    pub const PARAMETERS: u64 = 0x8;
    pub const DEVICE_OBJECT: u64 = 0x28;
    pub const FILE_OBJECT: u64 = 0x30;
    pub const COMPLETION_ROUTINE: u64 = 0x38;
    pub const CONTEXT: u64 = 0x40;
    /// SL_ flags of Control.
    pub const PENDING_RETURNED: u8 = 0x1;
    pub const INVOKE_ON_CANCEL: u8 = 0x20;
    pub const INVOKE_ON_SUCCESS: u8 = 0x40;
    pub const INVOKE_ON_ERROR: u8 = 0x80;
}

/// FILE_OBJECT.
pub(crate) mod file {
    pub const SIZE: u64 = 0xD8;
    pub const DEVICE_OBJECT: u64 = 0x8;
    pub const READ_ACCESS: u64 = 0x4A;
    pub const FLAGS: u64 = 0x50;
}

/// MDL.
pub(crate) mod mdl {
    pub const NEXT: u64 = 0x0;
    pub const SIZE: u64 = 0x8;
    pub const FLAGS: u64 = 0xA;
    pub const PROCESS: u64 = 0x10;
    pub const MAPPED: u64 = 0x18;
    pub const START: u64 = 0x20;
    pub const COUNT: u64 = 0x28;
    pub const OFFSET: u64 = 0x2C;
    pub const FRAMES: u64 = 0x30;
    /// MDL_ flags.
    pub const MAPPED_TO_SYSTEM_VA: u16 = 0x1;
    pub const PAGES_LOCKED: u16 = 0x2;
    pub const NONPAGED: u16 = 0x4;
    pub const PARTIAL: u16 = 0x10;
    pub const PARTIAL_MAPPED: u16 = 0x20;
}

/// IRP_MJ_ numbers.
pub(crate) mod major {
    pub const CREATE: u8 = 0;
    pub const CLOSE: u8 = 2;
    pub const READ: u8 = 3;
    pub const WRITE: u8 = 4;
    pub const DEVICE_CONTROL: u8 = 14;
    pub const SHUTDOWN: u8 = 16;
    pub const CLEANUP: u8 = 18;
    pub const POWER: u8 = 22;
    pub const PNP: u8 = 27;
    pub const COUNT: u64 = 28;
}
