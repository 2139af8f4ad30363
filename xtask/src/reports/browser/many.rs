//! A report of very many drivers: the examples under other names, one that is hostile, and some that are excused.

use anyhow::{Context, Result};
use ringfence::{
    Answer, Closing, Examination, Excuse, Question, Settings, Sink, TOOL, Targets, Totals, examine,
};
use std::fs;
use std::path::Path;

/// What would run, close or hide something if it were not escaped.
const HOSTILE: &str = "</script></noscript><script>hacked=1</script><img src=x onerror=hacked=2>\"'`]]>\u{1b}[2J\
                       \u{202e}gpj.\u{2028}${hacked=3}";

/// Companies there are; the first have most drivers, as it is in the world.
const COMPANIES: usize = 300;

/// Tells `sink` of `count` drivers, always the same ones; the first of them is hostile.
pub fn tell(examples: &Path, count: usize, sink: &mut dyn Sink) -> Result<()> {
    let examples = read(examples)?;
    let mut totals = Totals::default();
    sink.begin(&TOOL, Targets::DEFAULT)?;
    for index in 0..count {
        let mut driver = examples[index % examples.len()].clone();
        match index {
            0 => make_hostile(&mut driver),
            _ => rename(&mut driver, index),
        }
        excuse(&mut driver, index);
        totals.count(&driver);
        sink.driver(&driver)?;
    }
    totals.files = count;
    sink.finish(&Closing { totals, ..Closing::default() })?;
    Ok(())
}

/// The examples that have findings first, so that the hostile one has some.
fn read(folder: &Path) -> Result<Vec<Examination>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sys"));
    paths.sort();
    let mut drivers = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut driver = examine(&bytes, &Settings::default())?;
        driver.path = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        drivers.push(driver);
    }
    drivers.sort_by_key(|driver| std::cmp::Reverse(driver.findings.len()));
    Ok(drivers)
}

fn rename(driver: &mut Examination, index: usize) {
    // Squares of what is spread evenly crowd near the first.
    let spread = index * 7_919 % 10_007;
    let company = spread * spread * COMPANIES / (10_007 * 10_007);
    let name = &driver.path;
    driver.path = format!(
        r"D:\Windows\System32\DriverStore\FileRepository\{name}{index}.inf_amd64_{:016x}\{name}{index}.sys",
        (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    );
    let version = driver.properties.version.get_or_insert_default();
    version.company = (company > 0).then(|| format!("Company {company} of Devices"));
    version.file = Some(format!("{}.{}.{}.0", index % 12, index % 7, index));
}

/// Excuses all that objects to some drivers, half of them by the settings.
fn excuse(driver: &mut Examination, index: usize) {
    let by = match index % 100 {
        1 => Excuse::Accepted { reason: HOSTILE.to_owned(), until: None },
        2 => Excuse::Baseline,
        _ => return,
    };
    for finding in &mut driver.findings {
        finding.excuse = Some(by.clone());
    }
    let is_no = |question: &Question| driver.verdict.answer(*question) == Answer::No;
    driver.excused = Question::ALL.into_iter().filter(is_no).collect();
}

fn make_hostile(driver: &mut Examination) {
    driver.path = format!("{HOSTILE}.sys");
    let version = driver.properties.version.get_or_insert_default();
    version.company = Some(HOSTILE.to_owned());
    version.file = Some(HOSTILE.to_owned());
    driver.machine = HOSTILE.to_owned();
    for section in &mut driver.properties.sections {
        section.name = HOSTILE.to_owned();
    }
    for module in &mut driver.properties.imports {
        module.module = HOSTILE.to_owned();
    }
    for finding in &mut driver.findings {
        finding.message = HOSTILE.to_owned();
        finding.section = Some(HOSTILE.to_owned());
        finding.notes.push(HOSTILE.to_owned());
        finding.help = Some(HOSTILE.to_owned());
    }
}
