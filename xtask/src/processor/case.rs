//! One instruction with registers and memory, and what became of them.

/// Where the instruction is.
pub const CODE: u64 = 0x1000_0800;
/// Two pages that may be written; none is behind them.
pub const DATA: u64 = 0x2000_0000;
/// A page that may only be read.
pub const READ_ONLY: u64 = 0x2000_4000;
/// Where the bytes that are compared begin: half of them are on each of the two pages.
pub const AT: u64 = 0x2000_0F80;
/// How many they are.
pub const WINDOW: usize = 256;

/// Registers and memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    pub general: [u64; 16],
    pub rflags: u64,
    pub vectors: [[u8; 32]; 16],
    pub window: [u8; WINDOW],
}

/// One instruction.
#[derive(Clone, Debug)]
pub struct Case {
    pub code: Vec<u8>,
    pub mxcsr: u32,
    pub state: State,
}

/// How an instruction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Completed,
    PageFault { address: u64, write: bool },
    DivideError,
    InvalidOpcode,
    GeneralProtection,
    Other,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: Status,
    pub rip: u64,
    pub mxcsr: u32,
    pub state: State,
}

impl Case {
    /// Whether an outcome is about to carry out part of the instruction, or all of it, again.
    pub fn is_inside(&self, outcome: &Outcome) -> bool {
        let code = CODE..CODE + self.code.len() as u64;
        outcome.status == Status::Completed && code.contains(&outcome.rip)
    }

    /// As the other programs read it.
    pub fn write(&self, into: &mut Vec<u8>) {
        let mut code = [0; 16];
        code[..self.code.len()].copy_from_slice(&self.code);
        into.extend(code);
        into.extend((self.code.len() as u64).to_le_bytes());
        into.extend(u64::from(self.mxcsr).to_le_bytes());
        for register in self.state.general {
            into.extend(register.to_le_bytes());
        }
        into.extend(self.state.rflags.to_le_bytes());
        into.extend(self.state.vectors.as_flattened());
        into.extend(self.state.window);
    }
}

/// Bytes of an outcome.
const OUTCOME: usize = 5 * 8 + 17 * 8 + 512 + WINDOW;

impl Outcome {
    /// All outcomes that another program wrote.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks_exact(OUTCOME).map(Self::read).collect()
    }

    fn read(bytes: &[u8]) -> Self {
        let (words, rest) = bytes.split_at(22 * 8);
        let mut words = words.chunks_exact(8).map(|word| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            u64::from_le_bytes(bytes)
        });
        let mut next = || words.next().unwrap_or_default();
        let (status, rip, address, access, mxcsr) = (next(), next(), next(), next(), next());
        let general = std::array::from_fn(|_| next());
        let rflags = next();
        let (lanes, bytes) = rest.split_at(512);
        let mut state = State { general, rflags, vectors: [[0; 32]; 16], window: [0; WINDOW] };
        state.vectors.as_flattened_mut().copy_from_slice(lanes);
        state.window.copy_from_slice(bytes);
        let status = match status {
            0 => Status::Completed,
            1 => Status::PageFault { address, write: access != 0 },
            2 => Status::DivideError,
            3 => Status::InvalidOpcode,
            4 => Status::GeneralProtection,
            _ => Status::Other,
        };
        Self { status, rip, mxcsr: mxcsr as u32, state }
    }
}
