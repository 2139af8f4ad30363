//! Ways into a function that are no calls of its beginning.

use super::Search;
use std::ops::Range;

/// How far a jump of two bytes may lead, from its start.
const SHORT_JUMP: u32 = 130;

impl Search<'_> {
    /// Whether code elsewhere goes into the middle of a function, or to it in a way that names it by less
    /// than four bytes: then not everybody is seen who calls it.
    pub(super) fn is_entered_unseen(&mut self, function: u32) -> bool {
        let Some(own) = self.finder.bounds(&mut *self.decoder, function) else { return true };
        self.is_entered_inside(function, &own) || !self.jumps_from_near(&own).is_empty()
    }

    /// Whether a call, or a jump with a field of four bytes, leads into a function behind its beginning.
    pub(super) fn is_entered_inside(&self, function: u32, own: &Range<u32>) -> bool {
        let inside = self.places.names().ways_to(own.start.saturating_add(1)..own.end);
        let mut sources = inside.map(|field| field.at).filter(|at| !own.contains(at));
        let elsewhere =
            |at: u32| self.finder.listed_around(at).is_none_or(|root| root.start != function);
        sources.any(elsewhere)
    }

    /// Jumps of two bytes that lead into a function from outside.
    pub(super) fn jumps_from_near(&mut self, own: &Range<u32>) -> Vec<u32> {
        let before = own.start.saturating_sub(SHORT_JUMP)..own.start;
        let (mut code, mut bytes) = (0, &[][..]);
        let mut found = Vec::new();
        for at in before.chain(own.end..own.end.saturating_add(SHORT_JUMP)) {
            if at.wrapping_sub(code) as usize >= bytes.len() {
                let Some(around) = self.places.code_around(at) else { continue };
                (code, bytes) = around;
            }
            let bytes = bytes.get((at - code) as usize..).and_then(<[u8]>::first_chunk::<2>);
            let Some(&[0xEB | 0x70..=0x7F, distance]) = bytes else { continue };
            let to = at.wrapping_add(2).wrapping_add_signed(i32::from(distance.cast_signed()));
            if own.contains(&to) && self.is_instruction(at) {
                found.push(at);
            }
        }
        found
    }

    /// Whether an instruction begins at `at`, as one reads on from where its function does.
    fn is_instruction(&mut self, at: u32) -> bool {
        let Some(extent) = self.finder.around(&mut *self.decoder, at) else { return false };
        let begin = extent.ranges.iter().find(|range| range.contains(&at)).map(|range| range.start);
        let mut next = if extent.listed { begin.unwrap_or(extent.begin) } else { extent.begin };
        while next < at {
            next += self.decoder.length(next).unwrap_or(1);
        }
        next == at
    }
}
