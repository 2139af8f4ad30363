//! What Windows said, for people.

use super::joined::{Driver, Drivers, Dump, Import};
use ringfence::report::{Format, Options, safe, sink};
use ringfence::{Closing, Examination, TOOL, Targets};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Names that are listed; what is beyond is counted.
const MOST_NAMES: usize = 10;

/// Writes what each file says, then the findings it is about.
pub(super) fn text(imports: &[Import], drivers: &Drivers, options: &Options) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    for (index, import) in imports.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\n" };
        write!(stdout, "{separator}{}", said(import))?;
        findings(import, options)?;
    }
    if !drivers.unread().is_empty() && imports.is_empty() {
        writeln!(stdout, "nothing was read")?;
    }
    stdout.flush()?;
    Ok(())
}

fn said(import: &Import) -> String {
    let mut text = format!("{}: ", safe(&import.file));
    match &import.dump {
        Some(dump) => of_dump(&mut text, dump),
        None => of_query(&mut text, import),
    }
    for what in &import.not_known {
        let _ = writeln!(text, "  not known    {}", safe(what));
    }
    text
}

fn of_dump(text: &mut String, dump: &Dump) {
    let Dump { bugcheck, name, windows_build, machine, parameters, rules, place } = dump;
    let _ = writeln!(text, "memory dump of Windows, build {windows_build}, {machine}");
    let Some(name) = name else {
        let _ =
            writeln!(text, "  bug check    {bugcheck}: it has nothing to do with memory integrity");
        return;
    };
    let _ = writeln!(text, "  bug check    {bugcheck}, {name}");
    for parameter in parameters {
        let line = format!("{} = {}, {}", parameter.number, parameter.value, parameter.means);
        let _ = writeln!(text, "  parameter    {line}");
    }
    if let Some(place) = place {
        let _ = writeln!(text, "  place        {}+{:x}", safe(&place.driver), place.rva);
    }
    let _ = writeln!(text, "  rules        {}", rules.join(", "));
}

fn of_query(text: &mut String, import: &Import) {
    let count = import.drivers.len();
    let drivers = if count == 1 { "driver" } else { "drivers" };
    let flags = import.verifier_flags.as_deref().map(|flags| format!(", flags {flags}"));
    let _ = writeln!(text, "verifier /query, {count} {drivers}{}", flags.unwrap_or_default());
    for driver in import.drivers.iter().filter(|driver| !driver.counters.is_empty()) {
        let _ = writeln!(text, "  {}", safe(&driver.name));
        for raised in &driver.counters {
            let rules = raised.rules.join(", ");
            let _ = writeln!(text, "    {}: {}  ({rules})", raised.counter, raised.count);
        }
    }
    let quiet = import.drivers.iter().filter(|driver| driver.counters.is_empty());
    let (whole, open): (Vec<&Driver>, Vec<&Driver>) = quiet.partition(|driver| driver.is_whole);
    for (drivers, what) in [
        (whole, "all seven counters are 0"),
        (open, "not known, the text does not have all seven counters"),
    ] {
        if !drivers.is_empty() {
            let _ = writeln!(text, "  {}: {what}", names(&drivers));
        }
    }
    if import.drivers.is_empty() {
        let _ = writeln!(text, "  no drivers were verified, so nothing is known of any");
    }
}

fn names(drivers: &[&Driver]) -> String {
    let shown = drivers.iter().take(MOST_NAMES).map(|driver| safe(&driver.name).into_owned());
    let mut names: Vec<String> = shown.collect();
    if drivers.len() > MOST_NAMES {
        names.push(format!("{} more", drivers.len() - MOST_NAMES));
    }
    names.join(", ")
}

/// The findings, each with its evidence.
fn findings(import: &Import, options: &Options) -> io::Result<()> {
    let found = import.drivers.iter().filter(|driver| !driver.findings.is_empty());
    let found: Vec<Examination> = found
        .filter_map(|driver| {
            let examination = driver.examination.as_deref()?.clone();
            Some(Examination { findings: driver.findings.clone(), ..examination })
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout();
    writeln!(stdout)?;
    let mut closing = Closing::default();
    let mut report = sink(Format::Full, Box::new(stdout), options.clone());
    report.begin(&TOOL, Targets::DEFAULT)?;
    for examination in &found {
        closing.totals.files += 1;
        closing.totals.count(examination);
        report.driver(examination)?;
    }
    report.finish(&closing)
}
