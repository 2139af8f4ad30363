//! A tree, looked at as a whole.

#[cfg(test)]
pub(crate) mod tests;

use crate::blank::blanked;
use crate::builds::{self, surroundings};
use crate::calls::{CallId, Follower, SourceCall, Wrappers};
use crate::code_use::{self, CodeUse};
use crate::control::{self, ControlWrite};
use crate::entry::{self, Entry};
use crate::interest::{self, Interest};
use crate::linker::{self, LinkerFact, of_projects};
use crate::opt_in::{self, OptIn};
use crate::outline::{self, Body};
use crate::pointer;
use crate::pragma::{self, Pragmas, SectionPragma};
use crate::preprocess::{AllDirectives, Unit, unit};
use crate::syntax::{Call, Manner, Syntax, syntax};
use crate::table::{self, PointerTable};
use crate::warm::{Warming, setting_files};
use crate::world::{FunctionId, Parsed, World};
use crate::{Configuration, FileId, FileKind, Project, SourceTree, Span, rust};
use foldhash::{HashMap, HashSet, HashSetExt};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// What a tree has to say.
#[derive(Debug, Default)]
pub struct Analysis {
    /// The calls of DDIs, each where the value was chosen that decides; by file and place.
    pub calls: Vec<SourceCall>,
    /// The opt-in of each file of C that was parsed; Rust has none.
    pub opt_ins: Vec<(FileId, OptIn)>,
    /// The entry points of drivers with files that `POOL_NX_OPTIN` is defined for.
    pub entries: Vec<Entry>,
    /// Macros that would opt in but are defined behind the headers of the kernel, and so do not; each once, with its name.
    pub late_opt_ins: Vec<(&'static str, Span)>,
    /// Headers in quotation marks that are nowhere in the tree, each where it is included.
    pub missing: Vec<Span>,
    /// Files that were parsed.
    pub parsed: Vec<FileId>,
    /// Files of which not all was read, as they are made to be hard.
    pub cut: Vec<FileId>,
    /// Sources that projects name and none builds for a processor of 64 bits: nothing is said of them.
    pub not_built: Vec<FileId>,
    /// Options that pragmas and projects give to the linker, but for programs of user mode.
    pub linker: Vec<LinkerFact>,
    /// Sections that pragmas make.
    pub sections: Vec<SectionPragma>,
    /// Writes of control register 0, but for programs of user mode.
    pub control: Vec<ControlWrite>,
    /// What is plainly done to code of the tree, or done with memory that becomes code.
    pub code_uses: Vec<CodeUse>,
    /// Initialised data whose addresses do not lie on multiples of eight.
    pub tables: Vec<PointerTable>,
}

/// How many variants of a file are looked at, where conditions are open.
const MOST_VARIANTS: u32 = 4;
/// How often wrappers are made of wrappers.
const MOST_ROUNDS: usize = 6;

/// Looks at all C, C++ and Rust of a tree. `defines` hold for every file beside what projects say, each `NAME` or
/// `NAME=VALUE`.
pub fn analyse(tree: &SourceTree, projects: &[Project], defines: &[String]) -> Analysis {
    Analyser::default().all(tree, projects, defines)
}

/// Looks at a tree again and again: at all of it, and then at single files that changed.
///
/// What it remembers is of the tree of the last look at everything. Files may get new texts after that, and each has to be
/// told by [`Analyser::forget`]; where files come or go, everything is to be looked at.
#[derive(Default)]
pub struct Analyser {
    directives: AllDirectives,
    interest: Option<Interest>,
    /// The files with functions that hand a parameter on, by the function's name, and with what is given to pointers, by
    /// the pointer's.
    wrappers: HashMap<String, Vec<FileId>>,
    /// The files that say anything of a variable that was asked for.
    variables: HashMap<String, Vec<FileId>>,
    /// The names of all functions that were read.
    functions: HashSet<String>,
    opt_ins: HashMap<FileId, OptIn>,
    /// Files whose change may change what others have to say.
    shared: HashSet<FileId>,
    tables: table::Candidates,
    /// Sources that nobody builds.
    not_built: HashSet<FileId>,
}

impl std::fmt::Debug for Analyser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyser").finish_non_exhaustive()
    }
}

