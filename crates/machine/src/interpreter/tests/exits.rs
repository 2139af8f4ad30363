use super::{CODE, STACK, with, with_registers};
use crate::{DescriptorTable, Exit, Operation, Place, Privileged, Processor, Register};
use Register::{Rax, Rcx, Rdx};

#[test]
fn a_call_to_a_gate_leaves_with_the_return_address_on_the_stack() {
    // call rax; hlt
    let mut processor = with_registers(&[0xFF, 0xD0, 0xF4], &[(Rax, 0x7000_0010)]);
    processor.set_gates(0x7000_0000..0x7000_1000);
    assert_eq!(processor.run(10), Exit::Gate { address: 0x7000_0010 });
    assert_eq!(processor.registers().rip, 0x7000_0010);
    assert_eq!(processor.memory().read_u64(STACK - 0x108), Ok(CODE + 2));
    // Again without the host having done anything.
    assert_eq!(processor.run(10), Exit::Gate { address: 0x7000_0010 });
    assert_eq!(processor.executed(), 1);
}

#[test]
fn gates_count_before_rights_and_in_the_middle_of_code() {
    // nop; nop; nop; hlt
    let mut processor = with(&[0x90, 0x90, 0x90, 0xF4]);
    assert_eq!(processor.run(10), Exit::Halt);
    processor.set_gates(CODE + 2..CODE + 3);
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(10), Exit::Gate { address: CODE + 2 });
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(2), Exit::Budget);
    assert_eq!(processor.run(1), Exit::Gate { address: CODE + 2 });
    // Behind the gate there is no gate.
    processor.registers_mut().rip = CODE + 3;
    assert_eq!(processor.run(10), Exit::Halt);
    processor.set_gates(0..0);
    processor.registers_mut().rip = CODE;
    assert_eq!(processor.run(10), Exit::Halt);
}

#[test]
fn interrupts_leave_behind_the_instruction_and_invalid_ones_at_it() {
    let ends = [
        (vec![0xCC], Exit::Breakpoint, 1),
        (vec![0xCD, 0x29], Exit::Interrupt { vector: 0x29 }, 2),
        (vec![0xF4], Exit::Halt, 1),
        (vec![0x0F, 0x0B], Exit::InvalidOpcode, 0),
        // push es is no instruction in 64-bit code.
        (vec![0x06], Exit::InvalidOpcode, 0),
    ];
    for (code, exit, length) in ends {
        let mut processor = with(&code);
        assert_eq!(processor.run(10), exit);
        assert_eq!(processor.registers().rip, CODE + length, "{exit:?}");
    }
}

#[test]
fn what_is_not_known_is_told_with_its_bytes() {
    // nop; fld1
    let mut processor = with(&[0x90, 0xD9, 0xE8]);
    let mut bytes = [0; 15];
    bytes[..2].copy_from_slice(&[0xD9, 0xE8]);
    assert_eq!(processor.run(10), Exit::Unsupported { bytes, length: 2 });
    assert_eq!(processor.registers().rip, CODE + 1);
}

#[test]
fn arithmetic_with_another_rounding_is_not_guessed() {
    // addps xmm0, xmm1
    let mut processor = with(&[0x0F, 0x58, 0xC1]);
    processor.registers_mut().mxcsr = 0x3F80;
    assert!(matches!(processor.run(1), Exit::Unsupported { length: 3, .. }));
    processor.registers_mut().mxcsr = 0x1F80;
    assert_eq!(processor.run(1), Exit::Budget);
}

#[test]
fn the_host_sees_what_only_ring_0_may_do() {
    let registers = [(Rax, 0x8001_0031), (Rcx, 0xC000_0082), (Rdx, 0xFFFF_F800)];
    let ends = [
        // mov rcx, cr0 and mov cr0, rax
        (vec![0x0F, 0x20, 0xC1], Operation::ReadControl { control: 0, into: Rcx }),
        (vec![0x0F, 0x22, 0xC0], Operation::WriteControl { control: 0, value: 0x8001_0031 }),
        // mov cr8, rax
        (vec![0x44, 0x0F, 0x22, 0xC0], Operation::WriteControl { control: 8, value: 0x8001_0031 }),
        (vec![0x0F, 0x32], Operation::ReadModelSpecific { number: 0xC000_0082 }),
        (
            vec![0x0F, 0x30],
            Operation::WriteModelSpecific { number: 0xC000_0082, value: 0xFFFF_F800_8001_0031 },
        ),
        // in al, dx; out 0x43, al
        (vec![0xEC], Operation::In { port: 0xF800, width: 1 }),
        (vec![0xE6, 0x43], Operation::Out { port: 0x43, width: 1, value: 0x31 }),
        (vec![0xFA], Operation::ClearInterrupts),
        (vec![0x0F, 0xA2], Operation::CpuId { leaf: 0x8001_0031, subleaf: 0xC000_0082 }),
        (vec![0x0F, 0x31], Operation::TimeStamp),
        // sidt [rax]; invlpg [rax]
        (
            vec![0x0F, 0x01, 0x08],
            Operation::StoreDescriptorTable {
                table: DescriptorTable::Interrupt,
                into: Place::Memory(0x8001_0031),
            },
        ),
        (vec![0x0F, 0x01, 0x38], Operation::InvalidatePage { address: 0x8001_0031 }),
        (vec![0x0F, 0x01, 0xC1], Operation::Other { mnemonic: "vmcall" }),
        (vec![0x48, 0xCF], Operation::Other { mnemonic: "iret" }),
    ];
    for (code, what) in ends {
        let mut processor = with_registers(&code, &registers);
        let before = processor.registers().clone();
        let length = code.len() as u8;
        assert_eq!(processor.run(10), Exit::Privileged(Privileged { length, what }));
        assert_eq!(*processor.registers(), before);
    }
}
