//! Machine code to facts: where an image calls the functions asked about, and which values reach
//! the arguments of each call. Knows nothing of what the functions do or of memory integrity.
//!
//! [`survey`] answers a [`Query`] on demand: it finds every reference to the functions first and
//! reads only the code around those. What cannot be told is an answer with a [`Reason`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod abi;
mod analysis;
mod arithmetic;
mod decode;
mod domain;
mod flow;
mod function;
mod ir;
mod listing;
mod packed;
mod places;
mod query;
mod scan;
mod search;
mod state;
mod survey;
mod transfer;
mod value;

pub use listing::{Line, listing};
pub use query::{Callee, Parameter, Query, Wanted};
pub use survey::{Argument, Doubt, Fate, Reference, Site, Survey, Via, survey};
pub use value::{Possible, Reason, Value};
