//! Files, read as their translation units have them.

use super::following::Following;
use super::inclusion::{self, Inclusions};
use crate::blank::blanked;
use crate::builds::{self, surroundings};
use crate::condensed::Own;
use crate::interest::Interest;
use crate::opt_in::{self, OptIn};
use crate::outline;
use crate::pragma::{self, Pragmas};
use crate::preprocess::{AllDirectives, Unit, unit};
use crate::syntax::{Syntax, Trees, syntax, syntax_by};
use crate::table::{self, PointerTable};
use crate::warm::Warming;
use crate::world::Parsed;
use crate::{Configuration, FEW_FILES, FileId, FileKind, Project, SourceTree, Span, linker};
use crate::{macro_set, macro_use};
use foldhash::{HashMap, HashSet};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// How many variants of a file are looked at, where conditions are open.
const MOST_VARIANTS: u32 = 4;

/// So few bytes are parsed before another thread is awake.
const LITTLE: usize = 1 << 16;

/// Reads files as their translation units have them.
pub(super) struct Reading<'t> {
    pub(super) tree: &'t SourceTree,
    directives: &'t AllDirectives,
    pub(super) projects: &'t [Project],
    defines: &'t [String],
    /// Sources that nobody builds.
    not_built: &'t HashSet<FileId>,
    units: HashMap<FileId, Arc<Unit<'t>>>,
    /// The first unit that includes a file.
    includers: HashMap<FileId, FileId>,
    /// Who names a header in an include, found when first asked for.
    inclusions: OnceLock<Inclusions<'t>>,
    /// What the macros of each unit say.
    opt_ins: HashMap<FileId, OptIn>,
    /// The units that are part of programs of user mode only.
    for_user_mode: HashSet<FileId>,
    /// How many names were looked for when files were read for them.
    names: usize,
    /// What was parsed for earlier looks, and the one file that is new each time.
    trees: Option<(&'t Trees, FileId)>,
}

