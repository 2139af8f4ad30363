//! What stands where in an image, by name.

use ringfence_image::{Image, ImportName, Rva};
use std::collections::HashMap;

/// The imports of an image by the slots the loader fills in.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    image: &'a Image<'a>,
    slots: HashMap<Rva, &'a [u8]>,
}

/// Names longer than this, as C++ makes them, are cut in listings.
const LONGEST: usize = 64;

impl<'a> Names<'a> {
    pub(crate) fn of(image: &'a Image<'a>) -> Names<'a> {
        let functions = image.imports().modules.iter().flat_map(|module| &module.functions);
        let slots = functions
            .filter_map(|function| match function.name {
                ImportName::Name(name) => Some((function.slot, name)),
                ImportName::Ordinal(_) | ImportName::Unreadable => None,
            })
            .collect();
        Names { image, slots }
    }

    /// The import whose slot is at `rva`, or to which the code there jumps.
    pub(crate) fn at(&self, rva: Rva) -> Option<String> {
        let name = self.slots.get(&rva).or_else(|| self.slots.get(&self.jump(rva)?))?;
        let mut name = String::from_utf8_lossy(name).into_owned();
        if let Some((end, _)) = name.char_indices().nth(LONGEST) {
            name.truncate(end);
            name.push_str("...");
        }
        Some(name)
    }

    /// The slot that the `jmp [rip+displacement]` at `rva` reads.
    fn jump(&self, rva: Rva) -> Option<Rva> {
        let (prefix, code) = match self.image.bytes_from(rva)? {
            // REX.W changes nothing here; some compilers write it for the unwinder.
            [0x48, code @ ..] => (1, code),
            code => (0, code),
        };
        let [0xFF, 0x25, a, b, c, d, ..] = *code else { return None };
        let next = rva.checked_add(prefix + 6)?;
        Some(Rva(next.0.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    #[test]
    fn a_slot_and_a_jump_through_it_have_the_imports_name() {
        let plain = driver().build();
        let text = plain.rva_of_section(".text");
        let slot = plain.thunk_rva("ntoskrnl.exe", "ExAllocatePool2");
        for prefix in [&[][..], &[0x48]] {
            let mut code = [prefix, &[0xFF, 0x25]].concat();
            code.extend((slot - text - code.len() as u32 - 4).to_le_bytes());
            let bytes = driver().edit_section(".text", |text| text.bytes(code.clone())).bytes();
            let image = Image::read(&bytes).unwrap();
            let names = Names::of(&image);
            assert_eq!(names.at(Rva(slot)).as_deref(), Some("ExAllocatePool2"));
            assert_eq!(names.at(Rva(text)).as_deref(), Some("ExAllocatePool2"), "{prefix:?}");
            assert_eq!(names.at(Rva(text + 1)).is_some(), !prefix.is_empty());
        }
    }
}
