//! From bytes to operations.

use super::block::{Block, Source};
use super::core::{Core, Stop};
use super::draft::Draft;
use crate::memory::canonical;
use crate::{Access, Exit, PAGE};
use iced_x86::{Decoder, DecoderError, DecoderOptions, FlowControl};
use std::ops::Range;

/// The longest instruction.
const LONGEST: usize = 15;
/// The longest block.
pub(crate) const LONGEST_BLOCK: usize = 64;
/// No block is longer.
const MOST_BYTES: usize = LONGEST * LONGEST_BLOCK;
/// The longest block of a frame whose code has been written to this often: it would be written to again
/// before most of a longer one has run.
const OFTEN: u32 = 256;
const SHORT_BLOCK: usize = 2;

/// How much to translate.
pub(crate) struct Limits<'a> {
    /// Instructions at most.
    pub(crate) most: usize,
    /// Whether all flags are to be worked out, since someone may look at them behind any instruction.
    pub(crate) exact: bool,
    /// Where not to go on.
    pub(crate) gates: &'a Range<u64>,
}

/// Where code is fetched from.
struct Fetched {
    bytes: [u8; MOST_BYTES],
    length: usize,
    source: Source,
}

impl Core {
    /// The rest of a page that may be executed.
    fn fetch(&mut self, at: u64) -> Result<Fetched, Stop> {
        if !canonical(at) {
            return self.raise(Exit::GeneralProtection);
        }
        let located = match self.memory.locate(at / PAGE, Access::Execute) {
            Ok(located) => located,
            Err(fault) => {
                let (access, mapped) = (Access::Execute, fault.mapped);
                return self.raise(Exit::PageFault { address: at, access, mapped });
            }
        };
        let rest = &self.memory.bytes(located.data)[(at % PAGE) as usize..];
        let rest = &rest[..rest.len().min(MOST_BYTES)];
        let mut bytes = [0; MOST_BYTES];
        bytes[..rest.len()].copy_from_slice(rest);
        let source = (located.frame, self.memory.version(located.frame));
        Ok(Fetched { bytes, length: rest.len(), source })
    }

    /// Remembers which bytes were decoded, so that writes to them are noticed.
    fn decoded(&mut self, source: Source, address: u64, length: usize) {
        if self.memory.decoded(source.0, (address % PAGE) as usize, length) {
            self.watch_writes();
        }
    }

    /// Whether the bytes of a block are still those that it was made from, and may be executed.
    pub(crate) fn is_current(&mut self, block: &Block) -> bool {
        let (first, second) = block.sources;
        let mut holds = |address: u64, (frame, version): Source| {
            let located = self.memory.locate(address / PAGE, Access::Execute);
            located.is_ok_and(|located| located.frame == frame)
                && self.memory.version(frame) == version
        };
        let last = block.end.wrapping_sub(1);
        holds(block.address, first) && second.is_none_or(|second| holds(last, second))
    }

    /// Makes the instructions at an address ready to run.
    pub(crate) fn translate(&mut self, at: u64, limits: &Limits<'_>) -> Result<Block, Stop> {
        let page = self.fetch(at)?;
        let often = page.source.1 >= OFTEN;
        let most = if often { limits.most.min(SHORT_BLOCK) } else { limits.most };
        let code = &page.bytes[..page.length];
        let mut decoder = Decoder::with_ip(64, code, at, DecoderOptions::NONE);
        let mut draft = Draft::new(at, limits.exact);
        while draft.instructions() < most && decoder.can_decode() {
            if !draft.is_empty() && limits.gates.contains(&decoder.ip()) {
                break;
            }
            let i = decoder.decode();
            if i.is_invalid() {
                if !draft.is_empty() {
                    break;
                }
                let cut = decoder.last_error() == DecoderError::NoMoreBytes;
                return if cut { self.across(at, &page) } else { self.raise(Exit::InvalidOpcode) };
            }
            if !draft.push(&i) {
                if draft.is_empty() {
                    return self.unsupported(&i);
                }
                break;
            }
            if i.flow_control() != FlowControl::Next {
                break;
            }
        }
        let block = draft.finish((page.source, None));
        self.decoded(page.source, at, block.end.wrapping_sub(at) as usize);
        Ok(block)
    }

    /// The one instruction that begins on a page and ends on the next.
    fn across(&mut self, at: u64, page: &Fetched) -> Result<Block, Stop> {
        let first = page.length;
        if first >= LONGEST {
            return self.raise(Exit::InvalidOpcode);
        }
        let next = self.fetch(at.wrapping_add(first as u64))?;
        let mut bytes = [0; LONGEST];
        bytes[..first].copy_from_slice(&page.bytes[..first]);
        bytes[first..].copy_from_slice(&next.bytes[..LONGEST - first]);
        let i = Decoder::with_ip(64, &bytes, at, DecoderOptions::NONE).decode();
        if i.is_invalid() {
            return self.raise(Exit::InvalidOpcode);
        }
        let mut draft = Draft::new(at, true);
        if !draft.push(&i) {
            return self.unsupported(&i);
        }
        self.decoded(page.source, at, first);
        self.decoded(next.source, at.wrapping_add(first as u64), i.len() - first);
        Ok(draft.finish((page.source, Some(next.source))))
    }
}
