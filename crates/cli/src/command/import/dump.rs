//! A memory dump, joined with what the drivers show.

use super::drivers::{Drivers, Read};
use super::query::ids;
use ringfence::import::{KernelDump, LoadedDriver, Meaning, Reported, meaning, unrelated};
use ringfence::{
    BugCheck, DumpParameter, DumpPlace, Finding, ImportKind, ImportedDriver, ImportedDump,
    ImportedFile,
};

/// What a dump says.
pub(super) fn told(file: String, dump: &KernelDump, drivers: &Drivers) -> ImportedFile {
    let mut not_known = Vec::new();
    let bugcheck = BugCheck::new(dump.code, dump.parameters);
    let mut told = ImportedDump {
        bugcheck,
        name: None,
        unrelated: unrelated(dump).map(str::to_owned),
        windows_build: dump.build,
        machine: dump.processor().to_string(),
        parameters: Vec::new(),
        rules: Vec::new(),
        place: None,
    };
    let mut all = Vec::new();
    if let Some(meaning) = meaning(dump) {
        let parameter = |(number, means): &(usize, String)| DumpParameter {
            number: *number,
            value: format!("{:#x}", dump.parameters[number - 1]),
            means: means.clone(),
        };
        told.name = Some(meaning.name);
        told.unrelated = None;
        told.parameters = meaning.parameters.iter().map(parameter).collect();
        told.rules = ids(&meaning.rules);
        not_known.extend(meaning.open.map(str::to_owned));
        match located(dump, &meaning, drivers) {
            Some(Ok(located)) => {
                told.place = Some(located.place.clone());
                let rules = meaning.rules.iter().map(|card| card.id).collect();
                let of_it = of_driver(&file, dump, (&located, rules), drivers, &mut not_known);
                let why = of_it.as_ref().and_then(|driver| of_other_memory(driver, &located));
                if let Some(why) = why {
                    not_known.clear();
                    told.name = None;
                    told.rules.clear();
                    told.unrelated = Some(why);
                } else {
                    all.extend(of_it);
                }
            }
            other => {
                not_known.extend(other.and_then(Result::err));
                all.extend(drivers.read.iter().filter_map(|read| suspect(read, &told.rules)));
                not_known.extend(all.iter().map(|driver: &ImportedDriver| {
                    format!("whether it was {}, which has what can lead to it", driver.name)
                }));
            }
        }
    }
    ImportedFile {
        file,
        kind: ImportKind::KernelDump,
        is_emulated: false,
        dump: Some(told),
        verifier_flags: None,
        drivers: all,
        not_known,
    }
}

/// Where in a driver a bug check happened.
struct Located {
    /// What is told of it: the address it is about, else the instruction.
    place: DumpPlace,
    /// The address it is about, in the same driver.
    rva: Option<u32>,
    /// The instruction that did it, in the same driver.
    instruction: Option<u32>,
}

/// The driver of the instruction that did it, where that is known, else of the address it is about; none where no
/// parameter is an address.
fn located(
    dump: &KernelDump,
    meaning: &Meaning,
    drivers: &Drivers,
) -> Option<Result<Located, String>> {
    let address = meaning.address_in(dump).map(|address| locate(dump, address, drivers))?;
    let by = meaning.instruction_in(dump).map(|at| locate(dump, at, drivers));
    let Some(Ok((driver, at))) = by else {
        return Some(address.map(|(driver, rva)| Located {
            place: DumpPlace { driver, rva },
            rva: Some(rva),
            instruction: None,
        }));
    };
    // It may be another driver's code that it wrote to.
    let rva = address.ok().filter(|(name, _)| *name == driver).map(|(_, rva)| rva);
    let place = DumpPlace { driver, rva: at };
    Some(Ok(Located { place, rva, instruction: Some(at) }))
}

/// Why a bug check is none of memory integrity, where the driver's file shows that: no finding is about the place then.
fn of_other_memory(driver: &ImportedDriver, located: &Located) -> Option<String> {
    let examination = driver.examination.as_ref().filter(|_| driver.findings.is_empty())?;
    let rva = located.rva?;
    /// The rights of a section are those of its last page as a whole.
    const PAGE: u32 = 0x1000;
    let mut sections = examination.properties.sections.iter();
    let section = sections.find(|section| {
        rva.checked_sub(section.rva)
            .is_some_and(|offset| offset / PAGE < section.virtual_size.div_ceil(PAGE))
    });
    Some(match section {
        Some(section) if section.rights.ends_with('x') => format!(
            "+{rva:x} lies in `{}`, which is not thrown away after DriverEntry; where it is pageable, the driver runs it at too \
             high an IRQL",
            section.name
        ),
        Some(section) => format!(
            "+{rva:x} lies in `{}` ({}), which is no code: what it may not be used for it may not be on any Windows",
            section.name, section.rights
        ),
        None => format!("+{rva:x} lies in no section of the driver"),
    })
}

