//! One file per format; sees findings and verdicts, never an image.
//!
//! ```
//! use ringfence_finding::{Closing, Targets, Tool};
//! use ringfence_report::{Format, Options, sink};
//!
//! let mut written = Vec::new();
//! let mut report = sink(Format::Summary, Box::new(&mut written), Options::default());
//! report.begin(&Tool { name: "ringfence", version: "0.1.0" }, Targets::DEFAULT)?;
//! report.finish(&Closing::default())?;
//! drop(report);
//! assert_eq!(written, b"0 drivers (0.00 s)\n");
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answers;
mod calls;
mod card;
mod certify;
mod concise;
mod coverage;
mod csv;
mod ddi;
mod difference;
mod drawing;
mod excuse;
mod failing;
mod format;
mod full;
mod github;
mod grid;
#[cfg(test)]
mod hostile;
mod html;
mod idle;
mod json;
mod junit;
mod layout;
mod lint;
mod markdown;
pub mod markup;
mod msvc;
mod prose;
mod safe;
#[cfg(test)]
mod sample;
mod sarif;
mod schema;
mod scoreboard;
mod seen_calls;
mod source;
mod style;
mod summary;
#[cfg(test)]
mod tests;
mod uri;
mod verify;
mod witness;

pub use calls::{CallFilter, calls_json, calls_table};
pub use card::{page, rules_json, rules_table};
pub use certify::{
    CertificationSink, certification_json, certification_markdown, certification_script,
    certification_text,
};
pub use ddi::{DdiRow, ddis_json, ddis_table};
pub use difference::{difference_json, difference_markdown, difference_text};
pub use format::{Format, Options, UnknownFormat, sink};
pub use idle::idle_acceptances;
pub use layout::{counted, grouped, wrap};
pub use lint::write_lint;
pub use prose::Prose;
pub use safe::safe;
pub use schema::{
    certification_schema, difference_schema, import_schema, lint_schema, schema, trace_schema,
    verify_schema,
};
pub use verify::{
    NOT_EXPECTED, entry_failure, failed_allocations, has_failed_allocations, has_violation,
    verify_json, verify_json_lines, verify_summary, verify_text, verify_trace,
};

use ringfence_finding::{Closing, Examination, Targets, Tool};
use std::io;

/// Where a scan tells its drivers, one by one and in order.
///
/// Errors are those of the stream written to.
pub trait Sink {
    /// Called once, before anything else.
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()>;
    /// Called for each driver.
    fn driver(&mut self, examination: &Examination) -> io::Result<()>;
    /// Called once, at the end.
    fn finish(&mut self, closing: &Closing) -> io::Result<()>;
}
