use super::{CODE, DATA, STACK, with, with_registers};
use crate::{Access, Exit, Processor, Register, Rights};
use Register::{Rax, Rbx, Rcx, Rdi, Rdx, Rsi, Rsp};

fn fault(address: u64, access: Access, mapped: bool) -> Exit {
    Exit::PageFault { address, access, mapped }
}

#[test]
fn a_store_to_code_faults_and_changes_nothing() {
    // push rax; mov [rcx], rax
    let mut processor = with_registers(&[0x50, 0x48, 0x89, 0x01], &[(Rcx, CODE)]);
    assert_eq!(processor.run(10), fault(CODE, Access::Write, true));
    assert_eq!(processor.registers().rip, CODE + 1);
    assert_eq!(processor.registers().get(Rsp), STACK - 0x108);
    assert_eq!(processor.executed(), 1);
}

#[test]
fn data_is_not_executed() {
    // jmp rax
    let mut processor = with_registers(&[0xFF, 0xE0], &[(Rax, DATA + 5)]);
    assert_eq!(processor.run(10), fault(DATA + 5, Access::Execute, true));
    // The jump itself completed.
    assert_eq!(processor.registers().rip, DATA + 5);
    assert_eq!(processor.executed(), 1);
}

#[test]
fn an_access_across_a_border_names_the_first_byte_that_is_not_there() {
    // add rax, [rcx]; then as a store: add [rcx], rax
    for (code, access) in [(0x03, Access::Read), (0x01, Access::Write)] {
        let registers = [(Rcx, DATA + 0x1FFD), (Rax, 1)];
        let mut processor = with_registers(&[0x48, code, 0x01], &registers);
        processor.memory_mut().write(DATA + 0x1FFD, &[9; 3]).unwrap();
        let before = processor.registers().clone();
        assert_eq!(processor.run(10), fault(DATA + 0x2000, access, false));
        assert_eq!(*processor.registers(), before);
        let mut bytes = [0; 3];
        processor.memory().read(DATA + 0x1FFD, &mut bytes).unwrap();
        assert_eq!(bytes, [9; 3], "nothing of a store that faults is written");
    }
}

#[test]
fn what_faulted_goes_on_once_the_page_is_there() {
    // add [rcx], rax; hlt
    let registers = [(Rcx, DATA + 0x1FFE), (Rax, 0x0101_0101)];
    let mut processor = with_registers(&[0x48, 0x01, 0x01, 0xF4], &registers);
    assert_eq!(processor.run(10), fault(DATA + 0x2000, Access::Write, false));
    processor.memory_mut().map(DATA + 0x2000, 1, Rights::READ_WRITE).unwrap();
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.memory().read_u64(DATA + 0x1FFE), Ok(0x0101_0101));
}

#[test]
fn a_read_of_what_is_then_written_faults_as_a_write() {
    // inc dword ptr [rcx]
    let mut processor = with_registers(&[0xFF, 0x01], &[(Rcx, CODE + 0x100)]);
    assert_eq!(processor.run(1), fault(CODE + 0x100, Access::Write, true));
}

#[test]
fn a_copy_that_faults_keeps_what_it_did() {
    // rep movsb; hlt
    let registers = [(Rcx, 16), (Rsi, DATA), (Rdi, DATA + 0x1FFA)];
    let mut processor = with_registers(&[0xF3, 0xA4, 0xF4], &registers);
    processor.memory_mut().write(DATA, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    assert_eq!(processor.run(10), fault(DATA + 0x2000, Access::Write, false));
    let after = |processor: &crate::Interpreter| {
        [Rcx, Rsi, Rdi].map(|register| processor.registers().get(register))
    };
    assert_eq!(after(&processor), [10, DATA + 6, DATA + 0x2000]);
    assert_eq!(processor.registers().rip, CODE);
    processor.memory_mut().map(DATA + 0x2000, 1, Rights::READ_WRITE).unwrap();
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(after(&processor), [0, DATA + 16, DATA + 0x200A]);
    assert_eq!(processor.memory().read_u32(DATA + 0x1FFE), Ok(0x0807_0605));
}

#[test]
fn rights_that_are_taken_away_count_at_once() {
    // mov eax, [rcx]; mov [rcx], eax; hlt
    let mut processor = with_registers(&[0x8B, 0x01, 0x89, 0x01, 0xF4], &[(Rcx, DATA)]);
    assert_eq!(processor.run(10), Exit::Halt);
    processor.memory_mut().protect(DATA, 1, Rights::READ).unwrap();
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(10), fault(DATA, Access::Write, true));
    processor.memory_mut().protect(DATA, 1, Rights::NONE).unwrap();
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(10), fault(DATA, Access::Read, true));
    processor.memory_mut().protect(CODE, 1, Rights::READ_WRITE).unwrap();
    assert_eq!(processor.run(10), fault(CODE, Access::Execute, true));
    processor.memory_mut().unmap(CODE, 1).unwrap();
    assert_eq!(processor.run(10), fault(CODE, Access::Execute, false));
}

