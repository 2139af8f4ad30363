//! Acceptances that accepted nothing, in words.

use crate::safe::safe;
use ringfence_finding::{IdleAcceptance, IdleAcceptances};

/// A line for each: `ringfence.toml:12: accepts nothing: no executable-pool-type in drivers/old/*.sys`, or that it has
/// ended.
pub fn idle_acceptances(idle: &IdleAcceptances) -> Vec<String> {
    told(idle).map(|(place, text)| format!("{}: {text}", safe(place))).collect()
}

/// Where each stands, and what is to say of it.
pub(crate) fn told(idle: &IdleAcceptances) -> impl Iterator<Item = (&str, String)> {
    let unused = idle.unused.iter().map(|one| (place(one), unused(one)));
    unused.chain(idle.expired.iter().map(|one| (place(one), expired(one))))
}

fn place(idle: &IdleAcceptance) -> &str {
    idle.place.as_deref().unwrap_or("the settings")
}

fn unused(idle: &IdleAcceptance) -> String {
    let about = idle.ddi.iter().map(|ddi| format!("about {ddi}"));
    let function = idle.function.iter().map(|function| format!("in the function {function}"));
    let path = idle.path.iter().map(|path| format!("in {path}"));
    let digest = idle.sha256.iter().map(|digest| format!("in a driver with the SHA-256 {digest}"));
    let of: Vec<_> = about.chain(function).chain(path).chain(digest).collect();
    format!("accepts nothing: no {} {}", idle.rule, safe(&of.join(" ")))
}

fn expired(idle: &IdleAcceptance) -> String {
    let until = idle.until.as_deref().unwrap_or_default();
    let IdleAcceptance { rule, reason, .. } = idle;
    format!("ended on {until} and accepts no {rule} any more: {}", safe(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_with_its_place() {
        let one = IdleAcceptance {
            place: Some("ringfence.toml:12".to_owned()),
            rule: "executable-pool-type".to_owned(),
            path: Some("old/*.sys".to_owned()),
            reason: "replaced\nby May".to_owned(),
            until: Some("2026-03-31".to_owned()),
            ..IdleAcceptance::default()
        };
        let idle = IdleAcceptances { unused: vec![one.clone()], expired: vec![one] };
        assert_eq!(
            idle_acceptances(&idle),
            [
                "ringfence.toml:12: accepts nothing: no executable-pool-type in old/*.sys",
                "ringfence.toml:12: ended on 2026-03-31 and accepts no executable-pool-type any more: \
                 replaced\\u{a}by May"
            ]
        );
    }
}
