//! NDIS and its neighbours, as far as drivers ask for more than success.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::Answer;

pub(super) const ROUTINES: &[Entry] = &[
    entry("NdisGetVersion", 0, version),
    entry("NdisGetSystemUpTimeEx", 1, up_time),
    entry("NdisGetCurrentSystemTime", 1, system_time),
];

/// NDIS 6.85, which Windows 11 has; 6.20 before Windows 8, and what lies between as documented.
fn version(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(match kernel.options.windows.build {
        22_000.. => 0x6_0055,
        19_041.. => 0x6_0053,
        10_240.. => 0x6_0032,
        _ => 0x6_0014,
    })
}

/// In milliseconds.
fn up_time(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(0), kernel.clock / 10_000)?;
    Ok(0)
}

fn system_time(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let time = kernel.system_time();
    kernel.put_u64(call.at(0), time)?;
    Ok(0)
}
