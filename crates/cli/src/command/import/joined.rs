//! What Windows said, joined with what the drivers themselves show.

use ringfence::import::{
    Imported, KernelDump, QueriedModule, Reported, VerifierQuery, meaning, of_counter,
};
use ringfence::{
    BugCheck, Counter, Examination, Finding, Input, RuleCard, Settings, SymbolFolder, collect,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What one file says.
#[derive(Serialize)]
pub(super) struct Import {
    pub(super) file: String,
    /// `kernel-dump` or `verifier-query`.
    pub(super) kind: &'static str,
    pub(super) dump: Option<Dump>,
    /// Driver Verifier's flags, where the text tells them.
    pub(super) verifier_flags: Option<String>,
    pub(super) drivers: Vec<Driver>,
    /// What is not known, a sentence each.
    pub(super) not_known: Vec<String>,
}

/// What a dump says.
#[derive(Serialize)]
pub(super) struct Dump {
    pub(super) bugcheck: BugCheck,
    /// Null where it has nothing to do with memory integrity.
    pub(super) name: Option<&'static str>,
    pub(super) windows_build: u32,
    pub(super) machine: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) rules: Vec<&'static str>,
    pub(super) place: Option<Place>,
}

/// What is known of a parameter.
#[derive(Serialize)]
pub(super) struct Parameter {
    pub(super) number: usize,
    pub(super) value: String,
    pub(super) means: String,
}

/// Where the parameter that is an address lies.
#[derive(Serialize)]
pub(super) struct Place {
    pub(super) driver: String,
    pub(super) rva: u32,
}

/// What is said of a driver.
#[derive(Serialize)]
pub(super) struct Driver {
    pub(super) name: String,
    /// Its file, where one was given.
    pub(super) path: Option<String>,
    /// Counters that are not 0.
    pub(super) counters: Vec<Raised>,
    /// Whether the text has all seven counters of it.
    pub(super) is_whole: bool,
    /// The findings in the file that it is about.
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) examination: Option<Box<Examination>>,
}

/// A counter that is not 0.
#[derive(Serialize)]
pub(super) struct Raised {
    pub(super) counter: Counter,
    pub(super) count: u64,
    /// The rules that find it.
    pub(super) rules: Vec<&'static str>,
}

impl Import {
    /// Whether Windows objected to something that memory integrity forbids.
    pub(super) fn is_objection(&self) -> bool {
        let is_dump = self.dump.as_ref().is_some_and(|dump| dump.name.is_some());
        is_dump || self.drivers.iter().any(|driver| !driver.counters.is_empty())
    }
}

/// The drivers that were given.
pub(super) struct Drivers {
    read: Vec<(PathBuf, Examination)>,
    unread: Vec<(String, String)>,
    base: Option<u64>,
    symbols: Vec<SymbolFolder>,
}

impl Drivers {
    pub(super) fn read(paths: &[PathBuf], base: Option<u64>, symbols: &[SymbolFolder]) -> Drivers {
        let symbols = symbols.to_vec();
        let mut drivers = Drivers { read: Vec::new(), unread: Vec::new(), base, symbols };
        for path in paths {
            match drivers.examine(path, None) {
                Ok(examination) => drivers.read.push((path.clone(), examination)),
                Err(reason) => {
                    drivers.unread.push((path.to_string_lossy().into_owned(), reason));
                }
            }
        }
        drivers
    }

    /// Those that could not be read, with the reason.
    pub(super) fn unread(&self) -> &[(String, String)] {
        &self.unread
    }

    fn examine(&self, path: &Path, reported: Option<Reported>) -> Result<Examination, String> {
        let symbols = self.symbols.clone();
        let settings = Settings { symbols, reported, ..Settings::default() };
        let mut report = collect(&[Input::Path(path.to_owned())], &settings);
        match (report.drivers.pop(), report.unread.pop()) {
            (Some(examination), _) => Ok(examination),
            (None, Some(unread)) => Err(unread.reason),
            (None, None) => Err("it is no driver".to_owned()),
        }
    }

