//! The function table of the Kernel-Mode Driver Framework, found in the image.
//!
//! A KMDF driver hands `WdfVersionBind` a description of what it binds to, and with it the place that the
//! framework fills in:
//!
//! ```text
//! +00  u32      Size: 30h up to KMDF 1.15, 58h since 1.25
//! +08  pointer  Component: L"KmdfLibrary"
//! +10  u32 ×3   Major, Minor, Build
//! +1C  u32      FuncCount
//! +20  pointer  FuncTable: up to KMDF 1.9 the table, since 1.11 a pointer to it
//! ```
//!
//! Class extensions are bound by `WdfVersionBindClass` with descriptions that name other components, so
//! their tables are not taken for the framework's.

use ringfence_code::Callee;
use ringfence_image::{Image, RELOCATION_DIR64, Rva};
use std::collections::BTreeSet;

/// `KmdfLibrary` with its NUL.
const COMPONENT: &[u8] = b"K\0m\0d\0f\0L\0i\0b\0r\0a\0r\0y\0\0\0";

/// Sizes that a description may state: those of its first form, and of forms with more at the end.
const SIZES: std::ops::RangeInclusive<u32> = 0x30..=0x200;
/// More functions than any version has; 1.33 has 458.
const MOST_FUNCTIONS: u32 = 4096;
/// The last version whose kit had the table in the image, and the first whose kit has a pointer to it.
const LAST_WITH_ARRAY: u32 = 9;
const FIRST_WITH_POINTER: u32 = 11;
/// Bytes that may be looked at beyond twice the file, where sections share them.
const ROOM_FOR_SHARING: usize = 1 << 20;

/// Where the framework's functions are once the driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Framework {
    /// Where the table is, or where its address is.
    place: Rva,
    behind: bool,
    functions: u32,
    /// Where the description has that place's address.
    pub(super) description: Rva,
}

impl Framework {
    /// How code gets at the function with this index; `None` where the version bound to has no such
    /// function.
    pub(super) fn callee(self, index: u16) -> Option<Callee> {
        let entry = u32::from(index);
        (entry < self.functions).then_some(match self.behind {
            true => Callee::TableBehind { pointer: self.place, entry },
            false => Callee::TableAt { table: self.place, entries: self.functions, entry },
        })
    }
}

