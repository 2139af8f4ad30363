//! What a name that nothing has may have meant.

/// Below this likeness a name is not worth suggesting.
const ALIKE: f64 = 0.8;

/// The name of `known` that is most like `name`, if any is like it at all.
pub(crate) fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name);
    let ranked = known.into_iter().map(|known| (likeness(known), known));
    let best = ranked.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likest_is_suggested() {
        let known = ["fail-unknown", "format", "target"];
        assert_eq!(similar("fail_unknown", known), Some("fail-unknown"));
        assert_eq!(similar("targets", known), Some("target"));
        assert_eq!(similar("zzz", known), None);
    }
}
