//! Which driver a file becomes part of, and whether that opts in to no-execute pools when it starts.

use crate::calls::CallId;
use crate::interest::Interest;
use crate::opt_in::{Initialised, OptIn};
use crate::tree::{folder, normal};
use crate::world::{FunctionId, World};
use crate::{FileId, Project, Span, owners};
use foldhash::{HashMap, HashSet, HashSetExt};

/// A function that Windows calls when a driver starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `DriverEntry`, `DllInitialize` or `GsDriverEntry`.
    pub name: &'static str,
    /// Its name, where it is defined.
    pub span: Span,
    /// Its body, with the braces.
    pub body: Span,
    /// The call of ExInitializeDriverRuntime that it makes, itself or by way of functions that it calls.
    pub initialises: Option<Span>,
    /// The files with `POOL_NX_OPTIN` that become part of the same driver.
    pub serves: Vec<FileId>,
}

/// Where a driver starts.
pub(crate) const ENTRIES: [&str; 3] = ["DriverEntry", "DllInitialize", "GsDriverEntry"];

/// What a driver opts in with when it starts.
pub(crate) const OPTS_IN: &str = "ExInitializeDriverRuntime";

/// How many functions lie between the entry point and the call, at the most.
pub(crate) const DEEPEST: usize = 6;

/// How many pairs of a file and an entry point are looked at for what belongs together; more has no tree of drivers.
const MOST_PAIRS: usize = 1 << 20;

/// Fills in whether the runtime is initialised, for all files with an opt-in that needs it. Gives the functions by way of
/// which it may be and that are not looked for yet: what calls them is to be read first.
pub(crate) fn initialise(
    world: &mut World<'_>,
    projects: &[Project],
    interest: &Interest,
) -> Vec<String> {
    if !world.parsed.iter().any(|parsed| is_runtime(&parsed.opt_in)) {
        return Vec::new();
    }
    let calls = initialisations(world);
    let ways = ways(world, &calls, interest);
    let entries: Vec<FunctionId> = entry_points(world).map(|(_, id)| id).collect();
    let mut known: HashMap<FileId, Initialised> = HashMap::default();
    for index in 0..world.parsed.len() {
        if !is_runtime(&world.parsed[index].opt_in) {
            continue;
        }
        let file = world.parsed[index].file;
        let answer = known
            .entry(file)
            .or_insert_with(|| of_file(world, projects, file, &calls, &entries))
            .clone();
        world.parsed[index].opt_in = OptIn::Runtime(answer);
    }
    ways
}

/// The functions that make one of `calls`, or call one that does, and are not looked for yet.
fn ways(world: &World<'_>, calls: &[CallId], interest: &Interest) -> Vec<String> {
    let around = |parsed: usize, call: usize| {
        let syntax = &world.parsed[parsed].syntax;
        let function = &syntax.functions[syntax.calls[call].function?];
        Some(world.text(parsed, &function.name))
    };
    let mut names: HashSet<&str> =
        calls.iter().filter_map(|id| around(id.parsed, id.call)).collect();
    for _ in 1..DEEPEST {
        let known = names.len();
        for (parsed, file) in world.parsed.iter().enumerate() {
            let leads =
                |call: &usize| names.contains(world.text(parsed, &file.syntax.calls[*call].callee));
            let all = (0..file.syntax.calls.len()).filter(leads);
            let more: Vec<&str> = all.filter_map(|call| around(parsed, call)).collect();
            names.extend(more);
        }
        if names.len() == known {
            break;
        }
    }
    names.retain(|name| !ENTRIES.contains(name) && !interest.has(name));
    names.into_iter().map(str::to_owned).collect()
}

fn is_runtime(opt_in: &OptIn) -> bool {
    matches!(opt_in, OptIn::Runtime(_))
}

fn entry_points<'w>(world: &'w World<'_>) -> impl Iterator<Item = (&'static str, FunctionId)> + 'w {
    ENTRIES.into_iter().flat_map(|name| {
        let found = world.functions.get(name).into_iter().flatten();
        found.map(move |id| (name, *id))
    })
}

