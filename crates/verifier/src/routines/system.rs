//! What the system is: its version, its modules, its functions by name.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::kernel_image;
use crate::stop::{Answer, Stop, status};
use crate::{Asked, space};

pub(super) const ROUTINES: &[Entry] = &[
    entry("MmGetSystemRoutineAddress", 1, routine_address),
    entry("FltGetRoutineAddress", 1, routine_address_narrow),
    entry("RtlGetVersion", 1, version),
    entry("RtlVerifyVersionInfo", 3, ignore),
    entry("VerSetConditionMask", 3, first_argument),
    entry("PsGetVersion", 4, version_by_parts),
    entry("IoIsWdmVersionAvailable", 2, wdm_version),
    entry("RtlIsNtDdiVersionAvailable", 1, yes),
    entry("RtlIsServicePackVersionInstalled", 1, yes),
    entry("ZwQuerySystemInformation", 4, query),
    entry("NtQuerySystemInformation", 4, query),
    entry("ZwSetSystemInformation", 3, set),
    entry("ZwLoadDriver", 1, load_driver),
    entry("NtLoadDriver", 1, load_driver),
    entry("ZwUnloadDriver", 1, load_driver),
    entry("KeQueryActiveProcessorCount", 1, one_processor),
    entry("KeQueryActiveProcessorCountEx", 1, one_processor),
    entry("KeQueryMaximumProcessorCount", 0, one_processor),
    entry("KeQueryMaximumProcessorCountEx", 1, one_processor),
    entry("KeQueryActiveGroupCount", 0, one_processor),
    entry("KeQueryActiveProcessors", 0, one_processor),
    entry("KeGetCurrentProcessorNumber", 0, ignore),
    entry("KeGetCurrentProcessorNumberEx", 1, ignore),
    entry("KeGetProcessorNumberFromIndex", 2, processor_from_index),
    entry("KeSetSystemAffinityThread", 1, ignore),
    entry("KeSetSystemAffinityThreadEx", 1, ignore),
    entry("KeRevertToUserAffinityThread", 0, ignore),
    entry("KeRevertToUserAffinityThreadEx", 1, ignore),
    entry("KeSetSystemGroupAffinityThread", 2, ignore),
    entry("KeRevertToUserGroupAffinityThread", 1, ignore),
    entry("KeRegisterProcessorChangeCallback", 3, register_processors),
    entry("KeDeregisterProcessorChangeCallback", 1, ignore),
    entry("KeIpiGenericCall", 2, everywhere),
    entry("KeSaveExtendedProcessorState", 2, ignore),
    entry("KeRestoreExtendedProcessorState", 1, ignore),
    entry("RtlGetEnabledExtendedFeatures", 1, first_argument),
    entry("ExIsProcessorFeaturePresent", 1, has_feature),
    entry("MmQuerySystemSize", 0, large),
    entry("MmIsThisAnNtAsSystem", 0, ignore),
    entry("MmIsVerifierEnabled", 1, verifier_state),
    entry("MmIsDriverVerifying", 1, verifies_driver),
    entry("MmIsDriverVerifyingByAddress", 1, verifies_driver),
    entry("VfIsVerificationEnabled", 2, verifies),
    entry("ExGetFirmwareEnvironmentVariable", 5, no_variable),
    entry("ExUuidCreate", 1, make_uuid),
    entry("RtlRandomEx", 1, random),
    entry("RtlRandom", 1, random),
    entry("SystemPrng", 2, random_bytes),
    entry("KiSystemCall64", 0, ignore),
];

fn first_argument(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0))
}

fn yes(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

/// Starts of the names of what the kernel exports.
const KERNEL: &[&str] = &[
    "Cc",
    "Cm",
    "Dbg",
    "Em",
    "Etw",
    "Ex",
    "FsRtl",
    "Hal",
    "Hvl",
    "Inbv",
    "Interlocked",
    "Io",
    "Kd",
    "Ke",
    "Kf",
    "Ki",
    "Lpc",
    "Lsa",
    "Mm",
    "Nls",
    "Nt",
    "Ob",
    "Pcw",
    "Pf",
    "Po",
    "Ps",
    "Rtl",
    "Se",
    "Tm",
    "Vf",
    "Vsl",
    "Wmi",
    "Zw",
];

/// Whether the kernel is likely to export a function of this name. What is asked for by name is mostly what
/// newer versions of Windows have.
fn exists(name: &str) -> bool {
    let own = |start: &&str| {
        name.strip_prefix(*start).is_some_and(|rest| rest.starts_with(char::is_uppercase))
    };
    crate::routines::named(name).is_some() || KERNEL.iter().any(own)
}

fn find_routine(kernel: &mut Kernel<'_>, name: &str) -> Answer {
    if !exists(name) {
        kernel.assume(&format!("the kernel has no {name}"));
        return Ok(0);
    }
    Ok(kernel.routine_address("ntoskrnl.exe", name).unwrap_or(0))
}

fn routine_address(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(0))?;
    find_routine(kernel, &name)
}