    /// The one whose file is called `name`.
    fn named(&self, name: &str) -> Option<&(PathBuf, Examination)> {
        let is_it = |path: &Path| {
            path.file_name().is_some_and(|file| file.to_string_lossy().eq_ignore_ascii_case(name))
        };
        self.read.iter().find(|(path, _)| is_it(path))
    }
}

/// What `imported` says, with what the drivers show of it.
pub(super) fn told(file: &Path, imported: &Imported, drivers: &Drivers) -> Import {
    let file = file.to_string_lossy().into_owned();
    match imported {
        Imported::Query(query) => of_query(file, query, drivers),
        Imported::Dump(dump) => of_dump(file, dump, drivers),
    }
}

fn of_query(file: String, query: &VerifierQuery, drivers: &Drivers) -> Import {
    let mut not_known = Vec::new();
    let all: Vec<Driver> = query.modules.iter().map(|module| of_module(module, drivers)).collect();
    for (path, _) in &drivers.read {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !query.modules.iter().any(|module| module.name.eq_ignore_ascii_case(&name)) {
            not_known.push(format!("the text has no module {name}"));
        }
    }
    for driver in all.iter().filter(|driver| driver.path.is_some()) {
        let is_found = |raised: &&Raised| {
            driver.findings.iter().any(|finding| raised.rules.contains(&finding.rule))
        };
        for raised in driver.counters.iter().filter(|raised| !is_found(raised)) {
            not_known.push(format!(
                "reading {} shows no place for its {}: it may be in code that no known path leads to, in what another \
                 driver does for it, or the file is another build",
                driver.name, raised.counter
            ));
        }
    }
    Import {
        file,
        kind: "verifier-query",
        dump: None,
        verifier_flags: query.flags.map(|flags| format!("0x{flags:08X}")),
        drivers: all,
        not_known,
    }
}

fn of_module(module: &QueriedModule, drivers: &Drivers) -> Driver {
    let raised = |(&counter, &count): (&Counter, &u64)| Raised {
        counter,
        count,
        rules: ids(&of_counter(counter)),
    };
    let counters: Vec<Raised> =
        module.counters.iter().filter(|(_, count)| **count > 0).map(raised).collect();
    let file = drivers.named(&module.name);
    let mut findings = Vec::new();
    if let Some((_, examination)) = file {
        let is_meant =
            |finding: &&Finding| counters.iter().any(|one| one.rules.contains(&finding.rule));
        findings.extend(examination.findings.iter().filter(is_meant).cloned());
    }
    Driver {
        name: module.name.clone(),
        path: file.map(|(path, _)| path.to_string_lossy().into_owned()),
        is_whole: module.counters.len() == Counter::ALL.len(),
        counters,
        findings,
        examination: file.map(|(_, examination)| Box::new(examination.clone())),
    }
}

