//! Memory dumps of a 64-bit kernel: the header, and of small ones the drivers that were loaded.
//!
//! The layout is that of the public headers; other readers of such dumps agree on the fields that are read here.

use std::fmt;

/// What of a dump is read. A small dump is smaller; of others only the header is.
pub const LARGEST_DUMP_HEAD: usize = 16 << 20;

/// What a dump of a 64-bit kernel begins with.
const SIGNATURE: &[u8; 8] = b"PAGEDU64";
/// That of a 32-bit one.
const SIGNATURE_32: &[u8; 8] = b"PAGEDUMP";
/// What a dump of a process begins with.
const PROCESS: &[u8; 4] = b"MDMP";

const BUILD: usize = 0x0C;
const MACHINE: usize = 0x30;
const CODE: usize = 0x38;
const PARAMETERS: usize = 0x40;
const KIND: usize = 0xF98;
/// The bytes of the header; what a small dump adds begins there.
const HEADER: usize = 0x2000;
/// In what a small dump adds: its size, where the list of drivers is, how many there are.
const DUMP_SIZE: usize = HEADER + 0x04;
const DRIVER_LIST: usize = HEADER + 0x30;
const DRIVER_COUNT: usize = HEADER + 0x34;
/// The kind of a small dump.
const SMALL: u32 = 4;
/// A small dump's code has this bit, for some codes.
const OF_SMALL_DUMP: u32 = 0x1000_0000;

/// An entry of the list of drivers: where its name is, and the loader's entry behind that.
const ENTRY: usize = 0x90;
const ENTRY_BASE: usize = 0x08 + 0x30;
const ENTRY_SIZE: usize = 0x08 + 0x40;
const ENTRY_TIME: usize = 0x08 + 0x80;
/// Drivers that a dump may list; Windows loads some hundreds.
const MOST_DRIVERS: u32 = 10_000;
/// The longest name, in characters.
const LONGEST_NAME: u32 = 1_024;

/// A memory dump of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelDump {
    /// The bug check.
    pub code: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
    /// The processor, as images name it: 0x8664, 0xAA64.
    pub machine: u32,
    /// The build of Windows.
    pub build: u32,
    /// The drivers that were loaded, or why they are not known.
    pub drivers: Result<Vec<LoadedDriver>, DriversUnknown>,
}

/// A driver that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedDriver {
    /// The path it was loaded from; none where the dump has no name for it.
    pub path: Option<String>,
    /// Where it was loaded.
    pub base: u64,
    /// Bytes in memory.
    pub size: u32,
    /// The time stamp of its header.
    pub timestamp: u32,
}

impl LoadedDriver {
    /// The file's name.
    pub fn name(&self) -> Option<&str> {
        self.path.as_deref().map(|path| path.rsplit(['\\', '/']).next().unwrap_or(path))
    }

    /// Where `address` lies in it, relative to its base.
    pub fn offset_of(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.base)?;
        (offset < u64::from(self.size)).then_some(offset as u32)
    }
}

/// Why the drivers are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriversUnknown {
    /// Only small dumps have a list of them.
    #[error("only small memory dumps list the drivers, and this is one of kind {0}")]
    NotSmall(u32),
    /// The file ends before the list does.
    #[error(
        "the dump is cut off: the list of {count} drivers at {offset:#x} ends behind its {length} bytes"
    )]
    CutOff {
        /// How many drivers there are to be.
        count: u32,
        /// Where in the file.
        offset: u32,
        /// The file's bytes.
        length: usize,
    },
    /// The file ends before it says where the list is.
    #[error("the dump is cut off: it has {0} bytes")]
    NoList(usize),
    /// Nobody loads that many.
    #[error("the dump is damaged: it lists {0} drivers")]
    TooMany(u32),
}

/// Why a dump is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDump {
    /// It is of a 32-bit Windows.
    #[error("it is a memory dump of 32-bit Windows, which has no memory integrity")]
    Of32Bit,
    /// It is of a process.
    #[error(
        "it is a memory dump of a process; the kernel's are in C:\\Windows\\Minidump and C:\\Windows\\MEMORY.DMP"
    )]
    OfProcess,
    /// It ends within the header.
    #[error("the dump is cut off: its header has {HEADER} bytes, and it has {0}")]
    CutOff(usize),
}

