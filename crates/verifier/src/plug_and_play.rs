//! A device that comes and goes, for drivers that wait for one.

use crate::kernel::Kernel;
use crate::layout::stack;
use crate::layout::{device, driver, major};
use crate::requests::{MOST_DEVICES, ask};
use crate::schedule::MOMENT;
use crate::stop::Stop;

/// Windows finds a device for the driver, if it wants one.
pub(crate) fn add_device(kernel: &mut Kernel<'_>) -> Result<(), Stop> {
    let routine = kernel.u64(
        kernel.requests.driver.wrapping_add(driver::EXTENSION_AT).wrapping_add(driver::ADD_DEVICE),
    )?;
    if routine == 0 {
        return Ok(());
    }
    let other = kernel.requests.other_driver;
    let Some(physical) = kernel.make_device(other, 0, 0x22) else {
        return Err(kernel.out_of("memory"));
    };
    kernel.put_u32(physical.wrapping_add(device::FLAGS), 0x1000)?;
    let object = kernel.requests.driver;
    kernel.assume("a device is there for the driver");
    let answer =
        kernel.phase_of("AddDevice", |kernel| kernel.call(routine, &[object, physical]))?;
    kernel.settle(MOMENT)?;
    if (answer as i32) < 0 {
        return Ok(());
    }
    for device in kernel.listed_devices().into_iter().take(MOST_DEVICES) {
        plug(kernel, "IRP_MN_START_DEVICE", 0, device)?;
    }
    Ok(())
}

/// Windows takes the device away again.
pub(crate) fn remove_device(kernel: &mut Kernel<'_>) -> Result<(), Stop> {
    let routine = kernel.u64(
        kernel.requests.driver.wrapping_add(driver::EXTENSION_AT).wrapping_add(driver::ADD_DEVICE),
    )?;
    if routine == 0 {
        return Ok(());
    }
    for device in kernel.listed_devices().into_iter().take(MOST_DEVICES) {
        plug(kernel, "IRP_MN_REMOVE_DEVICE", 2, device)?;
    }
    Ok(())
}

fn plug(kernel: &mut Kernel<'_>, name: &str, minor: u8, device: u64) -> Result<(), Stop> {
    ask(kernel, name, major::PNP, device, 0, |kernel, request| {
        kernel.put_u8(request.location.wrapping_add(stack::MINOR), minor)
    })
    .map(drop)
}
