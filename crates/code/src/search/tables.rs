//! Tables of functions that are filled in when the driver runs: what is done with their addresses beside reading one
//! entry.

use super::{MOST_BEHIND, Search};
use crate::analysis::Found;
use crate::decode::{Flow, Touch};
use crate::scan::{self, Field};
use crate::survey::Fate;
use foldhash::HashSet;
use ringfence_image::Rva;

/// Bytes before a field that an instruction which loads what it names may begin at.
const BEFORE_FIELD: [u32; 3] = [3, 2, 4];

impl Search<'_> {
    /// Takes in the pointers in data that lead to tables of functions: what fills those in finds them so.
    pub(super) fn find_ways(&mut self) {
        if !self.transfer.aims.has_tables() {
            return;
        }
        let tables: HashSet<u32> = self.transfer.aims.tables().collect();
        for (place, table) in self.places.pointers_to(&scan::Places::at(&tables)) {
            self.transfer.aims.add_way(place, table);
            if !self.query.descriptions.contains(&Rva(place))
                && self.places.code_from(place).is_none()
            {
                self.lose_table(place, table, Fate::Stored);
            }
        }
    }

    /// Whether the instruction with `field` reads the address of a table that the code just behind it reads
    /// one entry of, as compilers do it; whatever else is done with the address needs a closer look.
    pub(super) fn reads_entry(&mut self, field: Field) -> bool {
        let start = BEFORE_FIELD.into_iter().find_map(|back| {
            let start = field.at.checked_sub(back)?;
            let (length, place) = self.decoder.names(start)?;
            (place == field.place).then_some((start, length))
        });
        let Some((start, length)) = start else { return true };
        let Some((register, loads)) = self.decoder.made(start) else { return false };
        // A table's own address, or its pointer's, is needed for more than to read one entry.
        if !loads || self.transfer.aims.is_way(field.place) {
            return false;
        }
        let mut at = start.saturating_add(length);
        let mut touches = Vec::new();
        for _ in 0..MOST_BEHIND {
            let Some((length, flow)) = self.decoder.step(at) else { return true };
            let (reads, writes) = self.decoder.uses(at, register);
            if reads {
                touches.clear();
                self.decoder.touches(at, &mut touches);
                let by = |touch: &Touch| touch.address.base == Some(register);
                let plain = |touch: &Touch| touch.address.index.is_none() && !touch.writes;
                return touches.iter().any(by) && touches.iter().filter(|one| by(one)).all(plain);
            }
            match flow {
                // What calls change is only theirs to read where it is an argument.
                Flow::Call(_) => {
                    let abi = self.decoder.abi();
                    let is_free = abi.volatile >> register.0 & 1 == 1;
                    return is_free && !abi.arguments.contains(&register);
                }
                _ if writes => return true,
                Flow::Next => at = at.saturating_add(length),
                _ => return false,
            }
        }
        false
    }

    /// Says of tables that others hold that calls of all their entries are not seen.
    pub(super) fn lose_tables(&mut self, function: u32, named: bool, found: &mut Found) {
        if !found.tables_handed_back.is_empty() && self.result_is_used(function, 0) {
            found.tables_lost.append(&mut found.tables_handed_back);
        }
        for &(at, table) in &found.tables_lost {
            if self.tables_lost.insert((at, table)) {
                let fate = if named { Fate::Stored } else { Fate::Unreached };
                self.lose_table(at, table, fate);
            }
        }
    }

    fn lose_table(&mut self, at: u32, table: u32, fate: Fate) {
        let entries = self.transfer.aims.table_by(table).unwrap_or_default();
        for wanted in entries.iter().map(|(_, wanted)| *wanted).collect::<Vec<_>>() {
            self.refer(at, wanted, fate);
        }
    }
}
