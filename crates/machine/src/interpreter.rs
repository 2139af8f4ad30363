//! The interpreter: portable, and the same on every machine.

mod arithmetic;
mod bits;
mod control;
mod core;
mod family;
mod flags;
mod multiply;
mod operand;
mod shift;
mod string;
mod system;
#[cfg(test)]
mod tests;
mod transfer;
mod vector;

use crate::memory::canonical;
use crate::{Access, Exit, Memory, PAGE, Processor, Registers};
use core::{Core, Stop};
use iced_x86::{Decoder, DecoderError, DecoderOptions};
use std::ops::Range;

/// The longest instruction.
const LONGEST: usize = 15;

/// A processor in software.
pub struct Interpreter {
    core: Core,
    gates: Range<u64>,
    executed: u64,
}

impl Interpreter {
    /// A processor with this memory. All registers are as [`Registers::default`] has them.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { core: Core::new(memory), gates: 0..0, executed: 0 }
    }

    /// Runs one instruction.
    fn step(&mut self) -> Result<(), Stop> {
        let at = self.core.rip;
        if self.gates.contains(&at) {
            return self.core.raise(Exit::Gate { address: at });
        }
        let (bytes, length) = self.fetch(at)?;
        let mut decoder = Decoder::with_ip(64, &bytes[..length], at, DecoderOptions::NONE);
        let i = decoder.decode();
        if i.is_invalid() {
            if decoder.last_error() == DecoderError::NoMoreBytes && length < LONGEST {
                let next = at.wrapping_add(length as u64);
                self.fetch(next)?;
            }
            return self.core.raise(Exit::InvalidOpcode);
        }
        let Some(run) = family::family(&i) else {
            let length = i.len() as u8;
            let mut shown = [0; LONGEST];
            shown[..i.len()].copy_from_slice(&bytes[..i.len()]);
            return self.core.raise(Exit::Unsupported { bytes: shown, length });
        };
        self.core.rip = i.next_ip();
        let outcome = run(&mut self.core, &i);
        if matches!(outcome, Err(Stop::Exit | Stop::Unfinished)) {
            self.core.rip = at;
        } else {
            self.executed += 1;
        }
        outcome
    }

    /// The bytes that an instruction may have.
    fn fetch(&mut self, at: u64) -> Result<([u8; LONGEST], usize), Stop> {
        if !canonical(at) {
            return self.core.raise(Exit::GeneralProtection);
        }
        let mut bytes = [0; LONGEST];
        let mut length = 0;
        while length < LONGEST {
            let address = at.wrapping_add(length as u64);
            let data = match self.core.memory.locate(address / PAGE, Access::Execute) {
                Ok(located) => located.data,
                Err(_) if length > 0 => break,
                Err(fault) => {
                    let (access, mapped) = (Access::Execute, fault.mapped);
                    return self.core.raise(Exit::PageFault { address, access, mapped });
                }
            };
            let offset = (address % PAGE) as usize;
            let part = (LONGEST - length).min(PAGE as usize - offset);
            bytes[length..length + part]
                .copy_from_slice(&self.core.memory.bytes(data)[offset..offset + part]);
            length += part;
        }
        Ok((bytes, length))
    }
}

impl Processor for Interpreter {
    fn memory(&self) -> &Memory {
        &self.core.memory
    }

    fn memory_mut(&mut self) -> &mut Memory {
        &mut self.core.memory
    }

    fn registers(&self) -> &Registers {
        &self.core.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.core.registers
    }

    fn set_gates(&mut self, range: Range<u64>) {
        self.gates = range;
    }

    fn run(&mut self, instructions: u64) -> Exit {
        self.core.enter();
        for _ in 0..instructions {
            match self.step() {
                Ok(()) | Err(Stop::Unfinished) => {}
                Err(Stop::Changed) => self.core.changed = false,
                Err(Stop::Exit | Stop::Done) => {
                    self.core.leave();
                    return self.core.exit.take().unwrap_or(Exit::Budget);
                }
            }
            self.core.changed = false;
        }
        self.core.leave();
        Exit::Budget
    }

    fn executed(&self) -> u64 {
        self.executed
    }
}
