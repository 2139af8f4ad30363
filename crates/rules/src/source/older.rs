//! Fixes that need a newer Windows than a driver is said to be for.

use super::Source;
use ringfence_finding::{Fix, Safety, SourceFinding};
use ringfence_source::{FileId, oldest_windows};
use std::collections::HashMap;

const WINDOWS_8: u64 = 0x0602_0000;
const WINDOWS_10: u64 = 0x0A00_0000;
const WINDOWS_10_2004: u64 = 0x0A00_0008;

/// What fixes write, and since when there is such a thing.
const SINCE: [(&str, u64); 9] = [
    ("NonPagedPoolNx", WINDOWS_8),
    ("NonPagedPoolNxCacheAligned", WINDOWS_8),
    ("NonPagedPoolSessionNx", WINDOWS_8),
    ("POOL_NX_ALLOCATION", WINDOWS_8),
    ("POOL_NX_OPTIN_AUTO", WINDOWS_8),
    ("MdlMappingNoExecute", WINDOWS_8),
    ("MmAllocateContiguousNodeMemory", WINDOWS_8),
    ("MmMapIoSpaceEx", WINDOWS_10),
    ("ExAllocatePool2", WINDOWS_10_2004),
];

/// What versions are called, each with all that are older than the next.
const NAMES: [(u64, &str); 8] = [
    (WINDOWS_10_2004, "Windows 10 2004"),
    (WINDOWS_10, "Windows 10"),
    (0x0603_0000, "Windows 8.1"),
    (WINDOWS_8, "Windows 8"),
    (0x0601_0000, "Windows 7"),
    (0x0600_0000, "Windows Vista"),
    (0x0501_0000, "Windows XP"),
    (0, "Windows 2000"),
];

/// What files are said to be for.
pub(super) struct Older<'s> {
    source: &'s Source<'s>,
    known: HashMap<FileId, Option<u64>>,
}

impl<'s> Older<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Older<'s> {
        Older { source, known: HashMap::new() }
    }

    /// Lets no fix be safe that writes what the Windows does not have that the file is said to be for.
    pub(super) fn look_at(&mut self, finding: &mut SourceFinding) {
        for fix in finding.fix.iter_mut().chain(&mut finding.other_fixes) {
            if fix.safety == Safety::Safe
                && let Some(because) = self.lacks(fix)
            {
                fix.safety = Safety::Unsafe;
                fix.because = Some(because);
            }
        }
    }

    /// What a fix needs that is not there.
    fn lacks(&mut self, fix: &Fix) -> Option<String> {
        for edit in &fix.edits {
            let Some(file) = self.source.tree.at(&edit.path) else { continue };
            let Source { tree, projects, .. } = *self.source;
            let said =
                self.known.entry(file).or_insert_with(|| oldest_windows(tree, projects, file));
            let mut words =
                edit.replacement.split(|one: char| !one.is_alphanumeric() && one != '_');
            let lacks = said.and_then(|said| words.find_map(|word| lacking(word, said)));
            if lacks.is_some() {
                return lacks;
            }
        }
        None
    }
}

/// Why a driver that is for the oldest of the Windows that any of `files` is said to be for must not have `name`.
pub(crate) fn too_new_for(name: &str, files: &[FileId], source: &Source<'_>) -> Option<String> {
    let all = files.iter();
    let said = all.filter_map(|file| oldest_windows(source.tree, source.projects, *file)).min()?;
    lacking(name, said)
}

fn lacking(name: &str, said: u64) -> Option<String> {
    // Who says Windows 10 does not say which.
    let (_, since) = SINCE
        .iter()
        .find(|(known, since)| *known == name && said < *since && said != WINDOWS_10)?;
    let (needs, said) = (called(*since), called(said));
    Some(format!("`{name}` needs {needs}, and the driver is said to be for {said}"))
}

