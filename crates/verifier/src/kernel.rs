//! The emulated kernel: all that a run knows, and its ways to the guest's memory.

use crate::call::Call;
use crate::chance::Chance;
use crate::deadline::Deadline;
use crate::gates::Gates;
use crate::io::Requests;
use crate::loader::Loaded;
use crate::low_resources::Failing;
use crate::mapping::Mappings;
use crate::names::Names;
use crate::objects::Objects;
use crate::pool::Pool;
use crate::registry::Registry;
use crate::schedule::Schedule;
use crate::stop::{Answer, Stop};
use crate::{Environment, Event, Happening, Options, Run, Violation, space};
use ringfence_image::Image;
use ringfence_machine::{Access, Memory, PAGE, Processor, Registers, Rights};
use std::collections::{BTreeMap, BTreeSet};

/// All that a run knows.
pub(crate) struct Kernel<'a> {
    /// Memory and registers.
    pub processor: Box<dyn Processor>,
    /// What is asked.
    pub options: &'a Options,
    /// What is written down.
    pub run: Run,
    /// The driver.
    pub loaded: Loaded<'a>,
    /// The kernel's functions.
    pub gates: Gates,
    /// Pool.
    pub pool: Pool,
    /// Pages with two addresses, and physical ones.
    pub mappings: Mappings,
    /// Objects and handles.
    pub objects: Objects,
    /// Device names and symbolic links.
    pub names: Names,
    /// The registry.
    pub registry: Registry,
    /// Devices and requests.
    pub requests: Requests,
    /// Threads, timers, deferred calls.
    pub schedule: Schedule,
    /// The interrupt request level.
    pub irql: u8,
    /// Time in units of 100 ns since the system started.
    pub clock: u64,
    /// CR0.
    pub control0: u64,
    /// CR4.
    pub control4: u64,
    /// Pages that are writable only as long as CR0.WP is clear.
    pub unprotected: Vec<u64>,
    /// Instructions, those charged for the kernel's work among them.
    pub spent: u64,
    /// Instructions at which the running thread is interrupted.
    pub slice_end: u64,
    /// How deep calls into the guest are nested.
    pub depth: u32,
    /// The function that the kernel called last.
    pub routine: u64,
    /// What the driver is told where it asks for random numbers.
    pub chance: Chance,
    /// What decides which allocations fail.
    pub failing: Failing,
    /// Pages that are mapped.
    pub pages: u64,
    /// The phase that is run, by its place.
    pub phase: usize,
    /// Calls and instructions that are counted for a phase already.
    pub counted: (u64, u64),
    /// Calls told already.
    pub told: BTreeSet<(u64, u64)>,
    /// Where the violation of a call site is in the list of them.
    pub reported: BTreeMap<crate::checked_calls::CallSite, usize>,
    /// Whether the driver's image is not there any more.
    pub is_gone: bool,
    /// When the run has to be over by the clock.
    pub deadline: Deadline,
}

impl<'a> Kernel<'a> {
    /// Whether memory integrity is on.
    pub(crate) fn hvci(&self) -> bool {
        self.options.environment == Environment::Hvci
    }

    /// Whether Driver Verifier's code integrity checks are on; with memory integrity on, Driver Verifier is off.
    pub(crate) fn checks_code_integrity(&self) -> bool {
        !self.hvci() && self.options.code_integrity_checks
    }

    /// The image's structure.
    pub(crate) fn image(&self) -> &'a Image<'a> {
        self.loaded.image
    }

    /// Memory.
    pub(crate) fn memory(&mut self) -> &mut Memory {
        self.processor.memory_mut()
    }

    /// Registers.
    pub(crate) fn registers(&mut self) -> &mut Registers {
        self.processor.registers_mut()
    }

    /// Reads a byte for the driver.
    pub(crate) fn u8(&self, address: u64) -> Result<u8, Stop> {
        self.processor
            .memory()
            .read_u8(address)
            .map_err(|gone| Stop::Missing(gone.address, Access::Read))
    }

    /// Reads 16 bits for the driver.
    pub(crate) fn u16(&self, address: u64) -> Result<u16, Stop> {
        self.processor
            .memory()
            .read_u16(address)
            .map_err(|gone| Stop::Missing(gone.address, Access::Read))
    }

