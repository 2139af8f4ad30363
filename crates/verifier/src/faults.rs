//! Faults: what Windows does about an access that the pages do not allow.

use crate::bug_check;
use crate::call::Call;
use crate::kernel::Kernel;
use crate::privileged::EXECUTION_PREVENTION;
use crate::space;
use crate::stop::{Exception, Stop, status};
use crate::{BugCheck, End, Fixed, Kind, Touched, Violation};
use ringfence_ddi::{Bits, Ddi, Grant, Role, Ruling, VerifierBehaviour};
use ringfence_machine::{Access, PAGE, Rights};

/// CR0.WP.
pub(crate) const WRITE_PROTECT: u64 = 1 << 16;
/// DISPATCH_LEVEL.
pub(crate) const DISPATCH: u8 = 2;

impl Kernel<'_> {
    /// An access that failed; `Ok` where the driver goes on.
    pub(crate) fn page_fault(
        &mut self,
        address: u64,
        access: Access,
        mapped: bool,
    ) -> Result<(), Stop> {
        if mapped && access == Access::Write {
            return match self.write_refused(address) {
                Err(Stop::Raise(exception)) => self.raise(exception),
                other => other,
            };
        }
        let system = address >= space::SYSTEM;
        if mapped && access == Access::Execute {
            if !system && self.may_execute_user(address) {
                return Ok(());
            }
            let entry = self.page_table_entry(address);
            let code = bug_check::ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY;
            let kind = match self.executed(address) {
                // Data of images is executable on no Windows.
                Touched::ImportTable | Touched::Image => Kind::Crash,
                Touched::Code | Touched::Discarded | Touched::Memory => Kind::MemoryIntegrity,
            };
            return Err(self.stop(kind, code, [address, entry, 0, 0]));
        }
        if !mapped && self.is_beyond_stack(address) {
            return Err(self.double_fault());
        }
        let rip = self.registers().rip;
        let gone = access == Access::Execute && self.is_discarded(address);
        let kind = if gone { Kind::MemoryIntegrity } else { Kind::Crash };
        if self.irql >= DISPATCH {
            let access = match access {
                Access::Read => 0,
                Access::Write => 1,
                Access::Execute => 8,
            };
            let parameters = [address, u64::from(self.irql), access, rip];
            return Err(self.stop(kind, bug_check::DRIVER_IRQL_NOT_LESS_OR_EQUAL, parameters));
        }
        if system {
            let access = match access {
                Access::Read => 0,
                Access::Write => 2,
                Access::Execute => 0x10,
            };
            let parameters = [address, access, rip, 0];
            return Err(self.stop(kind, bug_check::PAGE_FAULT_IN_NONPAGED_AREA, parameters));
        }
        let access = match access {
            Access::Read => 0,
            Access::Write => 1,
            Access::Execute => 8,
        };
        self.raise(Exception::access_violation(access, address))
    }

    /// The processor lets the kernel execute no page of a program, unless CR4.SMEP is clear; with memory
    /// integrity it never does. Whether it is executed now.
    fn may_execute_user(&mut self, address: u64) -> bool {
        let page = space::page_of(address);
        let rights = self.processor.memory().rights(page).unwrap_or(Rights::NONE);
        !self.hvci()
            && self.control4 & EXECUTION_PREVENTION == 0
            && self.mappings.executable_for_program.contains(&page)
            && self.protect(page, 1, rights | Rights::EXECUTE, "executed with CR4.SMEP clear")
    }

    /// Whether an address is where the stack would go on if it had room: nothing can be put there about the
    /// fault either.
    fn is_beyond_stack(&mut self, address: u64) -> bool {
        let stack = self.registers().get(ringfence_machine::Register::Rsp);
        let near = stack.abs_diff(address) < space::STACK_STRIDE;
        near && (space::STACKS..space::OBJECTS).contains(&address)
    }

    /// A write to a page that may not be written.
    pub(crate) fn write_refused(&mut self, address: u64) -> Result<(), Stop> {
        let page = space::page_of(address);
        if self.lets_table_be_written(page) {
            return Ok(());
        }
        let touched = self.touched(address);
        if self.is_unprotected() && !(self.hvci() && is_kept(touched)) {
            let rights = self.processor.memory().rights(page).unwrap_or(Rights::READ);
            if self.unprotected.len() < self.options.budget.entries
                && self.protect(page, 1, rights | Rights::WRITE, "written with CR0.WP clear")
            {
                self.unprotected.push(page);
                return Ok(());
            }
        }
        if address < space::SYSTEM {
            return Err(Stop::Raise(Exception::access_violation(1, address)));
        }
        if self.is_stopped_outside(page, touched) {
            /// A write that the second level of address translation does not allow.
            const WRITE: u64 = 4;
            let (record, context) = self.recorded(Exception::access_violation(1, address));
            let code = bug_check::SECURE_FAULT_UNHANDLED;
            return Err(self.stop(Kind::MemoryIntegrity, code, [WRITE, address, record, context]));
        }
        let entry = self.page_table_entry(address);
        let code = bug_check::ATTEMPTED_WRITE_TO_READONLY_MEMORY;
        let kind = match touched {
            Touched::Code | Touched::ImportTable => Kind::MemoryIntegrity,
            // Constants, and mappings that were asked for as read-only, are so on every Windows.
            Touched::Discarded | Touched::Image | Touched::Memory => Kind::Crash,
        };
        Err(self.stop(kind, code, [address, entry, 0, 0]))
    }

    /// Whether the guest's own page tables let a write through, so that it is the hypervisor that objects.
    fn is_stopped_outside(&self, page: u64, touched: Touched) -> bool {
        let by_address = self.mappings.shielded.contains(&page);
        self.hvci() && (by_address || self.is_unprotected() && is_kept(touched))
    }

    /// Whether the driver has cleared CR0.WP.
    fn is_unprotected(&self) -> bool {
        self.control0 & WRITE_PROTECT == 0
    }

    /// CR0.WP is set again: pages that were only writable without it are no longer.
    pub(crate) fn protect_again(&mut self) {
        for page in std::mem::take(&mut self.unprotected) {
            if let Some(rights) = self.processor.memory().rights(page) {
                self.protect(page, 1, rights.without(Rights::WRITE), "CR0.WP is set");
            }
        }
    }

    /// What the page table would say of a page.
    pub(crate) fn page_table_entry(&mut self, address: u64) -> u64 {
        let page = space::page_of(address);
        let Some(rights) = self.processor.memory().rights(page) else { return 0 };
        let frame = self.mappings.frame_of(page);
        // Present and accessed; writable and dirty; not executable.
        let mut entry = (frame * PAGE) | 0x21;
        if rights.contains(Rights::WRITE) {
            entry |= 0x42;
        }
        if !rights.contains(Rights::EXECUTE) {
            entry |= 1 << 63;
        }
        entry
    }

    /// The system stops.
    pub(crate) fn stop(&mut self, kind: Kind, code: u32, parameters: [u64; 4]) -> Stop {
        let violation = self.violation(kind, BugCheck { code, parameters });
        self.record(violation);
        let seen = self.run.violations.iter().any(|violation| violation.kind != Kind::Crash);
        self.run.end = if seen { End::Violation } else { End::Fault };
        Stop::Down
    }

    /// What is known at the place where execution is.
    fn violation(&mut self, kind: Kind, bug_check: BugCheck) -> Violation {
        let registers = self.registers().clone();
        let stack = self.stack(&registers);
        let outer = stack.iter().skip(1).find_map(|frame| frame.rva);
        let is_executed = bug_check.code == bug_check::ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY;
        let memory = match bug_check.code {
            bug_check::ATTEMPTED_WRITE_TO_READONLY_MEMORY => Some(bug_check.parameters[0]),
            bug_check::SECURE_FAULT_UNHANDLED => Some(bug_check.parameters[1]),
            // All else that is about memory of that kind is about code that is gone.
            _ if kind == Kind::MemoryIntegrity => Some(bug_check.parameters[0]),
            _ => None,
        };
        Violation {
            kind,
            bug_check,
            count: 1,
            image: None,
            touched: match is_executed {
                true => Some(self.executed(bug_check.parameters[0])),
                false => memory.map(|address| self.touched(address)),
            },
            unprotected: self.is_unprotected(),
            ddi: None,
            function: None,
            value: None,
            address: registers.rip,
            rva: self.rva(registers.rip),
            call_site: outer,
            routine: self.rva(self.routine),
            registers,
            stack,
            under_assumption: self.run.under_assumption() || self.is_unknown_export(&bug_check),
            phase: self.phase,
        }
    }

    /// Whether it is about an address that was given out for something of which nothing is known: data of
    /// the kernel looks like a function then.
    fn is_unknown_export(&mut self, bug_check: &BugCheck) -> bool {
        let gate = self.gates.at(bug_check.parameters[0] & !(space::GATE_SIZE - 1));
        gate.is_some_and(|gate| gate.entry.is_none())
    }

    /// Driver Verifier looks at a call before the function does.
    pub(crate) fn check(&mut self, ddi: &'static Ddi, call: &Call) {
        self.tally(ddi, call);
        if self.hvci() {
            return;
        }
        match ddi.verifier.behaviour {
            VerifierBehaviour::Report | VerifierBehaviour::ViaModule if self.is_looked_at(ddi) => {
                self.report(ddi, call);
            }
            VerifierBehaviour::SubstituteNx if asks(ddi, call).is_some() => {
                let rva = self.rva(call.caller);
                let fixed = Fixed { ddi: ddi.name, caller: call.caller, rva };
                let room = self.told.len() < self.options.budget.entries;
                if room && self.told.insert((0, call.caller)) {
                    self.run.fixed.push(fixed);
                }
            }
            _ => {}
        }
    }

    /// Counts what a call asks for, where it decides about executable memory.
    fn tally(&mut self, ddi: &'static Ddi, call: &Call) {
        if !matches!(ddi.grant, Grant::Argument | Grant::Always) {
            return;
        }
        let Some(rva) = self.rva(call.caller) else { return };
        let (key, room) = ((rva, ddi.name), self.run.requests.len() < self.options.budget.entries);
        if !room && !self.run.requests.contains_key(&key) {
            return;
        }
        let under_assumption = self.run.under_assumption();
        let tally = self.run.requests.entry(key).or_default();
        tally.calls += 1;
        tally.executable += u64::from(asks(ddi, call).is_some());
        tally.under_assumption |= under_assumption;
    }

    /// Reports a call that asks for executable memory, once per call site and subcode.
    fn report(&mut self, ddi: &'static Ddi, call: &Call) {
        let Some(subcode) = ddi.verifier.subcode else { return };
        let Some((value, shown)) = asks(ddi, call) else { return };
        let place = self.call_site(ddi, call, value);
        if let Some(&known) = self.reported.get(&place) {
            if let Some(violation) = self.run.violations.get_mut(known) {
                violation.count += 1;
            }
            return;
        }
        if self.reported.len() >= self.options.budget.entries {
            return;
        }
        self.reported.insert(place, self.run.violations.len());
        // ExAllocatePool2 and 3 hand a converted type on, and no tag.
        let converted = shown != value;
        let tag =
            ddi.parameters.iter().position(|parameter| matches!(parameter.name, "Tag" | "PoolTag"));
        let tag = tag.filter(|_| subcode == 0x2000 && !converted && !is_pool_flags(ddi));
        let tag = tag.map_or(0, |index| u64::from(call.u32(index)));
        let parameters = [u64::from(subcode), call.caller, shown, tag];
        let code = bug_check::DRIVER_VERIFIER_DETECTED_VIOLATION;
        let mut violation = self.violation(Kind::CodeIntegrity, BugCheck { code, parameters });
        violation.ddi = Some(ddi);
        violation.function = Some(std::sync::Arc::clone(&call.name));
        violation.value = Some(value);
        violation.address = call.caller;
        violation.rva = self.rva(call.caller);
        violation.call_site = violation.rva;
        // The call's own frame is the kernel's.
        violation.stack = self.stack_of_call(call);
        self.record(violation);
        self.run.end = End::Violation;
    }

    /// What makes a call another one than those before. A jump to the function leaves no address of its own: the call
    /// returns where the function returns that jumped. So calls by jumps are told apart by what they ask for.
    fn call_site(&mut self, ddi: &'static Ddi, call: &Call, value: u64) -> CallSite {
        /// The first of the five bytes of a direct call, which is none of a function of the kernel.
        const DIRECT: u8 = 0xE8;
        let is_direct = |before| self.u8(before).is_ok_and(|byte| byte == DIRECT);
        let is_jump = self.rva(call.caller).is_none() || is_direct(call.caller.wrapping_sub(5));
        let by_jump = is_jump.then_some((self.routine, value));
        CallSite { ddi: ddi.name, caller: call.caller, by_jump }
    }

    /// Who called whom, seen from a function of the kernel.
    fn stack_of_call(&mut self, call: &Call) -> Vec<crate::Frame> {
        let mut registers = self.registers().clone();
        let stack = registers.get(ringfence_machine::Register::Rsp);
        registers.rip = call.caller;
        registers.set(ringfence_machine::Register::Rsp, stack.wrapping_add(8));
        self.stack(&registers)
    }

    /// `int n`: a fast failure, or nothing that a driver may do.
    pub(crate) fn interrupt(&mut self, vector: u8) -> Result<(), Stop> {
        /// `__fastfail`: the reason is in ECX.
        const FAST_FAIL: u8 = 0x29;
        if vector == FAST_FAIL {
            let reason = self.registers().get(ringfence_machine::Register::Rcx) & 0xFFFF_FFFF;
            let code = bug_check::KERNEL_SECURITY_CHECK_FAILURE;
            return Err(self.stop(Kind::Crash, code, [reason, 0, 0, 0]));
        }
        // 2D and 2C are calls of a debugger and of an assertion; without one they do nothing.
        if matches!(vector, 0x2C | 0x2D) {
            return Ok(());
        }
        self.raise(Exception::of(status::ACCESS_VIOLATION))
    }
}

