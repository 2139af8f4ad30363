//! The C library's part of the kernel, and moving memory.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::Answer;
use crate::text::upper;
use std::cmp::Ordering;

pub(super) const ROUTINES: &[Entry] = &[
    entry("memcpy", 3, copy),
    entry("memmove", 3, copy),
    entry("RtlCopyMemory", 3, copy),
    entry("RtlMoveMemory", 3, copy),
    entry("RtlCopyMemoryNonTemporal", 3, copy),
    entry("RtlCopyBytes", 3, copy),
    entry("memset", 3, fill),
    entry("RtlZeroMemory", 2, zero),
    entry("RtlSecureZeroMemory", 2, zero),
    entry("RtlFillMemory", 3, fill_in_other_order),
    entry("VideoPortZeroMemory", 2, zero),
    entry("VideoPortMoveMemory", 3, copy),
    entry("memcmp", 3, compare_memory),
    entry("RtlCompareMemory", 3, equal_length),
    entry("RtlCompareMemoryUlong", 3, equal_words),
    entry("memchr", 3, find_byte),
    entry("strlen", 1, string_length),
    entry("strnlen", 2, string_length_bounded),
    entry("wcslen", 1, wide_length),
    entry("wcsnlen", 2, wide_length_bounded),
    entry("strcpy", 2, string_copy),
    entry("strncpy", 3, string_copy_bounded),
    entry("strcat", 2, string_append),
    entry("wcscpy", 2, wide_copy),
    entry("wcsncpy", 3, wide_copy_bounded),
    entry("wcscat", 2, wide_append),
    entry("strcmp", 2, string_compare),
    entry("strncmp", 3, string_compare_bounded),
    entry("_stricmp", 2, string_compare_folded),
    entry("_strnicmp", 3, string_compare_folded_bounded),
    entry("wcscmp", 2, wide_compare),
    entry("wcsncmp", 3, wide_compare_bounded),
    entry("_wcsicmp", 2, wide_compare_folded),
    entry("_wcsnicmp", 3, wide_compare_folded_bounded),
    entry("strchr", 2, string_find),
    entry("strrchr", 2, string_find_last),
    entry("wcschr", 2, wide_find),
    entry("wcsrchr", 2, wide_find_last),
    entry("strstr", 2, string_search),
    entry("wcsstr", 2, wide_search),
    entry("_strlwr", 1, string_lower),
    entry("_strupr", 1, string_upper),
    entry("_wcslwr", 1, wide_lower),
    entry("_wcsupr", 1, wide_upper),
    entry("tolower", 1, to_lower),
    entry("toupper", 1, to_upper),
    entry("towlower", 1, to_lower),
    entry("towupper", 1, to_upper),
    entry("isdigit", 1, is_digit),
    entry("isspace", 1, is_space),
    entry("isxdigit", 1, is_hex),
    entry("atoi", 1, to_number),
    entry("atol", 1, to_number),
    entry("strtoul", 3, to_number_in_base),
    entry("strtol", 3, to_number_in_base),
    entry("rand", 0, random),
    entry("srand", 1, crate::kernel::ignore),
];

/// No bound on a text's length.
const ANY: u64 = u64::MAX;

fn copy(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = kernel.bytes(call.at(1), call.at(2))?;
    kernel.put(call.at(0), &bytes)?;
    Ok(call.at(0))
}

fn fill_with(kernel: &mut Kernel<'_>, at: u64, byte: u8, length: u64) -> Answer {
    /// Bytes that are written at once: memory that is not there ends it early.
    const PART: u64 = 1 << 16;
    let mut done = 0;
    while done < length {
        let part = PART.min(length - done);
        kernel.charge(part / 8 + 1)?;
        kernel.put(at.wrapping_add(done), &vec![byte; part as usize])?;
        done += part;
    }
    Ok(at)
}

fn fill(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    fill_with(kernel, call.at(0), call.u8(1), call.at(2))
}

fn fill_in_other_order(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    fill_with(kernel, call.at(0), call.u8(2), call.at(1))
}

fn zero(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    fill_with(kernel, call.at(0), 0, call.at(1))
}

fn sign(ordering: Ordering) -> u64 {
    (ordering as i32) as u32 as u64
}

fn compare_memory(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let left = kernel.bytes(call.at(0), call.at(2))?;
    let right = kernel.bytes(call.at(1), call.at(2))?;
    Ok(sign(left.cmp(&right)))
}

fn equal_length(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let left = kernel.bytes(call.at(0), call.at(2))?;
    let right = kernel.bytes(call.at(1), call.at(2))?;
    Ok(left.iter().zip(&right).take_while(|(left, right)| left == right).count() as u64)
}

