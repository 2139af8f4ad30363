//! Devices and requests: how the I/O manager hands a request on and takes it back.

use crate::bug_check;
use crate::kernel::Kernel;
use crate::layout::{device, driver, irp, stack};
use crate::schedule::{FURTHER_WORK, Work};
use crate::stop::{Answer, Stop, status};
use crate::{Kind, gates};
use std::collections::{BTreeMap, VecDeque};

/// What is known of devices and requests.
#[derive(Default)]
pub(crate) struct Requests {
    /// The driver's DRIVER_OBJECT.
    pub driver: u64,
    /// A DRIVER_OBJECT of other drivers: whom the devices belong to that the driver did not make.
    pub other_driver: u64,
    /// Devices of the driver, by address.
    pub devices: BTreeMap<u64, Made>,
    /// Requests, by IRP; whether each is completed.
    pub irps: BTreeMap<u64, bool>,
    /// Requests that wait for StartIo, each with its device.
    pub waiting: VecDeque<(u64, u64)>,
    /// Callbacks that the driver registered, by what they are called for.
    pub callbacks: Vec<Callback>,
    /// Device interfaces and other things that are to be undone, by name.
    pub undone: BTreeMap<&'static str, i64>,
}

/// A device that the driver made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    /// Where the call that made it returns to.
    pub caller: u64,
}

/// A callback that the driver registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    /// What it is called for.
    pub kind: Notice,
    /// The routine.
    pub routine: u64,
    /// What it is given besides.
    pub context: u64,
}

/// What a callback is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// PsSetCreateProcessNotifyRoutine.
    Process,
    /// PsSetCreateProcessNotifyRoutineEx.
    ProcessEx,
    /// PsSetCreateThreadNotifyRoutine.
    Thread,
    /// PsSetLoadImageNotifyRoutine.
    Image,
    /// CmRegisterCallback.
    Registry,
    /// ObRegisterCallbacks: before a handle is opened.
    Object,
    /// IoRegisterShutdownNotification: the context is the device.
    Shutdown,
}

/// How deep device stacks are, at most.
const DEEPEST_STACK: u8 = 32;
/// Callbacks that are kept, at most.
const MOST_CALLBACKS: usize = 64;

