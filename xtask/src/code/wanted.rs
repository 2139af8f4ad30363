//! The functions that are asked about, and which of their arguments.

use ringfence_code::{Callee, Effect, Parameter, Query, Wanted, Watch};
use ringfence_image::{Image, ImportName, Rva};
use std::collections::BTreeMap;
use std::ops::Range;

/// Name, then index and width in bits of each argument. Written here by hand and not taken from
/// `ringfence-ddi`, so that a row missing there is no row missing here.
const FUNCTIONS: &[(&str, &[(u8, u8)])] = &[
    ("ClfsCreateMarshallingArea", &[(1, 32)]),
    ("ExAllocateCacheAwareRundownProtection", &[(0, 32)]),
    ("ExAllocatePool", &[(0, 32)]),
    ("ExAllocatePool2", &[(0, 64)]),
    ("ExAllocatePool3", &[(0, 64)]),
    ("ExAllocatePoolEx", &[(0, 32)]),
    ("ExAllocatePoolWithQuota", &[(0, 32)]),
    ("ExAllocatePoolWithQuotaTag", &[(0, 32)]),
    ("ExAllocatePoolWithTag", &[(0, 32)]),
    ("ExAllocatePoolWithTagPriority", &[(0, 32)]),
    ("ExInitializeLookasideListEx", &[(3, 32)]),
    ("ExInitializeNPagedLookasideList", &[(1, 64), (3, 32)]),
    ("ExInitializePagedLookasideList", &[]),
    ("FltAllocateContext", &[(3, 32)]),
    ("FltAllocatePoolAlignedWithTag", &[(1, 32)]),
    ("FltCreateSectionForDataScan", &[(6, 32)]),
    ("FsRtlAllocatePool", &[(0, 32)]),
    ("FsRtlAllocatePoolWithQuota", &[(0, 32)]),
    ("FsRtlAllocatePoolWithQuotaTag", &[(0, 32)]),
    ("FsRtlAllocatePoolWithTag", &[(0, 32)]),
    ("IoAllocateMdl", &[]),
    ("MmAllocateContiguousMemory", &[]),
    ("MmAllocateContiguousMemoryEx", &[(5, 32)]),
    ("MmAllocateContiguousMemorySpecifyCache", &[(4, 32)]),
    ("MmAllocateContiguousMemorySpecifyCacheNode", &[(4, 32)]),
    ("MmAllocateContiguousNodeMemory", &[(4, 32)]),
    ("MmAllocateNonCachedMemory", &[]),
    ("MmAllocatePagesForMdl", &[]),
    ("MmAllocatePagesForMdlEx", &[]),
    ("MmCopyMemory", &[]),
    ("MmCreateSection", &[(4, 32)]),
    ("MmGetSystemRoutineAddress", &[(0, 64)]),
    ("MmMapIoSpace", &[(2, 8)]),
    ("MmMapIoSpaceEx", &[(2, 32)]),
    ("MmMapLockedPages", &[(1, 8)]),
    ("MmMapLockedPagesSpecifyCache", &[(1, 8), (5, 32)]),
    ("MmMapViewInSystemSpace", &[]),
    ("MmMapViewOfSection", &[(9, 32)]),
    ("MmProtectMdlSystemAddress", &[(1, 32)]),
    ("NdisAllocateMemoryWithTag", &[]),
    ("NdisAllocateMemoryWithTagPriority", &[]),
    ("NtAllocateVirtualMemory", &[(0, 64), (5, 32)]),
    ("NtCreateSection", &[(4, 32), (5, 32)]),
    ("NtMapViewOfSection", &[(1, 64), (9, 32)]),
    ("RtlCreateHeap", &[(0, 32)]),
    ("SeAssignSecurity", &[(6, 32)]),
    ("SeAssignSecurityEx", &[(8, 32)]),
    ("VideoPortAllocatePool", &[(1, 32)]),
    ("WdfDeviceAllocAndQueryProperty", &[(3, 32)]),
    ("WdfDeviceAllocAndQueryPropertyEx", &[(3, 32)]),
    ("WdfFdoInitAllocAndQueryProperty", &[(3, 32)]),
    ("WdfFdoInitAllocAndQueryPropertyEx", &[(3, 32)]),
    ("WdfIoTargetAllocAndQueryTargetProperty", &[(3, 32)]),
    ("WdfLookasideListCreate", &[(3, 32)]),
    ("WdfMemoryCreate", &[(2, 32)]),
    ("WdfRegistryQueryMemory", &[(3, 32)]),
    ("ZwAllocateVirtualMemory", &[(0, 64), (5, 32)]),
    ("ZwCreateSection", &[(4, 32), (5, 32)]),
    ("ZwMapViewOfSection", &[(1, 64), (9, 32)]),
    ("ZwProtectVirtualMemory", &[(0, 64), (3, 32)]),
    ("ndis.sys#5", &[(0, 32)]),
    ("ndis.sys#77", &[(0, 32)]),
];

