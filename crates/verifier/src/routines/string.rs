//! Counted strings, conversions and comparisons of them.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::pool::Kind;
use crate::stop::{Answer, Stop, status};
use crate::text::upper;
use std::cmp::Ordering;

pub(super) const ROUTINES: &[Entry] = &[
    entry("RtlInitUnicodeString", 2, init_unicode),
    entry("RtlInitUnicodeStringEx", 2, init_unicode),
    entry("RtlInitAnsiString", 2, init_ansi),
    entry("RtlInitString", 2, init_ansi),
    entry("RtlInitUTF8String", 2, init_ansi),
    entry("RtlCopyUnicodeString", 2, copy_unicode),
    entry("RtlCopyString", 2, copy_ansi),
    entry("RtlAppendUnicodeStringToString", 2, append_string),
    entry("RtlAppendUnicodeToString", 2, append_text),
    entry("RtlCompareUnicodeString", 3, compare),
    entry("RtlEqualUnicodeString", 3, equal),
    entry("RtlEqualString", 3, equal_ansi),
    entry("RtlCompareString", 3, compare_ansi),
    entry("RtlPrefixUnicodeString", 3, prefix),
    entry("RtlHashUnicodeString", 4, hash),
    entry("RtlUpcaseUnicodeString", 3, upcase),
    entry("RtlDowncaseUnicodeString", 3, downcase),
    entry("RtlUpcaseUnicodeChar", 1, upcase_unit),
    entry("RtlDowncaseUnicodeChar", 1, downcase_unit),
    entry("RtlUpperChar", 1, upper_char),
    entry("RtlUpperString", 2, upper_string),
    entry("RtlAnsiCharToUnicodeChar", 1, widen_char),
    entry("RtlCreateUnicodeString", 2, create),
    entry("RtlFreeUnicodeString", 1, free),
    entry("RtlFreeAnsiString", 1, free),
    entry("RtlFreeUTF8String", 1, free),
    entry("RtlDuplicateUnicodeString", 3, duplicate),
    entry("FsRtlIsNameInExpression", 4, name_in_expression),
    entry("FsRtlDoesNameContainWildCards", 1, has_wild_cards),
];

impl Kernel<'_> {
    /// Writes a counted string's head.
    fn put_string(&mut self, at: u64, length: u16, room: u16, buffer: u64) -> Result<(), Stop> {
        self.put_u16(at, length)?;
        self.put_u16(at.wrapping_add(2), room)?;
        self.put_u64(at.wrapping_add(8), buffer)
    }

    /// Writes bytes into a counted string that has room, or into new pool if `make`.
    pub(super) fn give_text(&mut self, at: u64, bytes: &[u8], close: usize, make: bool) -> Answer {
        let wanted = bytes.len() + close;
        let Ok(room) = u16::try_from(wanted) else {
            return Stop::status(status::INVALID_PARAMETER);
        };
        let buffer = if make {
            if self.fails_by_chance() {
                return Stop::status(status::INSUFFICIENT_RESOURCES);
            }
            let Some(made) = self.allocate(Kind::Paged, wanted as u64, 0, 0) else {
                return Stop::status(status::INSUFFICIENT_RESOURCES);
            };
            self.put_u16(at.wrapping_add(2), room)?;
            self.put_u64(at.wrapping_add(8), made)?;
            made
        } else {
            if usize::from(self.u16(at.wrapping_add(2))?) < bytes.len() {
                return Stop::status(status::BUFFER_OVERFLOW);
            }
            self.u64(at.wrapping_add(8))?
        };
        let has_room = make || usize::from(self.u16(at.wrapping_add(2))?) >= wanted;
        self.put(buffer, bytes)?;
        if has_room {
            self.put(buffer.wrapping_add(bytes.len() as u64), &vec![0; close])?;
        }
        self.put_u16(at, bytes.len() as u16)?;
        Stop::status(status::SUCCESS)
    }
}