/// What a driver has that may lead to the bug check; none where it has nothing of the kind.
fn suspect(read: &Read, rules: &[&str]) -> Option<ImportedDriver> {
    let is_meant = |finding: &&Finding| rules.contains(&finding.rule);
    let findings: Vec<Finding> =
        read.examination.findings.iter().filter(is_meant).cloned().collect();
    (!findings.is_empty()).then(|| of_file(read.name(), read, findings))
}

fn of_file(name: String, read: &Read, findings: Vec<Finding>) -> ImportedDriver {
    ImportedDriver {
        name,
        path: Some(read.path.to_string_lossy().into_owned()),
        counters: Vec::new(),
        not_counted: Vec::new(),
        is_whole: true,
        findings,
        examination: Some(Box::new(read.examination.clone())),
    }
}

/// Drivers are loaded at multiples of it.
const PAGE: u64 = 0x1000;

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
    let (Some(base), [read]) = (drivers.base, &drivers.read[..]) else {
        return Err(match dump.drivers {
            Ok(_) => listed,
            Err(_) => format!("{listed}; --driver and --base say it"),
        });
    };
    if base % PAGE != 0 {
        return Err(format!("{listed}, and no driver lies at {base:#x}: drivers begin on pages"));
    }
    match address.checked_sub(base) {
        Some(rva) if rva < u64::from(read.examination.properties.size_of_image) => {
            Ok((read.name(), rva as u32))
        }
        _ => Err(format!("{listed}, and it is not in the one given, at {base:#x}")),
    }
}

/// The findings of the driver's file that the bug check is about; none where that is not the file.
fn of_driver(
    file: &str,
    dump: &KernelDump,
    (located, rules): (&Located, Vec<&'static str>),
    drivers: &Drivers,
    not_known: &mut Vec<String>,
) -> Option<ImportedDriver> {
    let name = &*located.place.driver;
    if !drivers.are_given {
        not_known.push(format!("the instruction and its source: --driver {name} tells them"));
        return None;
    }
    let loaded = dump.drivers.as_ref().ok().and_then(|all| {
        all.iter().find(|one| one.name().is_some_and(|known| known.eq_ignore_ascii_case(name)))
    });
    let read = match chosen(name, loaded, drivers) {
        Ok(read) => read,
        Err(why) => {
            not_known.push(format!("the instruction and its source: {why}"));
            return None;
        }
    };
    let from = file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
    let (code, parameters) = (dump.code, dump.parameters);
    let (place, instruction) = (located.rva, located.instruction);
    let reported = Reported { code, parameters, place, instruction, rules, from };
    let examination = match drivers.examine(&read.path, Some(reported.clone())) {
        Ok(examination) => examination,
        Err(why) => {
            not_known.push(why);
            return None;
        }
    };
    let is_meant = |finding: &&Finding| reported.is_told_of(finding);
    let findings = examination.findings.iter().filter(is_meant).cloned().collect();
    let driver = of_file(name.to_owned(), read, findings);
    Some(ImportedDriver { examination: Some(Box::new(examination)), ..driver })
}

/// The file that was loaded, by its name and what the dump knows of it; or why there is none.
fn chosen<'d>(
    name: &str,
    loaded: Option<&LoadedDriver>,
    drivers: &'d Drivers,
) -> Result<&'d Read, String> {
    let is_it = |read: &&Read| {
        let properties = &read.examination.properties;
        loaded.is_none_or(|one| {
            (one.size, one.timestamp) == (properties.size_of_image, properties.timestamp)
        })
    };
    if let Some(read) = drivers.named(name).find(is_it) {
        return Ok(read);
    }
    let (Some(read), Some(loaded)) = (drivers.named(name).next(), loaded) else {
        return Err(format!("no --driver is called {name}"));
    };
    let properties = &read.examination.properties;
    Err(format!(
        "{} is another build of {name} than was loaded (image size {:#x} and time stamp {:08x}, not {:#x} and {:08x})",
        read.path.display(),
        properties.size_of_image,
        properties.timestamp,
        loaded.size,
        loaded.timestamp
    ))
}
