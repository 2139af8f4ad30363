//! Threads, deferred procedure calls, timers and work items: what runs beside the driver's routines.

use crate::kernel::Kernel;
use crate::space::{STACK_GAP, STACK_PAGES, STACK_STRIDE, STACKS};
use crate::stop::{Answer, Stop};
use crate::waiting::LATEST;
use crate::{bug_check, data, faults};
use ringfence_machine::{PAGE, Register, Registers, Rights};
use std::collections::{BTreeMap, VecDeque};

/// All that waits to be run.
#[derive(Default)]
pub(crate) struct Schedule {
    /// Whether what runs was called by a program.
    pub in_program: bool,
    /// Threads that the driver made.
    pub threads: Vec<Thread>,
    /// The one of them that runs.
    pub current: Option<usize>,
    /// Queued deferred procedure calls, by KDPC.
    pub deferred: VecDeque<u64>,
    /// Queued work.
    pub work: VecDeque<Work>,
    /// Timers that are set, by KTIMER.
    pub timers: BTreeMap<u64, Timer>,
    stacks: u64,
}

/// A thread of the driver.
pub(crate) struct Thread {
    /// ETHREAD.
    pub object: u64,
    /// Where it began.
    routine: u64,
    registers: Registers,
    stack: u64,
    pub state: State,
    /// When the wait is over at the latest.
    pub deadline: Option<u64>,
    /// How deep calls were nested when it was started or resumed.
    depth: u32,
    irql: u8,
}

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Running,
    Waiting { objects: Vec<u64>, all: bool },
    Done,
}

/// Work for a system thread.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// What is shown for it.
    pub name: &'static str,
    /// The routine.
    pub routine: u64,
    /// Its arguments.
    pub arguments: Vec<u64>,
    /// The work item that it was queued with, if one was.
    pub item: Option<Item>,
}

/// A work item of the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// IO_WORKITEM or WORK_QUEUE_ITEM.
    pub address: u64,
    /// What its routine is given.
    pub parameter: u64,
}

/// A timer that is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    /// When it is due.
    pub due: u64,
    /// How long until it is due again, or 0.
    pub period: u64,
    /// KDPC, or 0.
    pub deferred: u64,
}

/// Offsets in DISPATCHER_HEADER and what begins with it.
pub(crate) mod offset {
    pub const SIGNAL_STATE: u64 = 4;
    pub const DPC_ROUTINE: u64 = 0x18;
    pub const DPC_CONTEXT: u64 = 0x20;
    pub const DPC_ARGUMENT1: u64 = 0x28;
    pub const DPC_ARGUMENT2: u64 = 0x30;
    pub const DPC_DATA: u64 = 0x38;
    pub const MUTANT_OWNER: u64 = 0x28;
}

/// Threads that are made, at most.
const MOST_THREADS: usize = 64;
/// How long is waited for timers after DriverEntry, in units of 100 ns: two seconds.
pub(crate) const PATIENCE: u64 = 20_000_000;
/// How long is waited for them after each request: as long as a program takes to come up with the next one.
pub(crate) const MOMENT: u64 = 10_000;
/// What is run after each phase, at most.
const MOST_STEPS: usize = 48;
/// What is not run of deferred procedure calls, work and threads that go on for longer than a run waits.
const FURTHER_CALLS: &str = "further DPCs";
pub(crate) const FURTHER_WORK: &str = "further work items";
const FURTHER_TIME: &str = "further time of system threads";