impl<'t> Reading<'t> {
    pub(super) fn new(
        tree: &'t SourceTree,
        directives: &'t AllDirectives,
        projects: &'t [Project],
        defines: &'t [String],
        not_built: &'t HashSet<FileId>,
    ) -> Reading<'t> {
        Reading {
            tree,
            directives,
            projects,
            defines,
            not_built,
            units: HashMap::default(),
            includers: HashMap::default(),
            inclusions: OnceLock::new(),
            opt_ins: HashMap::default(),
            for_user_mode: HashSet::default(),
            names: 0,
            trees: None,
        }
    }

    /// The same, with the trees of all files but `edited` remembered from look to look.
    pub(super) fn remembering(self, trees: &'t Trees, edited: FileId) -> Reading<'t> {
        Reading { trees: Some((trees, edited)), ..self }
    }

    /// Parses what names anything of interest and was not parsed yet: those of `files`, and functions left out.
    pub(super) fn read_named(
        &mut self,
        files: &[FileId],
        interest: &Interest,
        following: &mut Following<'t>,
    ) {
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
            self.warming().using(&mut following.world, names);
            self.warming().taking(&mut following.world, names);
            self.warming().naming(&mut following.world, names);
        }
        following.world.add(parsed);
    }

    /// Parses files.
    pub(super) fn read_files(
        &mut self,
        wanted: Vec<FileId>,
        interest: &Interest,
    ) -> Vec<Parsed<'t>> {
        let tree = self.tree;
        let is_header = |file: &FileId| tree.file(*file).kind == FileKind::Header;
        let (headers, mains): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_header);
        self.add_units(&mains);
        let mut pairs: Vec<(FileId, FileId)> = mains.iter().map(|main| (*main, *main)).collect();
        self.add_includers(&headers);
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
        let bytes: usize = pairs.iter().map(|(file, _)| tree.file(*file).text.as_str().len()).sum();
        let fewest = if bytes > LITTLE { 1 } else { FEW_FILES };
        pairs.par_iter().with_min_len(fewest).map(parse).flatten_iter().collect()
    }

    /// What the pragmas of all files say that speak of sections, but for programs of user mode.
    pub(super) fn pragmas(&mut self, files: &[FileId]) -> Pragmas {
        let (tree, directives) = (self.tree, self.directives);
        let text = |file: FileId| tree.file(file).text.as_str();
        let speak = |file: &FileId| pragma::may_speak(text(*file), directives.of(tree, *file));
        let speaking: Vec<FileId> = files.par_iter().copied().filter(speak).collect();
        let units = self.units_of(&speaking);
        let mut found = Pragmas::default();
        for (file, unit) in speaking.into_iter().zip(units) {
            if !self.is_for_user_mode(&unit) {
                let one = pragma::of_file(tree, &unit, file, directives.of(tree, file));
                found.linker.extend(one.linker);
                found.sections.extend(one.sections);
                found.segments.extend(one.segments);
            }
        }
        found
    }

    /// Data of `files` whose addresses do not lie on multiples of eight, but for programs of user mode.
    pub(super) fn tables(
        &mut self,
        files: &[FileId],
        candidates: &table::Candidates,
    ) -> Vec<PointerTable> {
        let units = self.units_of(files);
        let files: Vec<_> = files.iter().copied().zip(units).collect();
        let fit = |(file, unit): &(FileId, Arc<Unit<'t>>)| {
            !self.is_for_user_mode(unit) && candidates.fit(self.tree, self.directives, *file, unit)
        };
        let files: Vec<_> = files.into_par_iter().filter(fit).collect();
        table::of_files(self.tree, self.directives, &files)
    }

    /// The unit that each of the files is read in.
    fn units_of(&mut self, files: &[FileId]) -> Vec<Arc<Unit<'t>>> {
        let is_header = |file: &FileId| self.tree.file(*file).kind == FileKind::Header;
        let headers: Vec<FileId> = files.iter().copied().filter(is_header).collect();
        self.add_includers(&headers);
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

    /// Whether a unit is part of programs only: all its projects say so and it does not show that it is the kernel's,
    /// or it includes `windows.h` and nothing of the kernel. What is built for 32-bit Windows alone is none of a
    /// driver's with memory integrity either.
    pub(super) fn is_for_user_mode(&self, unit: &Unit<'_>) -> bool {
        let owners = self.projects.iter().filter(|project| project.sources.contains(&unit.main));
        let mut configurations = owners.flat_map(|project| &project.configurations).peekable();
        let is_told = configurations.peek().is_some();
        let is_32_bit = |one: &Configuration| {
            let name = one.name.to_ascii_lowercase();
            name.ends_with("|win32") || name.ends_with("|x86") || name.ends_with("|arm")
        };
        let is_kernel = self.is_of_kernel(unit);
        let counts = |one: &Configuration| is_kernel || linker::is_for_kernel(&one);
        if is_told && !configurations.any(|one| counts(one) && !is_32_bit(one)) {
            return true;
        }
        !is_kernel && unit.has_user_mode && unit.kernel_at.is_none()
    }

    /// Whether a unit shows that it is the kernel's, whatever its projects say: by a header that nothing else can
    /// include, or by the entry point of a driver. Drivers in user mode have the same entry point, and `windows.h`.
    fn is_of_kernel(&self, unit: &Unit<'_>) -> bool {
        let text = self.tree.file(unit.main).text.as_str();
        unit.has_kernel || !unit.has_user_mode && defines_entry(text)
    }

    /// Whether something that a project builds shows that it is the kernel's, of what was read.
    pub(super) fn builds_for_kernel(&self, project: &Project) -> bool {
        let units = project.sources.iter().filter_map(|source| self.units.get(source));
        units.into_iter().any(|unit| self.is_of_kernel(unit))
    }

    fn add_units(&mut self, mains: &[FileId]) {
        let (tree, directives, projects, defines) =
            (self.tree, self.directives, self.projects, self.defines);
        let work = |main: &FileId| {
            let around = surroundings(tree, projects, defines, *main);
            let unit = unit(tree, directives, *main, &around);
            let opt_in = builds::opt_in(tree, directives, (projects, defines), &unit);
            let is_for_user_mode = self.is_for_user_mode(&unit);
            (*main, Arc::new(unit), opt_in, is_for_user_mode)
        };
        let units: Vec<_> = mains.par_iter().with_min_len(FEW_FILES).map(work).collect();
        for (main, unit, opt_in, is_for_user_mode) in units {
            if is_for_user_mode {
                self.for_user_mode.insert(main);
            }
            for file in unit.visits.keys() {
                // What programs share with a driver is judged as the driver has it.
                let rank = |one: FileId| (self.for_user_mode.contains(&one), one);
                let first = self.includers.entry(*file).or_insert(main);
                if rank(main) < rank(*first) {
                    *first = main;
                }
            }
            self.units.insert(main, unit);
            self.opt_ins.insert(main, opt_in);
        }
    }

    /// Looks at who includes headers that no unit has yet: what they define comes before, whether or not they name
    /// anything that is looked for. A header that nobody includes stays alone.
    fn add_includers(&mut self, headers: &[FileId]) {
        let (tree, directives) = (self.tree, self.directives);
        let lacks = |reading: &Self, header: FileId| match reading.includer(header) {
            Some(main) => main == header || reading.for_user_mode.contains(&main),
            None => true,
        };
        let lacking = headers.iter().copied().filter(|one| lacks(self, *one));
        let lacking: Vec<FileId> = lacking.collect();
        if lacking.is_empty() {
            return;
        }
        let inclusions = self.inclusions.get_or_init(|| Inclusions::new(tree, directives));
        let candidates = |header: FileId| {
            let mut mains = inclusions.mains_of(tree, header);
            mains.retain(|main| !self.not_built.contains(main));
            (header, mains)
        };
        let candidates: Vec<_> = lacking.into_par_iter().map(candidates).collect();
        for turn in 0..inclusion::MOST_MAINS {
            let open = candidates.iter().filter(|(header, _)| lacks(self, *header));
            let mains = open.filter_map(|(_, mains)| mains.get(turn).copied());
            let mut mains: Vec<FileId> =
                mains.filter(|main| !self.units.contains_key(main)).collect();
            mains.sort();
            mains.dedup();
            self.add_units(&mains);
        }
    }

    pub(super) fn late_opt_ins(&self) -> Vec<(&'static str, Span)> {
        let units = self.units.values();
        let mut late: Vec<_> = units.filter_map(|unit| opt_in::too_late(self.tree, unit)).collect();
        late.sort_by_key(|(name, span)| (*span, *name));
        late.dedup();
        late
    }

    pub(super) fn missing(&self) -> Vec<Span> {
        let units = self.units.values().filter(|unit| !self.is_for_user_mode(unit));
        let mut missing: Vec<Span> = units.flat_map(|unit| unit.missing.iter().copied()).collect();
        missing.sort();
        missing.dedup();
        missing
    }

    /// The first unit that includes a header.
    fn includer(&self, header: FileId) -> Option<FileId> {
        self.includers.get(&header).copied()
    }

    fn parse(&self, file: FileId, unit: &Arc<Unit<'t>>, interest: &Interest) -> Vec<Parsed<'t>> {
        let source = self.tree.file(file);
        let text = source.text.as_str();
        let visit = unit.visits.get(&file);
        let variants = visit.map_or(1, |visit| visit.variants).clamp(1, MOST_VARIANTS);
        let opt_in = self.opt_ins.get(&unit.main).cloned().unwrap_or(OptIn::Open);
        let named = interest.places(text);
        let is_cold = |range: &Range<usize>| {
            let first = named.partition_point(|at| *at < range.start);
            let within = named[first..].partition_point(|at| *at < range.end);
            let within = &named[first..first + within];
            outline::outside_comments(text.as_bytes(), range.start, within).next().is_none()
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
                opting: OnceLock::new(),
                call_words: OnceLock::new(),
            };
            let mut made = blanked(text, self.directives.of(self.tree, file), visit, number);
            made.own = Own::of(self.tree, unit);
            let kind = parsed.kind(self.tree);
            let (bodies, declared) = outline::outline(&made.bytes);
            // One that bears such a name is called by what names it.
            let is_cold_body = |body: &outline::Body| is_cold(&(body.head..body.range.end));
            parsed.cold = bodies.into_iter().filter(is_cold_body).collect();
            made.leave_out(&parsed.cold);
            // In C++ a variable may look like it, and parameters have values.
            if kind == FileKind::C {
                made.leave_out_too(declared.into_iter().filter(is_cold));
            }
            let remembered = self.trees.filter(|(_, edited)| *edited != file);
            parsed.syntax = match remembered {
                Some((trees, _)) => {
                    syntax_by(|bytes, kind| trees.parse(bytes, kind), made, kind, &named)
                }
                None => syntax(made, kind, &named),
            };
            macro_use::note(self.tree, &mut parsed, &named);
            macro_set::note(self.tree, &mut parsed);
            parsed
        };
        (0..variants).map(variant).collect()
    }

    /// Forgets all, on all threads.
    pub(super) fn forget(self) {
        self.units.into_par_iter().for_each(drop);
    }

    pub(super) fn warming(&self) -> Warming<'t> {
        Warming { tree: self.tree, directives: self.directives }
    }
}

/// Whether a source has the body of an entry point that only drivers have.
fn defines_entry(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.match_indices("DriverEntry").any(|(at, name)| {
        let (before, behind) = (&text[..at], text[at + name.len()..].trim_start());
        let before = before.strip_suffix("Gs").unwrap_or(before);
        if before.ends_with(is_part) || before.ends_with('"') {
            return false;
        }
        let Some((parameters, _)) = behind.split_once('{') else { return false };
        let count = |letter| parameters.matches(letter).count();
        behind.starts_with('(') && !parameters.contains(';') && count('(') == count(')')
    })
}
