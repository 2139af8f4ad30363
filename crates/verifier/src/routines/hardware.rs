//! Ports, registers of devices, interrupts, buses. No device is there.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("READ_PORT_UCHAR", 1, read_port),
    entry("READ_PORT_USHORT", 1, read_port),
    entry("READ_PORT_ULONG", 1, read_port),
    entry("WRITE_PORT_UCHAR", 2, write_port),
    entry("WRITE_PORT_USHORT", 2, write_port),
    entry("WRITE_PORT_ULONG", 2, write_port),
    entry("READ_REGISTER_UCHAR", 1, read_register),
    entry("READ_REGISTER_USHORT", 1, read_register),
    entry("READ_REGISTER_ULONG", 1, read_register),
    entry("HalTranslateBusAddress", 5, translate),
    entry("HalGetBusData", 5, no_bus),
    entry("HalGetBusDataByOffset", 6, no_bus),
    entry("HalSetBusData", 5, no_bus),
    entry("HalSetBusDataByOffset", 6, no_bus),
    entry("HalGetInterruptVector", 6, vector),
    entry("IoConnectInterrupt", 11, connect),
    entry("IoConnectInterruptEx", 1, connect_extended),
    entry("IoDisconnectInterrupt", 1, ignore),
    entry("IoDisconnectInterruptEx", 1, ignore),
    entry("IoGetDmaAdapter", 3, no_adapter),
    entry("IoReportResourceUsage", 9, ignore),
    entry("IoReportResourceForDetection", 7, ignore),
    entry("IoAssignResources", 6, ignore),
    entry("IoQueryDeviceDescription", 8, no_device),
];

fn read_port(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume("a device's port is read");
    Ok(match call.name.as_ref() {
        "READ_PORT_UCHAR" => 0xFF,
        "READ_PORT_USHORT" => 0xFFFF,
        _ => 0xFFFF_FFFF,
    })
}

fn write_port(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a device's port is written");
    Ok(0)
}

fn read_register(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u32(call.at(0)).map(u64::from)
}

/// Addresses on a bus are those of memory.
fn translate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(4), call.at(2))?;
    Ok(1)
}

fn no_bus(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a bus has no device");
    Ok(0)
}

fn vector(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_optional(call.at(4), &[5])?;
    kernel.put_optional(call.at(5), &1_u64.to_le_bytes())?;
    Ok(0x50)
}

fn connect(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = kernel.own(0x100).unwrap_or(0);
    kernel.put_u64(call.at(0), made)?;
    Stop::status(status::SUCCESS)
}

fn connect_extended(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a device has no interrupt");
    Stop::status(status::NOT_FOUND)
}

fn no_adapter(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a device has no DMA");
    Ok(0)
}

fn no_device(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a bus has no device");
    Stop::status(status::NO_SUCH_DEVICE)
}
