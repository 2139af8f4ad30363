//! Stream 1: which file this is, and the streams that have names.

use crate::bytes::{size_at, slice, text_at, u32_at};

/// Its number.
pub(crate) const STREAM: usize = 1;

/// The first version with a GUID.
const FIRST_WITH_GUID: u32 = 20_000_404;

/// Where the GUID begins, and the list of names behind it.
const GUID: usize = 12;
const NAMES: usize = 28;

/// The GUID; `Err` where the version is from before there were any.
pub(crate) fn guid(info: &[u8]) -> Option<Result<[u8; 16], u32>> {
    let version = u32_at(info, 0)?;
    if version < FIRST_WITH_GUID {
        return Some(Err(version));
    }
    info.get(GUID..)?.first_chunk().map(|guid| Ok(*guid))
}

/// The age that counts every change of the file.
pub(crate) fn age(info: &[u8]) -> Option<u32> {
    u32_at(info, 8)
}

/// The number of the stream that is called `wanted`.
pub(crate) fn named(info: &[u8], wanted: &[u8]) -> Option<usize> {
    let texts = size_at(info, NAMES)?;
    let text = slice(info, NAMES + 4, texts)?;
    // A hash table: how many entries, room for how many, which places are taken, which were.
    let table = NAMES + 4 + texts;
    let count = size_at(info, table)?;
    let mut at = table + 8;
    for _ in 0..2 {
        let words = size_at(info, at)?;
        at = at.checked_add(4)?.checked_add(words.checked_mul(4)?)?;
    }
    let entries = slice(info, at, count.checked_mul(8)?)?;
    entries.chunks_exact(8).find_map(|entry| {
        let (name, _) = text_at(text, size_at(entry, 0)?)?;
        if name == wanted { size_at(entry, 4) } else { None }
    })
}
