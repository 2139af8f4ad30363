//! One line a finding in the form of Microsoft's compilers, which IDEs pick up.

use crate::{Options, Sink};
use ringfence_finding::{Closing, Examination, Targets, Tool};
use std::io::{self, Write};

pub(crate) struct Msvc<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
}

impl<'a> Msvc<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Msvc<'a> {
        Msvc { out, options }
    }
}

impl Sink for Msvc<'_> {
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
