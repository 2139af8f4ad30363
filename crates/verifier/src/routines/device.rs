//! Devices, their names and stacks.

use crate::call::{Call, Entry, entry};
use crate::io::{Callback, Made, Notice};
use crate::kernel::{Kernel, ignore};
use crate::layout::{device, driver, file};
use crate::objects::Object;
use crate::schedule::Work;
use crate::space::places;
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("IoCreateDevice", 7, create),
    entry("IoCreateDeviceSecure", 9, create),
    entry("WdmlibIoCreateDeviceSecure", 9, create),
    entry("IoDeleteDevice", 1, delete),
    entry("IoCreateSymbolicLink", 2, create_link),
    entry("IoCreateUnprotectedSymbolicLink", 2, create_link),
    entry("IoDeleteSymbolicLink", 1, delete_link),
    entry("IoAttachDeviceToDeviceStack", 2, attach),
    entry("IoAttachDeviceToDeviceStackSafe", 3, attach_safely),
    entry("IoAttachDevice", 3, attach_by_name),
    entry("IoDetachDevice", 1, detach),
    entry("IoGetAttachedDevice", 1, attached),
    entry("IoGetAttachedDeviceReference", 1, attached),
    entry("IoGetDeviceAttachmentBaseRef", 1, first_argument),
    entry("IoGetLowerDeviceObject", 1, ignore),
    entry("IoGetRelatedDeviceObject", 1, related),
    entry("IoGetBaseFileSystemDeviceObject", 1, related),
    entry("IoGetDeviceObjectPointer", 4, pointer_by_name),
    entry("IoGetDeviceProperty", 5, property),
    entry("IoRegisterDeviceInterface", 4, register_interface),
    entry("IoSetDeviceInterfaceState", 2, ignore),
    entry("IoOpenDeviceRegistryKey", 4, open_key),
    entry("IoOpenDeviceInterfaceRegistryKey", 3, open_interface_key),
    entry("IoRegisterShutdownNotification", 1, register_shutdown),
    entry("IoRegisterLastChanceShutdownNotification", 1, register_shutdown),
    entry("IoUnregisterShutdownNotification", 1, unregister_shutdown),
    entry("IoRegisterFileSystem", 1, ignore),
    entry("IoUnregisterFileSystem", 1, ignore),
    entry("IoRegisterDriverReinitialization", 3, reinitialize),
    entry("IoRegisterBootDriverReinitialization", 3, reinitialize),
    entry("IoAllocateDriverObjectExtension", 4, allocate_extension),
    entry("IoGetDriverObjectExtension", 2, extension),
    entry("IoEnumerateDeviceObjectList", 4, enumerate),
    entry("IoCreateDriver", 2, create_driver),
    entry("IoInvalidateDeviceRelations", 2, ignore),
    entry("IoRegisterPlugPlayNotification", 7, register_plug_and_play),
    entry("IoUnregisterPlugPlayNotification", 1, ignore),
    entry("IoUnregisterPlugPlayNotificationEx", 1, ignore),
    entry("IoWMIRegistrationControl", 2, ignore),
    entry("PoRegisterDeviceForIdleDetection", 4, ignore),
];

fn create(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(2))?;
    if kernel.requests.devices.len() >= kernel.options.budget.entries {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    }
    let owner = call.at(0);
    let Some(made) = kernel.make_device(owner, u64::from(call.u32(1)), call.u32(3)) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    if !name.is_empty() && !kernel.names.add_device(&name, made) {
        return Stop::status(status::OBJECT_NAME_COLLISION);
    }
    kernel.put_u32(made.wrapping_add(device::CHARACTERISTICS), call.u32(4))?;
    let first = kernel.u64(owner.wrapping_add(driver::DEVICE_OBJECT))?;
    kernel.put_u64(made.wrapping_add(device::NEXT_DEVICE), first)?;
    kernel.put_u64(owner.wrapping_add(driver::DEVICE_OBJECT), made)?;
    let out = if call.name.ends_with("Secure") { call.at(8) } else { call.at(6) };
    kernel.put_u64(out, made)?;
    kernel.requests.devices.insert(made, Made { caller: call.caller });
    Stop::status(status::SUCCESS)
}

fn delete(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let gone = call.at(0);
    let owner = kernel.u64(gone.wrapping_add(device::DRIVER_OBJECT))?;
    let next = kernel.u64(gone.wrapping_add(device::NEXT_DEVICE))?;
    let mut at = owner.wrapping_add(driver::DEVICE_OBJECT);
    for _ in 0..256 {
        let listed = kernel.u64(at)?;
        if listed == gone {
            kernel.put_u64(at, next)?;
            break;
        }
        if listed == 0 {
            break;
        }
        at = listed.wrapping_add(device::NEXT_DEVICE);
    }
    kernel.charge(kernel.names.len() as u64)?;
    kernel.names.remove_device(gone);
    kernel.requests.devices.remove(&gone);
    // The memory stays readable, as it does while anybody has a reference.
    Ok(0)
}

fn create_link(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (name, target) = (kernel.string(call.at(0))?, kernel.string(call.at(1))?);
    let room = kernel.names.len() < kernel.options.budget.entries;
    match room && kernel.names.add_link(&name, &target) {
        true => Stop::status(status::SUCCESS),
        false => Stop::status(status::OBJECT_NAME_COLLISION),
    }
}

fn delete_link(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(0))?;
    match kernel.names.remove_link(&name) {
        true => Stop::status(status::SUCCESS),
        false => Stop::status(status::OBJECT_NAME_NOT_FOUND),
    }
}

