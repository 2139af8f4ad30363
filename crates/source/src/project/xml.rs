//! Project files in XML, with the place of every text.

use super::traced::Traced;
use crate::{FileId, SourceTree, Span};
use roxmltree::{Document, Node, ParsingOptions};
use std::ops::Range;

/// The most nodes that are read of one file; the longest real project has some ten thousand.
const NODES: u32 = 200_000;
/// The most attributes of one element: they are compared with each other.
const ATTRIBUTES: usize = 500;

/// Reads a document, or says in which line and why it cannot be read.
pub(super) fn read(text: &str) -> Result<Document<'_>, String> {
    if let Some(line) = crowded(text) {
        return Err(format!("line {line}: an element with more than {ATTRIBUTES} attributes"));
    }
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => {
            format!("line 1: more than {NODES} elements and texts")
        }
        error => {
            let line = error.pos().row;
            let reason = error.to_string();
            let place = format!(" at {}", error.pos());
            format!(
                "line {line}: not valid XML: {}",
                reason.strip_suffix(&place).unwrap_or(&reason)
            )
        }
    })
}

/// The line of the first element with too many attributes.
fn crowded(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut in_tag, mut attributes, mut quote) = (false, 0, None);
    for (at, byte) in bytes.iter().enumerate() {
        match (byte, quote) {
            // No value has a `<`, so this begins a tag whatever stands before.
            (b'<', _) => {
                in_tag = !matches!(bytes.get(at + 1), Some(b'!' | b'?'));
                (attributes, quote) = (0, None);
            }
            (byte, Some(open)) if *byte == open => quote = None,
            (b'"' | b'\'', None) if in_tag => {
                quote = Some(*byte);
                attributes += 1;
            }
            (b'>', None) => in_tag = false,
            _ => {}
        }
        if attributes > ATTRIBUTES {
            return Some(1 + memchr::memchr_iter(b'\n', &bytes[..at]).count());
        }
    }
    None
}

/// The text of an element; only what comes of an entity has no place of its own.
pub(super) fn content(tree: &SourceTree, file: FileId, node: Node<'_, '_>) -> Traced {
    let mut all = Traced::default();
    let whole = tree.file(file).text.as_str();
    for part in node.children().filter(Node::is_text) {
        all.push(&placed(tree, file, range_of(whole, part), part.text().unwrap_or_default()));
    }
    all
}

/// Where a text stands, up to what comes next: of one that is put together of several only the first is told.
pub(super) fn range_of(whole: &str, part: Node<'_, '_>) -> Range<usize> {
    let Range { start, end } = part.range();
    let next = part.next_sibling().map(|next| next.range().start);
    let close = || {
        let around = part.parent()?.range();
        Some(around.start + whole.get(around.clone())?.rfind("</")?)
    };
    start..next.or_else(close).unwrap_or(end).max(end)
}

/// The value of an attribute.
pub(super) fn attribute(
    tree: &SourceTree,
    file: FileId,
    node: Node<'_, '_>,
    name: &str,
) -> Option<Traced> {
    let attribute = node.attributes().find(|attribute| attribute.name() == name)?;
    Some(placed(tree, file, attribute.range_value(), attribute.value()))
}

fn placed(tree: &SourceTree, file: FileId, range: Range<usize>, value: &str) -> Traced {
    let whole = tree.file(file).text.as_str();
    let raw = whole.get(range.clone()).unwrap_or_default();
    // Line ends and tabs are read as other spaces; nobody here minds which.
    let spaces = |letter: char| if letter.is_ascii_whitespace() { ' ' } else { letter };
    let without_returns =
        |text: &str| text.replace("\r\n", "\n").chars().map(spaces).collect::<String>();
    if without_returns(raw) == without_returns(value) {
        return Traced::of(file, whole, range);
    }
    in_pieces(file, whole, range.clone())
        .filter(|pieces| without_returns(pieces.as_str()) == without_returns(value))
        .unwrap_or_else(|| Traced::decoded(value, Span::new(file, range)))
}

