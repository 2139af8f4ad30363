//! The opt-in in source: whether the call that it needs is where it has to be.

use super::NxOptIn;
use crate::source::{Mend, depends_on_opt_in, fix, inserted};
use crate::{Source, SourceFindings};
use ringfence_finding::{Fix, Level, SourceFinding};
use ringfence_source::{Entry, FileId, Initialised, OptIn, Output, Span};
use std::collections::{BTreeMap, BTreeSet};

const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn)";

/// Tells calls that opt in where Code Analysis does not look, entry points that do not opt in, and macros that come too
/// late.
pub(super) fn check(source: &Source<'_>, findings: &mut SourceFindings) {
    let opt_ins = source.analysis.opt_ins.iter();
    let states: BTreeMap<FileId, &Initialised> = opt_ins
        .filter_map(|(file, opt_in)| match opt_in {
            OptIn::Runtime(initialised) => Some((*file, initialised)),
            _ => None,
        })
        .collect();
    for finding in calls(&states, source).into_iter().chain(entries(&states, source)) {
        findings.report(finding);
    }
    for (name, at) in &source.analysis.late_opt_ins {
        findings.report(too_late(name, *at, source));
    }
}

/// The calls of ExInitializeDriverRuntime that stand outside of entry points, each once.
fn calls(states: &BTreeMap<FileId, &Initialised>, source: &Source<'_>) -> Vec<SourceFinding> {
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for state in states.values() {
        let Some(call) = state.call().filter(|call| !told.contains(call)) else { continue };
        let mark = source.mark(call, "");
        found.push(match state {
            Initialised::InHelper { helper, .. } => {
                let message = format!(
                    "opts in to non-executable pool in `{helper}`, which the entry point calls"
                );
                SourceFinding::new(&NxOptIn::CARD, Level::Note, message, mark)
                    .as_warning(Some("C30031"))
                    .within(Some(helper.clone()))
                    .note("ringfence follows the call; Code Analysis does not")
                    .help(format!("call `{CALL}` in the entry point itself, or suppress C30031"))
            }
            Initialised::Unproven(_) => {
                let message = "opts in to non-executable pool on some paths only";
                SourceFinding::new(&NxOptIn::CARD, Level::Note, message, mark)
                    .note("whether the condition that this call depends on holds is not known")
                    .help(format!("call `{CALL}` first in the entry point, without a condition"))
            }
            Initialised::ByBuild(_) => {
                let message = "opts in to non-executable pool in some builds only";
                SourceFinding::new(&NxOptIn::CARD, Level::Note, message, mark)
                    .note("whether this call is compiled, or one on the way to it, depends on the build")
                    .help(format!("call `{CALL}` first in the entry point, in every build"))
            }
            Initialised::Unseen(_) => {
                let message = "opts in to non-executable pool where the entry point was not seen to \
                               come by";
                SourceFinding::new(&NxOptIn::CARD, Level::Note, message, mark)
                    .as_warning(Some("C30035"))
                    .note("control may come there by a pointer, a constructor or a macro, which are not followed")
                    .help(format!("call `{CALL}` first in DriverEntry or DllInitialize"))
            }
            Initialised::Elsewhere(_) => {
                let message = "opts in to non-executable pool where the entry point was not seen to \
                               come by";
                SourceFinding::new(&NxOptIn::CARD, Level::Warning, message, mark)
                    .as_warning(Some("C30035"))
                    .note("what is allocated before this call is executable")
                    .help(format!("call `{CALL}` first in DriverEntry or DllInitialize"))
            }
            _ => continue,
        });
        told.insert(call);
    }
    found
}

