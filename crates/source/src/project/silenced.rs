//! Warnings of Code Analysis that a project switches off.

use super::defines::Granted;
use super::traced::Traced;
use super::{Configuration, Silenced};
use crate::FileId;

/// Reads the number of a warning, as it stands behind `/wd` or in `DisableSpecificWarnings`.
pub(super) fn silenced(number: &Traced, granted: Granted<'_>) -> Option<Silenced> {
    let number = number.trim();
    let warning = number.as_str().trim_matches('"').parse().ok()?;
    let certain = number.doubts().all(|doubt| granted.contains(&doubt));
    Some(Silenced { warning, span: number.span()?, certain })
}

impl Configuration {
    /// The warnings that are off for a source: its own, where it has a list of its own, else those of all.
    pub fn silenced_of(&self, file: FileId) -> &[Silenced] {
        let own = self.silenced_of_files.iter().find(|(of, _)| *of == file);
        own.map_or(&self.silenced, |(_, own)| own)
    }
}
