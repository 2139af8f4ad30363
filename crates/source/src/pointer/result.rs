//! Calls of what a call gives, which read like calls of a pointer that is converted.

use crate::evaluate::Place;
use crate::lex::is_word;
use crate::syntax::{Call, Manner};

impl Place<'_, '_> {
    /// Whether a call is of what a function gives for a pointer: in `((F)(p))(…)` the parser cannot tell whether `F` is a
    /// type or a function.
    pub(crate) fn is_of_result(&self, call: &Call) -> bool {
        if call.manner != Manner::Converted {
            return false;
        }
        let before = self.world.text(self.parsed, &(call.whole.start..call.callee.start));
        let before = before.trim_end().strip_suffix('(').map(str::trim_end);
        let Some(before) = before.and_then(|before| before.strip_suffix(')')) else { return false };
        let before = before.trim_end();
        let start = before.bytes().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
        let name = &before[start..];
        let is_alone = before[..start].trim_end().ends_with('(') && !name.is_empty();
        is_alone
            && (self.reaching(name).is_some()
                || self.world.functions.contains_key(name)
                || self.world.globals.contains_key(name))
    }
}
