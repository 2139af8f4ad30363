//! One file per format; sees findings and verdicts, never an image.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

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
