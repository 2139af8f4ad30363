//! Text in the guest's memory.

use crate::kernel::Kernel;
use crate::space::places;
use crate::stop::Stop;

/// Units of a text that ends with a zero, at most.
const LONGEST: u64 = 1 << 16;
/// Characters of an object's name that count, at most.
const LONGEST_NAME: usize = 1024;

impl Kernel<'_> {
    /// The units of a UNICODE_STRING.
    pub(crate) fn units(&mut self, string: u64) -> Result<Vec<u16>, Stop> {
        let length = u64::from(self.u16(string)?) & !1;
        let buffer = self.u64(string.wrapping_add(8))?;
        let bytes = if length == 0 { Vec::new() } else { self.bytes(buffer, length)? };
        Ok(bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect())
    }

    /// A UNICODE_STRING; empty for a null pointer.
    pub(crate) fn string(&mut self, string: u64) -> Result<String, Stop> {
        if string == 0 {
            return Ok(String::new());
        }
        Ok(String::from_utf16_lossy(&self.units(string)?))
    }

    /// The bytes of an ANSI_STRING.
    pub(crate) fn ansi(&mut self, string: u64) -> Result<Vec<u8>, Stop> {
        let length = u64::from(self.u16(string)?);
        let buffer = self.u64(string.wrapping_add(8))?;
        if length == 0 { Ok(Vec::new()) } else { self.bytes(buffer, length) }
    }

    /// Units up to a zero, or `most` of them.
    pub(crate) fn wide(&mut self, at: u64, most: u64) -> Result<Vec<u16>, Stop> {
        let mut units = Vec::new();
        for place in places(at, 2).take(most.min(LONGEST) as usize) {
            match self.u16(place)? {
                0 => break,
                unit => units.push(unit),
            }
        }
        self.charge(units.len() as u64)?;
        Ok(units)
    }

    /// Bytes up to a zero, or `most` of them.
    pub(crate) fn narrow(&mut self, at: u64, most: u64) -> Result<Vec<u8>, Stop> {
        let mut bytes = Vec::new();
        for place in places(at, 1).take(most.min(LONGEST) as usize) {
            match self.u8(place)? {
                0 => break,
                byte => bytes.push(byte),
            }
        }
        self.charge(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// The name in OBJECT_ATTRIBUTES, with that of the root in front.
    pub(crate) fn object_name(&mut self, attributes: u64) -> Result<String, Stop> {
        if attributes == 0 {
            return Ok(String::new());
        }
        let root = self.u64(attributes.wrapping_add(8))?;
        let name = self.u64(attributes.wrapping_add(16))?;
        let name = self.string(name)?;
        let whole = match self.objects.path_of(root) {
            Some(root) => format!("{root}\\{name}"),
            None => name,
        };
        Ok(whole.chars().take(LONGEST_NAME).collect())
    }

    /// Writes units as bytes.
    pub(crate) fn put_units(&mut self, at: u64, units: &[u16]) -> Result<(), Stop> {
        let bytes: Vec<_> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        self.charge(bytes.len() as u64 / 8)?;
        self.put(at, &bytes)
    }
}

/// Text as UTF-16 units.
pub(crate) fn units_of(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Text as UTF-16 bytes with a closing zero.
pub(crate) fn terminated(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A unit in upper case, as far as it has one of one unit.
pub(crate) fn upper(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(u32::from(unit)) else { return unit };
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}