impl Analyser {
    /// Looks at everything.
    pub fn all(&mut self, tree: &SourceTree, projects: &[Project], defines: &[String]) -> Analysis {
        self.directives = AllDirectives::new(tree);
        let mut interest = Interest::new(tree, &self.directives);
        let not_built = builds::not_built(tree, &self.directives, projects);
        self.not_built = not_built.iter().copied().collect();
        let mut reading = Reading::new(tree, &self.directives, projects, defines);
        let mut following = Following::new(tree);
        // How many functions were followed back from an opt-in; no more are followed forward.
        let mut levels = 0;
        let is_built = |file: &FileId| !self.not_built.contains(file);
        let files: Vec<FileId> = interest::sources(tree).filter(is_built).collect();
        loop {
            reading.read_named(&files, &interest, &mut following);
            let ways = entry::ways(&following.world, &interest);
            if !ways.is_empty() && levels < entry::DEEPEST {
                levels += 1;
                interest.add(ways, tree, &self.directives);
                continue;
            }
            entry::initialise(&mut following.world, projects);
            match following.round(&interest) {
                Some(names) => interest.add(names, tree, &self.directives),
                None if following.settle(&mut reading, &files, &interest) => {}
                None => break,
            }
        }
        reading.warming().using_code(&mut following.world);
        let mut analysis = following.analysis(&mut reading, &files);
        self.tables = table::Candidates::new(tree, &self.directives);
        let mut with_tables = self.tables.files(tree);
        with_tables.retain(is_built);
        analysis.tables = reading.tables(&with_tables, &self.tables);
        analysis.not_built = not_built;
        let Following { world, wrappers, .. } = following;
        self.wrappers = HashMap::default();
        for id in wrappers.keys() {
            let files = self.wrappers.entry(name_of(&world, *id).to_owned()).or_default();
            files.push(world.parsed[id.parsed].file);
        }
        for (name, all) in &world.pointers {
            let files = all.iter().filter(|one| !one.is_local).map(|one| one.parsed);
            let files = files.map(|parsed| world.parsed[parsed].file);
            self.wrappers.entry((*name).to_owned()).or_default().extend(files);
        }
        self.opt_ins = analysis.opt_ins.iter().cloned().collect();
        self.variables = variables(&world);
        self.functions = world.functions.keys().map(|name| (*name).to_owned()).collect();
        self.shared = shared(&world, &wrappers);
        self.interest = Some(interest);
        analysis.with(rust::analyse(tree))
    }

    /// Says that a file has a new text.
    pub fn forget(&mut self, file: FileId) {
        self.directives.forget(file);
    }

    /// Whether a change of a file changes only what it says itself: it is C or C++, no header, no driver starts or opts in
    /// in it, and none of its functions hands a parameter on or sets what others use.
    pub fn is_alone(&self, tree: &SourceTree, file: FileId) -> bool {
        let is_main = matches!(tree.file(file).kind, FileKind::C | FileKind::Cpp);
        let is_known = self.interest.is_some() && self.directives.knows(file);
        is_main && is_known && !self.shared.contains(&file) && !self.not_built.contains(&file)
    }

    /// Looks at one file that is alone, with what the last look at everything knew of the others: calls and tables
    /// are those of that file, and of the rest there is what was found on the way. None where it turns out not to be alone.
    pub fn one(
        &self,
        tree: &SourceTree,
        projects: &[Project],
        defines: &[String],
        file: FileId,
    ) -> Option<Analysis> {
        let interest = self.interest.as_ref().filter(|_| self.is_alone(tree, file))?;
        let mut reading = Reading::new(tree, &self.directives, projects, defines);
        let mut following = Following::new(tree);
        let text = tree.file(file).text.as_str();
        let mut wanted: Vec<FileId> =
            interest.is_named_in(text).then_some(file).into_iter().collect();
        loop {
            wanted.retain(|file| following.read.insert(*file));
            let more = reading.read_files(wanted, interest);
            following.world.add(more);
            for parsed in &mut following.world.parsed {
                if matches!(parsed.opt_in, OptIn::Runtime(_)) {
                    parsed.opt_in = self.opt_ins.get(&parsed.file)?.clone();
                }
            }
            let more = following.round(interest);
            wanted = self.needed(&following);
            if !wanted.is_empty() {
                following.followed.clear();
            } else if more.is_none() && !following.settle_here(&reading) {
                break;
            }
        }
        let is_elsewhere = |name: &str| {
            self.functions.contains(name) && !following.world.functions.contains_key(name)
        };
        if shared(&following.world, &following.wrappers).contains(&file)
            || code_use::may_use(&is_elsewhere, text)
        {
            return None;
        }
        reading.warming().using_code(&mut following.world);
        let mut analysis = following.analysis(&mut reading, &[file]);
        analysis.calls.retain(|call| call.span.file == file);
        if self.tables.has(tree, &self.directives, file) {
            analysis.tables = reading.tables(&[file], &self.tables);
        }
        Some(analysis)
    }

