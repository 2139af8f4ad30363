//! Finds a driver inside a file that is no archive: resources of PE files and arrays in source code.

use anyhow::{Context, Result};

/// The first language of the resource `kind`/`name`; both are numbers or names.
pub fn resource(image: &[u8], kind: &str, name: &str) -> Option<Vec<u8>> {
    let header = word(image, 0x3C)?;
    (image.get(header..header + 4)? == b"PE\0\0").then_some(())?;
    let optional = header + 24;
    let directories = optional + if half(image, optional)? == 0x20B { 112 } else { 96 };
    let sections =
        Sections { first: optional + half(image, header + 20)?, count: half(image, header + 6)? };
    let root = sections.offset(image, word(image, directories + 2 * 8)?)?;
    let kind = entry(image, root, root, Some(kind))?;
    let name = entry(image, root, kind, Some(name))?;
    let data = entry(image, root, name, None)?;
    let start = sections.offset(image, word(image, data)?)?;
    image.get(start..start.checked_add(word(image, data + 4)?)?).map(<[u8]>::to_vec)
}

/// The numbers of the array that makes up most of a source file.
pub fn byte_array(source: &str) -> Result<Vec<u8>> {
    let (_, rest) = source.split_once('[').context("no array")?;
    let (numbers, _) = rest.rsplit_once(']').context("the array does not end")?;
    let numbers = numbers.split(',').map(str::trim).filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().with_context(|| format!("{number:?}"))).collect()
}

/// The section table.
struct Sections {
    first: usize,
    count: usize,
}

impl Sections {
    /// Where the byte with the relative virtual address `rva` stands in the file.
    fn offset(&self, image: &[u8], rva: usize) -> Option<usize> {
        (0..self.count).map(|index| self.first + index * 40).find_map(|header| {
            let (start, size) = (word(image, header + 12)?, word(image, header + 16)?);
            let inside = rva.checked_sub(start).filter(|inside| *inside < size)?;
            Some(word(image, header + 20)? + inside)
        })
    }
}

/// The file offset of the child of the directory at `at` that is called `wanted`, or of the first one.
fn entry(image: &[u8], root: usize, at: usize, wanted: Option<&str>) -> Option<usize> {
    let count = half(image, at + 12)? + half(image, at + 14)?;
    let found = (0..count).map(|index| at + 16 + index * 8).find(|entry| {
        wanted.is_none_or(|wanted| label(image, root, *entry) == Some(wanted.into()))
    })?;
    Some(root + (word(image, found + 4)? & 0x7FFF_FFFF))
}

/// The name of an entry, or its number in decimal digits.
fn label(image: &[u8], root: usize, entry: usize) -> Option<String> {
    let value = word(image, entry)?;
    if value & 0x8000_0000 == 0 {
        return Some(value.to_string());
    }
    let at = root + (value & 0x7FFF_FFFF);
    let units: Option<Vec<u16>> = (0..half(image, at)?)
        .map(|index| half(image, at + 2 + index * 2).and_then(|unit| u16::try_from(unit).ok()))
        .collect();
    String::from_utf16(&units?).ok()
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(image: &mut [u8], at: usize, value: u32) {
        image[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// A PE32+ file of one section at 0x1000 (file offset 0x200) with the resource 10/AB, "driver".
    fn image() -> Vec<u8> {
        let mut image = vec![0; 0x300];
        put(&mut image, 0x3C, 0x40);
        image[0x40..0x44].copy_from_slice(b"PE\0\0");
        image[0x46] = 1; // one section
        image[0x54] = 240; // size of the optional header
        image[0x58..0x5A].copy_from_slice(&0x20B_u16.to_le_bytes());
        put(&mut image, 0x58 + 112 + 16, 0x1000);
        let section = 0x58 + 240;
        for (at, value) in [(12, 0x1000), (16, 0x100), (20, 0x200)] {
            put(&mut image, section + at, value);
        }
        // Three directories of one entry each, then the name, the data entry and the data.
        for (at, label, child) in
            [(0x200, 10, 0x8000_0018), (0x218, 0x8000_0050, 0x8000_0030), (0x230, 1033, 0x48)]
        {
            image[at + if label & 0x8000_0000 == 0 { 14 } else { 12 }] = 1;
            put(&mut image, at + 16, label);
            put(&mut image, at + 20, child);
        }
        put(&mut image, 0x248, 0x1060);
        put(&mut image, 0x24C, 6);
        image[0x250..0x256].copy_from_slice(&[2, 0, b'A', 0, b'B', 0]);
        image[0x260..0x266].copy_from_slice(b"driver");
        image
    }

    #[test]
    fn a_resource_is_found_by_type_and_name() {
        assert_eq!(resource(&image(), "10", "AB").as_deref(), Some(&b"driver"[..]));
        assert_eq!(resource(&image(), "10", "A"), None);
        assert_eq!(resource(&image(), "BIN", "AB"), None);
    }

    #[test]
    fn a_cut_file_yields_nothing_and_no_panic() {
        let image = image();
        for length in 0..0x266 {
            assert_eq!(resource(&image[..length], "10", "AB"), None, "cut at {length:#x}");
        }
    }

    #[test]
    fn an_array_in_source_code_is_read() {
        assert_eq!(byte_array("static A: &[u8] = &[77, 90,\n 0,];").ok(), None);
        assert_eq!(byte_array("[77, 90,\n 0,]").unwrap(), [77, 90, 0]);
        assert!(byte_array("[256]").is_err());
        assert!(byte_array("no array").is_err());
    }
}
