//! Signs that the code in the file is not the code that runs.

use crate::survey::Doubt;
use ringfence_image::{Image, Section};

/// Hundredths of a bit for each byte. Compiled x64 and ARM64 code has 5.5 to 6.7; of 865 drivers one had
/// a code section above 7, compressed data has 7.9.
const DENSE: u16 = 700;
/// Fewer bytes say nothing.
const LEAST: usize = 4096;
/// Bytes looked at, in pieces spread over the section.
const SAMPLE: usize = 16 << 10;
const PIECE: usize = 1024;
/// Names that packers give their sections.
const PACKERS: [&str; 8] =
    ["UPX0", "UPX1", ".vmp0", ".vmp1", ".vmp2", ".themida", ".winlice", ".aspack"];

/// Sections looked at: Windows XP loaded no more, and a hostile table has thousands.
const MOST_SECTIONS: usize = 96;

/// What speaks against the code being as it stands.
pub(crate) fn doubts(image: &Image<'_>) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let executable = image.sections().iter().filter(|section| section.is_executable());
    for section in executable.take(MOST_SECTIONS) {
        let bytes = image.bytes_from(section.rva()).unwrap_or_default();
        let entropy = entropy(&sample(bytes));
        let packer = PACKERS.iter().any(|name| section.is_named(name));
        if packer || (bytes.len() >= LEAST && entropy > DENSE) {
            doubts.push(Doubt::Packed { section: section.name(), entropy });
        } else if unpacks_into(section) {
            doubts.push(Doubt::FilledAtRunTime { section: section.name() });
        }
    }
    let entry = image.headers().entry_point;
    if let Some(section) = image.section_at(entry).filter(|_| entry.0 != 0)
        && section.is_writable()
        && section.is_executable()
        && !section.is_named("INIT")
    {
        doubts.push(Doubt::EntryOutsideCode { section: section.name() });
    }
    doubts
}

/// Whether most of an executable, writable section is not in the file.
fn unpacks_into(section: &Section<'_>) -> bool {
    section.is_writable()
        && section.virtual_size() as usize >= LEAST
        && section.raw_size() < section.virtual_size() / 2
}

/// Pieces spread evenly over `bytes`.
fn sample(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= SAMPLE {
        return bytes.to_vec();
    }
    let step = bytes.len() / (SAMPLE / PIECE);
    let pieces = bytes.chunks(step).map(|chunk| &chunk[..chunk.len().min(PIECE)]);
    pieces.collect::<Vec<_>>().concat()
}

/// Shannon entropy in hundredths of a bit for each byte.
fn entropy(bytes: &[u8]) -> u16 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let all = bytes.len().max(1) as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|&count| {
            let share = f64::from(count) / all;
            -share * share.log2()
        })
        .sum();
    (bits * 100.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_distributions() {
        assert_eq!(entropy(&[]), 0);
        assert_eq!(entropy(&[7; 100]), 0);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(entropy(&all), 800);
        assert_eq!(entropy(&[0, 1].repeat(10)), 100);
    }
}
