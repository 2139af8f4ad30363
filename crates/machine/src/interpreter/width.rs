//! Widths of integers, as types: handlers are made for each.

use super::core::{Core, Outcome, Stop};

/// A width. Numbers of registers are those of whole registers: AH and its like have no handlers.
pub(crate) trait Width {
    const BYTES: usize;
    /// How far a value is from the upper end of a word.
    const GAP: u32 = 64 - Self::BYTES as u32 * 8;
    const MASK: u64 = u64::MAX >> Self::GAP;

    fn load(core: &mut Core, address: u64) -> Result<u64, Stop>;
    /// Loads what is written back after: a fault is one of writing then.
    fn load_to_write(core: &mut Core, address: u64) -> Result<u64, Stop>;
    fn store(core: &mut Core, address: u64, value: u64) -> Outcome;

    /// Sets a register and tells all that it holds then. A write of 32 bits clears the rest, smaller ones
    /// leave it.
    #[inline(always)]
    fn put(core: &mut Core, register: u8, value: u64) -> u64 {
        let place = &mut core.general[usize::from(register)];
        *place = if Self::BYTES >= 4 {
            value & Self::MASK
        } else {
            *place & !Self::MASK | value & Self::MASK
        };
        *place
    }
}

macro_rules! widths {
    ($($name:ident $type:ty),*) => {$(
        pub(crate) struct $name;

        impl Width for $name {
            const BYTES: usize = size_of::<$type>();

            #[inline(always)]
            fn load(core: &mut Core, address: u64) -> Result<u64, Stop> {
                Ok(u64::from(<$type>::from_le_bytes(core.load(address)?)))
            }

            #[inline(always)]
            fn load_to_write(core: &mut Core, address: u64) -> Result<u64, Stop> {
                Ok(u64::from(<$type>::from_le_bytes(core.load_to_write(address)?)))
            }

            #[inline(always)]
            fn store(core: &mut Core, address: u64, value: u64) -> Outcome {
                core.store(address, (value as $type).to_le_bytes())
            }
        }
    )*};
}

widths!(B1 u8, B2 u16, B4 u32, B8 u64);
