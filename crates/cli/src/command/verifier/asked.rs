//! What a command line asks for.

use super::faults::Failing;
use super::flags::{CODE_INTEGRITY, FLAGS, LOW_RESOURCES, STANDARD};
use super::real::echo;
use super::switches::Meaning;
use super::values::{classes, flags};
use super::words::{Given, Mistake, lossy, split};
use std::ffi::OsString;

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
    Query {
        /// Whether all counters are told, of drivers without any that is raised too.
        all: bool,
    },
    QuerySettings,
    Reset,
    Check(Check),
    /// Settings of a running Windows are to be changed.
    Volatile(Check),
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
    /// Whether they are told as Windows 11 takes them.
    pub(super) is_dif: bool,
    /// Where the drivers are.
    pub(super) inputs: Vec<OsString>,
    /// Whether that is all drivers of folders.
    pub(super) all: bool,
    /// Names of files that are left out.
    pub(super) excluded: Vec<String>,
    /// Which allocations fail.
    pub(super) faults: Option<Failing>,
    /// Whether violations are only counted.
    pub(super) log_code_integrity: bool,
    /// Whether it is about the settings of a running Windows.
    pub(super) is_volatile: bool,
    /// Whether drivers are to be added to those of a running Windows.
    pub(super) adds_drivers: bool,
    /// What may have been meant.
    pub(super) hints: Vec<String>,
}

impl Check {
    /// Whether the flags ask for anything that is emulated.
    pub(super) fn is_emulated(&self) -> bool {
        FLAGS.iter().any(|flag| flag.is_emulated() && self.flags & flag.mask() != 0)
    }

