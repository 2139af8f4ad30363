//! The text of `verifier /query`, joined with what the drivers show.

use super::drivers::{Drivers, Read};
use ringfence::import::{QueriedModule, VerifierQuery, of_counter};
use ringfence::{
    Counter, Finding, ImportKind, ImportedDriver, ImportedFile, RaisedCounter, RuleCard,
};

/// Driver Verifier's code integrity checks.
const CODE_INTEGRITY: u32 = 0x0200_0000;
/// Names in a line that is to be typed; with more of them `/all` is shorter.
const MOST_NAMES: usize = 10;

/// What a text says.
pub(super) fn told(file: String, query: &VerifierQuery, drivers: &Drivers) -> ImportedFile {
    let all: Vec<ImportedDriver> =
        query.modules.iter().map(|module| of_module(query, module, drivers)).collect();
    let mut not_known: Vec<String> = of_the_text(query).into_iter().collect();
    for read in drivers.read.iter().filter(|read| read.is_given) {
        let name = read.name();
        if !query.modules.iter().any(|module| module.name.eq_ignore_ascii_case(&name)) {
            not_known.push(format!("the text has no module {name}"));
        }
    }
    for driver in &all {
        not_known.extend(of_the_file(driver, drivers));
    }
    ImportedFile {
        file,
        kind: query.kind,
        is_emulated: query.is_emulated,
        dump: None,
        verifier_flags: query.flags.map(|flags| format!("0x{flags:08X}")),
        drivers: all,
        not_known,
    }
}

/// Whether the text says that the checks were off: a 0 means nothing then.
fn is_unchecked(query: &VerifierQuery) -> bool {
    query.flags.is_some_and(|flags| flags & CODE_INTEGRITY == 0)
}

/// What nothing in the text can tell, and how to come to it.
fn of_the_text(query: &VerifierQuery) -> Option<String> {
    let quoted = |name: &str| match name.contains(' ') {
        true => format!("\"{name}\""),
        false => name.to_owned(),
    };
    let names: Vec<String> = query.modules.iter().map(|module| quoted(&module.name)).collect();
    let drivers = match names.len() {
        0 | MOST_NAMES.. => "/all".to_owned(),
        _ => format!("/driver {}", names.join(" ")),
    };
    let again = format!(
        "run verifier.exe /flags 0x02000000 {drivers}, restart, use the drivers, and take verifier /query again"
    );
    let flags = query.flags.unwrap_or_default();
    if query.kind == ImportKind::OlderVerifierQuery {
        let newer = "this is the text of an older Windows, which has no counters of the code integrity checks";
        return Some(format!("{newer}: on Windows 10 or 11 {again}"));
    }
    is_unchecked(query).then(|| {
        format!(
            "whether the drivers break memory integrity: 0x02000000, the code integrity checks, was not among the \
             flags 0x{flags:08X}, so a 0 says nothing; {again}"
        )
    })
}

/// What the driver's file does not show of it.
fn of_the_file(driver: &ImportedDriver, drivers: &Drivers) -> Vec<String> {
    let is_found = |raised: &&RaisedCounter| {
        driver.findings.iter().any(|finding| raised.rules.contains(&finding.rule))
    };
    let mut told = Vec::new();
    if driver.path.is_none() {
        if !drivers.read.is_empty() && !driver.counters.is_empty() {
            told.push(format!("where in {} it is: no file called so was given", driver.name));
        }
        return told;
    }
    let same = drivers.named(&driver.name).count();
    if same > 1 && !driver.counters.is_empty() {
        told.push(format!(
            "which of {same} files called {} it is: what is shown is of the first",
            driver.name
        ));
    }
    for raised in driver.counters.iter().filter(|raised| !is_found(raised)) {
        told.push(format!(
            "reading {} shows no place for its {}: it may be in code that no known path leads to, in what another \
             driver does for it, or the file is another build",
            driver.name, raised.counter
        ));
    }
    told
}

fn of_module(query: &VerifierQuery, module: &QueriedModule, drivers: &Drivers) -> ImportedDriver {
    let raised = |(&counter, &count): (&Counter, &u64)| RaisedCounter {
        counter,
        count,
        rules: ids(&of_counter(counter)),
    };
    let counters: Vec<RaisedCounter> =
        module.counters.iter().filter(|(_, count)| **count > 0).map(raised).collect();
    let is_counted = |counter: &Counter| match module.counters.get(counter) {
        Some(0) => !is_unchecked(query),
        Some(_) => true,
        None => false,
    };
    let not_counted: Vec<Counter> =
        Counter::ALL.into_iter().filter(|counter| !is_counted(counter)).collect();
    let file: Option<&Read> = drivers.named(&module.name).next();
    let mut findings = Vec::new();
    if let Some(read) = file {
        let is_meant =
            |finding: &&Finding| counters.iter().any(|one| one.rules.contains(&finding.rule));
        findings.extend(read.examination.findings.iter().filter(is_meant).cloned());
    }
    ImportedDriver {
        name: module.name.clone(),
        path: file.map(|read| read.path.to_string_lossy().into_owned()),
        is_whole: not_counted.is_empty(),
        not_counted,
        counters,
        findings,
        examination: file.map(|read| Box::new(read.examination.clone())),
    }
}

/// The rules' names.
pub(super) fn ids(cards: &[&'static RuleCard]) -> Vec<&'static str> {
    cards.iter().map(|card| card.id).collect()
}
