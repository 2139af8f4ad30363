//! The lines that Microsoft's readiness script writes to its log, for comparison with that log.

use super::{CertificationSink, block};
use ringfence_finding::{Certification, Closing, Sku, Targets, Tool};
use std::io::{self, Write};

pub(super) struct Script<'a> {
    out: Box<dyn Write + 'a>,
}

impl<'a> Script<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Script<'a> {
        Script { out }
    }
}

impl CertificationSink for Script<'_> {
    fn begin(&mut self, _: &Tool, _: Sku, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, certification: Certification) -> io::Result<()> {
        for (deeper, text) in block::script(&certification) {
            writeln!(self.out, "{}{text}", if deeper { "\t" } else { "" })?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        self.out.flush()
    }
}
