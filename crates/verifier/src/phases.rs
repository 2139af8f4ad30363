//! The course of a run: load, DriverEntry, requests, callbacks, unload.

use crate::kernel::Kernel;
use crate::layout::{device, driver};
use crate::schedule::PATIENCE;
use crate::stop::{Answer, Stop};
use crate::waiting::LATEST;
use crate::{End, Leak, Phase, data, gates, image_checks, notices, plug_and_play, requests};

/// The part of a run that calls the driver's entry point.
const ENTRY: &str = "DriverEntry";

impl Kernel<'_> {
    /// Runs `run` as a part of the run that comes to a status.
    pub(crate) fn phase_of(&mut self, name: &str, run: impl FnOnce(&mut Self) -> Answer) -> Answer {
        self.bounded_phase(name, true, run)
    }

    /// Runs `run` as a part of the run that comes to nothing.
    pub(crate) fn phase_without_status(
        &mut self,
        name: &str,
        run: impl FnOnce(&mut Self) -> Answer,
    ) -> Result<(), Stop> {
        self.bounded_phase(name, false, run).map(drop)
    }

    /// What is run in another phase counts for the inner one only.
    fn bounded_phase(
        &mut self,
        name: &str,
        has_status: bool,
        run: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        // What runs over and over beside the requests is one phase as long as nothing else runs.
        let again = !has_status && self.run.phases.last().is_some_and(|last| last.name == name);
        if !again && self.run.phases.len() >= self.options.budget.phases {
            return Err(self.out_of("phases"));
        }
        let place = self.run.phases.len() - usize::from(again);
        if !again {
            let name = name.to_owned();
            let returned = false;
            self.run.phases.push(Phase { name, status: None, calls: 0, instructions: 0, returned });
        }
        let outer = std::mem::replace(&mut self.phase, place);
        let level = self.irql;
        self.count_for(outer);
        let answer = run(self);
        self.count_for(place);
        if answer.is_ok() && self.irql > level {
            self.assume("the IRQL is lowered that the driver left raised");
        }
        // A level that was left raised is the phase's own affair.
        self.irql = level;
        self.phase = outer;
        if let Some(phase) = self.run.phases.get_mut(place) {
            phase.returned = answer.is_ok();
            phase.status = answer.as_ref().ok().filter(|_| has_status).map(|&value| value as u32);
        }
        answer
    }

    /// Counts what was run since it was last counted for the phase at `place`.
    fn count_for(&mut self, place: usize) {
        let now = (self.run.calls, self.processor.executed());
        let before = std::mem::replace(&mut self.counted, now);
        if let Some(phase) = self.run.phases.get_mut(place) {
            phase.calls += now.0 - before.0;
            phase.instructions += now.1 - before.1;
        }
    }

    /// All of it.
    pub(crate) fn course(&mut self) -> Result<(), Stop> {
        self.phase_without_status("load", |kernel| {
            if !kernel.load() {
                return Err(
                    kernel.not_emulated("the image does not fit into the memory here".to_owned())
                );
            }
            image_checks::check(kernel);
            Ok(0)
        })?;
        let entry = self.image().headers().entry_point.0;
        if entry == 0 {
            return Ok(());
        }
        let Some(path) = self.prepare(self.loaded.at(entry)) else {
            return Err(self.out_of("memory"));
        };
        let (object, entry) = (self.requests.driver, self.loaded.at(entry));
        let status = self.phase_of(ENTRY, |kernel| kernel.call(entry, &[object, path]))?;
        self.begin_to_fail();
        self.run.status = Some(status as u32);
        if (status as i32) < 0 {
            return self.leave();
        }
        self.settle(PATIENCE)?;
        // That is the end of DriverEntry, not of the load.
        if let Some(entered) = self.run.phases.iter().position(|phase| phase.name == ENTRY) {
            let outer = std::mem::replace(&mut self.phase, entered);
            self.discard_initialisation();
            self.phase = outer;
        }
        self.start_devices()?;
        plug_and_play::add_device(self)?;
        requests::send_all(self)?;
        requests::tell_others(self);
        notices::notify(self)?;
        plug_and_play::remove_device(self)?;
        self.unload()
    }

    /// Makes what DriverEntry is given; the registry path.
    fn prepare(&mut self, entry: u64) -> Option<u64> {
        let name = self.service();
        let object = self.own(driver::SIZE + 0x100)?;
        let path = self.make_string(&crate::registry::service_path(&name))?;
        let named = self.make_string(&format!("\\Driver\\{name}"))?;
        let hardware = self.make_string("\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM")?;
        let key = self.make_string(&name)?;
        let section = self.fill_module();
        let put = |kernel: &mut Self| -> Result<(), Stop> {
            kernel.put_u16(object, 4)?;
            kernel.put_u16(object.wrapping_add(2), driver::SIZE as u16)?;
            kernel.put_u32(object.wrapping_add(driver::FLAGS), 2)?;
            kernel.put_u64(object.wrapping_add(driver::START), kernel.loaded.base)?;
            kernel
                .put_u32(object.wrapping_add(driver::SIZE_OF_IMAGE), kernel.loaded.size as u32)?;
            kernel.put_u64(object.wrapping_add(driver::SECTION), section)?;
            let extension = object + driver::EXTENSION_AT;
            kernel.put_u64(object.wrapping_add(driver::EXTENSION), extension)?;
            kernel.put_u64(extension, object)?;
            kernel.copy_string(extension + driver::SERVICE_KEY_NAME, key)?;
            kernel.copy_string(object + driver::NAME, named)?;
            kernel.put_u64(object.wrapping_add(driver::HARDWARE_DATABASE), hardware)?;
            kernel.put_u64(object.wrapping_add(driver::INIT), entry)?;
            for major in 0..crate::layout::major::COUNT {
                kernel
                    .put_u64(object + driver::MAJOR_FUNCTION + 8 * major, gates::INVALID_REQUEST)?;
            }
            Ok(())
        };
        put(self).ok()?;
        self.requests.driver = object;
        self.requests.other_driver = self.own(driver::SIZE + 0x100)?;
        Some(path)
    }

    /// The service's name: the file's without its extension.
    pub(crate) fn service(&self) -> String {
        let name = &self.options.name;
        name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned()
    }

    fn copy_string(&mut self, to: u64, from: u64) -> Result<(), Stop> {
        let (head, buffer) = (self.u64(from)?, self.u64(from.wrapping_add(8))?);
        self.put_u64(to, head)?;
        self.put_u64(to.wrapping_add(8), buffer)
    }

    /// A UNICODE_STRING of the kernel's own.
    pub(crate) fn make_string(&mut self, text: &str) -> Option<u64> {
        let bytes = crate::text::terminated(text);
        let length = u16::try_from(bytes.len()).ok()?;
        let at = self.own(16 + bytes.len() as u64)?;
        self.put_u16(at, length - 2).ok()?;
        self.put_u16(at.wrapping_add(2), length).ok()?;
        self.put_u64(at.wrapping_add(8), at + 16).ok()?;
        self.put(at.wrapping_add(16), &bytes).ok()?;
        Some(at)
    }

    /// After DriverEntry the I/O manager clears the mark of devices that are being made.
    fn start_devices(&mut self) -> Result<(), Stop> {
        for at in self.listed_devices() {
            let flags = self.u32(at.wrapping_add(device::FLAGS))?;
            self.put_u32(at.wrapping_add(device::FLAGS), flags & !device::INITIALIZING)?;
        }
        Ok(())
    }

    fn unload(&mut self) -> Result<(), Stop> {
        let routine = self.u64(self.requests.driver.wrapping_add(driver::UNLOAD))?;
        if routine == 0 {
            self.give_up();
            return Ok(());
        }
        let object = self.requests.driver;
        self.phase_without_status("DriverUnload", |kernel| kernel.call(routine, &[object]))?;
        self.leave()
    }

    /// The image goes. What is ready by then is run before: on Windows other processors are at it. What comes up later
    /// finds nothing, however late it is: a timer that is still set is due some time.
    fn leave(&mut self) -> Result<(), Stop> {
        self.settle(0)?;
        self.give_up();
        self.is_gone = true;
        let set: Vec<u64> = self.schedule.timers.keys().copied().collect();
        let later = self.settle(LATEST);
        self.look_for_leaks(&set);
        later
    }

    /// What is left when the driver is gone, with the timers that were `set` by then.
    fn look_for_leaks(&mut self, set: &[u64]) {
        let mut leaks = self.leaked_pool();
        let leak = |what, address, rva| Leak { what, address, size: 0, tag: 0, rva };
        for (&address, made) in &self.requests.devices {
            leaks.push(leak("device", address, self.rva(made.caller)));
        }
        for _ in 0..self.names.links() {
            leaks.push(leak("symbolic link", 0, None));
        }
        for (&address, mapping) in &self.mappings.live {
            if mapping.caller != 0 {
                leaks.push(leak(mapping.what, address, self.rva(mapping.caller)));
            }
        }
        for thread in self.living_threads() {
            leaks.push(leak("system thread", thread.object, None));
        }
        for (&what, &count) in &self.requests.undone {
            leaks.extend((0..count.clamp(0, 64)).map(|_| leak(what, 0, None)));
        }
        for &timer in set {
            leaks.push(leak("timer", timer, None));
        }
        self.run.leaks = leaks;
    }

    /// Whose request is served from here on.
    pub(crate) fn enter_program(&mut self, program: bool) {
        self.schedule.in_program = program;
        self.set_thread(if program { data::PROGRAM_THREAD } else { data::SYSTEM_THREAD });
    }

    /// Writes down how the run ended, if nothing did yet.
    pub(crate) fn close(mut self) -> crate::Run {
        self.run.instructions = self.processor.executed();
        if self.run.end == End::Returned && !self.run.violations.is_empty() {
            self.run.end = End::Violation;
        }
        self.run
    }
}
