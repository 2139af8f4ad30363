//! Macros that a build defines: reading one, and what follows of all of them.

use super::budget::Doubts;
use super::paths::unanchored;
use super::traced::Traced;
use super::{Configuration, Define};
use crate::{FileId, Span};
use std::collections::HashMap;

/// What may be taken for granted: conditions that hold wherever the project is built at all.
pub(super) type Granted<'g> = &'g [Span];

/// Reads `NAME`, `NAME=value` or `NAME#value`.
pub(super) fn define(token: &Traced, granted: Granted<'_>, doubts: &mut Doubts) -> Option<Define> {
    let token = token.trim();
    let (name, value) = match token.as_str().find(['=', '#']) {
        Some(at) => (token.slice(0..at).trim(), Some(token.slice(at + 1..token.as_str().len()))),
        None => (token.clone(), None),
    };
    if !is_name(name.as_str()) {
        refuse(&token, doubts);
        return None;
    }
    let value = value.map_or_else(|| "1".to_owned(), |value| unanchored(value.as_str()));
    Some(told(&token, &name, Some(value), granted, doubts))
}

/// Reads the name of a macro that is undefined.
pub(super) fn undefine(
    token: &Traced,
    granted: Granted<'_>,
    doubts: &mut Doubts,
) -> Option<Define> {
    let name = token.trim();
    if !is_name(name.as_str()) {
        refuse(&name, doubts);
        return None;
    }
    Some(told(&name, &name, None, granted, doubts))
}

/// What is no name may be one that is not known.
fn refuse(token: &Traced, doubts: &mut Doubts) {
    if token.as_str().contains(['$', '%', '@'])
        && !token.is_certain()
        && let Some(span) = token.span()
    {
        doubts.add(span, "this is not evaluated; it may define macros");
    }
}

fn told(
    token: &Traced,
    name: &Traced,
    value: Option<String>,
    granted: Granted<'_>,
    doubts: &mut Doubts,
) -> Define {
    let what = if value.is_some() { "is defined" } else { "is undefined" };
    let name_text = name.as_str().to_owned();
    for doubt in name.doubts().filter(|doubt| !granted.contains(doubt)) {
        doubts.add(
            doubt,
            format!("nobody can tell here whether this holds, and so whether {name_text} {what}"),
        );
    }
    let certain = token.doubts().all(|doubt| granted.contains(&doubt));
    Define { name: name_text, value, span: token.span(), certain }
}

/// Whether `text` may be the name of a macro.
fn is_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.chars().all(is_letter) && text.starts_with(|letter: char| !letter.is_ascii_digit())
}

/// What a source has beside what all have: `own` are all of its defines. Where it does not take over those of all,
/// they are undefined for it.
pub(super) fn beside(all: &[Define], own: Vec<Define>, place: Option<Span>) -> Vec<Define> {
    if own.starts_with(all) {
        return own[all.len()..].to_vec();
    }
    let mut names: Vec<&str> = all.iter().map(|define| define.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let undefined =
        |name: &str| Define { name: name.to_owned(), value: None, span: place, certain: true };
    names.into_iter().map(undefined).chain(own).collect()
}

impl Configuration {
    /// The files that are included before `file`, by name.
    pub fn forced_of(&self, file: FileId) -> &[String] {
        let own = self.forced_of_files.iter().find(|(of, _)| *of == file);
        own.map_or(&self.forced_includes, |(_, own)| own)
    }

    /// What is defined or undefined for `file` when all is said, in the order of first mention: of each name what is
    /// certain and comes last, and behind it what may override that.
    pub fn defines_of(&self, file: FileId) -> Vec<&Define> {
        let own = self.of_files.iter().filter(|(of, _)| *of == file).flat_map(|(_, own)| own);
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut effective: Vec<Vec<&Define>> = Vec::new();
        for define in self.defines.iter().chain(own) {
            let index = *by_name.entry(&define.name).or_insert(effective.len());
            if index == effective.len() {
                effective.push(Vec::new());
            }
            if define.certain {
                effective[index].clear();
            }
            effective[index].push(define);
        }
        effective.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    fn read(text: &str) -> Option<(String, Option<String>)> {
        let token = Traced::of(FILE, text, 0..text.len());
        define(&token, &[], &mut Doubts::default()).map(|define| (define.name, define.value))
    }

    #[test]
    fn a_macro_has_a_value() {
        let is = |name: &str, value: &str| Some((name.to_owned(), Some(value.to_owned())));
        assert_eq!(read(" POOL_NX_OPTIN "), is("POOL_NX_OPTIN", "1"));
        assert_eq!(read("A=\"x=y\""), is("A", "\"x=y\""));
        // cl's /D takes a number sign too.
        assert_eq!(read("A#2"), is("A", "2"));
        assert_eq!(read("A="), is("A", ""));
        assert_eq!((read("1A"), read(""), read("A(x)=1")), (None, None, None));
    }

    fn plain(name: &str, value: Option<&str>, certain: bool) -> Define {
        Define { name: name.to_owned(), value: value.map(str::to_owned), span: None, certain }
    }

    #[test]
    fn the_last_certain_word_counts_and_doubts_stay() {
        let configuration = Configuration {
            defines: vec![
                plain("A", Some("1"), false),
                plain("A", Some("2"), true),
                plain("B", Some("1"), true),
                plain("A", Some("3"), false),
            ],
            of_files: vec![(FILE, vec![plain("B", None, true)])],
            ..Configuration::default()
        };
        let told = |file| -> Vec<String> {
            let defines = configuration.defines_of(file);
            defines.iter().map(|define| format!("{}={:?}", define.name, define.value)).collect()
        };
        assert_eq!(told(FILE), ["A=Some(\"2\")", "A=Some(\"3\")", "B=None"]);
        assert_eq!(told(FileId(1))[2], "B=Some(\"1\")");
    }

    #[test]
    fn what_a_source_does_not_take_over_is_undefined_for_it() {
        let all = [plain("A", Some("1"), true)];
        let more = [all[0].clone(), plain("B", Some("1"), true)];
        assert_eq!(beside(&all, more.to_vec(), None), more[1..]);
        let own = vec![plain("B", Some("1"), true)];
        assert_eq!(beside(&all, own, None), [plain("A", None, true), more[1].clone()]);
    }
}
