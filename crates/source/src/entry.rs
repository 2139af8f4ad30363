//! Which driver a file becomes part of, and whether that opts in to no-execute pools when it starts.

mod first;
mod named;
mod only;
mod opting;
mod status;
mod unseen;

use crate::call_words::Names;
use crate::calls::CallId;
use crate::interest::Interest;
use crate::opt_in::{Initialised, OptIn};
use crate::tree::folder;
use crate::world::{FunctionId, Parsed, World};
use crate::{FEW_FILES, FileId, Project, SourceTree, Span, owners};
pub(crate) use first::{Sets, Settings};
use foldhash::{HashMap, HashSet, HashSetExt};
pub(crate) use named::named;
pub(crate) use opting::{Before, Early, before};
use opting::{Mark, Marks, Opting, is_of_some_builds, opting};
use rayon::prelude::*;

/// A function that Windows calls when a driver starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `DriverEntry`, `DllInitialize` or `GsDriverEntry`, or what the linker is told instead.
    pub name: String,
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

/// Fills in whether the runtime is initialised, for all files with an opt-in that needs it.
pub(crate) fn initialise(world: &mut World<'_>, projects: &[Project]) {
    if !needs_runtime(world) {
        return;
    }
    let calls = initialisations(world);
    let marks = marks(world, &calls);
    let entries: Vec<FunctionId> = entry_points(world).map(|(_, id)| id).collect();
    let standing = |entry: &FunctionId| Some((*entry, opting(world, *entry, &marks, None)?));
    let standing: HashMap<FunctionId, Opting> =
        entries.par_iter().with_min_len(FEW_FILES).filter_map(standing).collect();
    let drivers = Drivers::new(world, projects, &entries);
    let parts =
        |parsed: &Parsed<'_>| is_runtime(&parsed.opt_in).then(|| drivers.parts_with(parsed.file));
    let parts: Vec<Option<Parts>> =
        world.parsed.par_iter().with_min_len(FEW_FILES).map(parts).collect();
    let distinct: HashSet<&Parts> = parts.iter().flatten().collect();
    let answer = |parts| (parts, of_owners(world, &drivers, parts, &calls, &entries, &standing));
    let known: HashMap<&Parts, OptIn> = distinct
        .into_iter()
        .collect::<Vec<_>>()
        .into_par_iter()
        .with_min_len(FEW_FILES)
        .map(answer)
        .collect();
    let answers: Vec<Option<OptIn>> =
        parts.iter().map(|parts| known.get(parts.as_ref()?).cloned()).collect();
    for (parsed, answer) in world.parsed.iter_mut().zip(answers) {
        if let Some(answer) = answer {
            parsed.opt_in = answer;
        }
    }
    let mut standing: Vec<(FunctionId, Opting)> = standing.into_iter().collect();
    standing.sort_by_key(|(id, _)| (id.parsed, id.function));
    world.early = opting::collected(standing.into_iter().flat_map(|(_, one)| one.comes).collect());
}

fn needs_runtime(world: &World<'_>) -> bool {
    world.parsed.iter().any(|parsed| is_runtime(&parsed.opt_in))
}

/// The functions by way of which the runtime may be initialised and that are not looked for yet: those with a call that
/// does so, and those that call one of them. What calls them is to be read first.
pub(crate) fn ways(world: &World<'_>, interest: &Interest) -> Vec<String> {
    if !needs_runtime(world) {
        return Vec::new();
    }
    let around = |parsed: usize, call: usize| {
        let syntax = &world.parsed[parsed].syntax;
        let function = &syntax.functions[syntax.calls[call].function?];
        Some(world.text(parsed, &function.name))
    };
    let calls = initialisations(world);
    let mut names: HashSet<&str> =
        calls.iter().filter_map(|id| around(id.parsed, id.call)).collect();
    (0..world.parsed.len()).into_par_iter().with_min_len(FEW_FILES).for_each(|parsed| {
        world.call_words(parsed);
    });
    for _ in 1..DEEPEST {
        let known = names.len();
        let mut numbers = Names::of(names.iter().copied());
        for (parsed, file) in world.parsed.iter().enumerate() {
            let words = world.call_words(parsed);
            let leads = |call: &usize| {
                words.may_call(*call, &numbers)
                    && names.contains(world.text(parsed, &file.syntax.calls[*call].callee))
            };
            let all = (0..file.syntax.calls.len()).filter(leads);
            let more: Vec<&str> = all.filter_map(|call| around(parsed, call)).collect();
            numbers.add(more.iter().copied());
            names.extend(more);
        }
        if names.len() == known {
            break;
        }
    }
    names.retain(|name| !starts(world).any(|start| start == *name) && !interest.has(name));
    names.into_iter().map(str::to_owned).collect()
}

