//! What the bug checks of memory integrity mean, by the documentation of their parameters.

use super::KernelDump;
use crate::rule_cards;
use ringfence_ddi::Role;
use ringfence_finding::{Counter, RuleCard};

/// The first build on which 0xC4, 0x2005 is the import table: Windows 10 1703.
const BUILD_1703: u32 = 15_063;

/// What a bug check means.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// Its name, such as `DRIVER_VERIFIER_DETECTED_VIOLATION`.
    pub name: &'static str,
    /// The rules that find what it is shown for.
    pub rules: Vec<&'static RuleCard>,
    /// What is known of each parameter that says something: its number from 1, and the words.
    pub parameters: Vec<(usize, String)>,
    /// The parameter that is an address in the driver, or may be: its number from 1; none where none is.
    pub address: Option<usize>,
    /// The parameter that is the instruction that did it: its number from 1; none where none is.
    pub instruction: Option<usize>,
    /// What the dump leaves open, where it does.
    pub open: Option<&'static str>,
}

impl Meaning {
    /// The parameter that is an address in the driver, or may be.
    pub fn address_in(&self, dump: &KernelDump) -> Option<u64> {
        self.address.map(|number| dump.parameters[number - 1])
    }

    /// The instruction that did it.
    pub fn instruction_in(&self, dump: &KernelDump) -> Option<u64> {
        self.instruction.map(|number| dump.parameters[number - 1])
    }
}

/// What the bug check of a dump means; none where it has nothing to do with memory integrity.
pub fn meaning(dump: &KernelDump) -> Option<Meaning> {
    let [first, _, third, fourth] = dump.parameters;
    let of = |number: usize, words: &str| (number, words.to_owned());
    let meaning = match (dump.code, first) {
        (0xC4, 0x2000) => Meaning {
            parameters: vec![
                of(2, "where the call returns to"),
                (3, format!("the pool type: {}", Role::PoolType.words(third))),
                (4, format!("the tag: {}", tag(fourth))),
            ],
            ..verifier("0xC4:0x2000")
        },
        (0xC4, 0x2001) => Meaning {
            parameters: vec![
                of(2, "where the call returns to"),
                (3, format!("the protection: {}", Role::PageProtection.words(third))),
            ],
            ..verifier("0xC4:0x2001")
        },
        (0xC4, 0x2002) => Meaning {
            parameters: vec![
                of(2, "where the call returns to"),
                (3, format!("the priority: {}", Role::MdlPriority.words(third))),
            ],
            ..verifier("0xC4:0x2002")
        },
        (0xC4, 0x2003 | 0x2004) => of_image(&format!("0xC4:{first:#x}"), "the section's header"),
        (0xC4, 0x2005) if dump.build >= BUILD_1703 => {
            let mut meaning = of_image("0xC4:0x2005", "the entry of the import address table");
            meaning
                .rules
                .retain(|card| !card.also_known_as.contains(&Counter::UnsupportedRelocs.name()));
            meaning
        }
        (0xC4, 0x2005 | 0x2006) => Meaning {
            open: Some(
                "Windows 10 before 1703 used 0x2005 for relocations for a while, and 0x2006 for the import table",
            ),
            ..of_image(&format!("0xC4:{first:#x}"), "what is wrong with the image")
        },
        (0xFC, _) => Meaning {
            name: "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY",
            rules: with_ids(&["executes-allocated-memory", "non-executable-code"]),
            parameters: vec![of(1, "the address that was to run"), of(2, "its page table entry")],
            address: Some(1),
            instruction: None,
            open: Some("the parameters do not tell who jumped there; the stack in a debugger does"),
        },
        (0xBE, _) => Meaning {
            name: "ATTEMPTED_WRITE_TO_READONLY_MEMORY",
            // Memory integrity makes import address tables read-only as well; there it may show 0xBE, 0x50 or 0x18D.
            rules: with_ids(&["writes-to-code", "writes-to-import-table"]),
            parameters: vec![
                of(1, "the address that was written to"),
                of(2, "its page table entry"),
            ],
            address: Some(1),
            instruction: None,
            open: Some(
                "the parameters do not tell which instruction wrote; the stack in a debugger does",
            ),
        },
        (0x18D, _) => secure_fault(first),
        (0x18C, _) => Meaning {
            name: "HYPERGUARD_VIOLATION",
            rules: with_ids(&["write-protection-cleared"]),
            parameters: Vec::new(),
            address: None,
            instruction: None,
            open: Some(
                "HyperGuard found a protected register or structure changed; the parameters do not tell which driver \
                 changed it, nor when",
            ),
        },
        (0x50 | 0xD1, _) if may_execute_discarded(dump) => of_discarded(dump),
        (0x50, _) if may_write_kept(dump) => of_kept(),
        _ => return None,
    };
    Some(meaning)
}

