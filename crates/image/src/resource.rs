//! Resources: the version information, and nothing else so far.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Rva};
use object::LittleEndian as LE;
use object::read::pe::{ResourceDirectory, ResourceDirectoryEntryData, ResourceNameOrId};

/// `RT_VERSION`.
const VERSION: u16 = 16;
/// Type, name, language: deeper trees are not read by Windows either.
const LEVELS: usize = 3;
/// Strings in a version resource; a dozen is usual.
const MOST_STRINGS: usize = 256;

/// What the version resource says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionInfo {
    /// The binary file version, highest part first.
    pub file_version: Option<[u16; 4]>,
    /// The texts by their key, such as `CompanyName`, in the order of the resource.
    pub strings: Vec<(String, String)>,
}

impl VersionInfo {
    /// The text stored under `key`, unless empty.
    pub fn string(&self, key: &str) -> Option<&str> {
        let (_, text) = self.strings.iter().find(|(known, _)| known == key)?;
        let text = text.trim();
        (!text.is_empty()).then_some(text)
    }
}

pub(crate) fn read_version(
    layout: &Layout<'_>,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Option<VersionInfo> {
    let tree = layout.bytes_from(directory.rva).unwrap_or_default();
    if tree.is_empty() {
        defects.in_image(Structure::Resources, Problem::PointsOutside, directory.rva);
        return None;
    }
    match find_version(tree) {
        Ok(None) => None,
        Ok(Some((rva, size))) => {
            let there = layout.bytes_from(rva).unwrap_or_default();
            if there.len() < size as usize {
                let problem =
                    Problem::Truncated { wanted: size.into(), present: there.len() as u64 };
                defects.in_image(Structure::Resources, problem, rva);
            }
            let version = parse_version(&there[..there.len().min(size as usize)]);
            // Its texts may be anything; its beginning and the binary version may not.
            if version.as_ref().is_none_or(|version| version.file_version.is_none()) {
                defects.in_image(Structure::Resources, Problem::BadSize(size.into()), rva);
            }
            version
        }
        Err(problem) => {
            defects.in_image(Structure::Resources, problem, directory.rva);
            None
        }
    }
}

/// Goes down the first branch of the version type to its data.
fn find_version(tree: &[u8]) -> Result<Option<(Rva, u32)>, Problem> {
    let directory = ResourceDirectory::new(tree);
    let outside = |_| Problem::PointsOutside;
    let root = directory.root().map_err(outside)?;
    let version = root
        .entries
        .iter()
        .find(|entry| matches!(entry.name_or_id(), ResourceNameOrId::Id(VERSION)));
    let Some(mut entry) = version else { return Ok(None) };
    for _ in 0..LEVELS {
        match entry.data(directory).map_err(outside)? {
            ResourceDirectoryEntryData::Data(data) => {
                return Ok(Some((Rva(data.offset_to_data.get(LE)), data.size.get(LE))));
            }
            ResourceDirectoryEntryData::Table(table) => {
                let Some(first) = table.entries.first() else { return Ok(None) };
                entry = first;
            }
        }
    }
    Err(Problem::Cyclic)
}

/// A node of the version tree: length, length of the value, kind, key, value, children.
struct Node<'data> {
    key: String,
    value: &'data [u8],
    children: &'data [u8],
}

