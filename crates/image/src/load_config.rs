//! The load configuration: promises the image makes to the loader.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Headers};

/// The fields of the load configuration that ringfence knows, as far as the structure reaches.
///
/// The structure has grown with every Windows version; its own size field says how far it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadConfig {
    /// The size it states, in bytes.
    pub size: u32,
    /// Address of the stack cookie.
    pub security_cookie: Option<u64>,
    /// Address of the pointer to Control Flow Guard's check routine, which the loader fills in.
    pub guard_check: Option<u64>,
    /// Address of the pointer to Control Flow Guard's dispatch routine, which the loader fills in.
    pub guard_dispatch: Option<u64>,
    /// GuardFlags: control-flow guard.
    pub guard_flags: Option<u32>,
    /// Address of the CHPE metadata, which ARM64EC and ARM64X images carry; 0 for none.
    pub chpe_metadata: Option<u64>,
    /// Section (from 1) and offset of the dynamic value relocation table.
    pub dynamic_relocations: Option<(u16, u32)>,
}

/// Offsets of those fields in `IMAGE_LOAD_CONFIG_DIRECTORY`, for PE32 and PE32+.
struct Offsets {
    security_cookie: usize,
    guard_check: usize,
    guard_dispatch: usize,
    guard_flags: usize,
    chpe_metadata: usize,
    dynamic_offset: usize,
    dynamic_section: usize,
    word: usize,
}

const PE32: Offsets = Offsets {
    security_cookie: 0x3C,
    guard_check: 0x48,
    guard_dispatch: 0x4C,
    guard_flags: 0x58,
    chpe_metadata: 0x7C,
    dynamic_offset: 0x88,
    dynamic_section: 0x8C,
    word: 4,
};
const PE32_PLUS: Offsets = Offsets {
    security_cookie: 0x58,
    guard_check: 0x70,
    guard_dispatch: 0x78,
    guard_flags: 0x90,
    chpe_metadata: 0xC8,
    dynamic_offset: 0xE0,
    dynamic_section: 0xE4,
    word: 8,
};

pub(crate) fn read(
    layout: &Layout<'_>,
    headers: &Headers,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Option<LoadConfig> {
    let there = layout.bytes_from(directory.rva).unwrap_or_default();
    let Some(size) = there.first_chunk().map(|four| u32::from_le_bytes(*four)) else {
        defects.in_image(Structure::LoadConfiguration, Problem::PointsOutside, directory.rva);
        return None;
    };
    // Old linkers put a smaller number into the data directory than into the structure; Windows
    // goes by the structure.
    if size as usize > there.len() {
        let problem = Problem::Truncated { wanted: size.into(), present: there.len() as u64 };
        defects.in_image(Structure::LoadConfiguration, problem, directory.rva);
    }
    let bytes = &there[..there.len().min(size as usize)];
    let offsets = if headers.pe32_plus { &PE32_PLUS } else { &PE32 };
    let number = |offset: usize, width: usize| {
        let field = bytes.get(offset..offset + width)?;
        Some(field.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte)))
    };
    let dynamic_section = number(offsets.dynamic_section, 2).map(|section| section as u16);
    let dynamic_offset = number(offsets.dynamic_offset, 4).map(|offset| offset as u32);
    let chpe_metadata = number(offsets.chpe_metadata, offsets.word);
    let image = headers.image_base..headers.image_base.saturating_add(layout.end());
    if chpe_metadata.is_some_and(|address| address != 0 && !image.contains(&address)) {
        defects.in_image(Structure::LoadConfiguration, Problem::PointsOutside, directory.rva);
    }
    Some(LoadConfig {
        size,
        security_cookie: number(offsets.security_cookie, offsets.word),
        guard_check: number(offsets.guard_check, offsets.word),
        guard_dispatch: number(offsets.guard_dispatch, offsets.word),
        guard_flags: number(offsets.guard_flags, 4).map(|flags| flags as u32),
        chpe_metadata,
        dynamic_relocations: dynamic_section
            .zip(dynamic_offset)
            .filter(|(section, _)| *section != 0),
    })
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use object::pe::ImageLoadConfigDirectory64;
    use ringfence_fixture::driver;
    use std::mem::offset_of;

    #[test]
    fn offsets_are_those_of_the_structure() {
        assert_eq!(
            super::PE32_PLUS.security_cookie,
            offset_of!(ImageLoadConfigDirectory64, security_cookie)
        );
        assert_eq!(
            super::PE32_PLUS.guard_flags,
            offset_of!(ImageLoadConfigDirectory64, guard_flags)
        );
        assert_eq!(
            super::PE32_PLUS.guard_check,
            offset_of!(ImageLoadConfigDirectory64, guard_cf_check_function_pointer)
        );
        assert_eq!(
            super::PE32_PLUS.guard_dispatch,
            offset_of!(ImageLoadConfigDirectory64, guard_cf_dispatch_function_pointer)
        );
        assert_eq!(
            super::PE32_PLUS.chpe_metadata,
            offset_of!(ImageLoadConfigDirectory64, chpe_metadata_pointer)
        );
        assert_eq!(
            super::PE32_PLUS.dynamic_offset,
            offset_of!(ImageLoadConfigDirectory64, dynamic_value_reloc_table_offset)
        );
        use object::pe::ImageLoadConfigDirectory32;
        assert_eq!(
            super::PE32.security_cookie,
            offset_of!(ImageLoadConfigDirectory32, security_cookie)
        );
        assert_eq!(
            super::PE32.guard_check,
            offset_of!(ImageLoadConfigDirectory32, guard_cf_check_function_pointer)
        );
        assert_eq!(
            super::PE32.guard_dispatch,
            offset_of!(ImageLoadConfigDirectory32, guard_cf_dispatch_function_pointer)
        );
        assert_eq!(super::PE32.guard_flags, offset_of!(ImageLoadConfigDirectory32, guard_flags));
        assert_eq!(
            super::PE32.chpe_metadata,
            offset_of!(ImageLoadConfigDirectory32, chpe_metadata_pointer)
        );
        assert_eq!(
            super::PE32.dynamic_offset,
            offset_of!(ImageLoadConfigDirectory32, dynamic_value_reloc_table_offset)
        );
    }

    #[test]
    fn a_short_structure_has_only_its_fields() {
        let mut config = vec![0; 0x94];
        config[0] = 0x94;
        config[0x91] = 0x05;
        let bytes = driver().raw_load_config(config).bytes();
        let image = Image::read(&bytes).unwrap();
        let config = image.load_config().unwrap();
        assert_eq!(config.guard_flags, Some(0x500));
        assert_eq!(config.chpe_metadata, None);
    }
}