fn equal_words(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = kernel.bytes(call.at(0), call.at(1))?;
    let pattern = call.u32(2).to_le_bytes();
    Ok(4 * bytes.chunks_exact(4).take_while(|word| **word == pattern).count() as u64)
}

fn find_byte(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = kernel.bytes(call.at(0), call.at(2))?;
    let place = bytes.iter().position(|&byte| byte == call.u8(1));
    Ok(place.map_or(0, |place| call.at(0).wrapping_add(place as u64)))
}

fn string_length(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.narrow(call.at(0), ANY).map(|text| text.len() as u64)
}

fn string_length_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.narrow(call.at(0), call.at(1)).map(|text| text.len() as u64)
}

fn wide_length(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.wide(call.at(0), ANY).map(|text| text.len() as u64)
}

fn wide_length_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.wide(call.at(0), call.at(1)).map(|text| text.len() as u64)
}

fn string_copy(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.narrow(call.at(1), ANY)?;
    text.push(0);
    kernel.put(call.at(0), &text)?;
    Ok(call.at(0))
}

fn string_copy_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.narrow(call.at(1), call.at(2))?;
    text.resize((call.at(2) as usize).min(1 << 16), 0);
    kernel.put(call.at(0), &text)?;
    Ok(call.at(0))
}

fn string_append(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let end = call.at(0).wrapping_add(kernel.narrow(call.at(0), ANY)?.len() as u64);
    let mut text = kernel.narrow(call.at(1), ANY)?;
    text.push(0);
    kernel.put(end, &text)?;
    Ok(call.at(0))
}

fn wide_copy(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.wide(call.at(1), ANY)?;
    text.push(0);
    kernel.put_units(call.at(0), &text)?;
    Ok(call.at(0))
}

fn wide_copy_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.wide(call.at(1), call.at(2))?;
    text.resize((call.at(2) as usize).min(1 << 15), 0);
    kernel.put_units(call.at(0), &text)?;
    Ok(call.at(0))
}

fn wide_append(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let end = call.at(0).wrapping_add(2 * kernel.wide(call.at(0), ANY)?.len() as u64);
    let mut text = kernel.wide(call.at(1), ANY)?;
    text.push(0);
    kernel.put_units(end, &text)?;
    Ok(call.at(0))
}

/// Compares two texts of bytes, of at most `most` each.
fn narrow_compare(kernel: &mut Kernel<'_>, call: &Call, most: u64, fold: bool) -> Answer {
    let (mut left, mut right) =
        (kernel.narrow(call.at(0), most)?, kernel.narrow(call.at(1), most)?);
    if fold {
        left.make_ascii_lowercase();
        right.make_ascii_lowercase();
    }
    Ok(sign(left.cmp(&right)))
}

fn units_compare(kernel: &mut Kernel<'_>, call: &Call, most: u64, fold: bool) -> Answer {
    let (mut left, mut right) = (kernel.wide(call.at(0), most)?, kernel.wide(call.at(1), most)?);
    if fold {
        left.iter_mut().chain(&mut right).for_each(|unit| *unit = upper(*unit));
    }
    Ok(sign(left.cmp(&right)))
}

fn string_compare(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    narrow_compare(kernel, call, ANY, false)
}

fn string_compare_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    narrow_compare(kernel, call, call.at(2), false)
}

fn string_compare_folded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    narrow_compare(kernel, call, ANY, true)
}

fn string_compare_folded_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    narrow_compare(kernel, call, call.at(2), true)
}

fn wide_compare(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    units_compare(kernel, call, ANY, false)
}

fn wide_compare_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    units_compare(kernel, call, call.at(2), false)
}

fn wide_compare_folded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    units_compare(kernel, call, ANY, true)
}

fn wide_compare_folded_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    units_compare(kernel, call, call.at(2), true)
}

/// The closing zero is part of the text here.
fn string_find(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.narrow(call.at(0), ANY)?;
    text.push(0);
    let place = text.iter().position(|&byte| byte == call.u8(1));
    Ok(place.map_or(0, |place| call.at(0).wrapping_add(place as u64)))
}

fn string_find_last(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.narrow(call.at(0), ANY)?;
    text.push(0);
    let place = text.iter().rposition(|&byte| byte == call.u8(1));
    Ok(place.map_or(0, |place| call.at(0).wrapping_add(place as u64)))
}

fn wide_find(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.wide(call.at(0), ANY)?;
    text.push(0);
    let place = text.iter().position(|&unit| unit == call.u16(1));
    Ok(place.map_or(0, |place| call.at(0).wrapping_add(2 * place as u64)))
}