fn routine_address_narrow(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.narrow(call.at(0), 256)?;
    find_routine(kernel, &String::from_utf8_lossy(&name))
}

/// RTL_OSVERSIONINFOW, and what RTL_OSVERSIONINFOEXW has besides.
fn version(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// VER_PLATFORM_WIN32_NT.
    const NT: u32 = 2;
    const PLAIN: usize = 0x114;
    const EXTENDED: u32 = 0x11C;
    let at = call.at(0);
    let size = kernel.u32(at)?;
    let version = kernel.options.windows;
    kernel.put(at.wrapping_add(4), &[0; PLAIN - 4])?;
    for (offset, value) in [(4, version.major), (8, version.minor), (12, version.build), (16, NT)] {
        kernel.put_u32(at.wrapping_add(offset), value)?;
    }
    if size == EXTENDED {
        // Service pack 0, suite for one user, workstation.
        kernel.put(at.wrapping_add(PLAIN as u64), &[0, 0, 0, 0, 0, 1, 1, 0])?;
    }
    Stop::status(status::SUCCESS)
}

fn version_by_parts(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let version = kernel.options.windows;
    for (index, value) in [version.major, version.minor, version.build].into_iter().enumerate() {
        kernel.put_optional(call.at(index), &value.to_le_bytes())?;
    }
    if call.at(3) != 0 {
        kernel.put_u16(call.at(3), 0)?;
    }
    // A free build.
    Ok(0)
}

/// WDM 6.0 is the last.
fn wdm_version(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from((call.u8(0), call.u8(1)) <= (6, 0)))
}

/// Classes of system information.
mod class {
    pub const BASIC: u32 = 0;
    pub const MODULES: u32 = 11;
    pub const KERNEL_DEBUGGER: u32 = 35;
    pub const CODE_INTEGRITY: u32 = 103;
    pub const ISOLATED_USER_MODE: u32 = 165;
    pub const POOL_ZEROING: u32 = 227;
}

fn query(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = match call.u32(0) {
        class::BASIC => basic(),
        class::MODULES => modules(kernel),
        class::KERNEL_DEBUGGER => vec![0, 1],
        class::CODE_INTEGRITY => match code_integrity(kernel, call)? {
            Some(bytes) => bytes,
            None => return Stop::status(status::INFO_LENGTH_MISMATCH),
        },
        class::ISOLATED_USER_MODE => isolated(kernel),
        class::POOL_ZEROING => vec![1],
        other => {
            kernel.assume(&format!("system information of class {other} is zero"));
            let room = u64::from(call.u32(2)).min(0x1000);
            kernel.put(call.at(1), &vec![0; room as usize])?;
            kernel.put_optional(call.at(3), &(room as u32).to_le_bytes())?;
            return Stop::status(status::SUCCESS);
        }
    };
    kernel.put_optional(call.at(3), &(bytes.len() as u32).to_le_bytes())?;
    if (call.u32(2) as usize) < bytes.len() {
        return Stop::status(status::INFO_LENGTH_MISMATCH);
    }
    kernel.put(call.at(1), &bytes)?;
    Stop::status(status::SUCCESS)
}

/// SYSTEM_CODEINTEGRITY_INFORMATION: its length and the options; none where the caller did not put the length there, or
/// has no room for it.
fn code_integrity(kernel: &mut Kernel<'_>, call: &Call) -> Result<Option<Vec<u8>>, Stop> {
    const SIZE: u32 = 8;
    if call.u32(2) < SIZE || kernel.u32(call.at(1))? != SIZE {
        kernel.put_optional(call.at(3), &SIZE.to_le_bytes())?;
        return Ok(None);
    }
    let told = kernel.options.code_integrity_bits();
    let asked = Asked { rva: kernel.rva(call.caller), told };
    if kernel.run.asked.len() < kernel.options.budget.entries {
        kernel.run.asked.push(asked);
    }
    Ok(Some([SIZE.to_le_bytes(), told.to_le_bytes()].concat()))
}

/// SYSTEM_ISOLATED_USER_MODE_INFORMATION: the secure kernel runs, memory integrity is on.
fn isolated(kernel: &mut Kernel<'_>) -> Vec<u8> {
    let told = kernel.options.code_integrity_bits();
    let mut bytes = vec![0; 16];
    bytes[0] = if told & crate::HVCI_ENABLED != 0 { 3 } else { 0 };
    bytes
}

fn basic() -> Vec<u8> {
    let mut bytes = vec![0; 0x40];
    let words =
        [(4, 156_250), (8, 4096), (12, 0x40_0000), (16, 1), (20, 0x7F_FFFF), (24, 0x1_0000)];
    for (at, value) in words {
        bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
    }
    bytes[0x38] = 1;
    bytes
}

