//! Functions of the tree that have a DDI's name: a call of these is none of the DDI.

use crate::calls::Step;
use crate::evaluate::Place;
use crate::preprocess::{Arm, ArmState};
use crate::syntax::{Call, Linkage, Manner, Record};
use crate::tree::folder;
use crate::world::{FunctionId, World};
use crate::{FileId, FileKind, vocabulary};

/// How many bytes of classes are looked at for what they declare.
const MOST_DECLARED: usize = 1 << 18;

/// What a call of a DDI's name is a call of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Called {
    /// The DDI: nothing in sight says otherwise.
    Ddi,
    /// That, or a function of the tree.
    Either,
    /// A function of the tree.
    Own,
}

impl Place<'_, '_> {
    /// What a call of the name of a DDI means here.
    pub(crate) fn called_ddi(&self, name: &str, step: &Step<'_>) -> Called {
        if !matches!(step.manner, Manner::Plain | Manner::Indirect) {
            return Called::Ddi;
        }
        let arguments = Some(step.arguments.len());
        self.world.named_ddi(self.parsed, self.at, name, arguments, step.is_scoped)
    }
}

impl Place<'_, '_> {
    /// Whether what is called here by a name is no function that is called so: a member of C never is, nor is a variable or a
    /// parameter that means something else here.
    pub(crate) fn names_no_function(&self, name: &str, manner: Manner) -> bool {
        let kind = self.world.parsed[self.parsed].kind(self.world.tree);
        match manner {
            Manner::Member => kind == FileKind::C,
            Manner::Plain | Manner::Indirect if kind == FileKind::C => self
                .function
                .is_some_and(|function| self.world.is_local(self.parsed, function, name, self.at)),
            _ => false,
        }
    }

    /// Whether a call of a member in C++ may be one of another function than those of the tree that are `called`, as another
    /// class has one of the same name.
    pub(crate) fn may_name_other(&self, called: &[FunctionId], step: &Step<'_>) -> bool {
        let (world, parsed) = (self.world, &self.world.parsed[self.parsed]);
        if parsed.kind(world.tree) == FileKind::C || step.template.class.is_some() {
            return false;
        }
        let of = |id: &FunctionId| &world.parsed[id.parsed].syntax.functions[id.function];
        if step.manner != Manner::Member {
            return false;
        }
        let mut classes = called.iter().map(|id| world.class_of(*id));
        let Some(first) = classes.next() else { return false };
        if classes.any(|one| one != first) {
            return true;
        }
        // One that is only declared may be defined anywhere.
        let has = |body: &std::ops::Range<usize>| {
            let text = world.text(self.parsed, body);
            let mut places = text.match_indices(step.name);
            places.any(|(at, name)| {
                let before = text[..at].bytes().next_back();
                let is_word = before.is_some_and(crate::lex::is_word);
                !is_word && text[at + name.len()..].trim_start().starts_with('(')
            })
        };
        let is_its = |record: &Record| {
            let is_in = |id: &FunctionId| {
                world.parsed[id.parsed].file == parsed.file
                    && record.body.contains(&of(id).name.start)
            };
            let mut names = record.names.iter().map(|name| world.text(self.parsed, name));
            names.any(|name| Some(name) == first) || called.iter().any(is_in)
        };
        // What was parsed of the file later has less of it.
        let same = called.iter().map(|id| id.parsed);
        let mut same = same.filter(|one| world.parsed[*one].file == parsed.file);
        let all = [Some(self.parsed), same.next()];
        let mut records =
            all.into_iter().flatten().flat_map(|one| &world.parsed[one].syntax.records);
        let mut left = MOST_DECLARED;
        records.any(|record| {
            let is_other = !is_its(record) && !record.body.contains(&self.at);
            left = left.saturating_sub(record.body.len());
            is_other && (left == 0 || has(&record.body))
        })
    }
}

