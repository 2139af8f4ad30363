//! What the image imports, bound at load time or on first use.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Headers, Rva};
use std::ops::Range;

/// The longest module or function name that is read. MSVC cuts decorated names at 4,096 bytes.
const LONGEST_NAME: usize = 4096;

/// What an image imports.
#[derive(Debug, Default)]
pub struct Imports<'data> {
    /// The modules, in the order of the table.
    pub modules: Vec<ImportModule<'data>>,
    /// Whether everything could be read; if not, the defects say what could not.
    pub complete: bool,
}

/// A module and what is imported from it.
#[derive(Debug)]
pub struct ImportModule<'data> {
    /// Name as written, usually with an extension.
    pub name: &'data [u8],
    /// Where the loader writes the addresses: the module's part of the import address table,
    /// without the closing null entry.
    pub address_table: Range<u64>,
    /// The functions, in table order.
    pub functions: Vec<Import<'data>>,
    /// Whether they are bound on first use.
    pub delayed: bool,
}

/// An imported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import<'data> {
    /// Where the loader writes its address.
    pub slot: Rva,
    /// By name or by number.
    pub name: ImportName<'data>,
}

/// How an import names its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportName<'data> {
    /// By name.
    Name(&'data [u8]),
    /// By ordinal.
    Ordinal(u16),
    /// By a name that could not be read.
    Unreadable,
}

impl Imports<'_> {
    /// Number of imported functions.
    pub fn len(&self) -> usize {
        self.modules.iter().map(|module| module.functions.len()).sum()
    }

    /// Whether nothing is imported.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Imports and modules that are read at most; the kernel itself exports some thousand functions.
const MOST_ENTRIES: usize = 1 << 20;
/// Size of `IMAGE_IMPORT_DESCRIPTOR`.
const DESCRIPTOR: u32 = 20;
/// Size of `IMAGE_DELAYLOAD_DESCRIPTOR`.
const DELAY_DESCRIPTOR: u32 = 32;

/// One row of either table, in the fields both have.
struct Descriptor {
    name: Rva,
    lookup: Rva,
    address_table: Rva,
}

pub(crate) struct Reader<'a, 'data> {
    layout: &'a Layout<'data>,
    entry_size: u32,
    /// Entries that may still be read. No honest image needs more than its file can hold, nor comes
    /// near a million; tables that overlap could otherwise be read over and over.
    budget: usize,
    /// Bytes of names that may still be read, for the same reason: a file has room for a long name
    /// and for half a million entries that all point to it.
    name_budget: usize,
}

impl<'a, 'data> Reader<'a, 'data> {
    pub(crate) fn new(layout: &'a Layout<'data>, headers: &Headers, file_length: usize) -> Self {
        let entry_size = if headers.pe32_plus { 8 } else { 4 };
        let budget = (file_length / entry_size as usize).min(MOST_ENTRIES);
        Reader { layout, entry_size, budget, name_budget: file_length }
    }

