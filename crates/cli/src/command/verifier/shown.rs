//! What was asked for: flags with what becomes of each, and switches that do nothing here.

use super::asked::{Check, Line};
use super::flags::{FLAGS, Flag, LOW_RESOURCES, name_of_class, older, undocumented};
use ringfence::report::Prose;

/// What every answer begins with.
pub(super) fn beginning(prose: &mut Prose) {
    prose.folded(
        "Driver Verifier, emulated: nothing is set on this machine, and nothing of a driver runs on it.",
    );
    prose.blank();
}

/// The flags that were given, with what becomes of each; `seed` where allocations are made to fail.
pub(super) fn asked(prose: &mut Prose, check: &Check, seed: Option<u32>) {
    prose.verbatim(format!("Verifier Flags: 0x{:08X}", check.flags));
    prose.blank();
    for flag in FLAGS.iter().filter(|flag| check.flags & flag.mask() != 0) {
        prose.verbatim(format!("  {}", line(flag, check.flags)));
        if !flag.is_emulated() {
            prose.hanging("      ", format!("not emulated; on Windows {}", flag.checks));
        }
        if flag.mask() == LOW_RESOURCES
            && let Some((faults, seed)) = check.faults.as_ref().zip(seed)
        {
            faults.tell(prose, seed);
        }
    }
    for bit in undocumented(check.flags) {
        let mask = 1_u32 << bit;
        let what = match older(mask) {
            Some(name) => format!("{name}, a flag of older Windows, is not emulated"),
            None => format!("(bit {bit}) is not documented, and not emulated"),
        };
        prose.folded(format!("  0x{mask:08X} {what}"));
    }
    for class in &check.classes {
        let name = name_of_class(*class).unwrap_or("which is not documented");
        prose.folded(format!("  rule class {class}, {name}, is not emulated"));
    }
    for hint in &check.hints {
        prose.hanging("  help: ", hint);
    }
    prose.blank();
}

/// What is said of switches that do nothing here.
pub(super) fn sentences(prose: &mut Prose, line: &Line) {
    for told in &line.told {
        prose.folded(told);
    }
    if !line.told.is_empty() {
        prose.blank();
    }
}

/// A flag as the tool lists it.
pub(super) fn line(flag: &Flag, flags: u32) -> String {
    let mark = if flags & flag.mask() != 0 { 'X' } else { ' ' };
    format!("[{mark}] 0x{:08X} {}.", flag.mask(), flag.name)
}
