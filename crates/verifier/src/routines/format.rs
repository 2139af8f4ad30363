//! printf and its like.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::{Answer, Stop};
use ringfence_machine::Register;
use std::iter::Peekable;

pub(super) const ROUTINES: &[Entry] = &[
    entry("sprintf", 2, print),
    entry("swprintf", 2, print),
    entry("_snprintf", 3, print_bounded),
    entry("_snwprintf", 3, print_bounded),
    entry("_vsnprintf", 4, print_list),
    entry("_vsnwprintf", 4, print_list),
    entry("vsprintf", 3, print_list_unbounded),
    entry("sprintf_s", 3, print_bounded),
    entry("swprintf_s", 3, print_bounded),
];

/// Units that are written, at most.
const LONGEST: usize = 1 << 14;

/// Where the arguments of a format come from.
struct Arguments {
    /// Where the next one stands.
    next: u64,
}

impl Arguments {
    fn take(&mut self, kernel: &Kernel<'_>) -> Result<u64, Stop> {
        let value = kernel.u64(self.next)?;
        self.next = self.next.wrapping_add(8);
        Ok(value)
    }
}

/// A piece of a format: flags, width, precision, size, kind.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    left: bool,
    zero: bool,
    plus: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    long: bool,
    wide: bool,
    narrow: bool,
}

/// What a format with its arguments comes to. `wide` is whether the format itself is of 16 bits.
fn text(
    kernel: &mut Kernel<'_>,
    format: &[u16],
    wide: bool,
    arguments: &mut Arguments,
) -> Result<Vec<u16>, Stop> {
    let mut out = Vec::new();
    let mut units = format.iter().copied().peekable();
    while let Some(unit) = units.next() {
        if out.len() > LONGEST {
            break;
        }
        if unit != u16::from(b'%') {
            out.push(unit);
        } else if let Some((piece, kind)) = piece(kernel, &mut units, arguments)? {
            let shown = convert(kernel, kind, piece, wide, arguments)?;
            pad(&mut out, shown, piece);
        }
    }
    kernel.charge(out.len() as u64)?;
    Ok(out)
}

/// Reads what stands between `%` and the kind, and the kind; none where the format ends before.
fn piece(
    kernel: &Kernel<'_>,
    units: &mut Peekable<impl Iterator<Item = u16>>,
    arguments: &mut Arguments,
) -> Result<Option<(Piece, u8)>, Stop> {
    let mut piece = Piece::default();
    while let Some(unit) = units.next() {
        match u8::try_from(unit).unwrap_or(0) {
            b'-' => piece.left = true,
            b'+' => piece.plus = true,
            b'#' => piece.alternate = true,
            b' ' => {}
            b'0' if piece.width == 0 && piece.precision.is_none() => piece.zero = true,
            digit @ b'0'..=b'9' => {
                let number = piece.precision.as_mut().unwrap_or(&mut piece.width);
                *number = (*number * 10 + usize::from(digit - b'0')).min(LONGEST);
            }
            b'.' => piece.precision = Some(0),
            b'*' => {
                let value = (arguments.take(kernel)? as u32 as usize).min(LONGEST);
                *piece.precision.as_mut().unwrap_or(&mut piece.width) = value;
            }
            b'l' | b'w' => {
                // One `l` is for text, two are for numbers.
                piece.long |= piece.wide;
                piece.wide = true;
            }
            b'h' => piece.narrow = true,
            b'I' => {
                // Followed by 32 or 64; alone it is the size of a pointer.
                piece.long = units.peek() != Some(&u16::from(b'3'));
                let is_size = |unit: &u16| b"3264".iter().any(|&digit| *unit == u16::from(digit));
                while units.next_if(is_size).is_some() {}
            }
            b'j' | b'z' | b't' => piece.long = true,
            kind => return Ok(Some((piece, kind))),
        }
    }
    Ok(None)
}

fn pad(out: &mut Vec<u16>, shown: Vec<u16>, piece: Piece) {
    let missing = piece.width.saturating_sub(shown.len());
    let filler = u16::from(if piece.zero && !piece.left { b'0' } else { b' ' });
    if piece.left {
        out.extend(shown);
        out.extend(std::iter::repeat_n(filler, missing));
    } else {
        out.extend(std::iter::repeat_n(filler, missing));
        out.extend(shown);
    }
}

