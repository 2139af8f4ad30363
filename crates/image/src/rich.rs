//! The Rich header: which Microsoft tools built the image.

use object::read::pe::RichHeaderInfo;

/// The Rich header, which Microsoft's linker writes between the MS-DOS stub and the PE signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rich {
    /// Product, build and use count of each tool.
    pub tools: Vec<RichTool>,
}

/// One tool of a Rich header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RichTool {
    /// The number of the tool, different for each version of compiler, linker, assembler.
    pub product: u16,
    /// Its build number.
    pub build: u16,
    /// How many objects it made.
    pub count: u32,
}

/// Linkers by their Rich product number, with the toolset each belongs to. Facts from public
/// product-id lists; the linker version in the optional header agrees with them.
const LINKERS: [(u16, Toolset); 8] = [
    (0x003D, Toolset { name: "Visual Studio 2002", linker: (7, 0) }),
    (0x005A, Toolset { name: "Visual Studio 2003", linker: (7, 10) }),
    (0x0078, Toolset { name: "Visual Studio 2005", linker: (8, 0) }),
    (0x0091, Toolset { name: "Visual Studio 2008", linker: (9, 0) }),
    (0x009D, Toolset { name: "Visual Studio 2010", linker: (10, 0) }),
    (0x00CC, Toolset { name: "Visual Studio 2012", linker: (11, 0) }),
    (0x00DE, Toolset { name: "Visual Studio 2013", linker: (12, 0) }),
    // One number for all since; the build tells them apart.
    (0x0102, Toolset { name: "Visual Studio 2015 or later", linker: (14, 0) }),
];

/// A Visual Studio generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toolset {
    /// Its name.
    pub name: &'static str,
    /// The version its linker writes into the optional header, major and minor.
    pub linker: (u8, u8),
}

impl Rich {
    pub(crate) fn read(bytes: &[u8], signature: u64) -> Option<Rich> {
        let header = RichHeaderInfo::parse(bytes, signature)?;
        let tools = header
            .unmasked_entries()
            .map(|entry| RichTool {
                product: (entry.comp_id >> 16) as u16,
                build: entry.comp_id as u16,
                count: entry.count,
            })
            .collect();
        Some(Rich { tools })
    }

    /// The toolset of the linker that wrote the image.
    pub fn linker(&self) -> Option<Toolset> {
        self.tools.iter().rev().find_map(|tool| {
            let (_, toolset) = LINKERS.iter().find(|(product, _)| *product == tool.product)?;
            Some(Toolset { name: generation(tool).unwrap_or(toolset.name), ..*toolset })
        })
    }
}

/// Which of the generations since Visual Studio 2015 a linker build belongs to.
fn generation(tool: &RichTool) -> Option<&'static str> {
    if tool.product != 0x0102 {
        return None;
    }
    Some(match tool.build {
        ..=24_999 => "Visual Studio 2015",
        25_000..=27_499 => "Visual Studio 2017",
        27_500..=30_699 => "Visual Studio 2019",
        30_700.. => "Visual Studio 2022 or later",
    })
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use ringfence_fixture::driver;

    fn linker(tools: &[(u16, u16, u32)]) -> Option<&'static str> {
        let bytes = driver().rich(tools.iter().copied()).bytes();
        let image = Image::read(&bytes).unwrap();
        image.rich().and_then(|rich| rich.linker()).map(|toolset| toolset.name)
    }

    #[test]
    fn the_linker_names_the_toolset() {
        assert_eq!(linker(&[(0x00E0, 31101, 5), (0x00DE, 31101, 1)]), Some("Visual Studio 2013"));
        assert_eq!(linker(&[(0x0104, 29111, 5), (0x0102, 29111, 1)]), Some("Visual Studio 2019"));
        assert_eq!(linker(&[(0x0001, 0, 12)]), None);
    }

    #[test]
    fn images_of_other_linkers_have_none() {
        assert_eq!(Image::read(&driver().bytes()).unwrap().rich(), None);
    }
}
