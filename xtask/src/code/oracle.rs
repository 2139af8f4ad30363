//! A second opinion: every reference to an import that llvm-objdump's linear sweep shows.

use super::survey::Found;
use crate::command::capture;
use anyhow::{Context, Result};
use ringfence_code::Fate;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const OBJDUMP: &str = "llvm-objdump-19";

/// A reference that objdump shows.
pub struct Reference {
    /// Where the instruction is.
    at: u32,
    /// Index of the query.
    wanted: usize,
    /// Bytes and text.
    line: String,
    /// Whether it is a call of a jump to the import.
    by_thunk: bool,
}

/// What objdump shows and is none, as its sweep takes data for code: driver, address, and why.
const EXPLAINED: &[(&str, u32, &str)] = &[];

/// Everything in the executable sections of `path` that names one of `slots`, and every call of
/// something that is nothing but a jump through one.
pub fn references(path: &Path, slots: &BTreeMap<u32, usize>) -> Result<Vec<Reference>> {
    let text = capture(Command::new(OBJDUMP).args(["-d", "-M", "intel"]).arg(path))?;
    let headers = capture(Command::new(OBJDUMP).arg("-p").arg(path))?;
    let base = image_base(&headers).context("objdump tells no image base")?;
    Ok(of_listing(&text, base, slots))
}

fn image_base(headers: &str) -> Option<u64> {
    let line = headers.lines().find_map(|line| line.trim().strip_prefix("ImageBase"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn of_listing(text: &str, base: u64, slots: &BTreeMap<u32, usize>) -> Vec<Reference> {
    let rva = |address: u64| address.checked_sub(base).and_then(|rva| u32::try_from(rva).ok());
    let (mut found, mut jumps, mut calls) = (Vec::new(), BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let Some((address, rest)) = line.split_once(':') else { continue };
        let Ok(address) = u64::from_str_radix(address.trim(), 16) else { continue };
        let Some(at) = rva(address) else { continue };
        let instruction = rest.trim().to_owned();
        let target = rest.rsplit_once("# 0x").and_then(|(_, target)| hex(target)).and_then(rva);
        if let Some(&wanted) = target.and_then(|target| slots.get(&target)) {
            if rest.contains("\tjmp\t") {
                jumps.insert(at, wanted);
            }
            found.push(Reference { at, wanted, line: instruction, by_thunk: false });
        } else if let Some((_, operand)) = rest.split_once("\tcall\t0x")
            && let Some(target) = hex(operand).and_then(rva)
        {
            calls.push((at, target, instruction));
        }
    }
    for (at, target, line) in calls {
        if let Some(&wanted) = jumps.get(&target) {
            found.push(Reference { at, wanted, line, by_thunk: true });
        }
    }
    found
}

/// The hexadecimal number that `text` begins with.
fn hex(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    u64::from_str_radix(&text[..end], 16).ok()
}

/// The references of objdump that the survey does not account for, as lines.
pub fn missing(file: &str, references: &[Reference], found: &Found) -> Vec<String> {
    let ours: BTreeSet<_> = found
        .survey
        .references
        .iter()
        .map(|reference| (reference.at.0, reference.wanted))
        .collect();
    let dead = |wanted| {
        let of = |r: &&ringfence_code::Reference| r.wanted == wanted && r.fate == Fate::DeadThunk;
        found.survey.references.iter().any(|reference| of(&reference))
    };
    let is_explained = |at| EXPLAINED.iter().any(|(driver, rva, _)| *driver == file && *rva == at);
    references
        .iter()
        .filter(|reference| !ours.contains(&(reference.at, reference.wanted)))
        .filter(|reference| !is_explained(reference.at))
        .map(|reference| {
            let name = &found.names[reference.wanted];
            let how = match (reference.by_thunk, dead(reference.wanted)) {
                (true, true) => "calls a jump that is told as dead",
                (true, false) => "calls a jump to the import",
                (false, _) => "names the import's slot",
            };
            format!(
                "objdump: {:x} {name} is not accounted for: {how}: {}",
                reference.at, reference.line
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_calls_of_jumps_are_found() {
        let listing = "\
   140001000: ff 15 7a 10 00 00            \tcall\tqword ptr [rip + 0x107a] # 0x140002080 <.text+0x1080>
   140001006: e8 05 00 00 00               \tcall\t0x140001010 <.text+0x10>
   14000100b: 48 8b 05 ff 0f 00 00         \tmov\trax, qword ptr [rip + 0xfff] # 0x140003008
   140001010: ff 25 6a 10 00 00            \tjmp\tqword ptr [rip + 0x106a] # 0x140002080
";
        let slots = BTreeMap::from([(0x2080, 7)]);
        let found = of_listing(listing, 0x1_4000_0000, &slots);
        let places: Vec<_> = found.iter().map(|r| (r.at, r.wanted, r.by_thunk)).collect();
        assert_eq!(places, [(0x1000, 7, false), (0x1010, 7, false), (0x1006, 7, true)]);
        assert_eq!(image_base("  ImageBase 0000000140000000\n"), Some(0x1_4000_0000));
    }
}
