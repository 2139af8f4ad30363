//! What instructions work on: registers, flags, and memory behind the rights of its pages.

use super::flags::Flags;
use crate::memory::{SIZE, canonical};
use crate::{Access, Exit, Memory, PAGE, Registers};

/// Stands for no register: always zero.
pub(crate) const NONE: u8 = 16;
/// Where the GS segment begins.
pub(crate) const GS: u8 = 17;
/// Where the FS segment begins.
pub(crate) const FS: u8 = 18;
/// Where the block that is run begins; addresses relative to RIP are relative to it.
pub(crate) const BLOCK: u8 = 19;

/// Pages that are remembered for each kind of access.
const REMEMBERED: usize = 256;

/// Why an instruction is the last for now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It did not complete; `Core::exit` says why.
    Exit,
    /// It completed, and `Core::exit` says why the run ends.
    Done,
    /// It completed, and code that was decoded may have changed.
    Changed,
    /// It is a long string operation that goes on where it stopped.
    Unfinished,
    /// It led to the beginning of its block, which is to be run again.
    Again,
}

pub(crate) type Outcome = Result<(), Stop>;

/// A page and where its bytes are.
#[derive(Clone, Copy)]
struct Seen {
    page: u64,
    data: u32,
}

/// No page has this number.
const NOWHERE: Seen = Seen { page: u64::MAX, data: 0 };

/// The pages of one kind of access that were used last, so that rights and place need not be looked up.
struct Recent([Seen; REMEMBERED]);

impl Recent {
    #[inline(always)]
    fn find(&self, page: u64) -> Option<u32> {
        let seen = &self.0[page as usize % REMEMBERED];
        (seen.page == page).then_some(seen.data)
    }

    fn remember(&mut self, page: u64, data: u32) {
        self.0[page as usize % REMEMBERED] = Seen { page, data };
    }

    fn forget(&mut self) {
        self.0 = [NOWHERE; REMEMBERED];
    }
}

/// What instructions work on.
pub(crate) struct Core {
    /// The general registers, then what else an address may be made of. There are as many as a byte can
    /// number, so that no number of an operation is out of bounds.
    pub(crate) general: [u64; 256],
    pub(crate) flags: Flags,
    /// Where to go on after the block.
    pub(crate) rip: u64,
    /// Code that was decoded has been written to.
    pub(crate) changed: bool,
    pub(crate) exit: Option<Exit>,
    /// Whether a branch to the beginning of its block may leave out its flags: as much is left to be run as the
    /// block has, and nobody sees them there.
    pub(crate) again: bool,
    /// How many operations the block had left when one stopped it, that one included.
    pub(crate) unfinished: usize,
    /// The control word of x87.
    pub(crate) x87_control: u16,
    /// As the host sees them. While code runs, only the vectors and MXCSR are up to date.
    pub(crate) registers: Registers,
    pub(crate) memory: Memory,
    readable: Recent,
    writable: Recent,
    seen: (u64, u64, u64),
}

impl Core {
    pub(crate) fn new(memory: Memory) -> Self {
        Self {
            general: [0; 256],
            flags: Flags::new(0),
            rip: 0,
            changed: false,
            exit: None,
            again: false,
            unfinished: 0,
            x87_control: super::x87::RESET,
            registers: Registers::default(),
            memory,
            readable: Recent([NOWHERE; REMEMBERED]),
            writable: Recent([NOWHERE; REMEMBERED]),
            seen: (0, 0, 0),
        }
    }

    /// Takes over what the host may have changed.
    pub(crate) fn enter(&mut self) {
        self.general[..16].copy_from_slice(&self.registers.general);
        self.general[GS as usize] = self.registers.gs_base;
        self.general[FS as usize] = self.registers.fs_base;
        self.rip = self.registers.rip;
        self.flags = Flags::new(self.registers.rflags);
        self.refresh();
    }

    /// Shows the host what code did.
    pub(crate) fn leave(&mut self) {
        self.registers.general.copy_from_slice(&self.general[..16]);
        self.registers.gs_base = self.general[GS as usize];
        self.registers.fs_base = self.general[FS as usize];
        self.registers.rip = self.rip;
        self.registers.rflags = self.flags.word();
    }

    /// Forgets pages when any may have changed.
    pub(crate) fn refresh(&mut self) {
        let memory = &self.memory;
        let now = (memory.identity(), memory.generation(), memory.commits());
        if self.seen != now {
            self.seen = now;
            self.readable.forget();
            self.writable.forget();
        }
    }

    /// Makes writes to pages look again whether they write to code.
    pub(crate) fn watch_writes(&mut self) {
        self.writable.forget();
    }

    /// What a register of an operation holds.
    #[inline(always)]
    pub(crate) fn number(&self, register: u8) -> u64 {
        self.general[usize::from(register)]
    }

    /// Ends the run at this instruction.
    #[cold]
    pub(crate) fn raise<T>(&mut self, exit: Exit) -> Result<T, Stop> {
        self.exit = Some(exit);
        Err(Stop::Exit)
    }

    /// Ends the run behind this instruction.
    #[cold]
    pub(crate) fn raise_behind(&mut self, exit: Exit) -> Outcome {
        self.exit = Some(exit);
        Err(Stop::Done)
    }

    /// Ends an instruction that may have written.
    #[inline(always)]
    pub(crate) fn finish(&mut self) -> Outcome {
        if self.changed { Err(Stop::Changed) } else { Ok(()) }
    }

