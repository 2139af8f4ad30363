//! All Rust that was read, and what names mean across it.

mod names;
mod pointed;
mod recognised;

use super::kit::{is_kit, is_shared};
use super::syntax::{Call, Manner, Syntax};
use crate::calls::CallId;
use crate::world::FunctionId;
use crate::{FileId, SourceTree, Span, vocabulary};
use foldhash::{HashMap, HashSet};
pub(crate) use names::{Resolved, Spot};

/// A file that was read.
pub(crate) struct Read {
    pub(crate) file: FileId,
    pub(crate) syntax: Syntax,
    /// The folder of its crate.
    pub(crate) of_crate: String,
}

/// All Rust that was read.
pub(crate) struct World<'t> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) files: Vec<Read>,
    /// By name, after that of their type where they have one: `Type::name`.
    functions: HashMap<Box<str>, Vec<FunctionId>>,
    /// By name, those that a value has.
    methods: HashMap<Box<str>, Vec<FunctionId>>,
    /// Which of the files has it, and which of its constants.
    constants: HashMap<Box<str>, Vec<(usize, usize)>>,
    declared: HashMap<Box<str>, Vec<(usize, usize)>>,
    /// By file and name, the places in its list of imports.
    imports: Vec<HashMap<Box<str>, Vec<usize>>>,
    /// Crates that are plainly drivers.
    drivers: HashSet<String>,
}

/// More things of one name than are told apart.
const MOST_OF_A_NAME: usize = 256;