fn ids(cards: &[&'static RuleCard]) -> Vec<&'static str> {
    cards.iter().map(|card| card.id).collect()
}

fn of_dump(file: String, dump: &KernelDump, drivers: &Drivers) -> Import {
    let mut not_known = Vec::new();
    let bugcheck = BugCheck::new(dump.code, dump.parameters);
    let mut told = Dump {
        bugcheck,
        name: None,
        windows_build: dump.build,
        machine: dump.processor().to_string(),
        parameters: Vec::new(),
        rules: Vec::new(),
        place: None,
    };
    let mut all = Vec::new();
    if let Some(meaning) = meaning(dump) {
        let parameter = |(number, means): &(usize, String)| Parameter {
            number: *number,
            value: format!("{:#x}", dump.parameters[number - 1]),
            means: means.clone(),
        };
        told.name = Some(meaning.name);
        told.parameters = meaning.parameters.iter().map(parameter).collect();
        told.rules = ids(&meaning.rules);
        not_known.extend(meaning.open.map(str::to_owned));
        let address = meaning.address_in(dump);
        match locate(dump, address, drivers) {
            Ok((name, rva)) => {
                told.place = Some(Place { driver: name.clone(), rva });
                all.extend(of_driver(&file, dump, (&name, rva), drivers, &mut not_known));
            }
            Err(why) => {
                not_known.push(why);
                all.extend(drivers.read.iter().filter_map(|one| suspect(one, &told.rules)));
                not_known.extend(all.iter().map(|driver: &Driver| {
                    format!("whether it was {}, which has what can lead to it", driver.name)
                }));
            }
        }
    }
    Import {
        file,
        kind: "kernel-dump",
        dump: Some(told),
        verifier_flags: None,
        drivers: all,
        not_known,
    }
}

/// What a driver has that may lead to the bug check; none where it has nothing of the kind.
fn suspect((path, examination): &(PathBuf, Examination), rules: &[&str]) -> Option<Driver> {
    let is_meant = |finding: &&Finding| rules.contains(&finding.rule);
    let findings: Vec<Finding> = examination.findings.iter().filter(is_meant).cloned().collect();
    let examination = Some(Box::new(examination.clone()));
    (!findings.is_empty()).then(|| Driver {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        path: Some(path.to_string_lossy().into_owned()),
        counters: Vec::new(),
        is_whole: true,
        findings,
        examination,
    })
}

/// The driver that an address lies in, by the dump's list, or else by where the user says that it was loaded.
fn locate(dump: &KernelDump, address: u64, drivers: &Drivers) -> Result<(String, u32), String> {
    if let Some((driver, rva)) = dump.place(address) {
        return match driver.name() {
            Some(name) => Ok((name.to_owned(), rva)),
            None => Err(format!("{address:#x} lies in a driver that the dump has no name for")),
        };
    }
    let listed = match &dump.drivers {
        Ok(_) => format!("{address:#x} lies in no driver that the dump lists"),
        Err(why) => format!("which driver {address:#x} lies in: {why}"),
    };
    let (Some(base), [(path, examination)]) = (drivers.base, &drivers.read[..]) else {
        return Err(match dump.drivers {
            Ok(_) => listed,
            Err(_) => format!("{listed}; --driver and --base say it"),
        });
    };
    match address.checked_sub(base) {
        Some(rva) if rva < u64::from(examination.properties.size_of_image) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, rva as u32))
        }
        _ => Err(format!("{listed}, and it is not in the one given, at {base:#x}")),
    }
}

/// The findings of the driver's file that the bug check is about; none where that is not the file.
fn of_driver(
    file: &str,
    dump: &KernelDump,
    (name, rva): (&str, u32),
    drivers: &Drivers,
    not_known: &mut Vec<String>,
) -> Option<Driver> {
    if drivers.read.is_empty() {
        not_known.push(format!("the instruction and its source: --driver {name} tells them"));
        return None;
    }
    let Some((path, examination)) = drivers.named(name) else {
        not_known.push(format!("the instruction and its source: no --driver is called {name}"));
        return None;
    };
    let loaded = dump.drivers.as_ref().ok().and_then(|all| {
        all.iter().find(|one| one.name().is_some_and(|known| known.eq_ignore_ascii_case(name)))
    });
    let properties = &examination.properties;
    if let Some(loaded) = loaded
        && (loaded.size, loaded.timestamp) != (properties.size_of_image, properties.timestamp)
    {
        not_known.push(format!(
            "the instruction and its source: {} is another build of {name} than was loaded (image size {:#x} and time \
             stamp {:08x}, not {:#x} and {:08x})",
            path.display(),
            properties.size_of_image,
            properties.timestamp,
            loaded.size,
            loaded.timestamp
        ));
        return None;
    }
    let from = file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
    let (code, parameters) = (dump.code, dump.parameters);
    let reported = Reported { code, parameters, place: Some(rva), from };
    let note = reported.note();
    let examination = match drivers.examine(path, Some(reported)) {
        Ok(examination) => examination,
        Err(why) => {
            not_known.push(why);
            return None;
        }
    };
    let is_meant = |finding: &&Finding| finding.notes.contains(&note);
    Some(Driver {
        name: name.to_owned(),
        path: Some(path.to_string_lossy().into_owned()),
        counters: Vec::new(),
        is_whole: true,
        findings: examination.findings.iter().filter(is_meant).cloned().collect(),
        examination: Some(Box::new(examination)),
    })
}