fn convert(
    kernel: &mut Kernel<'_>,
    kind: u8,
    piece: Piece,
    wide: bool,
    arguments: &mut Arguments,
) -> Result<Vec<u16>, Stop> {
    if kind == b'%' {
        return Ok(vec![u16::from(b'%')]);
    }
    let value = arguments.take(kernel)?;
    let plain = |text: String| crate::text::units_of(&text);
    Ok(match kind {
        b'd' | b'i' => {
            let value = if piece.long { value as i64 } else { i64::from(value as i32) };
            let digits = precise(value.unsigned_abs().to_string(), piece);
            let sign = match value {
                ..0 => "-",
                _ if piece.plus => "+",
                _ => "",
            };
            plain(format!("{sign}{digits}"))
        }
        b'u' | b'x' | b'X' | b'o' => {
            let value = if piece.long { value } else { u64::from(value as u32) };
            let digits = match kind {
                b'u' => value.to_string(),
                b'o' => format!("{value:o}"),
                b'x' => format!("{value:x}"),
                _ => format!("{value:X}"),
            };
            let prefix = if piece.alternate && matches!(kind, b'x' | b'X') { "0x" } else { "" };
            plain(format!("{prefix}{}", precise(digits, piece)))
        }
        b'p' => plain(format!("{value:016X}")),
        b'c' | b'C' => vec![value as u16],
        b's' | b'S' | b'Z' if value == 0 => plain("(null)".to_owned()),
        b'Z' if piece.wide => kernel.units(value)?,
        b'Z' => kernel.ansi(value)?.into_iter().map(u16::from).collect(),
        b's' | b'S' => {
            let most = piece.precision.map_or(u64::MAX, |most| most as u64);
            // A capital means the other kind than that of the format.
            if piece.wide || !piece.narrow && wide != (kind == b'S') {
                kernel.wide(value, most)?
            } else {
                kernel.narrow(value, most)?.into_iter().map(u16::from).collect()
            }
        }
        _ => Vec::new(),
    })
}

fn precise(digits: String, piece: Piece) -> String {
    let missing = piece.precision.unwrap_or(0).saturating_sub(digits.len());
    format!("{}{digits}", "0".repeat(missing))
}

/// Reads a format; whether its units are of 16 bits goes by the function's name.
fn format_at(kernel: &mut Kernel<'_>, call: &Call, at: u64) -> Result<(Vec<u16>, bool), Stop> {
    let wide = call.name.contains('w');
    let format = if wide {
        kernel.wide(at, u64::MAX)?
    } else {
        kernel.narrow(at, u64::MAX)?.into_iter().map(u16::from).collect()
    };
    Ok((format, wide))
}

/// Writes text with at most `most` units; as many as were written, or -1 where there was no room.
fn give(kernel: &mut Kernel<'_>, to: u64, most: u64, text: &[u16], wide: bool) -> Answer {
    let fitting = text.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    let mut units = text[..fitting].to_vec();
    if (fitting as u64) < most {
        units.push(0);
    }
    if wide {
        kernel.put_units(to, &units)?;
    } else {
        let bytes: Vec<_> = units.iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect();
        kernel.put(to, &bytes)?;
    }
    let short = (text.len() as u64) > most;
    Ok(if short { u64::from(u32::MAX) } else { text.len() as u64 })
}

/// Arguments of the call itself, from the one at `index` on: in memory, registers and all.
fn own_arguments(kernel: &mut Kernel<'_>, call: &Call, index: u64) -> Result<Arguments, Stop> {
    let home = kernel.registers().get(Register::Rsp).wrapping_add(8);
    // The caller's home space is there for exactly this.
    for register in 0..4 {
        kernel.put_u64(home.wrapping_add(8 * register), call.at(register as usize))?;
    }
    Ok(Arguments { next: home.wrapping_add(8 * index) })
}

/// What a format of bytes at argument `index` comes to, with the arguments behind it or in a list.
pub(super) fn message(
    kernel: &mut Kernel<'_>,
    call: &Call,
    index: usize,
    list: Option<u64>,
) -> Result<String, Stop> {
    let format = kernel.narrow(call.at(index), 512)?;
    let format: Vec<_> = format.into_iter().map(u16::from).collect();
    let mut arguments = match list {
        Some(next) => Arguments { next },
        None => own_arguments(kernel, call, index as u64 + 1)?,
    };
    let text = text(kernel, &format, false, &mut arguments)?;
    Ok(String::from_utf16_lossy(&text[..text.len().min(512)]))
}

fn print(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (format, wide) = format_at(kernel, call, call.at(1))?;
    let mut arguments = own_arguments(kernel, call, 2)?;
    let text = text(kernel, &format, wide, &mut arguments)?;
    give(kernel, call.at(0), u64::MAX, &text, wide)
}

fn print_bounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (format, wide) = format_at(kernel, call, call.at(2))?;
    let mut arguments = own_arguments(kernel, call, 3)?;
    let text = text(kernel, &format, wide, &mut arguments)?;
    give(kernel, call.at(0), call.at(1), &text, wide)
}

fn print_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (format, wide) = format_at(kernel, call, call.at(2))?;
    let text = text(kernel, &format, wide, &mut Arguments { next: call.at(3) })?;
    give(kernel, call.at(0), call.at(1), &text, wide)
}

fn print_list_unbounded(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (format, wide) = format_at(kernel, call, call.at(1))?;
    let text = text(kernel, &format, wide, &mut Arguments { next: call.at(2) })?;
    give(kernel, call.at(0), u64::MAX, &text, wide)
}