    /// Reads 32 bits for the driver.
    pub(crate) fn u32(&self, address: u64) -> Result<u32, Stop> {
        self.processor
            .memory()
            .read_u32(address)
            .map_err(|gone| Stop::Missing(gone.address, Access::Read))
    }

    /// Reads 64 bits for the driver.
    pub(crate) fn u64(&self, address: u64) -> Result<u64, Stop> {
        self.processor
            .memory()
            .read_u64(address)
            .map_err(|gone| Stop::Missing(gone.address, Access::Read))
    }

    /// Writes a byte for the driver.
    pub(crate) fn put_u8(&mut self, address: u64, value: u8) -> Result<(), Stop> {
        self.put(address, &[value])
    }

    /// Writes 16 bits for the driver.
    pub(crate) fn put_u16(&mut self, address: u64, value: u16) -> Result<(), Stop> {
        self.put(address, &value.to_le_bytes())
    }

    /// Writes 32 bits for the driver.
    pub(crate) fn put_u32(&mut self, address: u64, value: u32) -> Result<(), Stop> {
        self.put(address, &value.to_le_bytes())
    }

    /// Writes 64 bits for the driver.
    pub(crate) fn put_u64(&mut self, address: u64, value: u64) -> Result<(), Stop> {
        self.put(address, &value.to_le_bytes())
    }

    /// Writes where the driver gave an address, and nothing where it gave none.
    pub(crate) fn put_optional(&mut self, address: u64, bytes: &[u8]) -> Result<(), Stop> {
        if address == 0 { Ok(()) } else { self.put(address, bytes) }
    }

