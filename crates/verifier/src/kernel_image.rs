//! What the kernel's own image looks like to a driver that reads it: headers and exported names. Of the code
//! nothing is there.

use crate::gates::{FIRST, address_of_place};
use crate::space::KERNEL;
use crate::{data, routines};
use ringfence_machine::PAGE;
use std::sync::LazyLock;

/// Where the export directory is.
const EXPORTS: u32 = PAGE as u32;
/// Where IMAGE_NT_HEADERS64 is.
const HEADERS: usize = 0x80;
/// Bytes of IMAGE_EXPORT_DIRECTORY.
const DIRECTORY: u32 = 40;

/// The bytes at the start of the image.
pub(crate) static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = headers();
    bytes.resize(EXPORTS as usize, 0);
    let exports = exports();
    let length = exports.len() as u32;
    bytes[HEADERS + 24 + 112..][..4].copy_from_slice(&EXPORTS.to_le_bytes());
    bytes[HEADERS + 24 + 116..][..4].copy_from_slice(&length.to_le_bytes());
    bytes.extend(exports);
    bytes
});

/// Bytes of the image in memory: to the end of its functions.
pub(crate) fn size() -> u64 {
    crate::space::GATES + crate::space::MOST_GATES * crate::space::GATE_SIZE - KERNEL
}

fn headers() -> Vec<u8> {
    let mut bytes = vec![0; PAGE as usize];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3C, &(HEADERS as u32).to_le_bytes());
    put(HEADERS, b"PE\0\0");
    // x64, one section, an optional header of 240 bytes; executable, large addresses.
    put(HEADERS + 4, &0x8664_u16.to_le_bytes());
    put(HEADERS + 6, &1_u16.to_le_bytes());
    put(HEADERS + 20, &240_u16.to_le_bytes());
    put(HEADERS + 22, &0x22_u16.to_le_bytes());
    let optional = HEADERS + 24;
    put(optional, &0x20B_u16.to_le_bytes());
    put(optional + 24, &KERNEL.to_le_bytes());
    put(optional + 32, &(PAGE as u32).to_le_bytes());
    put(optional + 36, &0x200_u32.to_le_bytes());
    put(optional + 56, &(size() as u32).to_le_bytes());
    put(optional + 60, &(PAGE as u32).to_le_bytes());
    put(optional + 68, &1_u16.to_le_bytes());
    put(optional + 108, &16_u32.to_le_bytes());
    let section = optional + 240;
    put(section, b".text");
    put(section + 8, &((size() - PAGE) as u32).to_le_bytes());
    put(section + 12, &EXPORTS.to_le_bytes());
    // Code, which may be read and executed.
    put(section + 36, &0x6000_0020_u32.to_le_bytes());
    bytes
}

/// The export directory: functions and variables, by their names in order.
fn exports() -> Vec<u8> {
    let functions = (0..).zip(routines::sorted());
    let functions = functions.map(|(place, entry)| (entry.name, address_of_place(FIRST + place)));
    let variables = data::names().filter_map(|name| Some((name, data::address_of(name)?)));
    let mut all: Vec<_> = functions.chain(variables).collect();
    all.sort_unstable();
    let count = all.len() as u32;
    let (addresses, names) = (EXPORTS + DIRECTORY, EXPORTS + DIRECTORY + 4 * count);
    let ordinals = names + 4 * count;
    let module = ordinals + 2 * count;
    let mut text = b"ntoskrnl.exe\0".to_vec();
    let mut head = vec![0, 0, 0, module, 1, count, count, addresses, names, ordinals];
    head.extend(all.iter().map(|(_, address)| (address - KERNEL) as u32));
    for (name, _) in &all {
        head.push(module + text.len() as u32);
        text.extend(name.as_bytes());
        text.push(0);
    }
    let mut bytes: Vec<_> = head.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend((0..count as u16).flat_map(u16::to_le_bytes));
    bytes.extend(text);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{BYTES, EXPORTS};
    use ringfence_image::{Image, Rva};

    /// The reader of images finds in it what drivers look for.
    #[test]
    fn functions_are_found_by_name() {
        // In memory everything is where its address says; in a file it would be at the same offsets.
        let mut file = BYTES.clone();
        let raw = super::HEADERS + 24 + 240 + 16;
        let length = file.len() as u32 - EXPORTS;
        file[raw..raw + 4].copy_from_slice(&length.to_le_bytes());
        file[raw + 4..raw + 8].copy_from_slice(&EXPORTS.to_le_bytes());
        let image = Image::read(&file).unwrap();
        let exports = image.exports();
        let text = |at: Rva| String::from_utf8_lossy(image.text_at(at).unwrap()).into_owned();
        let names: Vec<_> = exports.names().map(|(at, ordinal)| (text(at), ordinal)).collect();
        assert!(names.is_sorted());
        let (_, ordinal) = names.iter().find(|(name, _)| name == "PoCallDriver").unwrap();
        let export = exports.iter().find(|export| export.ordinal == *ordinal).unwrap();
        let address = crate::space::KERNEL + u64::from(export.address.0);
        assert_eq!(
            Some(address),
            crate::gates::Gates::default().of("ntoskrnl.exe", "PoCallDriver")
        );
    }
}