impl Kernel<'_> {
    /// Makes a DEVICE_OBJECT of `owner` with an extension.
    pub(crate) fn make_device(&mut self, owner: u64, extension: u64, kind: u32) -> Option<u64> {
        let size = device::SIZE + extension.min(1 << 20) + 0x20;
        let address = self.own(size)?;
        let put = |kernel: &mut Self| -> Result<(), Stop> {
            kernel.put_u16(address, 3)?;
            kernel.put_u16(address.wrapping_add(2), (device::SIZE + extension) as u16)?;
            kernel.put_u32(address.wrapping_add(device::REFERENCE_COUNT), 0)?;
            kernel.put_u64(address.wrapping_add(device::DRIVER_OBJECT), owner)?;
            let data = if extension == 0 { 0 } else { address + device::SIZE };
            kernel.put_u64(address.wrapping_add(device::EXTENSION), data)?;
            kernel.put_u32(address.wrapping_add(device::TYPE), kind)?;
            kernel.put_u32(address.wrapping_add(device::FLAGS), device::INITIALIZING)?;
            kernel.put_u8(address.wrapping_add(device::STACK_SIZE), 1)?;
            kernel.put_u16(address.wrapping_add(device::SECTOR_SIZE), 512)?;
            // DEVOBJ_EXTENSION knows the way back.
            let more = kernel.own(0x80).unwrap_or(address);
            kernel.put_u64(address.wrapping_add(device::OBJECT_EXTENSION), more)?;
            kernel.put_u64(more.wrapping_add(8), address)
        };
        put(self).is_ok().then_some(address)
    }

    /// The devices in the driver's list, in its order.
    pub(crate) fn listed_devices(&self) -> Vec<u64> {
        let mut devices = Vec::new();
        let mut next =
            self.u64(self.requests.driver.wrapping_add(driver::DEVICE_OBJECT)).unwrap_or(0);
        while next != 0 && devices.len() < 64 && !devices.contains(&next) {
            devices.push(next);
            next = self.u64(next.wrapping_add(device::NEXT_DEVICE)).unwrap_or(0);
        }
        devices
    }

    /// Makes an IRP with room for `locations`.
    pub(crate) fn make_irp(&mut self, locations: u8) -> Option<u64> {
        let locations = locations.clamp(1, DEEPEST_STACK);
        let size = irp::SIZE + u64::from(locations) * stack::SIZE;
        let address = self.own(size)?;
        self.set_up_irp(address, size as u16, locations).ok()?;
        if self.requests.irps.len() < self.options.budget.entries {
            self.requests.irps.insert(address, false);
        }
        Some(address)
    }

    /// What IoInitializeIrp does.
    pub(crate) fn set_up_irp(
        &mut self,
        address: u64,
        size: u16,
        locations: u8,
    ) -> Result<(), Stop> {
        self.put_u16(address, 6)?;
        self.put_u16(address.wrapping_add(irp::SIZE_FIELD), size)?;
        self.put_u8(address.wrapping_add(irp::STACK_COUNT), locations)?;
        self.put_u8(address.wrapping_add(irp::CURRENT_LOCATION), locations.wrapping_add(1))?;
        let end = address + irp::SIZE + u64::from(locations) * stack::SIZE;
        self.put_u64(address.wrapping_add(irp::CURRENT_STACK), end)
    }

    /// Hands a request to a device: the next stack location becomes the current one.
    pub(crate) fn call_driver(&mut self, target: u64, request: u64) -> Answer {
        let location = self.u8(request.wrapping_add(irp::CURRENT_LOCATION))?;
        if location <= 1 {
            let code = bug_check::NO_MORE_IRP_STACK_LOCATIONS;
            return Err(self.stop(Kind::Crash, code, [request, 0, 0, 0]));
        }
        self.put_u8(request.wrapping_add(irp::CURRENT_LOCATION), location - 1)?;
        let current = self.u64(request.wrapping_add(irp::CURRENT_STACK))?.wrapping_sub(stack::SIZE);
        self.put_u64(request.wrapping_add(irp::CURRENT_STACK), current)?;
        self.put_u64(current.wrapping_add(stack::DEVICE_OBJECT), target)?;
        let major = u64::from(self.u8(current)?);
        let owner = self.u64(target.wrapping_add(device::DRIVER_OBJECT))?;
        if owner != self.requests.driver || major >= crate::layout::major::COUNT {
            return self.other_driver_completes(request, current);
        }
        let routine =
            self.u64(owner.wrapping_add(driver::MAJOR_FUNCTION).wrapping_add(8 * major))?;
        self.call(routine, &[target, request]).map(|status| status & 0xFFFF_FFFF)
    }

    /// Another driver gets a request: it succeeds and does nothing.
    fn other_driver_completes(&mut self, request: u64, current: u64) -> Answer {
        let major = self.u8(current)?;
        if !matches!(major, crate::layout::major::PNP | crate::layout::major::POWER) {
            self.assume("another driver completes a request");
        }
        self.put_u32(request.wrapping_add(irp::STATUS), status::SUCCESS)?;
        self.put_u64(request.wrapping_add(irp::INFORMATION), 0)?;
        self.complete(request)?;
        Stop::status(status::SUCCESS)
    }

    /// IoCompleteRequest: runs completion routines up the stack, then the I/O manager's own part.
    pub(crate) fn complete(&mut self, request: u64) -> Result<(), Stop> {
        if self.requests.irps.get(&request) == Some(&true) {
            let code = bug_check::MULTIPLE_IRP_COMPLETE_REQUESTS;
            return Err(self.stop(Kind::Crash, code, [request, 0, 0, 0]));
        }
        let count = self.u8(request.wrapping_add(irp::STACK_COUNT))?;
        let mut location = self.u8(request.wrapping_add(irp::CURRENT_LOCATION))?;
        let mut current = self.u64(request.wrapping_add(irp::CURRENT_STACK))?;
        while location <= count {
            let control = self.u8(current.wrapping_add(stack::CONTROL))?;
            let routine = self.u64(current.wrapping_add(stack::COMPLETION_ROUTINE))?;
            let context = self.u64(current.wrapping_add(stack::CONTEXT))?;
            self.put_u8(
                request.wrapping_add(irp::PENDING_RETURNED),
                control & stack::PENDING_RETURNED,
            )?;
            location += 1;
            current = current.wrapping_add(stack::SIZE);
            self.put_u8(request.wrapping_add(irp::CURRENT_LOCATION), location)?;
            self.put_u64(request.wrapping_add(irp::CURRENT_STACK), current)?;
            let success = (self.u32(request.wrapping_add(irp::STATUS))? as i32) >= 0;
            let cancelled = self.u8(request.wrapping_add(irp::CANCEL))? != 0;
            let wanted = (success && control & stack::INVOKE_ON_SUCCESS != 0)
                || (!success && control & stack::INVOKE_ON_ERROR != 0)
                || (cancelled && control & stack::INVOKE_ON_CANCEL != 0);
            if wanted && routine != 0 {
                let upper = if location <= count {
                    self.u64(current.wrapping_add(stack::DEVICE_OBJECT))?
                } else {
                    0
                };
                let answer = self.call(routine, &[upper, request, context])? as u32;
                if answer == status::MORE_PROCESSING_REQUIRED {
                    return Ok(());
                }
            }
        }
        self.finish(request)
    }

    /// What the I/O manager does with a completed request: tells who waits for it.
    fn finish(&mut self, request: u64) -> Result<(), Stop> {
        if let Some(completed) = self.requests.irps.get_mut(&request) {
            *completed = true;
        }
        let result = self.u64(request.wrapping_add(irp::STATUS))?;
        let information = self.u64(request.wrapping_add(irp::INFORMATION))?;
        let block = self.u64(request.wrapping_add(irp::USER_STATUS))?;
        if block != 0 {
            self.put_u64(block, result)?;
            self.put_u64(block.wrapping_add(8), information)?;
        }
        let event = self.u64(request.wrapping_add(irp::USER_EVENT))?;
        if event != 0 {
            self.put_u32(event.wrapping_add(crate::schedule::offset::SIGNAL_STATE), 1)?;
        }
        Ok(())
    }

    /// The dispatch routine for requests of a kind, unless the driver left the kernel's own there.
    pub(crate) fn dispatch_routine(&self, major: u8) -> Option<u64> {
        let at = self.requests.driver + driver::MAJOR_FUNCTION + 8 * u64::from(major);
        self.u64(at).ok().filter(|&routine| routine != gates::INVALID_REQUEST && routine != 0)
    }

    /// Notes a callback.
    pub(crate) fn add_callback(&mut self, callback: Callback) {
        if self.requests.callbacks.len() < MOST_CALLBACKS {
            self.requests.callbacks.push(callback);
        } else {
            self.leave_out("further callbacks");
        }
    }

    /// Queues work for a system thread.
    pub(crate) fn queue_work(&mut self, work: Work) {
        if self.schedule.work.len() < self.options.budget.entries {
            self.schedule.work.push_back(work);
        } else {
            self.leave_out(FURTHER_WORK);
        }
    }

    /// Notes that something was registered, or was undone.
    pub(crate) fn count_undone(&mut self, what: &'static str, by: i64) {
        *self.requests.undone.entry(what).or_insert(0) += by;
    }
}
