//! What a parameter's value means: one file a role.
//!
//! The build script includes this module too, so that the table may name only roles there are.

mod allocate_routine;
mod context_type;
mod contiguous_cache_type;
mod described_address;
mod heap_flags;
mod io_space_cache_type;
mod lookaside_flags;
mod mdl_priority;
mod page_protection;
mod pool_flags;
mod pool_type;
mod process_handle;
mod processor_mode;
mod returned_address;
mod section_attributes;
mod video_pool_type;
mod words;

use crate::Bits;

/// What a parameter's value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// POOL_TYPE.
    PoolType,
    /// POOL_FLAGS.
    PoolFlags,
    /// Flags of ExInitializeNPagedLookasideList, of which POOL_NX_ALLOCATION counts.
    LookasideFlags,
    /// PAGE_ constants.
    PageProtection,
    /// MM_PAGE_PRIORITY with MdlMapping bits.
    MdlPriority,
    /// MEMORY_CACHING_TYPE of MmMapIoSpace.
    IoSpaceCacheType,
    /// MEMORY_CACHING_TYPE of contiguous memory.
    ContiguousCacheType,
    /// HEAP_ flags.
    HeapFlags,
    /// VP_POOL_TYPE.
    VideoPoolType,
    /// SEC_ attributes of a section; does not decide.
    SectionAttributes,
    /// KPROCESSOR_MODE; does not decide.
    ProcessorMode,
    /// A handle of the process concerned, or a pointer to it; does not decide.
    ProcessHandle,
    /// FLT_CONTEXT_TYPE; does not decide.
    ContextType,
    /// A routine that allocates in place of the kernel; does not decide.
    AllocateRoutine,
    /// The address of the memory that an MDL describes; does not decide.
    DescribedAddress,
    /// Where the address of a mapping is stored; does not decide.
    ReturnedAddress,
}

/// What a value of a role means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// Executable memory is asked for.
    Executable,
    /// Memory that is writable and executable at once is asked for.
    WritableExecutable,
    /// No executable memory is asked for.
    NotExecutable,
    /// The DDI refuses such a value, so no memory comes of it.
    Refused,
    /// It depends on bits that are not known.
    Undecided,
}

/// What the file of a role says about it.
struct Meaning {
    /// As the table writes it.
    name: &'static str,
    /// As the headers call its type, or a kernel developer would.
    type_name: &'static str,
    /// How many low bits of the argument count.
    bits: u8,
    /// What a value asks for; none for a role that does not decide.
    rule: Option<fn(Bits) -> Ruling>,
    /// A value, cut down to the bits that count, in the words of the headers.
    words: fn(u64) -> String,
    /// The constants of the headers that arguments of it are made of.
    constants: &'static [&'static [(&'static str, u64)]],
    /// Which values are executable, as the rest of the sentence "executable: …".
    executable: &'static str,
    /// What to pass instead, as the rest of the sentence "help: …".
    advice: &'static str,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 16] = [
        Role::PoolType,
        Role::PoolFlags,
        Role::LookasideFlags,
        Role::PageProtection,
        Role::MdlPriority,
        Role::IoSpaceCacheType,
        Role::ContiguousCacheType,
        Role::HeapFlags,
        Role::VideoPoolType,
        Role::SectionAttributes,
        Role::ProcessorMode,
        Role::ProcessHandle,
        Role::ContextType,
        Role::AllocateRoutine,
        Role::DescribedAddress,
        Role::ReturnedAddress,
    ];

    fn meaning(self) -> &'static Meaning {
        match self {
            Role::PoolType => &pool_type::MEANING,
            Role::PoolFlags => &pool_flags::MEANING,
            Role::LookasideFlags => &lookaside_flags::MEANING,
            Role::PageProtection => &page_protection::MEANING,
            Role::MdlPriority => &mdl_priority::MEANING,
            Role::IoSpaceCacheType => &io_space_cache_type::MEANING,
            Role::ContiguousCacheType => &contiguous_cache_type::MEANING,
            Role::HeapFlags => &heap_flags::MEANING,
            Role::VideoPoolType => &video_pool_type::MEANING,
            Role::SectionAttributes => &section_attributes::MEANING,
            Role::ProcessorMode => &processor_mode::MEANING,
            Role::ProcessHandle => &process_handle::MEANING,
            Role::ContextType => &context_type::MEANING,
            Role::AllocateRoutine => &allocate_routine::MEANING,
            Role::DescribedAddress => &described_address::MEANING,
            Role::ReturnedAddress => &returned_address::MEANING,
        }
    }

