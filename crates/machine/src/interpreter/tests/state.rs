//! Saved states, laid out as in volume 1 of Intel's manual, chapters 10 and 13.

use super::{DATA, with_registers};
use crate::{Exit, Interpreter, Processor, Register};
use Register::{Rax, Rcx, Rdx};

fn numbered_vectors(processor: &mut Interpreter) {
    for (number, vector) in processor.registers_mut().vectors.iter_mut().enumerate() {
        vector[..16].fill(number as u8 + 1);
        vector[16..].fill(number as u8 + 0x81);
    }
}

#[test]
fn fxsave_keeps_the_lower_halves_and_mxcsr() {
    // fxsave64 [rcx]; pxor xmm5, xmm5; fxrstor64 [rcx]; hlt
    let code = [0x48, 0x0F, 0xAE, 0x01, 0x66, 0x0F, 0xEF, 0xED, 0x48, 0x0F, 0xAE, 0x09, 0xF4];
    let mut processor = with_registers(&code, &[(Rcx, DATA)]);
    numbered_vectors(&mut processor);
    let before = processor.registers().vectors;
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().vectors, before);
    let memory = processor.memory();
    assert_eq!(memory.read_u16(DATA), Ok(0x037F));
    assert_eq!(memory.read_u32(DATA + 24), Ok(0x1F80));
    assert_eq!(memory.read_u32(DATA + 28), Ok(0xFFFF));
    assert_eq!(memory.read_u64(DATA + 160 + 15 * 16), Ok(0x1010_1010_1010_1010));
    // Behind the registers are bytes that are software's.
    assert_eq!(memory.read_u64(DATA + 416), Ok(0));
}

#[test]
fn xsave_keeps_what_it_is_asked_for() {
    // xsave64 [rcx]; hlt, and xrstor64 [rcx]; hlt
    let registers = [(Rcx, DATA + 0x40), (Rax, 6), (Rdx, 0)];
    let mut processor = with_registers(&[0x48, 0x0F, 0xAE, 0x21, 0xF4], &registers);
    numbered_vectors(&mut processor);
    assert_eq!(processor.run(10), Exit::Halt);
    let memory = processor.memory();
    assert_eq!(memory.read_u64(DATA + 0x40 + 512), Ok(6));
    assert_eq!(memory.read_u16(DATA + 0x40 + 160 + 16), Ok(0x0202));
    assert_eq!(memory.read_u16(DATA + 0x40 + 576 + 16), Ok(0x8282));
    // x87 was not asked for, so its control word is not there.
    assert_eq!(memory.read_u16(DATA + 0x40), Ok(0));

    let saved = processor.memory_mut();
    // SSE is as after a reset then, and AVX is what was saved.
    saved.write_u64(DATA + 0x40 + 512, 4).unwrap();
    saved.write(super::CODE, &[0x48, 0x0F, 0xAE, 0x29]).unwrap();
    processor.registers_mut().rip = super::CODE;
    processor.registers_mut().vectors = [[0xEE; 32]; 16];
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().vectors[1][..16], [0; 16]);
    assert_eq!(processor.registers().vectors[1][16..], [0x82; 16]);
}

#[test]
fn a_state_must_be_aligned_and_make_sense() {
    // fxsave64 [rcx]; xrstor64 [rcx]
    for (code, address) in [(0x01, DATA + 8), (0x29, DATA + 16)] {
        let code = [0x48, 0x0F, 0xAE, code];
        let mut processor = with_registers(&code, &[(Rcx, address), (Rax, 7)]);
        assert_eq!(processor.run(1), Exit::GeneralProtection);
    }
    // A component that no such processor has.
    let registers = [(Rcx, DATA), (Rax, 7), (Rdx, 0)];
    let mut processor = with_registers(&[0x48, 0x0F, 0xAE, 0x29], &registers);
    processor.memory_mut().write_u64(DATA + 512, 0x20).unwrap();
    assert_eq!(processor.run(1), Exit::GeneralProtection);
}
