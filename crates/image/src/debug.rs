//! The debug directory: which debug file belongs to the image, and what the build says of itself.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Headers, Rva};

/// Size of `IMAGE_DEBUG_DIRECTORY`.
const ENTRY: usize = 28;
/// `IMAGE_DEBUG_TYPE_CODEVIEW`.
const CODEVIEW: u32 = 2;
/// `IMAGE_DEBUG_TYPE_REPRO`.
const REPRO: u32 = 16;
/// `IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS`.
const EX_DLL_CHARACTERISTICS: u32 = 20;
/// `IMAGE_DLLCHARACTERISTICS_EX_CET_COMPAT`.
const CET_COMPAT: u32 = 1;

/// `IMAGE_FILE_DEBUG_STRIPPED`: the data was moved into a `.dbg` file, but its entries are still there.
const DEBUG_STRIPPED: u16 = 0x0200;

/// What the debug directory says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debug<'data> {
    /// The types of all entries, in order.
    pub types: Vec<u32>,
    /// The debug file.
    pub codeview: Option<CodeView<'data>>,
    /// Whether the time stamps are hashes of the content.
    pub reproducible: bool,
    /// Whether the image promises to work with shadow stacks.
    pub cet_compat: bool,
}

/// The debug file that belongs to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeView<'data> {
    /// GUID, in the byte order of the file.
    pub guid: [u8; 16],
    /// Age.
    pub age: u32,
    /// Path as stored.
    pub path: &'data [u8],
}

impl CodeView<'_> {
    /// The GUID in its usual form with hyphens, upper case.
    pub fn guid_text(&self) -> String {
        let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..] = self.guid;
        let a = u32::from_le_bytes([a0, a1, a2, a3]);
        let b = u16::from_le_bytes([b0, b1]);
        let c = u16::from_le_bytes([c0, c1]);
        let (d, e) = rest.split_at(2);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        format!("{a:08X}-{b:04X}-{c:04X}-{}-{}", hex(d), hex(e))
    }

    /// What symbol stores call this very build: the GUID without hyphens, then the age in hexadecimal.
    pub fn store_key(&self) -> String {
        format!("{}{:X}", self.guid_text().replace('-', ""), self.age)
    }
}

pub(crate) fn read<'data>(
    bytes: &'data [u8],
    layout: &Layout<'data>,
    headers: &Headers,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Debug<'data> {
    let mut debug = Debug::default();
    let there = layout.bytes_from(directory.rva).unwrap_or_default();
    let wanted = directory.size as usize;
    if there.len() < wanted {
        let problem = Problem::Truncated { wanted: wanted as u64, present: there.len() as u64 };
        defects.in_image(Structure::DebugDirectory, problem, directory.rva);
    } else if !wanted.is_multiple_of(ENTRY) {
        let problem = Problem::BadSize(wanted as u64);
        defects.in_image(Structure::DebugDirectory, problem, directory.rva);
    }
    for entry in there[..there.len().min(wanted)].chunks_exact(ENTRY) {
        let word = |offset: usize| {
            entry[offset..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
        };
        let (kind, size, rva, offset) = (word(12), word(16), word(20), word(24));
        debug.types.push(kind);
        debug.reproducible |= kind == REPRO;
        if kind != CODEVIEW && kind != EX_DLL_CHARACTERISTICS {
            continue;
        }
        // The file offset is always there; the address only when the data is loaded.
        let start = offset as usize;
        let Some(data) = start.checked_add(size as usize).and_then(|end| bytes.get(start..end))
        else {
            if headers.characteristics & DEBUG_STRIPPED == 0 {
                defects.in_image(Structure::DebugDirectory, Problem::PointsOutside, Rva(rva));
            }
            continue;
        };
        if kind == EX_DLL_CHARACTERISTICS {
            debug.cet_compat =
                data.first_chunk().is_some_and(|four| u32::from_le_bytes(*four) & CET_COMPAT != 0);
        } else if debug.codeview.is_none() {
            debug.codeview = codeview(data);
            // Formats older than this one carry no GUID and are passed over.
            if debug.codeview.is_none() && data.starts_with(RSDS) {
                let problem = Problem::Truncated { wanted: 24, present: data.len() as u64 };
                defects.in_image(Structure::DebugDirectory, problem, Rva(rva));
            }
        }
    }
    debug
}

/// How debug data with a GUID begins; older forms begin with `NB10`.
const RSDS: &[u8] = b"RSDS";

/// `RSDS`, GUID, age, path.
fn codeview(data: &[u8]) -> Option<CodeView<'_>> {
    let (signature, rest) = data.split_first_chunk::<4>()?;
    let (guid, rest) = rest.split_first_chunk::<16>()?;
    let (age, path) = rest.split_first_chunk::<4>()?;
    // The signature decides first: thousands of entries may share one long path that is no use.
    if signature != RSDS {
        return None;
    }
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    Some(CodeView { guid: *guid, age: u32::from_le_bytes(*age), path: &path[..end] })
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use ringfence_fixture::{DebugEntry, Driver, driver};

    #[test]
    fn stripped_debug_data_is_no_defect() {
        let lost = || DebugEntry::new(2, *b"RSDS").raw_pointer(0x00F0_0000);
        let defects = |driver: Driver| Image::read(&driver.bytes()).unwrap().defects().len();
        assert_eq!(defects(driver().debug_entry(lost())), 1);
        assert_eq!(defects(driver().debug_entry(lost()).characteristics(0x0222)), 0);
    }

    /// The form that Microsoft's documentation of symbol stores gives for PDBs.
    #[test]
    fn stores_know_builds_by_guid_and_age() {
        let guid = [0x11; 16];
        let key = |age| crate::CodeView { guid, age, path: b"" }.store_key();
        assert_eq!(key(1), format!("{}1", "11".repeat(16)));
        assert_eq!(key(0x2A), format!("{}2A", "11".repeat(16)));
    }

    #[test]
    fn the_debug_file_is_named() {
        let guid = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
            0xEE, 0xFF,
        ];
        let bytes = driver().pdb("disk.pdb", guid, 3).repro().bytes();
        let image = Image::read(&bytes).unwrap();
        let debug = image.debug();
        let codeview = debug.codeview.unwrap();
        assert_eq!(codeview.guid_text(), "00112233-4455-6677-8899-AABBCCDDEEFF");
        assert_eq!((codeview.path, codeview.age), (&b"disk.pdb"[..], 3));
        assert!(debug.reproducible);
        assert!(!debug.cet_compat);
    }
}
