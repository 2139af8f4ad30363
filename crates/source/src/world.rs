//! All that was parsed, and what names mean across it.

use crate::bit_fields::Unions;
use crate::call_words::CallWords;
use crate::dead::DeadOfFiles;
use crate::entry::{Early, Settings};
use crate::outline::Body;
use crate::pointer::{Finding, Pointers};
use crate::preprocess::Unit;
use crate::syntax::{Happens, Record, Syntax, Variable};
use crate::windows_version::Answers;
use crate::{FEW_FILES, FileId, FileKind, OptIn, SourceTree, scope};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

/// A file as one translation unit and one variant of it have it.
pub(crate) struct Parsed<'t> {
    pub(crate) file: FileId,
    pub(crate) unit: Arc<Unit<'t>>,
    pub(crate) syntax: Syntax,
    pub(crate) opt_in: OptIn,
    /// Which of the variants of the file.
    pub(crate) variant: u32,
    /// The functions whose bodies were left out, as they name nothing that is looked for.
    pub(crate) cold: Vec<Body>,
    /// Whether these are only functions of a file that were left out before.
    pub(crate) is_part: bool,
    /// Which of its calls opt in to no-execute pools, once that is asked for.
    pub(crate) opting: OnceLock<Vec<usize>>,
    /// What its calls name, likewise.
    pub(crate) call_words: OnceLock<CallWords>,
}

impl<'t> Parsed<'t> {
    /// What it is parsed as: headers are of the language of what includes them.
    pub(crate) fn kind(&self, tree: &SourceTree) -> FileKind {
        match tree.file(self.file).kind {
            FileKind::Header => tree.file(self.unit.main).kind,
            kind => kind,
        }
    }

    /// Whether the build decides about a byte of the file, by a condition that begins behind `from`.
    pub(crate) fn is_open(&self, at: usize, from: usize) -> bool {
        self.unit.visits.get(&self.file).is_some_and(|visit| visit.is_open(at, from))
    }

    /// The time at a byte of the file.
    pub(crate) fn time(&self, offset: usize) -> u32 {
        self.unit.visits.get(&self.file).map_or(self.unit.end, |visit| visit.time(offset))
    }
}

/// A function: which of the parsed files, and which of its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FunctionId {
    pub(crate) parsed: usize,
    pub(crate) function: usize,
}

/// What happens to a variable of that name somewhere outside of functions, or in one that does not declare it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GlobalEvent {
    pub(crate) parsed: usize,
    pub(crate) function: Option<usize>,
    pub(crate) event: usize,
}

/// All that was parsed, and what names mean across it.
pub(crate) struct World<'t> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) parsed: Vec<Parsed<'t>>,
    pub(crate) functions: HashMap<&'t str, Vec<FunctionId>>,
    pub(crate) globals: HashMap<&'t str, Vec<GlobalEvent>>,
    /// What macros name and set in functions.
    pub(crate) hidden: HashSet<Box<str>>,
    /// Which of the parsed files has it, and which of its enumerators.
    pub(crate) enumerators: HashMap<&'t str, Vec<(usize, usize)>>,
    /// What is given to pointers that may point to functions that are looked for.
    pub(crate) pointers: Pointers<'t>,
    /// Which functions of the tree look up others.
    pub(crate) finding: Finding<'t>,
    /// What runs before the driver opts in to no-execute pools.
    pub(crate) early: Early,
    /// What functions are called that drivers start with, beside those that all have.
    pub(crate) starts: Vec<String>,
    /// Whether the tree declares the kernel's build as a number that may be negative, once that is asked for.
    pub(crate) signed_build: OnceLock<bool>,
    /// What conditions about the version of Windows let by.
    pub(crate) answers: Answers,
    /// Which code control never comes to, by the parsed files.
    pub(crate) dead: DeadOfFiles,
    /// Which variables drivers set where they start.
    pub(crate) settings: Settings,
    /// Where members of unions lie, likewise.
    pub(crate) unions: Unions,
    /// Names whose values were asked for and that are no constants.
    asked: Mutex<HashSet<String>>,
    /// The structures by their names, likewise.
    pub(crate) records: HashMap<&'t str, Vec<(usize, usize)>>,
    /// The values that functions give parameters without an argument, by the function's name, likewise.
    pub(crate) defaults: HashMap<&'t str, Vec<(usize, usize)>>,
}

