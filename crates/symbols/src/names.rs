//! The stream `/names`: the paths of source files.

use crate::bytes::{size_at, slice, text_at, u32_at};

const SIGNATURE: u32 = 0xeffe_effe;
const TEXTS_SIZE: usize = 8;
const TEXTS: usize = 12;

/// The texts, each known by where it begins.
#[derive(Default)]
pub(crate) struct Names(Vec<u8>);

impl Names {
    /// Empty where the stream is no such table.
    pub(crate) fn read(stream: Vec<u8>) -> Names {
        let is_table = u32_at(&stream, 0) == Some(SIGNATURE);
        Names(if is_table { stream } else { Vec::new() })
    }

    pub(crate) fn get(&self, offset: u32) -> Option<&[u8]> {
        let texts = slice(&self.0, TEXTS, size_at(&self.0, TEXTS_SIZE)?)?;
        text_at(texts, usize::try_from(offset).ok()?).map(|(text, _)| text)
    }
}
