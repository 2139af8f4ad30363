//! The line for the real tool, with every word that it needs, quoted as Windows takes words apart.

use super::asked::{Check, Line};
use super::flags::{CODE_INTEGRITY, FLAGS, LOW_RESOURCES};
use super::switches::Meaning;
use super::words::{Given, lossy};

/// Names of drivers in the line; with more of them it says so.
const MOST_NAMED: usize = 100;

/// The flags that `/volatile` can set: Microsoft's list for Windows 10, which has all of that for Windows 11.
const VOLATILE_FLAGS: u32 = 0x0000_6FBF;

/// Those of `flags` that take effect after a restart only.
pub(super) fn not_volatile(flags: u32) -> u32 {
    flags & !VOLATILE_FLAGS
}

/// The line: flags in one form, bare names, and what else was given.
pub(super) fn line(check: &Check, line: &Line, names: &[String]) -> String {
    let mut words = vec!["verifier.exe".to_owned()];
    if check.is_volatile && not_volatile(check.flags) == 0 {
        words.push("/volatile".to_owned());
    }
    words.extend(checks(check));
    words.extend(faults(check));
    if check.all {
        words.push("/all".to_owned());
        if !check.excluded.is_empty() {
            words.push("/driver.exclude".to_owned());
            words.extend(check.excluded.iter().map(|name| quoted(name)));
        }
    } else if !names.is_empty() {
        words.push("/driver".to_owned());
        words.extend(names.iter().take(MOST_NAMED).map(|name| quoted(name)));
        if names.len() > MOST_NAMED {
            words.push("…".to_owned());
        }
    }
    words.extend(line.others.iter().cloned());
    words.join(" ")
}

/// The flags, or the rule classes where one of them has no flag.
fn checks(check: &Check) -> Option<String> {
    let has_faults = check.faults.as_ref().is_some_and(|faults| faults.words.is_some());
    // Where /faults stands the flag is set, and the tool does not take both.
    let flags = if has_faults { check.flags & !LOW_RESOURCES } else { check.flags };
    if check.classes.is_empty() && !check.is_dif {
        return (flags != 0 || !check.is_volatile && !has_faults)
            .then(|| format!("/flags 0x{flags:08X}"));
    }
    let of_flags = FLAGS.iter().filter(|flag| flags & flag.mask() != 0);
    let classes = of_flags.map(|flag| flag.bit + 1).chain(check.classes.iter().copied());
    let classes: Vec<String> = classes.map(|class| class.to_string()).collect();
    let switch = if check.is_dif { "/dif" } else { "/ruleclasses" };
    (!classes.is_empty()).then(|| format!("{switch} {}", classes.join(" ")))
}

/// `/faults` with what stands behind it, if it was given.
fn faults(check: &Check) -> Vec<String> {
    let Some(words) = check.faults.as_ref().and_then(|faults| faults.words.as_ref()) else {
        return Vec::new();
    };
    std::iter::once("/faults".to_owned()).chain(words.iter().map(|word| quoted(word))).collect()
}

/// The line that runs the drivers here.
pub(super) fn own_line(check: &Check) -> String {
    let named = if check.all { "/all" } else { "/driver" };
    let faults = faults(check);
    let spared = if faults.is_empty() { 0 } else { LOW_RESOURCES };
    let flags = (check.flags & !spared) | CODE_INTEGRITY;
    let mut words = vec!["ringfence verifier".to_owned(), format!("/flags 0x{flags:08X}")];
    words.extend(faults);
    words.push(named.to_owned());
    words.extend(check.inputs.iter().map(|input| quoted(&lossy(input))));
    words.join(" ")
}

/// The names of the files, each once.
pub(super) fn names<'p>(paths: impl IntoIterator<Item = &'p str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        // One beyond the limit tells that there are more.
        if names.len() > MOST_NAMED {
            break;
        }
    }
    names
}

/// The words of switches that the real tool takes as they are.
pub(super) fn echo(one: &Given<'_>) -> Vec<String> {
    match one.switch.meaning {
        Meaning::Nothing | Meaning::LogCodeIntegrity => {
            let name = format!("/{}", one.switch.name);
            std::iter::once(name)
                .chain(one.values.iter().map(|word| quoted(&lossy(word))))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A word as Windows' own way of taking a command line apart gives it back.
fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        return word.to_owned();
    }
    let mut text = "\"".to_owned();
    let mut backslashes = 0;
    for c in word.chars() {
        // Before a quotation mark each backslash counts half.
        let more = if c == '"' { backslashes + 1 } else { 0 };
        text.extend(std::iter::repeat_n('\\', more));
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        text.push(c);
    }
    text.extend(std::iter::repeat_n('\\', backslashes));
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the rules of Microsoft's page on parsing C command-line arguments.
    #[test]
    fn words_are_quoted_as_windows_reads_them() {
        for (word, expected) in [
            ("a.sys", "a.sys"),
            ("", r#""""#),
            ("my driver.sys", r#""my driver.sys""#),
            (r"C:\a b\", r#""C:\a b\\""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"a\"b"#, r#""a\\\"b""#),
        ] {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }

    /// Microsoft's page on volatile settings.
    #[test]
    fn code_integrity_needs_a_restart() {
        let ten: u32 = [0, 1, 3, 4, 5, 7, 8, 11, 2, 9, 10, 13, 14].iter().map(|bit| 1 << bit).sum();
        assert_eq!(VOLATILE_FLAGS, ten);
        assert_eq!(not_volatile(0x0200_0004), 0x0200_0000);
    }

    #[test]
    fn each_name_is_told_once_and_the_rest_is_marked() {
        assert_eq!(names(["x/a.sys", "y\\a.sys", "b.sys"]), ["a.sys", "b.sys"]);
        let many: Vec<String> = (0..200).map(|n| format!("{n}.sys")).collect();
        assert_eq!(names(many.iter().map(String::as_str)).len(), MOST_NAMED + 1);
    }
}
