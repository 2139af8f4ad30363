//! Files of about 4 MB made to be slow: whatever is read again and again, is read as often as the
//! file has room for. Each must be examined in a time that grows with its length alone.
//!
//! What is quadratic takes minutes here without optimisation; what is linear, well below a second.

mod checks;

use ringfence::{Settings, examine};
use ringfence_fixture::{Driver, RWX, RX, directory, driver, section};
use std::time::{Duration, Instant};

/// Length of the hostile part.
const LENGTH: usize = 4 << 20;
/// Far more than any of these takes, far less than a quadratic one takes.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 8 } else { 1 });

#[track_caller]
fn in_time(bytes: &[u8]) {
    assert!(bytes.len() < 3 * LENGTH);
    let start = Instant::now();
    // The digests are the same work for every file.
    let settings = Settings { hash: false, ..Settings::default() };
    let _ = std::hint::black_box(examine(bytes, &settings));
    let taken = start.elapsed();
    assert!(taken < LIMIT, "{taken:?} for {} bytes", bytes.len());
    checks::judge(bytes, &[ringfence::report::Format::Full]);
}

/// A driver with a section of `LENGTH` bytes that are worked out from its address.
fn filled(driver: Driver, bytes: impl FnOnce(u32) -> Vec<u8>) -> (Driver, u32) {
    let with = |bytes: Vec<u8>| driver.clone().section(section(".worst").bytes(bytes));
    let rva = with(vec![0; LENGTH]).build().rva_of_section(".worst");
    let mut bytes = bytes(rva);
    bytes.resize(LENGTH, 0);
    (with(bytes), rva)
}

/// Such a driver, all of whose section is the table of directory `index`.
fn table(index: usize, driver: Driver, bytes: impl FnOnce(u32) -> Vec<u8>) -> Vec<u8> {
    let (driver, rva) = filled(driver, bytes);
    driver.directory(index, rva, LENGTH as u32).bytes()
}

