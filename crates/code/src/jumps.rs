//! Where x64 code goes without a call: what stands behind the return address that a function of another module sees.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use ringfence_image::{Image, Rva};
use std::collections::BTreeSet;

/// Instructions that are read on the way, at most.
const MOST: usize = 4_096;

/// The function that the instruction at `at` calls; none where it is no call, or its target is not in the instruction.
pub fn called_at(image: &Image<'_>, at: Rva) -> Option<Rva> {
    let instruction = instruction(image, at)?;
    let is_direct = instruction.flow_control() == FlowControl::Call;
    is_direct.then(|| branch(&instruction)).flatten()
}

/// Whether the instruction at `at` goes elsewhere without leaving a return address.
pub fn is_jump(image: &Image<'_>, at: Rva) -> bool {
    instruction(image, at).is_some_and(|instruction| {
        matches!(
            instruction.flow_control(),
            FlowControl::UnconditionalBranch
                | FlowControl::ConditionalBranch
                | FlowControl::IndirectBranch
        )
    })
}

/// Those of `wanted` that code comes to from `from` without returning, and without a call that does not return: the
/// places in the function that begins there and in those that it jumps to. Jumps whose target is not in the
/// instruction are not followed.
pub fn reached_by_jumps(image: &Image<'_>, from: Rva, wanted: &BTreeSet<Rva>) -> BTreeSet<Rva> {
    let (mut read, mut reached) = (BTreeSet::new(), BTreeSet::new());
    let mut open = vec![from];
    while let Some(start) = open.pop() {
        let Some(bytes) = image.bytes_from(start) else { continue };
        let mut decoder = Decoder::with_ip(64, bytes, u64::from(start.0), DecoderOptions::NONE);
        while decoder.can_decode() && read.len() < MOST {
            let instruction = decoder.decode();
            let Ok(at) = u32::try_from(instruction.ip()) else { break };
            if instruction.is_invalid() || !read.insert(at) {
                break;
            }
            if wanted.contains(&Rva(at)) {
                reached.insert(Rva(at));
            }
            match instruction.flow_control() {
                FlowControl::Next
                | FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::Interrupt => {}
                FlowControl::ConditionalBranch => open.extend(branch(&instruction)),
                FlowControl::UnconditionalBranch => {
                    open.extend(branch(&instruction));
                    break;
                }
                _ => break,
            }
        }
    }
    reached
}

fn instruction(image: &Image<'_>, at: Rva) -> Option<Instruction> {
    let bytes = image.bytes_from(at)?;
    let mut decoder = Decoder::with_ip(64, bytes, u64::from(at.0), DecoderOptions::NONE);
    let instruction = decoder.decode();
    (!instruction.is_invalid()).then_some(instruction)
}

fn branch(instruction: &Instruction) -> Option<Rva> {
    u32::try_from(instruction.near_branch_target()).ok().map(Rva)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    /// An image whose INIT begins with `code`, and where that is.
    fn with(code: &[u8], check: impl FnOnce(&Image<'_>, u32)) {
        let like = driver().edit_section("INIT", |init| init.bytes(code.to_vec()));
        let start = like.clone().build().rva_of_section("INIT");
        let bytes = like.bytes();
        check(&Image::read(&bytes).unwrap(), start);
    }

    #[test]
    fn jumps_are_followed_and_calls_are_not() {
        let code = [
            0xE8, 0x0B, 0x00, 0x00, 0x00, //  0: call 10h
            0x74, 0x02, //                    5: je 9
            0xEB, 0x04, //                    7: jmp 0Dh
            0xFF, 0xE0, 0xCC, 0xCC, //        9: jmp rax
            0xFF, 0xE1, 0xCC, //              D: jmp rcx
            0xFF, 0xE2, //                   10: jmp rdx
        ];
        with(&code, |image, start| {
            let wanted = [9, 0xD, 0x10].map(|offset| Rva(start + offset));
            let reached = reached_by_jumps(image, Rva(start), &BTreeSet::from(wanted));
            assert!(reached.into_iter().eq(wanted[..2].iter().copied()));
            assert_eq!(called_at(image, Rva(start)), Some(wanted[2]));
            assert_eq!(called_at(image, Rva(start + 5)), None);
            let jumps = [0, 5, 7, 9].map(|offset| is_jump(image, Rva(start + offset)));
            assert_eq!(jumps, [false, true, true, true]);
        });
    }

    #[test]
    fn a_jump_to_itself_ends() {
        with(&[0xEB, 0xFE], |image, start| {
            let wanted = BTreeSet::from([Rva(start + 2)]);
            assert!(reached_by_jumps(image, Rva(start), &wanted).is_empty());
        });
        with(&[], |image, _| {
            assert!(reached_by_jumps(image, Rva(u32::MAX), &BTreeSet::new()).is_empty());
            assert!(!is_jump(image, Rva(u32::MAX)));
        });
    }
}
