//! Hazards: one file each; the only place that knows what memory integrity forbids.
//!
//! ```
//! use ringfence_finding::Targets;
//! use ringfence_fixture::{EXECUTE, READ, WRITE, driver};
//!
//! let bytes = driver().edit_section(".text", |text| text.rights(READ | WRITE | EXECUTE)).bytes();
//! let image = ringfence_image::Image::read(&bytes)?;
//! let outcome = ringfence_rules::check(&ringfence_rules::Driver::new(&image), Targets::DEFAULT);
//! assert_eq!(outcome.findings[0].rule, "writable-executable-section");
//! # Ok::<(), ringfence_image::NotAnImage>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod calls;
mod code;
mod driver;
mod image;
mod kind;
mod listing;
mod memory;
mod names;
mod open_calls;
mod reported;
mod rule;
mod source;
mod witness;

pub use calls::{Calls, DdiCall, Deciding, Judging, OptIn, Standing};
pub use driver::Driver;
pub use kind::{NotADriver, kind};
pub use open_calls::open_calls;
pub use reported::{Reported, reported};
pub use rule::{
    Asked, Crash, Findings, MOST_OF_A_KIND, Outcome, Rule, check, looks_at_code, rules,
};
pub use source::{Source, SourceFindings, SourceOutcome, check_source};
pub use witness::{frames, witness};