/// Finds the table; else says why it was not found.
pub(super) fn find(image: &Image<'_>) -> Result<Framework, &'static str> {
    let mut modules = image.imports().modules.iter();
    if !modules.any(|module| module.name.eq_ignore_ascii_case(b"wdfldr.sys")) {
        return Err("another module than wdfldr.sys binds to it");
    }
    let described = descriptions(image)?;
    let mut found: BTreeSet<Framework> = BTreeSet::new();
    for &description in &described {
        found.insert(read(image, description).ok_or("what it is bound to is not of a known form")?);
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err("nothing in the image says what it is bound to"),
        (Some(_), Some(_)) => Err("the image says more than once what it is bound to"),
    }
}

/// Where descriptions may be: each holds a pointer to the component's name.
fn descriptions(image: &Image<'_>) -> Result<BTreeSet<Rva>, &'static str> {
    let mut found = BTreeSet::new();
    let mut consider = |place: Rva| {
        let named = pointer(image, place).and_then(|name| image.bytes_from(name));
        if named.is_some_and(|bytes| bytes.starts_with(COMPONENT)) {
            found.extend(place.0.checked_sub(8).map(Rva));
        }
    };
    let relocations = image.relocations();
    if !relocations.is_empty() {
        let pointers = relocations.iter().filter(|one| one.kind == RELOCATION_DIR64);
        pointers.for_each(|one| consider(one.rva()));
        return Ok(found);
    }
    // Nothing tells pointers from numbers in an image that stays where it is.
    let mut room = 2 * image.file_length() + ROOM_FOR_SHARING;
    for section in image.sections().iter().filter(|section| !section.is_executable()) {
        let bytes = image.bytes_from(section.rva()).unwrap_or_default();
        room = room.checked_sub(bytes.len()).ok_or("the image's sections share their bytes")?;
        (0..bytes.len() as u32).step_by(8).for_each(|at| {
            if let Some(place) = section.rva().checked_add(at) {
                consider(place);
            }
        });
    }
    Ok(found)
}

/// What the description at `place` says.
fn read(image: &Image<'_>, place: Rva) -> Option<Framework> {
    let number = |at| four(image, place.checked_add(at)?);
    let (major, minor, functions) = (number(0x10)?, number(0x14)?, number(0x1C)?);
    let sound =
        SIZES.contains(&number(0)?) && major == 1 && (1..=MOST_FUNCTIONS).contains(&functions);
    let behind = match minor {
        0..=LAST_WITH_ARRAY => false,
        FIRST_WITH_POINTER.. => true,
        _ => return None,
    };
    let description = place.checked_add(0x20)?;
    let table = pointer(image, description)?;
    // What the framework fills in is writable, and whole.
    let section = image.section_at(table).filter(|section| section.is_writable())?;
    let bytes = if behind { 8 } else { 8 * u64::from(functions) };
    let fits = u64::from(table.0) + bytes <= section.addresses().end;
    (sound && fits).then_some(Framework { place: table, behind, functions, description })
}

/// Where the pointer at `place` points to.
fn pointer(image: &Image<'_>, place: Rva) -> Option<Rva> {
    let bytes = image.bytes_from(place)?.first_chunk::<8>()?;
    let offset = u64::from_le_bytes(*bytes).checked_sub(image.headers().image_base)?;
    u32::try_from(offset).ok().map(Rva)
}

fn four(image: &Image<'_>, place: Rva) -> Option<u32> {
    let bytes = image.bytes_from(place)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::{DIR64, Driver, driver};

    const DATA: u32 = 0x3000;
    const BASE: u64 = 0x1_4000_0000;
    /// Where in `.data` the name is, and where the table or its address.
    const NAME: u32 = 0x100;
    const TABLE: u32 = 0x200;

    /// What a description says, and what is odd about the driver around it.
    struct Bound {
        size: u32,
        version: (u32, u32),
        functions: u32,
        component: &'static str,
        times: u32,
        fixed: bool,
    }

    /// KMDF 1.15, as the kits since 1.11 describe it.
    const BOUND: Bound = Bound {
        size: 0x30,
        version: (1, 15),
        functions: 444,
        component: "KmdfLibrary",
        times: 1,
        fixed: false,
    };

    impl Bound {
        fn description(&self, table: u32) -> Vec<u8> {
            let address = |at: u32| (BASE + u64::from(DATA + at)).to_le_bytes();
            let mut bytes = u64::from(self.size).to_le_bytes().to_vec();
            bytes.extend(address(NAME));
            for number in [self.version.0, self.version.1, 0, self.functions] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(address(table));
            bytes.resize(0x30, 0);
            bytes
        }

        fn driver(&self) -> Driver {
            let mut data = Vec::new();
            for number in 0..self.times {
                data.extend(self.description(TABLE + 8 * number));
            }
            data.resize(NAME as usize, 0);
            data.extend(self.component.encode_utf16().flat_map(u16::to_le_bytes));
            data.resize(0x2000, 0);
            let plain = driver().import("WdfLdr.sys", &["WdfVersionBind"]);
            let plain = plain.edit_section(".data", |section| section.bytes(data));
            if self.fixed {
                return plain.relocs_stripped();
            }
            let descriptions = (0..self.times).map(|number| 0x30 * number);
            descriptions.fold(plain.no_relocations(), |driver, at| {
                let driver = driver.relocation_in(".data", at + 8, DIR64);
                driver.relocation_in(".data", at + 0x20, DIR64)
            })
        }

        fn found(&self) -> Result<Framework, &'static str> {
            let built = self.driver().build();
            assert_eq!(built.rva_of_section(".data"), DATA);
            find(&Image::read(&built.bytes).unwrap())
        }
    }

    fn framework(behind: bool, functions: u32) -> Framework {
        let description = Rva(DATA + 0x20);
        Framework { place: Rva(DATA + TABLE), behind, functions, description }
    }

    #[test]
    fn the_version_tells_a_table_from_a_pointer_to_it() {
        for (minor, size, functions, behind) in [
            (5, 0x30, 383, false),
            (9, 0x30, 396, false),
            (11, 0x30, 440, true),
            (15, 0x30, 444, true),
            (25, 0x58, 453, true),
            (33, 0x58, 458, true),
        ] {
            let bound = Bound { version: (1, minor), size, functions, ..BOUND };
            assert_eq!(bound.found(), Ok(framework(behind, functions)), "1.{minor}");
        }
    }

    #[test]
    fn what_the_version_does_not_have_is_not_called() {
        let old = framework(false, 396);
        let table = Rva(DATA + TABLE);
        assert_eq!(old.callee(192), Some(Callee::TableAt { table, entries: 396, entry: 192 }));
        assert_eq!((old.callee(396), old.callee(434)), (None, None));
        let pointer = table;
        let new = framework(true, 444);
        assert_eq!(new.callee(434), Some(Callee::TableBehind { pointer, entry: 434 }));
    }

    #[test]
    fn an_image_that_stays_where_it_is_has_its_table_too() {
        assert_eq!(Bound { fixed: true, ..BOUND }.found(), Ok(framework(true, 444)));
    }

    #[test]
    fn what_is_not_certain_is_not_found() {
        let form = Err("what it is bound to is not of a known form");
        for bound in [
            Bound { version: (2, 15), ..BOUND },
            Bound { version: (1, 10), ..BOUND },
            Bound { size: 0x10, ..BOUND },
            Bound { functions: 0, ..BOUND },
            // A table that does not fit into the section.
            Bound { version: (1, 9), functions: 4000, ..BOUND },
        ] {
            assert_eq!(bound.found(), form);
        }
        let twice = Err("the image says more than once what it is bound to");
        assert_eq!(Bound { times: 2, ..BOUND }.found(), twice);
    }

    /// Spec cases 68 and 71: neither a class extension's table nor the user-mode framework's.
    #[test]
    fn other_components_are_not_the_framework() {
        for component in ["NetAdapterCx", "UmdfLibrary", "KmdfLibrary2"] {
            let nothing = Err("nothing in the image says what it is bound to");
            assert_eq!(Bound { component, ..BOUND }.found(), nothing, "{component}");
        }
    }

    #[test]
    fn another_module_is_another_framework() {
        let bytes = driver().import("other.sys", &["WdfVersionBind"]).bytes();
        let image = Image::read(&bytes).unwrap();
        assert_eq!(find(&image), Err("another module than wdfldr.sys binds to it"));
    }
}
