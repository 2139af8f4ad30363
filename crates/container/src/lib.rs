//! Opens whatever drivers come in as a stream of named bytes.
//!
//! So far that is files and folders of the file system, and the debug files that belong to drivers; all
//! reading of files lives here, of settings, sources and earlier reports too, and replacing them whole.
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

mod above;
mod debug_file;
mod draft;
mod folder;
mod head;
mod ignored;
mod input;
mod overwritten;
mod replacement;
mod report_file;
mod settings_file;
mod source_file;
mod source_folder;
mod twice;

pub use above::{Above, above};
pub use debug_file::{
    LARGEST_DEBUG_FILE, SymbolFolder, WantedDebugFile, debug_files, read_debug_file,
};
pub use draft::Draft;
pub use folder::{Contents, LARGEST_IMAGE, Source, Unreadable, UnreadableReason, expand, read};
pub use head::{Head, head_of, read_head};
pub use input::Input;
pub use overwritten::kept_from_overwriting;
pub use replacement::{NotReplaced, Replacement, replace_file};
pub use report_file::{LARGEST_REPORT, open_report};
pub use settings_file::{LARGEST_SETTINGS, SETTINGS_FILE, nearest_settings, plain, read_settings};
pub use source_file::{LARGEST_SOURCE, read_source};
pub use source_folder::expand_sources;
pub use twice::linked_twice;