    /// Writes bytes for the driver, with the driver's rights: the kernel has no others.
    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) -> Result<(), Stop> {
        let mut page = space::page_of(address);
        let end = address.saturating_add(bytes.len() as u64);
        while page < end {
            let writable = self.processor.memory().rights(page);
            if writable.is_some_and(|rights| !rights.contains(Rights::WRITE)) {
                self.write_refused(address.max(page))?;
            }
            page = page.saturating_add(PAGE);
        }
        self.memory()
            .write(address, bytes)
            .map_err(|gone| Stop::Missing(gone.address, Access::Write))
    }

    /// Reads bytes for the driver. The length is checked by whoever asks.
    pub(crate) fn bytes(&mut self, address: u64, length: u64) -> Result<Vec<u8>, Stop> {
        self.charge(length / 8 + 1)?;
        let length = usize::try_from(length).map_err(|_| Stop::Missing(address, Access::Read))?;
        if length > MOST_BYTES {
            return Err(self.out_of("bytes copied at once"));
        }
        let mut bytes = vec![0; length];
        let read = self.processor.memory().read(address, &mut bytes);
        read.map_err(|gone| Stop::Missing(gone.address, Access::Read))?;
        Ok(bytes)
    }

    /// Counts work that the kernel does for the driver as if it were instructions.
    pub(crate) fn charge(&mut self, instructions: u64) -> Result<(), Stop> {
        self.spend(instructions);
        if self.used() > self.options.budget.instructions {
            return Err(self.out_of("instructions"));
        }
        Ok(())
    }

    /// Counts work as `charge` does, where only the next instruction will notice that nothing is left.
    pub(crate) fn spend(&mut self, instructions: u64) {
        self.spent = self.spent.saturating_add(instructions);
    }

    /// Instructions used up, of the driver and for it.
    pub(crate) fn used(&self) -> u64 {
        self.spent.saturating_add(self.processor.executed())
    }

    /// The run ends because something is used up.
    pub(crate) fn out_of(&mut self, what: &'static str) -> Stop {
        self.run.end = crate::End::Budget(what);
        Stop::Down
    }

    /// Something is invented from here on.
    pub(crate) fn assume(&mut self, what: &str) {
        /// Characters of what is invented, at most: it may hold names that the driver made up.
        const LONGEST: usize = 120;
        let what: String = what.chars().take(LONGEST).collect();
        count(&mut self.run.assumptions, &what, self.options.budget.entries);
    }

    /// The emulated kernel is at the end of something that Windows has more of: what fails for that is invented.
    pub(crate) fn run_short(&mut self, of: &str) {
        self.assume(&format!("the emulated kernel has no more {of}, where Windows may have"));
    }

    /// A size that is asked for, as far as it can be given.
    pub(crate) fn bounded(&mut self, size: u64, most: u64) -> u64 {
        if size > most {
            self.run_short("memory");
        }
        size.min(most)
    }

    /// Something of the driver is not run.
    pub(crate) fn leave_out(&mut self, what: &str) {
        if self.run.not_run.len() < self.options.budget.entries {
            self.run.not_run.insert(what.to_owned());
        }
    }

    /// Where `address` is in the image.
    pub(crate) fn rva(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.loaded.base)?;
        (offset < self.loaded.size).then_some(offset as u32)
    }

    /// Writes an event down if there is room.
    pub(crate) fn note(&mut self, what: Happening) -> Option<usize> {
        if self.run.events.len() >= self.options.budget.events {
            self.run.events_left_out += 1;
            return None;
        }
        let phase = self.phase;
        self.run.events.push(Event { phase, what });
        Some(self.run.events.len() - 1)
    }

    /// Writes down what Windows would stop the system for.
    pub(crate) fn record(&mut self, violation: Violation) {
        let (address, check) = (violation.address, violation.bug_check);
        self.run.violations.push(violation);
        self.note(Happening::BugCheck { address, check });
    }

    /// Maps fresh pages; false where there is no memory left.
    pub(crate) fn map(
        &mut self,
        address: u64,
        pages: u64,
        rights: Rights,
        what: &'static str,
    ) -> bool {
        self.spend(pages);
        if self.pages.saturating_add(pages) > self.options.budget.pages
            || self.memory().map(address, pages, rights).is_err()
        {
            self.run_short("memory");
            return false;
        }
        self.pages += pages;
        self.note_rights(address, pages, Some(rights), what);
        true
    }

    /// Gives pages a second address; false where that cannot be.
    pub(crate) fn alias(&mut self, address: u64, of: u64, pages: u64, rights: Rights) -> bool {
        self.spend(pages);
        if self.pages.saturating_add(pages) > self.options.budget.pages
            || self.memory().alias(address, of, pages, rights).is_err()
        {
            return false;
        }
        self.pages += pages;
        true
    }

    /// Changes what may be done with pages; false where they are not there.
    pub(crate) fn protect(
        &mut self,
        address: u64,
        pages: u64,
        rights: Rights,
        what: &'static str,
    ) -> bool {
        self.spend(pages);
        let done = self.memory().protect(address, pages, rights).is_ok();
        if done {
            self.note_rights(address, pages, Some(rights), what);
        }
        done
    }

    /// Takes pages away.
    pub(crate) fn unmap(&mut self, address: u64, pages: u64, what: &'static str) {
        self.spend(pages);
        if self.memory().unmap(address, pages).is_ok() {
            self.mappings.forget(address, pages);
            self.pages = self.pages.saturating_sub(pages);
            self.note_rights(address, pages, None, what);
        }
    }

    /// Writes a change of rights down.
    pub(crate) fn note_rights(
        &mut self,
        address: u64,
        pages: u64,
        rights: Option<Rights>,
        what: &'static str,
    ) {
        let letter =
            |rights: Rights, right, letter| if rights.contains(right) { letter } else { '-' };
        let rights = rights.map(|rights| {
            [
                letter(rights, Rights::READ, 'r'),
                letter(rights, Rights::WRITE, 'w'),
                letter(rights, Rights::EXECUTE, 'x'),
            ]
            .iter()
            .collect()
        });
        self.note(Happening::Rights { address, pages, rights, what });
    }

    /// The rights of memory that the driver asked for as executable, or not: with memory integrity no
    /// page that is not code of an image is executable.
    pub(crate) fn granted(&self, executable: bool) -> Rights {
        if executable && !self.hvci() { Rights::ALL } else { Rights::READ_WRITE }
    }

    /// Calls a function of the driver as part of a kernel function, with what it returns.
    pub(crate) fn call_back(&mut self, entry: u64, arguments: &[u64]) -> Answer {
        self.call(entry, arguments)
    }
}

/// Counts something by its name, of which there are at most `most`.
pub(crate) fn count(counts: &mut BTreeMap<String, u64>, name: &str, most: usize) {
    if let Some(times) = counts.get_mut(name) {
        *times += 1;
    } else if counts.len() < most {
        counts.insert(name.to_owned(), 1);
    }
}

/// Bytes that are copied at once, at most.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// A function that the run does without: it returns 0, which is success and FALSE.
pub(crate) fn ignore(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(0)
}
