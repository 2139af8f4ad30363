//! Calls into the guest, and what to do each time the processor comes back.

use crate::call::{Call, MOST_ARGUMENTS};
use crate::deadline::STRIDE;
use crate::gates::{self, RETURN};
use crate::kernel::Kernel;
use crate::space::places;
use crate::stop::{Answer, Exception, Stop, status};
use crate::{End, Happening};
use ringfence_machine::{Exit, Register};
use std::sync::Arc;

/// How deep the kernel and the driver call each other, at most.
const DEEPEST: u32 = 40;
/// Arguments in registers.
const IN_REGISTERS: [Register; 4] = [Register::Rcx, Register::Rdx, Register::R8, Register::R9];
/// What a callee may change of the stack above its return address.
const HOME: u64 = 32;

impl Kernel<'_> {
    /// Calls the driver's function at `entry`; its result is RAX.
    pub(crate) fn call(&mut self, entry: u64, arguments: &[u64]) -> Answer {
        if self.depth >= DEEPEST {
            return Err(self.out_of("calls within calls"));
        }
        let saved = self.registers().clone();
        let more = arguments.len().saturating_sub(IN_REGISTERS.len()) as u64;
        let room = HOME + 8 * more + 8;
        let stack = (saved.get(Register::Rsp).wrapping_sub(room + 64) & !15).wrapping_sub(8);
        for (register, &value) in IN_REGISTERS.into_iter().zip(arguments) {
            self.registers().set(register, value);
        }
        let above = arguments.iter().skip(IN_REGISTERS.len());
        for (&value, at) in above.zip(places(stack.wrapping_add(8 + HOME), 8)) {
            self.put_u64(at, value)?;
        }
        self.put_u64(stack, RETURN)?;
        self.registers().set(Register::Rsp, stack);
        self.registers().rip = entry;
        // The direction flag is clear at every call.
        self.registers().rflags &= !0x400;
        self.depth += 1;
        let outer = std::mem::replace(&mut self.routine, entry);
        let answer = self.execute();
        self.routine = outer;
        self.depth -= 1;
        match answer {
            Ok(_) | Err(Stop::Ended | Stop::Raise(_) | Stop::Missing(..)) => {
                *self.registers() = saved
            }
            Err(_) => {}
        }
        answer
    }

    /// Runs until the function that was called returns.
    pub(crate) fn execute(&mut self) -> Answer {
        loop {
            let used = self.used();
            let left = self.options.budget.instructions.saturating_sub(used);
            if left == 0 {
                return Err(self.out_of("instructions"));
            }
            if self.deadline.is_over(used) {
                return Err(self.out_of("time"));
            }
            let slice = self.slice_end.saturating_sub(used);
            if slice == 0 {
                return Err(Stop::Parked);
            }
            match self.processor.run(left.min(slice).min(STRIDE)) {
                Exit::Gate { address: RETURN } => {
                    return Ok(self.registers().get(Register::Rax));
                }
                Exit::Gate { address } => self.gate(address)?,
                Exit::Budget => {}
                other => self.exit(other)?,
            }
        }
    }

    /// What the processor cannot do by itself.
    fn exit(&mut self, exit: Exit) -> Result<(), Stop> {
        match exit {
            Exit::PageFault { address, access, mapped } => self.page_fault(address, access, mapped),
            Exit::DivideError => self.raise(Exception::of(status::INTEGER_DIVIDE_BY_ZERO)),
            Exit::InvalidOpcode => self.raise(Exception::of(status::ILLEGAL_INSTRUCTION)),
            // Windows gives no address for those.
            Exit::GeneralProtection => self.raise(Exception::access_violation(0, u64::MAX)),
            Exit::Breakpoint => {
                self.registers().rip = self.registers().rip.wrapping_sub(1);
                self.raise(Exception::of(status::BREAKPOINT))
            }
            Exit::Interrupt { vector } => self.interrupt(vector),
            Exit::Privileged(privileged) => match self.privileged(privileged) {
                Err(Stop::Raise(exception)) => self.raise(exception),
                Err(Stop::Missing(address, access)) => self.page_fault(address, access, false),
                other => other,
            },
            Exit::Unsupported { bytes, length } => {
                let bytes = &bytes[..usize::from(length).min(bytes.len())];
                let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let rip = self.registers().rip;
                let place = self.rva(rip).map_or(format!("{rip:#x}"), |rva| format!("+{rva:x}"));
                Err(self.not_emulated(format!("the instruction {} at {place}", bytes.join(" "))))
            }
            _ => Ok(()),
        }
    }

    /// The run ends because something is not emulated.
    pub(crate) fn not_emulated(&mut self, what: String) -> Stop {
        self.run.end = End::NotEmulated(what);
        Stop::Down
    }

    /// Execution came to a function of the kernel.
    fn gate(&mut self, address: u64) -> Result<(), Stop> {
        let stack = self.registers().get(Register::Rsp);
        let caller = match self.u64(stack) {
            Ok(caller) => caller,
            Err(_) => return self.page_fault(stack, ringfence_machine::Access::Read, false),
        };
        let gate = self.gates.at(address);
        let (name, entry, ddi) = match gate {
            Some(gate) => (gate.name, gate.entry, gate.ddi),
            None if address == gates::INVALID_REQUEST => (
                Arc::from("IopInvalidDeviceRequest"),
                crate::routines::named("IopInvalidDeviceRequest"),
                None,
            ),
            // Into the middle of a function: there is no code.
            None => return self.raise(Exception::of(status::ILLEGAL_INSTRUCTION)),
        };
        self.run.calls += 1;
        if self.run.calls > self.options.budget.calls {
            return Err(self.out_of("calls"));
        }
        self.charge(CALL)?;
        let known = entry.map_or(4, |entry| usize::from(entry.arguments));
        let known = ddi.map_or(known, |ddi| known.max(ddi.parameters.len()));
        let call = Call::new(name, caller, self.arguments(stack));
        let event = self.note_call(&call, known, entry.is_none());
        // How many arguments a function has that nobody modelled is not known: registers hold all kinds of things.
        let certain =
            if entry.is_some() { known } else { ddi.map_or(0, |ddi| ddi.parameters.len()) };
        self.run.called.call(&call, call.first(certain));
        if let Some(ddi) = ddi {
            self.check(ddi, &call);
        }
        let answer = match entry {
            Some(entry) => (entry.routine)(self, &call),
            None => self.stand_in(&call),
        };
        self.answer(answer, event, stack, caller)
    }

    /// Puts what a kernel function came to where the driver sees it.
    fn answer(
        &mut self,
        answer: Answer,
        event: Option<usize>,
        stack: u64,
        caller: u64,
    ) -> Result<(), Stop> {
        match answer {
            Ok(value) => {
                self.run.called.value(value);
                let event = event.and_then(|event| self.run.events.get_mut(event));
                if let Some(Happening::Call { result, .. }) = event.map(|event| &mut event.what) {
                    *result = Some(value);
                }
                self.leave_gate(stack, caller);
                self.registers().set(Register::Rax, value);
                Ok(())
            }
            Err(Stop::Raise(exception)) => {
                self.leave_gate(stack, caller);
                self.raise(exception)
            }
            // As on Windows the instruction is one of the kernel; where it was called from is on the stack.
            Err(Stop::Missing(address, access)) => self.page_fault(address, access, false),
            Err(other) => Err(other),
        }
    }

    fn leave_gate(&mut self, stack: u64, caller: u64) {
        let registers = self.registers();
        registers.rip = caller;
        registers.set(Register::Rsp, stack.wrapping_add(8));
    }

    fn arguments(&mut self, stack: u64) -> [u64; MOST_ARGUMENTS] {
        let mut arguments = [0; MOST_ARGUMENTS];
        let above = places(stack.wrapping_add(8 + HOME), 8);
        for (argument, at) in arguments.iter_mut().skip(IN_REGISTERS.len()).zip(above) {
            *argument = self.u64(at).unwrap_or(0);
        }
        for (argument, register) in arguments.iter_mut().zip(IN_REGISTERS) {
            *argument = self.registers().get(register);
        }
        arguments
    }

    fn note_call(&mut self, call: &Call, known: usize, stand_in: bool) -> Option<usize> {
        if self.run.events.len() >= self.options.budget.events {
            self.run.events_left_out += 1;
            return None;
        }
        self.note(Happening::Call {
            name: Arc::clone(&call.name),
            caller: call.caller,
            arguments: call.first(known).to_vec(),
            result: None,
            stand_in,
        })
    }
}

/// What a call of a kernel function is charged with, in instructions.
const CALL: u64 = 20;