/// The highest device of the stack that `at` is in.
fn top(kernel: &Kernel<'_>, at: u64) -> Result<u64, Stop> {
    let mut top = at;
    for _ in 0..32 {
        match kernel.u64(top.wrapping_add(device::ATTACHED_DEVICE))? {
            0 => break,
            above => top = above,
        }
    }
    Ok(top)
}

fn attach_to(kernel: &mut Kernel<'_>, upper: u64, target: u64) -> Answer {
    let lower = top(kernel, target)?;
    if lower == upper {
        return Ok(0);
    }
    kernel.put_u64(lower.wrapping_add(device::ATTACHED_DEVICE), upper)?;
    let depth = kernel.u8(lower.wrapping_add(device::STACK_SIZE))?;
    kernel.put_u8(upper.wrapping_add(device::STACK_SIZE), depth.saturating_add(1))?;
    Ok(lower)
}

fn attach(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    attach_to(kernel, call.at(0), call.at(1))
}

fn attach_safely(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let lower = attach_to(kernel, call.at(0), call.at(1))?;
    kernel.put_u64(call.at(2), lower)?;
    Stop::status(if lower == 0 { status::NO_SUCH_DEVICE } else { status::SUCCESS })
}

fn attach_by_name(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(1))?;
    let Some(target) = kernel.names.find(&name) else {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    };
    let lower = attach_to(kernel, call.at(0), target)?;
    kernel.put_u64(call.at(2), lower)?;
    Stop::status(status::SUCCESS)
}

fn detach(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(0).wrapping_add(device::ATTACHED_DEVICE), 0)?;
    Ok(0)
}

fn attached(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    top(kernel, call.at(0))
}

fn first_argument(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0))
}

fn related(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let below = kernel.u64(call.at(0).wrapping_add(file::DEVICE_OBJECT))?;
    top(kernel, below)
}

fn pointer_by_name(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(0))?;
    let Some(found) = kernel.names.find(&name) else {
        kernel.assume("a device of another driver is not there");
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    };
    let Some(opened) = kernel.own(file::SIZE) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u16(opened, 5)?;
    kernel.put_u64(opened.wrapping_add(file::DEVICE_OBJECT), found)?;
    kernel.put_u64(call.at(2), opened)?;
    kernel.put_u64(call.at(3), found)?;
    Stop::status(status::SUCCESS)
}

fn property(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume("a device's properties are not known");
    kernel.put_optional(call.at(4), &0_u32.to_le_bytes())?;
    Stop::status(status::OBJECT_NAME_NOT_FOUND)
}

fn register_interface(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = "\\??\\ROOT#SYSTEM#0000#{00000000-0000-0000-0000-000000000000}";
    let Some(string) = kernel.make_string(name) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    let (head, buffer) = (kernel.u64(string)?, kernel.u64(string.wrapping_add(8))?);
    // The driver frees the text as pool; the string around it is the driver's.
    let bytes = kernel.bytes(buffer, 2 * name.len() as u64 + 2)?;
    let kept = kernel.allocate(crate::pool::Kind::Paged, bytes.len() as u64, 0, 0).unwrap_or(0);
    kernel.put(kept, &bytes)?;
    kernel.put_u64(call.at(3), head)?;
    kernel.put_u64(call.at(3).wrapping_add(8), kept)?;
    Stop::status(status::SUCCESS)
}

fn open_key(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = crate::registry::service_path(&kernel.service()) + "\\Device";
    kernel.registry.make(&path);
    kernel.open_object(Object::Key(path), 0x20, call.at(3))
}

fn open_interface_key(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = crate::registry::service_path(&kernel.service()) + "\\Interface";
    kernel.registry.make(&path);
    kernel.open_object(Object::Key(path), 0x20, call.at(2))
}

fn register_shutdown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let callback = Callback { kind: Notice::Shutdown, routine: 0, context: call.at(0) };
    kernel.add_callback(callback);
    Stop::status(status::SUCCESS)
}

fn unregister_shutdown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let context = call.at(0);
    let gone =
        |callback: &Callback| callback.kind == Notice::Shutdown && callback.context == context;
    kernel.requests.callbacks.retain(|callback| !gone(callback));
    Ok(0)
}

/// The routine is run when other drivers have been loaded.
fn reinitialize(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.queue_work(Work {
        name: "reinitialisation",
        routine: call.at(1),
        arguments: vec![call.at(0), call.at(2), 1],
        item: None,
    });
    Ok(0)
}

fn allocate_extension(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(made) = kernel.own(u64::from(call.u32(2)).min(1 << 20) + 1) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.objects.extensions.insert(call.at(1), made);
    kernel.put_u64(call.at(3), made)?;
    Stop::status(status::SUCCESS)
}

fn extension(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(kernel.objects.extensions.get(&call.at(1)).copied().unwrap_or(0))
}

fn enumerate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let devices =
        if call.at(0) == kernel.requests.driver { kernel.listed_devices() } else { Vec::new() };
    kernel.put_optional(call.at(3), &(devices.len() as u32).to_le_bytes())?;
    if u64::from(call.u32(2)) < 8 * devices.len() as u64 {
        return Stop::status(status::BUFFER_TOO_SMALL);
    }
    for (found, at) in devices.into_iter().zip(places(call.at(1), 8)) {
        kernel.put_u64(at, found)?;
    }
    Stop::status(status::SUCCESS)
}

/// The driver's own initialisation routine is called with a driver object that is made for it.
fn create_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(made) = kernel.own(driver::SIZE + 0x100) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u16(made, 4)?;
    kernel.put_u64(made.wrapping_add(driver::EXTENSION), made + driver::EXTENSION_AT)?;
    kernel.call_back(call.at(1), &[made, 0])
}

fn register_plug_and_play(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = kernel.own(0x20).unwrap_or(0);
    kernel.put_optional(call.at(6), &made.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}