#[test]
fn an_instruction_across_a_border_needs_both_pages() {
    let mut processor = with(&[]);
    // mov eax, 0x01020304 with two bytes on the first page; hlt
    let start = CODE + 0xFFE;
    processor.memory_mut().write(start, &[0xB8, 4, 3, 2, 1, 0xF4]).unwrap();
    processor.memory_mut().protect(CODE + 0x1000, 1, Rights::READ).unwrap();
    processor.registers_mut().rip = start;
    assert_eq!(processor.run(10), fault(CODE + 0x1000, Access::Execute, true));
    assert_eq!(processor.registers().rip, start);
    processor.memory_mut().protect(CODE + 0x1000, 1, Rights::READ_EXECUTE).unwrap();
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 0x0102_0304);
    // And is read anew when either page is written.
    processor.memory_mut().write_u8(CODE + 0x1000, 9).unwrap();
    processor.registers_mut().rip = start;
    assert_eq!(processor.run(10), Exit::Halt);
    assert_eq!(processor.registers().get(Rax), 0x0102_0904);
}

#[test]
fn addresses_must_be_canonical() {
    // mov eax, [rcx]
    let mut processor = with_registers(&[0x8B, 0x01], &[(Rcx, 0x8000_0000_0000)]);
    assert_eq!(processor.run(10), Exit::GeneralProtection);
    assert_eq!(processor.registers().rip, CODE);
    // jmp rcx faults at the jump; so does call, before anything is pushed.
    for code in [0xE1, 0xD1] {
        let registers = [(Rcx, 0xFFFF_7FFF_FFFF_FFFF)];
        let mut processor = with_registers(&[0xFF, code], &registers);
        let before = processor.registers().clone();
        assert_eq!(processor.run(10), Exit::GeneralProtection);
        assert_eq!(*processor.registers(), before);
    }
}

#[test]
fn sse_wants_its_memory_aligned() {
    // movaps xmm0, [rcx]; and movups, which does not.
    let mut processor = with_registers(&[0x0F, 0x28, 0x01], &[(Rcx, DATA + 8)]);
    assert_eq!(processor.run(1), Exit::GeneralProtection);
    let mut processor = with_registers(&[0x0F, 0x10, 0x01], &[(Rcx, DATA + 8)]);
    assert_eq!(processor.run(1), Exit::Budget);
}

#[test]
fn a_quotient_that_does_not_fit_is_an_error_that_changes_nothing() {
    // div ebx: by zero; then 1_0000_0000 by one, which needs 33 bits.
    for (high, divisor) in [(0, 0), (1, 1)] {
        let registers = [(Rax, 0), (Rdx, high), (Rbx, divisor)];
        let mut processor = with_registers(&[0xF7, 0xF3], &registers);
        let before = processor.registers().clone();
        assert_eq!(processor.run(10), Exit::DivideError);
        assert_eq!(*processor.registers(), before);
    }
    // idiv rbx: the least number by minus one.
    let registers = [(Rax, 1 << 63), (Rdx, u64::MAX), (Rbx, u64::MAX)];
    let mut processor = with_registers(&[0x48, 0xF7, 0xFB], &registers);
    assert_eq!(processor.run(10), Exit::DivideError);
}