/// The entry points of drivers with files that need the runtime to be initialised, by place.
pub(crate) fn entries(world: &World<'_>, projects: &[Project]) -> Vec<Entry> {
    let mut files: Vec<FileId> =
        world.parsed.iter().filter(|one| is_runtime(&one.opt_in)).map(|one| one.file).collect();
    files.sort();
    files.dedup();
    if files.is_empty() {
        return Vec::new();
    }
    let calls = initialisations(world);
    let all: Vec<_> = entry_points(world).collect();
    let ids: Vec<FunctionId> = all.iter().map(|(_, id)| *id).collect();
    let mut served: Vec<Vec<FileId>> = vec![Vec::new(); all.len()];
    // As many entry points as files make a list that grows with the square.
    for file in files.into_iter().take(MOST_PAIRS / ids.len().max(1)) {
        let belongs = together(world, projects, file, &ids);
        for (id, served) in ids.iter().zip(&mut served) {
            if belongs(world.parsed[id.parsed].file) {
                served.push(file);
            }
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    for ((name, id), serves) in all.into_iter().zip(served) {
        let parsed = &world.parsed[id.parsed];
        let function = &parsed.syntax.functions[id.function];
        let span = Span::new(parsed.file, function.name.clone());
        // A file that is parsed in several variants has it several times.
        if serves.is_empty() || entries.iter().any(|known| known.span == span) {
            continue;
        }
        let initialises = called_from(world, &[id], &calls).and_then(|one| one.call());
        let body = Span::new(parsed.file, function.body.clone());
        entries.push(Entry { name, span, body, initialises, serves });
    }
    entries.sort_by_key(|entry| entry.span);
    entries
}

/// The calls of ExInitializeDriverRuntime that opt in.
fn initialisations(world: &World<'_>) -> Vec<CallId> {
    let mut found = Vec::new();
    for (parsed, file) in world.parsed.iter().enumerate() {
        for (call, one) in file.syntax.calls.iter().enumerate() {
            // What the flag is called or how it is computed does not matter: there is only one.
            if opts_in(world, parsed, one) {
                found.push(CallId { parsed, call });
            }
        }
    }
    found
}

/// Whether a call opts in: itself, or as a macro that does.
fn opts_in(world: &World<'_>, parsed: usize, call: &crate::syntax::Call) -> bool {
    let name = world.text(parsed, &call.callee);
    if name == OPTS_IN {
        // Without the flag it does nothing.
        return call.arguments.first().is_none_or(|flags| world.text(parsed, flags).trim() != "0");
    }
    let file = &world.parsed[parsed];
    let meanings = file.unit.meanings(name, file.time(call.callee.start));
    meanings.macros.iter().any(|one| one.text(world.tree).contains(OPTS_IN))
}

fn of_file(
    world: &World<'_>,
    projects: &[Project],
    file: FileId,
    calls: &[CallId],
    entries: &[FunctionId],
) -> Initialised {
    let file_of = |parsed: usize| world.parsed[parsed].file;
    let belongs = together(world, projects, file, entries);
    let entries: Vec<_> =
        entries.iter().copied().filter(|id| belongs(file_of(id.parsed))).collect();
    let calls: Vec<_> = calls.iter().copied().filter(|id| belongs(file_of(id.parsed))).collect();
    if let Some(answer) = called_from(world, &entries, &calls) {
        return answer;
    }
    match calls.first() {
        // Where the driver starts is not in sight, under whatever name.
        _ if entries.is_empty() => Initialised::NoEntry,
        Some(first) => Initialised::Elsewhere(span(world, *first)),
        None => Initialised::Never,
    }
}

fn span(world: &World<'_>, id: CallId) -> Span {
    let parsed = &world.parsed[id.parsed];
    Span::new(parsed.file, parsed.syntax.calls[id.call].whole.clone())
}

/// Whether an entry point, or what it calls, makes one of `calls`.
fn called_from(world: &World<'_>, entries: &[FunctionId], calls: &[CallId]) -> Option<Initialised> {
    let mut seen: HashSet<FunctionId> = HashSet::new();
    let mut level: Vec<FunctionId> = entries.to_vec();
    for depth in 0..DEEPEST {
        for &id in &level {
            let within = |call: &&CallId| {
                call.parsed == id.parsed
                    && world.parsed[call.parsed].syntax.calls[call.call].function
                        == Some(id.function)
            };
            if let Some(call) = calls.iter().find(within) {
                let call = span(world, *call);
                let name = &world.parsed[id.parsed].syntax.functions[id.function].name;
                let helper = world.text(id.parsed, name).to_owned();
                return Some(match depth {
                    0 => Initialised::InEntry(call),
                    _ => Initialised::InHelper { call, helper },
                });
            }
        }
        let mut next = Vec::new();
        for id in level.drain(..).filter(|id| seen.insert(*id)) {
            for call in &world.parsed[id.parsed].syntax.calls {
                if call.function == Some(id.function) {
                    next.extend(world.called(id.parsed, world.text(id.parsed, &call.callee)));
                }
            }
        }
        level = next;
    }
    None
}

/// Which files become part of the same driver as `file`: those of the projects that name it, else those below the nearest
/// folder with an entry point, else all.
fn together<'a>(
    world: &'a World<'_>,
    projects: &'a [Project],
    file: FileId,
    entries: &[FunctionId],
) -> impl Fn(FileId) -> bool + 'a {
    let owners = owners(projects, world.tree, file);
    let path = |file: FileId| normal(&world.tree.file(file).path);
    let here = path(file);
    let folders: Vec<String> =
        entries.iter().map(|id| folder(&path(world.parsed[id.parsed].file)).to_owned()).collect();
    let mut nearest = folder(&here).to_owned();
    let has_entry = |of: &str| folders.iter().any(|entry| is_below(entry, of));
    while !nearest.is_empty() && !has_entry(&nearest) {
        nearest = folder(&nearest).to_owned();
    }
    move |other| match owners.is_empty() {
        true => is_below(folder(&normal(&world.tree.file(other).path)), &nearest),
        false => {
            // Headers belong to whoever includes them.
            other == file
                || owners.iter().any(|owner| owner.sources.contains(&other))
                || world.tree.file(other).kind == crate::FileKind::Header
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use crate::{Analysis, SourceText, SourceTree, analyse};

    const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";

    fn analysed(files: &[(&str, &str)]) -> (SourceTree, Analysis) {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        let analysis = analyse(&tree, &[], &[]);
        (tree, analysis)
    }

    #[test]
    fn entry_points_know_what_they_serve() {
        let opted = "#define POOL_NX_OPTIN 1\n#include <wdm.h>\nvoid F() { ExAllocatePool(NonPagedPool, 1); }";
        let starts = format!("void I() {{ {CALL} }} NTSTATUS DriverEntry(int a) {{ I(); }}");
        let (tree, analysis) = analysed(&[
            ("one/a.c", opted),
            ("one/b.c", &starts),
            ("two/a.c", opted),
            ("two/b.c", "#if DBG\n#endif\nNTSTATUS DllInitialize(int a) {}"),
            ("three/a.c", "NTSTATUS DriverEntry(int a) {}"),
        ]);
        let told: Vec<_> = analysis
            .entries
            .iter()
            .map(|entry| {
                let serves: Vec<_> =
                    entry.serves.iter().map(|file| &*tree.file(*file).path).collect();
                (entry.name, tree.text(entry.body), entry.initialises.is_some(), serves)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("DriverEntry", "{ I(); }", true, vec!["one/a.c"]),
                ("DllInitialize", "{}", false, vec!["two/a.c"])
            ]
        );
    }

    #[test]
    fn what_is_defined_behind_the_headers_is_too_late() {
        let late = |text: &str| {
            let (tree, analysis) = analysed(&[("a.c", text)]);
            let one = |(name, span): &(&str, crate::Span)| {
                format!("{name} {}", tree.file(span.file).text.place(span.start as usize).line)
            };
            analysis.late_opt_ins.iter().map(one).collect::<Vec<_>>()
        };
        let used = "void F() { ExAllocatePool(NonPagedPool, 1); }";
        let define = "#define POOL_NX_OPTIN 1\n";
        assert_eq!(late(&format!("#include <wdm.h>\n{define}{used}")), ["POOL_NX_OPTIN 2"]);
        for fine in [
            format!("{define}#include <wdm.h>\n{used}"),
            format!("#define POOL_NX_OPTIN_AUTO 1\n#include <wdm.h>\n{define}{used}"),
            format!("#include <wdm.h>\n#define POOL_NX_OPTIN 0\n{used}"),
            format!("#include <stdarg.h>\n{define}{used}"),
        ] {
            assert_eq!(late(&fine), [""; 0], "{fine}");
        }
    }
}
