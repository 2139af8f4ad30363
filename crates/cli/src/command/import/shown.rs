//! What Windows said, for people.

use super::drivers::Drivers;
use ringfence::report::{Format, Options, Prose, counted, grouped, sink};
use ringfence::{
    Closing, Counter, Examination, ImportKind, ImportReport, ImportedDriver, ImportedDump,
    ImportedFile, TOOL, Targets,
};
use std::io::{self, Write};

/// Names that are listed; what is beyond is counted.
const MOST_NAMES: usize = 10;
/// How wide the words before what a dump says are.
const LABEL: usize = 13;

/// Writes what each file says, then the findings it is about, and at the end how much that was.
pub(super) fn text(
    report: &ImportReport,
    drivers: &Drivers,
    options: &Options,
) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    for import in &report.imports {
        let mut prose = Prose::new(options);
        said(&mut prose, import);
        prose.blank();
        stdout.write_all(prose.into_text().as_bytes())?;
        findings(import, options)?;
    }
    if !report.imports.is_empty() {
        let mut prose = Prose::new(options);
        ending(&mut prose, report, drivers);
        stdout.write_all(prose.into_text().as_bytes())?;
    }
    stdout.flush()?;
    Ok(())
}

fn said(prose: &mut Prose, import: &ImportedFile) {
    let lead = match &import.dump {
        Some(dump) => {
            of_dump(prose, &import.file, dump);
            format!("  {:<LABEL$}", "not known")
        }
        None => {
            of_query(prose, import);
            "  not known: ".to_owned()
        }
    };
    for what in &import.not_known {
        prose.hanging(&lead, what);
    }
}

fn of_dump(prose: &mut Prose, file: &str, dump: &ImportedDump) {
    let ImportedDump {
        bugcheck,
        name,
        unrelated,
        windows_build,
        machine,
        parameters,
        rules,
        place,
    } = dump;
    prose.folded(format!("{file}: memory dump of Windows, build {windows_build}, {machine}"));
    let mut told = |label: &str, text: String| prose.hanging(&format!("  {label:<LABEL$}"), text);
    let Some(name) = name else {
        let why = unrelated.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("{bugcheck}: it has nothing to do with memory integrity{why}");
        return told("bug check", text);
    };
    told("bug check", format!("{bugcheck}, {name}"));
    for parameter in parameters {
        let line = format!("{} = {}, {}", parameter.number, parameter.value, parameter.means);
        told("parameter", line);
    }
    if let Some(place) = place {
        told("place", format!("{}+{:x}", place.driver, place.rva));
    }
    if !rules.is_empty() {
        told("rules", rules.join(", "));
    }
}

/// What a text is called.
fn title(import: &ImportedFile) -> &'static str {
    match import.kind {
        _ if import.is_emulated => "ringfence's own text of an emulated run, not what Windows said",
        ImportKind::VerifierQuery => "verifier /query",
        ImportKind::OlderVerifierQuery => "verifier /query of an older Windows",
        ImportKind::Debugger => "a debugger's !verifier",
        ImportKind::ReadinessLog => "log of the readiness script",
        ImportKind::KernelDump => "memory dump of Windows",
    }
}

fn of_query(prose: &mut Prose, import: &ImportedFile) {
    let count = counted(import.drivers.len(), "driver");
    let flags = import.verifier_flags.as_deref().map(|flags| format!(", flags {flags}"));
    let flags = flags.unwrap_or_default();
    prose.folded(format!("{}: {}, {count}{flags}", import.file, title(import)));
    for driver in import.drivers.iter().filter(|driver| !driver.counters.is_empty()) {
        prose.folded(format!("  {}", driver.name));
        for raised in &driver.counters {
            let lead = format!("    {}: {}  ", raised.counter, grouped(raised.count as usize));
            prose.hanging(&lead, format!("({})", raised.rules.join(", ")));
        }
        if !driver.is_whole {
            prose.hanging("    not known: ", lacking(import, &driver.not_counted));
        }
    }
    let quiet: Vec<&ImportedDriver> =
        import.drivers.iter().filter(|driver| driver.counters.is_empty()).collect();
    let (whole, open): (Vec<_>, Vec<_>) = quiet.into_iter().partition(|driver| driver.is_whole);
    if !whole.is_empty() {
        prose.folded(format!("  {}: all seven counters are 0", names(&whole)));
    }
    let mut alike: Vec<(&[Counter], Vec<&ImportedDriver>)> = Vec::new();
    for driver in open {
        match alike.iter_mut().find(|(counters, _)| *counters == driver.not_counted) {
            Some((_, drivers)) => drivers.push(driver),
            None => alike.push((&driver.not_counted, vec![driver])),
        }
    }
    for (counters, drivers) in &alike {
        let lacks = lacking(import, counters);
        prose.folded(format!("  {}: not known, {lacks}", names(drivers)));
    }
    if import.drivers.is_empty() {
        prose.folded("  no drivers were verified, so nothing is known of any");
    }
}