impl<'t> World<'t> {
    pub(crate) fn new(
        tree: &'t SourceTree,
        files: Vec<Read>,
        drivers: HashSet<String>,
    ) -> World<'t> {
        let mut world = World {
            tree,
            files: Vec::new(),
            functions: HashMap::default(),
            methods: HashMap::default(),
            constants: HashMap::default(),
            declared: HashMap::default(),
            imports: Vec::new(),
            drivers,
        };
        for (number, read) in files.iter().enumerate() {
            for (function, one) in read.syntax.functions.iter().enumerate() {
                let id = FunctionId { parsed: number, function };
                world.functions.entry(key(one.owner.as_deref(), &one.name)).or_default().push(id);
                if one.takes_self {
                    world.methods.entry(one.name.clone()).or_default().push(id);
                }
            }
            for (index, one) in read.syntax.constants.iter().enumerate() {
                world.constants.entry(one.name.clone()).or_default().push((number, index));
            }
            for (index, one) in read.syntax.declared.iter().enumerate() {
                let same = world.declared.entry(one.name.clone()).or_default();
                if same.len() < MOST_OF_A_NAME {
                    same.push((number, index));
                }
            }
            let mut imports: HashMap<_, Vec<usize>> = HashMap::default();
            for (index, one) in read.syntax.imports.iter().enumerate() {
                let same = imports.entry(one.name.clone()).or_default();
                if same.len() < MOST_OF_A_NAME {
                    same.push(index);
                }
            }
            world.imports.push(imports);
        }
        world.files = files;
        world
    }

    /// How much may be evaluated for the calls of a file, all together.
    pub(crate) fn budget(&self, parsed: usize) -> u64 {
        1_000_000 + 4 * self.tree.file(self.files[parsed].file).text.as_str().len() as u64
    }

    /// The call with that number.
    pub(crate) fn call(&self, id: CallId) -> &Call {
        &self.files[id.parsed].syntax.calls[id.call]
    }

    /// The calls of a file whose name, or what it was imported as, is one of `names`.
    pub(crate) fn calls_of(&self, parsed: usize, names: &HashSet<Box<str>>) -> Vec<CallId> {
        let calls = self.files[parsed].syntax.calls.iter().enumerate();
        let is_wanted = |call: &Call| {
            let spot = Spot { parsed, module: call.module, at: call.whole.start };
            let pointed = self.pointed(parsed, call);
            names.contains(call.path.name())
                || pointed.is_some_and(|path| {
                    names.contains(path.name())
                        || self.declared.contains_key(path.name())
                        || names.contains(self.resolved(spot, path).name())
                })
                || self.declared.contains_key(call.path.name())
                || names.contains(self.resolved(spot, &call.path).name())
        };
        calls.filter(|(_, call)| is_wanted(call)).map(|(call, _)| CallId { parsed, call }).collect()
    }

    /// The whole of a call.
    pub(crate) fn span(&self, id: CallId) -> Span {
        Span::new(self.files[id.parsed].file, self.call(id).whole.clone())
    }

    /// The functions and macros of the tree that a call may mean.
    pub(crate) fn called(&self, id: CallId) -> Vec<FunctionId> {
        let call = self.call(id);
        let spot = Spot { parsed: id.parsed, module: call.module, at: call.whole.start };
        let path = self.resolved(spot, self.callee(id));
        if call.manner == Manner::Method {
            let fits = |id: &&FunctionId| {
                let function = &self.files[id.parsed].syntax.functions[id.function];
                function.parameters.len() == call.arguments.len()
            };
            let all = self.methods.get(path.name()).map_or(&[][..], |all| all);
            let fitting: Vec<_> = all.iter().take(MOST_OF_A_NAME).filter(fits).copied().collect();
            // Of what type a value is nobody tells; so the name has to.
            return if fitting.len() == 1 { fitting } else { Vec::new() };
        }
        if is_kit(&path.segments) {
            return Vec::new();
        }
        let owner = match path.owner() {
            Some("Self") => call.function.and_then(|function| {
                self.files[id.parsed].syntax.functions[function].owner.as_deref()
            }),
            owner => owner,
        };
        let of_type = owner.filter(|owner| owner.starts_with(|one: char| one.is_uppercase()));
        let all = self.functions.get(&key(of_type, path.name()));
        self.nearest(id.parsed, all.map_or(&[][..], |all| &all[..all.len().min(MOST_OF_A_NAME)]))
    }

    /// Of several functions those of the file, else those of the crate, else all.
    fn nearest(&self, parsed: usize, all: &[FunctionId]) -> Vec<FunctionId> {
        let of_file: Vec<_> = all.iter().filter(|id| id.parsed == parsed).copied().collect();
        if !of_file.is_empty() {
            return of_file;
        }
        let own = &self.files[parsed].of_crate;
        let is_near = |id: &&FunctionId| self.files[id.parsed].of_crate == *own;
        let of_crate: Vec<_> = all.iter().filter(is_near).copied().collect();
        if of_crate.is_empty() { all.to_vec() } else { of_crate }
    }

    /// The constants of the tree that a name may mean; none where it is the kit's.
    pub(crate) fn constants(
        &self,
        spot: Spot,
        path: &Resolved,
        own_type: Option<&str>,
    ) -> Vec<(usize, usize)> {
        let all = self.constants.get(path.name());
        let Some(all) = all.filter(|all| all.len() <= MOST_OF_A_NAME) else { return Vec::new() };
        if is_kit(&path.segments) || is_shared(&path.segments) {
            return Vec::new();
        }
        let owner_of =
            |one: &(usize, usize)| self.files[one.0].syntax.constants[one.1].owner.as_deref();
        let owner = if path.owner() == Some("Self") { own_type } else { path.owner() };
        let owned: Vec<_> =
            all.iter().filter(|one| owner.is_some() && owner_of(one) == owner).copied().collect();
        let is_type = |name: &str| name.starts_with(|one: char| one.is_uppercase() || one == '_');
        let mut found = match owner {
            Some(_) if !owned.is_empty() => owned,
            Some(owner) if is_type(owner) => return Vec::new(),
            _ => all.clone(),
        };
        let own = &self.files[spot.parsed].of_crate;
        let nearness = |one: &(usize, usize)| {
            let is_own = self.files[one.0].of_crate == *own;
            (one.0 == spot.parsed, is_own)
        };
        let nearest = found.iter().map(nearness).max().unwrap_or_default();
        found.retain(|one| nearness(one) == nearest);
        let is_of_kit = vocabulary::constant(path.name()).is_some()
            && (!nearest.1 || !nearest.0 && self.has_all_of_kit(spot));
        if is_of_kit { Vec::new() } else { found }
    }
}

/// How functions are found.
fn key(owner: Option<&str>, name: &str) -> Box<str> {
    owner.map_or_else(|| name.into(), |owner| format!("{owner}::{name}").into())
}
