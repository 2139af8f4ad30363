//! What a parameter's value means: one file a role.

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
    /// A handle of the process concerned; does not decide.
    ProcessHandle,
    /// FLT_CONTEXT_TYPE; does not decide.
    ContextType,
    /// A routine that allocates in place of the kernel; does not decide.
    AllocateRoutine,
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

impl Role {
    /// Whether the role decides about executable memory, rather than only qualifying it.
    pub fn decides(self) -> bool {
        !matches!(
            self,
            Role::SectionAttributes
                | Role::ProcessorMode
                | Role::ProcessHandle
                | Role::ContextType
                | Role::AllocateRoutine
        )
    }

    /// How many low bits of the argument count.
    pub fn bits(self) -> u8 {
        match self {
            Role::PoolFlags | Role::ProcessHandle | Role::AllocateRoutine => 64,
            Role::ProcessorMode | Role::IoSpaceCacheType => 8,
            _ => 32,
        }
    }

    /// What `value` asks for. For a role that does not decide: [`Ruling::Undecided`].
    pub fn rule(self, value: Bits) -> Ruling {
        let _ = value;
        Ruling::Undecided
    }

    /// `value` in the words of the headers, such as `NonPagedPoolNx (0x200)`.
    pub fn words(self, value: u64) -> String {
        format!("{value:#x}")
    }
}
