//! What the image exports.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Rva};

/// What an image exports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exports<'data> {
    /// The module's own name for itself.
    pub module: Option<&'data [u8]>,
    /// Ordinal of the first address.
    pub ordinal_base: u32,
    addresses: &'data [u8],
    names: &'data [u8],
    ordinals: &'data [u8],
    directory: DataDirectory,
}

/// An exported address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Ordinal.
    pub ordinal: u32,
    /// Where the function is, or within the export table itself the text that forwards it elsewhere.
    pub address: Rva,
    /// Whether it is forwarded.
    pub forwarded: bool,
}

impl<'data> Exports<'data> {
    /// The exported addresses, without empty slots.
    pub fn iter(&self) -> impl Iterator<Item = Export> + use<'data> {
        let Exports { ordinal_base, directory, .. } = *self;
        let table =
            u64::from(directory.rva.0)..u64::from(directory.rva.0) + u64::from(directory.size);
        let slots = self.addresses.chunks_exact(4).enumerate();
        slots.filter_map(move |(index, four)| {
            let address = Rva(u32::from_le_bytes(four.try_into().ok()?));
            let forwarded = table.contains(&u64::from(address.0));
            let ordinal = ordinal_base.wrapping_add(index as u32);
            (address.0 != 0).then_some(Export { ordinal, address, forwarded })
        })
    }

    /// The exported names: where each name is, and the ordinal it stands for.
    pub fn names(&self) -> impl Iterator<Item = (Rva, u32)> + use<'data> {
        let base = self.ordinal_base;
        let pairs = self.names.chunks_exact(4).zip(self.ordinals.chunks_exact(2));
        pairs.filter_map(move |(name, ordinal)| {
            let name = Rva(u32::from_le_bytes(name.try_into().ok()?));
            let ordinal = u16::from_le_bytes(ordinal.try_into().ok()?);
            Some((name, base.wrapping_add(u32::from(ordinal))))
        })
    }
}

pub(crate) fn read<'data>(
    layout: &Layout<'data>,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Exports<'data> {
    let Some(table) = layout.read::<40>(directory.rva) else {
        defects.in_image(Structure::ExportTable, Problem::PointsOutside, directory.rva);
        return Exports::default();
    };
    let word = |index: usize| {
        table
            .chunks_exact(4)
            .nth(index)
            .and_then(|four| four.try_into().ok())
            .map_or(0, u32::from_le_bytes)
    };
    let mut list = |start: u32, count: u32, size: u64| {
        let wanted = u64::from(count) * size;
        let there = layout.bytes_from(Rva(start)).unwrap_or_default();
        if wanted > there.len() as u64 {
            let problem = Problem::Truncated { wanted, present: there.len() as u64 };
            defects.in_image(Structure::ExportTable, problem, Rva(start));
        }
        &there[..there.len().min(wanted as usize)]
    };
    let addresses = list(word(7), word(5), 4);
    let names = list(word(8), word(6), 4);
    let ordinals = list(word(9), word(6), 2);
    let module = layout.text(Rva(word(3)), 256).ok();
    let exports = Exports { module, ordinal_base: word(4), addresses, names, ordinals, directory };
    let functions = u64::from(word(5));
    for (name, ordinal) in exports.names() {
        let index = u64::from(ordinal.wrapping_sub(exports.ordinal_base));
        if layout.offset_of(name).is_none() || index >= functions {
            defects.in_image(Structure::ExportTable, Problem::PointsOutside, name);
        }
    }
    exports
}

#[cfg(test)]
mod tests {
    use crate::{Image, Rva};
    use ringfence_fixture::driver;

    #[test]
    fn exports_are_read() {
        let bytes = driver().export_name("clean.sys").export("DllInitialize", 0x1000).bytes();
        let image = Image::read(&bytes).unwrap();
        let exports = image.exports();
        assert_eq!(exports.module, Some(&b"clean.sys"[..]));
        let all: Vec<_> = exports.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].address, all[0].forwarded), (Rva(0x1000), false));
        let (name, ordinal) = exports.names().next().unwrap();
        assert_eq!(image.text_at(name), Some(&b"DllInitialize"[..]));
        assert_eq!(ordinal, all[0].ordinal);
    }
}