    /// Whether the code integrity checks are among the flags.
    pub(super) fn checks_code_integrity(&self) -> bool {
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
    if let Some(asked) = of_the_last_run(&given)? {
        return Ok(Line { asked, told, others: Vec::new() });
    }
    let others = given.iter().flat_map(echo).collect();
    let asked = if has(Meaning::Volatile) {
        Asked::Volatile(check(&given)?)
    } else if given.iter().all(is_told) {
        Asked::Nothing
    } else {
        Asked::Check(check(&given)?)
    };
    Ok(Line { asked, told, others })
}

/// What is to be told or forgotten of the last run, if that is asked for.
fn of_the_last_run(given: &[Given<'_>]) -> Result<Option<Asked>, Mistake> {
    let is_all = |one: &Given<'_>| one.switch.meaning == Meaning::All && one.values.is_empty();
    for (meaning, asked) in [
        (Meaning::Query, Asked::Query { all: given.iter().any(is_all) }),
        (Meaning::QuerySettings, Asked::QuerySettings),
        (Meaning::Reset, Asked::Reset),
    ] {
        let Some(one) = given.iter().find(|one| one.switch.meaning == meaning) else { continue };
        let is_other = |other: &&Given<'_>| {
            other.switch.meaning != meaning && !(meaning == Meaning::Query && is_all(other))
        };
        if let Some(other) = given.iter().find(is_other) {
            let message = format!("/{} and /{} are two things", one.switch.name, other.switch.name);
            return Err(Mistake::new(message, "give one command after the other"));
        }
        return Ok(Some(asked));
    }
    Ok(None)
}

fn is_told(one: &Given<'_>) -> bool {
    matches!(one.switch.meaning, Meaning::Nothing | Meaning::Volatile)
}

fn sentence(one: &Given<'_>) -> String {
    format!("/{}: {}", one.switch.name, one.switch.about)
}

fn check(given: &[Given<'_>]) -> Result<Check, Mistake> {
    let mut check = Check::default();
    let mut chosen = false;
    let mut named = false;
    for one in given {
        let text = || one.values.iter().map(|word| lossy(word));
        match one.switch.meaning {
            Meaning::Standard => check.flags |= STANDARD,
            Meaning::Flags => flags(&mut check, text())?,
            Meaning::RuleClasses => classes(&mut check, text())?,
            Meaning::Dif => {
                check.is_dif = true;
                classes(&mut check, text())?;
            }
            Meaning::Faults => {
                check.flags |= LOW_RESOURCES;
                check.faults = Some(Failing::read(one)?);
            }
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
            Meaning::Volatile => check.is_volatile = true,
            Meaning::Nothing => {
                check.adds_drivers |= one.switch.name == "adddriver";
                chosen |= one.switch.name == "domain";
            }
            // Those that were looked for before.
            _ => continue,
        }
        chosen |= matches!(
            one.switch.meaning,
            Meaning::Standard
                | Meaning::Flags
                | Meaning::RuleClasses
                | Meaning::Dif
                | Meaning::Faults
        );
    }
    if check.flags & LOW_RESOURCES != 0 {
        check.faults.get_or_insert_default();
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
    if check.is_volatile {
        return Ok(());
    }
    if !check.all && !named {
        let help = match check.faults {
            Some(_) => {
                "on Windows it is about the drivers that were chosen before; here name them behind /driver, or a folder \
                 with all of them behind /all"
            }
            None => "name them behind /driver, or a folder with all of them behind /all",
        };
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
        assert_eq!(check.faults, Some(Failing::default()));
        assert!(check.is_emulated());
        let standard = checked("/standard /driver a.sys");
        assert_eq!((standard.flags, &standard.faults), (0x209BB, &None));
        assert!(!standard.is_emulated());
        assert_eq!(checked("/standard /flags 0x2000000 /driver a").flags, 0x20209BB);
    }

    #[test]
    fn rule_classes_are_bits_and_one() {
        let check = checked("/ruleclasses 26 034 1 34 /all");
        assert_eq!((check.flags, check.classes), (0x0200_0001, vec![34]));
        assert_eq!(checked("/rc 26 /driver x").flags, 0x0200_0000);
        assert_eq!(checked("/rc 33 36 35 33 /driver x").classes, [33, 36, 35]);
        for class in ["0", "13", "27", "32", "37", "+1", "x", "4294967296"] {
            assert!(
                wrong(&format!("/rc {class} /all")).contains("26 is the code integrity checks")
            );
        }
    }

    #[test]
    fn windows_11_has_rule_classes_behind_another_switch() {
        let check = checked("/dif 26 /now /driver a.sys");
        assert!(check.is_emulated() && check.is_dif);
        assert_eq!(check.flags, 0x0200_0000);
        let line = understand(&words("/dif 26 33 /now /driver a.sys")).unwrap();
        let Asked::Check(check) = &line.asked else { panic!("{line:?}") };
        let real = super::super::real::line(check, &line, &["a.sys".to_owned()]);
        assert_eq!(real, "verifier.exe /dif 26 33 /driver a.sys /now");
        let others = checked("/dif 1 2 /driver a.sys");
        assert_eq!((others.flags, others.is_emulated()), (3, false));
        assert!(wrong("/dif 1 2").contains("which drivers"));
        assert!(wrong("/dif 99 /driver a").contains("no rule class is called `99`"));
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
    fn faults_are_a_flag_too() {
        let failing = |line: &str| checked(line).faults.map(|faults| faults.probability);
        assert_eq!(failing("/faults /flags 0x02000000 /driver a"), Some(600));
        let line = "/flags 0x02000000 /faults 100 Tag1 app.exe 3 /driver a";
        assert_eq!((failing(line), checked(line).flags), (Some(100), 0x0200_0004));
        // Microsoft's page: the flag does not go with what stands behind /faults.
        let line = "/flags 0x02000004 /faults 100 Tag1 /driver a.sys /bootmode oneboot";
        for (line, expected) in [
            (line, "/flags 0x02000000 /faults 100 Tag1 /driver a.sys /bootmode oneboot"),
            ("/faults /driver a.sys", "/faults /driver a.sys"),
            ("/flags 4 /driver a.sys", "/flags 0x00000004 /driver a.sys"),
            ("/dif 3 26 /faults 1 /driver a.sys", "/dif 26 /faults 1 /driver a.sys"),
            ("/dif 3 /faults 1 /driver a.sys", "/faults 1 /driver a.sys"),
            ("/rc 3 34 /faults 1 /driver a.sys", "/ruleclasses 34 /faults 1 /driver a.sys"),
        ] {
            let line = understand(&words(line)).unwrap();
            let Asked::Check(check) = &line.asked else { panic!("{line:?}") };
            let real = super::super::real::line(check, &line, &["a.sys".to_owned()]);
            assert_eq!(real, format!("verifier.exe {expected}"));
        }
    }

    #[test]
    fn one_thing_at_a_time() {
        assert_eq!(understand(&words("/QUERY")).unwrap().asked, Asked::Query { all: false });
        assert_eq!(understand(&words("/query /all")).unwrap().asked, Asked::Query { all: true });
        assert!(wrong("/query /all folder").contains("two things"));
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
        assert!(matches!(line.asked, Asked::Volatile(Check { flags: 0x0200_0000, .. })));
        assert!(line.told[0].contains("the code integrity checks are not among them"));
        let line = understand(&words("/bootmode oneboot")).unwrap();
        assert_eq!((line.asked, line.told.len()), (Asked::Nothing, 1));
    }
}
