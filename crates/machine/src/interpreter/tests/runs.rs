use super::{CODE, DATA, STACK, with, with_registers};
use crate::{Exit, Processor, Register, Rights};
use Register::{Rax, Rbx, Rcx, Rdi, Rdx, Rsi, Rsp};

#[test]
fn a_loop_sums_what_it_counts() {
    // xor eax, eax; mov ecx, 10; add rax, rcx; dec ecx; jnz -8; hlt
    let code = [0x31, 0xC0, 0xB9, 10, 0, 0, 0, 0x48, 0x01, 0xC8, 0xFF, 0xC9, 0x75, 0xF9, 0xF4];
    let mut processor = with(&code);
    assert_eq!(processor.run(1000), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 55);
    assert_eq!(processor.registers().rip, CODE + 15);
    assert_eq!(processor.executed(), 2 + 3 * 10 + 1);
}

#[test]
fn a_run_ends_after_as_many_instructions_as_it_was_given() {
    // nop; inc eax; inc eax; jmp -6
    let mut processor = with(&[0x90, 0xFF, 0xC0, 0xFF, 0xC0, 0xEB, 0xF9]);
    assert_eq!(processor.run(7), Exit::Budget);
    // nop inc inc jmp, nop inc inc.
    assert_eq!(processor.registers().get(Rax), 4);
    assert_eq!(processor.registers().rip, CODE + 5);
    assert_eq!(processor.executed(), 7);
    assert_eq!(processor.run(0), Exit::Budget);
    assert_eq!(processor.registers().rip, CODE + 5);
    assert_eq!(processor.run(1_000_000), Exit::Budget);
    assert_eq!(processor.executed(), 1_000_007);
}

#[test]
fn flags_are_right_behind_every_instruction() {
    // add al, 1; inc ebx; shl ecx, 1; cmp edx, 5
    let code = [0x04, 0x01, 0xFF, 0xC3, 0xD1, 0xE1, 0x83, 0xFA, 0x05];
    let registers = [(Rax, 0xFF), (Rbx, 0x7FFF_FFFF), (Rcx, 0xC000_0000), (Rdx, 3)];
    // FF + 1: carry, zero, adjust, parity. 7FFFFFFF + 1: overflow, sign, adjust, parity, and the carry stays.
    // C0000000 twice: carry, sign, parity; no overflow. 3 - 5: carry, sign, adjust.
    let expected = [0x57, 0x897, 0x87, 0x93];
    for (steps, flags) in (1..).zip(expected) {
        let mut processor = with_registers(&code, &registers);
        assert_eq!(processor.run(steps), Exit::Budget);
        let defined = if steps == 3 { !0x10 } else { !0 };
        assert_eq!(processor.registers().rflags & defined, flags, "after {steps}");
    }
}

#[test]
fn a_long_fill_is_bounded_by_the_budget_and_goes_on() {
    // rep stosb; hlt
    let registers = [(Rcx, 0x1F00), (Rdi, DATA), (Rax, 0x5A)];
    let mut processor = with_registers(&[0xF3, 0xAA, 0xF4], &registers);
    assert_eq!(processor.run(1), Exit::Budget);
    let left = processor.registers().get(Rcx);
    assert!(left > 0 && left < 0x1F00);
    assert_eq!(processor.registers().rip, CODE);
    assert_eq!(processor.registers().get(Rdi) + left, DATA + 0x1F00);
    assert_eq!(processor.run(1000), Exit::Halt);
    assert_eq!(processor.memory().read_u16(DATA + 0x1EFF), Ok(0x005A));
    // The fill is one instruction, however many runs it took.
    assert_eq!(processor.executed(), 2);
}