impl<'t> World<'t> {
    pub(crate) fn new(tree: &'t SourceTree) -> World<'t> {
        World {
            tree,
            parsed: Vec::new(),
            functions: HashMap::default(),
            globals: HashMap::default(),
            hidden: HashSet::default(),
            enumerators: HashMap::default(),
            pointers: Pointers::default(),
            finding: Finding::default(),
            early: Early::default(),
            starts: Vec::new(),
            signed_build: OnceLock::new(),
            answers: Answers::default(),
            dead: DeadOfFiles::default(),
            settings: Settings::default(),
            unions: Unions::default(),
            asked: Mutex::default(),
            records: HashMap::default(),
            defaults: HashMap::default(),
        }
    }

    /// Notes that the value of a variable outside of functions is asked for: any function may set it.
    pub(crate) fn ask(&self, name: &str) {
        if let Ok(mut asked) = self.asked.lock()
            && !asked.contains(name)
        {
            asked.insert(name.to_owned());
        }
    }

    /// The variables whose values were asked for.
    pub(crate) fn asked(&self) -> HashSet<String> {
        self.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }

    /// Takes in files, and indexes what they define.
    pub(crate) fn add(&mut self, more: Vec<Parsed<'t>>) {
        self.settings.forget();
        self.answers.forget();
        self.dead.forget(self.parsed.len() + more.len());
        let outside: Vec<_> = more
            .par_iter()
            .with_min_len(FEW_FILES)
            .map(|parsed| outside(self.tree, parsed))
            .collect();
        for (parsed, outside) in more.into_iter().zip(outside) {
            self.index(self.parsed.len(), &parsed, outside);
            self.parsed.push(parsed);
        }
    }

    /// `outside` are the events in functions that mean variables outside of them.
    fn index(&mut self, number: usize, parsed: &Parsed<'t>, outside: Vec<(usize, usize)>) {
        let text = self.tree.file(parsed.file).text.as_str();
        let name = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        for (event, variable) in parsed.syntax.variables.iter().enumerate() {
            let event = GlobalEvent { parsed: number, function: None, event };
            self.globals.entry(name(&variable.name)).or_default().push(event);
        }
        for (index, one) in parsed.syntax.enumerators.iter().enumerate() {
            self.enumerators.entry(name(&one.name)).or_default().push((number, index));
        }
        for (index, record) in parsed.syntax.records.iter().enumerate() {
            for of in &record.names {
                self.records.entry(name(of)).or_default().push((number, index));
            }
        }
        for (index, one) in parsed.syntax.defaults.iter().enumerate() {
            self.defaults.entry(name(&one.function)).or_default().push((number, index));
        }
        for (index, function) in parsed.syntax.functions.iter().enumerate() {
            let id = FunctionId { parsed: number, function: index };
            self.add_function(name(&function.name), id, parsed);
            self.hidden.extend(function.hidden.iter().cloned());
        }
        for (function, event) in outside {
            let of = name(&parsed.syntax.functions[function].variables[event].name);
            let event = GlobalEvent { parsed: number, function: Some(function), event };
            self.globals.entry(of).or_default().push(event);
        }
    }

    /// Takes in a function; one that was left out before takes the place that it had.
    fn add_function(&mut self, name: &'t str, id: FunctionId, parsed: &Parsed<'_>) {
        let all = self.functions.entry(name).or_default();
        let place = &parsed.syntax.functions[id.function].name;
        let same = |other: &&mut FunctionId| {
            let known = self.parsed.get(other.parsed);
            known.is_some_and(|known| {
                (known.file, known.variant) == (parsed.file, parsed.variant)
                    && known.syntax.functions[other.function].name == *place
            })
        };
        match all.iter_mut().find(|other| parsed.is_part && same(other)) {
            Some(known) => *known = id,
            None => all.push(id),
        }
    }

    /// What happens there.
    pub(crate) fn happens(&self, event: &GlobalEvent) -> &Happens {
        let syntax = &self.parsed[event.parsed].syntax;
        match event.function {
            Some(function) => &syntax.functions[function].variables[event.event].happens,
            None => &syntax.variables[event.event].happens,
        }
    }

    pub(crate) fn text(&self, parsed: usize, range: &Range<usize>) -> &'t str {
        let tree: &'t SourceTree = self.tree;
        tree.file(self.parsed[parsed].file).text.as_str().get(range.clone()).unwrap_or_default()
    }

