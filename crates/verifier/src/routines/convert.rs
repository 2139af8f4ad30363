//! Conversions of counted strings: code pages, numbers, GUIDs.

use super::string::bytes_of;
use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("RtlAnsiStringToUnicodeString", 3, to_unicode),
    entry("RtlUnicodeStringToAnsiString", 3, to_ansi),
    entry("RtlxAnsiStringToUnicodeSize", 1, unicode_size),
    entry("RtlxUnicodeStringToAnsiSize", 1, ansi_size),
    entry("RtlUnicodeToMultiByteN", 5, units_to_bytes),
    entry("RtlMultiByteToUnicodeN", 5, bytes_to_units),
    entry("RtlUnicodeToUTF8N", 5, units_to_bytes),
    entry("RtlUTF8ToUnicodeN", 5, bytes_to_units),
    entry("RtlIntegerToUnicodeString", 3, from_integer),
    entry("RtlInt64ToUnicodeString", 3, from_wide_integer),
    entry("RtlUnicodeStringToInteger", 3, to_integer),
    entry("RtlGUIDFromString", 2, guid_from_string),
    entry("RtlStringFromGUID", 2, string_from_guid),
];

fn widen(bytes: &[u8]) -> Vec<u16> {
    bytes.iter().map(|&byte| u16::from(byte)).collect()
}

/// Units as the bytes of the code page, with a question mark for what it has not.
fn narrow(units: &[u16]) -> Vec<u8> {
    units.iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect()
}

fn to_unicode(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let units = widen(&kernel.ansi(call.at(1))?);
    kernel.give_text(call.at(0), &bytes_of(&units), 2, call.u8(2) != 0)
}

fn to_ansi(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = narrow(&kernel.units(call.at(1))?);
    kernel.give_text(call.at(0), &bytes, 1, call.u8(2) != 0)
}

fn unicode_size(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(2 * u64::from(kernel.u16(call.at(0))?) + 2)
}

fn ansi_size(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(kernel.u16(call.at(0))?) / 2 + 1)
}

fn units_to_bytes(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = kernel.bytes(call.at(3), u64::from(call.u32(4)) & !1)?;
    let units: Vec<_> =
        bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    let mut text = if call.name.contains("UTF8") {
        String::from_utf16_lossy(&units).into_bytes()
    } else {
        narrow(&units)
    };
    give_bytes(kernel, call, &mut text)
}

fn bytes_to_units(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let bytes = kernel.bytes(call.at(3), u64::from(call.u32(4)))?;
    let units = if call.name.contains("UTF8") {
        String::from_utf8_lossy(&bytes).encode_utf16().collect()
    } else {
        widen(&bytes)
    };
    give_bytes(kernel, call, &mut bytes_of(&units))
}

/// Writes what was converted, as far as there is room, and how much it is.
fn give_bytes(kernel: &mut Kernel<'_>, call: &Call, bytes: &mut Vec<u8>) -> Answer {
    let whole = bytes.len();
    if call.at(0) != 0 {
        bytes.truncate(call.u32(1) as usize);
        kernel.put(call.at(0), bytes)?;
    }
    kernel.put_optional(call.at(2), &(bytes.len() as u32).to_le_bytes())?;
    let short = bytes.len() < whole && call.name.contains("UTF8");
    Stop::status(if short { status::BUFFER_TOO_SMALL } else { status::SUCCESS })
}

/// A number in a base, as Rtl has it: 0 stands for ten.
fn digits(value: u64, base: u32) -> Option<String> {
    match base {
        0 | 10 => Some(value.to_string()),
        2 => Some(format!("{value:b}")),
        8 => Some(format!("{value:o}")),
        16 => Some(format!("{value:X}")),
        _ => None,
    }
}

fn give_number(kernel: &mut Kernel<'_>, value: u64, base: u32, at: u64) -> Answer {
    let Some(text) = digits(value, base) else { return Stop::status(status::INVALID_PARAMETER) };
    kernel.give_text(at, &bytes_of(&crate::text::units_of(&text)), 2, false)
}

fn from_integer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    give_number(kernel, call.u32(0).into(), call.u32(1), call.at(2))
}

fn from_wide_integer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    give_number(kernel, call.at(0), call.u32(1), call.at(2))
}

fn to_integer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let text = kernel.string(call.at(0))?;
    let value = crate::routines::crt::number_of(text.as_bytes(), call.u32(1)).0;
    kernel.put_u32(call.at(2), value as u32)?;
    Stop::status(status::SUCCESS)
}

fn guid_from_string(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let text = kernel.string(call.at(0))?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let Ok(value) = u128::from_str_radix(&digits, 16) else {
        return Stop::status(status::INVALID_PARAMETER);
    };
    if digits.len() != 32 {
        return Stop::status(status::INVALID_PARAMETER);
    }
    let mut bytes = value.to_be_bytes();
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    kernel.put(call.at(1), &bytes)?;
    Stop::status(status::SUCCESS)
}

fn string_from_guid(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut bytes = kernel.bytes(call.at(0), 16)?;
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let text = format!(
        "{{{}-{}-{}-{}-{}}}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    );
    kernel.give_text(call.at(1), &bytes_of(&crate::text::units_of(&text)), 2, true)
}
