//! What the real tool's command line knows, and what each word of it means here.

/// A switch of the real tool.
pub(super) struct Switch {
    /// Its name without the slash, in lower case.
    pub(super) name: &'static str,
    /// What stands behind it, as Microsoft's help writes it.
    pub(super) takes: &'static str,
    /// What it means here.
    pub(super) meaning: Meaning,
    /// One sentence: what becomes of it here; of those that do nothing, what it does on Windows and why not here.
    pub(super) about: &'static str,
    /// The words that it takes, beside numbers; none for those that take other things.
    pub(super) words: &'static [&'static str],
}

/// What a switch means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Help,
    Query,
    QuerySettings,
    Reset,
    Standard,
    Flags,
    RuleClasses,
    /// Rule classes too, as Windows 11 has them.
    Dif,
    All,
    Driver,
    Exclude,
    Faults,
    LogCodeIntegrity,
    /// Settings of a running Windows, which nothing here is.
    Volatile,
    /// It is told what it would do.
    Nothing,
}

/// All of them, in the order of Microsoft's help; Windows 10 and 11 together.
#[rustfmt::skip]
pub(super) const SWITCHES: [Switch; 31] = [
    switch("?", "", Meaning::Help, "Tells this.", &[]),
    switch("help", "", Meaning::Help, "Tells this.", &[]),
    switch("standard", "", Meaning::Standard,
        "The flags 0x209BB. The code integrity checks are not among them.", &[]),
    switch("flags", "VALUE...", Meaning::Flags,
        "The checks, as numbers that are joined: decimal, 0x…, 0o… or 0b…. Drivers are run where 0x02000000 (code \
         integrity checks) or 0x00000004 (allocations fail by chance) is among them.", &[]),
    switch("ruleclasses", "ID...", Meaning::RuleClasses,
        "The same by rule class, which is the bit and one: 26 for the code integrity checks.", &[]),
    switch("rc", "ID...", Meaning::RuleClasses, "The same as /ruleclasses.", &[]),
    switch("all", "[FOLDER...]", Meaning::All,
        "All drivers of the folders behind it and the folders in them, or of the current one. On Windows it takes no \
         folder, and means all drivers that are installed.", &[]),
    switch("driver", "FILE...", Meaning::Driver,
        "The drivers: paths, folders or patterns. On Windows it takes bare names and no patterns.", &[]),
    switch("driver.exclude", "NAME...", Meaning::Exclude, "With /all: names of files that are left out.", &[]),
    switch("log.code_integrity", "", Meaning::LogCodeIntegrity,
        "Prints the counters below the report. On Windows violations are then counted only; without it the first one \
         stops the system, where the emulation goes on.", &[]),
    switch("faults", "[PROBABILITY [TAGS [APPLICATIONS [MINUTES]]]]", Meaning::Faults,
        "Lets allocations fail by chance: PROBABILITY of 10 000, or 600. TAGS are pool tags, in quotation marks where \
         they are several, with * for any characters: then allocations with other tags do not fail. APPLICATIONS make \
         no difference here, where one program sends all requests. On Windows nothing fails in the first MINUTES, so \
         that drivers load; here allocations fail once DriverEntry has returned, or from the start with 0. \"\" keeps \
         the place of what is not said. The same ones fail in each run; RINGFENCE_SEED, a number in the environment, \
         chooses others.", &[]),
    switch("query", "", Meaning::Query, "Shows flags, drivers and counters of the last run; with /all all counters of each driver, also of those with none \
         that is raised.", &[]),
    switch("querysettings", "", Meaning::QuerySettings, "Shows flags and drivers of the last run.", &[]),
    switch("reset", "", Meaning::Reset, "Forgets the last run.", &[]),
    switch("faultssystematic", "OPTION...", Meaning::Nothing,
        "On Windows it controls the systematic low resources simulation; here allocations fail by chance only, with \
         /faults.", &["enableboottime", "disableboottime", "recordboottime", "resetboottime", "enableruntime",
         "disableruntime", "recordruntime", "resetruntime", "querystatistics", "incrementcounter", "getstackid",
         "excludestack"]),
    switch("rules", "{query | reset | default ID | disable ID}", Meaning::Nothing,
        "On Windows it switches single rules of DDI compliance checking; none of them is emulated.",
        &["query", "reset", "default", "disable"]),
    switch("bootmode", "MODE", Meaning::Nothing,
        "On Windows it says for how many boots the settings hold; here a run ends with the command, and nothing boots.",
        &["persistent", "resetonbootfail", "resetonunusualshutdown", "rous", "oneboot", "disableafterfail"]),
    switch("bc", "NUMBER", Meaning::Nothing,
        "On Windows 11 it says for how many boots the settings hold; here nothing boots.", &[]),
    switch("persistthroughupgrade", "", Meaning::Nothing,
        "On Windows the settings outlive an upgrade with it; here there is nothing to upgrade.", &[]),
    switch("volatile", "", Meaning::Volatile,
        "On Windows it changes some flags and drivers of the running system until the next boot; the code integrity \
         checks are not among them. Here every run begins anew, so give flags and drivers without it.", &[]),
    switch("adddriver", "NAME...", Meaning::Nothing,
        "On Windows it adds drivers to the running system's; here name all of them behind /driver.", &[]),
    switch("removedriver", "NAME...", Meaning::Nothing,
        "On Windows it takes drivers from the running system's; here name the others behind /driver.", &[]),
    switch("log", "FILE", Meaning::Nothing,
        "On Windows it writes the counters to a file again and again while the system runs; here a run is over at \
         once: /log.code_integrity prints its counters, and /query does later.", &[]),
    switch("interval", "SECONDS", Meaning::Nothing,
        "On Windows it says how often /log writes; here there is one state, that of the end.", &[]),
    switch("domain", "{wdm | ndis | ks | audio} [rules.all | rules.default]", Meaning::Nothing,
        "On Windows it loads an extension that checks drivers of one kind; no extension is emulated.",
        &["wdm", "ndis", "ks", "audio", "rules.all", "rules.default"]),
    switch("logging", "", Meaning::Nothing,
        "On Windows rules of DDI compliance checking then write to a log instead of stopping the system; none of them \
         is emulated.", &[]),
    switch("livedump", "", Meaning::Nothing,
        "On Windows rules of DDI compliance checking then write a memory dump; none of them is emulated, and \
         `ringfence verify --trace` writes every call to a file.", &[]),
    switch("onecheck", "", Meaning::Nothing,
        "On Windows violations of driver isolation (rule class 33) then stop the system; none of its checks is \
         emulated.", &[]),
    switch("dif", "ID...", Meaning::Dif,
        "Rule classes as well, as Windows 11 takes them for its newer interception framework: here 26 runs the code \
         integrity checks, as /ruleclasses 26 does.", &[]),
    switch("now", "", Meaning::Nothing,
        "On Windows 11 /dif then takes effect without a reboot; here nothing is ever in need of one.", &[]),
    switch("iolevel", "2", Meaning::Nothing,
        "On Windows 2000 and XP it chose among the I/O checks; none of them is emulated.", &[]),
];

