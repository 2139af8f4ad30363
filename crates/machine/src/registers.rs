//! What the processor holds beside memory.

/// The general registers, in the order in which instructions encode them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the processor's own")]
pub enum Register {
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

impl Register {
    /// All of them, in the order of their encoding.
    pub const ALL: [Self; 16] = [
        Self::Rax,
        Self::Rcx,
        Self::Rdx,
        Self::Rbx,
        Self::Rsp,
        Self::Rbp,
        Self::Rsi,
        Self::Rdi,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
    ];

    /// The register with this number; only the low four bits count.
    #[must_use]
    pub const fn numbered(number: u8) -> Self {
        Self::ALL[(number & 15) as usize]
    }
}

/// All registers that code can see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registers {
    /// The general registers, in the order of [`Register`].
    pub general: [u64; 16],
    /// The address of the next instruction.
    pub rip: u64,
    /// The flags.
    pub rflags: u64,
    /// YMM0 to YMM15; the low half of each is its XMM register.
    pub vectors: [[u8; 32]; 16],
    /// Control and status of SSE.
    pub mxcsr: u32,
    /// Where the GS segment begins.
    pub gs_base: u64,
    /// Where the FS segment begins.
    pub fs_base: u64,
}

impl Registers {
    /// What a general register holds.
    #[must_use]
    pub const fn get(&self, register: Register) -> u64 {
        self.general[register as usize]
    }

    /// Sets a general register.
    pub const fn set(&mut self, register: Register, value: u64) {
        self.general[register as usize] = value;
    }
}

impl Default for Registers {
    /// Zero in all of them, but for the flags and MXCSR, which are as a reset leaves them: bit 1 of RFLAGS
    /// is always set, and MXCSR masks all exceptions.
    fn default() -> Self {
        Self {
            general: [0; 16],
            rip: 0,
            rflags: 2,
            vectors: [[0; 32]; 16],
            mxcsr: 0x1F80,
            gs_base: 0,
            fs_base: 0,
        }
    }
}
