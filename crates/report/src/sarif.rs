//! SARIF 2.1.0, as GitHub code scanning and Visual Studio take it.

use crate::{Options, Sink};
use ringfence_finding::{Closing, Examination, Targets, Tool};
use std::io::{self, Write};

pub(crate) struct Sarif<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
}

impl<'a> Sarif<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Sarif<'a> {
        Sarif { out, options }
    }
}

impl Sink for Sarif<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, _: &Examination) -> io::Result<()> {
        let _ = &self.options;
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        self.out.flush()
    }
}
