//! JUnit XML.

use crate::{Options, Sink};
use ringfence_finding::{Closing, Examination, Targets, Tool};
use std::io::{self, Write};

pub(crate) struct Junit<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
}

impl<'a> Junit<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Junit<'a> {
        Junit { out, options }
    }
}

impl Sink for Junit<'_> {
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
