//! The linker's list of symbols: which function an address lies in.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Where the linker lays out an image that asks for no other place.
const BASE: u64 = 0x1_4000_0000;

/// Symbols by name, and the public ones by address.
pub struct Map {
    symbols: BTreeMap<String, u32>,
    public: BTreeMap<u32, String>,
}

impl Map {
    /// Reads lld-link's `/map`.
    pub fn read(path: &Path) -> Result<Map> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Map::parse(&text)
    }

    /// Reads the text of one.
    pub fn parse(text: &str) -> Result<Map> {
        let mut map = Map { symbols: BTreeMap::new(), public: BTreeMap::new() };
        let mut public = true;
        for line in text.lines() {
            public &= line.trim() != "Static symbols";
            let words: Vec<_> = line.split_whitespace().collect();
            // section:offset, name, address, object
            let [_, name, address, _] = words[..] else { continue };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            let Some(rva) = address.checked_sub(BASE).and_then(|rva| u32::try_from(rva).ok())
            else {
                continue;
            };
            map.symbols.insert(name.to_owned(), rva);
            if public {
                map.public.insert(rva, name.to_owned());
            }
        }
        ensure!(!map.public.is_empty(), "the linker's map lists no symbol");
        Ok(map)
    }

    /// The addresses of the function `name`: up to the next public one.
    pub fn range(&self, name: &str) -> Option<Range<u32>> {
        let start = *self.symbols.get(name)?;
        let end = self.public.range(start + 1..).next().map_or(u32::MAX, |(rva, _)| *rva);
        Some(start..end)
    }

    /// Whether the function `name` is the linker's own jump to an import.
    pub fn is_jump_of_linker(&self, name: &str) -> bool {
        self.symbols.contains_key(&format!("__imp_{name}"))
    }

    /// The public symbol before `rva`.
    pub fn name(&self, rva: u32) -> &str {
        self.public.range(..=rva).next_back().map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::Map;

    const TEXT: &str = "
  Address         Publics by Value              Rva+Base               Lib:Object

 0001:00000000       first                  0000000140001000     a.obj
 0001:00000060       second                 0000000140001060     a.obj

 entry point at         0001:00000260

 Static symbols

 0001:00000040       hidden                 0000000140001040     a.obj
";

    #[test]
    fn a_function_ends_where_the_next_public_one_begins() {
        let map = Map::parse(TEXT).unwrap();
        assert_eq!(map.range("first"), Some(0x1000..0x1060));
        assert_eq!(map.range("hidden"), Some(0x1040..0x1060));
        assert_eq!(map.range("third"), None);
        assert_eq!(map.name(0x1050), "first");
        assert!(Map::parse("").is_err());
    }
}