/// Entries of the framework's table.
const FRAMEWORK: &[(&str, u32)] = &[
    ("WdfDeviceAllocAndQueryProperty", 82),
    ("WdfFdoInitAllocAndQueryProperty", 127),
    ("WdfIoTargetAllocAndQueryTargetProperty", 176),
    ("WdfMemoryCreate", 192),
    ("WdfLookasideListCreate", 198),
    ("WdfRegistryQueryMemory", 236),
    ("WdfDeviceAllocAndQueryPropertyEx", 434),
    ("WdfFdoInitAllocAndQueryPropertyEx", 437),
];

/// What the fixtures export their tables as: the pointer to one, and one in the image. Real drivers export
/// nothing of the kind; how theirs are found is no affair of this command.
const POINTER: &[u8] = b"WdfFunctions_01015";
const TABLE: &[u8] = b"WdfFunctions_01009";
/// How many entries the one in the image has, as KMDF 1.9.
const TABLE_LENGTH: u32 = 396;

/// Where an IRP that is the second parameter has its buffers and its stack.
const FIELDS: [(u8, u16); 3] = [(1, 0x18), (1, 0x70), (1, 0xB8)];
/// Where a driver object has the functions that are given it.
const ENTRIES: Range<u16> = 0x70..0x150;

/// Functions behind whose calls no code is reached.
const NEVER_RETURN: &[&str] = &["KeBugCheck", "KeBugCheckEx"];

/// Finds functions by name, and makes names.
const FINDER: &str = "MmGetSystemRoutineAddress";
const NAMER: &str = "RtlInitUnicodeString";

/// What the names of functions that return the address of memory begin with.
const GIVERS: &[&str] =
    &["ExAllocatePool", "MmAllocateContiguous", "MmMapIoSpace", "MmMapLockedPages"];

/// A function that is not asked about and certainly is one; other imports may be variables.
const CODE: &str = "ZwClose";

/// A function that writes where its first argument leads to.
const WRITER: &str = "memmove";

/// What to ask of `image`, and the name of each function asked about.
pub fn query(image: &Image<'_>) -> (Query, Vec<String>) {
    let (mut query, mut names) = (Query::default(), Vec::new());
    let slots = slots(image);
    let mut watch = Watch::default();
    query.fields = FIELDS.to_vec();
    query.entries = ENTRIES;
    query.steady = FIELDS[..1].to_vec();
    for (name, slot) in &slots {
        if name == CODE {
            watch.functions.push(*slot);
        }
        if name == WRITER {
            watch.writers.push(*slot);
        }
        if NEVER_RETURN.contains(&name.as_str()) {
            query.never_return.push(*slot);
        }
    }
    let all = slots.clone();
    let slots = slots.into_iter().map(|(name, slot)| (name, Callee::Slot(slot)));
    for (name, callee) in slots.chain(entries(image)) {
        let Some((_, arguments)) = FUNCTIONS.iter().find(|(wanted, _)| *wanted == name) else {
            continue;
        };
        let parameter = |&(index, bits): &(u8, u8)| Parameter::new(index, bits);
        let arguments: Vec<_> = arguments.iter().map(parameter).collect();
        let last = arguments.iter().map(|argument| argument.index + 1).max();
        let parameters = last.unwrap_or(0);
        let effect = match name.as_str() {
            FINDER => Effect::FindsByUnicode { name: 0 },
            _ => Effect::None,
        };
        if GIVERS.iter().any(|giver| name.starts_with(giver)) {
            watch.gives_memory.push(names.len());
        }
        if let Callee::Slot(slot) = callee {
            watch.functions.push(slot);
        }
        query.wanted.push(Wanted { callee, parameters, arguments, effect });
        names.push(name);
    }
    query.watch = Some(watch);
    found_by_name(&all, &mut query, &mut names);
    (query, names)
}