    /// Reads bytes as the guest.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&mut self, address: u64) -> Result<[u8; N], Stop> {
        let offset = (address % PAGE) as usize;
        if let Some(data) = self.readable.find(address / PAGE)
            && offset <= SIZE - N
        {
            let mut bytes = [0; N];
            bytes.copy_from_slice(&self.memory.bytes(data)[offset..offset + N]);
            return Ok(bytes);
        }
        let mut bytes = [0; N];
        self.load_slowly(address, &mut bytes)?;
        Ok(bytes)
    }

    #[inline(never)]
    fn load_slowly(&mut self, address: u64, into: &mut [u8]) -> Outcome {
        let first = self.part(address, into.len());
        let (low, high) = into.split_at_mut(first);
        let data = self.find(address, Access::Read)?;
        let offset = (address % PAGE) as usize;
        if !high.is_empty() {
            let next = self.find(address.wrapping_add(first as u64), Access::Read)?;
            high.copy_from_slice(&self.memory.bytes(next)[..high.len()]);
        }
        low.copy_from_slice(&self.memory.bytes(data)[offset..offset + first]);
        Ok(())
    }

    /// Reads bytes that are written after: a fault is one of writing then.
    #[inline(always)]
    pub(crate) fn load_to_write<const N: usize>(&mut self, address: u64) -> Result<[u8; N], Stop> {
        let offset = (address % PAGE) as usize;
        if let Some(data) = self.writable.find(address / PAGE)
            && offset <= SIZE - N
        {
            let mut bytes = [0; N];
            bytes.copy_from_slice(&self.memory.bytes(data)[offset..offset + N]);
            return Ok(bytes);
        }
        self.check_write(address, N)?;
        self.load(address)
    }

    /// Writes bytes as the guest.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Outcome {
        let offset = (address % PAGE) as usize;
        if let Some(data) = self.writable.find(address / PAGE)
            && offset <= SIZE - N
        {
            self.memory.bytes_mut(data)[offset..offset + N].copy_from_slice(&bytes);
            return Ok(());
        }
        self.store_slowly(address, &bytes)
    }

    /// Fills bytes of one page with a pattern. False where the page was not written of late, or holds code.
    pub(crate) fn fill(&mut self, address: u64, length: usize, pattern: &[u8]) -> bool {
        let offset = (address % PAGE) as usize;
        let Some(data) = self.writable.find(address / PAGE) else { return false };
        let bytes = &mut self.memory.bytes_mut(data)[offset..offset + length];
        bytes.chunks_exact_mut(pattern.len()).for_each(|chunk| chunk.copy_from_slice(pattern));
        true
    }

    /// Copies bytes of one page to another. False where that is not what copying upwards would do, or
    /// where the pages were not used of late.
    pub(crate) fn copy(&mut self, from: u64, to: u64, length: usize) -> bool {
        let source = self.readable.find(from / PAGE);
        let target = self.writable.find(to / PAGE);
        let (Some(source), Some(target)) = (source, target) else { return false };
        let (from, to) = ((from % PAGE) as usize, (to % PAGE) as usize);
        if source == target {
            // Where the target is ahead in the source, what was copied is copied again.
            let ahead = to > from && to < from + length;
            if !ahead {
                self.memory.bytes_mut(target).copy_within(from..from + length, to);
            }
            return !ahead;
        }
        self.memory.copy((source, from), (target, to), length)
    }

    #[inline(never)]
    pub(crate) fn store_slowly(&mut self, address: u64, bytes: &[u8]) -> Outcome {
        let first = self.part(address, bytes.len());
        self.check_write(address, bytes.len())?;
        let (low, high) = bytes.split_at(first);
        self.put(address, low)?;
        if !high.is_empty() {
            self.put(address.wrapping_add(first as u64), high)?;
        }
        Ok(())
    }

    /// Faults as a write would.
    pub(crate) fn check_write(&mut self, address: u64, length: usize) -> Outcome {
        let first = self.part(address, length);
        self.find(address, Access::Write)?;
        if first < length {
            self.find(address.wrapping_add(first as u64), Access::Write)?;
        }
        Ok(())
    }

    /// How many of these bytes are on the first page.
    fn part(&self, address: u64, length: usize) -> usize {
        length.min(SIZE - (address % PAGE) as usize)
    }

    /// Writes bytes within a page.
    fn put(&mut self, address: u64, bytes: &[u8]) -> Outcome {
        let located = match self.memory.locate(address / PAGE, Access::Write) {
            Ok(located) => located,
            Err(fault) => return self.fault(address, Access::Write, fault.mapped),
        };
        let offset = (address % PAGE) as usize;
        self.memory.bytes_mut(located.data)[offset..offset + bytes.len()].copy_from_slice(bytes);
        if self.memory.written(located.frame, offset, bytes.len()) {
            self.changed = true;
        }
        Ok(())
    }

    /// Where the bytes of an address are, or the fault that the access is.
    fn find(&mut self, address: u64, access: Access) -> Result<u32, Stop> {
        if !canonical(address) {
            return self.raise(Exit::GeneralProtection);
        }
        let located = match self.memory.locate(address / PAGE, access) {
            Ok(located) => located,
            Err(fault) => return self.fault(address, access, fault.mapped),
        };
        // A first write gives a frame bytes of its own.
        self.refresh();
        match access {
            Access::Write if located.holds_code => {}
            Access::Write => self.writable.remember(address / PAGE, located.data),
            _ => self.readable.remember(address / PAGE, located.data),
        }
        Ok(located.data)
    }

    #[cold]
    fn fault<T>(&mut self, address: u64, access: Access, mapped: bool) -> Result<T, Stop> {
        self.raise(Exit::PageFault { address, access, mapped })
    }
}