    /// The files not read yet with functions that hand a parameter on and that what was read calls, and those with
    /// variables that were asked for.
    fn needed(&self, following: &Following<'_>) -> Vec<FileId> {
        let mut files = Vec::new();
        for (parsed, one) in following.world.parsed.iter().enumerate() {
            for call in &one.syntax.calls {
                let known = self.wrappers.get(following.world.text(parsed, &call.callee));
                files.extend(known.into_iter().flatten());
            }
        }
        let asked = following.world.asked();
        files.extend(asked.iter().filter_map(|name| self.variables.get(name)).flatten());
        files.retain(|file| !following.read.contains(file));
        files.sort();
        files.dedup();
        files
    }
}

/// The files that say anything of a variable that was asked for.
fn variables(world: &World<'_>) -> HashMap<String, Vec<FileId>> {
    let files = |name: String| {
        let events = world.globals.get(&*name)?;
        let mut files: Vec<FileId> =
            events.iter().map(|event| world.parsed[event.parsed].file).collect();
        files.dedup();
        Some((name, files))
    };
    world.asked().into_iter().filter_map(files).collect()
}

/// The files with entry points or opt-ins, with functions that hand a parameter on, or with variables that others may use or
/// pointers that others may call.
fn shared(world: &World<'_>, wrappers: &Wrappers) -> HashSet<FileId> {
    let pointers = world.pointers.values().flatten().filter(|one| !one.is_local);
    let pointers = pointers.map(|one| world.parsed[one.parsed].file);
    let entries = entry::ENTRIES.iter().filter_map(|name| world.functions.get(*name)).flatten();
    let functions = entries.chain(wrappers.keys()).map(|id| world.parsed[id.parsed].file);
    let opts_in = |file: &FileId| world.tree.file(*file).text.as_str().contains(entry::OPTS_IN);
    let opting_in = world.parsed.iter().map(|parsed| parsed.file).filter(opts_in);
    let several = variables(world).into_values().filter(|files| files.len() > 1).flatten();
    functions.chain(opting_in).chain(several).chain(pointers).collect()
}

/// Calls that are followed, round after round, as wrappers turn up.
struct Following<'t> {
    world: World<'t>,
    read: HashSet<FileId>,
    wrappers: Wrappers,
    calls: HashMap<CallId, Vec<SourceCall>>,
    followed: HashSet<CallId>,
    /// The variables that were asked for and whose setting was read.
    settled: HashSet<String>,
    /// How often pointers are given something.
    given: usize,
    rounds: usize,
}