fn words(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// As many sections as a table can hold.
fn sections(count: usize, rights: u32, name: &str) -> Driver {
    let one = |_| section(name).rights(rights).virtual_size(0x1000);
    (0..count).map(one).fold(driver().no_relocations().without_sections(), Driver::section)
}

#[test]
fn most_sections() {
    in_time(&sections(65_535, RWX, ".s").bytes());
}

#[test]
fn sections_one_over_the_other() {
    let one = |_| section(".s").rights(RX).virtual_address(0x1001).raw_pointer(1).raw_size(9 << 20);
    let all = (0..65_535).map(one);
    in_time(&all.fold(driver().no_relocations().without_sections(), Driver::section).bytes());
}

/// Each section has functions, none is executable.
#[test]
fn functions_in_most_sections() {
    let many = sections(40_000, 0x4000_0000, ".s");
    let functions = (0..LENGTH as u32 / 12).flat_map(|n| [n % 40_000 * 0x1000 + 0x20_0000, 0, 0]);
    in_time(&table(directory::EXCEPTION, many, |_| words(functions)));
}

#[test]
fn functions_in_falling_order() {
    let functions = (0..LENGTH as u32 / 12).flat_map(|n| [u32::MAX - n, n, n]);
    in_time(&table(directory::EXCEPTION, driver(), |_| words(functions)));
}

/// The rule about writable sections asks for the linker, which is none of these tools.
#[test]
fn sections_called_init_and_a_long_rich_header() {
    let tools = (0..LENGTH / 8).map(|_| (0x0001, 1, 1));
    in_time(&sections(30_000, RWX, "INIT").rich(tools).bytes());
}

/// Each part of the import address table is compared with the executable sections.
#[test]
fn modules_and_executable_sections() {
    let modules = |rva: u32| {
        // All rows share an empty list of functions, far from every section, and a name.
        let row = [rva + LENGTH as u32 - 16, 0, 0, rva + LENGTH as u32 - 4, 0x7000_0000];
        let mut bytes = words(std::iter::repeat_n(row, (LENGTH - 64) / 20).flatten());
        bytes.resize(LENGTH, 0);
        bytes[LENGTH - 4] = b'a';
        bytes
    };
    in_time(&table(directory::IMPORT, sections(50_000, RX, ".s"), modules));
}

/// 200,000 modules share one list of functions.
#[test]
fn modules_with_one_long_list() {
    let modules = |rva: u32| {
        let list = rva + LENGTH as u32 / 2;
        let row = [list, 0, 0, list - 8, 0x7000_0000];
        let mut bytes = words(std::iter::repeat_n(row, LENGTH / 2 / 20).flatten());
        bytes.resize(LENGTH / 2, b'a');
        bytes.extend([[1, 0, 0, 0, 0, 0, 0, 0x80]; LENGTH / 2 / 8 - 1].as_flattened());
        bytes
    };
    in_time(&table(directory::IMPORT, driver(), modules));
}

/// Modules that all have the longest name there is.
#[test]
fn modules_with_one_long_name() {
    for index in [directory::IMPORT, directory::DELAY_IMPORT] {
        let modules = |rva: u32| {
            let name = rva + LENGTH as u32 - 4096;
            // Where the one table has its name, the other has its lookup table.
            let (rows, empty) = ([name - 16, name, 0, name, 1], name - 16);
            let delayed = [0, name, 0, 0x7000_0000, empty, 0, 0, 0];
            let mut bytes = match index {
                directory::IMPORT => words(std::iter::repeat_n(rows, LENGTH / 20 - 300).flatten()),
                _ => words(std::iter::repeat_n(delayed, LENGTH / 32 - 200).flatten()),
            };
            bytes.resize(LENGTH - 4096, 0);
            bytes.resize(LENGTH - 1, b'a');
            bytes
        };
        in_time(&table(index, driver(), modules));
    }
}

/// Functions that all have the longest name there is.
#[test]
fn functions_with_one_long_name() {
    for driver in [driver(), driver().x86()] {
        let wide = driver.build().bytes[0x98 + 1] == 2;
        let list = |rva: u32| {
            let (list, name) = (rva + 64, rva + LENGTH as u32 - 4096);
            let mut bytes = words([list, 0, 0, name, list]);
            bytes.resize(64, 0);
            let entry = if wide { vec![name, 0] } else { vec![name] };
            let count = (LENGTH - 5000) / 4 / entry.len();
            bytes.extend(words(std::iter::repeat_n(entry, count).flatten()));
            bytes.resize(LENGTH - 4096, 0);
            bytes.resize(LENGTH - 1, b'a');
            bytes
        };
        in_time(&table(directory::IMPORT, driver, list));
    }
}

/// Debug files of the old kind, whose shared data has no end mark.
#[test]
fn debug_entries_with_one_long_path() {
    let (driver, _) = filled(driver(), |_| vec![b'N'; LENGTH]);
    let built = driver.build();
    let data = built.section(".worst").file_offset;
    let size = LENGTH as u32 / 2;
    let entry = [0, 0, 0, 2, size, 0, data + size];
    let entries = words(std::iter::repeat_n(entry, LENGTH / 2 / 28).flatten());
    let rva = built.rva_of_section(".worst");
    let driver = driver.patch(data as usize, entries);
    in_time(&driver.directory(directory::DEBUG, rva, size).bytes());
}

#[test]
fn relocations_in_blocks_of_nothing() {
    let blocks = std::iter::repeat_n([0x1000, 8], LENGTH / 8).flatten();
    in_time(&table(directory::RELOCATION, driver(), |_| words(blocks)));
}

#[test]
fn relocations_that_all_straddle() {
    let straddling = |_| {
        let mut bytes = words([0x1000, LENGTH as u32]);
        bytes.resize(LENGTH, 0xAF);
        bytes
    };
    in_time(&table(directory::RELOCATION, driver(), straddling));
}

#[test]
fn exports_that_share_one_list() {
    let all = |rva: u32| {
        let count = LENGTH as u32 / 4 - 16;
        let mut bytes = words([0, 0, 0, rva, 1, count, count, rva + 40, rva + 40, rva + 40]);
        bytes.resize(LENGTH, 0x11);
        bytes
    };
    in_time(&table(directory::EXPORT, driver(), all));
}

/// A root of 65,535 types, the last of them the version, whose data is not there. The version itself
/// counts its lengths in 16 bits, so it cannot be long.
#[test]
fn resources_of_most_types() {
    let wide = |_| {
        let mut bytes = words([0, 0, 0, 0xFFFF_0000]);
        bytes.extend(words((0..65_534).flat_map(|_| [15, 0])));
        bytes.extend(words([16, LENGTH as u32 - 16]));
        bytes
    };
    in_time(&table(directory::RESOURCE, driver(), wide));
}

#[test]
fn certificates_of_nothing() {
    let table = words(std::iter::repeat_n([8, 0x0002_0200], LENGTH / 8).flatten());
    in_time(&driver().certificate_table(table).bytes());
}
