//! An x64 processor and its memory: registers, rights per page held outside the guest's reach, run and
//! exit.
//!
//! It knows nothing of Windows. What a driver's environment allows is a matter of who maps the pages.
//!
//! ```
//! use ringfence_machine::{Exit, Interpreter, Memory, Processor, Register, Rights};
//!
//! let mut memory = Memory::new(16);
//! memory.map(0x1000, 1, Rights::READ_EXECUTE)?;
//! // lea eax, [rcx + 2]; hlt
//! memory.write(0x1000, &[0x8D, 0x41, 0x02, 0xF4])?;
//! let mut processor = Interpreter::new(memory);
//! processor.registers_mut().rip = 0x1000;
//! processor.registers_mut().set(Register::Rcx, 40);
//! assert_eq!(processor.run(100), Exit::Halt);
//! assert_eq!(processor.registers().get(Register::Rax), 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod exit;
mod interpreter;
mod memory;
mod processor;
mod registers;
mod rights;

pub use exit::{Access, DescriptorTable, Exit, Operation, Place, Privileged};
pub use interpreter::Interpreter;
pub use memory::{MapError, Memory, PAGE, Unmapped};
pub use processor::Processor;
pub use registers::{Register, Registers};
pub use rights::Rights;
