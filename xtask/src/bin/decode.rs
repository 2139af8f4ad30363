//! The floor of the code rows of `cargo xtask bench`: what decoding all instructions costs, one after
//! the other, and nothing else.
//!
//! `decode FOLDER`. Each file is read into one buffer that is used again, and the bytes of its
//! executable sections are decoded from their first to their last. Of the headers it looks at what
//! says where these are and checks nothing, so it is for well-formed x64 files only.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the counts are this program's answer")]

use anyhow::{Context, Result};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;

const EXECUTABLE: usize = 0x2000_0000;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).context("usage: decode FOLDER")?;
    let mut paths = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    paths.sort_unstable();
    let mut buffer = Vec::new();
    let (mut bytes, mut instructions, mut lengths) = (0, 0_u64, 0_u64);
    for path in &paths {
        buffer.clear();
        let mut file = File::open(path)?;
        buffer.reserve(file.metadata()?.len() as usize + 1);
        file.read_to_end(&mut buffer)?;
        for (rva, range) in code(&buffer).context(path.display().to_string())? {
            let code = buffer.get(range).context("a section ends behind the file")?;
            bytes += code.len();
            let mut decoder = Decoder::with_ip(64, code, rva as u64, DecoderOptions::NONE);
            let mut instruction = Instruction::default();
            while decoder.can_decode() {
                decoder.decode_out(&mut instruction);
                instructions += 1;
                // Something of each instruction is used, so that no compiler may leave one out.
                lengths = lengths.wrapping_add(instruction.code() as u64);
            }
        }
    }
    println!("{} files, {bytes} bytes, {instructions} instructions, {lengths:x}", paths.len());
    Ok(())
}

/// The address and the bytes in the file of each executable section.
fn code(bytes: &[u8]) -> Option<Vec<(usize, Range<usize>)>> {
    let field = |at: usize| {
        let four = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*four) as usize)
    };
    let header = field(0x3C)?;
    let count = field(header + 6)? & 0xFFFF;
    let table = header + 24 + (field(header + 20)? & 0xFFFF);
    let mut sections = Vec::new();
    for section in (0..count).map(|index| table + 40 * index) {
        if field(section + 36)? & EXECUTABLE != 0 {
            let (virtual_size, raw_size) = (field(section + 8)?, field(section + 16)?);
            let start = field(section + 20)?;
            let size = if virtual_size == 0 { raw_size } else { raw_size.min(virtual_size) };
            sections.push((field(section + 12)?, start..start + size));
        }
    }
    Some(sections)
}
