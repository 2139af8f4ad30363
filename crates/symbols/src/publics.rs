//! Public symbols: the names of functions in a PDB whose private part was stripped.

use crate::bytes::{text_at, u16_at, u32_at};
use crate::module::Records;
use crate::sections::At;

/// `S_PUB32`.
const PUBLIC: u16 = 0x110e;
/// The flags of code, and of functions.
const CODE: u32 = 3;
/// Where a record has its fields.
const OFFSET: usize = 4;
const SECTION: usize = 8;
const NAME: usize = 10;

/// The public symbols, by place.
#[derive(Default)]
pub(crate) struct Publics {
    records: Vec<u8>,
    /// Where each is, and where its name begins in the records.
    names: Vec<(At, usize)>,
}

impl Publics {
    pub(crate) fn read(records: Vec<u8>) -> Publics {
        let mut names = Vec::new();
        for (kind, start, record) in Records::new(&records, 0) {
            if kind == PUBLIC
                && u32_at(record, 0).is_some_and(|flags| flags & CODE != 0)
                && let Some(section) = u16_at(record, SECTION)
                && let Some(offset) = u32_at(record, OFFSET)
                && NAME < record.len()
            {
                names.push(((section, offset), start + NAME));
            }
        }
        names.sort_by_key(|(at, _)| *at);
        Publics { records, names }
    }

    /// The name of what begins last at or before a place, but not before `from`.
    pub(crate) fn last(&self, from: At, at: At) -> Option<&[u8]> {
        let after = self.names.partition_point(|(start, _)| *start <= at);
        let (start, name) = *self.names.get(after.checked_sub(1)?)?;
        let name = text_at(&self.records, name).map(|(name, _)| name);
        name.filter(|_| start >= from)
    }
}
