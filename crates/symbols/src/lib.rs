//! Names the place of an address: function, source line, object file and static library, from a PDB.
//!
//! A PDB belongs to one link of one image. [`Symbols::read`] compares the identity that the image
//! names with that of the file and refuses any other: lines of another build look right and are wrong.
//!
//! Bytes are read by hand, not by a PDB library. Those there are allocate by counts that stand in the
//! file and follow types recursively, so a file made for it ends the process, which nothing catches.
//! Here no list is longer than the bytes it is read from, and all streams together are copied at most
//! once.
//!
//! ```
//! use ringfence_image::Image;
//! use ringfence_symbols::Symbols;
//!
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
//! let driver = std::fs::read(format!("{folder}/library-pool-x64.sys"))?;
//! let debug_file = std::fs::read(format!("{folder}/library-pool-x64.pdb"))?;
//! let image = Image::read(&driver)?;
//! let wanted = image.debug().codeview.ok_or("names no debug file")?;
//! let mut symbols = Symbols::read(&debug_file, &wanted)?;
//! let place = symbols.locate(image.headers().entry_point.0).ok_or("not found")?;
//! assert_eq!(place.function.as_deref(), Some("DriverEntry"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bytes;
mod dbi;
mod ids;
mod info;
mod inlined;
mod lines;
mod module;
mod msf;
mod names;
mod publics;
mod readable;
mod refused;
mod sections;
mod symbols;

pub use refused::{Identity, Refused};
pub use symbols::{InlinedCall, Place, Symbols};
