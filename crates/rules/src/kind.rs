//! Which images are drivers. The content decides, never the file's name.

use ringfence_image::{Image, SUBSYSTEM_NATIVE};

/// Why an image is no driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotADriver {
    /// It imports from this user-mode module.
    UserMode(String),
    /// Its subsystem, by number, is not native, and it imports nothing from the kernel.
    NotNative(u16),
}

impl std::fmt::Display for NotADriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotADriver::UserMode(module) => {
                write!(f, "not a kernel image: it imports from {module}")
            }
            NotADriver::NotNative(subsystem) => {
                write!(f, "not a kernel image: its subsystem is {subsystem}, not 1 (native)")
            }
        }
    }
}

/// Tells whether an image is a driver: a native image that imports from no user-mode module.
///
/// Native programs such as smss.exe import from ntdll and are none. An image of another subsystem
/// that imports from kernel modules alone is a driver linked with the wrong switch, and a rule says
/// so.
pub fn kind(image: &Image<'_>) -> Result<(), NotADriver> {
    let names = || image.imports().modules.iter().map(|module| stem_and_extension(module.name));
    if let Some((stem, extension)) = names().find(|(stem, extension)| is_user_mode(stem, extension))
    {
        return Err(NotADriver::UserMode(format!("{stem}.{extension}")));
    }
    let subsystem = image.headers().subsystem;
    if subsystem == SUBSYSTEM_NATIVE
        || names().any(|(stem, extension)| is_kernel(&stem, &extension))
    {
        return Ok(());
    }
    Err(NotADriver::NotNative(subsystem))
}

/// The name in lower case, cut at its last dot; the loader adds `.dll` where there is none.
fn stem_and_extension(name: &[u8]) -> (String, String) {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((stem, extension)) => (stem.to_owned(), extension.to_owned()),
        None => (name, "dll".to_owned()),
    }
}

/// Modules that exist in user mode only. Kernel API sets are called `ext-ms-`, so only `api-ms-`
/// counts.
const USER_MODE: &[&str] = &[
    "advapi32",
    "bcrypt",
    "combase",
    "comctl32",
    "crypt32",
    "dbghelp",
    "gdi32",
    "gdi32full",
    "imm32",
    "kernel32",
    "kernelbase",
    "mfc42",
    "mscoree",
    "msi",
    "msvcrt",
    "newdev",
    "ntdll",
    "ole32",
    "oleaut32",
    "powrprof",
    "psapi",
    "rpcrt4",
    "sechost",
    "secur32",
    "setupapi",
    "shell32",
    "shlwapi",
    "user32",
    "userenv",
    "version",
    "win32u",
    "wininet",
    "winmm",
    "winspool",
    "wintrust",
    "ws2_32",
    "wsock32",
    "wtsapi32",
];

/// Run-time libraries of user mode, whose names go on with a version.
const USER_MODE_PREFIXES: &[&str] = &["api-ms-", "msvcp", "msvcr", "ucrtbase", "vcruntime"];

fn is_user_mode(stem: &str, extension: &str) -> bool {
    extension == "dll"
        && (USER_MODE.contains(&stem)
            || USER_MODE_PREFIXES.iter().any(|prefix| stem.starts_with(prefix)))
}

fn is_kernel(stem: &str, extension: &str) -> bool {
    extension == "sys" || matches!((stem, extension), ("ntoskrnl", "exe") | ("hal", "dll"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    #[track_caller]
    fn told(bytes: &[u8]) -> String {
        match kind(&Image::read(bytes).unwrap()) {
            Ok(()) => "driver".to_owned(),
            Err(reason) => reason.to_string(),
        }
    }

    #[test]
    fn native_images_without_user_mode_imports_are_drivers() {
        assert_eq!(told(&driver().bytes()), "driver");
        assert_eq!(told(&driver().no_imports().bytes()), "driver");
        assert_eq!(
            told(&driver().import("ext-ms-win-ntos-tm-l1-1-0.dll", &["A"]).bytes()),
            "driver"
        );
    }

    #[test]
    fn native_programs_are_not() {
        for module in [
            "ntdll.dll",
            "KERNEL32.dll",
            "api-ms-win-core-file-l1-1-0.dll",
            "ucrtbase.dll",
            "NTDLL",
        ] {
            let bytes = driver().no_imports().import(module, &["A"]).bytes();
            assert!(told(&bytes).starts_with("not a kernel image: it imports from "), "{module}");
        }
    }

    #[test]
    fn a_driver_of_the_wrong_subsystem_still_is_one() {
        assert_eq!(told(&driver().subsystem(3).bytes()), "driver");
        let resources = driver().no_imports().subsystem(2).bytes();
        assert_eq!(told(&resources), "not a kernel image: its subsystem is 2, not 1 (native)");
    }
}