impl World<'_> {
    /// What a call in a parsed file is of that has the name of a DDI.
    pub(crate) fn called_ddi(&self, parsed: usize, call: &Call) -> Called {
        if !matches!(call.manner, Manner::Plain | Manner::Indirect) {
            return Called::Ddi;
        }
        let (name, arguments) = (self.text(parsed, &call.callee), Some(call.arguments.len()));
        self.named_ddi(parsed, call.callee.start, name, arguments, call.is_scoped)
    }

    /// What the name of a DDI means at a byte of a parsed file; where it is called, with so many arguments.
    pub(crate) fn named_ddi(
        &self,
        parsed: usize,
        at: usize,
        name: &str,
        arguments: Option<usize>,
        is_scoped: bool,
    ) -> Called {
        if is_scoped {
            let is_it = |id: &FunctionId| {
                let function = &self.parsed[id.parsed].syntax.functions[id.function];
                let takes = function.parameters.len();
                function.linkage == Linkage::Inner && arguments.is_none_or(|count| count == takes)
            };
            let is_seen = self.called(parsed, name).iter().any(is_it);
            // Else the headers of the kit may have been included in a namespace.
            return if is_seen { Called::Own } else { Called::Either };
        }
        let all = self.functions.get(name).into_iter().flatten();
        let called = all.map(|id| self.may_mean((parsed, at), *id, arguments));
        called.max().unwrap_or(Called::Ddi)
    }

    /// What a name means at a byte of a parsed file, called with so many arguments, where the tree has this function of the name.
    fn may_mean(
        &self,
        (parsed, at): (usize, usize),
        id: FunctionId,
        arguments: Option<usize>,
    ) -> Called {
        let (here, there) = (&self.parsed[parsed], &self.parsed[id.parsed]);
        let function = &there.syntax.functions[id.function];
        let is_around =
            (here.file, here.variant) == (there.file, there.variant) && function.body.contains(&at);
        let is_other = arguments.is_some_and(|count| count != function.parameters.len());
        if function.linkage == Linkage::Inner || is_other || is_around {
            return Called::Ddi;
        }
        let is_of_c = function.linkage == Linkage::OfC;
        let is_here = there.file == here.file;
        // One that others can call, beside the kit's headers, is what a kernel has of its own: it is judged as a driver's.
        let has_kit = here.unit.kernel_at.is_some();
        if is_here && has_kit && is_of_c && !function.is_static {
            return Called::Ddi;
        }
        // In C++ a function beside the kit's is one of other parameters.
        let of_unit = if is_of_c || !has_kit { Called::Own } else { Called::Either };
        if is_here && there.variant != here.variant {
            return Called::Ddi;
        }
        if let Some(visit) = here.unit.visits.get(&there.file) {
            // Where the call stands in the same arm, it has the function in every build.
            let is_around = |arm: &&Arm| {
                arm.range.contains(&function.name.start) && !(is_here && arm.range.contains(&at))
            };
            let states = visit.arms.iter().filter(is_around).map(|arm| arm.state);
            return states.fold(of_unit, |called, state| match state {
                ArmState::Compiled => called,
                ArmState::Open { .. } => called.min(Called::Either),
                ArmState::LeftOut => Called::Ddi,
            });
        }
        if is_here {
            return of_unit;
        }
        let of = |file: FileId| folder(&self.tree.file(file).path);
        let is_main = self.tree.file(there.file).kind != FileKind::Header;
        // Whether both are linked together, and which of the two the linker takes then, is not known.
        let is_linked = !has_kit
            && is_main
            && is_of_c
            && !function.is_static
            && of(there.file) == of(here.file);
        if is_linked { Called::Either } else { Called::Ddi }
    }
}

/// The functions of the tree that have a DDI's name, each with it.
pub(crate) fn named_as_ddis<'w>(
    world: &'w World<'_>,
) -> impl Iterator<Item = (&'w str, FunctionId)> {
    let named = world.functions.iter().filter(|(name, _)| vocabulary::function(name).is_some());
    named.flat_map(|(name, all)| all.iter().map(move |id| (*name, *id)))
}

#[cfg(test)]
mod tests;