impl<'t> Following<'t> {
    fn new(tree: &'t SourceTree) -> Following<'t> {
        Following {
            world: World::new(tree),
            read: HashSet::new(),
            wrappers: Wrappers::default(),
            calls: HashMap::default(),
            followed: HashSet::new(),
            settled: HashSet::new(),
            given: 0,
            rounds: 0,
        }
    }

    /// Follows what was not followed yet; gives the names of functions that turned out to be wrappers, and of
    /// pointers to what is looked for, if there are any.
    fn round(&mut self, interest: &Interest) -> Option<Vec<String>> {
        let (pointers, seen) = pointer::all(&self.world, interest);
        let mut names: HashSet<&str> =
            seen.into_iter().filter(|name| !interest.has(name)).collect();
        let given = pointers.values().map(Vec::len).sum();
        if given != self.given {
            // A pointer may point to more than it did when its calls were followed.
            self.followed.clear();
            self.given = given;
        }
        self.world.pointers = pointers;
        let (found, more) = round(&self.world, interest, &self.wrappers, &self.followed);
        self.followed.extend(found.iter().map(|(id, _)| *id));
        self.calls.extend(found);
        self.rounds += 1;
        if more.is_empty() && names.is_empty() || self.rounds >= MOST_ROUNDS {
            return None;
        }
        // Calls of what turned out to be a wrapper are followed anew.
        let world = &self.world;
        names.extend(more.iter().map(|(id, _)| name_of(world, *id)));
        let callee = |id: &CallId| {
            world.text(id.parsed, &world.parsed[id.parsed].syntax.calls[id.call].callee)
        };
        let is_pointer = |id: &CallId| world.pointers.contains_key(callee(id));
        self.followed.retain(|id| {
            !names.contains(callee(id)) && !is_pointer(id) && !is_macro_call(world, *id)
        });
        let names = names.into_iter().map(str::to_owned).collect();
        for (function, call) in more {
            self.wrappers.entry(function).or_default().push(call);
        }
        Some(names)
    }

    /// Reads what sets the variables that were asked for in the files that were read; whether there is any.
    fn settle_here(&mut self, reading: &Reading<'t>) -> bool {
        let asked: HashSet<String> =
            self.world.asked().difference(&self.settled).cloned().collect();
        let is_warm = !asked.is_empty() && reading.warming().setting(&mut self.world, &asked);
        self.settled.extend(asked);
        if is_warm {
            self.followed.clear();
        }
        is_warm
    }

    /// Reads what sets, in any of `files`, the variables that were asked for; whether calls have to be followed anew as there is any.
    fn settle(&mut self, reading: &mut Reading<'t>, files: &[FileId], interest: &Interest) -> bool {
        let asked: HashSet<String> =
            self.world.asked().difference(&self.settled).cloned().collect();
        if asked.is_empty() || self.rounds >= MOST_ROUNDS {
            return false;
        }
        let unread = files.iter().copied().filter(|file| !self.read.contains(file));
        let files = setting_files(reading.tree, unread, &asked);
        self.read.extend(files.iter().copied());
        let is_more = !files.is_empty();
        self.world.add(reading.read_files(files, interest));
        if is_more {
            self.followed.clear();
        }
        self.settle_here(reading) || is_more
    }

    /// What was found, with what else `files` say.
    fn analysis(&mut self, reading: &mut Reading<'t>, files: &[FileId]) -> Analysis {
        let world = &self.world;
        let pragmas = reading.pragmas(files);
        let is_for_kernel = |parsed: &Parsed<'_>| !reading.is_for_user_mode(&parsed.unit);
        Analysis {
            linker: of_projects(reading.projects).into_iter().chain(pragmas.linker).collect(),
            sections: pragmas.sections,
            tables: Vec::new(),
            not_built: Vec::new(),
            control: control::writes(world, &is_for_kernel),
            code_uses: code_use::uses(world, &is_for_kernel),
            calls: {
                // What runs in user mode asks the kernel for nothing of this kind.
                let calls = std::mem::take(&mut self.calls).into_iter();
                let calls =
                    calls.filter(|(id, _)| is_for_kernel(&world.parsed[id.parsed])).collect();
                told(calls, &self.wrappers, |id| call_span(world, id))
            },
            opt_ins: world.parsed.iter().map(|one| (one.file, one.opt_in.clone())).collect(),
            entries: entry::entries(world, reading.projects),
            late_opt_ins: reading.late_opt_ins(),
            missing: reading.missing(),
            parsed: self.read.iter().copied().collect(),
            cut: world.parsed.iter().filter(|one| one.syntax.is_cut).map(|one| one.file).collect(),
        }
    }
}

impl Analysis {
    /// With what Rust has to say, which neither calls C nor is called by it as far as is seen.
    fn with(mut self, of_rust: rust::Found) -> Analysis {
        self.calls.extend(of_rust.calls);
        self.calls.sort_by_key(|call| call.span.file);
        self.parsed.extend(of_rust.parsed);
        self.parsed.sort();
        self.cut.extend(of_rust.cut);
        self
    }
}

fn name_of<'t>(world: &World<'t>, id: FunctionId) -> &'t str {
    world.text(id.parsed, &world.parsed[id.parsed].syntax.functions[id.function].name)
}

fn is_macro_call(world: &World<'_>, id: CallId) -> bool {
    let parsed = &world.parsed[id.parsed];
    let call = &parsed.syntax.calls[id.call];
    let name = world.text(id.parsed, &call.callee);
    !parsed.unit.meanings(name, parsed.time(call.callee.start)).macros.is_empty()
}