fn wide_find_last(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut text = kernel.wide(call.at(0), ANY)?;
    text.push(0);
    let place = text.iter().rposition(|&unit| unit == call.u16(1));
    Ok(place.map_or(0, |place| call.at(0).wrapping_add(2 * place as u64)))
}

/// Where `part` begins in `whole`.
fn place_of<T: PartialEq>(whole: &[T], part: &[T]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    whole.windows(part.len()).position(|window| window == part)
}

fn string_search(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (whole, part) = (kernel.narrow(call.at(0), ANY)?, kernel.narrow(call.at(1), ANY)?);
    kernel.charge(whole.len() as u64 + part.len() as u64)?;
    Ok(place_of(&whole, &part).map_or(0, |place| call.at(0).wrapping_add(place as u64)))
}

fn wide_search(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (whole, part) = (kernel.wide(call.at(0), ANY)?, kernel.wide(call.at(1), ANY)?);
    kernel.charge(whole.len() as u64 + part.len() as u64)?;
    Ok(place_of(&whole, &part).map_or(0, |place| call.at(0).wrapping_add(2 * place as u64)))
}

fn change_string(kernel: &mut Kernel<'_>, call: &Call, change: fn(&mut [u8])) -> Answer {
    let mut text = kernel.narrow(call.at(0), ANY)?;
    change(&mut text);
    kernel.put(call.at(0), &text)?;
    Ok(call.at(0))
}

fn string_lower(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_string(kernel, call, <[u8]>::make_ascii_lowercase)
}

fn string_upper(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_string(kernel, call, <[u8]>::make_ascii_uppercase)
}

/// The C library's own locale knows the letters of ASCII only.
fn change_wide(kernel: &mut Kernel<'_>, call: &Call, change: fn(u8) -> u8) -> Answer {
    let mut text = kernel.wide(call.at(0), ANY)?;
    for unit in &mut text {
        if let Ok(byte) = u8::try_from(*unit) {
            *unit = change(byte).into();
        }
    }
    kernel.put_units(call.at(0), &text)?;
    Ok(call.at(0))
}

fn wide_lower(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_wide(kernel, call, |byte| byte.to_ascii_lowercase())
}

fn wide_upper(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_wide(kernel, call, |byte| byte.to_ascii_uppercase())
}

fn to_lower(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u8::try_from(call.u32(0)).map_or(call.at(0), |byte| byte.to_ascii_lowercase().into()))
}

fn to_upper(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u8::try_from(call.u32(0)).map_or(call.at(0), |byte| byte.to_ascii_uppercase().into()))
}

fn is_digit(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(call.u8(0).is_ascii_digit()))
}

fn is_space(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(matches!(call.u8(0), b' ' | 9..=13)))
}

fn is_hex(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(call.u8(0).is_ascii_hexdigit()))
}

/// The number that a text begins with, and how many bytes of it that took. Base 0 goes by the prefix.
pub(super) fn number_of(text: &[u8], base: u32) -> (u64, usize) {
    let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut at = blank;
    let negative = text.get(at) == Some(&b'-');
    if matches!(text.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let prefixed = text.get(at) == Some(&b'0') && matches!(text.get(at + 1), Some(b'x' | b'X'));
    let base = match base {
        0 if prefixed => 16,
        0 => 10,
        base => base.clamp(2, 36),
    };
    if base == 16 && prefixed {
        at += 2;
    }
    let mut value = 0_u64;
    while let Some(digit) = text.get(at).and_then(|&byte| char::from(byte).to_digit(base)) {
        value = value.wrapping_mul(base.into()).wrapping_add(digit.into());
        at += 1;
    }
    (if negative { value.wrapping_neg() } else { value }, at)
}

fn to_number(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let text = kernel.narrow(call.at(0), 64)?;
    Ok(number_of(&text, 10).0 & 0xFFFF_FFFF)
}

fn to_number_in_base(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let text = kernel.narrow(call.at(0), 64)?;
    let (value, length) = number_of(&text, call.u32(2));
    kernel.put_optional(call.at(1), &(call.at(0).wrapping_add(length as u64)).to_le_bytes())?;
    Ok(value & 0xFFFF_FFFF)
}

fn random(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.chance.next() & 0x7FFF)
}

#[cfg(test)]
mod tests {
    use super::number_of;

    /// What the C standard says of strtoul.
    #[test]
    fn numbers_are_read_as_c_reads_them() {
        assert_eq!(number_of(b" 42z", 10), (42, 3));
        assert_eq!(number_of(b"0x1Fg", 0), (31, 4));
        assert_eq!(number_of(b"-1", 10), (u64::MAX, 2));
        assert_eq!(number_of(b"zz", 36).0, 35 * 36 + 35);
    }
}
