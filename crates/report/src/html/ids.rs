//! What a driver is called in links.

use crate::layout::file_name;
use ringfence_finding::stable_hash;
use std::collections::HashMap;

/// Letters of a file's name that a link has; the number behind them tells drivers apart.
const LONGEST_NAME: usize = 40;

/// The ids of the drivers of one report.
#[derive(Default)]
pub(super) struct Ids(HashMap<String, usize>);

impl Ids {
    /// `acmedisk-9f1c22ab`: the file's name for people, and a number made from its whole path, so that a
    /// link still leads there after the next scan. The same path once more gets `-2`.
    pub(super) fn of(&mut self, path: &str) -> String {
        let name = file_name(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let mut id = String::new();
        for c in stem.chars() {
            match c.is_ascii_alphanumeric() {
                true => id.push(c.to_ascii_lowercase()),
                false if !id.is_empty() && !id.ends_with('-') => id.push('-'),
                false => {}
            }
            if id.len() >= LONGEST_NAME {
                break;
            }
        }
        let id = format!("{}-{:08x}", id.trim_end_matches('-'), stable_hash([path]) as u32);
        let id = id.trim_start_matches('-').to_owned();
        let times = self.0.entry(id.clone()).or_default();
        *times += 1;
        if *times == 1 { id } else { format!("{id}-{times}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_name_and_a_number_of_the_path() {
        let mut ids = Ids::default();
        assert_eq!(
            ids.of(r"C:\drivers\Acme Disk (2).sys"),
            format!("acme-disk-2-{:08x}", stable_hash([r"C:\drivers\Acme Disk (2).sys"]) as u32)
        );
        let first = ids.of("a/acme.sys");
        assert_ne!(first, ids.of("b/acme.sys"));
        assert_eq!(ids.of("a/acme.sys"), format!("{first}-2"));
    }

    #[test]
    fn any_name_gives_letters_digits_and_hyphens() {
        for path in ["", "\u{202e}\"><script>.sys", ".sys", "株式会社.sys", &"x".repeat(500)] {
            let id = Ids::default().of(path);
            assert!(!id.starts_with('-') && id.len() <= 60, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{id}");
        }
    }
}
