//! Stream 4: the names of functions that symbols know by an id.

use crate::bytes::{name, size_at, slice, text_at, u16_at, u32_at};

/// Its number.
pub(crate) const STREAM: usize = 4;

/// Where the header has its length and the first id.
const HEADER_LENGTH: usize = 4;
const FIRST_ID: usize = 8;

/// `LF_FUNC_ID`, `LF_MFUNC_ID` and `LF_STRING_ID`.
const FUNCTION: u16 = 0x1601;
const METHOD: u16 = 0x1602;
const TEXT: u16 = 0x1605;

/// The records, by id.
#[derive(Default)]
pub(crate) struct Ids {
    stream: Vec<u8>,
    first: u32,
    /// Where each begins.
    records: Vec<usize>,
}

impl Ids {
    pub(crate) fn read(stream: Vec<u8>) -> Ids {
        let mut records = Vec::new();
        let mut at = size_at(&stream, HEADER_LENGTH).unwrap_or(usize::MAX);
        while let Some(length) = u16_at(&stream, at) {
            // The length counts the kind, but not itself.
            if length < 2 {
                break;
            }
            records.push(at);
            at += 2 + usize::from(length);
        }
        Ids { first: u32_at(&stream, FIRST_ID).unwrap_or(0), records, stream }
    }

    /// The name of a function. Of a method it is that alone: its class is a type, and those are
    /// not read.
    pub(crate) fn function(&self, id: u32) -> Option<String> {
        let (kind, record) = self.record(id)?;
        let own = name(text_at(record, 8)?.0)?;
        match (kind, u32_at(record, 0)?) {
            (METHOD, _) | (FUNCTION, 0) => Some(own),
            (FUNCTION, scope) => match self.record(scope) {
                Some((TEXT, scope)) => Some(format!("{}::{own}", name(text_at(scope, 4)?.0)?)),
                _ => Some(own),
            },
            _ => None,
        }
    }

    fn record(&self, id: u32) -> Option<(u16, &[u8])> {
        let index = usize::try_from(id.checked_sub(self.first)?).ok()?;
        let at = *self.records.get(index)?;
        let length = usize::from(u16_at(&self.stream, at)?).checked_sub(2)?;
        Some((u16_at(&self.stream, at + 2)?, slice(&self.stream, at + 4, length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, words: [u32; 2], text: &[u8]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        // A text names no type.
        let words: Vec<u8> = words.take(if kind == TEXT { 4 } else { 8 }).collect();
        let content = [&kind.to_le_bytes(), &words[..], text, &[0]].concat();
        [&(content.len() as u16).to_le_bytes(), &content[..]].concat()
    }

    #[test]
    fn functions_are_named_with_their_namespace() {
        let header: Vec<u8> =
            [0u32, 12, 0x1000].iter().flat_map(|word| word.to_le_bytes()).collect();
        let records = [
            record(TEXT, [0, 0], b"acme::pool"),
            record(FUNCTION, [0x1000, 7], b"Allocate"),
            record(METHOD, [0x2345, 7], b"Grow"),
            record(FUNCTION, [0, 7], b"Free"),
            record(FUNCTION, [0x9999, 7], b"Lost"),
        ];
        let ids = Ids::read([header, records.concat()].concat());
        let name = |id| ids.function(id);
        assert_eq!(name(0x1001).as_deref(), Some("acme::pool::Allocate"));
        assert_eq!(name(0x1002).as_deref(), Some("Grow"));
        assert_eq!(name(0x1003).as_deref(), Some("Free"));
        assert_eq!(name(0x1004).as_deref(), Some("Lost"));
        assert_eq!([0, 0xfff, 0x1000, 0x1005, u32::MAX].map(name), [const { None }; 5]);
    }
}
