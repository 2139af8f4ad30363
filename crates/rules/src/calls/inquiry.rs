//! From an image's imports to what is asked about its code.

use super::coverage::counters;
use super::selected::{Selected, WHICH, selected};
use super::{framework, functions, judge, request};
use ringfence_code::{Callee, Effect, Fate, Parameter, Query, Survey, Wanted, Watch};
use ringfence_ddi::{Ddi, Grant, Reach, Role, all, imported};
use ringfence_finding::{Gap, Question, TARGETS};
use ringfence_image::{Image, ImportName, Rva};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What is asked about an image's code.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    pub(super) query: Query,
    /// The DDI behind each of the query's functions.
    pub(super) ddis: Vec<&'static Ddi>,
    /// Imports that stand for several of them.
    pub(super) selected: Selected,
    /// Its names in the driver, of those that have several.
    pub(super) names: Vec<&'static str>,
    /// What the imports alone leave open.
    pub(super) gaps: Vec<Gap>,
}

/// Functions that never return. Code behind a call of one is not reached.
const NEVER_RETURN: &[&str] = &[
    "ExRaiseAccessViolation",
    "ExRaiseDatatypeMisalignment",
    "ExRaiseStatus",
    "KeBugCheck",
    "KeBugCheckEx",
    "RtlFailFast",
    "RtlRaiseStatus",
];

/// Functions that write to the memory which their first argument leads to.
const WRITERS: &[&str] = &[
    "RtlCopyMemory",
    "RtlCopyMemoryNonTemporal",
    "RtlCopyVolatileMemory",
    "RtlFillMemory",
    "RtlMoveMemory",
    "RtlMoveVolatileMemory",
    "RtlZeroMemory",
    "memcpy",
    "memcpy_s",
    "memmove",
    "memmove_s",
    "memset",
];

/// Functions that find other functions by name, and others that help to follow values.
const HELPERS: &[(&str, Effect)] = &[
    ("MmGetSystemRoutineAddress", Effect::FindsByUnicode { name: 0 }),
    ("FltGetRoutineAddress", Effect::FindsByAnsi { name: 0 }),
    ("NdisGetRoutineAddress", Effect::FindsByUnicode { name: 0 }),
    ("RtlFindExportedRoutineByName", Effect::FindsByAnsi { name: 1 }),
    ("RtlInitUnicodeString", Effect::SetsString),
    ("RtlGetVersion", Effect::TellsVersion),
];

/// No slot of an import: nothing is named by such a place.
const NOWHERE: Rva = Rva(u32::MAX);

impl Inquiry {
    pub(super) fn of(image: &Image<'_>) -> Inquiry {
        let mut inquiry = Inquiry::default();
        let mut watch = Watch::default();
        let mut ordinals = Vec::new();
        let mut helpers = Vec::new();
        let mut framework = false;
        for module in &image.imports().modules {
            let module_name = String::from_utf8_lossy(module.name);
            let mut has_ddis = None;
            for function in &module.functions {
                let name = match function.name {
                    ImportName::Name(name) => String::from_utf8_lossy(name),
                    ImportName::Ordinal(ordinal) => {
                        if *has_ddis.get_or_insert_with(|| exports_ddis(&module_name)) {
                            ordinals.push((module_name.clone(), ordinal));
                        }
                        continue;
                    }
                    ImportName::Unreadable => continue,
                };
                let name = name.as_ref();
                if let Some(ddi) = imported(&module_name, name) {
                    inquiry.want(Callee::Slot(function.slot), ddi, name);
                }
                inquiry.select(function.slot, &selected(&module_name, name));
                if functions::is_function(&module_name, name) {
                    watch.functions.push(function.slot);
                }
                if WRITERS.contains(&name) {
                    watch.writers.push(function.slot);
                }
                if NEVER_RETURN.contains(&name) {
                    inquiry.query.never_return.push(function.slot);
                }
                if let Some((_, effect)) = HELPERS.iter().find(|(known, _)| *known == name) {
                    helpers.push((function.slot, *effect));
                }
                framework |= name == "WdfVersionBind";
            }
        }
        watch.gives_memory = functions::givers(&inquiry.ddis);
        inquiry.query.watch = Some(watch);
        inquiry.query.fields = request::begins();
        inquiry.query.entries = request::entries();
        inquiry.query.steady = request::steady();
        inquiry.ordinals(&ordinals);
        if framework {
            inquiry.framework(image);
        }
        inquiry.helpers(&helpers);
        if image.imports().is_empty() {
            inquiry.open("the driver imports nothing, so how it calls Windows is not seen");
        }
        if !image.imports().complete {
            inquiry.open("the import table could not be read whole");
        }
        inquiry
    }

    fn want(&mut self, callee: Callee, ddi: &'static Ddi, name: &str) {
        let parameters = u8::try_from(ddi.parameters.len()).unwrap_or(u8::MAX);
        let (arguments, effect) = (arguments(ddi), Effect::None);
        self.query.wanted.push(Wanted { callee, parameters, arguments, effect });
        self.ddis.push(ddi);
        let alias = ddi.aliases.iter().find(|alias| **alias == name);
        self.names.push(alias.copied().unwrap_or(ddi.name));
    }

