//! Machine code to facts: where an image calls the functions asked about, and which values reach
//! the arguments of each call. Knows nothing of what the functions do or of memory integrity.
//!
//! [`survey`] answers a [`Query`] on demand: it finds every reference to the functions first and
//! reads only the code around those. What cannot be told is an answer with a [`Reason`].
//!
//! ```
//! use ringfence_code::{Callee, Effect, Parameter, Query, Wanted, survey};
//! use ringfence_image::{Image, ImportName};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/clean-x64.sys");
//! let bytes = std::fs::read(path)?;
//! let image = Image::read(&bytes)?;
//! let imports = image.imports().modules.iter().flat_map(|module| &module.functions);
//! let wanted = imports.filter(|import| import.name == ImportName::Name(b"ExAllocatePoolWithTag"));
//! let wanted = wanted.map(|import| Wanted {
//!     callee: Callee::Slot(import.slot),
//!     parameters: 3,
//!     arguments: vec![Parameter::new(0, 32)],
//!     effect: Effect::None,
//! });
//! let query = Query { wanted: wanted.collect(), ..Query::default() };
//!
//! // NonPagedPoolNx and PagedPool, as its source says.
//! let sites = survey(&image, &query).sites;
//! let types = sites.iter().map(|site| site.arguments[0].value.possible[0].constant());
//! assert!(types.eq([Some(0x200), Some(1)]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod abi;
mod aims;
mod analysis;
mod arithmetic;
mod clues;
mod compared;
mod decode;
mod domain;
mod fields;
mod flow;
mod function;
mod ir;
mod jumps;
mod listing;
mod mentions;
mod names;
mod outside;
mod packed;
mod path;
mod places;
mod query;
mod scan;
mod search;
mod sighting;
mod state;
mod survey;
mod transfer;
mod value;

pub use jumps::{called_at, is_jump, reached_by_jumps};
pub use listing::{Line, listing};
pub use path::Path;
pub use query::{Callee, Effect, Parameter, Query, Wanted, Watch};
pub use search::survey;
pub use sighting::{Sight, Sighting, Writer};
pub use survey::{
    Argument, Doubt, Fate, Lookup, Reader, Reference, Route, SetUp, Site, Step, Stored, Survey,
    Variable, VariableStore, Via,
};
pub use value::{Origin, Possible, Reason, Value};
