//! Opens whatever drivers come in as a stream of named bytes.
//!
//! So far that is files and folders of the file system, and the debug files that belong to drivers; all
//! reading of files lives here, of settings and earlier reports too.
//!
//! ```
//! use ringfence_container::{Input, expand};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("a.sys"), b"MZ")?;
//! let found = expand(&[Input::parse(folder.path().as_os_str())]);
//! let [Ok(source)] = &found[..] else { panic!() };
//! assert!(source.name().ends_with("a.sys"));
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod debug_file;
mod folder;
mod input;
mod overwritten;
mod report_file;
mod settings_file;

pub use debug_file::{
    LARGEST_DEBUG_FILE, SymbolFolder, WantedDebugFile, debug_files, read_debug_file,
};
pub use folder::{Contents, LARGEST_IMAGE, Source, Unreadable, UnreadableReason, expand, read};
pub use input::Input;
pub use overwritten::kept_from_overwriting;
pub use report_file::{LARGEST_REPORT, open_report};
pub use settings_file::{LARGEST_SETTINGS, SETTINGS_FILE, nearest_settings, plain, read_settings};