    /// Asks about an import that stands for several DDIs.
    fn select(&mut self, slot: Rva, ddis: &[(u32, &'static Ddi)]) {
        // The first one's number is that of the import; the others are no more than names.
        let import = self.query.wanted.len();
        let mut asked = vec![WHICH];
        for &(value, ddi) in ddis {
            asked.extend(
                arguments(ddi).into_iter().map(|one| Parameter { index: one.index + 1, ..one }),
            );
            let callee =
                Callee::Slot(if self.query.wanted.len() == import { slot } else { NOWHERE });
            self.selected.add(import, value, self.query.wanted.len());
            let (arguments, effect) = (Vec::new(), Effect::None);
            self.query.wanted.push(Wanted { callee, parameters: 0, arguments, effect });
            self.ddis.push(ddi);
            self.names.push(ddi.name);
        }
        if let Some(wanted) = self.query.wanted.get_mut(import) {
            wanted.arguments = asked;
        }
    }

    fn open(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.gaps.push(Gap::new(&[Question::Run, Question::Certify], reason));
    }

    fn ordinals(&mut self, ordinals: &[(Cow<'_, str>, u16)]) {
        let Some((module, ordinal)) = ordinals.first() else { return };
        let more = match ordinals.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more functions"),
        };
        self.open(format!(
            "imports {module} by ordinal {ordinal}{more}: which function that is depends on the \
             Windows version"
        ));
    }

    /// Asks about the functions of the framework's table.
    fn framework(&mut self, image: &Image<'_>) {
        let framework = match framework::find(image) {
            Ok(framework) => framework,
            Err(why) => {
                let reason =
                    format!("calls through the framework's function table are not followed: {why}");
                let gap = Gap::new(&[Question::Run, Question::Certify], reason);
                let in_table = |ddi: &&Ddi| matches!(ddi.reach, Reach::WdfTable { .. });
                let ddis: Vec<_> = all().iter().filter(in_table).collect();
                self.gaps.push(gap.about(&counters(&ddis)));
                return;
            }
        };
        self.query.descriptions.push(framework.description);
        for ddi in all() {
            if let Reach::WdfTable { index } = ddi.reach
                && let Some(callee) = framework.callee(index)
            {
                self.want(callee, ddi, ddi.name);
            }
        }
    }

    /// Asks about what helps to follow others: behind all DDIs, as it has none of its own.
    fn helpers(&mut self, helpers: &[(Rva, Effect)]) {
        if helpers.iter().any(|(_, effect)| finds(*effect)) {
            for ddi in all().iter().filter(|ddi| ddi.reach == Reach::Import && can_ask(ddi)) {
                for name in ddi.aliases.iter().chain([&ddi.name]) {
                    self.want(Callee::Named((*name).to_owned()), ddi, name);
                }
            }
        }
        for &(slot, effect) in helpers {
            let known = |wanted: &&mut Wanted| wanted.callee == Callee::Slot(slot);
            match self.query.wanted.iter_mut().find(known) {
                Some(wanted) => wanted.effect = effect,
                None => self.query.wanted.push(Wanted {
                    callee: Callee::Slot(slot),
                    parameters: 0,
                    arguments: Vec::new(),
                    effect,
                }),
            }
        }
        let builds: BTreeSet<u32> = TARGETS.iter().map(|target| target.build).collect();
        self.query.builds = builds.into_iter().collect();
    }

    /// What functions that are found by name leave open.
    pub(super) fn open_lookups(&self, survey: &Survey) -> Vec<Gap> {
        let nameless = survey.lookups.iter().any(|lookup| lookup.name.is_none());
        let finder = |number: usize| {
            self.query.wanted.get(number).is_some_and(|wanted| finds(wanted.effect))
        };
        let away = survey.references.iter().any(|reference| {
            let lost = matches!(reference.fate, Fate::Data | Fate::Stored | Fate::Unreached);
            lost && finder(reference.wanted)
        });
        let reason = "a function is found by name when the driver runs, and its name is not known";
        let gap = || Gap::new(&[Question::Run, Question::Certify], reason);
        (nameless || away).then(gap).into_iter().collect()
    }
}

fn finds(effect: Effect) -> bool {
    matches!(effect, Effect::FindsByUnicode { .. } | Effect::FindsByAnsi { .. })
}

/// The arguments of a DDI that decide or qualify what it does, with their widths.
fn arguments(ddi: &Ddi) -> Vec<Parameter> {
    let deciding = ddi.deciding().map(|(index, _)| index);
    (0..)
        .zip(ddi.parameters)
        .filter_map(|(index, parameter)| {
            let role = parameter.role?;
            // Where an allocation routine or an address goes is known from the call, whatever that
            // asks for.
            let wanted = matches!(role, Role::AllocateRoutine | Role::DescribedAddress)
                || has_say(ddi) && (deciding == Some(index) || qualifies(role));
            wanted.then(|| Parameter { index, bits: role.bits(), enough: judge::enough(ddi, role) })
        })
        .collect()
}

fn qualifies(role: Role) -> bool {
    matches!(
        role,
        Role::ProcessorMode | Role::ProcessHandle | Role::SectionAttributes | Role::ContextType
    )
}

/// Whether a call of the DDI says something of executable memory.
fn has_say(ddi: &Ddi) -> bool {
    matches!(ddi.grant, Grant::Argument | Grant::Always)
}

/// Whether a call of the DDI can ask for executable memory. What a port driver makes of what it is told is its own affair.
pub(super) fn can_ask(ddi: &Ddi) -> bool {
    has_say(ddi) && !matches!(ddi.reach, Reach::Selector { .. })
}

/// Whether a module exports DDIs, so that an ordinal of it may stand for one.
fn exports_ddis(module: &str) -> bool {
    const ALWAYS: [&str; 3] = ["ntoskrnl.exe", "hal.dll", "ndis.sys"];
    let is = |known: &&str| known.eq_ignore_ascii_case(module);
    ALWAYS.iter().any(is) || all().iter().any(|ddi| ddi.modules.iter().any(is))
}
