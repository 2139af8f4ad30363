//! Names of functions as texts in the image.

use crate::domain::{Atom, Base};
use crate::places::Places;
use ringfence_image::Rva;

/// Where a `UNICODE_STRING` of 64-bit Windows holds the address of its text, in bytes from its start.
/// Before it stand two lengths of two bytes each, and four bytes of padding.
pub(crate) const BUFFER: i32 = 8;

/// The length of a text that goes on to a zero; no `UNICODE_STRING` has an odd one.
pub(crate) const TO_ITS_END: u16 = u16::MAX;

/// No name of a function is longer.
const LONGEST: usize = 256;

/// The name that a `UNICODE_STRING` in the image stands for, as the file has it.
pub(crate) fn unicode_string(places: &Places<'_>, rva: u32) -> Option<String> {
    let bytes = places.image.bytes_from(Rva(rva))?.first_chunk::<2>()?;
    let length = usize::from(u16::from_le_bytes(*bytes)) / 2;
    let text = places.pointer(rva.checked_add(BUFFER.cast_unsigned())?)?;
    let units = constant(places, text)?.as_chunks::<2>().0;
    spelled(units.get(..length.min(LONGEST))?.iter().map(|unit| u16::from_le_bytes(*unit)))
}

/// The name at an address, of two bytes a letter, `length` of them.
pub(crate) fn wide(places: &Places<'_>, address: &Atom, length: u16) -> Option<String> {
    let Base::Image(rva) = address.base else { return None };
    let units = constant(places, rva)?.as_chunks::<2>().0;
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    match length {
        TO_ITS_END => ended(units),
        _ => spelled(units.take(usize::from(length / 2).min(LONGEST))),
    }
}

/// The name at an address, of one byte a letter up to a zero.
pub(crate) fn ansi(places: &Places<'_>, address: &Atom) -> Option<String> {
    let Base::Image(rva) = address.base else { return None };
    ended(constant(places, rva)?.iter().map(|byte| u16::from(*byte)))
}

/// The bytes from `rva` on that nobody writes to: a text elsewhere may be another one by then.
fn constant<'a>(places: &Places<'a>, rva: u32) -> Option<&'a [u8]> {
    let section = places.image.section_at(Rva(rva))?;
    if section.is_writable() { None } else { places.image.bytes_from(Rva(rva)) }
}

fn ended(mut letters: impl Iterator<Item = u16>) -> Option<String> {
    let mut name = Vec::new();
    loop {
        match letters.next()? {
            0 => return spelled(name.into_iter()),
            letter if name.len() < LONGEST => name.push(letter),
            _ => return None,
        }
    }
}

/// The letters as a name; none where they cannot be one, as before a text is decrypted.
fn spelled(letters: impl Iterator<Item = u16>) -> Option<String> {
    let letter = |unit: u16| {
        let letter = char::from(u8::try_from(unit).ok()?);
        (letter.is_ascii_alphanumeric() || letter == '_').then_some(letter)
    };
    letters.map(letter).collect::<Option<String>>().filter(|name| !name.is_empty())
}
