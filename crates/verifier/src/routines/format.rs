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
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    long: bool,
    wide: bool,
    narrow: bool,
    /// Two `h`: a byte, where it is a number.
    byte: bool,
}

impl Piece {
    /// A width that is an argument; a negative one is a flag and a width.
    fn set_width(&mut self, value: i32) {
        self.left |= value < 0;
        self.width = (value.unsigned_abs() as usize).min(LONGEST);
    }
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
            // Numbers have their zeros behind the sign already.
            let is_number = b"diuxXop".contains(&kind);
            pad(&mut out, shown, piece, !is_number && piece.zero && !piece.left);
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
            b' ' => piece.space = true,
            b'0' if piece.width == 0 && piece.precision.is_none() => piece.zero = true,
            digit @ b'0'..=b'9' => {
                let number = piece.precision.as_mut().unwrap_or(&mut piece.width);
                *number = (*number * 10 + usize::from(digit - b'0')).min(LONGEST);
            }
            b'.' => piece.precision = Some(0),
            b'*' => {
                let value = arguments.take(kernel)? as i32;
                match piece.precision {
                    None => piece.set_width(value),
                    // A negative precision counts as none.
                    Some(_) => {
                        piece.precision = usize::try_from(value).ok().map(|most| most.min(LONGEST));
                    }
                }
            }
            b'l' | b'w' => {
                // One `l` is for text, two are for numbers.
                piece.long |= piece.wide;
                piece.wide = true;
            }
            b'h' => {
                piece.byte |= piece.narrow;
                piece.narrow = true;
            }
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

fn pad(out: &mut Vec<u16>, shown: Vec<u16>, piece: Piece, with_zeros: bool) {
    let missing = piece.width.saturating_sub(shown.len());
    let filler = u16::from(if with_zeros { b'0' } else { b' ' });
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
        b'd' | b'i' | b'u' | b'x' | b'X' | b'o' => plain(number(value, kind, piece)),
        // As many hexadecimal digits as a pointer has.
        b'p' => plain(number(value, b'X', Piece { precision: Some(16), long: true, ..piece })),
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

/// A number with its sign or prefix, and with zeros behind those where they are asked for.
fn number(value: u64, kind: u8, piece: Piece) -> String {
    let is_signed = matches!(kind, b'd' | b'i');
    // Of the argument as much counts as the size says; two `l` go before an `h`.
    let signed = match piece {
        Piece { long: true, .. } => value as i64,
        Piece { byte: true, .. } => i64::from(value as i8),
        Piece { narrow: true, .. } => i64::from(value as i16),
        _ => i64::from(value as i32),
    };
    let unsigned = match piece {
        Piece { long: true, .. } => value,
        Piece { byte: true, .. } => u64::from(value as u8),
        Piece { narrow: true, .. } => u64::from(value as u16),
        _ => u64::from(value as u32),
    };
    let prefix = match kind {
        _ if is_signed && signed < 0 => "-",
        _ if is_signed && piece.plus => "+",
        _ if is_signed && piece.space => " ",
        b'x' if piece.alternate && unsigned != 0 => "0x",
        b'X' if piece.alternate && unsigned != 0 => "0X",
        _ => "",
    };
    let mut digits = match kind {
        b'u' => unsigned.to_string(),
        b'o' => format!("{unsigned:o}"),
        b'x' => format!("{unsigned:x}"),
        b'X' => format!("{unsigned:X}"),
        _ => signed.unsigned_abs().to_string(),
    };
    // Nothing at all is shown of 0 with a precision of 0.
    if piece.precision == Some(0) && unsigned == 0 {
        digits.clear();
    }
    let least = match piece.precision {
        Some(least) => least,
        None if piece.zero && !piece.left => piece.width.saturating_sub(prefix.len()),
        None => 0,
    };
    let mut zeros = "0".repeat(least.saturating_sub(digits.len()));
    // Octal numbers begin with a zero then.
    if kind == b'o' && piece.alternate && zeros.is_empty() && !digits.starts_with('0') {
        zeros.push('0');
    }
    format!("{prefix}{zeros}{digits}")
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
