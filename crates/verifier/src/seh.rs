//! Structured exception handling: who handles an exception, and unwinding to there.

use crate::bug_check;
use crate::call::Call;
use crate::gates::RETURN;
use crate::kernel::Kernel;
use crate::space::places;
use crate::stop::{Answer, Exception, Stop, status};
use crate::unwind::{Handler, Step};
use crate::{Kind, space};
use ringfence_machine::{Access, PAGE, Register, Registers, Rights};

/// Frames that are looked at, at most.
const MOST_FRAMES: usize = 256;
/// Guarded scopes of a function that are looked at, at most.
const MOST_SCOPES: u32 = 1024;

/// EXCEPTION_RECORD.ExceptionFlags.
const UNWINDING: u32 = 0x2;
/// The frame that is unwound to.
const TARGET_UNWIND: u32 = 0x20;
/// Any of the flags that say that frames are unwound.
const UNWIND: u32 = 0x66;

/// EXCEPTION_DISPOSITION.
const CONTINUE_EXECUTION: u64 = 0;
const CONTINUE_SEARCH: u64 = 1;

/// Sizes of CONTEXT, EXCEPTION_RECORD and DISPATCHER_CONTEXT.
pub(crate) const CONTEXT: u64 = 0x4D0;
const RECORD: u64 = 0xA0;
const DISPATCHER: u64 = 0x50;

/// Where the structures that handlers are given lie.
struct Scene {
    context: u64,
    record: u64,
    dispatcher: u64,
    /// RUNTIME_FUNCTION, a copy.
    function: u64,
}

