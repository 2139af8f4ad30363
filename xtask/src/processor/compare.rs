//! Compares what became of an instruction in two places.

use super::case::{Case, Outcome, State, Status};
use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind, RflagsBits};

/// Who carried out the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// This machine's processor.
    Native,
    /// Unicorn.
    Unicorn,
}

/// What differs, in words; empty when nothing does.
pub fn differences(
    truth: Truth,
    case: &Case,
    i: &Instruction,
    ours: &Outcome,
    theirs: &Outcome,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            found.push(format!("{what}: ours {ours}, {truth:?} {theirs}"));
        }
    };
    if undefined_result(case, i) {
        return found;
    }
    if !same_status(truth, i, ours.status, theirs.status) {
        tell("status", format!("{:?}", ours.status), format!("{:?}", theirs.status));
        return found;
    }
    if ours.status != Status::Completed && truth == Truth::Unicorn {
        // It stops within the instruction, with what it had done by then.
        return found;
    }
    tell("rip", format!("{:x}", ours.rip), format!("{:x}", theirs.rip));
    for number in 0..16 {
        let register = |state: &State| format!("{:x}", state.general[number]);
        tell(&format!("r{number}"), register(&ours.state), register(&theirs.state));
    }
    let flags = defined_flags(case, i);
    tell(
        "flags",
        format!("{:x}", ours.state.rflags & flags),
        format!("{:x}", theirs.state.rflags & flags),
    );
    let halves = if truth == Truth::Native { 32 } else { 16 };
    for number in 0..16 {
        let vector = |state: &State| format!("{:02x?}", &state.vectors[number][..halves]);
        tell(&format!("v{number}"), vector(&ours.state), vector(&theirs.state));
    }
    tell("memory", format!("{:02x?}", ours.state.window), format!("{:02x?}", theirs.state.window));
    if i.mnemonic() == Mnemonic::Ldmxcsr {
        tell("mxcsr", format!("{:x}", ours.mxcsr), format!("{:x}", theirs.mxcsr));
    }
    found
}

/// What unicorn takes for another instruction: AVX, which it runs as SSE, and two prefixes at once.
pub fn is_beyond_unicorn(case: &Case, i: &Instruction) -> bool {
    let vectors = i.encoding() != EncodingKind::Legacy
        && i.op_kinds()
            .zip(0..)
            .any(|(kind, n)| kind == OpKind::Register && i.op_register(n).is_vector_register());
    let prefixes = case.code.iter().take_while(|byte| matches!(byte, 0x66 | 0xF2 | 0xF3)).count();
    vectors || prefixes > 1
}

fn same_status(truth: Truth, i: &Instruction, ours: Status, theirs: Status) -> bool {
    match (truth, ours, theirs) {
        // It does not say where, and reads before it writes.
        (Truth::Unicorn, Status::PageFault { .. }, Status::PageFault { .. }) => true,
        // It has one kind of exception for all.
        (Truth::Unicorn, Status::DivideError | Status::GeneralProtection, Status::DivideError) => {
            true
        }
        // It does not ask for alignment.
        (Truth::Unicorn, Status::GeneralProtection, Status::Completed) => true,
        (Truth::Unicorn, Status::GeneralProtection, Status::PageFault { .. }) => true,
        (
            Truth::Native,
            Status::PageFault { address: ours, write: our_way },
            Status::PageFault { address: theirs, write: their_way },
        ) if is_masked(i) => ours / 4096 == theirs / 4096 && our_way == their_way,
        (_, ours, theirs) => ours == theirs,
    }
}

/// Whether only some elements are read or written: which byte is named in a fault differs between processors.
fn is_masked(i: &Instruction) -> bool {
    use Mnemonic as M;
    matches!(i.mnemonic(), M::Vmaskmovps | M::Vmaskmovpd | M::Vpmaskmovd | M::Vpmaskmovq)
}

/// The status flags that an instruction leaves defined, and the direction.
fn defined_flags(case: &Case, i: &Instruction) -> u64 {
    let undefined = i.rflags_undefined();
    let pairs = [
        (RflagsBits::CF, 1),
        (RflagsBits::PF, 4),
        (RflagsBits::AF, 0x10),
        (RflagsBits::ZF, 0x40),
        (RflagsBits::SF, 0x80),
        (RflagsBits::OF, 0x800),
    ];
    let mut flags = pairs
        .iter()
        .filter(|(theirs, _)| undefined & theirs == 0)
        .fold(0x400, |all, (_, bit)| all | bit);
    use Mnemonic as M;
    let by_many = matches!(
        i.mnemonic(),
        M::Shl | M::Sal | M::Shr | M::Sar | M::Shld | M::Shrd | M::Rol | M::Ror | M::Rcl | M::Rcr
    );
    if by_many {
        // Overflow is defined for a count of one, and the carry for counts below the width.
        flags &= !0x810;
        let bits = operand_bits(i);
        if count(case, i) >= bits && !matches!(i.mnemonic(), M::Rol | M::Ror | M::Rcl | M::Rcr) {
            flags &= !1;
        }
        if count(case, i) > bits {
            flags = 0x400;
        }
    }
    flags
}

fn operand_bits(i: &Instruction) -> u64 {
    let size = match i.op0_kind() {
        OpKind::Register => i.op0_register().size(),
        _ => i.memory_size().size(),
    };
    size as u64 * 8
}

/// The count of a shift, as far as it matters.
fn count(case: &Case, i: &Instruction) -> u64 {
    let last = i.op_count() - 1;
    let count = match i.op_kind(last) {
        OpKind::Register => case.state.general[1],
        _ => i.immediate(last),
    };
    count & if operand_bits(i) == 64 { 63 } else { 31 }
}

/// Whether the instruction leaves its result undefined.
fn undefined_result(case: &Case, i: &Instruction) -> bool {
    match i.mnemonic() {
        Mnemonic::Shld | Mnemonic::Shrd => count(case, i) > operand_bits(i),
        Mnemonic::Bswap => operand_bits(i) == 16,
        _ => false,
    }
}
