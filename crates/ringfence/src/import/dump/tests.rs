use super::*;

/// A dump with the fields where Microsoft's public headers have them: DUMP_HEADER64, and behind it TRIAGE_DUMP64.
fn dump(kind: u32, drivers: &[(&str, u64, u32, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER + 0x70];
    bytes[..8].copy_from_slice(b"PAGEDU64");
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x08, &15_u32.to_le_bytes());
    put(0x0C, &22_631_u32.to_le_bytes());
    put(0x30, &0x8664_u32.to_le_bytes());
    put(0x38, &0xC4_u32.to_le_bytes());
    for (at, value) in
        [(0x40, 0x2000), (0x48, 0xFFFF_F801_2000_50B5), (0x50, 0), (0x58, 0x706D_6153_u64)]
    {
        put(at, &value.to_le_bytes());
    }
    put(0xF98, &kind.to_le_bytes());
    put(0x2030, &0x2070_u32.to_le_bytes());
    put(0x2034, &(drivers.len() as u32).to_le_bytes());
    let mut names = Vec::new();
    let pool = 0x2070 + drivers.len() * 0x90;
    for (path, base, size, time) in drivers {
        let mut entry = [0; 0x90];
        entry[..4].copy_from_slice(&((pool + names.len()) as u32).to_le_bytes());
        // KLDR_DATA_TABLE_ENTRY64: DllBase, SizeOfImage, TimeDateStamp.
        entry[8 + 0x30..][..8].copy_from_slice(&base.to_le_bytes());
        entry[8 + 0x40..][..4].copy_from_slice(&size.to_le_bytes());
        entry[8 + 0x80..][..4].copy_from_slice(&time.to_le_bytes());
        bytes.extend(entry);
        let units: Vec<u16> = path.encode_utf16().collect();
        names.extend((units.len() as u32).to_le_bytes());
        names.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        names.extend([0, 0]);
    }
    bytes.extend(names);
    bytes
}

const TWO: [(&str, u64, u32, u32); 2] = [
    ("\\SystemRoot\\system32\\ntoskrnl.exe", 0xFFFF_F800_0000_0000, 0x0100_0000, 7),
    ("\\??\\C:\\x\\Sample.sys", 0xFFFF_F801_2000_0000, 0x9000, 0x6529_0BC1),
];

#[test]
fn code_parameters_and_drivers_are_read() {
    let dump = KernelDump::read(&dump(SMALL, &TWO)).unwrap();
    assert_eq!((dump.code, dump.build), (0xC4, 22_631));
    assert_eq!(dump.parameters, [0x2000, 0xFFFF_F801_2000_50B5, 0, 0x706D_6153]);
    assert_eq!(dump.processor().to_string(), "x64");
    let (driver, offset) = dump.place(dump.parameters[1]).unwrap();
    assert_eq!((driver.name(), offset), (Some("Sample.sys"), 0x50B5));
    assert_eq!((driver.size, driver.timestamp), (0x9000, 0x6529_0BC1));
    assert_eq!(dump.place(0xFFFF_F801_2000_9000), None);
    assert_eq!(dump.place(0xFFFF_F801_1FFF_FFFF), None);
}

#[test]
fn the_mark_of_small_dumps_is_no_part_of_the_code() {
    let mut bytes = dump(SMALL, &[]);
    bytes[0x38..0x3C].copy_from_slice(&0x1000_00BE_u32.to_le_bytes());
    assert_eq!(KernelDump::read(&bytes).unwrap().code, 0xBE);
}

#[test]
fn whether_the_drivers_are_known_is_told() {
    let why = |bytes: &[u8]| KernelDump::read(bytes).unwrap().drivers.unwrap_err().to_string();
    assert!(why(&dump(5, &TWO)).contains("only small memory dumps"));
    let whole = dump(SMALL, &TWO);
    assert!(why(&whole[..0x2000]).contains("it has 8192 bytes"));
    assert!(why(&whole[..0x2100]).contains("ends behind its 8448 bytes"));
    let mut many = whole.clone();
    many[0x2034..0x2038].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(why(&many).contains("it lists 4294967295 drivers"));
    let mut far = whole;
    far[0x2030..0x2034].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(why(&far).contains("0xffffffff"));
}

#[test]
fn a_driver_without_a_name_is_a_driver() {
    let mut bytes = dump(SMALL, &TWO);
    for (index, at) in [u32::MAX, 0].into_iter().enumerate() {
        let entry = 0x2070 + index * 0x90;
        bytes[entry..entry + 4].copy_from_slice(&at.to_le_bytes());
    }
    let drivers = KernelDump::read(&bytes).unwrap().drivers.unwrap();
    // At 0 stands the signature, which is no length.
    assert!(drivers.iter().all(|driver| driver.path.is_none() && driver.name().is_none()));
    assert_eq!(drivers[1].offset_of(0xFFFF_F801_2000_0010), Some(0x10));
}

#[test]
fn other_dumps_are_told_apart() {
    let mut bytes = dump(SMALL, &[]);
    assert_eq!(KernelDump::read(&bytes[..0x1FFF]), Err(BadDump::CutOff(0x1FFF)));
    assert_eq!(KernelDump::read(b"PAGEDU6"), Err(BadDump::CutOff(7)));
    bytes[..8].copy_from_slice(b"PAGEDUMP");
    assert_eq!(KernelDump::read(&bytes), Err(BadDump::Of32Bit));
    assert_eq!(KernelDump::read(b"MDMP\x93\xA7\0\0"), Err(BadDump::OfProcess));
    assert!(is_dump(b"MDMP") && is_dump(b"PAGEDU64") && !is_dump(b"PAGES: 1") && !is_dump(b""));
}

/// Whatever a byte is, nothing but a result comes of it.
#[test]
fn no_byte_of_the_tables_makes_it_panic() {
    let whole = dump(SMALL, &TWO);
    for at in (0x2000..whole.len()).chain(0x30..0x60) {
        for value in [0, 0x7F, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = KernelDump::read(&bytes);
        }
        let _ = KernelDump::read(&whole[..at]);
    }
}