    /// Its name in the table, such as `pool-type`.
    pub fn name(self) -> &'static str {
        self.meaning().name
    }

    /// The role that the table calls `name`.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What the headers call values of it, such as `POOL_TYPE`.
    pub fn type_name(self) -> &'static str {
        self.meaning().type_name
    }

    /// Whether the role decides about executable memory, rather than only qualifying it.
    pub fn decides(self) -> bool {
        self.meaning().rule.is_some()
    }

    /// How many low bits of the argument count.
    pub fn bits(self) -> u8 {
        self.meaning().bits
    }

    /// What `value` asks for. For a role that does not decide: [`Ruling::Undecided`].
    pub fn rule(self, value: Bits) -> Ruling {
        self.meaning().rule.map_or(Ruling::Undecided, |rule| rule(value))
    }

    /// The bits of which a single one that is set makes memory that is not executable of every value,
    /// whatever its other bits are.
    pub fn enough(self) -> u64 {
        let is_enough =
            |bit: &u64| self.rule(Bits { ones: *bit, zeros: 0 }) == Ruling::NotExecutable;
        (0..self.bits()).map(|bit| 1 << bit).filter(is_enough).sum()
    }

    /// As [`Role::rule`], but by the letter of Microsoft's page of C30029 where that is stricter than
    /// what Windows was seen to do: it calls the memory of every MmMapIoSpace executable.
    pub fn rule_strictly(self, value: Bits) -> Ruling {
        match self {
            Role::IoSpaceCacheType => io_space_cache_type::rule_strictly(value),
            _ => self.rule(value),
        }
    }

    /// `value` in the words of the headers, such as `NonPagedPoolNx (0x200)`; bits that do not count
    /// are left out.
    pub fn words(self, value: u64) -> String {
        let meaning = self.meaning();
        (meaning.words)(value & (u64::MAX >> (64 - meaning.bits)))
    }

    /// The constants of the headers that arguments of it are made of, each with its value as it is without any
    /// opt-in.
    pub fn constants(self) -> impl Iterator<Item = (&'static str, u64)> {
        self.meaning().constants.iter().flat_map(|names| names.iter().copied())
    }

    /// Which values ask for executable memory, in words; for a role that does not decide, what it has
    /// to do with the decision.
    pub fn executable(self) -> &'static str {
        self.meaning().executable
    }

    /// What to pass instead of an executable value; empty for a role that does not decide.
    pub fn advice(self) -> &'static str {
        self.meaning().advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_by_the_name_the_table_uses() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("pool-type"), Some(Role::PoolType));
        assert_eq!(Role::named("PoolType"), None);
    }

    #[test]
    fn only_roles_that_decide_give_advice_and_rule() {
        for role in Role::ALL {
            assert_eq!(role.decides(), !role.advice().is_empty(), "{role:?}");
            if !role.decides() {
                assert_eq!(role.rule(Bits::of(1)), Ruling::Undecided, "{role:?}");
            }
            assert!(!role.executable().is_empty(), "{role:?}");
        }
    }

    /// Values of wdm.h and ntifs.h.
    #[test]
    fn constants_have_one_value() {
        let mut known = std::collections::HashMap::new();
        for (name, value) in Role::ALL.into_iter().flat_map(Role::constants) {
            assert_eq!(*known.entry(name).or_insert(value), value, "{name}");
        }
        assert_eq!(known["NonPagedPoolExecute"], 0);
        assert_eq!(known["MdlMappingNoExecute"], 0x4000_0000);
        assert_eq!(known["MmCached"], 1);
        assert_eq!(known["UserMode"], 1);
    }

    /// With nothing known, nothing is decided, however a role reads its bits.
    #[test]
    fn a_value_of_which_nothing_is_known_is_undecided() {
        for role in Role::ALL {
            assert_eq!(role.rule(Bits { ones: 0, zeros: 0 }), Ruling::Undecided, "{role:?}");
        }
    }

    /// Bits 0 and 9 of pool types, MdlMappingNoExecute; protections and POOL_FLAGS need more than one bit.
    #[test]
    fn one_bit_is_enough_for_what_it_makes_harmless() {
        for (role, enough) in [
            (Role::PoolType, 0x201),
            (Role::MdlPriority, 0x4000_0000),
            (Role::PageProtection, 0),
            (Role::PoolFlags, 0),
            (Role::ProcessorMode, 0),
        ] {
            assert_eq!(role.enough(), enough, "{role:?}");
        }
    }

    /// What a caller leaves in the upper part of a stack slot says nothing.
    #[test]
    fn bits_that_do_not_count_are_ignored() {
        const RUBBISH: u64 = 0xdead_beef_0000_0000;
        assert_eq!(Role::PageProtection.rule(Bits::of(RUBBISH | 4)), Ruling::NotExecutable);
        assert_eq!(Role::PageProtection.words(RUBBISH | 4), "PAGE_READWRITE (4)");
        assert_eq!(Role::ContiguousCacheType.rule(Bits::of(RUBBISH | 1)), Ruling::Executable);
        assert_eq!(Role::IoSpaceCacheType.words(0x4702), "MmWriteCombined (2)");
        assert_eq!(Role::ProcessorMode.words(0xffff_ff01), "UserMode (1)");
        // POOL_FLAGS has 64 bits, and the upper ones mean something.
        assert_eq!(
            Role::PoolFlags.words(0x1_0000_0040),
            "POOL_FLAG_NON_PAGED | POOL_FLAG_SPECIAL_POOL (0x100000040)"
        );
    }
}