/// The entry points that would have to opt in and do not.
fn entries(states: &BTreeMap<FileId, &Initialised>, source: &Source<'_>) -> Vec<SourceFinding> {
    let entries = &source.analysis.entries;
    let loaded: BTreeSet<FileId> = entries
        .iter()
        .filter(|entry| entry.name == DLL_INITIALIZE)
        .flat_map(|entry| entry.serves.iter().copied())
        .collect();
    let exports = export_drivers(source);
    let uses = first_uses(source);
    let mut found = Vec::new();
    for entry in entries {
        let is_dll = entry.name == DLL_INITIALIZE;
        if !is_dll && entry.serves.iter().any(|file| loaded.contains(file)) {
            // It is DllInitialize that counts there.
            continue;
        }
        let served = || entry.serves.iter().filter_map(|file| states.get(file));
        let never = served().any(|state| matches!(state, Initialised::Never));
        let by_other = served().any(|state| {
            state.is_unproven()
                || matches!(state, Initialised::InEntry(_) | Initialised::InHelper { .. })
        });
        let as_export = match is_dll {
            true => entry.initialises.is_none(),
            false => exports.contains(&entry.span.file),
        };
        let finding = if as_export && (never || by_other) {
            as_export_driver(entry, source)
        } else if !is_dll && entry.initialises.is_none() && never {
            let message = format!(
                "nothing opts in to non-executable pool: POOL_NX_OPTIN is defined, but {CALL} is not called"
            );
            at_entry(entry, source, message)
                .note("until that call the pool type is a variable that holds NonPagedPoolExecute")
        } else {
            continue;
        };
        let first = entry.serves.iter().find_map(|file| uses.get(file));
        let used = first.map(|span| source.mark(*span, "what is asked for here depends on it"));
        found.push(finding.related(used));
    }
    found
}

const DLL_INITIALIZE: &str = "DllInitialize";

fn as_export_driver(entry: &Entry, source: &Source<'_>) -> SourceFinding {
    let message = "an export driver does not opt in to non-executable pool in its DllInitialize";
    let finding = at_entry(entry, source, message.to_owned())
        .as_warning(Some("C30033"))
        .note("every image has variables of its own: what the driver that loads it opts in to does not count");
    match &*entry.name {
        DLL_INITIALIZE => finding,
        _ => {
            finding.fixed_by(None).note("Windows calls DllInitialize when another driver loads it")
        }
    }
}

fn at_entry(entry: &Entry, source: &Source<'_>, message: String) -> SourceFinding {
    SourceFinding::new(&NxOptIn::CARD, Level::Warning, message, source.mark(entry.span, ""))
        .within(Some(entry.name.clone()))
        .help(format!("call `{CALL}` first in {}", entry.name))
        .fixed_by(called_first(entry, source))
}

/// Calls it as the first statement, indented like what comes behind.
fn called_first(entry: &Entry, source: &Source<'_>) -> Option<Fix> {
    let file = &source.tree.file(entry.span.file).text;
    let text = source.tree.text(entry.body);
    let inner = text.strip_prefix('{')?;
    let (line, rest) = inner.split_once('\n').unwrap_or((inner, ""));
    let statement = format!("{CALL};");
    let put = if !line.trim().is_empty() || rest.is_empty() {
        format!(" {statement}")
    } else {
        let next = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let blank = &next[..next.len() - next.trim_start().len()];
        let deeper = if next.trim_start().starts_with('}') { "    " } else { "" };
        format!("{}{blank}{deeper}{statement}", file.line_end())
    };
    let doubt = "in C of 1989 declarations have to come first";
    let edit = inserted(source, entry.body, entry.body.start + 1, put);
    fix(format!("call `{CALL}` first"), Mend::Unsafe(doubt), vec![edit])
}

/// The sources of projects that are built into export drivers.
fn export_drivers(source: &Source<'_>) -> BTreeSet<FileId> {
    let projects = source.projects.iter().filter(|project| {
        project.configurations.iter().any(|one| one.output == Output::ExportDriver)
    });
    projects.flat_map(|project| project.sources.iter().copied()).collect()
}

/// The first call of each file that an opt-in decides about.
fn first_uses(source: &Source<'_>) -> BTreeMap<FileId, Span> {
    let mut uses = BTreeMap::new();
    for call in source.analysis.calls.iter().filter(|call| depends_on_opt_in(call)) {
        uses.entry(call.span.file).or_insert(call.callee);
    }
    uses
}

