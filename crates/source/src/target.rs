//! What the compiler and the kit define for a 64-bit driver, before any source says anything.

/// What is certainly defined for a driver for x64.
const DEFINED: [(&str, &str); 23] = [
    ("_WIN64", "1"),
    ("_WIN32", "1"),
    ("WIN32", "100"),
    ("_AMD64_", "1"),
    ("AMD64", "1"),
    ("_M_AMD64", "100"),
    ("_M_X64", "100"),
    ("_KERNEL_MODE", "1"),
    ("_MSC_VER", "1940"),
    ("_MSC_FULL_VER", "194000000"),
    ("_MSC_EXTENSIONS", "1"),
    ("_WIN32_WINNT", "0x0A00"),
    ("WINVER", "0x0A00"),
    ("WINNT", "1"),
    ("NTDDI_VERSION", "0x0A000010"),
    ("WDK_NTDDI_VERSION", "0x0A000010"),
    ("STD_CALL", "1"),
    ("CONDITION_HANDLING", "1"),
    ("NT_UP", "0"),
    ("DEVL", "1"),
    ("FPO", "0"),
    ("_MT", "1"),
    ("__STDC_WANT_SECURE_LIB__", "1"),
];

/// What is certainly not: other processors, other compilers and systems, tools that only look.
const UNDEFINED: [&str; 29] = [
    "_X86_",
    "_M_IX86",
    "i386",
    "__i386__",
    "_IA64_",
    "_M_IA64",
    "IA64",
    "_ARM_",
    "_M_ARM",
    "_ARM64_",
    "_M_ARM64",
    "_M_ARM64EC",
    "ARM64",
    "_MIPS_",
    "_PPC_",
    "_ALPHA_",
    "__GNUC__",
    "__clang__",
    "__linux__",
    "__APPLE__",
    "__unix__",
    "_PREFAST_",
    "__MINGW32__",
    "__MINGW64__",
    "RC_INVOKED",
    "MIDL_PASS",
    "__EDG__",
    "_NTSYSTEM_",
    "__x86_64__",
];

/// The versions that conditions compare with.
const VERSIONS: [(&str, u64); 44] = [
    ("NTDDI_WIN2K", 0x0500_0000),
    ("NTDDI_WINXP", 0x0501_0000),
    ("NTDDI_WINXPSP1", 0x0501_0100),
    ("NTDDI_WINXPSP2", 0x0501_0200),
    ("NTDDI_WINXPSP3", 0x0501_0300),
    ("NTDDI_WS03", 0x0502_0000),
    ("NTDDI_WS03SP1", 0x0502_0100),
    ("NTDDI_WIN6", 0x0600_0000),
    ("NTDDI_VISTA", 0x0600_0000),
    ("NTDDI_LONGHORN", 0x0600_0000),
    ("NTDDI_WIN6SP1", 0x0600_0100),
    ("NTDDI_VISTASP1", 0x0600_0100),
    ("NTDDI_WS08", 0x0600_0100),
    ("NTDDI_WIN7", 0x0601_0000),
    ("NTDDI_WIN8", 0x0602_0000),
    ("NTDDI_WINBLUE", 0x0603_0000),
    ("NTDDI_WINTHRESHOLD", 0x0A00_0000),
    ("NTDDI_WIN10", 0x0A00_0000),
    ("NTDDI_WIN10_TH2", 0x0A00_0001),
    ("NTDDI_WIN10_RS1", 0x0A00_0002),
    ("NTDDI_WIN10_RS2", 0x0A00_0003),
    ("NTDDI_WIN10_RS3", 0x0A00_0004),
    ("NTDDI_WIN10_RS4", 0x0A00_0005),
    ("NTDDI_WIN10_RS5", 0x0A00_0006),
    ("NTDDI_WIN10_19H1", 0x0A00_0007),
    ("NTDDI_WIN10_VB", 0x0A00_0008),
    ("NTDDI_WIN10_MN", 0x0A00_0009),
    ("NTDDI_WIN10_FE", 0x0A00_000A),
    ("NTDDI_WIN10_CO", 0x0A00_000B),
    ("NTDDI_WIN10_NI", 0x0A00_000C),
    ("NTDDI_WIN10_CU", 0x0A00_000D),
    ("NTDDI_WIN11_ZN", 0x0A00_000E),
    ("NTDDI_WIN11_GA", 0x0A00_000F),
    ("NTDDI_WIN11_GE", 0x0A00_0010),
    ("_WIN32_WINNT_NT4", 0x0400),
    ("_WIN32_WINNT_WIN2K", 0x0500),
    ("_WIN32_WINNT_WINXP", 0x0501),
    ("_WIN32_WINNT_WS03", 0x0502),
    ("_WIN32_WINNT_VISTA", 0x0600),
    ("_WIN32_WINNT_WIN7", 0x0601),
    ("_WIN32_WINNT_WIN8", 0x0602),
    ("_WIN32_WINNT_WINBLUE", 0x0603),
    ("_WIN32_WINNT_WINTHRESHOLD", 0x0A00),
    ("_WIN32_WINNT_WIN10", 0x0A00),
];

/// What `wdm.h` defines, and for which Windows and later, as `NTDDI_VERSION` numbers it. Headers of older kits lack it.
const SINCE: [(&str, i64); 6] = [
    ("MdlMappingNoExecute", 0x0602_0000),
    ("POOL_NX_ALLOCATION", 0x0602_0000),
    ("POOL_ZERO_ALLOCATION", 0x0A00_0008),
    ("POOL_FLAG_NON_PAGED", 0x0A00_0008),
    ("POOL_FLAG_NON_PAGED_EXECUTE", 0x0A00_0008),
    ("POOL_FLAG_PAGED", 0x0A00_0008),
];