type Found = Vec<(CallId, Vec<SourceCall>)>;

/// Follows the calls that are looked for and were not followed yet: what they come to, and the functions that turn out to
/// hand a parameter on.
fn round(
    world: &World<'_>,
    interest: &Interest,
    wrappers: &Wrappers,
    followed: &HashSet<CallId>,
) -> (Found, Vec<(FunctionId, CallId)>) {
    let follower = Follower::new(world, wrappers);
    let of_file = |parsed: usize| {
        let syntax = &world.parsed[parsed].syntax;
        let wanted = syntax.calls.iter().enumerate().filter(|(call, one)| {
            let name = match one.manner {
                Manner::New => "operator new",
                _ => world.text(parsed, &one.callee),
            };
            let is_wanted = interest.has(name) || world.pointers.contains_key(name);
            (is_wanted || hands_on(world, interest, parsed, one))
                && !followed.contains(&CallId { parsed, call: *call })
        });
        let mut found = Vec::new();
        let mut more = Vec::new();
        for (call, one) in wanted {
            let id = CallId { parsed, call };
            let reached = follower.reach(id);
            if let Some(function) = one.function.filter(|_| reached.iter().any(|one| one.depends)) {
                let function = FunctionId { parsed, function };
                if !wrappers.get(&function).is_some_and(|known| known.contains(&id)) {
                    more.push((function, id));
                }
            }
            found.push((id, reached.into_iter().map(|one| one.call).collect()));
        }
        (found, more)
    };
    let all: Vec<_> = (0..world.parsed.len()).into_par_iter().map(of_file).collect();
    let (found, more): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    (found.into_iter().flatten().collect(), more.into_iter().flatten().collect())
}

/// Whether a call is one of a macro that is handed a function that is looked for, or of what a macro gives.
fn hands_on(world: &World<'_>, interest: &Interest, parsed: usize, call: &Call) -> bool {
    let is_named = |range: &Range<usize>| {
        let name = world.text(parsed, range);
        interest.has(name) || world.pointers.contains_key(name)
    };
    if call.manner != Manner::Given && !call.arguments.iter().any(is_named) {
        return false;
    }
    let file = &world.parsed[parsed];
    let meanings =
        file.unit.meanings(world.text(parsed, &call.callee), file.time(call.callee.start));
    meanings.macros.iter().any(|one| one.parameters.is_some())
}

/// The calls that are told: each place once, and no call in a wrapper whose callers choose.
pub(crate) fn told(
    calls: HashMap<CallId, Vec<SourceCall>>,
    wrappers: &Wrappers,
    span_of: impl Fn(CallId) -> Span,
) -> Vec<SourceCall> {
    let mut called: HashSet<Span> = HashSet::new();
    for call in calls.values().flatten() {
        called.extend(call.via.iter().map(|hop| hop.span));
    }
    let in_wrapper: HashSet<CallId> = wrappers.values().flatten().copied().collect();
    let mut all: Vec<(CallId, SourceCall)> = calls
        .into_iter()
        .flat_map(|(id, calls)| calls.into_iter().map(move |call| (id, call)))
        .collect();
    all.retain(|(id, call)| {
        let depends =
            call.deciding().is_some_and(|(_, argument)| argument.value.depends_on_parameter());
        !(depends && in_wrapper.contains(id) && called.contains(&span_of(*id)))
    });
    let key = |call: &SourceCall| (call.span, call.innermost, call.ddi.name);
    let mut all: Vec<SourceCall> = all.into_iter().map(|(_, call)| call).collect();
    all.sort_by_key(|call| (key(call), format!("{:?}", call.via)));
    all.dedup_by(|one, other| {
        key(one) == key(other) && one.deciding_value() == other.deciding_value()
    });
    all
}

fn call_span(world: &World<'_>, id: CallId) -> Span {
    let parsed = &world.parsed[id.parsed];
    Span::new(parsed.file, parsed.syntax.calls[id.call].whole.clone())
}

impl SourceCall {
    fn deciding_value(&self) -> Option<&crate::Value> {
        self.deciding().map(|(_, argument)| &argument.value)
    }
}