pub(super) fn bytes_of(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn init_unicode(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (at, text) = (call.at(0), call.at(1));
    let units = if text == 0 { Vec::new() } else { kernel.wide(text, 0x7FFE)? };
    let length = 2 * units.len() as u16;
    let room = if text == 0 { 0 } else { length + 2 };
    kernel.put_string(at, length, room, text)?;
    Stop::status(status::SUCCESS)
}

fn init_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (at, text) = (call.at(0), call.at(1));
    let bytes = if text == 0 { Vec::new() } else { kernel.narrow(text, 0xFFFE)? };
    let length = bytes.len() as u16;
    kernel.put_string(at, length, if text == 0 { 0 } else { length + 1 }, text)?;
    Stop::status(status::SUCCESS)
}

fn copy_unicode(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (to, from) = (call.at(0), call.at(1));
    let mut bytes = if from == 0 { Vec::new() } else { bytes_of(&kernel.units(from)?) };
    let room = kernel.u16(to.wrapping_add(2))?;
    bytes.truncate(usize::from(room));
    let buffer = kernel.u64(to.wrapping_add(8))?;
    kernel.put(buffer, &bytes)?;
    if bytes.len() + 2 <= usize::from(room) {
        kernel.put_u16(buffer.wrapping_add(bytes.len() as u64), 0)?;
    }
    kernel.put_u16(to, bytes.len() as u16)?;
    Ok(0)
}

fn copy_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (to, from) = (call.at(0), call.at(1));
    let mut bytes = if from == 0 { Vec::new() } else { kernel.ansi(from)? };
    bytes.truncate(usize::from(kernel.u16(to.wrapping_add(2))?));
    let buffer = kernel.u64(to.wrapping_add(8))?;
    kernel.put(buffer, &bytes)?;
    kernel.put_u16(to, bytes.len() as u16)?;
    Ok(0)
}

fn append(kernel: &mut Kernel<'_>, to: u64, units: &[u16]) -> Answer {
    let (length, room) = (kernel.u16(to)?, kernel.u16(to.wrapping_add(2))?);
    let bytes = bytes_of(units);
    let whole = usize::from(length) + bytes.len();
    if whole > usize::from(room) {
        return Stop::status(status::BUFFER_TOO_SMALL);
    }
    let end = kernel.u64(to.wrapping_add(8))? + u64::from(length);
    kernel.put(end, &bytes)?;
    if whole + 2 <= usize::from(room) {
        kernel.put_u16(end.wrapping_add(bytes.len() as u64), 0)?;
    }
    kernel.put_u16(to, whole as u16)?;
    Stop::status(status::SUCCESS)
}

fn append_string(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = kernel.units(call.at(1))?;
    append(kernel, call.at(0), &units)
}

fn append_text(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if call.at(1) == 0 {
        return Stop::status(status::SUCCESS);
    }
    let units = kernel.wide(call.at(1), 0x7FFE)?;
    append(kernel, call.at(0), &units)
}

/// Both strings, in capitals where letter case does not count.
fn both(kernel: &mut Kernel<'_>, call: &Call) -> Result<(Vec<u16>, Vec<u16>), Stop> {
    let (mut left, mut right) = (kernel.units(call.at(0))?, kernel.units(call.at(1))?);
    if call.u8(2) != 0 {
        left.iter_mut().chain(&mut right).for_each(|unit| *unit = upper(*unit));
    }
    Ok((left, right))
}

fn both_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Result<(Vec<u8>, Vec<u8>), Stop> {
    let (mut left, mut right) = (kernel.ansi(call.at(0))?, kernel.ansi(call.at(1))?);
    if call.u8(2) != 0 {
        left.make_ascii_uppercase();
        right.make_ascii_uppercase();
    }
    Ok((left, right))
}

fn sign(ordering: Ordering) -> u64 {
    (ordering as i32) as u32 as u64
}

fn compare(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    both(kernel, call).map(|(left, right)| sign(left.cmp(&right)))
}

fn equal(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    both(kernel, call).map(|(left, right)| u64::from(left == right))
}

