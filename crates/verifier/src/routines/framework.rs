//! Frameworks that call the driver back in ways of their own. Nothing is run of a driver that needs one,
//! and that is told.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::Answer;

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
];

fn bind(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(kernel.not_emulated("KMDF driver: the framework is not emulated yet".to_owned()))
}

fn register_filter(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(kernel.not_emulated("mini-filter: the filter manager is not emulated yet".to_owned()))
}

fn port_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Err(kernel.not_emulated(format!("{}: the port driver is not emulated yet", call.name)))
}