const fn switch(
    name: &'static str,
    takes: &'static str,
    meaning: Meaning,
    about: &'static str,
    words: &'static [&'static str],
) -> Switch {
    Switch { name, takes, meaning, about, words }
}

/// The switch called `name`, which has no slash.
pub(super) fn named(name: &str) -> Option<&'static Switch> {
    SWITCHES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The switches of Microsoft's page on Driver Verifier's command syntax, of Windows 10 and 11.
    #[test]
    fn all_of_microsofts_page_are_known() {
        for name in [
            "standard",
            "all",
            "driver",
            "ruleclasses",
            "rc",
            "dif",
            "flags",
            "rules",
            "now",
            "query",
            "querysettings",
            "bootmode",
            "bc",
            "reset",
            "faults",
            "faultssystematic",
            "log",
            "interval",
            "volatile",
            "adddriver",
            "removedriver",
            "domain",
            "logging",
            "livedump",
            "?",
            "help",
            "driver.exclude",
            "log.code_integrity",
        ] {
            assert!(named(name).is_some(), "{name}");
            assert!(named(&name.to_uppercase()).is_some(), "{name}");
        }
        assert!(named("flag").is_none() && named("").is_none());
    }

    #[test]
    fn each_is_known_once_and_told_in_a_sentence() {
        for (index, one) in SWITCHES.iter().enumerate() {
            assert!(SWITCHES[..index].iter().all(|other| other.name != one.name), "{}", one.name);
            assert!(one.about.ends_with('.') && !one.about.contains("  "), "{}", one.name);
            let is_told = one.about.starts_with("On Windows");
            assert_eq!(
                is_told,
                matches!(one.meaning, Meaning::Nothing | Meaning::Volatile),
                "{}",
                one.name
            );
        }
    }
}
