//! Writing with an eye on how large it will be once it is compressed.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Writes on, and counts what a compressor would leave of it.
///
/// The fastest compression is measured, so that any other makes less of it. Compressing takes time, and
/// what is small enough as it is needs none.
pub(crate) struct Measured<'a> {
    out: Box<dyn Write + 'a>,
    compressor: Option<GzEncoder<Counter>>,
}

/// Throws away and counts.
#[derive(Default)]
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Measured<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, measure: bool) -> Measured<'a> {
        let compressor = || GzEncoder::new(Counter::default(), Compression::fast());
        Measured { out, compressor: measure.then(compressor) }
    }

    /// The bytes that are left of what was written, but for some thousands that are still being
    /// compressed; 0 where nobody measures.
    pub(crate) fn compressed(&self) -> usize {
        self.compressor.as_ref().map_or(0, |compressor| compressor.get_ref().0)
    }
}

impl Write for Measured<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(compressor) = &mut self.compressor {
            compressor.write_all(bytes)?;
        }
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
