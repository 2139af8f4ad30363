//! Instructions that are carried out together come to what each would by itself.

use super::{CODE, with_registers};
use crate::{Access, Exit, Processor, Register};
use Register::{Rax, Rbx, Rcx, Rdx, Rsi};

/// The status flags.
const STATUS: u64 = 0x8D5;

#[test]
fn a_hash_in_a_loop() {
    // movzx eax, cl; xor rbx, rax; imul rbx, rdx; rol rbx, 5; cmp rbx, rax; dec rcx; jnz -22; hlt
    let code = [
        0x0F, 0xB6, 0xC1, 0x48, 0x31, 0xC3, 0x48, 0x0F, 0xAF, 0xDA, 0x48, 0xC1, 0xC3, 0x05, 0x48,
        0x39, 0xC3, 0x48, 0xFF, 0xC9, 0x75, 0xEA, 0xF4,
    ];
    const FACTOR: u64 = 0x0000_0100_0000_01B3;
    let registers = [(Rbx, 0xCBF2_9CE4_8422_2325), (Rcx, 1000), (Rdx, FACTOR)];
    let mut processor = with_registers(&code, &registers);
    assert_eq!(processor.run(u64::MAX), Exit::Halt);

    let expected = (1..=1000_u64).rev().fold(0xCBF2_9CE4_8422_2325_u64, |hash, count| {
        (hash ^ (count & 0xFF)).wrapping_mul(FACTOR).rotate_left(5)
    });
    assert_eq!(processor.registers().get(Rbx), expected);
    assert_eq!(processor.registers().get(Rax), 1);
    assert_eq!(processor.registers().get(Rcx), 0);
    // Zero and parity are those of the last `dec`; the carry is that of the comparison before.
    assert_eq!(processor.registers().rflags & STATUS, 0x44 | u64::from(expected < 1));
    assert_eq!(processor.executed(), 7 * 1000 + 1);
}

#[test]
fn sums_and_differences_in_a_loop() {
    // add rax, rcx; xor rdx, rax; lea rbx, [rax + rdx*4 + 7]; mov rsi, rbx; shr rsi, 13; sub rdx, rsi;
    // dec rcx; jnz -26; hlt
    let code = [
        0x48, 0x01, 0xC8, 0x48, 0x31, 0xC2, 0x48, 0x8D, 0x5C, 0x90, 0x07, 0x48, 0x89, 0xDE, 0x48,
        0xC1, 0xEE, 0x0D, 0x48, 0x29, 0xF2, 0x48, 0xFF, 0xC9, 0x75, 0xE6, 0xF4,
    ];
    let mut processor = with_registers(&code, &[(Rax, 3), (Rcx, 777), (Rdx, u64::MAX / 3)]);
    assert_eq!(processor.run(u64::MAX), Exit::Halt);

    let (mut a, mut d, mut b, mut s) = (3_u64, u64::MAX / 3, 0_u64, 0_u64);
    for count in (1..=777).rev() {
        a = a.wrapping_add(count);
        d ^= a;
        b = a.wrapping_add(d.wrapping_mul(4)).wrapping_add(7);
        s = b >> 13;
        d = d.wrapping_sub(s);
    }
    let all = [Rax, Rbx, Rdx, Rsi].map(|register| processor.registers().get(register));
    assert_eq!(all, [a, b, d, s]);
    assert_eq!(processor.executed(), 8 * 777 + 1);
}

#[test]
fn a_fault_behind_what_was_carried_out_together_is_at_its_own_instruction() {
    // mov rsi, rbx; shr rsi, 13; mov rax, [rsi]; add rax, rdx; hlt
    let code = [0x48, 0x89, 0xDE, 0x48, 0xC1, 0xEE, 0x0D, 0x48, 0x8B, 0x06, 0x48, 0x01, 0xD0, 0xF4];
    let mut processor = with_registers(&code, &[(Rax, 5), (Rbx, 0x40_0000_0000), (Rdx, 9)]);
    let fault = Exit::PageFault { address: 0x200_0000, access: Access::Read, mapped: false };
    assert_eq!(processor.run(100), fault);
    assert_eq!(processor.registers().rip, CODE + 7);
    assert_eq!(processor.registers().get(Rsi), 0x200_0000);
    assert_eq!(processor.registers().get(Rax), 5);
    assert_eq!(processor.executed(), 2);

    // The page is there now: the same instruction goes on.
    processor.memory_mut().map(0x200_0000, 1, crate::Rights::READ_WRITE).unwrap();
    processor.memory_mut().write_u64(0x200_0000, 33).unwrap();
    assert_eq!(processor.run(100), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 42);
    assert_eq!(processor.executed(), 5);
}

#[test]
fn a_turn_shows_its_flags_where_the_run_ends_behind_it() {
    // add rax, rcx; sub rdx, rax; dec rcx; jnz -11; hlt
    let code = [0x48, 0x01, 0xC8, 0x48, 0x29, 0xC2, 0x48, 0xFF, 0xC9, 0x75, 0xF5, 0xF4];
    // 0 - 3 borrows, and 2 has one bit. FF…FD - 5 does not, and 1 has one bit. FF…F8 - 6 does not, and 0 is zero and even.
    // In between 3 + 2 is 5, which has two bits.
    let expected = [(4, CODE, 0x1), (5, CODE + 3, 0x4), (8, CODE, 0x0), (12, CODE + 11, 0x44)];
    for (budget, rip, flags) in expected {
        let mut processor = with_registers(&code, &[(Rax, 0), (Rcx, 3), (Rdx, 0)]);
        assert_eq!(processor.run(budget), Exit::Budget);
        assert_eq!(processor.registers().rip, rip, "after {budget}");
        assert_eq!(processor.registers().rflags & STATUS, flags, "after {budget}");
        assert_eq!(processor.executed(), budget);
    }
}