/// Why a bug check has nothing to do with memory integrity, where that is known.
pub fn unrelated(dump: &KernelDump) -> Option<&'static str> {
    let access = access(dump)?;
    Some(match (dump.code, access) {
        (_, Access::Read) => "memory was read that is not there",
        (0xD1, Access::Write) => {
            "memory was written to that is not there, or paged out, at too high an IRQL"
        }
        (_, Access::Write) => "memory was written to that is not there, and it is none of a driver",
        (_, Access::Execution) => "what was to run is no code of a driver: a pointer went astray",
    })
}

/// The access that a page fault was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Execution,
}

/// What 0x50 and 0xD1 say of the access, which 0x50 says otherwise on ARM64; none for what is not documented.
fn access(dump: &KernelDump) -> Option<Access> {
    /// As images name ARM64.
    const ARM64: u32 = 0xAA64;
    let [_, second, third, _] = dump.parameters;
    match (dump.code, second) {
        (0x50, 0) => Some(Access::Read),
        (0x50, 1) if dump.machine == ARM64 => Some(Access::Write),
        (0x50, 8) if dump.machine == ARM64 => Some(Access::Execution),
        (0x50, 2) if dump.machine != ARM64 => Some(Access::Write),
        (0x50, 0x10) if dump.machine != ARM64 => Some(Access::Execution),
        (0xD1, _) => match third {
            0 => Some(Access::Read),
            1 => Some(Access::Write),
            8 => Some(Access::Execution),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an address may lie in an image: where the drivers are known, it does.
fn may_lie_in_driver(dump: &KernelDump, address: u64) -> bool {
    /// Where addresses of the kernel begin.
    const SYSTEM: u64 = 0xFFFF_8000_0000_0000;
    address >= SYSTEM && (dump.drivers.is_err() || dump.place(address).is_some())
}

/// Whether a fault may be a write that memory integrity does not allow: to an image.
fn may_write_kept(dump: &KernelDump) -> bool {
    access(dump) == Some(Access::Write) && may_lie_in_driver(dump, dump.parameters[0])
}

/// PAGE_FAULT_IN_NONPAGED_AREA of a write.
fn of_kept() -> Meaning {
    let of = |number: usize, words: &str| (number, words.to_owned());
    Meaning {
        name: "PAGE_FAULT_IN_NONPAGED_AREA",
        rules: with_ids(&["writes-to-code", "writes-to-import-table", "write-protection-cleared"]),
        parameters: vec![
            of(1, "the address that was written to"),
            of(2, "a write"),
            of(3, "the instruction"),
        ],
        address: Some(1),
        instruction: Some(3),
        open: Some(
            "whether it was the hypervisor that objected: that holds if the address lies in code or in an import address \
             table; else the memory was not there, which is a fault of the driver on any Windows",
        ),
    }
}

/// SECURE_FAULT_UNHANDLED: the hypervisor objects to what the page tables allow.
fn secure_fault(mask: u64) -> Meaning {
    /// What was tried, by bits of the first parameter.
    const TRIED: [(u64, &str); 4] =
        [(1, "execution"), (2, "a read"), (4, "a write"), (8, "a fault within a fault")];
    let tried: Vec<&str> =
        TRIED.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, what)| *what).collect();
    let tried = match &tried[..] {
        [] => "not one that is known".to_owned(),
        some => some.join(", "),
    };
    let mut rules = Vec::new();
    if mask & 4 != 0 {
        rules.extend(["writes-to-code", "write-protection-cleared", "writes-to-import-table"]);
    }
    if mask & 1 != 0 {
        rules.push("executes-allocated-memory");
    }
    Meaning {
        name: "SECURE_FAULT_UNHANDLED",
        rules: with_ids(&rules),
        parameters: vec![
            (1, format!("what the hypervisor did not allow: {tried}")),
            (2, "the address that it was tried at".to_owned()),
            (3, "the exception record".to_owned()),
            (4, "the context record".to_owned()),
        ],
        address: Some(2),
        instruction: None,
        open: Some(
            "the parameters do not tell which instruction it was; the context record in a debugger does (.cxr)",
        ),
    }
}

/// Whether a fault may be about code of a driver that is there no longer: it was to be executed, and where the
/// drivers are known, lies in one. Elsewhere it is a pointer gone astray, which is none of memory integrity's.
fn may_execute_discarded(dump: &KernelDump) -> bool {
    access(dump) == Some(Access::Execution) && may_lie_in_driver(dump, dump.parameters[0])
}

fn of_discarded(dump: &KernelDump) -> Meaning {
    let of = |number: usize, words: &str| (number, words.to_owned());
    let address = of(1, "the address that was to run");
    let rules = with_ids(&["executes-discarded-code"]);
    if dump.code == 0x50 {
        return Meaning {
            name: "PAGE_FAULT_IN_NONPAGED_AREA",
            rules,
            parameters: vec![address, of(2, "execution"), of(3, "the instruction")],
            address: Some(1),
            instruction: None,
            open: Some(
                "whether it is code that was thrown away after DriverEntry: that holds if the address lies in a \
                 discardable section, such as INIT; else the driver has another fault",
            ),
        };
    }
    Meaning {
        name: "DRIVER_IRQL_NOT_LESS_OR_EQUAL",
        rules,
        parameters: vec![address, of(2, "the IRQL"), of(3, "execution"), of(4, "the instruction")],
        address: Some(1),
        instruction: None,
        open: Some(
            "whether it is code that was thrown away after DriverEntry: that holds if the address lies in a discardable \
             section, such as INIT; in a pageable one, such as PAGE, the driver runs it at too high an IRQL, which is no \
             matter of memory integrity",
        ),
    }
}

/// Rules in the order of their ids here.
fn with_ids(ids: &[&str]) -> Vec<&'static RuleCard> {
    ids.iter().filter_map(|id| rule_cards().find(|card| card.id == *id)).collect()
}