impl Kernel<'_> {
    /// An exception at the place where execution is; `Ok` where somebody handles it.
    pub(crate) fn raise(&mut self, exception: Exception) -> Result<(), Stop> {
        let registers = self.registers().clone();
        // What is broken so badly that nothing can be put on the stack ends as a double fault.
        let scene = self.set_scene(&registers, exception);
        let Ok(scene) = scene else { return Err(self.double_fault()) };
        match self.search(&registers, &scene)? {
            Some(resumed) => {
                *self.registers() = *resumed;
                Ok(())
            }
            None => {
                *self.registers() = registers;
                Err(self.unhandled(exception, &scene))
            }
        }
    }

    pub(crate) fn double_fault(&mut self) -> Stop {
        /// The vector.
        const DOUBLE_FAULT: u64 = 8;
        self.stop(Kind::Crash, bug_check::UNEXPECTED_KERNEL_MODE_TRAP, [DOUBLE_FAULT, 0, 0, 0])
    }

    fn unhandled(&mut self, exception: Exception, scene: &Scene) -> Stop {
        let rip = self.registers().rip;
        let code = u64::from(exception.code);
        if self.schedule.in_program {
            let parameters = [code, rip, scene.context, 0];
            return self.stop(Kind::Crash, bug_check::SYSTEM_SERVICE_EXCEPTION, parameters);
        }
        let parameters = [0xFFFF_FFFF_0000_0000 | code, rip, scene.record, scene.context];
        self.stop(Kind::Crash, bug_check::SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, parameters)
    }

    /// Writes an exception and the registers at it down for a bug check that points to them; zeros where the stack has
    /// no room.
    pub(crate) fn recorded(&mut self, exception: Exception) -> (u64, u64) {
        let registers = self.registers().clone();
        let scene = self.set_scene(&registers, exception);
        *self.registers() = registers;
        scene.map_or((0, 0), |scene| (scene.record, scene.context))
    }

    /// Puts what handlers are given on the stack, below everything that is in use.
    fn set_scene(&mut self, registers: &Registers, exception: Exception) -> Result<Scene, Stop> {
        let stack = registers.get(Register::Rsp).wrapping_sub(256) & !15;
        let context = stack.wrapping_sub(CONTEXT);
        let record = context.wrapping_sub(RECORD);
        let dispatcher = record.wrapping_sub(DISPATCHER);
        let function = dispatcher.wrapping_sub(16);
        let bottom = function.wrapping_sub(16) & !15;
        // Asked before anything is written, as the processor would fault in the middle of a fault.
        if bottom < space::SYSTEM || !self.is_room(bottom.wrapping_sub(PAGE / 4), stack) {
            return Err(Stop::Missing(bottom, Access::Write));
        }
        self.write_context(context, registers)?;
        self.put(record, &[0; RECORD as usize])?;
        self.put_u32(record, exception.code)?;
        self.put_u64(record.wrapping_add(0x10), registers.rip)?;
        self.put_u32(record.wrapping_add(0x18), exception.count)?;
        for (&parameter, at) in
            exception.parameters.iter().zip(places(record.wrapping_add(0x20), 8))
        {
            self.put_u64(at, parameter)?;
        }
        self.registers().set(Register::Rsp, bottom);
        Ok(Scene { context, record, dispatcher, function })
    }

    /// Whether the pages of two addresses, less than a page apart, can be written to.
    fn is_room(&self, bottom: u64, top: u64) -> bool {
        [bottom, top].into_iter().all(|address| {
            let rights = self.processor.memory().rights(space::page_of(address));
            rights.is_some_and(|rights| rights.contains(Rights::WRITE))
        })
    }

    /// Whether no function of the driver is there to be asked. Where execution went astray there is no function at all:
    /// as code without unwind information it counts as one that has nothing but its return address on the stack.
    fn is_end_of_stack(&self, now: &Registers, depth: usize) -> bool {
        now.rip == RETURN || depth > 0 && !self.loaded.contains(now.rip)
    }

    /// Asks each function on the stack; the registers to go on with, where one handles it.
    fn search(&mut self, from: &Registers, scene: &Scene) -> Result<Option<Box<Registers>>, Stop> {
        let mut now = from.clone();
        for depth in 0..MOST_FRAMES {
            if self.is_end_of_stack(&now, depth) {
                return Ok(None);
            }
            self.charge(20)?;
            let Some(step) = self.step(&now) else { return Ok(None) };
            if let Some(handler) = step.handler.filter(|handler| handler.exceptions) {
                self.describe(scene, &now, &step, handler, 0)?;
                match self.ask(scene, &step, handler) {
                    Ok(CONTINUE_EXECUTION) => {
                        let mut registers = from.clone();
                        self.read_context(scene.context, &mut registers)?;
                        return Ok(Some(Box::new(registers)));
                    }
                    Ok(_) => {}
                    Err(Stop::Resume(registers)) => return Ok(Some(registers)),
                    Err(other) => return Err(other),
                }
            }
            now = step.caller;
        }
        Ok(None)
    }

    fn ask(&mut self, scene: &Scene, step: &Step, handler: Handler) -> Answer {
        let arguments = [scene.record, step.establisher, scene.context, scene.dispatcher];
        let answer = self.call(handler.routine, &arguments);
        answer.map(|disposition| disposition & 0xFFFF_FFFF)
    }

    /// Fills in DISPATCHER_CONTEXT.
    fn describe(
        &mut self,
        scene: &Scene,
        now: &Registers,
        step: &Step,
        handler: Handler,
        target: u64,
    ) -> Result<(), Stop> {
        let entry = step.function.map_or([0; 3], |function| {
            [function.begin, function.end.unwrap_or_default(), function.unwind.unwrap_or_default()]
                .map(|rva| rva.0)
        });
        for (value, at) in entry.into_iter().zip(places(scene.function, 4)) {
            self.put_u32(at, value)?;
        }
        let fields = [
            now.rip,
            self.loaded.base,
            scene.function,
            step.establisher,
            target,
            scene.context,
            handler.routine,
            handler.data,
            0,
            0,
        ];
        for (value, at) in fields.into_iter().zip(places(scene.dispatcher, 8)) {
            self.put_u64(at, value)?;
        }
        Ok(())
    }

    /// `__C_specific_handler`: runs the filters of `__try`, and when unwinding the `__finally`s.
    pub(crate) fn c_specific_handler(&mut self, call: &Call) -> Answer {
        let (record, frame, context, dispatcher) = (call.at(0), call.at(1), call.at(2), call.at(3));
        let pc = self.u64(dispatcher)?.wrapping_sub(self.loaded.base);
        let table = self.u64(dispatcher.wrapping_add(0x38))?;
        let flags = self.u32(record.wrapping_add(4))?;
        let count = self.u32(table)?.min(MOST_SCOPES);
        let start = self.u32(dispatcher.wrapping_add(0x48))?;
        for index in start..count {
            self.charge(10)?;
            let scope = table.wrapping_add(4 + 16 * u64::from(index));
            let [begin, end, handler, target] = [
                self.u32(scope)?,
                self.u32(scope.wrapping_add(4))?,
                self.u32(scope.wrapping_add(8))?,
                self.u32(scope.wrapping_add(12))?,
            ];
            if !(u64::from(begin)..u64::from(end)).contains(&pc) {
                continue;
            }
            if flags & UNWIND != 0 {
                if target != 0 {
                    let goal =
                        self.u64(dispatcher.wrapping_add(0x20))?.wrapping_sub(self.loaded.base);
                    if flags & TARGET_UNWIND != 0 && goal == u64::from(target) {
                        break;
                    }
                    continue;
                }
                // Each is run once, even where another exception comes up in it.
                self.put_u32(dispatcher.wrapping_add(0x48), index + 1)?;
                self.call(self.loaded.at(handler), &[1, frame])?;
                continue;
            }
            if target == 0 {
                continue;
            }
            let decision =
                if handler == 1 { 1 } else { self.filter(handler, record, context, frame)? };
            if decision < 0 {
                return Ok(CONTINUE_EXECUTION);
            }
            if decision > 0 {
                let goal = self.loaded.at(target);
                return self.unwind_to(frame, goal, record, context, dispatcher);
            }
        }
        Ok(CONTINUE_SEARCH)
    }

    /// Runs the filter of an `__except`.
    fn filter(&mut self, handler: u32, record: u64, context: u64, frame: u64) -> Result<i32, Stop> {
        // EXCEPTION_POINTERS, out of reach of the frame of the filter.
        let pointers = self.registers().get(Register::Rsp).wrapping_sub(0x40) & !15;
        self.put_u64(pointers, record)?;
        self.put_u64(pointers.wrapping_add(8), context)?;
        let saved = self.registers().clone();
        self.registers().set(Register::Rsp, pointers.wrapping_sub(0x20));
        let answer = self.call(self.loaded.at(handler), &[pointers, frame]);
        if answer.is_ok() {
            *self.registers() = saved;
        }
        Ok(answer? as i32)
    }

    /// Unwinds to the frame `target`, running what wants to be run on the way, and goes on at `goal`.
    pub(crate) fn unwind_to(
        &mut self,
        target: u64,
        goal: u64,
        record: u64,
        context: u64,
        dispatcher: u64,
    ) -> Answer {
        let mut now = self.registers().clone();
        self.read_context(context, &mut now)?;
        let code = self.u32(record)?;
        let scene = Scene { context, record, dispatcher, function: dispatcher.wrapping_sub(16) };
        for depth in 0..MOST_FRAMES {
            if self.is_end_of_stack(&now, depth) {
                break;
            }
            self.charge(20)?;
            let Some(step) = self.step(&now) else { break };
            let last = step.establisher == target;
            if let Some(handler) = step.handler.filter(|handler| handler.unwinding) {
                let flags = if last { UNWINDING | TARGET_UNWIND } else { UNWINDING };
                self.put_u32(record.wrapping_add(4), flags)?;
                self.describe(&scene, &now, &step, handler, goal)?;
                self.ask(&scene, &step, handler)?;
            }
            if last {
                now.rip = goal;
                now.set(Register::Rax, u64::from(code));
                return Err(Stop::Resume(Box::new(now)));
            }
            now = step.caller;
        }
        // STATUS_BAD_STACK would be raised without end.
        let parameters = [u64::from(status::UNSUCCESSFUL), goal, record, context];
        Err(self.stop(Kind::Crash, bug_check::SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, parameters))
    }

    /// Writes CONTEXT.
    pub(crate) fn write_context(&mut self, at: u64, registers: &Registers) -> Result<(), Stop> {
        /// CONTEXT_AMD64 with control, integer, segments and floating point.
        const FULL: u32 = 0x0010_000F;
        let mut bytes = vec![0; CONTEXT as usize];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        put(0x30, &FULL.to_le_bytes());
        put(0x34, &registers.mxcsr.to_le_bytes());
        put(0x38, &0x10_u16.to_le_bytes());
        put(0x42, &0x18_u16.to_le_bytes());
        put(0x44, &(registers.rflags as u32).to_le_bytes());
        for (index, value) in registers.general.iter().enumerate() {
            put(0x78 + 8 * index, &value.to_le_bytes());
        }
        put(0xF8, &registers.rip.to_le_bytes());
        put(0x118, &registers.mxcsr.to_le_bytes());
        for (index, vector) in registers.vectors.iter().enumerate() {
            put(0x1A0 + 16 * index, &vector[..16]);
        }
        self.put(at, &bytes)
    }

    /// Reads CONTEXT back.
    pub(crate) fn read_context(&mut self, at: u64, registers: &mut Registers) -> Result<(), Stop> {
        for (index, value) in registers.general.iter_mut().enumerate() {
            *value = self.u64(at.wrapping_add(0x78).wrapping_add(8 * index as u64))?;
        }
        registers.rip = self.u64(at.wrapping_add(0xF8))?;
        // Only what arithmetic and string operations leave; the rest is not a driver's to change so.
        let flags = u64::from(self.u32(at.wrapping_add(0x44))?);
        registers.rflags = registers.rflags & !0xCD5 | flags & 0xCD5;
        for (index, vector) in registers.vectors.iter_mut().enumerate() {
            let saved = self.bytes(at.wrapping_add(0x1A0).wrapping_add(16 * index as u64), 16)?;
            vector[..16].copy_from_slice(&saved);
        }
        Ok(())
    }
}