    /// Reads both tables.
    pub(crate) fn read(
        &mut self,
        imports: Option<DataDirectory>,
        delayed: Option<DataDirectory>,
        defects: &mut Defects,
    ) -> Imports<'data> {
        let mut all = Imports { modules: Vec::new(), complete: true };
        if let Some(table) = imports {
            self.read_table(table.rva, false, &mut all, defects);
        }
        if let Some(table) = delayed {
            self.read_table(table.rva, true, &mut all, defects);
        }
        all
    }

    fn read_table(
        &mut self,
        start: Rva,
        delayed: bool,
        all: &mut Imports<'data>,
        defects: &mut Defects,
    ) {
        let structure = if delayed { Structure::DelayImportTable } else { Structure::ImportTable };
        let size = if delayed { DELAY_DESCRIPTOR } else { DESCRIPTOR };
        let mut at = start;
        loop {
            let descriptor =
                if delayed { self.delay_descriptor(at) } else { self.import_descriptor(at) };
            let descriptor = match descriptor {
                Ok(Some(descriptor)) => descriptor,
                Ok(None) => return,
                Err(problem) => {
                    all.complete = false;
                    return defects.in_image(structure, problem, at);
                }
            };
            match self.module(&descriptor, delayed, structure, defects) {
                Ok((module, complete)) => {
                    all.complete &= complete;
                    all.modules.push(module);
                }
                Err((problem, place)) => {
                    all.complete = false;
                    defects.in_image(structure, problem, place);
                }
            }
            // A descriptor costs as much as an entry, so that a table of them alone ends too.
            let next = at.checked_add(size).filter(|_| self.spend());
            let Some(next) = next else {
                all.complete = false;
                return defects.in_image(structure, Problem::TooMany, at);
            };
            at = next;
        }
    }

    /// A table ends with a descriptor whose name or address table is null, as the loader has it.
    fn import_descriptor(&self, at: Rva) -> Result<Option<Descriptor>, Problem> {
        let row: [u8; DESCRIPTOR as usize] = self.layout.read(at).ok_or(Problem::Unterminated)?;
        let name = field(&row, 12);
        let address_table = field(&row, 16);
        if name.0 == 0 || address_table.0 == 0 {
            return Ok(None);
        }
        let lookup = field(&row, 0);
        let lookup = if lookup.0 == 0 { address_table } else { lookup };
        Ok(Some(Descriptor { name, lookup, address_table }))
    }

    fn delay_descriptor(&self, at: Rva) -> Result<Option<Descriptor>, Problem> {
        let row: [u8; DELAY_DESCRIPTOR as usize] =
            self.layout.read(at).ok_or(Problem::Unterminated)?;
        let name = field(&row, 4);
        if name.0 == 0 {
            return Ok(None);
        }
        Ok(Some(Descriptor { name, address_table: field(&row, 12), lookup: field(&row, 16) }))
    }

    fn module(
        &mut self,
        descriptor: &Descriptor,
        delayed: bool,
        structure: Structure,
        defects: &mut Defects,
    ) -> Result<(ImportModule<'data>, bool), (Problem, Rva)> {
        let name = self.name(descriptor.name).map_err(|problem| (problem, descriptor.name))?;
        let mut functions = Vec::new();
        let mut complete = true;
        loop {
            let index = functions.len() as u32;
            match self.entry(descriptor, index) {
                Ok(None) => break,
                Ok(Some(import)) => {
                    if import.name == ImportName::Unreadable {
                        complete = false;
                        defects.in_image(structure, Problem::PointsOutside, import.slot);
                    }
                    functions.push(import);
                }
                Err(problem) => {
                    complete = false;
                    defects.in_image(structure, problem, descriptor.lookup);
                    break;
                }
            }
        }
        let start = u64::from(descriptor.address_table.0);
        let end = start + functions.len() as u64 * u64::from(self.entry_size);
        Ok((ImportModule { name, address_table: start..end, functions, delayed }, complete))
    }

    fn entry(
        &mut self,
        descriptor: &Descriptor,
        index: u32,
    ) -> Result<Option<Import<'data>>, Problem> {
        let offset = index.checked_mul(self.entry_size).ok_or(Problem::Unterminated)?;
        let at = descriptor.lookup.checked_add(offset).ok_or(Problem::Unterminated)?;
        let (value, by_ordinal) = if self.entry_size == 8 {
            let value =
                self.layout.read(at).map(u64::from_le_bytes).ok_or(Problem::PointsOutside)?;
            (value, value >> 63 != 0)
        } else {
            let value = self.layout.read_u32(at).ok_or(Problem::PointsOutside)?;
            (u64::from(value), value >> 31 != 0)
        };
        if value == 0 {
            return Ok(None);
        }
        if !self.spend() {
            return Err(Problem::TooMany);
        }
        let slot = descriptor.address_table.checked_add(offset).ok_or(Problem::PointsOutside)?;
        let name =
            if by_ordinal { ImportName::Ordinal(value as u16) } else { self.hint_name(value)? };
        Ok(Some(Import { slot, name }))
    }

    fn hint_name(&mut self, value: u64) -> Result<ImportName<'data>, Problem> {
        // A hint of two bytes stands before the name.
        let name = u32::try_from(value).ok().and_then(|rva| Rva(rva).checked_add(2));
        match name.map(|rva| self.name(rva)) {
            Some(Ok(name)) => Ok(ImportName::Name(name)),
            Some(Err(Problem::Overlapping)) => Err(Problem::Overlapping),
            _ => Ok(ImportName::Unreadable),
        }
    }

    fn name(&mut self, at: Rva) -> Result<&'data [u8], Problem> {
        if self.name_budget == 0 {
            return Err(Problem::Overlapping);
        }
        let name = self.layout.text(at, LONGEST_NAME);
        let searched = match &name {
            Ok(name) => name.len() + 1,
            Err(Problem::Unterminated) => LONGEST_NAME,
            Err(_) => 0,
        };
        self.name_budget = self.name_budget.saturating_sub(searched);
        name
    }

    fn spend(&mut self) -> bool {
        let left = self.budget.checked_sub(1);
        self.budget = left.unwrap_or(0);
        left.is_some()
    }
}

