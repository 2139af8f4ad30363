//! From an image's imports to what is asked about its code.

use super::functions;
use ringfence_code::{Callee, Parameter, Query, Wanted, Watch};
use ringfence_ddi::{Ddi, Grant, Role, all, imported};
use ringfence_finding::{Gap, Question};
use ringfence_image::{Image, ImportName};
use std::borrow::Cow;

/// What is asked about an image's code.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    pub(super) query: Query,
    /// The DDI behind each of the query's functions.
    pub(super) ddis: Vec<&'static Ddi>,
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

/// Functions that find other functions by name.
const RESOLVERS: &[&str] = &[
    "MmGetSystemRoutineAddress",
    "FltGetRoutineAddress",
    "NdisGetRoutineAddress",
    "RtlFindExportedRoutineByName",
];

impl Inquiry {
    pub(super) fn of(image: &Image<'_>) -> Inquiry {
        let mut inquiry = Inquiry::default();
        let mut watch = Watch::default();
        let mut ordinals = Vec::new();
        let mut resolvers = Vec::new();
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
                    inquiry.want(Callee::Slot(function.slot), ddi);
                }
                if functions::is_function(&module_name, name) {
                    watch.functions.push(function.slot);
                }
                if NEVER_RETURN.contains(&name) {
                    inquiry.query.never_return.push(function.slot);
                }
                if let Some(resolver) = RESOLVERS.iter().find(|known| **known == name) {
                    resolvers.push(*resolver);
                }
                framework |= name == "WdfVersionBind";
            }
        }
        watch.gives_memory = functions::givers(&inquiry.ddis);
        inquiry.query.watch = Some(watch);
        inquiry.ordinals(&ordinals);
        inquiry.resolvers(&resolvers);
        if framework {
            inquiry.open("calls through the framework's function table are not followed yet");
        }
        if image.imports().is_empty() {
            inquiry.open("the driver imports nothing, so how it calls Windows is not seen");
        }
        if !image.imports().complete {
            inquiry.open("the import table could not be read whole");
        }
        inquiry
    }

    fn want(&mut self, callee: Callee, ddi: &'static Ddi) {
        let parameters = u8::try_from(ddi.parameters.len()).unwrap_or(u8::MAX);
        self.query.wanted.push(Wanted { callee, parameters, arguments: arguments(ddi) });
        self.ddis.push(ddi);
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

    fn resolvers(&mut self, resolvers: &[&str]) {
        if let Some(resolver) = resolvers.first() {
            self.open(format!(
                "functions that {resolver} finds by name when the driver runs are not followed yet"
            ));
        }
    }
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
                || can_ask(ddi) && (deciding == Some(index) || qualifies(role));
            wanted.then_some(Parameter { index, bits: role.bits() })
        })
        .collect()
}

fn qualifies(role: Role) -> bool {
    matches!(
        role,
        Role::ProcessorMode | Role::ProcessHandle | Role::SectionAttributes | Role::ContextType
    )
}

/// Whether a call of the DDI can ask for executable memory.
pub(super) fn can_ask(ddi: &Ddi) -> bool {
    matches!(ddi.grant, Grant::Argument | Grant::Always)
}

/// Whether a module exports DDIs, so that an ordinal of it may stand for one.
fn exports_ddis(module: &str) -> bool {
    const ALWAYS: [&str; 3] = ["ntoskrnl.exe", "hal.dll", "ndis.sys"];
    let is = |known: &&str| known.eq_ignore_ascii_case(module);
    ALWAYS.iter().any(is) || all().iter().any(|ddi| ddi.modules.iter().any(is))
}
