//! The floor of `cargo xtask bench`: what reading files and computing their digests costs, and
//! nothing else.
//!
//! `floor FOLDER [--list]`. Each file is read into one buffer that is used again, and gets the three
//! digests that ringfence gives a driver: SHA-256 of the file, SHA-1 and SHA-256 of what a signature
//! covers. Of the headers it looks at the few fields that say what that is and checks nothing, so it
//! is for well-formed files only. `--list` prints the digests, which the bench compares.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the digests are this program's answer")]

use anyhow::{Context, Result};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The bytes go through all digests block by block, so that each is fetched from memory once.
const BLOCK: usize = 16 << 10;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().context("usage: floor FOLDER [--list]")?;
    let list = arguments.next().is_some_and(|argument| argument == "--list");
    let mut paths = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    paths.sort_unstable();
    let mut buffer = Vec::new();
    // Printed, so that no compiler may leave a digest out.
    let mut all = 0_u8;
    for path in &paths {
        let digests = digests(path, &mut buffer)?;
        all ^= digests.iter().flatten().fold(0, |all, byte| all ^ byte);
        if list {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            println!("{name} {}", digests.map(|digest| hex(&digest)).join(" "));
        }
    }
    if !list {
        println!("{} files, {all:02x}", paths.len());
    }
    Ok(())
}

fn digests(path: &Path, buffer: &mut Vec<u8>) -> Result<[Vec<u8>; 3]> {
    buffer.clear();
    let mut file = File::open(path)?;
    buffer.reserve(file.metadata()?.len() as usize + 1);
    file.read_to_end(buffer)?;
    let (ranges, padding) = signed(buffer).context(path.display().to_string())?;
    let (mut whole, mut sha1, mut sha256) = (Sha256::new(), Sha1::new(), Sha256::new());
    for (block, start) in buffer.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        whole.update(block);
        for range in &ranges {
            let clamp = |place: usize| place.saturating_sub(start).min(block.len());
            let part = &block[clamp(range.start)..clamp(range.end)];
            sha1.update(part);
            sha256.update(part);
        }
    }
    sha1.update(&[0; 8][..padding]);
    sha256.update(&[0; 8][..padding]);
    Ok([whole.finalize().to_vec(), sha1.finalize().to_vec(), sha256.finalize().to_vec()])
}

/// What a signature covers, and how many zero bytes follow: everything but the checksum, the
/// certificate table's directory entry and the table.
fn signed(bytes: &[u8]) -> Option<([Range<usize>; 4], usize)> {
    let field = |at: usize| {
        let four = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*four) as usize)
    };
    let optional = field(0x3C)? + 24;
    let pe32_plus = field(optional)? & 0xFFFF == 0x20B;
    let checksum = optional + 64;
    let entry = optional + if pe32_plus { 144 } else { 128 };
    let (start, size) = (field(entry)?, field(entry + 4)?);
    let length = bytes.len();
    let unsigned = start == 0 || size == 0;
    let table = if unsigned { length..length } else { start..start + size };
    let padding = if unsigned { length.next_multiple_of(8) - length } else { 0 };
    Some(([0..checksum, checksum + 4..entry, entry + 8..table.start, table.end..length], padding))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