/// RTL_PROCESS_MODULES: the kernel, the HAL and the driver.
fn modules(kernel: &mut Kernel<'_>) -> Vec<u8> {
    const MODULE: usize = 0x128;
    let driver = format!("\\SystemRoot\\System32\\drivers\\{}", kernel.options.name);
    let list = [
        ("\\SystemRoot\\system32\\ntoskrnl.exe".to_owned(), space::KERNEL, kernel_image::size()),
        ("\\SystemRoot\\system32\\hal.dll".to_owned(), space::DATA, 0x6000),
        (driver, kernel.loaded.base, kernel.loaded.size),
    ];
    let mut bytes = vec![0; 8 + MODULE * list.len()];
    bytes[0] = list.len() as u8;
    for (index, (path, base, size)) in list.iter().enumerate() {
        let module = &mut bytes[8 + MODULE * index..][..MODULE];
        module[0x10..0x18].copy_from_slice(&base.to_le_bytes());
        module[0x18..0x1C].copy_from_slice(&(*size as u32).to_le_bytes());
        module[0x20..0x22].copy_from_slice(&(index as u16).to_le_bytes());
        module[0x24..0x26].copy_from_slice(&1_u16.to_le_bytes());
        let name = path.rfind('\\').map_or(0, |at| at + 1);
        module[0x26..0x28].copy_from_slice(&(name as u16).to_le_bytes());
        let path = &path.as_bytes()[..path.len().min(255)];
        module[0x28..0x28 + path.len()].copy_from_slice(path);
    }
    bytes
}

fn set(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume(&format!("system information of class {} cannot be set", call.u32(0)));
    Stop::status(status::NOT_SUPPORTED)
}

fn load_driver(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("another driver cannot be loaded");
    Stop::status(status::OBJECT_NAME_NOT_FOUND)
}

fn one_processor(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn processor_from_index(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u32(call.at(1), 0)?;
    Stop::status(if call.u32(0) == 0 { status::SUCCESS } else { status::INVALID_PARAMETER })
}

/// With KE_PROCESSOR_CHANGE_ADD_EXISTING the callback is told of each processor at once.
fn register_processors(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = kernel.own(0x40).unwrap_or(0);
    if call.u32(2) & 1 != 0 {
        // KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT: state, number, number as group and index, status.
        let context = kernel.own(0x20).unwrap_or(0);
        let result = kernel.own(0x10).unwrap_or(0);
        for state in [0, 1] {
            kernel.put_u32(context, state)?;
            kernel.call_back(call.at(0), &[call.at(1), context, result])?;
        }
        kernel.give_back(context);
        kernel.give_back(result);
    }
    Ok(made)
}

fn everywhere(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// IPI_LEVEL.
    const IPI: u8 = 14;
    let before = std::mem::replace(&mut kernel.irql, IPI);
    let answer = kernel.call_back(call.at(0), &[call.at(1)])?;
    kernel.irql = before;
    Ok(answer)
}

fn has_feature(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = space::USER_SHARED_DATA + 0x274 + u64::from(call.u32(0)).min(63);
    kernel.u8(at).map(u64::from)
}

/// MmLargeSystem.
fn large(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(2)
}

fn verifies(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(u64::from(!kernel.hvci()))
}

fn verifies_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    verifies(kernel, call)
}

fn verifier_state(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// DRIVER_VERIFIER code integrity checks.
    const CODE_INTEGRITY_CHECKS: u32 = 0x0200_0000;
    if kernel.hvci() {
        return Stop::status(status::UNSUCCESSFUL);
    }
    kernel.put_u32(call.at(0), CODE_INTEGRITY_CHECKS)?;
    Stop::status(status::SUCCESS)
}

fn no_variable(_: &mut Kernel<'_>, _: &Call) -> Answer {
    /// STATUS_VARIABLE_NOT_FOUND.
    const NOT_FOUND: u32 = 0xC000_0100;
    Stop::status(NOT_FOUND)
}

fn make_uuid(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut bytes =
        [kernel.chance.next().to_le_bytes(), kernel.chance.next().to_le_bytes()].concat();
    bytes[7] = bytes[7] & 0xF | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    kernel.put(call.at(0), &bytes)?;
    Stop::status(status::SUCCESS)
}

fn random(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let number = kernel.chance.next() as u32 & 0x7FFF_FFFF;
    kernel.put_u32(call.at(0), number)?;
    Ok(number.into())
}

fn random_bytes(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let length = call.at(1).min(0x1_0000);
    kernel.charge(length)?;
    let bytes: Vec<_> = (0..length).map(|_| kernel.chance.next() as u8).collect();
    kernel.put(call.at(0), &bytes)?;
    Ok(1)
}
