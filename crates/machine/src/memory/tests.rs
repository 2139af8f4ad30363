use super::{MapError, Memory, PAGE, Unmapped};
use crate::Rights;

/// Memory with a page that may be written at 0x1000 and none behind it.
fn page() -> Memory {
    let mut memory = Memory::new(4);
    memory.map(0x1000, 1, Rights::READ_WRITE).unwrap();
    memory
}

#[test]
fn what_was_never_written_is_zero_and_takes_nothing() {
    let mut memory = page();
    assert_eq!(memory.read_u64(0x1FF8), Ok(0));
    assert_eq!(memory.committed(), 0);
    memory.write_u8(0x1800, 7).unwrap();
    assert_eq!(memory.committed(), 1);
    assert_eq!(memory.read_u16(0x17FF), Ok(0x0700));
}

#[test]
fn the_first_byte_that_is_not_there_is_named_and_nothing_is_written() {
    let mut memory = page();
    assert_eq!(memory.write(0x1FFE, &[1, 2, 3, 4]), Err(Unmapped { address: 0x2000 }));
    assert_eq!(memory.read_u16(0x1FFE), Ok(0));
    assert_eq!(memory.read_u32(0xFFE), Err(Unmapped { address: 0xFFE }));
}

#[test]
fn an_alias_shows_the_same_bytes_with_rights_of_its_own() {
    let mut memory = page();
    memory.alias(0xFFFF_8000_0000_0000, 0x1000, 1, Rights::READ_EXECUTE).unwrap();
    memory.write_u32(0x1234, 0xDEAD_BEEF).unwrap();
    assert_eq!(memory.read_u32(0xFFFF_8000_0000_0234), Ok(0xDEAD_BEEF));
    assert_eq!(memory.rights(0x1234), Some(Rights::READ_WRITE));
    assert_eq!(memory.rights(0xFFFF_8000_0000_0234), Some(Rights::READ_EXECUTE));
    // The bytes stay for as long as one page shows them.
    memory.unmap(0x1000, 1).unwrap();
    assert_eq!(memory.read_u32(0xFFFF_8000_0000_0234), Ok(0xDEAD_BEEF));
    assert_eq!(memory.committed(), 1);
    memory.unmap(0xFFFF_8000_0000_0000, 1).unwrap();
    assert_eq!(memory.committed(), 0);
}

#[test]
fn frames_are_zero_when_they_are_used_again() {
    let mut memory = page();
    memory.write_u64(0x1000, u64::MAX).unwrap();
    memory.unmap(0x1000, 1).unwrap();
    memory.map(0x5000, 4, Rights::READ_WRITE).unwrap();
    memory.write_u8(0x5FFF, 1).unwrap();
    for page in 0..4 {
        assert_eq!(memory.read_u64(0x5000 + page * PAGE), Ok(0));
    }
}

#[test]
fn no_more_frames_are_mapped_than_there_are() {
    let mut memory = page();
    assert_eq!(memory.map(0x10000, 4, Rights::READ), Err(MapError::OutOfFrames));
    assert_eq!(memory.map(0x10000, u64::MAX >> 12, Rights::READ), Err(MapError::NotCanonical));
    memory.map(0x10000, 3, Rights::READ).unwrap();
    assert_eq!(memory.map(0x20000, 1, Rights::READ), Err(MapError::OutOfFrames));
}

#[test]
fn aliases_come_to_an_end() {
    let mut memory = page();
    let mut mapped = 1;
    while memory.alias(0x10_0000 + mapped * PAGE, 0x1000, 1, Rights::READ).is_ok() {
        mapped += 1;
    }
    assert_eq!(mapped, 32);
    // Frames can be mapped yet, but none be shown once more.
    memory.map(0x8000, 3, Rights::READ).unwrap();
    let full = memory.alias(0x9_0000, 0x1000, 1, Rights::READ);
    assert_eq!(full, Err(MapError::OutOfFrames));
}

#[test]
fn ranges_that_are_none_are_refused_and_change_nothing() {
    let mut memory = page();
    let overlaps = Err(MapError::Overlaps { address: 0x1000 });
    assert_eq!(memory.map(0, 2, Rights::READ), overlaps);
    assert_eq!(memory.rights(0), None);
    assert_eq!(memory.map(0x1001, 1, Rights::READ), Err(MapError::NotAligned));
    let missing = Err(MapError::NotMapped { address: 0x2000 });
    assert_eq!(memory.protect(0x1000, 2, Rights::NONE), missing);
    assert_eq!(memory.unmap(0x1000, 2), missing);
    assert_eq!(memory.alias(0x8000, 0x1000, 2, Rights::READ), missing);
    assert_eq!(memory.rights(0x1000), Some(Rights::READ_WRITE));
    // The last page of the lower half, and the first that is in none.
    memory.map(0x7FFF_FFFF_F000, 1, Rights::READ).unwrap();
    assert_eq!(memory.map(0x8000_0000_0000, 1, Rights::READ), Err(MapError::NotCanonical));
    assert_eq!(memory.map(0x7FFF_FFFF_E000, 3, Rights::READ), Err(MapError::NotCanonical));
    // The last page of all.
    memory.map(0xFFFF_FFFF_FFFF_F000, 1, Rights::READ_WRITE).unwrap();
    memory.write_u64(0xFFFF_FFFF_FFFF_FFF8, 3).unwrap();
    assert_eq!(memory.read_u64(0xFFFF_FFFF_FFFF_FFF8), Ok(3));
}