/// What a text with entities and `<![CDATA[…]]>` means; none where it has others than those that XML itself has.
fn in_pieces(file: FileId, whole: &str, range: Range<usize>) -> Option<Traced> {
    const OPEN: &str = "<![CDATA[";
    const CLOSE: &str = "]]>";
    let mut all = Traced::default();
    let mut at = range.start;
    while at < range.end {
        let rest = &whole[at..range.end];
        let (piece, length) = if let Some(data) = rest.strip_prefix(OPEN) {
            let start = at + OPEN.len();
            let end = start + data.find(CLOSE)?;
            (Traced::of(file, whole, start..end), end + CLOSE.len() - at)
        } else if let Some(entity) = rest.strip_prefix('&') {
            let entity = &entity[..entity.find(';')?];
            let length = 1 + entity.len() + 1;
            let letter = meant(entity)?.to_string();
            (Traced::decoded(&letter, Span::new(file, at..at + length)), length)
        } else {
            let length = rest.find(['&', '<']).unwrap_or(rest.len());
            (Traced::of(file, whole, at..at + length), length)
        };
        if length == 0 {
            return None;
        }
        all.push(&piece);
        at += length;
    }
    Some(all)
}

/// The letter that an entity is.
fn meant(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

/// Where a node stands.
pub(super) fn place(file: FileId, node: Node<'_, '_>) -> Span {
    Span::new(file, node.range())
}

/// Where an attribute's value stands; the whole element where there is none.
pub(super) fn attribute_place(file: FileId, node: Node<'_, '_>, name: &str) -> Span {
    let found = node.attributes().find(|attribute| attribute.name() == name);
    found.map_or_else(|| place(file, node), |found| Span::new(file, found.range_value()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn content_of(xml: &str) -> (String, String) {
        let mut tree = SourceTree::default();
        let file = tree.add("a.props", SourceText::of(xml)).unwrap();
        let text = tree.file(file).text.as_str();
        let document = read(text).unwrap();
        let content = content(&tree, file, document.root_element());
        (content.as_str().to_owned(), tree.text(content.span().unwrap()).to_owned())
    }

    #[test]
    fn texts_know_their_place() {
        assert_eq!(content_of("<a>x;y</a>"), ("x;y".into(), "x;y".into()));
        assert_eq!(content_of("<a>x\r\ny</a>"), ("x\r\ny".into(), "x\r\ny".into()));
        assert_eq!(content_of("<a>x&lt;y</a>"), ("x<y".into(), "x&lt;y".into()));
        assert_eq!(content_of("<a><![CDATA[x&y]]></a>"), ("x&y".into(), "x&y".into()));
    }

    #[test]
    fn parts_of_texts_know_their_place_too() {
        let words = |xml: &str| {
            let mut tree = SourceTree::default();
            let file = tree.add("a.props", SourceText::of(xml)).unwrap();
            let document = read(tree.file(file).text.as_str()).unwrap();
            let content = content(&tree, file, document.root_element());
            let words = content.split(|letter| letter == ' ').into_iter();
            let words: Vec<(String, String)> = words
                .map(|word| {
                    let place = tree.text(word.span().unwrap()).to_owned();
                    (word.as_str().to_owned(), place)
                })
                .collect();
            words
        };
        for (xml, expected) in [
            ("<a>x&#x26;y z</a>", [("x&y", "x&#x26;y"), ("z", "z")]),
            ("<a>&quot;&#65;&quot; b</a>", [("\"A\"", "&quot;&#65;&quot;"), ("b", "b")]),
            ("<a>c <![CDATA[<d>]]></a>", [("c", "c"), ("<d>", "<d>")]),
        ] {
            let expected = expected.map(|(word, place)| (word.to_owned(), place.to_owned()));
            assert_eq!(words(xml), expected, "{xml}");
        }
    }

    #[test]
    fn what_is_no_xml_is_refused_with_its_line() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused("<a>\n</b>").starts_with("line 2: not valid XML: "));
        let bomb = "<!DOCTYPE a [<!ENTITY x \"xx\">]>\n<a>&x;</a>";
        assert!(refused(bomb).starts_with("line 1: "));
        assert!(refused("").starts_with("line 1: "));
    }

    #[test]
    fn hostile_shapes_end_soon() {
        let attributes: String = (0..10_000).map(|number| format!(" a{number}=''")).collect();
        assert!(read(&format!("\n<a{attributes}/>")).unwrap_err().starts_with("line 2: "));
        let deep = "<a>".repeat(150_000) + &"</a>".repeat(150_000);
        assert_eq!(read(&deep).unwrap().descendants().count(), 150_001);
        assert!(read(&("<a>".to_owned() + &"<b/>".repeat(300_000) + "</a>")).is_err());
        let quoted = "=\"x\" ".repeat(1000);
        assert!(read(&format!("<a><!-- {quoted} -->{quoted}</a>")).is_ok());
    }
}
