//! What Windows itself said, read back: the text of `verifier /query`, and memory dumps.
//!
//! ```
//! use ringfence::import::{Imported, read};
//!
//! let text = b"MODULE: sample.sys (load: 1 / unload: 0)\n Execute Pool Type Count: 3\n";
//! let Imported::Query(query) = read(text)? else { panic!() };
//! assert_eq!(query.modules[0].name, "sample.sys");
//! # Ok::<(), ringfence::import::NotImported>(())
//! ```

mod dump;
mod files;
mod meaning;
pub mod own;
mod query;
mod text;

pub use dump::{BadDump, DriversUnknown, KernelDump, LARGEST_DUMP_HEAD, LoadedDriver};
pub use files::FolderFiles;
pub use meaning::{Meaning, meaning, of_counter, unrelated};
pub use query::{BadQuery, QueriedModule, VerifierQuery};
pub use ringfence_rules::Reported;

/// What Windows said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The text of `verifier /query`, or the readiness script's log.
    Query(VerifierQuery),
    /// A memory dump of the kernel.
    Dump(KernelDump),
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotImported {
    /// It begins as a dump, but is none that can be read.
    #[error("{0}")]
    Dump(#[from] BadDump),
    /// It is no text of the tool.
    #[error("{0}")]
    Query(#[from] BadQuery),
}

/// Reads what Windows said. Of dumps the first [`LARGEST_DUMP_HEAD`] bytes say all that is asked.
///
/// # Errors
///
/// Where the bytes are neither.
pub fn read(bytes: &[u8]) -> Result<Imported, NotImported> {
    if dump::is_dump(bytes) {
        return Ok(Imported::Dump(KernelDump::read(bytes)?));
    }
    Ok(Imported::Query(VerifierQuery::read(&text::decoded(bytes))?))
}