/// What tells calls of functions of the kernel apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallSite {
    ddi: &'static str,
    /// Where the call returns to.
    caller: u64,
    /// Where it may be one by a jump: the function that the kernel called, and what is asked for.
    by_jump: Option<(u64, u64)>,
}

/// Whether the hypervisor keeps such pages from being written to, by whatever address. While CR0.WP is clear, or by a
/// mapping, the kernel may write to all others.
///
/// Code is kept, as its pages become executable; so is the import address table. Other data of images is not, as far as
/// is documented: MmProtectDriverSection is there for a driver to have a data section of its own protected by the
/// second level of address translation, and it refuses sections that are executable or hold the import address table.
/// That Windows does not do the same for constants unasked is an assumption; no page says it outright.
fn is_kept(touched: Touched) -> bool {
    matches!(touched, Touched::Code | Touched::ImportTable)
}

fn is_pool_flags(ddi: &Ddi) -> bool {
    ddi.deciding().is_some_and(|(_, parameter)| parameter.role == Some(Role::PoolFlags))
}

/// The deciding argument of a call that asks for executable memory, and how the bug check shows it.
fn asks(ddi: &'static Ddi, call: &Call) -> Option<(u64, u64)> {
    let Some((index, parameter)) = ddi.deciding() else {
        // MmMapLockedPages and its like leave no choice.
        let always = ddi.grant == Grant::Always;
        return always.then_some((0, 0));
    };
    let role = parameter.role?;
    let value = call.at(usize::from(index)) & (u64::MAX >> (64 - u32::from(role.bits())));
    if role == Role::PoolFlags && !names_one_pool(value) {
        // It gives no memory, and Driver Verifier does not look at it.
        return None;
    }
    let ruling = role.rule(Bits::of(value));
    let executable = matches!(ruling, Ruling::Executable | Ruling::WritableExecutable);
    let shown = if role == Role::PoolFlags { converted(value) } else { value };
    executable.then_some((value, shown))
}

/// Whether POOL_FLAGS name one pool, as they have to: executable, non-paged or paged.
pub(crate) fn names_one_pool(flags: u64) -> bool {
    const POOLS: u64 = 0x1C0;
    (flags & POOLS).count_ones() == 1
}

/// The POOL_TYPE that POOL_FLAGS stand for, without what only modifies it.
pub(crate) fn converted(flags: u64) -> u64 {
    /// POOL_FLAG_ values.
    const SESSION: u64 = 0x4;
    const CACHE_ALIGNED: u64 = 0x8;
    const NON_PAGED: u64 = 0x40;
    const PAGED: u64 = 0x100;
    let mut kind = match flags {
        _ if flags & PAGED != 0 => 1,
        _ if flags & NON_PAGED != 0 => 0x200,
        _ => 0,
    };
    if flags & CACHE_ALIGNED != 0 {
        kind |= 4;
    }
    if flags & SESSION != 0 {
        kind |= 0x20;
    }
    kind
}