/// Reads files as their translation units have them.
struct Reading<'t> {
    tree: &'t SourceTree,
    directives: &'t AllDirectives,
    projects: &'t [Project],
    defines: &'t [String],
    units: HashMap<FileId, Arc<Unit<'t>>>,
    /// What the macros of each unit say.
    opt_ins: HashMap<FileId, OptIn>,
    /// How many names were looked for when files were read for them.
    names: usize,
}

impl<'t> Reading<'t> {
    fn new(
        tree: &'t SourceTree,
        directives: &'t AllDirectives,
        projects: &'t [Project],
        defines: &'t [String],
    ) -> Reading<'t> {
        let (units, opt_ins) = (HashMap::default(), HashMap::default());
        Reading { tree, directives, projects, defines, units, opt_ins, names: 0 }
    }

    /// Parses what names anything of interest and was not parsed yet: those of `files`, and functions left out.
    fn read_named(&mut self, files: &[FileId], interest: &Interest, following: &mut Following<'t>) {
        // What earlier names are in was read for them.
        let earlier = std::mem::replace(&mut self.names, interest.len());
        if earlier == interest.len() {
            return;
        }
        let named = |file: &FileId| {
            let text = self.tree.file(*file).text.as_str();
            if earlier == 0 { interest.is_named_in(text) } else { interest.is_newly_named_in(text) }
        };
        let read = &mut following.read;
        let all: Vec<FileId> = files.iter().copied().filter(|file| !read.contains(file)).collect();
        let wanted: Vec<FileId> = all.into_par_iter().filter(named).collect();
        read.extend(wanted.iter().copied());
        let parsed = self.read_files(wanted, interest);
        if earlier != 0
            && let Some(names) = interest.fresh()
        {
            self.warming().naming(&mut following.world, names);
        }
        following.world.add(parsed);
    }

    /// Parses files.
    fn read_files(&mut self, wanted: Vec<FileId>, interest: &Interest) -> Vec<Parsed<'t>> {
        let tree = self.tree;
        let is_header = |file: &FileId| tree.file(*file).kind == FileKind::Header;
        let (headers, mains): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_header);
        self.add_units(&mains);
        let mut pairs: Vec<(FileId, FileId)> = mains.iter().map(|main| (*main, *main)).collect();
        let alone: Vec<FileId> =
            headers.iter().copied().filter(|one| self.includer(*one).is_none()).collect();
        self.add_units(&alone);
        pairs.extend(
            headers.iter().map(|header| (*header, self.includer(*header).unwrap_or(*header))),
        );
        let units = &self.units;
        let parse = |(file, main): &(FileId, FileId)| match units.get(main) {
            Some(unit) => self.parse(*file, unit, interest),
            None => Vec::new(),
        };
        pairs.par_iter().map(parse).flatten_iter().collect()
    }

    /// What the pragmas of all files say that speak of sections, but for programs of user mode.
    fn pragmas(&mut self, files: &[FileId]) -> Pragmas {
        let (tree, directives) = (self.tree, self.directives);
        let text = |file: FileId| tree.file(file).text.as_str();
        let speak = |file: &FileId| {
            let mut all = directives.of(tree, *file).iter();
            all.any(|directive| pragma::speaks(text(*file), directive))
        };
        let speaking: Vec<FileId> = files.par_iter().copied().filter(speak).collect();
        let units = self.units_of(&speaking);
        let mut found = Pragmas::default();
        for (file, unit) in speaking.into_iter().zip(units) {
            if !self.is_for_user_mode(&unit) {
                let one = pragma::of_file(tree, &unit, file, directives.of(tree, file));
                found.linker.extend(one.linker);
                found.sections.extend(one.sections);
            }
        }
        found
    }

    /// Data of `files` whose addresses do not lie on multiples of eight, but for programs of user mode.
    fn tables(&mut self, files: &[FileId], candidates: &table::Candidates) -> Vec<PointerTable> {
        let units = self.units_of(files);
        let mut files: Vec<_> = files.iter().copied().zip(units).collect();
        files.retain(|(file, unit)| {
            !self.is_for_user_mode(unit) && candidates.fit(self.tree, self.directives, *file, unit)
        });
        table::of_files(self.tree, self.directives, &files)
    }

    /// The unit that each of the files is read in.
    fn units_of(&mut self, files: &[FileId]) -> Vec<Arc<Unit<'t>>> {
        let main = |reading: &Self, file: FileId| match reading.tree.file(file).kind {
            FileKind::Header => reading.includer(file).unwrap_or(file),
            _ => file,
        };
        let mains: Vec<FileId> = files.iter().map(|file| main(self, *file)).collect();
        let missing = mains.iter().filter(|main| !self.units.contains_key(main));
        let missing: Vec<FileId> = missing.copied().collect();
        self.add_units(&missing);
        mains.iter().filter_map(|main| self.units.get(main).cloned()).collect()
    }

    /// Whether a unit is part of programs only: all its projects say so, or it includes `windows.h` and
    /// nothing of the kernel. What is built
    /// for 32-bit Windows alone is none of a driver's with memory integrity either.
    fn is_for_user_mode(&self, unit: &Unit<'_>) -> bool {
        let owners = self.projects.iter().filter(|project| project.sources.contains(&unit.main));
        let mut configurations = owners.flat_map(|project| &project.configurations).peekable();
        let is_told = configurations.peek().is_some();
        let is_32_bit = |one: &Configuration| {
            let name = one.name.to_ascii_lowercase();
            name.ends_with("|win32") || name.ends_with("|x86") || name.ends_with("|arm")
        };
        if is_told && !configurations.any(|one| linker::is_for_kernel(&one) && !is_32_bit(one)) {
            return true;
        }
        unit.has_user_mode && unit.kernel_at.is_none()
    }

    fn add_units(&mut self, mains: &[FileId]) {
        let (tree, directives, projects, defines) =
            (self.tree, self.directives, self.projects, self.defines);
        let work = |main: &FileId| {
            let around = surroundings(tree, projects, defines, *main);
            let unit = unit(tree, directives, *main, &around);
            let opt_in = builds::opt_in(tree, directives, (projects, defines), &unit);
            (*main, Arc::new(unit), opt_in)
        };
        let units: Vec<_> = mains.par_iter().map(work).collect();
        for (main, unit, opt_in) in units {
            self.units.insert(main, unit);
            self.opt_ins.insert(main, opt_in);
        }
    }

    fn late_opt_ins(&self) -> Vec<(&'static str, Span)> {
        let units = self.units.values();
        let mut late: Vec<_> = units.filter_map(|unit| opt_in::too_late(self.tree, unit)).collect();
        late.sort_by_key(|(name, span)| (*span, *name));
        late.dedup();
        late
    }

    fn missing(&self) -> Vec<Span> {
        let units = self.units.values().filter(|unit| !self.is_for_user_mode(unit));
        let mut missing: Vec<Span> = units.flat_map(|unit| unit.missing.iter().copied()).collect();
        missing.sort();
        missing.dedup();
        missing
    }

    /// The first unit that includes a header.
    fn includer(&self, header: FileId) -> Option<FileId> {
        let includes = self.units.values().filter(|unit| unit.visits.contains_key(&header));
        includes.map(|unit| unit.main).min()
    }

    fn parse(&self, file: FileId, unit: &Arc<Unit<'t>>, interest: &Interest) -> Vec<Parsed<'t>> {
        let source = self.tree.file(file);
        let text = source.text.as_str();
        let visit = unit.visits.get(&file);
        let variants = visit.map_or(1, |visit| visit.variants).clamp(1, MOST_VARIANTS);
        let opt_in = self.opt_ins.get(&unit.main).cloned().unwrap_or(OptIn::Open);
        let named = interest.places(text);
        let is_cold = |body: &Body| {
            let next = named.partition_point(|at| *at < body.range.start);
            named.get(next).is_none_or(|at| *at >= body.range.end)
        };
        let variant = |number| {
            let mut parsed = Parsed {
                file,
                unit: Arc::clone(unit),
                syntax: Syntax::default(),
                opt_in: opt_in.clone(),
                variant: number,
                cold: Vec::new(),
                is_part: false,
            };
            let mut made = blanked(text, self.directives.of(self.tree, file), visit, number);
            parsed.cold = outline::bodies(&made.bytes).into_iter().filter(is_cold).collect();
            made.leave_out(&parsed.cold);
            parsed.syntax = syntax(made, parsed.kind(self.tree));
            parsed
        };
        (0..variants).map(variant).collect()
    }

    fn warming(&self) -> Warming<'t> {
        Warming { tree: self.tree, directives: self.directives }
    }
}
