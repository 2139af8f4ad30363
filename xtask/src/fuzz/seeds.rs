//! The inputs fuzzing starts from: every shape of driver that the tests know.

use crate::command;
use anyhow::{Context, Result};
use ringfence::report::{Format, Options, sink};
use ringfence::{Closing, Examination, Settings};
use ringfence_fixture::{Pdb, clean_corpus, malformed, variants};
use std::fs;
use std::path::Path;

/// Realistic drivers taken; those above the longest input do not count.
const REALISTIC: usize = 50;

/// Writes the seeds of at most `longest` bytes to `folder`; returns how many there are.
pub fn write(folder: &Path, longest: usize) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let shapes = malformed().into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let variants = variants().into_iter().map(|(name, bytes)| (format!("driver-{name}"), bytes));
    let realistic = clean_corpus(REALISTIC, 1);
    let mut count = 0;
    for (name, bytes) in shapes.chain(variants).chain(realistic).chain(examples()?) {
        if bytes.len() <= longest {
            let path = folder.join(format!("seed-{name}"));
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Pages of the PDBs that fuzzing starts from: small ones make short files.
const PAGE_SIZES: [usize; 3] = [256, 512, 1024];

/// Writes PDBs of at most `longest` bytes to `folder`; returns how many there are.
pub fn write_pdbs(folder: &Path, longest: usize) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let example = command::root().join("examples/drivers/library-pool-x64.pdb");
    let example =
        fs::read(&example).with_context(|| format!("cannot read {}", example.display()))?;
    let whole = Pdb::of(&example);
    let shapes = [("whole", whole.clone()), ("untyped", whole.without_types())];
    let mut count = 0;
    for (name, pdb) in shapes {
        for page_size in PAGE_SIZES {
            let bytes = pdb.bytes(page_size);
            if bytes.len() <= longest {
                let path = folder.join(format!("seed-{name}-{page_size}"));
                fs::write(&path, bytes)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Writes what Windows says to `folder`: texts of `verifier /query`, and small memory dumps.
pub fn write_imports(folder: &Path) -> Result<usize> {
    const QUERY: &str = "Verifier Flags: 0x02000000\r\n\r\nMODULE: a.sys (load: 1 / unload: 0)\r\n\r\n  \
         Code Integrity Statistics:\r\n\r\n    Execute Pool Type Count: 3\r\n    Execute Page Protection Count: 0\r\n    \
         Execute Page Mapping Count: 0\r\n    Execute-Write Section Count: 0x1\r\n    Section Alignment Failures: 0\r\n    \
         Unsupported Relocs Count: 0\r\n    IAT in Executable Section Count: 0\r\n";
    /// Numbers of a small dump that lists one driver, and where they stand.
    const FIELDS: [(usize, u32); 9] = [
        (0x0C, 22_631),
        (0x40, 0x2000),
        (0x48, 0x1234),
        (0xF98, 4),
        (0x2030, 0x2070),
        (0x2034, 1),
        (0x2070, 0x2100),
        (0x2078 + 0x40, 0x9000),
        (0x2100, 2),
    ];
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let utf16: Vec<u8> = QUERY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let log = "Module: a.sys\r\n\tReason: section alignment failures:             9\r\n";
    let mut seeds = vec![
        ("query".to_owned(), QUERY.into()),
        ("query-utf16".to_owned(), [b"\xFF\xFE".to_vec(), utf16].concat()),
        ("nothing".to_owned(), b"No drivers are currently verified.\r\n".to_vec()),
        ("log".to_owned(), log.into()),
    ];
    for code in [0xC4_u32, 0xFC, 0xBE] {
        let mut dump = vec![b'a'; 0x2110];
        dump[..8].copy_from_slice(b"PAGEDU64");
        dump[8..0x2104].fill(0);
        for (at, value) in FIELDS.into_iter().chain([(0x38, code)]) {
            dump[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        seeds.push((format!("dump-{code:x}"), dump));
    }
    for (name, bytes) in &seeds {
        let path = folder.join(format!("seed-{name}"));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(seeds.len())
}

/// Writes settings files to `folder`: the example, and what it has as remarks, one setting each.
pub fn write_settings(folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let example = command::root().join("ringfence.example.toml");
    let example = fs::read_to_string(&example)
        .with_context(|| format!("cannot read {}", example.display()))?;
    let line = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned();
    let is_setting = |line: &String| line.contains(" = ") || line.starts_with("[[");
    let lines: Vec<String> = example.lines().map(line).filter(is_setting).collect();
    let seeds = [example, lines.join("\n")].into_iter().chain(lines);
    let mut count = 0;
    for (number, seed) in seeds.enumerate() {
        let path = folder.join(format!("seed-{number}"));
        fs::write(&path, seed).with_context(|| format!("cannot write {}", path.display()))?;
        count += 1;
    }
    Ok(count)
}

/// Writes pieces of machine code to `folder`: code of the example drivers, behind what says of registers.
pub fn write_machine_code(folder: &Path) -> Result<usize> {
    const LENGTH: usize = 64;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut count = 0;
    for (name, bytes) in examples()? {
        // Where sections of code begin in nearly all of them.
        for (number, code) in bytes[bytes.len().min(0x400)..].chunks(LENGTH).take(8).enumerate() {
            let path = folder.join(format!("seed-{name}-{number}"));
            let header = [0x36, 0x86, 0x97, 0x30, 0x76, 0x18, 0x9A, 0xCD, number as u8, 0x55];
            fs::write(&path, [&header, code].concat())
                .with_context(|| format!("cannot write {}", path.display()))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Writes a report of each example driver of at most `longest` bytes to `folder`; returns how many there are.
pub fn write_reports(folder: &Path, longest: usize) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let settings = Settings { code: false, ..Settings::default() };
    let mut count = 0;
    for (name, bytes) in examples()? {
        let Ok(examination) = ringfence::examine(&bytes, &settings) else { continue };
        for format in [Format::Json, Format::Jsonl] {
            let mut report = Vec::new();
            let mut sink = sink(format, Box::new(&mut report), Options::default());
            sink.begin(&ringfence::TOOL, settings.targets)?;
            sink.driver(&Examination { path: name.clone(), ..examination.clone() })?;
            sink.finish(&Closing::default())?;
            drop(sink);
            if report.len() <= longest {
                let path = folder.join(format!("seed-{name}-{format}"));
                fs::write(&path, report)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// The build files of `crates/source/tests/trees`; the byte in front says which one a tree is made around.
const PROJECTS: [&str; 5] =
    ["driver.vcxproj", "old.vcproj", "sources", "CMakeLists.txt", "compile_commands.json"];

/// Writes build files to `folder`, each alone and with the same text as every other file of its tree.
pub fn write_projects(folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let texts = command::root().join("crates/source/tests/trees");
    let mut count = 0;
    for (number, name) in (0..).zip(PROJECTS) {
        let path = texts.join(name);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for (kind, copies) in [("alone", 1), ("everywhere", 10)] {
            let copies = vec![&*text; copies].join(&b"\x0C"[..]);
            let path = folder.join(format!("seed-{name}-{kind}"));
            fs::write(&path, [&[number], &*copies].concat())
                .with_context(|| format!("cannot write {}", path.display()))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Names that trees are made of, with the bytes that choose them in `crates/ringfence/tests/sources`.
const NAMED: [(u8, &str); 6] = [
    (b'\x00', "a.c"),
    (b'\x02', "a.h"),
    (b'\x05', "driver.vcxproj"),
    (b'\x06', "sources"),
    (b'\x07', "CMakeLists.txt"),
    (b'\x09', "compile_commands.json"),
];

/// Writes trees of at most `longest` bytes to `folder`: the examples of the cards, each as C, as C++ and beside each kind of
/// build file, and pieces of the example driver.
pub fn write_trees(folder: &Path, longest: usize) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let projects = command::root().join("crates/source/tests/trees");
    let mut builds = vec![Vec::new()];
    for (byte, name) in &NAMED[2..] {
        let path = projects.join(name);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        builds.push([b"\x0C", &[*byte][..], &*text].concat());
    }
    let mut count = 0;
    for (number, code) in codes()?.iter().enumerate() {
        let kinds = [(0_u8, ""), (1, ""), (3, "\x0C\x02"), (4, "")];
        for (build, (first, behind)) in builds.iter().cycle().skip(number).zip(kinds) {
            let behind = if behind.is_empty() { String::new() } else { format!("{behind}{code}") };
            let tree = [&[first], code.as_bytes(), behind.as_bytes(), build].concat();
            if tree.len() <= longest {
                let path = folder.join(format!("seed-{number}-{first}"));
                fs::write(&path, tree)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// C to begin with: the examples of the cards behind the kit's header, and the functions of the example driver.
fn codes() -> Result<Vec<String>> {
    let mut codes = Vec::new();
    for card in ringfence::rule_cards() {
        for part in card.docs.split("```c,").skip(1) {
            let code = part.split_once('\n').and_then(|(_, rest)| rest.split("```").next());
            codes.extend(code.map(|code| format!("#include <ntddk.h>\n{code}")));
        }
    }
    for name in ["acme.c", "memory.c"] {
        let path = command::root().join("examples/source/acme").join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let parts = text.split_inclusive("\n}\n");
        codes.extend(parts.map(|part| format!("#include <ntddk.h>\n#include \"a.h\"\n{part}")));
    }
    Ok(codes)
}

/// The committed example drivers.
fn examples() -> Result<Vec<(String, Vec<u8>)>> {
    let folder = command::root().join("examples/drivers");
    let mut drivers = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sys") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            drivers.push((name, fs::read(&path)?));
        }
    }
    Ok(drivers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_no_longer_than_asked() {
        let folder = tempfile::tempdir().unwrap();
        let count = write(folder.path(), 16 << 10).unwrap();
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let lengths: Vec<_> = files.map(|file| file.metadata().unwrap().len()).collect();
        assert_eq!(lengths.len(), count, "two seeds have one name");
        assert!(count > 200 && lengths.iter().all(|length| *length <= 16 << 10));
        assert!(write_pdbs(folder.path(), 32 << 10).unwrap() >= PAGE_SIZES.len());
        assert!(write_settings(folder.path()).unwrap() > 20);
        assert!(write_reports(folder.path(), 32 << 10).unwrap() > 50);
        assert_eq!(write_projects(folder.path()).unwrap(), 2 * PROJECTS.len());
        assert!(write_trees(folder.path(), 4 << 10).unwrap() > 50);
    }
}
