//! The words of a command line, as switches with what stands behind each.

use super::switches::{SWITCHES, Switch, named};
use ringfence::report::safe;
use ringfence::similar;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A switch that was given, with the words behind it.
pub(super) struct Given<'w> {
    /// The switch.
    pub(super) switch: &'static Switch,
    /// The words up to the next one.
    pub(super) values: Vec<&'w OsStr>,
}

/// Why a command line makes no sense to the real tool either, or to this one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n  help: {help}")]
pub(super) struct Mistake {
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: String,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Mistake {
        Mistake { message: message.into(), help: help.into() }
    }
}

/// Takes a command line apart. A word is a switch if one is called so, behind `/` or `-` and in any letter case; else
/// it belongs to the switch before it.
pub(super) fn split(words: &[OsString]) -> Result<Vec<Given<'_>>, Mistake> {
    let mut given: Vec<Given<'_>> = Vec::new();
    for word in words {
        if let Some(switch) = switch_of(word)? {
            given.push(Given { switch, values: Vec::new() });
        } else if let Some(last) = given.last_mut() {
            last.values.push(word);
        } else {
            return Err(stray(word));
        }
    }
    for one in &given {
        check(one)?;
    }
    Ok(given)
}

/// The switch that a word is; none for another word.
fn switch_of(word: &OsStr) -> Result<Option<&'static Switch>, Mistake> {
    let text = word.to_string_lossy();
    let Some(name) = text.strip_prefix(['/', '-']).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    match named(name) {
        Some(switch) => Ok(Some(switch)),
        // Where paths begin with a slash, most words that do are some.
        None if name.contains(['/', '\\']) || Path::new(word).exists() => Ok(None),
        None => Err(unknown(&text, name)),
    }
}

/// Options of `ringfence verify` that are none of the real tool's.
const OF_VERIFY: [&str; 6] =
    ["target", "format", "symbols", "environment", "trace", "instructions"];

fn unknown(typed: &str, name: &str) -> Mistake {
    let message = format!("Driver Verifier has no switch `{}`", safe(typed));
    let lower = name.trim_start_matches('-').to_lowercase();
    if let Some((before, after)) = lower.split_once(['=', ':'])
        && let Some(switch) = named(before)
    {
        return Mistake::new(message, format!("did you mean /{} {}?", switch.name, safe(after)));
    }
    let option = lower.split('=').next().unwrap_or_default();
    if typed.starts_with("--") && OF_VERIFY.contains(&option) {
        let help = format!("`ringfence verify` has it: ringfence verify --{option} … FILE");
        return Mistake::new(message, help);
    }
    match similar(&lower, SWITCHES.iter().map(|switch| switch.name)).first() {
        Some(meant) => Mistake::new(message, format!("did you mean /{meant}?")),
        None if lower.starts_with("color") => Mistake::new(
            message,
            "ringfence's own options stand before it: ringfence --color WHEN verifier",
        ),
        None => Mistake::new(message, "`ringfence verifier /?` names those that there are"),
    }
}

fn stray(word: &OsStr) -> Mistake {
    let typed = word.to_string_lossy();
    let message = format!("`{}` stands before any switch", safe(&typed));
    let name = typed.to_lowercase();
    match named(&name).map(|switch| switch.name) {
        Some(meant) => Mistake::new(message, format!("did you mean /{meant}?")),
        None => Mistake::new(
            message,
            format!(
                "to check a driver: ringfence verifier /flags 0x02000000 /driver {}",
                safe(&typed)
            ),
        ),
    }
}

/// Whether what stands behind a switch is what it takes.
fn check(one: &Given<'_>) -> Result<(), Mistake> {
    let Given { switch, values } = one;
    let name = switch.name;
    if switch.takes.is_empty()
        && let Some(word) = values.first()
    {
        let message = format!("/{name} takes nothing, but `{}` stands behind it", lossy(word));
        return Err(Mistake::new(message, "file names stand behind /driver"));
    }
    let is_optional = switch.takes.starts_with('[');
    if !switch.takes.is_empty() && !is_optional && values.is_empty() {
        let help = format!("it is written /{name} {}", switch.takes);
        return Err(Mistake::new(format!("/{name} lacks what stands behind it"), help));
    }
    if switch.words.is_empty() {
        return Ok(());
    }
    for word in values {
        let typed = word.to_string_lossy().to_lowercase();
        let is_number = super::flags::number(&typed).is_some();
        if !is_number && !switch.words.contains(&&*typed) {
            let help = match similar(&typed, switch.words.iter().copied()).first() {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("it takes {}", switch.words.join(", ")),
            };
            return Err(Mistake::new(format!("/{name} takes no `{}`", lossy(word)), help));
        }
    }
    Ok(())
}

/// A word as it may be printed.
pub(super) fn lossy(word: &OsStr) -> String {
    safe(&word.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn told(line: &str) -> Vec<(&'static str, Vec<String>)> {
        let words = words(line);
        let given = split(&words).unwrap();
        let values = |one: &Given<'_>| one.values.iter().map(|word| lossy(word)).collect();
        given.iter().map(|one| (one.switch.name, values(one))).collect()
    }

    fn wrong(line: &str) -> String {
        match split(&words(line)) {
            Ok(_) => panic!("{line} is understood"),
            Err(mistake) => mistake.to_string(),
        }
    }

    #[test]
    fn switches_are_known_by_slash_or_hyphen_in_any_case() {
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        for line in ["/flags 1 0x2 /driver a.sys b.sys", "-Flags 1 0x2 -DRIVER a.sys b.sys"] {
            let expected =
                [("flags", strings(&["1", "0x2"])), ("driver", strings(&["a.sys", "b.sys"]))];
            assert_eq!(told(line), expected, "{line}");
        }
        assert_eq!(told("/?"), [("?", vec![])]);
        assert_eq!(told("/all - /driver.exclude x.sys")[0], ("all", strings(&["-"])));
    }

    #[test]
    fn paths_are_no_switches() {
        assert_eq!(told("/driver /no/such/flags.sys")[0].1, ["/no/such/flags.sys"]);
        assert_eq!(told("/driver ./flags -a/b.sys")[0].1, ["./flags", "-a/b.sys"]);
    }

    #[test]
    fn what_the_tool_does_not_know_is_a_mistake_with_what_was_meant() {
        for (line, part) in [
            ("/flgs 1", "did you mean /flags?"),
            ("/querysetings", "did you mean /querysettings?"),
            ("--reset", "did you mean /reset?"),
            ("/zzz", "`ringfence verifier /?` names"),
            ("/driver a.sys --color never", "ringfence --color WHEN verifier"),
            ("query", "did you mean /query?"),
            ("a.sys", "/flags 0x02000000 /driver a.sys"),
            ("/flags=0x02000000 /driver a.sys", "did you mean /flags 0x02000000?"),
            ("/dif:26 /driver a.sys", "did you mean /dif 26?"),
            ("/driver a.sys --target windows-11", "ringfence verify --target … FILE"),
            ("/driver a.sys --format=json", "ringfence verify --format … FILE"),
            ("/driver a.sys --symbols x", "`ringfence verify` has it"),
            ("/bootmode onebot", "did you mean oneboot?"),
            ("/bootmode x", "it takes persistent, "),
            ("/query a.sys", "/query takes nothing, but `a.sys`"),
            ("/driver /flags 1", "/driver lacks what stands behind it"),
            ("/flags", "it is written /flags VALUE..."),
        ] {
            assert!(wrong(line).contains(part), "{line}: {}", wrong(line));
        }
        assert_eq!(told("/rules disable 0x20004")[0].1.len(), 2);
    }
}
