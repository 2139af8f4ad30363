//! What a command line asks for.

use super::flags::{
    CODE_INTEGRITY, CODE_INTEGRITY_CLASS, FLAGS, LOW_RESOURCES, STANDARD, WDF_CLASS, number,
    of_class,
};
use super::switches::Meaning;
use super::words::{Given, Mistake, lossy, split};
use std::ffi::OsString;

/// Allocations of 10,000 that fail where `/faults` does not say how many.
const DEFAULT_PROBABILITY: u32 = 600;
/// More than all cannot fail.
const MOST_PROBABILITY: u32 = 10_000;

/// A command line that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What is to be done.
    pub(super) asked: Asked,
    /// What does nothing here, a sentence each.
    pub(super) told: Vec<String>,
    /// Words that the real tool takes beside flags and drivers.
    pub(super) others: Vec<String>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Help,
    Query,
    QuerySettings,
    Reset,
    Check(Check),
    /// Only switches that do nothing here.
    Nothing,
}

/// Drivers that are to be checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Check {
    /// The flags.
    pub(super) flags: u32,
    /// Rule classes without a bit.
    pub(super) classes: Vec<u32>,
    /// Where the drivers are.
    pub(super) inputs: Vec<OsString>,
    /// Whether that is all drivers of folders.
    pub(super) all: bool,
    /// Names of files that are left out.
    pub(super) excluded: Vec<String>,
    /// How many allocations of 10,000 fail.
    pub(super) faults: Option<u32>,
    /// Whether violations are only counted.
    pub(super) log_code_integrity: bool,
}

impl Check {
    /// Whether the flags ask for what is emulated.
    pub(super) fn is_emulated(&self) -> bool {
        self.flags & CODE_INTEGRITY != 0
    }
}

/// Understands a command line.
pub(super) fn understand(words: &[OsString]) -> Result<Line, Mistake> {
    let given = split(words)?;
    let has = |meaning| given.iter().any(|one| one.switch.meaning == meaning);
    let alone = |asked| Ok(Line { asked, told: Vec::new(), others: Vec::new() });
    if has(Meaning::Help) {
        return alone(Asked::Help);
    }
    if given.is_empty() {
        return Err(Mistake::new(
            "without a switch the real tool opens a window, which ringfence does not have",
            "ringfence verifier /flags 0x02000000 /driver FILE, or `ringfence verifier /?`",
        ));
    }
    let told = given.iter().filter(|one| is_told(one)).map(sentence).collect();
    for (meaning, asked) in [
        (Meaning::Query, Asked::Query),
        (Meaning::QuerySettings, Asked::QuerySettings),
        (Meaning::Reset, Asked::Reset),
    ] {
        if let Some(one) = given.iter().find(|one| one.switch.meaning == meaning) {
            if let Some(other) = given.iter().find(|other| other.switch.meaning != meaning) {
                let message =
                    format!("/{} and /{} are two things", one.switch.name, other.switch.name);
                return Err(Mistake::new(message, "give one command after the other"));
            }
            return Ok(Line { asked, told, others: Vec::new() });
        }
    }
    let others = given.iter().flat_map(echo).collect();
    let asked = match has(Meaning::Volatile) || given.iter().all(is_told) {
        true => Asked::Nothing,
        false => Asked::Check(check(&given)?),
    };
    Ok(Line { asked, told, others })
}

fn is_told(one: &Given<'_>) -> bool {
    matches!(one.switch.meaning, Meaning::Nothing | Meaning::Volatile)
}

fn sentence(one: &Given<'_>) -> String {
    format!("/{}: {}", one.switch.name, one.switch.about)
}

/// The words of switches that the real tool takes as they are.
fn echo(one: &Given<'_>) -> Vec<String> {
    let quoted = |word: &&std::ffi::OsStr| match lossy(word) {
        word if word.contains(' ') => format!("\"{word}\""),
        word => word,
    };
    match one.switch.meaning {
        Meaning::Nothing | Meaning::Volatile | Meaning::LogCodeIntegrity | Meaning::Faults => {
            let name = format!("/{}", one.switch.name);
            std::iter::once(name).chain(one.values.iter().map(quoted)).collect()
        }
        _ => Vec::new(),
    }
}

