//! Holds `corpus/source.toml` to the sources themselves: what it lists is there, and nothing that is there is left out.

use super::expectations::{Call, SourcePackage};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What tells of a DDI that nobody chooses anything about by calling it, in the words of the table of DDIs.
const UNDECIDED: [&str; 4] = ["nothing", "never", "not the caller", "the section"];

/// What the file gets wrong about the sources in `folder`.
pub fn complaints(package: &SourcePackage, folder: &Path) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut listed = BTreeSet::new();
    for call in &package.calls {
        let text = read(&folder.join(&call.path))?;
        let lines: Vec<_> = text.lines().collect();
        let name = call.written.as_deref().unwrap_or(&call.ddi);
        for &number in &call.lines {
            let there = (number as usize).checked_sub(1).and_then(|index| lines.get(index));
            if !there.is_some_and(|line| words(line).any(|word| word == name)) {
                complaints.push(format!("{}:{number} has no {name}", call.path));
            }
            listed.insert((call.path.as_str(), number, name));
        }
    }
    let wanted = wanted(&package.calls);
    let paths = files(folder)?;
    for path in &paths {
        if !package.covers(path)? {
            continue;
        }
        let text = read(&folder.join(path))?;
        for (number, line) in (1..).zip(text.lines()) {
            for name in named(line, &wanted) {
                if !listed.contains(&(path.as_str(), number, name)) {
                    complaints.push(format!("{path}:{number} has {name}, which is not listed"));
                }
            }
        }
    }
    Ok(complaints)
}

/// The DDIs that may be asked for executable memory, and the macros that call one.
fn wanted(calls: &[Call]) -> BTreeSet<String> {
    let ddis = ringfence::ddis().into_iter();
    let deciding = ddis.filter(|ddi| !UNDECIDED.contains(&ddi.decides));
    let macros = calls.iter().filter_map(|call| call.defines.clone());
    deciding.map(|ddi| ddi.name.to_owned()).chain(macros).collect()
}

/// The names of `wanted` in a line, but for that of a macro where the line defines it.
fn named<'a>(line: &'a str, wanted: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let definition = line.trim_start().strip_prefix('#').map(str::trim_start);
    let definition = definition.and_then(|rest| rest.strip_prefix("define"));
    let defined = definition.and_then(|rest| words(rest).next());
    let mut left = words(line).skip_while(move |word| defined.is_some_and(|name| *word != name));
    if defined.is_some() {
        left.next();
    }
    left.filter(|word| wanted.contains(*word))
}

/// Identifiers.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let word = line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    word.filter(|word| !word.is_empty())
}

/// A source as text. Comments in some code page are no reason to stop.
fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// All files below `folder`, as paths from there with slashes, in the order of their names.
pub fn files(folder: &Path) -> Result<Vec<String>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).with_context(|| inner.display().to_string())? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                files.insert(name);
            }
        }
    }
    Ok(files.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_about(lines: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sys")).unwrap();
        let source = "// \u{e4}\n#define ALLOC(n) ExAllocatePool(NonPagedPool, n)\na = ALLOC(1);\n\
                      b = MyExAllocatePool(1); IoAllocateMdl(c);\nMmMapIoSpace(1, 2, 3);\n";
        fs::write(folder.path().join("sys/a.c"), source).unwrap();
        fs::write(folder.path().join("b.c"), source).unwrap();
        let text = format!(
            "registry = 'crates'\nname = 'a'\nversion = '1'\nfile = 'a'\nsha256 = ''\n\
             licence = 'MIT'\nroot = 'a'\nnote = 'made up'\ncovered = ['sys/*']\n\
             [[call]]\npath = 'sys/a.c'\nlines = [2]\nddi = 'ExAllocatePool'\ndefines = 'ALLOC'\n\
             answer = 'no-call'\nreason = 'made up'\n[[call]]\npath = 'sys/a.c'\nlines = [3]\n\
             ddi = 'ExAllocatePool'\nwritten = 'ALLOC'\nanswer = 'fine'\nreason = 'made up'\n\
             [[call]]\npath = 'sys/a.c'\nlines = [{lines}]\nddi = 'MmMapIoSpace'\n\
             answer = 'fine'\nreason = 'made up'\n"
        );
        complaints(&toml::from_str(&text).unwrap(), folder.path()).unwrap()
    }

    #[test]
    fn what_is_listed_is_there_and_what_is_there_is_listed() {
        assert_eq!(complaints_about("5"), [] as [&str; 0]);
        let moved =
            ["sys/a.c:4 has no MmMapIoSpace", "sys/a.c:5 has MmMapIoSpace, which is not listed"];
        assert_eq!(complaints_about("4"), moved);
        assert_eq!(complaints_about("5, 90"), ["sys/a.c:90 has no MmMapIoSpace"]);
    }

    #[test]
    fn a_definition_names_what_it_expands_to() {
        let wanted = ["ALLOC", "ExAllocatePool"].map(str::to_owned).into();
        let named = |line| named(line, &wanted).collect::<Vec<_>>();
        assert_eq!(named("# define ALLOC(n) ExAllocatePool(0, n)"), ["ExAllocatePool"]);
        assert_eq!(named("x = ALLOC(ExAllocatePool(0, 1));"), ["ALLOC", "ExAllocatePool"]);
        assert_eq!(named("defined = NALLOC(1)"), [] as [&str; 0]);
    }
}
