//! Instructions of ring 0.

use crate::faults::WRITE_PROTECT;
use crate::kernel::Kernel;
use crate::space;
use crate::stop::{Exception, Stop, status};
use crate::{Cleared, Happening};
use ringfence_machine::{DescriptorTable, Operation, PAGE, Place, Privileged, Register, Rights};
use std::ops::Range;

/// Model-specific registers.
mod number {
    pub const TIME_STAMP: u32 = 0x10;
    pub const APIC_BASE: u32 = 0x1B;
    pub const EXTENDED_FEATURES: u32 = 0xC000_0080;
    pub const LONG_SYSTEM_CALL: u32 = 0xC000_0082;
    pub const GS_BASE: u32 = 0xC000_0101;
    pub const PROCESSOR: u32 = 0xC000_0103;
}

/// Where the GDT is, and behind it the IDT, a page each.
const TABLES: Range<u64> = space::PROCESSOR + 2 * PAGE..space::PROCESSOR + 4 * PAGE;
/// CR4.SMEP: the kernel does not execute what is a program's.
pub(crate) const EXECUTION_PREVENTION: u64 = 1 << 20;
/// CR4.SMAP: nor does it touch that by mistake.
const ACCESS_PREVENTION: u64 = 1 << 21;

impl Kernel<'_> {
    /// Does what the instruction at RIP asks for, and goes on behind it.
    pub(crate) fn privileged(&mut self, privileged: Privileged) -> Result<(), Stop> {
        /// What leaving the guest is charged with, in instructions.
        const EXIT: u64 = 50;
        self.charge(EXIT)?;
        match privileged.what {
            Operation::ReadControl { control, into } => {
                let value = self.read_control(control);
                self.registers().set(into, value);
            }
            Operation::WriteControl { control, value } => self.write_control(control, value),
            Operation::ReadDebug { debug, into } => {
                let value = if debug == 7 { 0x400 } else { 0 };
                self.registers().set(into, value);
            }
            Operation::ReadModelSpecific { number } => {
                let value = self.model_specific(number);
                self.set_pair(value);
            }
            Operation::WriteModelSpecific { number, value } => {
                self.note_register(format!("MSR {number:#x}"), Some(value));
                self.assume("a model-specific register is set");
                if number == number::LONG_SYSTEM_CALL {
                    self.go_on_after("LSTAR is set");
                }
            }
            Operation::In { width, .. } => self.port_in(width),
            Operation::Out { .. } => self.assume("a device's port is written"),
            Operation::ClearInterrupts => self.registers().rflags &= !INTERRUPTS,
            Operation::SetInterrupts => self.registers().rflags |= INTERRUPTS,
            Operation::LoadDescriptorTable { table, .. } => {
                self.note_register(format!("{table:?} descriptor table"), None);
                self.assume("a descriptor table is loaded");
                if matches!(table, DescriptorTable::Global | DescriptorTable::Interrupt) {
                    self.go_on_after("the IDT or GDT is replaced");
                }
            }
            Operation::StoreDescriptorTable { table, into } => self.store_table(table, into)?,
            Operation::CpuId { leaf, subleaf } => self.identify(leaf, subleaf),
            Operation::TimeStamp => {
                let time = self.time_stamp();
                self.set_pair(time);
            }
            Operation::TimeStampAndProcessor => {
                let time = self.time_stamp();
                self.set_pair(time);
                self.registers().set(Register::Rcx, 0);
            }
            // x87, SSE and AVX.
            Operation::XGetBv { .. } => self.set_pair(7),
            Operation::WriteDebug { .. }
            | Operation::InvalidatePage { .. }
            | Operation::WriteBackCache
            | Operation::SwapGs
            | Operation::XSetBv { .. } => {}
            Operation::Other { mnemonic } => self.other(mnemonic)?,
        }
        let registers = self.registers();
        registers.rip = registers.rip.wrapping_add(u64::from(privileged.length));
        Ok(())
    }

    fn other(&mut self, mnemonic: &'static str) -> Result<(), Stop> {
        if mnemonic.starts_with("ins") || mnemonic.starts_with("outs") {
            return self.port_string(mnemonic.starts_with("ins"));
        }
        match mnemonic {
            // Without a hypervisor of its own set up, a processor knows none of these.
            _ if mnemonic.starts_with("vm") => {
                Err(Stop::Raise(Exception::of(status::ILLEGAL_INSTRUCTION)))
            }
            "rdpmc" => {
                self.assume("a performance counter is read");
                self.set_pair(0);
                Ok(())
            }
            _ => Err(self.not_emulated(format!("the instruction {mnemonic}"))),
        }
    }

    /// `ins` and `outs`: as many bytes as a prefix says go between memory and a port.
    fn port_string(&mut self, into_memory: bool) -> Result<(), Stop> {
        /// Bytes at most; a device has no more to say.
        const MOST: u64 = 1 << 16;
        let rip = self.registers().rip;
        let bytes = [self.u8(rip)?, self.u8(rip.wrapping_add(1))?, self.u8(rip.wrapping_add(2))?];
        let end = bytes.iter().position(|byte| matches!(byte, 0x6C..=0x6F)).unwrap_or(0);
        let prefixes = &bytes[..end];
        let repeated = prefixes.iter().any(|byte| matches!(byte, 0xF2 | 0xF3));
        let width = match (bytes[end] & 1, prefixes.contains(&0x66)) {
            (0, _) => 1,
            (_, true) => 2,
            _ => 4,
        };
        let count = if repeated { self.registers().get(Register::Rcx) } else { 1 };
        let length = count.saturating_mul(width).min(MOST);
        self.charge(length)?;
        let place = if into_memory { Register::Rdi } else { Register::Rsi };
        let at = self.registers().get(place);
        if into_memory {
            self.assume("a device's port is read");
            self.put(at, &vec![0xFF; length as usize])?;
        } else {
            self.assume("a device's port is written");
        }
        self.registers().set(place, at.wrapping_add(length));
        if repeated {
            self.registers().set(Register::Rcx, 0);
        }
        Ok(())
    }

    fn read_control(&self, control: u8) -> u64 {
        match control {
            0 => self.control0,
            3 => space::PAGE_TABLE_FRAME * PAGE,
            4 => self.control4,
            8 => u64::from(self.irql),
            _ => 0,
        }
    }

    /// Writes down that a register was set.
    fn note_register(&mut self, name: String, value: Option<u64>) {
        let address = self.registers().rip;
        self.note(Happening::Register { address, name, value });
    }

    fn write_control(&mut self, control: u8, value: u64) {
        if control != 8 {
            self.note_register(format!("CR{control}"), Some(value));
        }
        match control {
            0 => {
                let rip = self.registers().rip;
                let cleared = self.control0 & !value & WRITE_PROTECT != 0;
                let room = self.told.len() < self.options.budget.entries;
                if let Some(rva) = self.rva(rip).filter(|_| cleared && room)
                    && self.told.insert((1, rip))
                {
                    let (phase, under_assumption) = (self.phase, self.run.under_assumption());
                    self.run.protection_cleared.push(Cleared { rva, phase, under_assumption });
                }
                self.control0 = value;
                if value & WRITE_PROTECT != 0 {
                    self.protect_again();
                }
            }
            4 => {
                if self.control4 & !value & (EXECUTION_PREVENTION | ACCESS_PREVENTION) != 0 {
                    self.go_on_after("CR4.SMEP or CR4.SMAP is cleared");
                }
                self.control4 = value;
            }
            8 => self.irql = value as u8 & 15,
            _ => self.assume("a control register is set"),
        }
    }

    /// With memory integrity the hypervisor watches what decides about protection. It looks at it now and then, so
    /// that nothing says where a driver is when the system stops; the run goes on.
    fn go_on_after(&mut self, what: &str) {
        if self.hvci() {
            self.assume(&format!(
                "the system goes on after {what}, where HyperGuard may stop it (0x18C)"
            ));
        }
    }

    /// With memory integrity, makes the pages of the IDT and GDT such that a write to them is seen.
    pub(crate) fn watch_tables(&mut self) {
        if self.hvci() {
            self.protect(
                TABLES.start,
                (TABLES.end - TABLES.start) / PAGE,
                Rights::READ,
                "descriptor tables",
            );
        }
    }

    /// Whether a write goes to the IDT or GDT, and is let through from here on.
    pub(crate) fn lets_table_be_written(&mut self, page: u64) -> bool {
        let is_table = self.hvci() && TABLES.contains(&page);
        if is_table {
            self.go_on_after("the IDT or GDT is written to");
            self.protect(page, 1, Rights::READ_WRITE, "descriptor tables");
        }
        is_table
    }

    fn model_specific(&mut self, number: u32) -> u64 {
        match number {
            number::TIME_STAMP => self.time_stamp(),
            number::APIC_BASE => 0xFEE0_0900,
            number::EXTENDED_FEATURES => 0xD01,
            number::LONG_SYSTEM_CALL => {
                self.gates.of("ntoskrnl.exe", "KiSystemCall64").unwrap_or_default()
            }
            number::GS_BASE => space::PROCESSOR,
            number::PROCESSOR => 0,
            _ => {
                self.assume("a model-specific register is read");
                0
            }
        }
    }

    /// Nothing answers at a port: all bits are set.
    fn port_in(&mut self, width: u8) {
        self.assume("a device's port is read");
        let mask = if width >= 4 { 0xFFFF_FFFF } else { (1 << (8 * u32::from(width))) - 1 };
        let before = self.registers().get(Register::Rax);
        // Writing EAX clears what is above it.
        let kept = if width >= 4 { 0 } else { before & !mask };
        self.registers().set(Register::Rax, kept | mask);
    }

    fn store_table(&mut self, table: DescriptorTable, into: Place) -> Result<(), Stop> {
        let (base, limit, selector) = match table {
            DescriptorTable::Global => (TABLES.start, 0x6F, 0),
            DescriptorTable::Interrupt => (TABLES.start + PAGE, 0xFFF, 0),
            DescriptorTable::Local => (0, 0, 0),
            DescriptorTable::Task => (0, 0, 0x40_u16),
        };
        let whole = matches!(table, DescriptorTable::Global | DescriptorTable::Interrupt);
        match into {
            Place::Memory(at) if whole => {
                self.put_u16(at, limit)?;
                self.put_u64(at.wrapping_add(2), base)
            }
            Place::Memory(at) => self.put_u16(at, selector),
            Place::Register(register) => {
                self.registers().set(register, u64::from(selector));
                Ok(())
            }
        }
    }

    /// A common processor, and Microsoft's hypervisor where memory integrity is on.
    fn identify(&mut self, leaf: u32, subleaf: u32) {
        let hypervisor = self.hvci();
        let (a, b, c, d): (u32, u32, u32, u32) = match (leaf, subleaf) {
            (0, _) => (0x16, 0x756E_6547, 0x6C65_746E, 0x4965_6E69),
            (1, _) => {
                (0x000A_0655, 0x0001_0800, 0x7EFA_3203 | u32::from(hypervisor) << 31, 0xBFEB_FBFF)
            }
            (7, 0) => (0, 0x029C_6FBF, 0, 0xBC00_0400),
            (0x4000_0000, _) if hypervisor => (0x4000_0006, 0x7263_694D, 0x666F_736F, 0x7648_2074),
            (0x4000_0001, _) if hypervisor => (0x3123_7648, 0, 0, 0),
            (0x8000_0000, _) => (0x8000_0008, 0, 0, 0),
            (0x8000_0001, _) => (0, 0, 0x121, 0x2C10_0800),
            (0x8000_0008, _) => (0x3027, 0, 0, 0),
            _ => (0, 0, 0, 0),
        };
        let answers =
            [(Register::Rax, a), (Register::Rbx, b), (Register::Rcx, c), (Register::Rdx, d)];
        for (register, value) in answers {
            self.registers().set(register, u64::from(value));
        }
    }

    /// Three thousand million a second.
    pub(crate) fn time_stamp(&self) -> u64 {
        (self.clock * 300).wrapping_add(self.used())
    }

    fn set_pair(&mut self, value: u64) {
        self.registers().set(Register::Rax, value & 0xFFFF_FFFF);
        self.registers().set(Register::Rdx, value >> 32);
    }
}

/// RFLAGS.IF.
const INTERRUPTS: u64 = 0x200;
