//! Faults: what Windows does about an access that the pages do not allow.

use crate::bug_check;
use crate::kernel::Kernel;
use crate::privileged::EXECUTION_PREVENTION;
use crate::space;
use crate::stop::{Exception, Stop, status};
use crate::{BugCheck, End, Kind, Touched, Violation};
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
            return Err(self.stop(Kind::MemoryIntegrity, code, [address, entry, 0, 0]));
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
        if self.is_unprotected() && !(self.hvci() && self.is_kept(page, touched)) {
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
            // What its section lets the driver write to is read-only with memory integrity only.
            Touched::ImportPage if self.is_writable_section(address) => Kind::MemoryIntegrity,
            // Constants, and mappings that were asked for as read-only, are so on every Windows.
            Touched::Discarded | Touched::ImportPage | Touched::Image | Touched::Memory => {
                Kind::Crash
            }
        };
        Err(self.stop(kind, code, [address, entry, 0, 0]))
    }

    fn is_writable_section(&self, address: u64) -> bool {
        self.loaded.section_of(address).is_some_and(|section| section.is_writable())
    }

    /// Whether the guest's own page tables let a write through, so that it is the hypervisor that objects.
    fn is_stopped_outside(&mut self, page: u64, touched: Touched) -> bool {
        let by_address = self.mappings.shielded.contains(&page);
        self.hvci() && (by_address || self.is_unprotected() && self.is_kept(page, touched))
    }

    /// Whether the hypervisor keeps a page from being written to, by whatever address. While CR0.WP is clear, or by a
    /// mapping, the kernel may write to all others.
    ///
    /// Code is kept, as its pages become executable; so is a page that holds some of the import address table. Other data
    /// of images is not, as far as is documented: MmProtectDriverSection is there for a driver to have a data section of
    /// its own protected by the second level of address translation, and it refuses sections that are executable or hold
    /// the import address table. That Windows does not do the same for constants unasked is an assumption; no page says it
    /// outright.
    fn is_kept(&mut self, page: u64, touched: Touched) -> bool {
        match touched {
            Touched::Code => true,
            Touched::ImportTable | Touched::ImportPage => {
                let number = self.mappings.frame_of(page);
                let behind = self.mappings.page_of(number).unwrap_or(page);
                self.keeps_imports(behind)
            }
            Touched::Discarded | Touched::Image | Touched::Memory => false,
        }
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
        // Present and accessed; writable and dirty; for programs too; not executable.
        let mut entry = (frame * PAGE) | 0x21;
        if rights.contains(Rights::WRITE) {
            entry |= 0x42;
        }
        let is_of_program = address < space::SYSTEM;
        if is_of_program {
            entry |= 4;
        }
        // The entry says what a program may execute of its pages; the kernel is kept from them by the bit above.
        let is_for_program = is_of_program && self.mappings.executable_for_program.contains(&page);
        if !rights.contains(Rights::EXECUTE) && !is_for_program {
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

    /// The system stops for how a routine of the driver returned: that is the place.
    pub(crate) fn stop_after(&mut self, routine: u64, code: u32, parameters: [u64; 4]) -> Stop {
        self.routine = routine;
        self.registers().rip = routine;
        self.stop(Kind::Crash, code, parameters)
    }

    /// What is known at the place where execution is.
    pub(crate) fn violation(&mut self, kind: Kind, bug_check: BugCheck) -> Violation {
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
        // There it is the system service that returns.
        if bug_check.code == bug_check::IRQL_GT_ZERO_AT_SYSTEM_SERVICE {
            return false;
        }
        let gate = self.gates.at(bug_check.parameters[0] & !(space::GATE_SIZE - 1));
        gate.is_some_and(|gate| gate.entry.is_none())
    }

    /// `int n`: a fast failure, or nothing that a driver may do.
    pub(crate) fn interrupt(&mut self, vector: u8) -> Result<(), Stop> {
        /// `__fastfail`: the reason is in ECX.
        const FAST_FAIL: u8 = 0x29;
        /// `int n`.
        const LENGTH: u64 = 2;
        // 2D and 2C are calls of a debugger and of an assertion; without one they do nothing.
        if matches!(vector, 0x2C | 0x2D) {
            return Ok(());
        }
        // It is about the instruction itself: where nothing comes behind it, another function or none begins there.
        let next = self.registers().rip;
        self.registers().rip = next.wrapping_sub(LENGTH);
        if vector == FAST_FAIL {
            let reason = self.registers().get(ringfence_machine::Register::Rcx) & 0xFFFF_FFFF;
            let code = bug_check::KERNEL_SECURITY_CHECK_FAILURE;
            return Err(self.stop(Kind::Crash, code, [reason, 0, 0, 0]));
        }
        self.raise(Exception::of(status::ACCESS_VIOLATION))
    }
}