/// Headers of the C runtime and of compilers: they bring nothing of the kernel along.
const RUNTIME: [&str; 45] = [
    "ntdef.h",
    "ntstatus.h",
    "ntverp.h",
    "ntstrsafe.h",
    "dontuse.h",
    "suppress.h",
    "evntprov.h",
    "devioctl.h",
    "usb.h",
    "winioctl.h",
    "sdkddkver.h",
    "devpkey.h",
    "devpropdef.h",
    "wmistr.h",
    "evntrace.h",
    "basetsd.h",
    "minwindef.h",
    "warning.h",
    "stdarg.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "wchar.h",
    "limits.h",
    "intrin.h",
    "assert.h",
    "ctype.h",
    "math.h",
    "errno.h",
    "stdbool.h",
    "inttypes.h",
    "float.h",
    "time.h",
    "excpt.h",
    "crtdefs.h",
    "sal.h",
    "specstrings.h",
    "driverspecs.h",
    "windef.h",
    "winnt.h",
    "winapifamily.h",
    "initguid.h",
    "guiddef.h",
];

/// Headers of the kit: they are not looked into even where a tree has them.
const KIT: [&str; 19] = [
    "wdm.h",
    "ntddk.h",
    "ntifs.h",
    "miniport.h",
    "ndis.h",
    "wdf.h",
    "fltkernel.h",
    "storport.h",
    "srb.h",
    "scsi.h",
    "video.h",
    "dispmprt.h",
    "portcls.h",
    "ks.h",
    "usbdi.h",
    "hidport.h",
    "wdmsec.h",
    "fwpsk.h",
    "ntosp.h",
];

/// Those of them that programs and drivers in user mode include too.
const SHARED: [&str; 6] = ["wdf.h", "srb.h", "scsi.h", "video.h", "ks.h", "usbdi.h"];

/// What is known of a name that no source has defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It stands for this.
    Defined(&'static str),
    /// It stands for this number.
    Number(u64),
    /// It is not defined.
    Undefined,
    /// It depends on the build, or on headers that are not here.
    Open,
}

/// What is known of `name` before any source says anything; `of_cpp` for C++.
pub(crate) fn given(name: &str, of_cpp: bool) -> Given {
    if let Some((_, value)) = DEFINED.iter().find(|(known, _)| *known == name) {
        return Given::Defined(value);
    }
    if let Some(value) = version(name) {
        return Given::Number(value);
    }
    match name {
        "__cplusplus" if of_cpp => Given::Defined("201703"),
        "__cplusplus" => Given::Undefined,
        _ if UNDEFINED.contains(&name) => Given::Undefined,
        _ => Given::Open,
    }
}

/// For which Windows and later the kernel's headers define a macro, of those that sources ask for.
pub(crate) fn since(name: &str) -> Option<i64> {
    SINCE.iter().find(|(known, _)| *known == name).map(|(_, since)| *since)
}

/// What a macro of `sdkddkver.h` takes out of a version.
pub(crate) fn part_of_version(name: &str, version: i64) -> Option<i64> {
    Some(match name {
        "OSVER" => version & 0xFFFF_0000,
        "SPVER" => (version & 0xFF00) >> 8,
        "SUBVER" => version & 0xFF,
        _ => return None,
    })
}

/// The number of a version of Windows by its name in `sdkddkver.h`.
pub(crate) fn version(name: &str) -> Option<u64> {
    VERSIONS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// Whether a header that is not in the tree may bring the declarations of the kernel along.
pub(crate) fn may_declare_kernel(header: &str) -> bool {
    let name = file_name(header);
    !RUNTIME.contains(&&*name)
}

/// Whether a header would be one of the tree's own: not the kit's, the runtime's, or what the trace preprocessor writes.
pub(crate) fn may_be_of_tree(header: &str) -> bool {
    let name = file_name(header);
    !KIT.contains(&&*name) && !RUNTIME.contains(&&*name) && !name.ends_with(".tmh")
}

/// Whether a header is one of the kit's.
pub(crate) fn is_of_kit(header: &str) -> bool {
    KIT.contains(&&*file_name(header))
}

/// Whether a header is one that nothing but the kernel can include.
pub(crate) fn is_of_kernel_alone(header: &str) -> bool {
    is_of_kit(header) && !SHARED.contains(&&*file_name(header))
}

fn file_name(header: &str) -> String {
    header.rsplit(['/', '\\']).next().unwrap_or(header).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_built_for_64_bits() {
        assert_eq!(given("_X86_", false), Given::Undefined);
        assert_eq!(given("_AMD64_", false), Given::Defined("1"));
        assert_eq!(given("NTDDI_WIN8", false), Given::Number(0x0602_0000));
        assert_eq!(given("DBG", false), Given::Open);
        assert_eq!(given("__cplusplus", false), Given::Undefined);
    }

    #[test]
    fn headers_of_the_runtime_declare_no_kernel() {
        assert!(may_declare_kernel("ntddk.h") && may_declare_kernel(r"shared\Precomp.h"));
        assert!(!may_declare_kernel("StdArg.h"));
        assert!(is_of_kit("ddk/WDM.h") && !is_of_kit("driver.h"));
        assert!(is_of_kernel_alone("ntddk.h") && !is_of_kernel_alone("ks.h"));
        assert!(!is_of_kernel_alone("driver.h"));
    }
}