fn too_late(name: &str, at: Span, source: &Source<'_>) -> SourceFinding {
    let text = &source.tree.file(at.file).text;
    let line = text.line_range(text.place(at.start as usize).line);
    let mark = source.mark(Span::new(at.file, line.unwrap_or(at.range())), "");
    let message = format!("{name} has no effect here: the headers of the kernel come before it");
    SourceFinding::new(&NxOptIn::CARD, Level::Warning, message, mark)
        .note("the headers look at it when they are included, and NonPagedPool stays executable")
        .help("define it before the first include, or in the project for all files")
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, found_in, made, said};
    use ringfence_finding::{SourceFinding, Targets};
    use ringfence_source::{Configuration, Output, Project, ProjectFormat, SourceText, SourceTree};

    const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";
    const OPTED: &str = "#define POOL_NX_OPTIN 1\n#include <wdm.h>\nvoid F(void) { ExAllocatePool(NonPagedPool, 1); }\n";

    fn of(code: &str) -> Vec<(String, Option<&'static str>)> {
        told(&findings_of(&[("a.c", &format!("{OPTED}{code}"))], Targets::DEFAULT))
    }

    fn told(findings: &[SourceFinding]) -> Vec<(String, Option<&'static str>)> {
        let own = findings.iter().filter(|finding| finding.rule == "nx-opt-in");
        own.map(|finding| (said(finding), finding.warning)).collect()
    }

    fn line(text: &str, warning: Option<&'static str>) -> Vec<(String, Option<&'static str>)> {
        vec![(text.to_owned(), warning)]
    }

    /// Spec case 125.
    #[test]
    fn where_the_call_stands_is_told() {
        assert_eq!(of(&format!("NTSTATUS DriverEntry(int a) {{ {CALL} }}")), []);
        assert_eq!(
            of(&format!("void Init(void) {{ {CALL} }}\nNTSTATUS DriverEntry(int a) {{ Init(); }}")),
            line(
                "a.c:4:19 note[nx-opt-in] : opts in to non-executable pool in `Init`, which the entry point calls",
                Some("C30031")
            )
        );
        assert_eq!(
            of(&format!("void Init(void) {{ {CALL} }}\nNTSTATUS DriverEntry(int a) {{ }}")),
            line(
                "a.c:4:19 warning[nx-opt-in] : opts in to non-executable pool where the entry point was not seen \
                 to come by",
                Some("C30035")
            )
        );
        assert_eq!(
            of("NTSTATUS DriverEntry(int a) { F(); }"),
            line(
                "a.c:4:10 warning[nx-opt-in] : nothing opts in to non-executable pool: POOL_NX_OPTIN is defined, \
                 but ExInitializeDriverRuntime(DrvRtPoolNxOptIn) is not called",
                None
            )
        );
        // A library is for its driver to set up.
        assert_eq!(of(""), []);
    }

    /// A call that never runs is none; one that may run is told as that.
    #[test]
    fn a_condition_around_the_call_is_told() {
        let never = line(
            "a.c:4:10 warning[nx-opt-in] : nothing opts in to non-executable pool: POOL_NX_OPTIN is defined, \
             but ExInitializeDriverRuntime(DrvRtPoolNxOptIn) is not called",
            None,
        );
        assert_eq!(of(&format!("NTSTATUS DriverEntry(int a) {{ if (0) {CALL} F(); }}")), never);
        assert_eq!(
            of(&format!("NTSTATUS DriverEntry(int a) {{ if (a) {CALL} F(); }}")),
            line(
                "a.c:4:38 note[nx-opt-in] : opts in to non-executable pool on some paths only",
                None
            )
        );
        let text = format!("{OPTED}NTSTATUS DriverEntry(int a) {{ if (a) {CALL} F(); }}");
        let findings = findings_of(&[("a.c", &text)], Targets::DEFAULT);
        let asks = findings.iter().find(|one| one.rule == "executable-pool-type").unwrap();
        assert_eq!(
            asks.message,
            "memory is requested from an executable pool, depending on the path: \
             PoolType = NonPagedPool (0) or NonPagedPoolNx (0x200) at ExAllocatePool"
        );
        assert!(asks.notes[0].ends_with("which is called at a.c:4, runs before this could not be proven: it depends on the path"), "{:?}", asks.notes);
    }

    /// What the build decides, and what is come to by a pointer, is neither fine nor certainly executable.
    #[test]
    fn what_is_not_followed_is_told_as_that() {
        let both = |code: &str| {
            let text = format!("{OPTED}{code}");
            let findings = findings_of(&[("a.c", &text)], Targets::DEFAULT);
            let asks = findings.iter().find(|one| one.rule == "executable-pool-type").unwrap();
            (told(&findings).remove(0).0, asks.message.clone(), asks.notes[0].clone())
        };
        let (said, message, note) =
            both(&format!("NTSTATUS DriverEntry(int a) {{\n#ifdef X\n{CALL}\n#endif\nF(); }}"));
        assert_eq!(
            said,
            "a.c:6:1 note[nx-opt-in] : opts in to non-executable pool in some builds only"
        );
        assert!(message.contains("executable pool, depending on the build: "), "{message}");
        assert!(note.contains("at a.c:6 depends on the build"), "{note}");
        let (said, message, note) = both(&format!(
            "void Init(void) {{ {CALL} }}\nFN all[] = {{ Init }};\nNTSTATUS DriverEntry(int a) {{ all[a](); F(); }}"
        ));
        assert_eq!(
            said,
            "a.c:4:19 note[nx-opt-in] : opts in to non-executable pool where the entry point was not seen to come by"
        );
        assert!(message.contains("executable pool, depending on the path: "), "{message}");
        assert!(note.ends_with("control comes there by ways that are not followed"), "{note}");
    }

    /// C30033: every image has its own variable (section 6 of the specification).
    #[test]
    fn export_drivers_opt_in_themselves() {
        let expected = |column: u32| {
            line(
                &format!(
                    "a.c:4:{column} warning[nx-opt-in] : an export driver does not opt in to non-executable pool \
                     in its DllInitialize"
                ),
                Some("C30033"),
            )
        };
        assert_eq!(of("NTSTATUS DllInitialize(int a) { }"), expected(10));
        let entry = format!("NTSTATUS DriverEntry(int a) {{ {CALL} }}");
        assert_eq!(of(&format!("int DllInitialize(int a) {{ }} {entry}")), expected(5));
        assert_eq!(
            of(&format!(
                "NTSTATUS DllInitialize(int a) {{ {CALL} }} NTSTATUS DriverEntry(int a) {{}}"
            )),
            []
        );
        let text = format!("{OPTED}{entry}");
        let mut tree = SourceTree::default();
        let file = tree.add("a.c", SourceText::of(&*text)).unwrap();
        let project = Project {
            sources: vec![file],
            configurations: vec![Configuration {
                output: Output::ExportDriver,
                ..Configuration::default()
            }],
            ..Project::new(file, ProjectFormat::MsBuild)
        };
        let found = found_in(&[("a.c", &text)], &[project], Targets::DEFAULT, false);
        assert_eq!(told(&found), expected(10));
    }

    #[test]
    fn the_call_is_put_first() {
        for (before, after) in [
            ("{\r\n\tint b;\r\n}", format!("{{\r\n\t{CALL}\r\n\tint b;\r\n}}")),
            ("{\n}", format!("{{\n    {CALL}\n}}")),
            ("{ return 0; }", format!("{{ {CALL} return 0; }}")),
            ("{}", format!("{{ {CALL}}}")),
        ] {
            let end = if before.contains('\r') { "\r\n" } else { "\n" };
            let text = |body: &str| {
                format!("{OPTED}NTSTATUS DriverEntry(int a) {body}")
                    .replace('\n', end)
                    .replace("\r\r", "\r")
            };
            let findings = findings_of(&[("a.c", &text(before))], Targets::DEFAULT);
            let fixed = made(&text(before), &findings, |one, _| one.rule == "nx-opt-in");
            assert_eq!(fixed, text(&after));
            assert_eq!(told(&findings_of(&[("a.c", &fixed)], Targets::DEFAULT)), []);
        }
    }

    #[test]
    fn a_macro_behind_the_headers_is_told() {
        let text = "#include <wdm.h>\n  #define POOL_NX_OPTIN_AUTO 1\nvoid F(void) { ExAllocatePool(PagedPool, 1); }";
        assert_eq!(
            told(&findings_of(&[("a.c", text)], Targets::DEFAULT)),
            line(
                "a.c:2:1 warning[nx-opt-in] : POOL_NX_OPTIN_AUTO has no effect here: the headers of the kernel come \
                 before it",
                None
            )
        );
    }
}
