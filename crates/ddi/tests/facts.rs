//! The compiled table against facts written down apart from it.

use ringfence_ddi::{Certainty, Ddi, Grant, Reach, Role, VerifierBehaviour, all, imported, named};

/// A line of `facts.txt`, field by field.
struct Fact<'a> {
    name: &'a str,
    module: &'a str,
    place: &'a str,
    kind: &'a str,
    subcode: &'a str,
    behaviour: &'a str,
    warning: &'a str,
    listed: bool,
    certainty: &'a str,
}

fn facts() -> Vec<Fact<'static>> {
    let lines = include_str!("facts.txt").lines().filter(|line| !line.starts_with('#'));
    let fact = |line: &'static str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [name, module, place, kind, subcode, behaviour, warning, listed, certainty] =
            fields[..]
        else {
            panic!("{line}");
        };
        let listed = listed == "listed";
        Fact { name, module, place, kind, subcode, behaviour, warning, listed, certainty }
    };
    lines.map(fact).collect()
}

fn grant(kind: &str) -> (Grant, &[Role]) {
    match kind {
        "pool-type" => (Grant::Argument, &[Role::PoolType]),
        "pool-flags" => (Grant::Argument, &[Role::PoolFlags]),
        "lookaside-flags" => (Grant::Argument, &[Role::LookasideFlags]),
        "page-protection" => (Grant::Argument, &[Role::PageProtection]),
        "mdl-priority" => (Grant::Argument, &[Role::MdlPriority]),
        "cache-type" => (Grant::Argument, &[Role::IoSpaceCacheType, Role::ContiguousCacheType]),
        "flag-bit" => (Grant::Argument, &[Role::HeapFlags]),
        "vp-pool-type" => (Grant::Argument, &[Role::VideoPoolType]),
        "always-executable" => (Grant::Always, &[]),
        "always-nx" => (Grant::Never, &[]),
        "kernel-chosen" => (Grant::Kernel, &[]),
        "section-derived" => (Grant::Section, &[]),
        "none" | "memory-copy" | "resolver" | "loader" => (Grant::Nothing, &[]),
        other => panic!("{other}"),
    }
}

fn behaviour(ddi: &Ddi) -> &'static str {
    match ddi.verifier.behaviour {
        VerifierBehaviour::Report => "report",
        VerifierBehaviour::SubstituteNx => "substitute-nx",
        VerifierBehaviour::ViaModule => "via-module",
        VerifierBehaviour::ViaFramework => "via-framework",
        VerifierBehaviour::ViaCallee => "via-callee",
        VerifierBehaviour::None => "none",
        VerifierBehaviour::Unknown => "unknown",
    }
}

