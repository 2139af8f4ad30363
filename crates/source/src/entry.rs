//! Which driver a file becomes part of, and whether that opts in to no-execute pools when it starts.

use crate::calls::CallId;
use crate::opt_in::{Initialised, OptIn};
use crate::tree::{folder, normal};
use crate::world::{FunctionId, World};
use crate::{FileId, Project, Span};
use foldhash::{HashMap, HashSet, HashSetExt};

/// Where a driver starts.
const ENTRIES: [&str; 3] = ["DriverEntry", "DllInitialize", "GsDriverEntry"];

/// How many functions lie between the entry point and the call, at the most.
const DEEPEST: usize = 6;

/// Fills in whether the runtime is initialised, for all files with an opt-in that needs it.
pub(crate) fn initialise(world: &mut World<'_>, projects: &[Project]) {
    let is_runtime = |opt_in: &OptIn| matches!(opt_in, OptIn::Runtime(_));
    if !world.parsed.iter().any(|parsed| is_runtime(&parsed.opt_in)) {
        return;
    }
    let calls = initialisations(world);
    let entries: Vec<FunctionId> = ENTRIES
        .iter()
        .flat_map(|name| world.functions.get(name).cloned().unwrap_or_default())
        .collect();
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
}

/// The calls of ExInitializeDriverRuntime that opt in.
fn initialisations(world: &World<'_>) -> Vec<CallId> {
    let mut found = Vec::new();
    for (parsed, file) in world.parsed.iter().enumerate() {
        for (call, one) in file.syntax.calls.iter().enumerate() {
            // What the flag is called or how it is computed does not matter: there is only one.
            if world.text(parsed, &one.callee) == "ExInitializeDriverRuntime" {
                found.push(CallId { parsed, call });
            }
        }
    }
    found
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
        Some(first) => Initialised::Elsewhere(span(world, *first)),
        None if entries.is_empty() => Initialised::NoEntry,
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
    let owners: Vec<&Project> =
        projects.iter().filter(|project| project.sources.contains(&file)).collect();
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