fn verifier(alias: &str) -> Meaning {
    Meaning {
        name: "DRIVER_VERIFIER_DETECTED_VIOLATION",
        rules: named(alias),
        parameters: Vec::new(),
        address: Some(2),
        instruction: None,
        open: None,
    }
}

/// Of checks of the image: the third parameter is an address in it.
fn of_image(alias: &str, what: &str) -> Meaning {
    let name = (2, "a pointer to the image's name".to_owned());
    Meaning { parameters: vec![name, (3, what.to_owned())], address: Some(3), ..verifier(alias) }
}

fn named(alias: &str) -> Vec<&'static RuleCard> {
    rule_cards().filter(|card| card.also_known_as.contains(&alias)).collect()
}

/// The rules that find what a counter counts.
pub fn of_counter(counter: Counter) -> Vec<&'static RuleCard> {
    named(counter.name())
}

/// A pool tag as it is written.
fn tag(value: u64) -> String {
    if value == 0 {
        return "none is told".to_owned();
    }
    let printable =
        |byte: u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
    let text: String = (value as u32).to_le_bytes().into_iter().map(printable).collect();
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::DriversUnknown;

    fn dump(code: u32, parameters: [u64; 4], build: u32) -> KernelDump {
        let drivers = Err(DriversUnknown::NotSmall(1));
        KernelDump { code, parameters, machine: 0x8664, build, drivers }
    }

    fn rules(code: u32, first: u64, build: u32) -> Vec<&'static str> {
        let meaning = meaning(&dump(code, [first, 0, 0, 0], build));
        meaning.map_or(Vec::new(), |found| found.rules.iter().map(|card| card.id).collect())
    }

    #[test]
    fn subcodes_lead_to_rules() {
        let of_pool =
            ["executable-pool-type", "executable-pool-flags", "executable-lookaside-list"];
        assert_eq!(rules(0xC4, 0x2000, 22_621), of_pool);
        assert_eq!(rules(0xC4, 0x2001, 22_621), ["executable-page-protection"]);
        assert_eq!(rules(0xC4, 0x2002, 22_621), ["executable-mdl-mapping"]);
        assert_eq!(rules(0xC4, 0x2003, 22_621), ["writable-executable-section"]);
        assert_eq!(rules(0xC4, 0x2004, 22_621), ["unaligned-section"]);
        assert_eq!(rules(0xC4, 0x2005, 22_621), ["executable-import-table"]);
        assert_eq!(rules(0xC4, 0x2005, 10_586).len(), 3);
        assert_eq!(rules(0xC4, 0x2006, 10_586), ["executable-import-table"]);
        let of_execution = ["executes-allocated-memory", "non-executable-code"];
        assert_eq!(rules(0xFC, 0xFFFF_8000_0000_0000, 22_621), of_execution);
        let of_writes = ["writes-to-code", "writes-to-import-table"];
        assert_eq!(rules(0xBE, 0xFFFF_8000_0000_0000, 22_621), of_writes);
    }

    /// 0xC4 has a hundred other meanings.
    #[test]
    fn what_is_none_of_memory_integritys_is_nothing() {
        assert!(meaning(&dump(0xC4, [0x62, 0, 0, 0], 22_621)).is_none());
        assert!(meaning(&dump(0xC4, [0x2007, 0, 0, 0], 22_621)).is_none());
        assert!(meaning(&dump(0xD1, [0; 4], 22_621)).is_none());
    }

    /// The bits of the first parameter are those of Microsoft's page: 1 execute, 2 read, 4 write.
    #[test]
    fn what_the_hypervisor_forbids_leads_to_the_rules_of_the_access() {
        let of_writes = ["writes-to-code", "write-protection-cleared", "writes-to-import-table"];
        assert_eq!(rules(0x18D, 4, 22_621), of_writes);
        assert_eq!(rules(0x18D, 1, 22_621), ["executes-allocated-memory"]);
        assert_eq!(rules(0x18D, 5, 22_621).len(), 4);
        let read = dump(0x18D, [2, 0xFFFF_8000_0000_1000, 0, 0], 22_621);
        let meaning_of_read = meaning(&read).unwrap();
        assert!(meaning_of_read.rules.is_empty());
        assert!(meaning_of_read.parameters[0].1.ends_with("a read"));
        assert_eq!(meaning_of_read.address_in(&read), Some(0xFFFF_8000_0000_1000));
        let guard = meaning(&dump(0x18C, [0; 4], 22_621)).unwrap();
        assert_eq!((guard.name, guard.address), ("HYPERGUARD_VIOLATION", None));
        assert_eq!(rules(0x18C, 0, 22_621), ["write-protection-cleared"]);
    }

    /// The access is P2 of 0x50, by processor, and P3 of 0xD1.
    #[test]
    fn execution_of_what_is_gone_is_told_and_other_faults_are_not() {
        const CODE: u64 = 0xFFFF_F801_2000_1000;
        let id = |dump: &KernelDump| {
            meaning(dump).map(|found| found.rules.iter().map(|card| card.id).collect::<Vec<_>>())
        };
        let discarded = Some(vec!["executes-discarded-code"]);
        assert_eq!(id(&dump(0x50, [CODE, 0x10, CODE, 0], 22_621)), discarded);
        assert_eq!(id(&dump(0xD1, [CODE, 2, 8, CODE], 22_621)), discarded);
        let arm =
            |access| KernelDump { machine: 0xAA64, ..dump(0x50, [CODE, access, CODE, 0], 22_621) };
        assert_eq!((id(&arm(8)), id(&arm(0x10))), (discarded.clone(), None));
        for other in [
            (0x50, [CODE, 0, CODE, 0]),
            (0xD1, [CODE, 8, 0, CODE]),
            (0xD1, [CODE, 2, 1, CODE]),
            (0xD1, [0, 2, 8, 0]),
        ] {
            assert_eq!(id(&dump(other.0, other.1, 22_621)), None, "{other:x?}");
        }
        // With the list of drivers it is known whose code it is.
        let listed = |base| {
            let driver =
                crate::import::LoadedDriver { path: None, base, size: 0x2000, timestamp: 0 };
            KernelDump { drivers: Ok(vec![driver]), ..dump(0x50, [CODE, 0x10, CODE, 0], 22_621) }
        };
        assert_eq!(id(&listed(CODE - 0x1000)), discarded);
        assert_eq!(id(&listed(CODE + 0x1000)), None);
    }

    /// A write to what is in no image is to memory that is not there.
    #[test]
    fn a_write_to_an_image_may_be_the_hypervisors_objection() {
        const CODE: u64 = 0xFFFF_F801_2000_1000;
        let write = dump(0x50, [CODE, 2, CODE + 0x100, 0], 22_621);
        let meaning_of_write = meaning(&write).unwrap();
        let first = meaning_of_write.rules.first().map(|card| card.id);
        assert_eq!(first, Some("writes-to-code"));
        assert_eq!(meaning_of_write.instruction_in(&write), Some(CODE + 0x100));
        let driver =
            |base| crate::import::LoadedDriver { path: None, base, size: 0x2000, timestamp: 0 };
        let listed = |base| KernelDump { drivers: Ok(vec![driver(base)]), ..write.clone() };
        assert!(meaning(&listed(CODE - 0x1000)).is_some());
        let elsewhere = listed(CODE + 0x1000);
        assert!(meaning(&elsewhere).is_none());
        assert!(unrelated(&elsewhere).is_some_and(|why| why.contains("none of a driver")));
        // 1 is a write on Arm only.
        let arm =
            |access| KernelDump { machine: 0xAA64, ..dump(0x50, [CODE, access, CODE, 0], 22_621) };
        assert!(meaning(&arm(1)).is_some());
        assert!(meaning(&arm(2)).is_none());
        assert!(meaning(&dump(0x50, [CODE, 1, CODE, 0], 22_621)).is_none());
    }

    #[test]
    fn parameters_are_told_in_the_words_of_the_headers() {
        let told = |parameters| {
            let meaning = meaning(&dump(0xC4, parameters, 22_621)).unwrap();
            meaning.parameters.into_iter().map(|(_, words)| words).collect::<Vec<_>>()
        };
        let pool = told([0x2000, 0xFFFF_F801_2000_50B5, 0, 0x706D_6153]);
        assert_eq!(pool[1..], ["the pool type: NonPagedPool (0)", "the tag: 'Samp'"]);
        assert!(told([0x2001, 0, 0x40, 0])[1].contains("PAGE_EXECUTE_READWRITE"));
        assert_eq!(told([0x2000, 0, 0, 0])[2], "the tag: none is told");
    }
}
