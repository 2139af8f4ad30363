use crate::{Access, Exit, Interpreter, Memory, Processor, Register, Rights};

/// A processor with code at 0x1000, data at 0x8000 and a stack below 0x20000.
fn with(code: &[u8]) -> Interpreter {
    let mut memory = Memory::new(64);
    memory.map(0x1000, 2, Rights::READ_EXECUTE).unwrap();
    memory.map(0x8000, 2, Rights::READ_WRITE).unwrap();
    memory.map(0x1E000, 2, Rights::READ_WRITE).unwrap();
    memory.write(0x1000, code).unwrap();
    let mut processor = Interpreter::new(memory);
    processor.registers_mut().rip = 0x1000;
    processor.registers_mut().set(Register::Rsp, 0x1FF00);
    processor
}

#[test]
fn a_loop_sums_what_it_counts() {
    // xor eax, eax; mov ecx, 10; add rax, rcx; dec ecx; jnz -8; hlt
    let code = [0x31, 0xC0, 0xB9, 10, 0, 0, 0, 0x48, 0x01, 0xC8, 0xFF, 0xC9, 0x75, 0xF9, 0xF4];
    let mut processor = with(&code);
    assert_eq!(processor.run(1000), Exit::Halt);
    assert_eq!(processor.registers().get(Register::Rax), 55);
    assert_eq!(processor.executed(), 2 + 3 * 10 + 1);
}

#[test]
fn a_store_to_code_faults_and_changes_nothing() {
    // push rax; mov [rcx], rax
    let mut processor = with(&[0x50, 0x48, 0x89, 0x01]);
    processor.registers_mut().set(Register::Rcx, 0x1000);
    let fault = Exit::PageFault { address: 0x1000, access: Access::Write, mapped: true };
    assert_eq!(processor.run(10), fault);
    assert_eq!(processor.registers().rip, 0x1001);
    assert_eq!(processor.registers().get(Register::Rsp), 0x1FEF8);
}

#[test]
fn a_call_to_a_gate_leaves_with_the_return_address_on_the_stack() {
    // call rax; hlt
    let mut processor = with(&[0xFF, 0xD0, 0xF4]);
    processor.set_gates(0x7000_0000..0x7000_1000);
    processor.registers_mut().set(Register::Rax, 0x7000_0010);
    assert_eq!(processor.run(10), Exit::Gate { address: 0x7000_0010 });
    assert_eq!(processor.registers().rip, 0x7000_0010);
    assert_eq!(processor.memory().read_u64(0x1FEF8).unwrap(), 0x1002);
}
