//! Expected values come from the processor's manuals, worked out by hand.

mod chains;
mod changing_code;
mod exits;
mod faults;
mod runs;
mod state;

use crate::{Interpreter, Memory, Processor, Register, Rights};

/// Where code is: two pages that may be read and executed.
const CODE: u64 = 0x1000;
/// Two pages of data.
const DATA: u64 = 0x8000;
/// Two pages of stack end here.
const STACK: u64 = 0x20000;

/// A processor that begins at this code.
fn with(code: &[u8]) -> Interpreter {
    let mut memory = Memory::new(64);
    memory.map(CODE, 2, Rights::READ_EXECUTE).unwrap();
    memory.map(DATA, 2, Rights::READ_WRITE).unwrap();
    memory.map(STACK - 0x2000, 2, Rights::READ_WRITE).unwrap();
    memory.write(CODE, code).unwrap();
    let mut processor = Interpreter::new(memory);
    processor.registers_mut().rip = CODE;
    processor.registers_mut().set(Register::Rsp, STACK - 0x100);
    processor
}

/// The same with registers set.
fn with_registers(code: &[u8], registers: &[(Register, u64)]) -> Interpreter {
    let mut processor = with(code);
    for (register, value) in registers {
        processor.registers_mut().set(*register, *value);
    }
    processor
}
