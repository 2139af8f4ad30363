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
    /// The parameter that is an address in the driver, or may be: its number from 1.
    pub address: usize,
    /// What the dump leaves open, where it does.
    pub open: Option<&'static str>,
}

impl Meaning {
    /// The parameter that is an address in the driver, or may be.
    pub fn address_in(&self, dump: &KernelDump) -> u64 {
        dump.parameters[self.address - 1]
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
            rules: named("0xFC"),
            parameters: vec![of(1, "the address that was to run"), of(2, "its page table entry")],
            address: 1,
            open: Some("the parameters do not tell who jumped there; the stack in a debugger does"),
        },
        (0xBE, _) => Meaning {
            name: "ATTEMPTED_WRITE_TO_READONLY_MEMORY",
            rules: named("0xBE"),
            parameters: vec![
                of(1, "the address that was written to"),
                of(2, "its page table entry"),
            ],
            address: 1,
            open: Some(
                "the parameters do not tell which instruction wrote; the stack in a debugger does",
            ),
        },
        _ => return None,
    };
    Some(meaning)
}

fn verifier(alias: &str) -> Meaning {
    Meaning {
        name: "DRIVER_VERIFIER_DETECTED_VIOLATION",
        rules: named(alias),
        parameters: Vec::new(),
        address: 2,
        open: None,
    }
}

/// Of checks of the image: the third parameter is an address in it.
fn of_image(alias: &str, what: &str) -> Meaning {
    let name = (2, "a pointer to the image's name".to_owned());
    Meaning { parameters: vec![name, (3, what.to_owned())], address: 3, ..verifier(alias) }
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
        assert_eq!(rules(0xFC, 0xFFFF_8000_0000_0000, 22_621), ["executes-allocated-memory"]);
        assert_eq!(rules(0xBE, 0xFFFF_8000_0000_0000, 22_621), ["writes-to-code"]);
    }

    /// 0xC4 has a hundred other meanings.
    #[test]
    fn what_is_none_of_memory_integritys_is_nothing() {
        assert!(meaning(&dump(0xC4, [0x62, 0, 0, 0], 22_621)).is_none());
        assert!(meaning(&dump(0xC4, [0x2007, 0, 0, 0], 22_621)).is_none());
        assert!(meaning(&dump(0xD1, [0; 4], 22_621)).is_none());
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