/// Whether bytes begin as a dump does.
pub(super) fn is_dump(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PAGE") && bytes.get(4..6) == Some(b"DU") || bytes.starts_with(PROCESS)
}

impl KernelDump {
    /// Reads a dump, of which [`LARGEST_DUMP_HEAD`] bytes are enough.
    ///
    /// # Errors
    ///
    /// Where it is of something else, or cut off.
    pub fn read(bytes: &[u8]) -> Result<KernelDump, BadDump> {
        match bytes {
            [b'M', b'D', b'M', b'P', ..] => return Err(BadDump::OfProcess),
            _ if bytes.starts_with(SIGNATURE_32) => return Err(BadDump::Of32Bit),
            _ if bytes.starts_with(SIGNATURE) => {}
            _ => return Err(BadDump::CutOff(bytes.len())),
        }
        let cut = BadDump::CutOff(bytes.len());
        if bytes.len() < HEADER {
            return Err(cut);
        }
        let word = |at| u32_at(bytes, at).ok_or(cut);
        let mut parameters = [0; 4];
        for (index, parameter) in parameters.iter_mut().enumerate() {
            *parameter = u64_at(bytes, PARAMETERS + 8 * index).ok_or(cut)?;
        }
        let kind = word(KIND)?;
        let drivers = match kind {
            SMALL => drivers(bytes),
            other => Err(DriversUnknown::NotSmall(other)),
        };
        Ok(KernelDump {
            code: word(CODE)? & !OF_SMALL_DUMP,
            parameters,
            machine: word(MACHINE)?,
            build: word(BUILD)?,
            drivers,
        })
    }

    /// The driver that `address` lies in, and where in it.
    pub fn place(&self, address: u64) -> Option<(&LoadedDriver, u32)> {
        let drivers = self.drivers.as_ref().ok()?;
        drivers.iter().find_map(|driver| Some((driver, driver.offset_of(address)?)))
    }

    /// The processor's name.
    pub fn processor(&self) -> Processor {
        Processor(self.machine)
    }
}

/// A processor, by the number that images have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor(u32);

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x8664 => f.write_str("x64"),
            0xAA64 => f.write_str("ARM64"),
            other => write!(f, "processor {other:#x}"),
        }
    }
}

/// The drivers that a small dump lists.
fn drivers(bytes: &[u8]) -> Result<Vec<LoadedDriver>, DriversUnknown> {
    let length = bytes.len();
    let word = |at| u32_at(bytes, at).ok_or(DriversUnknown::NoList(length));
    let (_, offset, count) = (word(DUMP_SIZE)?, word(DRIVER_LIST)?, word(DRIVER_COUNT)?);
    if count > MOST_DRIVERS {
        return Err(DriversUnknown::TooMany(count));
    }
    let cut = DriversUnknown::CutOff { count, offset, length };
    let end = (offset as usize).checked_add(count as usize * ENTRY);
    let Some(list) = end.and_then(|end| bytes.get(offset as usize..end)) else { return Err(cut) };
    let (entries, _) = list.as_chunks::<ENTRY>();
    let driver = |entry: &[u8; ENTRY]| {
        Some(LoadedDriver {
            path: u32_at(entry, 0).and_then(|at| name(bytes, at as usize)),
            base: u64_at(entry, ENTRY_BASE)?,
            size: u32_at(entry, ENTRY_SIZE)?,
            timestamp: u32_at(entry, ENTRY_TIME)?,
        })
    };
    entries.iter().map(driver).collect::<Option<Vec<_>>>().ok_or(cut)
}

/// The name at a place of the file: its length in characters, then so many of UTF-16.
fn name(bytes: &[u8], at: usize) -> Option<String> {
    let count = u32_at(bytes, at).filter(|count| (1..=LONGEST_NAME).contains(count))?;
    let start = at.checked_add(4)?;
    let (pairs, _) = bytes.get(start..start.checked_add(2 * count as usize)?)?.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let text = String::from_utf16_lossy(&units);
    let text = text.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests;