fn called(version: u64) -> &'static str {
    NAMES.iter().find(|(since, _)| version >= *since).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, found_in};
    use ringfence_finding::Targets;
    use ringfence_source::{Configuration, Project, ProjectFormat, SourceText, SourceTree};

    const ALLOCATE: &str = "p = ExAllocatePoolWithTag(NonPagedPool, 1, 'a');";
    const MAP: &str = "p = MmMapIoSpace(at, 64, MmNonCached);";

    /// Why the fixes of a call are not safe, with what its file defines.
    fn doubts(define: &str, call: &str) -> Vec<Option<String>> {
        let text = format!("{define}\n#include <ntddk.h>\nvoid F(void) {{ {call} }}");
        let found = findings_of(&[("a.c", &text)], Targets::since(19041));
        let fixes = found.iter().flat_map(|one| one.fix.iter().chain(&one.other_fixes));
        fixes.map(|fix| fix.because.clone()).collect()
    }

    /// The macro makes NonPagedPoolNx of NonPagedPool when the driver is compiled.
    #[test]
    fn an_opt_in_of_the_project_is_as_new_as_what_it_passes() {
        let text = format!("#include <ntddk.h>\nvoid F(void) {{ {ALLOCATE} }}");
        let files = [("a.c", &*text), ("sources", "TARGETNAME=a\nTARGETTYPE=DRIVER\n")];
        let mut tree = SourceTree::default();
        let [source, file] =
            files.map(|(path, text)| tree.add(path, SourceText::of(text)).unwrap());
        let because = |windows: u64| {
            let project = Project {
                sources: vec![source],
                configurations: vec![Configuration {
                    windows: Some(windows),
                    ..Configuration::default()
                }],
                ..Project::new(file, ProjectFormat::Sources)
            };
            let found = found_in(&files, &[project], Targets::DEFAULT, false);
            let one = found.into_iter().find(|one| one.rule == "nx-opt-in").unwrap();
            one.fix.and_then(|fix| fix.because).unwrap_or_default()
        };
        assert_eq!(
            because(0x0601_0000),
            "`POOL_NX_OPTIN_AUTO` needs Windows 8, and the driver is said to be for Windows 7"
        );
        assert!(because(0x0602_0000).starts_with("it changes all files of the project"));
    }

    /// Since when there are NonPagedPoolNx, MmMapIoSpaceEx and ExAllocatePool2, as their pages have it.
    #[test]
    fn what_is_newer_than_the_driver_is_for_a_person() {
        let needs = |name: &str, needs: &str, said: &str| {
            Some(format!("`{name}` needs {needs}, and the driver is said to be for {said}"))
        };
        let seven = "#define _WIN32_WINNT 0x0601";
        assert_eq!(
            doubts(seven, ALLOCATE),
            [
                needs("NonPagedPoolNx", "Windows 8", "Windows 7"),
                needs("ExAllocatePool2", "Windows 10 2004", "Windows 7"),
            ]
        );
        assert_eq!(doubts(seven, MAP), [needs("MmMapIoSpaceEx", "Windows 10", "Windows 7")]);
        let eight = "#define WINVER 0x0602";
        assert_eq!(
            doubts(eight, ALLOCATE),
            [None, needs("ExAllocatePool2", "Windows 10 2004", "Windows 8")]
        );
        let rs5 = "#define NTDDI_VERSION NTDDI_WIN10_RS5";
        assert_eq!(
            doubts(rs5, ALLOCATE),
            [None, needs("ExAllocatePool2", "Windows 10 2004", "Windows 10")]
        );
        for enough in ["", "#define _WIN32_WINNT 0x0A00", "#define NTDDI_VERSION NTDDI_WIN10_VB"] {
            assert_eq!(doubts(enough, ALLOCATE), [None, None], "{enough}");
            assert_eq!(doubts(enough, MAP), [None], "{enough}");
        }
    }

    #[test]
    fn projects_say_what_a_driver_is_for() {
        let text = format!("#include <ntddk.h>\nvoid F(PMDL m) {{ {ALLOCATE} }}");
        let mut tree = SourceTree::default();
        let file = tree.add("a.c", SourceText::of(&*text)).unwrap();
        let project = tree.add("a.vcxproj", SourceText::of("")).unwrap();
        let windows = |windows| Configuration { windows, ..Configuration::default() };
        for (said, is_safe) in [(None, true), (Some(0x0602_0000), true), (Some(0x0601_0000), false)]
        {
            let projects = [Project {
                sources: vec![file],
                configurations: vec![windows(Some(0x0A00_0000)), windows(said)],
                ..Project::new(project, ProjectFormat::MsBuild)
            }];
            let files = [("a.c", &*text), ("a.vcxproj", "")];
            let found = found_in(&files, &projects, Targets::DEFAULT, false);
            let fix = found.iter().find_map(|one| one.fix.as_ref()).unwrap();
            assert_eq!(fix.because.is_none(), is_safe, "{said:?}");
        }
    }
}
