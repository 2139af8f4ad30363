//! Names in texts become links to what they are the names of.

use super::shell::{Place, escape};
use ringfence::{ddi, rule_cards};
use std::collections::BTreeMap;

/// The page of a rule.
pub fn rule_path(id: &str) -> String {
    format!("rules/{id}.html")
}

/// The page of a DDI. No file of Windows may have a colon in its name, so the DDIs that are methods of
/// an interface have a point there.
pub fn ddi_path(name: &str) -> String {
    format!("ddis/{}.html", name.replace("::", "."))
}

/// Where other names of rules are told.
pub const OTHER_NAMES: &str = "names.html";

/// A text as the part of an address that a heading is found by.
pub fn slug(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let dashed: String = text.chars().map(letter).collect();
    let parts: Vec<_> = dashed.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// Every name that links somewhere.
pub struct Names {
    /// Paths by name.
    paths: BTreeMap<&'static str, String>,
    /// Names by their first byte, longest first: `MmMapIoSpaceEx` before `MmMapIoSpace`.
    by_first: BTreeMap<u8, Vec<&'static str>>,
}

impl Names {
    /// Those of all rules and DDIs.
    pub fn all() -> Names {
        let mut paths = BTreeMap::new();
        for card in rule_cards() {
            // What tools count and print is prose in our texts too, so only what is no word links.
            let others = card.also_known_as.iter().filter(|name| !name.contains(' '));
            paths.extend(others.map(|name| (*name, format!("{OTHER_NAMES}#{}", slug(name)))));
            paths.insert(card.id, rule_path(card.id));
        }
        for ddi in ddi::all() {
            let names = std::iter::once(&ddi.name).chain(ddi.aliases);
            paths.extend(names.map(|name| (*name, ddi_path(ddi.name))));
        }
        let mut by_first: BTreeMap<u8, Vec<&'static str>> = BTreeMap::new();
        for name in paths.keys().rev() {
            by_first.entry(name.as_bytes()[0]).or_default().push(name);
        }
        for names in by_first.values_mut() {
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        }
        Names { paths, by_first }
    }

    /// `text` as HTML, with links from every name in it and every address, but none to `place` itself.
    pub fn linked(&self, text: &str, place: &Place) -> String {
        let mut html = String::new();
        let mut plain = 0;
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let link = match starts_word(text, at) {
                true => self.at_start(rest, place).or_else(|| address(rest)),
                false => None,
            };
            match link {
                Some((length, link)) => {
                    html += &escape(&text[plain..at]);
                    html += &link;
                    at += length;
                    plain = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        html + &escape(&text[plain..])
    }

    /// The name that `text` begins with: its length, and itself as a link.
    fn at_start(&self, text: &str, place: &Place) -> Option<(usize, String)> {
        let candidates = self.by_first.get(text.as_bytes().first()?)?;
        let name = candidates.iter().find(|name| {
            text.strip_prefix(**name).is_some_and(|rest| !rest.starts_with(is_of_word))
        })?;
        let path = &self.paths[name];
        let html = match place.is_at(path) {
            true => escape(name),
            false => format!("<a href=\"{}\">{}</a>", place.to(path), escape(name)),
        };
        Some((name.len(), html))
    }
}

/// What names are made of, so that none is found within another word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|c| is_of_word(c) || c == '/' || c == '.')
}

/// The web address that `text` begins with: its length, and itself as a link.
fn address(text: &str) -> Option<(usize, String)> {
    if !text.starts_with("https://") {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || "<>\"`".contains(c)).unwrap_or(text.len());
    // What ends a sentence or closes a bracket is not the address's.
    let address = text[..end].trim_end_matches(['.', ',', ';', ':', ')']);
    let shown = escape(address);
    Some((address.len(), format!("<a href=\"{shown}\">{shown}</a>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(text: &str) -> String {
        Names::all().linked(text, &Place::of("rules/unaligned-section.html"))
    }

    #[test]
    fn names_and_addresses_become_links() {
        let mm = "<a href=\"../ddis/MmMapIoSpaceEx.html\">MmMapIoSpaceEx</a>";
        assert_eq!(linked("a MmMapIoSpaceEx(1 < 2)."), format!("a {mm}(1 &lt; 2)."));
        assert_eq!(
            linked("nx-opt-in: C30031"),
            "<a href=\"../rules/nx-opt-in.html\">nx-opt-in</a>: \
             <a href=\"../names.html#c30031\">C30031</a>"
        );
        assert_eq!(
            linked("(https://a.b/c_d), or"),
            "(<a href=\"https://a.b/c_d\">https://a.b/c_d</a>), or"
        );
        let method = linked("IMiniportMidi::NewStream");
        assert!(method.contains("../ddis/IMiniportMidi.NewStream.html"), "{method}");
    }

    #[test]
    fn nothing_else_does() {
        for text in ["MmMapIoSpaceExtra", "myMmMapIoSpace", "unaligned-section", "a/nx-opt-in-b"] {
            assert_eq!(linked(text), text);
        }
    }

    #[test]
    fn slugs_are_what_addresses_can_have() {
        assert_eq!(slug("What it cannot see"), "what-it-cannot-see");
        assert_eq!(slug("0xC4:0x2003"), "0xc4-0x2003");
        assert_eq!(slug("`a`  (b)"), "a-b");
    }
}