/// Why counters are not known.
fn lacking(import: &ImportedFile, counters: &[Counter]) -> String {
    if import.kind == ImportKind::ReadinessLog {
        return "the script names the first counter that is not 0, and none of the others"
            .to_owned();
    }
    if import.is_emulated && !counters.is_empty() {
        return format!("the run did not come to {}", listed(counters));
    }
    let flags = import.verifier_flags.as_deref().unwrap_or_default();
    match counters.len() {
        7 if flags.is_empty() => "the text has none of the seven counters".to_owned(),
        7 => "none of the seven counters was counted, or is in the text".to_owned(),
        _ => format!("the text lacks {}, it may be cut off", listed(counters)),
    }
}

fn listed(counters: &[Counter]) -> String {
    if counters.len() == Counter::ALL.len() {
        return "any of the seven counters".to_owned();
    }
    counters.iter().map(|counter| counter.name()).collect::<Vec<_>>().join(", ")
}

fn names(drivers: &[&ImportedDriver]) -> String {
    let shown = drivers.iter().take(MOST_NAMES).map(|driver| driver.name.clone());
    let mut names: Vec<String> = shown.collect();
    if drivers.len() > MOST_NAMES {
        names.push(format!("{} more", grouped(drivers.len() - MOST_NAMES)));
    }
    names.join(", ")
}

/// The findings, each with its evidence.
fn findings(import: &ImportedFile, options: &Options) -> io::Result<()> {
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
    let mut closing = Closing::default();
    let mut report = sink(Format::Full, Box::new(io::stdout()), options.clone());
    report.begin(&TOOL, Targets::DEFAULT)?;
    for examination in &found {
        closing.totals.files += 1;
        closing.totals.count(examination);
        report.driver(examination)?;
    }
    report.finish(&closing)?;
    drop(report);
    writeln!(io::stdout())
}

/// How much that was, and what to do next.
fn ending(prose: &mut Prose, report: &ImportReport, drivers: &Drivers) {
    let mut line = counted(report.imports.len(), "file");
    let texts = || report.imports.iter().filter(|import| import.dump.is_none());
    let all: Vec<&ImportedDriver> = texts().flat_map(|import| &import.drivers).collect();
    if texts().next().is_some() {
        let raised = all.iter().filter(|driver| !driver.counters.is_empty()).count();
        let open = all.iter().filter(|one| one.counters.is_empty() && !one.is_whole).count();
        line += &format!(", {}", counted(all.len(), "driver"));
        let tallies = [
            (raised, "with violations"),
            (all.len() - raised - open, "without"),
            (open, "not known"),
        ];
        let told = tallies.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> =
            told.map(|(count, what)| format!("{} {what}", grouped(*count))).collect();
        if !told.is_empty() {
            line += &format!(": {}", told.join(" · "));
        }
    }
    let dumps = report.imports.iter().filter_map(|import| import.dump.as_ref());
    let (about, other): (Vec<_>, Vec<_>) = dumps.partition(|dump| dump.name.is_some());
    for (dumps, what) in [(about, "of memory integrity"), (other, "of something else")] {
        if !dumps.is_empty() {
            line += &format!(", {} {what}", counted(dumps.len(), "dump"));
        }
    }
    prose.folded(line);
    next(prose, report, drivers);
}

fn next(prose: &mut Prose, report: &ImportReport, drivers: &Drivers) {
    let of_drivers = |import: &ImportedFile| -> Vec<&'static str> {
        let counters = import.drivers.iter().flat_map(|driver| &driver.counters);
        let of_dump = import.dump.iter().flat_map(|dump| &dump.rules);
        of_dump.chain(counters.flat_map(|raised| &raised.rules)).copied().collect()
    };
    let Some(&rule) =
        report.imports.iter().map(of_drivers).find_map(|rules| rules.first().copied()).as_ref()
    else {
        return;
    };
    let place = match drivers.are_given {
        true => "",
        false => "--driver FILE or FOLDER shows the place in the code; ",
    };
    prose.hanging(
        "  next: ",
        format!("{place}ringfence explain {rule} tells what it means and how to mend it"),
    );
}
