//! Carries out cases on the interpreter.

use super::case::{AT, CODE, Case, DATA, Outcome, READ_ONLY, State, Status, WINDOW};
use anyhow::Result;
use ringfence_machine::{Access, Exit, Interpreter, Memory, Processor, Rights};

/// What became of a case, or `None` where the interpreter leaves it to others.
pub fn carry_out(case: &Case) -> Result<Option<Outcome>> {
    let mut memory = Memory::new(16);
    memory.map(CODE & !0xFFF, 1, Rights::READ_EXECUTE)?;
    memory.map(DATA, 2, Rights::READ_WRITE)?;
    memory.map(READ_ONLY, 1, Rights::READ)?;
    memory.write(CODE & !0xFFF, &[0xCC; 0x1000])?;
    memory.write(CODE, &case.code)?;
    memory.write(AT, &case.state.window)?;
    let mut processor = Interpreter::new(memory);
    let registers = processor.registers_mut();
    registers.general = case.state.general;
    registers.rflags = case.state.rflags;
    registers.vectors = case.state.vectors;
    registers.mxcsr = case.mxcsr;
    registers.rip = CODE;
    let status = match processor.run(1) {
        Exit::Budget => Status::Completed,
        Exit::PageFault { address, access: Access::Execute, .. } if address != CODE => {
            Status::Completed
        }
        Exit::PageFault { address, access, .. } => {
            Status::PageFault { address, write: access == Access::Write }
        }
        Exit::DivideError => Status::DivideError,
        Exit::InvalidOpcode => Status::InvalidOpcode,
        Exit::GeneralProtection => Status::GeneralProtection,
        _ => return Ok(None),
    };
    let registers = processor.registers().clone();
    let mut window = [0; WINDOW];
    processor.memory().read(AT, &mut window)?;
    let state = State {
        general: registers.general,
        rflags: registers.rflags,
        vectors: registers.vectors,
        window,
    };
    Ok(Some(Outcome { status, rip: registers.rip, mxcsr: registers.mxcsr, state }))
}
