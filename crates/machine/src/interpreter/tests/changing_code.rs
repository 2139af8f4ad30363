use super::{CODE, DATA, with, with_registers};
use crate::{Exit, Interpreter, Processor, Register, Rights};
use Register::{Rax, Rbx, Rcx};

/// Runs from the start, and gives what is in RAX then.
fn result(processor: &mut Interpreter) -> u64 {
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(10_000), Exit::Halt);
    processor.registers().get(Rax)
}

#[test]
fn code_that_changes_what_comes_next_runs_as_written() {
    // mov byte ptr [rip + 1], 7; mov eax, 1; hlt: the 1 becomes 7 before it is moved.
    let code = [0xC6, 0x05, 1, 0, 0, 0, 7, 0xB8, 1, 0, 0, 0, 0xF4];
    let mut processor = with(&code);
    processor.memory_mut().protect(CODE, 1, Rights::ALL).unwrap();
    assert_eq!(result(&mut processor), 7);
    assert_eq!(processor.executed(), 3);
}

#[test]
fn a_loop_that_changes_itself_runs_as_written() {
    // mov ecx, 200; L: inc byte ptr [rip + 1]; add eax, 0 (imm8); dec ecx; jnz L; hlt
    let code =
        [0xB9, 200, 0, 0, 0, 0xFE, 0x05, 2, 0, 0, 0, 0x83, 0xC0, 0, 0xFF, 0xC9, 0x75, 0xF3, 0xF4];
    let mut processor = with(&code);
    processor.memory_mut().protect(CODE, 1, Rights::ALL).unwrap();
    // Adds 1 to 127, then -128 to -56: the immediate is a signed byte.
    let expected = (1..=200).map(|n: i64| i64::from(n as i8)).sum::<i64>();
    assert_eq!(result(&mut processor) as u32, expected as u32);
}

#[test]
fn a_write_through_an_alias_changes_code() {
    // mov byte ptr [rcx], bl; mov eax, 1; hlt
    let code = [0x88, 0x19, 0xB8, 1, 0, 0, 0, 0xF4];
    let mut processor = with_registers(&code, &[(Rcx, DATA), (Rbx, 5)]);
    assert_eq!(result(&mut processor), 1);
    // The frame of the code a second time, to be written and not to be executed.
    let alias = 0x40000;
    processor.memory_mut().alias(alias, CODE, 1, Rights::READ_WRITE).unwrap();
    processor.registers_mut().set(Rcx, alias + 3);
    assert_eq!(result(&mut processor), 5);
    processor.registers_mut().set(Rbx, 6);
    assert_eq!(result(&mut processor), 6);
}

#[test]
fn a_write_of_the_host_changes_code() {
    // mov eax, 1; hlt
    let mut processor = with(&[0xB8, 1, 0, 0, 0, 0xF4]);
    assert_eq!(result(&mut processor), 1);
    processor.memory_mut().write_u32(CODE + 1, 2).unwrap();
    assert_eq!(result(&mut processor), 2);
}

#[test]
fn other_code_at_the_same_address_is_not_taken_for_the_old() {
    let mut processor = with(&[0xB8, 1, 0, 0, 0, 0xF4]);
    assert_eq!(result(&mut processor), 1);
    processor.memory_mut().unmap(CODE, 2).unwrap();
    processor.memory_mut().map(CODE, 1, Rights::READ_EXECUTE).unwrap();
    // mov eax, 3; hlt
    processor.memory_mut().write(CODE, &[0xB8, 3, 0, 0, 0, 0xF4]).unwrap();
    assert_eq!(result(&mut processor), 3);
}

#[test]
fn another_memory_is_not_taken_for_the_old() {
    let one = |number| with(&[0xB8, number, 0, 0, 0, 0xF4]);
    let (mut first, mut second) = (one(1), one(2));
    assert_eq!(result(&mut first), 1);
    std::mem::swap(first.memory_mut(), second.memory_mut());
    assert_eq!(result(&mut first), 2);
    assert_eq!(result(&mut second), 1);
}

#[test]
fn data_beside_code_is_written_without_harm() {
    // L: inc dword ptr [rip + 0x100]; dec ecx; jnz L; mov eax, [rip + ..]; hlt
    let code =
        [0xFF, 0x05, 0x00, 0x01, 0, 0, 0xFF, 0xC9, 0x75, 0xF6, 0x8B, 0x05, 0xF6, 0, 0, 0, 0xF4];
    let mut processor = with_registers(&code, &[(Rcx, 1000)]);
    processor.memory_mut().protect(CODE, 1, Rights::ALL).unwrap();
    assert_eq!(result(&mut processor), 1000);
    assert_eq!(processor.memory().read_u32(CODE + 0x106), Ok(1000));
}

#[test]
fn single_steps_come_to_the_same_as_a_run() {
    // mov ecx, 5; L: add eax, ecx; adc rbx, rax; rol rax, 7; inc dword ptr [rdi]; push rbx; pop rdx; dec ecx;
    // jnz L; hlt
    let code = [
        0xB9, 5, 0, 0, 0, 0x01, 0xC8, 0x48, 0x11, 0xC3, 0x48, 0xC1, 0xC0, 0x07, 0xFF, 0x07, 0x53,
        0x5A, 0xFF, 0xC9, 0x75, 0xEF, 0xF4,
    ];
    let start = || with_registers(&code, &[(Rax, u64::MAX / 3), (Register::Rdi, DATA)]);
    let mut whole = start();
    assert_eq!(whole.run(1000), Exit::Halt);
    let mut single = start();
    let mut steps = 0;
    while single.run(1) == Exit::Budget {
        steps += 1;
        let mut part = start();
        assert_eq!(part.run(steps), Exit::Budget);
        assert_eq!(part.registers(), single.registers(), "after {steps}");
    }
    assert_eq!(single.registers(), whole.registers());
    assert_eq!(single.executed(), whole.executed());
}
