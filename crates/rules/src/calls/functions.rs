//! Which imports are certainly functions, and which of those return the address of memory.

use ringfence_ddi::{Ddi, imported};

/// What the names of system services begin with, behind `Nt`. The kernel exports variables of such names
/// as well, NtBuildNumber and NtGlobalFlag among them, so that only these count.
const SERVICES: [&str; 24] = [
    "Adjust",
    "Allocate",
    "Clear",
    "Close",
    "Connect",
    "Create",
    "Delete",
    "Device",
    "Duplicate",
    "Find",
    "Free",
    "Fs",
    "Load",
    "Lock",
    "Make",
    "Map",
    "Notify",
    "Open",
    "Query",
    "Read",
    "Request",
    "Set",
    "Unlock",
    "Write",
];

/// What the names of DDIs begin with that return the address of memory they gave or mapped.
const GIVERS: [&str; 8] = [
    "ExAllocatePool",
    "FltAllocatePool",
    "FsRtlAllocatePool",
    "MmAllocateContiguous",
    "MmAllocateNonCachedMemory",
    "MmMapIoSpace",
    "MmMapLockedPages",
    "VideoPortAllocatePool",
];

/// Whether an import is certainly a function. Drivers may read variables that others export, and most
/// names do not tell.
pub(super) fn is_function(module: &str, name: &str) -> bool {
    let service = |rest: &str| SERVICES.iter().any(|known| rest.starts_with(known));
    let kernel = || module.eq_ignore_ascii_case("ntoskrnl.exe");
    imported(module, name).is_some()
        || kernel() && (name.starts_with("Zw") || name.strip_prefix("Nt").is_some_and(service))
}

/// Which of `ddis` return the address of memory.
pub(super) fn givers(ddis: &[&'static Ddi]) -> Vec<usize> {
    let gives = |ddi: &Ddi| GIVERS.iter().any(|known| ddi.name.starts_with(known));
    (0..).zip(ddis).filter(|(_, ddi)| gives(ddi)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_ddi::named;

    /// The variables that the kernel's headers declare, and those that drivers are known to read.
    #[test]
    fn variables_are_no_functions() {
        for name in [
            "NtBuildNumber",
            "NtBuildGUID",
            "NtBuildLab",
            "NtGlobalFlag",
            "NtVhdBootFile",
            "KdDebuggerEnabled",
            "KdDebuggerNotPresent",
            "InitSafeBootMode",
            "IoFileObjectType",
            "PsProcessType",
            "PsThreadType",
            "ExEventObjectType",
            "MmHighestUserAddress",
            "MmSystemRangeStart",
            "MmUserProbeAddress",
            "PsInitialSystemProcess",
            "SeExports",
            "HalDispatchTable",
            "HalPrivateDispatchTable",
            "KeServiceDescriptorTable",
            "KeNumberProcessors",
            "CcFastMdlReadWait",
            "FsRtlLegalAnsiCharacterArray",
            "NlsMbCodePageTag",
            "NlsOemLeadByteInfo",
            "IoStatisticsLock",
            "POGOBuffer",
            "psMUITest",
        ] {
            assert!(!is_function("ntoskrnl.exe", name), "{name}");
        }
        for name in ["ZwCreateFile", "NtCreateFile", "NtClose", "ExAllocatePoolWithTag"] {
            assert!(is_function("ntoskrnl.exe", name), "{name}");
        }
        assert!(!is_function("acme.sys", "ZwShelf"));
    }

    #[test]
    fn givers_return_an_address() {
        let ddi = |name: &str| named(name).unwrap();
        let ddis = ["IoAllocateMdl", "ExAllocatePool2", "ZwMapViewOfSection", "MmMapIoSpaceEx"];
        assert_eq!(givers(&ddis.map(ddi)), [1, 3]);
        for prefix in GIVERS {
            assert!(
                ringfence_ddi::all().iter().any(|ddi| ddi.name.starts_with(prefix)),
                "{prefix}"
            );
        }
    }
}
