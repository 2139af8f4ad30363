//! A tree, looked at as a whole.

mod elsewhere;
mod following;
mod inclusion;
mod reading;
#[cfg(test)]
pub(crate) mod tests;

use crate::calls::{SourceCall, Wrappers};
use crate::code_use::{self, CodeUse};
use crate::control::ControlWrite;
use crate::entry::{self, Entry};
use crate::interest::{self, Interest};
use crate::linker::LinkerFact;
use crate::opt_in::OptIn;
use crate::pragma::{SectionPragma, SegmentPragma};
use crate::preprocess::AllDirectives;
use crate::syntax::Trees;
use crate::table::{self, PointerTable};
use crate::world::{FunctionId, World};
use crate::{FileId, FileKind, Project, SourceTree, Span, builds, own, rust};
use elsewhere::Elsewhere;
use foldhash::{HashMap, HashSet};
pub(crate) use following::told;
use following::{Following, name_of};
use rayon::prelude::*;
use reading::Reading;

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
    /// Pragmas that place what follows them among what is something else.
    pub segments: Vec<SegmentPragma>,
    /// Writes of control register 0, but for programs of user mode.
    pub control: Vec<ControlWrite>,
    /// What is plainly done to code of the tree, or done with memory that becomes code.
    pub code_uses: Vec<CodeUse>,
    /// Initialised data whose addresses do not lie on multiples of eight.
    pub tables: Vec<PointerTable>,
}

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
    wrappers: HashMap<String, Elsewhere>,
    /// The files that say anything of a variable that was asked for.
    variables: HashMap<String, Elsewhere>,
    /// The names of all functions that were read.
    functions: HashSet<String>,
    /// What functions are called that drivers start with, beside those that all have.
    starts: Vec<String>,
    opt_ins: HashMap<FileId, OptIn>,
    /// Files whose change may change what others have to say.
    shared: HashSet<FileId>,
    tables: table::Candidates,
    /// Sources that nobody builds.
    not_built: HashSet<FileId>,
    /// What other files were parsed to when one was looked at.
    trees: Trees,
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
        self.starts = entry::named(tree, &self.directives, projects);
        if !self.starts.is_empty() {
            interest.add(self.starts.clone(), tree, &self.directives);
        }
        let not_built = builds::not_built(tree, &self.directives, projects);
        self.not_built = not_built.iter().copied().collect();
        let mut reading = Reading::new(tree, &self.directives, projects, defines, &self.not_built);
        let mut following = Following::new(tree);
        following.world.starts.clone_from(&self.starts);
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
        let mut handing: HashMap<&str, (Vec<FunctionId>, Vec<FileId>)> = HashMap::default();
        for id in wrappers.keys() {
            handing.entry(name_of(&world, *id)).or_default().0.push(*id);
        }
        // What calls one of these is judged with it.
        for (name, id) in own::named_as_ddis(&world) {
            handing.entry(name).or_default().0.push(id);
        }
        for (name, all) in &world.pointers {
            let files = all.iter().filter(|one| !one.is_local).map(|one| one.parsed);
            let files = files.map(|parsed| world.parsed[parsed].file);
            handing.entry(*name).or_default().1.extend(files);
        }
        let elsewhere = |(name, (functions, others)): (&str, (Vec<FunctionId>, Vec<FileId>))| {
            (name.to_owned(), Elsewhere::of(&world, &functions, others))
        };
        self.wrappers = handing.into_iter().map(elsewhere).collect();
        self.opt_ins = analysis.opt_ins.iter().cloned().collect();
        self.variables = variables(&world);
        self.functions = world.functions.keys().map(|name| (*name).to_owned()).collect();
        self.shared = shared(&world, &wrappers);
        self.interest = Some(interest);
        // There are millions of small parts.
        world.parsed.into_par_iter().for_each(drop);
        reading.forget();
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
        let reading = Reading::new(tree, &self.directives, projects, defines, &self.not_built);
        let mut reading = reading.remembering(&self.trees, file);
        let mut following = Following::new(tree);
        following.world.starts.clone_from(&self.starts);
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
            // Who calls what has its address taken may be another file.
            || following.world.parsed.iter().any(|one| !one.syntax.taken.is_empty())
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
        let tree = following.world.tree;
        for (parsed, one) in following.world.parsed.iter().enumerate() {
            let calls = one.syntax.calls.iter();
            let called: HashSet<&str> =
                calls.map(|call| following.world.text(parsed, &call.callee)).collect();
            let known = called.into_iter().filter_map(|name| self.wrappers.get(name));
            files.extend(known.flat_map(|known| known.needed_by(tree, one.file)));
        }
        let asked = following.world.asked();
        for known in asked.iter().filter_map(|name| self.variables.get(name)) {
            // Who asked is one of those that were read.
            files.extend(following.read.iter().flat_map(|from| known.needed_by(tree, *from)));
        }
        files.retain(|file| !following.read.contains(file));
        files.sort();
        files.dedup();
        files
    }
}

/// The files that say anything of a variable or a function that was asked for.
fn variables(world: &World<'_>) -> HashMap<String, Elsewhere> {
    let files = |name: String| {
        let events = world.globals.get(&*name).into_iter().flatten().map(|event| event.parsed);
        let others = events.map(|parsed| world.parsed[parsed].file).collect();
        let functions = world.functions.get(&*name).map_or(&[][..], |all| all);
        let known = Elsewhere::of(world, functions, others);
        (!known.all().is_empty()).then_some((name, known))
    };
    world.asked().into_iter().filter_map(files).collect()
}

/// The files with entry points or opt-ins, with functions that hand a parameter on, or with variables that others may use or
/// pointers that others may call.
fn shared(world: &World<'_>, wrappers: &Wrappers) -> HashSet<FileId> {
    let pointers = world.pointers.values().flatten().filter(|one| !one.is_local);
    let pointers = pointers.map(|one| world.parsed[one.parsed].file);
    let entries = entry::starts(world).filter_map(|name| world.functions.get(name)).flatten();
    let functions = entries
        .chain(wrappers.keys())
        .chain(world.early.keys())
        .copied()
        .chain(own::named_as_ddis(world).map(|(_, id)| id))
        .map(|id| world.parsed[id.parsed].file);
    let opts_in = |file: &FileId| world.tree.file(*file).text.as_str().contains(entry::OPTS_IN);
    let opting_in = world.parsed.iter().map(|parsed| parsed.file).filter(opts_in);
    let asked = variables(world).into_iter();
    // What a function returns may matter to others.
    let several = asked
        .filter(|(name, known)| known.all().len() > 1 || world.functions.contains_key(&**name));
    let several = several.flat_map(|(_, known)| known.all().to_vec());
    functions.chain(opting_in).chain(several).chain(pointers).collect()
}
impl Analysis {
    /// With what Rust has to say, which neither calls C nor is called by it as far as is seen.
    fn with(mut self, of_rust: rust::Found) -> Analysis {
        self.calls.extend(of_rust.calls);
        self.calls.sort_by_key(|call| call.span.file);
        self.parsed.extend(of_rust.parsed);
        self.parsed.sort();
        self.cut.extend(of_rust.cut);
        self.control.extend(of_rust.control);
        self.code_uses.extend(of_rust.code_uses);
        self
    }
}