/// Splits the node at the start of `bytes` off; nodes begin on multiples of four bytes.
fn split_node(bytes: &[u8]) -> Option<(Node<'_>, &[u8])> {
    let word = |offset: usize| {
        bytes.get(offset..)?.first_chunk().map(|two| u16::from_le_bytes(*two) as usize)
    };
    let (length, value_length, is_text) = (word(0)?, word(2)?, word(4)? == 1);
    let node = bytes.get(..length)?;
    let key = wide_text(node.get(6..)?);
    let key_end = 6 + (key.encode_utf16().count() + 1) * 2;
    let value = node.get(key_end.next_multiple_of(4)..).unwrap_or_default();
    // The value of a text is counted in characters.
    let value_length = if is_text { value_length * 2 } else { value_length };
    let (value, children) = value.split_at(value_length.min(value.len()));
    let skipped = (value_length.next_multiple_of(4) - value_length).min(children.len());
    let node = Node { key, value, children: &children[skipped..] };
    Some((node, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// All nodes in `bytes`; ends at the first that makes no sense. Each takes at least eight bytes.
fn nodes(mut bytes: &[u8]) -> impl Iterator<Item = Node<'_>> {
    std::iter::from_fn(move || {
        let (node, rest) = split_node(bytes)?;
        // A shorter node would not move on.
        if bytes.len() - rest.len() < 8 {
            return None;
        }
        bytes = rest;
        Some(node)
    })
}

/// UTF-16 up to a NUL or the end.
fn wide_text(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    let units = units.take_while(|&unit| unit != 0);
    // How long it gets is not known to the iterator, and letting it grow would cost more than this.
    let mut text = String::with_capacity(units.clone().count());
    text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text
}

fn parse_version(bytes: &[u8]) -> Option<VersionInfo> {
    let (root, _) = split_node(bytes)?;
    if root.key != "VS_VERSION_INFO" {
        return None;
    }
    let mut version = VersionInfo { file_version: fixed_version(root.value), strings: Vec::new() };
    let blocks = nodes(root.children).filter(|block| block.key == "StringFileInfo");
    let tables = blocks.flat_map(|block| nodes(block.children));
    let strings = tables.flat_map(|table| nodes(table.children));
    version.strings =
        strings.take(MOST_STRINGS).map(|text| (text.key, wide_text(text.value))).collect();
    Some(version)
}

/// The file version in `VS_FIXEDFILEINFO`, which begins with 0xFEEF04BD.
fn fixed_version(bytes: &[u8]) -> Option<[u16; 4]> {
    let word =
        |offset: usize| bytes.get(offset..)?.first_chunk().map(|two| u16::from_le_bytes(*two));
    let signature = (word(0)?, word(2)?);
    (signature == (0x04BD, 0xFEEF)).then_some([word(10)?, word(8)?, word(14)?, word(12)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node built by hand after the documented layout of VS_VERSIONINFO.
    fn node(key: &str, text: Option<&str>, raw: &[u8], children: &[u8]) -> Vec<u8> {
        let wide = |text: &str| {
            text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<_>>()
        };
        let pad = |mut bytes: Vec<u8>| {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let value = text.map_or(raw.to_vec(), &wide);
        let counted = if text.is_some() { value.len() / 2 } else { value.len() };
        let mut bytes = vec![0, 0];
        bytes.extend((counted as u16).to_le_bytes());
        bytes.extend(u16::from(text.is_some() || raw.is_empty()).to_le_bytes());
        bytes.extend(wide(key));
        let mut bytes = pad(bytes);
        bytes.extend(value);
        let mut bytes = pad(bytes);
        bytes.extend(children);
        let length = bytes.len() as u16;
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        pad(bytes)
    }

    #[test]
    fn version_and_texts_are_read() {
        let mut fixed = vec![0; 52];
        fixed[..4].copy_from_slice(&0xFEEF_04BD_u32.to_le_bytes());
        fixed[8..12].copy_from_slice(&0x0002_0001_u32.to_le_bytes());
        fixed[12..16].copy_from_slice(&0x0004_0003_u32.to_le_bytes());
        let mut strings = node("CompanyName", Some("Acme Größe"), &[], &[]);
        strings.extend(node("FileDescription", Some(""), &[], &[]));
        let table = node("040904b0", None, &[], &strings);
        let root =
            node("VS_VERSION_INFO", None, &fixed, &node("StringFileInfo", None, &[], &table));
        let version = parse_version(&root).unwrap();
        assert_eq!(version.file_version, Some([2, 1, 4, 3]));
        assert_eq!(version.string("CompanyName"), Some("Acme Größe"));
        assert_eq!(version.string("FileDescription"), None);
    }

    #[test]
    fn nodes_without_length_end_the_walk() {
        assert_eq!(nodes(&[0; 64]).count(), 0);
        assert_eq!(parse_version(&[0xFF; 64]), None);
    }
}
