//! Where things are in the emulated kernel's address space.

use ringfence_machine::PAGE;

/// The kernel's image: headers and export directory, then data and functions.
pub const KERNEL: u64 = 0xFFFF_F800_0070_0000;
/// Data that the kernel exports.
pub const DATA: u64 = 0xFFFF_F800_0080_0000;
/// Pages of it.
pub const DATA_PAGES: u64 = 64;
/// The processor's control region, which `gs` points to.
pub const PROCESSOR: u64 = 0xFFFF_F800_00F0_0000;
/// Pages of it.
pub const PROCESSOR_PAGES: u64 = 4;
/// The kernel's functions: an address each, at which execution leaves the guest.
pub const GATES: u64 = 0xFFFF_F800_0100_0000;
/// Bytes from one function to the next.
pub const GATE_SIZE: u64 = 16;
/// Functions at most.
pub const MOST_GATES: u64 = 1 << 16;
/// The driver.
pub const IMAGE: u64 = 0xFFFF_F801_2000_0000;
/// KUSER_SHARED_DATA, which drivers read without asking.
pub const USER_SHARED_DATA: u64 = 0xFFFF_F780_0000_0000;
/// The same for programs.
pub const USER_SHARED_DATA_USER: u64 = 0x7FFE_0000;
/// Mappings of MDLs, sections and devices.
pub const MAPPINGS: u64 = 0xFFFF_A000_0000_0000;
/// Non-paged pool that is not executable.
pub const POOL: u64 = 0xFFFF_B000_0000_0000;
/// Non-paged pool that was asked for as executable.
pub const POOL_EXECUTABLE: u64 = 0xFFFF_B100_0000_0000;
/// Paged pool.
pub const POOL_PAGED: u64 = 0xFFFF_C000_0000_0000;
/// Stacks.
pub const STACKS: u64 = 0xFFFF_D000_0000_0000;
/// Pages of a stack, as on Windows.
pub const STACK_PAGES: u64 = 6;
/// Bytes below a stack where nothing is.
pub const STACK_GAP: u64 = 4 * PAGE;
/// Bytes from one stack to the next.
pub const STACK_STRIDE: u64 = 16 * PAGE;
/// What the kernel keeps for itself: objects, requests.
pub const OBJECTS: u64 = 0xFFFF_E000_0000_0000;
/// Where kernel addresses begin.
pub const SYSTEM: u64 = 0xFFFF_8000_0000_0000;
/// A program's buffers.
pub const USER: u64 = 0x0000_0000_1000_0000;
/// The last address of a program.
pub const HIGHEST_USER: u64 = 0x0000_7FFF_FFFE_FFFF;

/// How many pages `bytes` from `address` on touch.
pub fn pages_of(address: u64, bytes: u64) -> u64 {
    (address % PAGE).saturating_add(bytes).div_ceil(PAGE)
}

/// The page that `address` lies in.
pub fn page_of(address: u64) -> u64 {
    address / PAGE * PAGE
}