impl Kernel<'_> {
    /// A stack; its highest address.
    pub(crate) fn make_stack(&mut self) -> Option<u64> {
        let bottom = STACKS + self.schedule.stacks * STACK_STRIDE + STACK_GAP;
        self.schedule.stacks += 1;
        let mapped = self.map(bottom, STACK_PAGES, Rights::READ_WRITE, "stack");
        mapped.then_some(bottom + STACK_PAGES * PAGE)
    }

    /// Makes a thread that will run `routine`; its ETHREAD.
    pub(crate) fn make_thread(&mut self, routine: u64, context: u64) -> Option<u64> {
        if self.schedule.threads.len() >= MOST_THREADS {
            self.run_short("threads");
            return None;
        }
        let place = self.schedule.threads.len();
        let object = self.make_object(crate::objects::Object::Thread(place), 0x800)?;
        let id = 0x2000 + 4 * place as u64;
        self.fill_thread(object, data::SYSTEM_PROCESS, data::SYSTEM_PROCESS_ID, id);
        let stack = self.make_stack()?;
        let mut registers = Registers { gs_base: self.registers().gs_base, ..Registers::default() };
        registers.rip = routine;
        registers.rflags = 0x202;
        registers.set(Register::Rcx, context);
        registers.set(Register::Rsp, stack - 0x48);
        let _ = self.memory().write_u64(stack - 0x48, crate::gates::RETURN);
        let thread = Thread {
            object,
            routine,
            registers,
            stack,
            state: State::Ready,
            deadline: None,
            depth: 0,
            irql: 0,
        };
        self.schedule.threads.push(thread);
        Some(object)
    }

    /// Whether the running thread can be put aside here: nothing of the kernel is on its way.
    pub(crate) fn can_park(&self) -> bool {
        let current = self.schedule.current.and_then(|index| self.schedule.threads.get(index));
        current.is_some_and(|thread| thread.depth == self.depth)
    }

    /// Lets a thread run until it ends or waits.
    fn run_thread(&mut self, index: usize) -> Result<(), Stop> {
        let (saved, before) = (self.registers().clone(), self.schedule.current.replace(index));
        let (thread_before, irql) = (self.thread(), self.irql);
        let slice_end = self.used().saturating_add(self.options.budget.slice);
        let slice = std::mem::replace(&mut self.slice_end, slice_end);
        let in_program = std::mem::replace(&mut self.schedule.in_program, false);
        self.depth += 1;
        let thread = &mut self.schedule.threads[index];
        thread.state = State::Running;
        thread.depth = self.depth;
        let (object, registers, level) = (thread.object, thread.registers.clone(), thread.irql);
        let routine = thread.routine;
        self.irql = level;
        *self.registers() = registers;
        self.set_thread(object);
        let outer = std::mem::replace(&mut self.routine, routine);
        let answer = self.execute();
        self.routine = outer;
        self.depth -= 1;
        let now = self.registers().clone();
        let level = std::mem::replace(&mut self.irql, irql);
        self.slice_end = slice;
        self.schedule.current = before;
        self.schedule.in_program = in_program;
        let done = matches!(answer, Ok(_) | Err(Stop::Ended));
        let thread = &mut self.schedule.threads[index];
        thread.irql = level;
        if !matches!(answer, Err(Stop::Down)) {
            thread.registers = now;
            *self.registers() = saved;
            self.set_thread(thread_before);
        }
        match answer {
            _ if done => self.end_thread(index),
            Err(Stop::Parked) => {
                let thread = &mut self.schedule.threads[index];
                if thread.state == State::Running {
                    thread.state = State::Ready;
                }
                Ok(())
            }
            Err(other) => Err(other),
            Ok(_) => Ok(()),
        }
    }

    fn end_thread(&mut self, index: usize) -> Result<(), Stop> {
        let thread = &mut self.schedule.threads[index];
        thread.state = State::Done;
        let (object, stack) = (thread.object, thread.stack);
        self.put_u32(object.wrapping_add(offset::SIGNAL_STATE), 1)?;
        self.unmap(stack - STACK_PAGES * PAGE, STACK_PAGES, "stack");
        Ok(())
    }

    /// Runs one thing that is ready, or moves time on to the next one that will be, not past `until`;
    /// false where there is none.
    pub(crate) fn advance(&mut self, until: u64) -> Result<bool, Stop> {
        if let Some(object) = self.schedule.deferred.pop_front() {
            self.run_deferred(object)?;
            return Ok(true);
        }
        if let Some(work) = self.schedule.work.pop_front() {
            self.aside(work.name, 0, |kernel| {
                kernel.must_be_there(work.routine)?;
                let answer = kernel.call(work.routine, &work.arguments)?;
                kernel.must_be_at_low_level(&work)?;
                Ok(answer)
            })?;
            return Ok(true);
        }
        if let Some(index) = (0..self.schedule.threads.len()).find(|&index| self.is_ready(index)) {
            self.aside("system thread", 0, |kernel| {
                kernel.must_be_there(kernel.goes_on_at(index))?;
                kernel.run_thread(index).map(|()| 0)
            })?;
            return Ok(true);
        }
        self.charge(self.schedule.timers.len() as u64)?;
        let timers = self.schedule.timers.values().map(|timer| timer.due);
        let sleepers = self.schedule.threads.iter().filter_map(|thread| match thread.state {
            State::Waiting { .. } => thread.deadline,
            _ => None,
        });
        let Some(next) = timers.chain(sleepers).min().filter(|&next| next <= until) else {
            return Ok(false);
        };
        self.clock = self.clock.max(next);
        self.tick();
        self.fire_timers()?;
        Ok(true)
    }

    /// Where a thread goes on: after a wait, behind the call of the kernel.
    fn goes_on_at(&self, index: usize) -> u64 {
        let registers = &self.schedule.threads[index].registers;
        match self.rva(registers.rip) {
            Some(_) => registers.rip,
            None => self.u64(registers.get(Register::Rsp)).unwrap_or(registers.rip),
        }
    }

    /// The system stops if something of the driver is to be run and the driver was unloaded.
    fn must_be_there(&mut self, routine: u64) -> Result<(), Stop> {
        if !self.is_gone || self.rva(routine).is_none() {
            return Ok(());
        }
        /// The access: an instruction is fetched.
        const EXECUTE: u64 = 0x10;
        self.registers().rip = routine;
        let code = bug_check::DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS;
        Err(self.stop(crate::Kind::Crash, code, [routine, EXECUTE, routine, 0]))
    }

    /// The system stops if a work item's routine leaves the level raised for the thread that called it.
    fn must_be_at_low_level(&mut self, work: &Work) -> Result<(), Stop> {
        let Some(item) = work.item.filter(|_| self.irql >= faults::DISPATCH) else { return Ok(()) };
        let parameters = [work.routine, self.irql.into(), item.parameter, item.address];
        let code = bug_check::WORKER_THREAD_RETURNED_AT_BAD_IRQL;
        Err(self.stop_after(work.routine, code, parameters))
    }

    fn is_ready(&self, index: usize) -> bool {
        let thread = &self.schedule.threads[index];
        match &thread.state {
            State::Ready => true,
            State::Running | State::Done => false,
            State::Waiting { objects, all } => {
                thread.deadline.is_some_and(|deadline| deadline <= self.clock)
                    || self.satisfied(objects, *all, thread.object).is_some()
            }
        }
    }

    fn fire_timers(&mut self) -> Result<(), Stop> {
        let now = self.clock;
        let due = self.schedule.timers.iter().filter(|(_, timer)| timer.due <= now);
        let due: Vec<_> = due.map(|(&at, &timer)| (at, timer)).collect();
        for (at, timer) in due {
            self.put_u32(at.wrapping_add(offset::SIGNAL_STATE), 1)?;
            match timer.period {
                0 => self.schedule.timers.remove(&at),
                period => {
                    let due = self.clock.saturating_add(period).min(LATEST);
                    self.schedule.timers.insert(at, Timer { due, ..timer })
                }
            };
            if timer.deferred != 0 {
                self.queue_deferred(timer.deferred);
            }
        }
        Ok(())
    }

    /// Queues a deferred procedure call; false where it is queued already.
    pub(crate) fn queue_deferred(&mut self, object: u64) -> bool {
        self.spend(self.schedule.deferred.len() as u64 / 8);
        if self.schedule.deferred.contains(&object) {
            return false;
        }
        if self.schedule.deferred.len() >= self.options.budget.entries {
            self.leave_out(FURTHER_CALLS);
            return false;
        }
        self.schedule.deferred.push_back(object);
        true
    }

    /// Runs the queued deferred calls, which the processor does as soon as the level allows it.
    pub(crate) fn drain_deferred(&mut self) -> Result<(), Stop> {
        for _ in 0..MOST_STEPS {
            if self.irql >= faults::DISPATCH {
                break;
            }
            match self.schedule.deferred.pop_front() {
                Some(object) => self.run_deferred(object)?,
                None => break,
            }
        }
        Ok(())
    }

    fn run_deferred(&mut self, object: u64) -> Result<(), Stop> {
        let arguments = [
            object,
            self.u64(object.wrapping_add(offset::DPC_CONTEXT))?,
            self.u64(object.wrapping_add(offset::DPC_ARGUMENT1))?,
            self.u64(object.wrapping_add(offset::DPC_ARGUMENT2))?,
        ];
        self.put_u64(object.wrapping_add(offset::DPC_DATA), 0)?;
        let routine = self.u64(object.wrapping_add(offset::DPC_ROUTINE))?;
        if routine != 0 {
            self.aside("DPC", faults::DISPATCH, |kernel| {
                kernel.must_be_there(routine)?;
                kernel.call(routine, &arguments)
            })?;
        }
        Ok(())
    }

    /// Runs something at `irql` that is not part of what runs now: a phase of its own.
    fn aside(
        &mut self,
        name: &'static str,
        irql: u8,
        run: impl FnOnce(&mut Self) -> Answer,
    ) -> Result<(), Stop> {
        let before = std::mem::replace(&mut self.irql, irql);
        let in_program = std::mem::replace(&mut self.schedule.in_program, false);
        let thread = self.thread();
        self.set_thread(data::SYSTEM_THREAD);
        let answer = self.phase_without_status(name, run);
        self.set_thread(thread);
        self.schedule.in_program = in_program;
        self.irql = before;
        match answer {
            Ok(()) | Err(Stop::Ended) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Runs what a phase left to be run, and what comes up for some time after it.
    pub(crate) fn settle(&mut self, patience: u64) -> Result<(), Stop> {
        let until = self.clock.saturating_add(patience);
        for _ in 0..MOST_STEPS {
            if !self.advance(until)? {
                break;
            }
        }
        Ok(())
    }

    /// Gives up on what would go on for longer than a run waits, and tells so: what is ready and was not run is so for want
    /// of patience, and not the driver's fault.
    pub(crate) fn give_up(&mut self) {
        if !std::mem::take(&mut self.schedule.deferred).is_empty() {
            self.leave_out(FURTHER_CALLS);
        }
        if !std::mem::take(&mut self.schedule.work).is_empty() {
            self.leave_out(FURTHER_WORK);
        }
        for index in 0..self.schedule.threads.len() {
            if self.is_ready(index) {
                self.leave_out(FURTHER_TIME);
                self.schedule.threads[index].state = State::Done;
            }
        }
    }

    /// Threads that still run or wait.
    pub(crate) fn living_threads(&self) -> impl Iterator<Item = &Thread> {
        self.schedule.threads.iter().filter(|thread| thread.state != State::Done)
    }
}