fn check(given: &[Given<'_>]) -> Result<Check, Mistake> {
    let mut check = Check::default();
    let mut chosen = false;
    let mut named = false;
    for one in given {
        let text = || one.values.iter().map(|word| lossy(word));
        match one.switch.meaning {
            Meaning::Standard => check.flags |= STANDARD,
            Meaning::Flags => check.flags |= flags(text())?,
            Meaning::RuleClasses => classes(&mut check, text())?,
            Meaning::Faults => faults(&mut check, text())?,
            Meaning::LogCodeIntegrity => check.log_code_integrity = true,
            Meaning::Exclude => check.excluded.extend(text()),
            Meaning::All => {
                check.all = true;
                check.inputs.extend(one.values.iter().map(|&word| word.to_owned()));
            }
            Meaning::Driver => {
                named = true;
                check.inputs.extend(one.values.iter().map(|&word| word.to_owned()));
            }
            // Those that do nothing, and those that were looked for before.
            _ => continue,
        }
        chosen |= matches!(
            one.switch.meaning,
            Meaning::Standard | Meaning::Flags | Meaning::RuleClasses | Meaning::Faults
        );
    }
    if check.flags & LOW_RESOURCES != 0 {
        check.faults.get_or_insert(DEFAULT_PROBABILITY);
    }
    complete(&mut check, chosen, named)?;
    Ok(check)
}

/// Whether it is said what is checked, and of which drivers.
fn complete(check: &mut Check, chosen: bool, named: bool) -> Result<(), Mistake> {
    if check.all && named {
        return Err(Mistake::new(
            "/all and /driver are two things",
            "/all FOLDER takes the drivers of a folder, /driver FILE those named",
        ));
    }
    if !check.all && !check.excluded.is_empty() {
        let help = "leave the names out behind /driver";
        return Err(Mistake::new("/driver.exclude goes with /all only", help));
    }
    if !check.all && !named {
        let help = "name them behind /driver, or a folder with all of them behind /all";
        return Err(Mistake::new("it is not said which drivers", help));
    }
    if !chosen {
        return Err(Mistake::new(
            "it is not said what to check",
            "/flags 0x02000000 asks for the code integrity checks",
        ));
    }
    if check.inputs.is_empty() {
        check.inputs.push(".".into());
    }
    Ok(())
}

fn flags(values: impl Iterator<Item = String>) -> Result<u32, Mistake> {
    let mut flags = 0;
    for value in values {
        let Some(one) = number(&value) else {
            let help = "it takes decimal numbers, or others behind 0x, 0o or 0b, of 32 bits";
            return Err(Mistake::new(format!("/flags takes numbers, not `{value}`"), help));
        };
        flags |= one;
    }
    Ok(flags)
}

fn classes(check: &mut Check, values: impl Iterator<Item = String>) -> Result<(), Mistake> {
    for value in values {
        // Leading zeros are allowed, so decimal it is.
        let class = value.parse::<u32>().ok().filter(|_| !value.starts_with('+'));
        match class.map(|class| (class, of_class(class))) {
            Some((_, Some(flag))) => check.flags |= flag.mask(),
            Some((WDF_CLASS, None)) => {
                if !check.classes.contains(&WDF_CLASS) {
                    check.classes.push(WDF_CLASS);
                }
            }
            _ => {
                let known: Vec<String> =
                    FLAGS.iter().map(|flag| (flag.bit + 1).to_string()).collect();
                let help = format!(
                    "there are {} and {WDF_CLASS}; {CODE_INTEGRITY_CLASS} is the code integrity checks",
                    known.join(", ")
                );
                return Err(Mistake::new(format!("no rule class is called `{value}`"), help));
            }
        }
    }
    Ok(())
}

/// What stands behind `/faults`: a probability and then what ringfence does not choose by.
fn faults(check: &mut Check, mut values: impl Iterator<Item = String>) -> Result<(), Mistake> {
    check.flags |= LOW_RESOURCES;
    let Some(value) = values.next() else {
        check.faults = Some(DEFAULT_PROBABILITY);
        return Ok(());
    };
    match number(&value).filter(|number| (1..=MOST_PROBABILITY).contains(number)) {
        Some(probability) => check.faults = Some(probability),
        None => {
            let message = format!("/faults takes a probability first, not `{value}`");
            return Err(Mistake::new(message, format!("how many of {MOST_PROBABILITY}, from 1")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn checked(line: &str) -> Check {
        match understand(&words(line)).unwrap().asked {
            Asked::Check(check) => check,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn wrong(line: &str) -> String {
        understand(&words(line)).unwrap_err().to_string()
    }

    #[test]
    fn flags_are_joined() {
        let check = checked("/flags 0x02000000 4 /driver a.sys b.sys");
        assert_eq!(check.flags, 0x0200_0004);
        assert_eq!(check.inputs, ["a.sys", "b.sys"]);
        assert_eq!(check.faults, Some(600));
        assert!(check.is_emulated());
        let standard = checked("/standard /driver a.sys");
        assert_eq!((standard.flags, standard.faults), (0x209BB, None));
        assert!(!standard.is_emulated());
        assert_eq!(checked("/standard /flags 0x2000000 /driver a").flags, 0x20209BB);
    }

    #[test]
    fn rule_classes_are_bits_and_one() {
        let check = checked("/ruleclasses 26 034 1 34 /all");
        assert_eq!((check.flags, check.classes), (0x0200_0001, vec![34]));
        assert_eq!(checked("/rc 26 /driver x").flags, 0x0200_0000);
        for class in ["0", "13", "27", "+1", "x", "4294967296"] {
            assert!(
                wrong(&format!("/rc {class} /all")).contains("26 is the code integrity checks")
            );
        }
    }

    #[test]
    fn all_is_a_folder_or_the_current_one() {
        let check = checked("/flags 0x02000000 /all");
        assert_eq!((check.inputs, check.all), (vec![OsString::from(".")], true));
        let check =
            checked("/flags 0x02000000 /all out /driver.exclude a.sys b.sys /log.code_integrity");
        assert_eq!(check.inputs, ["out"]);
        assert_eq!(check.excluded, ["a.sys", "b.sys"]);
        assert!(check.log_code_integrity);
    }

    #[test]
    fn faults_have_a_probability() {
        assert_eq!(checked("/faults /flags 0x02000000 /driver a").faults, Some(600));
        let check = checked("/flags 0x02000000 /faults 100 Tag1 app.exe 3 /driver a");
        assert_eq!((check.faults, check.flags), (Some(100), 0x0200_0004));
        for odd in ["0", "10001", "x", "Tag1"] {
            assert!(
                wrong(&format!("/faults {odd} /driver a")).contains("a probability first"),
                "{odd}"
            );
        }
    }

    #[test]
    fn one_thing_at_a_time() {
        assert_eq!(understand(&words("/QUERY")).unwrap().asked, Asked::Query);
        assert_eq!(understand(&words("-querysettings")).unwrap().asked, Asked::QuerySettings);
        assert_eq!(understand(&words("/reset")).unwrap().asked, Asked::Reset);
        assert_eq!(understand(&words("/query /?")).unwrap().asked, Asked::Help);
        assert!(wrong("/query /reset").contains("two things"));
        assert!(wrong("/reset /all").contains("two things"));
        assert!(wrong("/flags 1 /all /driver a").contains("/all and /driver"));
        assert!(wrong("").contains("opens a window"));
    }

    #[test]
    fn what_is_missing_is_told() {
        assert!(wrong("/flags 0x02000000").contains("which drivers"));
        assert!(wrong("/driver a.sys").contains("/flags 0x02000000 asks for"));
        assert!(wrong("/flags x /driver a.sys").contains("takes numbers, not `x`"));
        assert!(wrong("/flags 1 /driver a /driver.exclude a").contains("with /all only"));
    }

    /// None of them changes what is done, and none is passed over.
    #[test]
    fn switches_that_do_nothing_are_told() {
        let line = understand(&words(
            "/flags 0x02000000 /bootmode oneboot /driver a.sys /log x.txt /interval 30",
        ));
        let line = line.unwrap();
        assert!(matches!(line.asked, Asked::Check(_)));
        let told: Vec<_> = line.told.iter().filter_map(|told| told.split(':').next()).collect();
        assert_eq!(told, ["/bootmode", "/log", "/interval"]);
        assert_eq!(line.others.join(" "), "/bootmode oneboot /log x.txt /interval 30");
        let line = understand(&words("/volatile /flags 0x02000000")).unwrap();
        assert_eq!(line.asked, Asked::Nothing);
        assert!(line.told[0].contains("which the code integrity checks cannot be switched by"));
        let line = understand(&words("/bootmode oneboot")).unwrap();
        assert_eq!((line.asked, line.told.len()), (Asked::Nothing, 1));
    }
}