    /// What the calls of a file name.
    pub(crate) fn call_words(&self, parsed: usize) -> &CallWords {
        let Parsed { syntax, call_words, .. } = &self.parsed[parsed];
        let made = || {
            CallWords::of(&syntax.calls, syntax.functions.len(), |range| self.text(parsed, range))
        };
        call_words.get_or_init(made)
    }

    /// The members of the structure of that name in their order, each with the word that names its type; none where that
    /// is not plain.
    pub(crate) fn record(&self, name: &str) -> Option<Vec<(&'t str, Option<&'t str>)>> {
        let members = |&(parsed, index): &(usize, usize)| {
            let record: &Record = &self.parsed[parsed].syntax.records[index];
            let member = |(name, of): &(Range<usize>, Option<Range<usize>>)| {
                (self.text(parsed, name), of.as_ref().map(|of| self.text(parsed, of)))
            };
            record.is_plain.then(|| record.members.iter().map(member).collect::<Vec<_>>())
        };
        let (first, rest) = self.records.get(name)?.split_first()?;
        let found = members(first)?;
        rest.iter().all(|other| members(other).as_ref() == Some(&found)).then_some(found)
    }

    /// The functions that a call of `name` in a file may mean: that of the file itself, else those that are not static,
    /// of these the nearest by folder.
    pub(crate) fn called(&self, from: usize, name: &str) -> Vec<FunctionId> {
        self.called_among(from, name, &|_| false)
    }

    /// Whether other files can call a function.
    pub(crate) fn is_open(&self, id: FunctionId) -> bool {
        let parsed = &self.parsed[id.parsed];
        self.tree.file(parsed.file).kind == FileKind::Header
            || !parsed.syntax.functions[id.function].is_static
    }

    /// The same, where those of `preferred` files come before those that are near.
    pub(crate) fn called_among(
        &self,
        from: usize,
        name: &str,
        preferred: &dyn Fn(usize) -> bool,
    ) -> Vec<FunctionId> {
        let Some(all) = self.functions.get(name) else { return Vec::new() };
        let file = self.parsed[from].file;
        let own: Vec<_> =
            all.iter().copied().filter(|id| self.parsed[id.parsed].file == file).collect();
        if !own.is_empty() {
            return own;
        }
        let near = |id: &FunctionId| self.tree.nearness(file, self.parsed[id.parsed].file);
        let mut open: Vec<_> = all.iter().copied().filter(|id| self.is_open(*id)).collect();
        if open.iter().any(|id| preferred(id.parsed)) {
            open.retain(|id| preferred(id.parsed));
        }
        let nearest = open.iter().map(near).max().unwrap_or_default();
        open.into_iter().filter(|id| near(id) == nearest).collect()
    }
}

/// What happens in the functions of a file to variables outside of them: which function, and which of its events.
fn outside(tree: &SourceTree, parsed: &Parsed<'_>) -> Vec<(usize, usize)> {
    let text = tree.file(parsed.file).text.as_str();
    let name = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let mut outside = Vec::new();
    for (index, function) in parsed.syntax.functions.iter().enumerate() {
        let own = scope::Names::of(function, &name);
        let is_outside = |variable: &Variable| {
            !(declares(variable) || own.has(name(&variable.name), variable.name.start))
        };
        let events = function.variables.iter().enumerate();
        let events = events.filter(|(_, variable)| is_outside(variable));
        outside.extend(events.map(|(event, _)| (index, event)));
    }
    outside
}

/// Whether a variable begins here, rather than being changed.
pub(crate) fn declares(variable: &Variable) -> bool {
    matches!(variable.happens, Happens::Declared | Happens::Begins(_))
}