fn is_runtime(opt_in: &OptIn) -> bool {
    matches!(opt_in, OptIn::Runtime(_))
}

/// What the functions are called where drivers start.
pub(crate) fn starts<'w>(world: &'w World<'_>) -> impl Iterator<Item = &'w str> {
    ENTRIES.into_iter().chain(world.starts.iter().map(String::as_str))
}

fn entry_points<'w>(world: &'w World<'_>) -> impl Iterator<Item = (&'w str, FunctionId)> {
    starts(world).flat_map(|name| {
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
    let marks = marks(world, &calls);
    let all: Vec<_> = entry_points(world).collect();
    let ids: Vec<FunctionId> = all.iter().map(|(_, id)| *id).collect();
    let mut served: Vec<Vec<FileId>> = vec![Vec::new(); all.len()];
    // As many entry points as files make a list that grows with the square.
    let drivers = Drivers::new(world, projects, &ids);
    for file in files.into_iter().take(MOST_PAIRS / ids.len().max(1)) {
        let parts = drivers.parts_with(file);
        for (id, served) in ids.iter().zip(&mut served) {
            if drivers.has(&parts, world.parsed[id.parsed].file) {
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
        let is_never =
            || opting(world, id, &marks, None).is_some_and(|one| one.at_end == Some(Before::Never));
        let initialises = called_from(world, &[id], &calls, &|_| false)
            .and_then(|one| one.call())
            .filter(|_| !is_never());
        let body = Span::new(parsed.file, function.body.clone());
        entries.push(Entry { name: name.to_owned(), span, body, initialises, serves });
    }
    entries.sort_by_key(|entry| entry.span);
    entries
}

/// The calls of ExInitializeDriverRuntime that opt in.
fn initialisations(world: &World<'_>) -> Vec<CallId> {
    let in_file = |parsed: usize| {
        let file = &world.parsed[parsed];
        let all = || {
            let calls = file.syntax.calls.iter().enumerate();
            // What the flag is called or how it is computed does not matter: there is only one.
            let opting = calls.filter(|(_, one)| opts_in(world, parsed, one));
            opting.map(|(call, _)| call).collect()
        };
        // Asked for in every round, and no round changes it.
        let opting = file.opting.get_or_init(all).iter();
        let runs = move |call: &&usize| {
            let one = &file.syntax.calls[**call];
            !world.is_dead(parsed, one.function, one.callee.start)
        };
        opting.filter(runs).map(move |call| CallId { parsed, call: *call })
    };
    (0..world.parsed.len()).into_par_iter().with_min_len(FEW_FILES).flat_map_iter(in_file).collect()
}

/// Where each of these calls is made.
fn marks(world: &World<'_>, calls: &[CallId]) -> Marks {
    let mut marks = Marks::default();
    for id in calls {
        let call = &world.parsed[id.parsed].syntax.calls[id.call];
        let Some(function) = call.function else { continue };
        // At the closing bracket, which is within what the call is a part of.
        let is_certain = always_opts_in(world, id.parsed, call);
        let mark =
            Mark { at: call.whole.end.saturating_sub(1), span: span(world, *id), is_certain };
        marks.entry(FunctionId { parsed: id.parsed, function }).or_default().push(mark);
    }
    marks
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

/// Whether every build makes of a call that opts in one that does: a macro may stand for nothing in some.
fn always_opts_in(world: &World<'_>, parsed: usize, call: &crate::syntax::Call) -> bool {
    let name = world.text(parsed, &call.callee);
    let file = &world.parsed[parsed];
    let meanings = file.unit.meanings(name, file.time(call.callee.start));
    name == OPTS_IN
        || !meanings.maybe_undefined
            && meanings.macros.iter().all(|one| one.text(world.tree).contains(OPTS_IN))
}

/// Of a file that several drivers build, each by itself: one may opt in where another does not.
fn of_owners(
    world: &World<'_>,
    drivers: &Drivers<'_, '_>,
    parts: &Parts,
    calls: &[CallId],
    entries: &[FunctionId],
    standing: &HashMap<FunctionId, Opting>,
) -> OptIn {
    let of = |parts: &Parts| of_parts(world, drivers, parts, calls, entries, standing);
    let (file, owners) = match parts {
        Parts::Of(file, owners) if owners.len() > 1 => (file, owners),
        _ => return OptIn::Runtime(of(parts)),
    };
    let answers: Vec<(usize, Initialised)> =
        owners.iter().map(|&owner| (owner, of(&Parts::Of(*file, vec![owner])))).collect();
    let is_set = |answer: &Initialised| {
        matches!(answer, Initialised::InEntry(_) | Initialised::InHelper { .. })
    };
    let is_unset =
        |answer: &Initialised| matches!(answer, Initialised::Never | Initialised::Elsewhere(_));
    let without: Vec<&Project> = answers
        .iter()
        .filter(|(_, answer)| is_unset(answer))
        .map(|(owner, _)| &drivers.projects[*owner])
        .collect();
    if without.is_empty() || !answers.iter().any(|(_, answer)| is_set(answer)) {
        let unproven = |(_, one): &&(usize, Initialised)| one.is_unproven();
        if let Some((_, unproven)) = answers.iter().find(unproven) {
            return OptIn::Runtime(unproven.clone());
        }
        return OptIn::Runtime(of(parts));
    }
    OptIn::Partly { without: without.into_iter().map(crate::opt_in::Build::whole).collect() }
}

fn of_parts(
    world: &World<'_>,
    drivers: &Drivers<'_, '_>,
    parts: &Parts,
    calls: &[CallId],
    entries: &[FunctionId],
    standing: &HashMap<FunctionId, Opting>,
) -> Initialised {
    let belongs = |parsed: usize| drivers.has(parts, world.parsed[parsed].file);
    let all = entries;
    let entries: Vec<_> = all.iter().copied().filter(|id| belongs(id.parsed)).collect();
    // What the driver calls and has no function for is in a library that it is linked with: in one of the tree, unless
    // another driver has that function for itself.
    if let Some(answer) = called_from(world, &entries, calls, &belongs) {
        let outside = answer.call().filter(|call| !drivers.has(parts, call.file));
        let is_of_driver = outside.is_some_and(|call| {
            let theirs = drivers.parts_with(call.file);
            all.iter().any(|id| drivers.has(&theirs, world.parsed[id.parsed].file))
        });
        let ends = entries.iter().filter_map(|entry| standing.get(entry)?.at_end);
        // Other builds may start in a function that does not.
        let is_by_build = entries.iter().any(|entry| match standing.get(entry) {
            Some(one) => one.is_by_build,
            None => is_of_some_builds(world, *entry),
        });
        return match (ends.min(), answer.call()) {
            _ if is_of_driver => Initialised::NoEntry,
            (Some(Before::Never), _) => Initialised::Never,
            (Some(Before::Sometimes), Some(call)) if is_by_build => Initialised::ByBuild(call),
            (Some(Before::Sometimes), Some(call)) => Initialised::Unproven(call),
            (Some(Before::Always), Some(call))
                if entries
                    .iter()
                    .any(|one| !standing.contains_key(one) && is_of_some_builds(world, *one)) =>
            {
                Initialised::ByBuild(call)
            }
            _ => answer,
        };
    }
    let calls: Vec<CallId> = calls.iter().copied().filter(|id| belongs(id.parsed)).collect();
    match calls.first() {
        // Where the driver starts is not in sight, under whatever name.
        _ if entries.is_empty() => Initialised::NoEntry,
        Some(first) => match unseen::first(world, &calls, &belongs) {
            Some(unseen) => Initialised::Unseen(span(world, unseen)),
            None => Initialised::Elsewhere(span(world, *first)),
        },
        None => Initialised::Never,
    }
}

fn span(world: &World<'_>, id: CallId) -> Span {
    let parsed = &world.parsed[id.parsed];
    Span::new(parsed.file, parsed.syntax.calls[id.call].whole.clone())
}

/// Whether an entry point, or what it calls, makes one of `calls`. Of functions of one name those are meant that are in a
/// file of the driver's `own`, if there are any.
fn called_from(
    world: &World<'_>,
    entries: &[FunctionId],
    calls: &[CallId],
    own: &dyn Fn(usize) -> bool,
) -> Option<Initialised> {
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
            let calls = &world.parsed[id.parsed].syntax.calls;
            for call in world.call_words(id.parsed).within(id.function) {
                let name = world.text(id.parsed, &calls[call].callee);
                next.extend(world.called_among(id.parsed, name, own));
            }
        }
        level = next;
    }
    None
}

/// Which files become part of one driver.
struct Drivers<'a, 't> {
    tree: &'t SourceTree,
    projects: &'a [Project],
    /// The folders of all files that were parsed, and those with an entry point.
    folders: HashMap<FileId, String>,
    with_entry: HashSet<String>,
}

/// The files of one driver: those of the projects that name one of them, else those below a folder.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Parts {
    /// A file, and the projects that name it, by their places. Headers belong to whoever includes them.
    Of(FileId, Vec<usize>),
    Below(String),
}

impl<'a, 't> Drivers<'a, 't> {
    fn new(world: &World<'t>, projects: &'a [Project], entries: &[FunctionId]) -> Self {
        let tree = world.tree;
        let path = |file: FileId| folder(tree.key(file)).to_owned();
        let folders: HashMap<FileId, String> =
            world.parsed.iter().map(|one| (one.file, path(one.file))).collect();
        let of_entry = |id: &FunctionId| folders[&world.parsed[id.parsed].file].clone();
        let with_entry = entries.iter().map(of_entry).collect();
        Drivers { tree, projects, folders, with_entry }
    }

    /// What becomes part of the same driver as `file`: what the projects have that name it, else what is below the nearest
    /// folder with an entry point, else all.
    fn parts_with(&self, file: FileId) -> Parts {
        let owners = owners(self.projects, self.tree, file);
        if !owners.is_empty() {
            let place = |owner: &&Project| {
                self.projects.iter().position(|project| std::ptr::eq(project, *owner))
            };
            return Parts::Of(file, owners.iter().filter_map(place).collect());
        }
        let mut nearest = self.folders.get(&file).map(String::as_str).unwrap_or_default();
        let has_entry = |of: &str| self.with_entry.iter().any(|entry| is_below(entry, of));
        while !nearest.is_empty() && !has_entry(nearest) {
            nearest = folder(nearest);
        }
        Parts::Below(nearest.to_owned())
    }

    fn has(&self, parts: &Parts, file: FileId) -> bool {
        match parts {
            Parts::Below(nearest) => {
                self.folders.get(&file).is_some_and(|folder| is_below(folder, nearest))
            }
            Parts::Of(first, owners) => {
                file == *first
                    || owners.iter().any(|owner| self.projects[*owner].sources.contains(&file))
                    || self.tree.file(file).kind == crate::FileKind::Header
            }
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
                (&*entry.name, tree.text(entry.body), entry.initialises.is_some(), serves)
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