#[test]
fn a_copy_onto_itself_repeats_what_it_copied() {
    // mov byte ptr [rdi], 0; mov al, [rsi]; rep movsb; hlt
    let code = [0xC6, 0x07, 0, 0x8A, 0x06, 0xF3, 0xA4, 0xF4];
    let alias = 0x40000;
    // The target three bytes ahead, on the same page and on an alias of it.
    for target in [DATA + 3, alias + 3] {
        let mut processor = with_registers(&code, &[(Rcx, 9), (Rsi, DATA), (Rdi, target)]);
        processor.memory_mut().alias(alias, DATA, 1, Rights::READ_WRITE).unwrap();
        processor.memory_mut().write(DATA, &[1, 2, 3]).unwrap();
        assert_eq!(processor.run(10), Exit::Halt);
        let mut bytes = [0; 12];
        processor.memory().read(DATA, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
        assert_eq!(processor.registers().get(Rdi), target + 9);
    }
}

#[test]
fn a_copy_over_pages_is_whole() {
    // rep movsq; hlt
    let registers = [(Rcx, 700), (Rsi, DATA + 4), (Rdi, STACK - 0x2000 + 0x123)];
    let mut processor = with_registers(&[0xF3, 0x48, 0xA5, 0xF4], &registers);
    let bytes: Vec<u8> = (0..5600_u32).map(|n| (n % 251) as u8).collect();
    processor.memory_mut().write(DATA + 4, &bytes).unwrap();
    assert_eq!(processor.run(100), Exit::Halt);
    let mut copied = vec![0; 5600];
    processor.memory().read(STACK - 0x2000 + 0x123, &mut copied).unwrap();
    assert_eq!(copied, bytes);
    assert_eq!(processor.registers().get(Rsi), DATA + 4 + 5600);
}

#[test]
fn strings_run_downwards_when_told_to() {
    // std; rep movsb; cld; hlt
    let registers = [(Rcx, 3), (Rsi, DATA + 2), (Rdi, DATA + 4)];
    let mut processor = with_registers(&[0xFD, 0xF3, 0xA4, 0xFC, 0xF4], &registers);
    processor.memory_mut().write(DATA, &[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(processor.run(10), Exit::Halt);
    let mut bytes = [0; 5];
    processor.memory().read(DATA, &mut bytes).unwrap();
    // As memmove upwards would: the places overlap, and the last byte goes first.
    assert_eq!(bytes, [1, 2, 1, 2, 3]);
    assert_eq!(processor.registers().get(Rsi), DATA - 1);
    assert_eq!(processor.registers().get(Rcx), 0);
}

#[test]
fn calls_and_returns_keep_the_stack() {
    // call +3; mov ebx, eax; hlt; mov eax, 7; ret
    let code = [0xE8, 3, 0, 0, 0, 0x89, 0xC3, 0xF4, 0xB8, 7, 0, 0, 0, 0xC3];
    let mut processor = with(&code);
    assert_eq!(processor.run(100), Exit::Halt);
    assert_eq!(processor.registers().get(Rbx), 7);
    assert_eq!(processor.registers().get(Rsp), STACK - 0x100);
    assert_eq!(processor.memory().read_u64(STACK - 0x108), Ok(CODE + 5));
}

#[test]
fn segments_begin_at_their_bases() {
    // mov rax, gs:[0x188]; mov rbx, fs:[rcx]; hlt
    let code = [0x65, 0x48, 0x8B, 0x04, 0x25, 0x88, 0x01, 0, 0, 0x64, 0x48, 0x8B, 0x19, 0xF4];
    let mut processor = with_registers(&code, &[(Rcx, 8)]);
    processor.registers_mut().gs_base = DATA;
    processor.registers_mut().fs_base = DATA + 0x1000;
    processor.memory_mut().write_u64(DATA + 0x188, 11).unwrap();
    processor.memory_mut().write_u64(DATA + 0x1008, 22).unwrap();
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 11);
    assert_eq!(processor.registers().get(Rbx), 22);
}

#[test]
fn addresses_relative_to_rip_follow_an_alias() {
    // mov eax, [rip + 1]; hlt; the number 9
    let code = [0x8B, 0x05, 1, 0, 0, 0, 0xF4, 9, 0, 0, 0];
    let mut processor = with(&code);
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 9);
    let high = 0xFFFF_F800_0000_0000;
    processor.memory_mut().alias(high, CODE, 1, Rights::READ_EXECUTE).unwrap();
    processor.memory_mut().protect(CODE, 1, Rights::NONE).unwrap();
    processor.registers_mut().rip = high;
    processor.registers_mut().set(Rax, 0);
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 9);
    assert_eq!(processor.registers().rip, high + 7);
}

#[test]
fn vectors_of_the_old_encoding_keep_their_upper_half_and_of_the_new_lose_it() {
    // pxor xmm0, xmm0; vpxor xmm1, xmm1, xmm1; hlt
    let code = [0x66, 0x0F, 0xEF, 0xC0, 0xC5, 0xF1, 0xEF, 0xC9, 0xF4];
    let mut processor = with(&code);
    processor.registers_mut().vectors = [[0xFF; 32]; 16];
    assert_eq!(processor.run(10), Exit::Halt);
    let vectors = processor.registers().vectors;
    assert_eq!(vectors[0][..16], [0; 16]);
    assert_eq!(vectors[0][16..], [0xFF; 16]);
    assert_eq!(vectors[1], [0; 32]);
}