fn equal_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    both_ansi(kernel, call).map(|(left, right)| u64::from(left == right))
}

fn compare_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    both_ansi(kernel, call).map(|(left, right)| sign(left.cmp(&right)))
}

fn prefix(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    both(kernel, call).map(|(prefix, whole)| u64::from(whole.starts_with(&prefix)))
}

/// HASH_STRING_ALGORITHM_X65599.
fn hash(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = kernel.units(call.at(0))?;
    let fold = |unit: u16| if call.u8(1) != 0 { upper(unit) } else { unit };
    let hash = units.into_iter().map(fold);
    let hash = hash.fold(0_u32, |hash, unit| hash.wrapping_mul(65599).wrapping_add(unit.into()));
    kernel.put_u32(call.at(3), hash)?;
    Stop::status(status::SUCCESS)
}

fn lower(unit: u16) -> u16 {
    let letter =
        char::from_u32(u32::from(unit)).map(|letter| letter.to_lowercase().collect::<String>());
    letter.and_then(|text| text.encode_utf16().next()).unwrap_or(unit)
}

fn upcase(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units: Vec<_> = kernel.units(call.at(1))?.into_iter().map(upper).collect();
    kernel.give_text(call.at(0), &bytes_of(&units), 0, call.u8(2) != 0)
}

fn downcase(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units: Vec<_> = kernel.units(call.at(1))?.into_iter().map(lower).collect();
    kernel.give_text(call.at(0), &bytes_of(&units), 0, call.u8(2) != 0)
}

fn upcase_unit(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(upper(call.u16(0)).into())
}

fn downcase_unit(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(lower(call.u16(0)).into())
}

fn upper_char(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.u8(0).to_ascii_uppercase().into())
}

fn upper_string(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut bytes = kernel.ansi(call.at(1))?;
    bytes.make_ascii_uppercase();
    bytes.truncate(usize::from(kernel.u16(call.at(0).wrapping_add(2))?));
    let buffer = kernel.u64(call.at(0).wrapping_add(8))?;
    kernel.put(buffer, &bytes)?;
    kernel.put_u16(call.at(0), bytes.len() as u16)?;
    Ok(0)
}

/// Takes a character off the text that a pointer points to.
fn widen_char(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = kernel.u64(call.at(0))?;
    let byte = kernel.u8(at)?;
    kernel.put_u64(call.at(0), at.wrapping_add(1))?;
    Ok(byte.into())
}

fn create(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = kernel.wide(call.at(1), 0x7FFE)?;
    let made = kernel.give_text(call.at(0), &bytes_of(&units), 2, true)?;
    Ok(u64::from(made == 0))
}

fn free(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let buffer = kernel.u64(call.at(0).wrapping_add(8))?;
    kernel.give_back(buffer);
    kernel.put_string(call.at(0), 0, 0, 0)?;
    Ok(0)
}

fn duplicate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = kernel.units(call.at(1))?;
    let close = if call.u32(0) & 1 != 0 { 2 } else { 0 };
    kernel.give_text(call.at(2), &bytes_of(&units), close, true)
}

/// `*` and `?` only.
fn name_in_expression(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (expression, name) = both(kernel, call)?;
    kernel.charge((expression.len() * name.len()) as u64)?;
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for unit in expression {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            match u8::try_from(unit) {
                Ok(b'*') => next[at] = reached[at] || at > 0 && next[at - 1],
                Ok(b'?') => next[at] = at > 0 && reached[at - 1],
                _ => next[at] = at > 0 && reached[at - 1] && name[at - 1] == unit,
            }
        }
        reached = next;
    }
    Ok(u64::from(reached.last().copied().unwrap_or(false)))
}

fn has_wild_cards(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = kernel.units(call.at(0))?;
    let wild = |unit: &u16| u8::try_from(*unit).is_ok_and(|byte| b"*?<>\"".contains(&byte));
    Ok(u64::from(units.iter().any(wild)))
}
