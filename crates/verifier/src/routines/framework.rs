//! Frameworks that call the driver back in ways of their own. What they would call is not run, and that is
//! told.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::objects::Object;
use crate::stop::{Answer, Stop, status};

/// Bytes behind a handle.
const HANDLE: u64 = 0x400;

pub(super) const ROUTINES: &[Entry] = &[
    entry("WdfVersionBind", 4, bind),
    entry("WdfVersionBindClass", 3, bind),
    entry("FltRegisterFilter", 3, register_filter),
    entry("StorPortInitialize", 4, port_driver),
    entry("ScsiPortInitialize", 4, port_driver),
    entry("VideoPortInitialize", 4, port_driver),
    entry("PcInitializeAdapterDriver", 3, port_driver),
    entry("DxgkInitialize", 3, port_driver),
    entry("DxgkInitializeDisplayOnlyDriver", 3, port_driver),
    entry("KsInitializeDriver", 3, port_driver),
    entry("StreamClassRegisterAdapter", 3, port_driver),
    entry("NdisMRegisterMiniportDriver", 5, register_miniport),
    entry("NdisFRegisterFilterDriver", 4, register_filter_driver),
    entry("NdisRegisterProtocolDriver", 3, register_protocol),
    entry("FwpsCalloutRegister0", 3, register_callout),
    entry("FwpsCalloutRegister1", 3, register_callout),
    entry("FwpsCalloutRegister2", 3, register_callout),
    entry("FwpsCalloutRegister3", 3, register_callout),
];

fn bind(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(kernel.not_emulated("KMDF driver: the framework is not emulated yet".to_owned()))
}

fn register_filter(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    register(kernel, call.at(2), "routines of a mini-filter")
}

/// The port driver would call the rest of the driver when its device starts.
fn port_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.leave_out(&format!("what {} registers", call.name));
    Stop::status(status::SUCCESS)
}

/// Gives a handle for what is registered, of which nothing is called.
fn register(kernel: &mut Kernel<'_>, out: u64, what: &str) -> Answer {
    let Some(made) = kernel.make_object(Object::Other, HANDLE) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_optional(out, &made.to_le_bytes())?;
    kernel.leave_out(what);
    Stop::status(status::SUCCESS)
}

fn register_miniport(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    register(kernel, call.at(4), "routines of an NDIS miniport")
}

fn register_filter_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    register(kernel, call.at(3), "routines of an NDIS filter")
}

fn register_protocol(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    register(kernel, call.at(2), "routines of an NDIS protocol")
}

/// This one has a number of 32 bits.
fn register_callout(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_optional(call.at(2), &1_u32.to_le_bytes())?;
    kernel.leave_out("a callout of the filtering platform");
    Stop::status(status::SUCCESS)
}