/// What is found by name when the driver runs, and the function that names are made with.
fn found_by_name(slots: &[(String, Rva)], query: &mut Query, names: &mut Vec<String>) {
    let slot = |wanted: &str| slots.iter().find(|(name, _)| name == wanted).map(|(_, slot)| *slot);
    if slot(FINDER).is_none() {
        return;
    }
    for (name, arguments) in FUNCTIONS {
        let parameter = |&(index, bits): &(u8, u8)| Parameter::new(index, bits);
        let arguments: Vec<_> = arguments.iter().map(parameter).collect();
        let callee = Callee::Named((*name).to_owned());
        query.wanted.push(Wanted { callee, parameters: 0, arguments, effect: Effect::None });
        names.push((*name).to_owned());
    }
    if let Some(slot) = slot(NAMER) {
        let (callee, effect) = (Callee::Slot(slot), Effect::SetsString);
        query.wanted.push(Wanted { callee, parameters: 2, arguments: Vec::new(), effect });
        names.push(NAMER.to_owned());
    }
}

/// The framework's functions, where `image` exports its table.
fn entries(image: &Image<'_>) -> Vec<(String, Callee)> {
    let exports = image.exports();
    let mut entries = Vec::new();
    for (text, ordinal) in exports.names() {
        let name = image.text_at(text).unwrap_or_default();
        let exported = exports.iter().find(|export| export.ordinal == ordinal);
        let Some(place) = exported.map(|export| export.address) else { continue };
        for &(function, entry) in FRAMEWORK {
            let callee = match name {
                POINTER => Callee::TableBehind { pointer: place, entry },
                TABLE if entry < TABLE_LENGTH => {
                    Callee::TableAt { table: place, entries: TABLE_LENGTH, entry }
                }
                _ => continue,
            };
            entries.push((function.to_owned(), callee));
        }
    }
    entries
}

/// The functions that a word stands for which names the framework's table, by its pointer or in the image.
pub fn entries_of(word: &str) -> Option<Vec<&'static str>> {
    let length = match word {
        "table-behind" => u32::MAX,
        "table-at" => TABLE_LENGTH,
        _ => return None,
    };
    let there = FRAMEWORK.iter().filter(|(_, entry)| *entry < length);
    Some(there.map(|(function, _)| *function).collect())
}

/// The slots of the functions in the query, by address, with the names' index.
pub fn wanted_slots(query: &Query) -> BTreeMap<u32, usize> {
    let slot = |(index, wanted): (usize, &Wanted)| match wanted.callee {
        Callee::Slot(rva) if wanted.effect != Effect::SetsString => Some((rva.0, index)),
        _ => None,
    };
    query.wanted.iter().enumerate().filter_map(slot).collect()
}

/// Every import: its name, or module and number, and its slot.
fn slots(image: &Image<'_>) -> Vec<(String, Rva)> {
    let mut slots = Vec::new();
    for module in &image.imports().modules {
        let file = String::from_utf8_lossy(module.name).to_lowercase();
        for function in &module.functions {
            let name = match function.name {
                ImportName::Name(name) => String::from_utf8_lossy(name).into_owned(),
                ImportName::Ordinal(number) => format!("{file}#{number}"),
                ImportName::Unreadable => continue,
            };
            slots.push((name, function.slot));
        }
    }
    slots
}

/// The width in bits of an argument that is asked about.
pub fn bits(name: &str, index: u8) -> Option<u8> {
    let (_, arguments) = FUNCTIONS.iter().find(|(wanted, _)| *wanted == name)?;
    arguments.iter().find(|(place, _)| *place == index).map(|(_, bits)| *bits)
}

/// Whether `name` is asked about.
pub fn is_wanted(name: &str) -> bool {
    FUNCTIONS.iter().any(|(wanted, _)| *wanted == name)
}