#[test]
fn every_fact_is_in_the_table() {
    let facts = facts();
    assert_eq!(facts.len(), 113);
    for fact in &facts {
        let name = fact.name;
        let ddi = named(name).unwrap_or_else(|| panic!("{name} is missing"));
        let (grant, roles) = grant(fact.kind);
        assert_eq!(ddi.grant, grant, "{name}");
        let deciding = ddi.deciding();
        assert_eq!(deciding.map_or("-".to_owned(), |(i, _)| i.to_string()), fact.place, "{name}");
        if let Some((_, parameter)) = deciding {
            assert!(roles.contains(&parameter.role.unwrap()), "{name}");
        }
        let subcode = ddi.verifier.subcode.map_or("-".to_owned(), |code| format!("{code:#x}"));
        assert_eq!(subcode, fact.subcode, "{name}");
        assert_eq!(behaviour(ddi), fact.behaviour, "{name}");
        let warning = ddi.warning.map_or("-".to_owned(), |warning| {
            format!("{}{}", warning.id, if warning.documented { "" } else { "*" })
        });
        assert_eq!(warning, fact.warning, "{name}");
        assert_eq!(ddi.listed, fact.listed, "{name}");
        let certainty = match ddi.certainty {
            Certainty::Low => "low",
            Certainty::Medium => "medium",
            Certainty::High => "high",
        };
        assert_eq!(certainty, fact.certainty, "{name}");
        match (fact.module.strip_prefix('>'), ddi.reach) {
            (Some(module), Reach::Inline { becomes }) => assert_eq!(module, becomes, "{name}"),
            (None, _) => assert_eq!(ddi.modules, [fact.module], "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Microsoft's list of potentially affected DDIs has 46 names.
#[test]
fn microsofts_list_is_whole() {
    assert_eq!(all().iter().filter(|ddi| ddi.listed).count(), 46);
}

/// Entries of the KMDF function table: fixed since they were added.
#[test]
fn kmdf_entries() {
    let entries: Vec<_> = all()
        .iter()
        .filter(|ddi| ddi.grant == Grant::Argument)
        .filter_map(|ddi| match ddi.reach {
            Reach::WdfTable { index } => Some((ddi.name, index, ddi.deciding()?.0)),
            _ => None,
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("WdfDeviceAllocAndQueryProperty", 82, 3),
            ("WdfDeviceAllocAndQueryPropertyEx", 434, 3),
            ("WdfFdoInitAllocAndQueryProperty", 127, 3),
            ("WdfFdoInitAllocAndQueryPropertyEx", 437, 3),
            ("WdfIoTargetAllocAndQueryTargetProperty", 176, 3),
            ("WdfLookasideListCreate", 198, 3),
            ("WdfMemoryCreate", 192, 2),
            ("WdfRegistryQueryMemory", 236, 3),
        ]
    );
}

#[test]
fn selectors_and_slots() {
    for (name, value) in [
        ("StorPortAllocatePool", 0),
        ("StorPortGetSystemAddress", 5),
        ("StorPortAllocateContiguousMemorySpecifyCacheNode", 24),
        ("StorPortGetDataInBufferSystemAddress", 43),
    ] {
        let import = "StorPortExtendedFunction";
        assert_eq!(named(name).unwrap().reach, Reach::Selector { import, value }, "{name}");
    }
    let slot = |name: &str| named(name).unwrap().reach;
    assert_eq!(slot("IPortWavePci::NewMasterDmaChannel"), Reach::Interface { slot: Some(7) });
    // At offset 0x28 of a structure of pointers.
    assert_eq!(slot("DxgkCbMapMemory"), Reach::Interface { slot: Some(5) });
    assert_eq!(slot("IMiniportMidi::NewStream"), Reach::Inbound);
}

/// What a parameter's value is weighed with.
#[test]
fn qualifying_parameters() {
    for (name, place, role) in [
        ("MmMapLockedPagesSpecifyCache", 1, Role::ProcessorMode),
        ("MmMapLockedPages", 1, Role::ProcessorMode),
        ("FltAllocateContext", 1, Role::ContextType),
        ("ZwCreateSection", 5, Role::SectionAttributes),
        ("NtCreateSection", 5, Role::SectionAttributes),
        ("ZwCreateSectionEx", 5, Role::SectionAttributes),
        ("FltCreateSectionForDataScan", 7, Role::SectionAttributes),
        ("ZwAllocateVirtualMemory", 0, Role::ProcessHandle),
        ("ZwProtectVirtualMemory", 0, Role::ProcessHandle),
        ("ZwMapViewOfSection", 1, Role::ProcessHandle),
        ("NtMapViewOfSection", 1, Role::ProcessHandle),
        ("ExInitializeNPagedLookasideList", 1, Role::AllocateRoutine),
        ("ExInitializeLookasideListEx", 1, Role::AllocateRoutine),
        ("ClfsCreateMarshallingArea", 2, Role::AllocateRoutine),
    ] {
        let found = named(name).unwrap().parameter(|known| known == role);
        assert_eq!(found.map(|(place, _)| place), Some(place), "{name}");
    }
    let only =
        |name: &str, role: Role| named(name).unwrap().deciding().unwrap().1.role.unwrap() == role;
    assert!(only("MmMapIoSpace", Role::IoSpaceCacheType));
    assert!(only("MmAllocateContiguousMemorySpecifyCache", Role::ContiguousCacheType));
}

#[test]
fn names_are_found_whatever_the_letter_case() {
    for ddi in all() {
        for name in std::iter::once(&ddi.name).chain(ddi.aliases) {
            for spelled in [name.to_string(), name.to_lowercase(), name.to_uppercase()] {
                assert!(named(&spelled).is_some_and(|it| it.name == ddi.name), "{spelled}");
            }
        }
    }
    let known_as = named("ntallocatevirtualmemory").unwrap();
    assert_eq!(known_as.name, "ZwAllocateVirtualMemory");
    for name in ["", "Ex", "ExAllocatePoolWithTagX", "zzz", "MmMapIoSpac\u{e9}"] {
        assert!(named(name).is_none(), "{name}");
    }
}

#[test]
fn imports_are_found_under_every_name_of_their_module() {
    let name = "ExAllocatePoolWithTag";
    for module in [
        "ntoskrnl.exe",
        "NTOSKRNL.EXE",
        "hal.dll",
        "HAL.dll",
        "ntkrnlpa.exe",
        "ntkrnlmp.exe",
        "ntkrpamp.exe",
        "ext-ms-win-ntos-pool-l1-1-0.dll",
        "API-MS-WIN-anything-l1-1-0.dll",
    ] {
        assert!(imported(module, name).is_some_and(|ddi| ddi.name == name), "{module}");
    }
    for module in ["", "ndis.sys", "ntoskrnl", "ext\u{e4}ms-win"] {
        assert!(imported(module, name).is_none(), "{module}");
    }
    assert!(imported("NDIS.SYS", "NdisAllocateMemoryWithTagPriority").is_some());
    assert!(imported("hal.dll", "NdisAllocateMemoryWithTagPriority").is_none());
    let known_as = imported("ntoskrnl.exe", "NtProtectVirtualMemory").unwrap();
    assert_eq!(known_as.name, "ZwProtectVirtualMemory");
}

/// The loader compares names of exports letter by letter, and finds no table entries.
#[test]
fn only_exports_are_imported() {
    for (module, name) in [
        ("ntoskrnl.exe", "exallocatepoolwithtag"),
        ("ntoskrnl.exe", "ExAllocatePoolZero"),
        ("wdf01000.sys", "WdfMemoryCreate"),
        ("storport.sys", "StorPortGetSystemAddress"),
        ("portcls.sys", "IPortWavePci::NewMasterDmaChannel"),
    ] {
        assert!(imported(module, name).is_none(), "{name}");
    }
}

/// Pages are under the header that declares the DDI.
#[test]
fn pages() {
    assert_eq!(
        named("MmMapIoSpace").unwrap().url().unwrap(),
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmmapiospace"
    );
    assert_eq!(named("MmCreateSection").unwrap().url(), None);
}