fn field(row: &[u8], offset: usize) -> Rva {
    Rva(row
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |four| u32::from_le_bytes(*four)))
}

#[cfg(test)]
mod tests {
    use crate::{Image, ImportName, Problem};
    use ringfence_fixture::{driver, section};

    #[test]
    fn names_ordinals_and_delayed_modules_are_read() {
        let bytes = driver()
            .no_imports()
            .import("ntoskrnl.exe", &["ZwClose", "IoCreateDevice"])
            .import_ordinal("HAL.dll", &[7])
            .delay_import("late.sys", &["Later"])
            .bytes();
        let image = Image::read(&bytes).unwrap();
        let told: Vec<_> = image
            .imports()
            .modules
            .iter()
            .map(|module| {
                let names: Vec<_> = module.functions.iter().map(|import| import.name).collect();
                (String::from_utf8_lossy(module.name).into_owned(), names, module.delayed)
            })
            .collect();
        let name = |text: &'static str| ImportName::Name(text.as_bytes());
        assert_eq!(
            told,
            [
                ("ntoskrnl.exe".to_owned(), vec![name("ZwClose"), name("IoCreateDevice")], false),
                ("HAL.dll".to_owned(), vec![ImportName::Ordinal(7)], false),
                ("late.sys".to_owned(), vec![name("Later")], true),
            ]
        );
        assert!(image.imports().complete);
        assert_eq!(image.defects(), []);
    }

    /// A file has room for one long name and for many entries that all point to it.
    #[test]
    fn a_name_is_not_read_over_and_over() {
        let names = ["A"; 600];
        let clean = driver().no_imports().import("a.sys", &names);
        let built = clean.build();
        let name = section(".name").bytes([b'n'; 4000]);
        let shared = clean.section(name);
        let rva = shared.build().rva_of_section(".name");
        let lookup = built.offset_of_rva(built.imports_rva()) as usize;
        let lookup = u32::from_le_bytes(built.bytes[lookup..][..4].try_into().unwrap());
        let entries = [u64::from(rva); 600].map(u64::to_le_bytes);
        let at = built.offset_of_rva(lookup) as usize;
        let bytes = shared.patch(at, entries.as_flattened()).bytes();
        let image = Image::read(&bytes).unwrap();
        assert_eq!(image.imports().len(), bytes.len() / 3999 + 1);
        assert!(!image.imports().complete);
        let problems: Vec<_> = image.defects().iter().map(|defect| &defect.problem).collect();
        assert_eq!(problems, [&Problem::Overlapping]);
    }

    #[test]
    fn each_module_has_its_own_part_of_the_address_table() {
        let bytes =
            driver().no_imports().import("a.sys", &["A", "B"]).import("b.sys", &["C"]).bytes();
        let image = Image::read(&bytes).unwrap();
        let [first, second] = &image.imports().modules[..] else { panic!() };
        assert_eq!(first.address_table.end - first.address_table.start, 16);
        assert_eq!(second.address_table.end - second.address_table.start, 8);
        assert_eq!(u64::from(first.functions[1].slot.0), first.address_table.start + 8);
    }
}
