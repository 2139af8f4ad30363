//! Sections and imports of two builds of a driver.

use crate::recorded::{RecordedImport, RecordedProperties, RecordedSection};
use ringfence_finding::{ComparedSection, ImportChange, SectionChange};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What is different in sections and imports; nothing where one side does not tell them, as no driver is
/// without sections.
pub(super) fn compare(
    old: &RecordedProperties,
    new: &RecordedProperties,
) -> (Vec<SectionChange>, Vec<ImportChange>) {
    if old.sections.is_empty() || new.sections.is_empty() {
        return (Vec::new(), Vec::new());
    }
    (sections(&old.sections, &new.sections), imports(&old.imports, &new.imports))
}

/// The sections in the order of the new side, then those that are gone. Several of one name are told apart by
/// their order.
fn sections(old: &[RecordedSection], new: &[RecordedSection]) -> Vec<SectionChange> {
    // A hostile report has very many of them.
    let mut by_name: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (index, section) in old.iter().enumerate() {
        by_name.entry(&section.name).or_default().push_back(index);
    }
    let mut left: Vec<_> = old.iter().map(Some).collect();
    let mut changes = Vec::new();
    for section in new {
        let index = by_name.get_mut(section.name.as_str()).and_then(VecDeque::pop_front);
        let before = index.and_then(|index| left[index].take()).map(compared);
        let after = compared(section);
        if before.as_ref() != Some(&after) {
            let name = section.name.clone();
            changes.push(SectionChange { name, old: before, new: Some(after) });
        }
    }
    changes.extend(left.into_iter().flatten().map(|gone| SectionChange {
        name: gone.name.clone(),
        old: Some(compared(gone)),
        new: None,
    }));
    changes
}

fn compared(section: &RecordedSection) -> ComparedSection {
    ComparedSection {
        rights: section.rights.clone(),
        virtual_size: section.virtual_size,
        raw_size: section.raw_size,
    }
}

/// The modules by name, letter case aside. One that is bound twice, such as also on first use, counts together.
fn imports(old: &[RecordedImport], new: &[RecordedImport]) -> Vec<ImportChange> {
    let mut modules: BTreeMap<String, ImportChange> = BTreeMap::new();
    for (side, imports) in [old, new].into_iter().enumerate() {
        for import in imports {
            let empty = || ImportChange { module: import.module.clone(), old: 0, new: 0 };
            let change = modules.entry(import.module.to_lowercase()).or_insert_with(empty);
            match side {
                0 => change.old += import.functions,
                _ => {
                    change.module.clone_from(&import.module);
                    change.new += import.functions;
                }
            }
        }
    }
    modules.into_values().filter(|change| change.old != change.new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, rights: &str, size: u32) -> RecordedSection {
        let (name, rights) = (name.to_owned(), rights.to_owned());
        RecordedSection { name, rights, virtual_size: size, raw_size: 0x200 }
    }

    fn told(old: &[RecordedSection], new: &[RecordedSection]) -> Vec<String> {
        let text = |section: Option<&ComparedSection>| {
            section.map_or("-".to_owned(), |one| format!("{} {:x}", one.rights, one.virtual_size))
        };
        let changes = sections(old, new);
        let told = changes.iter().map(|change| {
            format!(
                "{}: {} → {}",
                change.name,
                text(change.old.as_ref()),
                text(change.new.as_ref())
            )
        });
        told.collect()
    }

    #[test]
    fn sections_are_known_by_name_and_order() {
        let old =
            [section(".text", "r-x", 1), section(".data", "rw-", 2), section(".gone", "r--", 3)];
        let new =
            [section(".text", "rwx", 1), section(".new", "r--", 4), section(".data", "rw-", 2)];
        assert_eq!(
            told(&old, &new),
            [".text: r-x 1 → rwx 1", ".new: - → r-- 4", ".gone: r-- 3 → -"]
        );
        let twice = [section("A", "r--", 1), section("A", "rw-", 2)];
        assert_eq!(told(&twice, &twice), [""; 0]);
        assert_eq!(told(&twice, &twice[..1]), ["A: rw- 2 → -"]);
    }

    #[test]
    fn modules_are_known_in_any_letter_case() {
        let import =
            |module: &str, functions| RecordedImport { module: module.to_owned(), functions };
        let old = [
            import("NTOSKRNL.exe", 3),
            import("hal.dll", 1),
            import("a.sys", 1),
            import("a.sys", 1),
        ];
        let new = [import("ntoskrnl.exe", 5), import("a.sys", 2), import("netio.sys", 2)];
        let told: Vec<_> = imports(&old, &new)
            .into_iter()
            .map(|change| format!("{} {} {}", change.module, change.old, change.new))
            .collect();
        assert_eq!(told, ["hal.dll 1 0", "netio.sys 0 2", "ntoskrnl.exe 3 5"]);
    }

    #[test]
    fn what_a_report_does_not_tell_is_not_gone() {
        let whole =
            RecordedProperties { sections: vec![section(".text", "r-x", 1)], imports: vec![] };
        let (sections, imports) = compare(&whole, &RecordedProperties::default());
        assert!(sections.is_empty() && imports.is_empty());
    }
}
