//! Constants of the kit in Rust, and how others are named in their place.

use super::kit::without_enumeration;
use super::path::Path;
use super::values::Place;
use super::world::Resolved;
use crate::value::Term;
use crate::vocabulary;

impl Place<'_, '_> {
    /// A constant of the kit's headers.
    pub(crate) fn of_kit(&self, path: &Path, resolved: &Resolved) -> Option<Term> {
        let name = resolved.name();
        let short = without_enumeration(name);
        let prefix = name.len() - short.len();
        let value = vocabulary::constant(short)?;
        let is_alone = path.segments.len() == 1;
        let is_renamed = path.name() != name;
        let mut range = path.last.clone();
        if !is_renamed {
            range.start += prefix;
        }
        let others = match (is_alone, resolved.is_imported) {
            (true, true) if prefix == 0 => way_to(&resolved.segments),
            (true, true) => None,
            (true, false) if !self.world.has_all_of_any(self.spot) => None,
            _ => Some("".into()),
        };
        let span = self.span(&range);
        Some(Term { span, name: short.into(), value, by_opt_in: false, path: others })
    }
}

/// The path of what stands beside an imported name; none where it counts from a module that may be another one there.
fn way_to(path: &[Box<str>]) -> Option<Box<str>> {
    let (_, before) = path.split_last()?;
    let is_relative = before.first().is_none_or(|first| matches!(&**first, "self" | "super"));
    (!is_relative).then(|| before.iter().map(|one| format!("{one}::")).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::driver;

    /// The words that chose a value, with where others of their kind are found.
    #[test]
    fn terms_are_the_last_name_alone() {
        let terms = |uses: &str, pool: &str| {
            let text = format!(
                "{uses} fn f() {{ unsafe {{ wdk_sys::ntddk::ExAllocatePool({pool}, 8); }} }}"
            );
            let tree = driver(&[("src/lib.rs", &text)]);
            let calls = crate::analyse(&tree, &[], &[]).calls;
            let terms = calls[0].arguments[0].value.choices[0].terms.iter();
            let told = |term: &crate::Term| {
                let written = term.span.map_or("", |span| tree.text(span));
                format!("{written} {} {:?}", term.name, term.path)
            };
            terms.map(told).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            terms("", "wdk_sys::_POOL_TYPE::NonPagedPool"),
            "NonPagedPool NonPagedPool Some(\"\")"
        );
        assert_eq!(
            terms("use wdk_sys::_POOL_TYPE::NonPagedPool;", "NonPagedPool"),
            "NonPagedPool NonPagedPool Some(\"wdk_sys::_POOL_TYPE::\")"
        );
        assert_eq!(
            terms("use wdk_sys::_POOL_TYPE::NonPagedPool as NP;", "NP"),
            "NP NonPagedPool Some(\"wdk_sys::_POOL_TYPE::\")"
        );
        assert_eq!(
            terms("use wdk_sys::_POOL_TYPE::*;", "NonPagedPool"),
            "NonPagedPool NonPagedPool Some(\"\")"
        );
        assert_eq!(terms("", "NonPagedPool"), "NonPagedPool NonPagedPool None");
        assert_eq!(
            terms("use sys::*;", "_POOL_TYPE_NonPagedPool"),
            "NonPagedPool NonPagedPool Some(\"\")"
        );
        assert_eq!(terms("", "0"), "0 0 None");
    }
}
