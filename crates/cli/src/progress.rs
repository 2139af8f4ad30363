//! One line on standard error, on a terminal only and only when a scan takes long.

use crate::terminal;
use ringfence::Progress;
use ringfence::report::safe;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A scan shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// The line is drawn anew no more often than this.
const INTERVAL: Duration = Duration::from_millis(100);
/// Columns of the bar.
const BAR: usize = 30;

/// The line, as far as it has been drawn.
pub(crate) struct ProgressLine {
    enabled: bool,
    start: Instant,
    drawn: Option<Instant>,
}

impl Drop for ProgressLine {
    /// A scan that fails leaves no half-drawn line to stand before its message.
    fn drop(&mut self) {
        self.clear();
    }
}

impl ProgressLine {
    /// A line that shows itself only on a terminal that nothing else is written to meanwhile.
    pub(crate) fn new(report_streams_to_terminal: bool) -> ProgressLine {
        let terminal = std::io::stderr().is_terminal() && !terminal::is_dumb();
        let enabled = terminal && !report_streams_to_terminal;
        ProgressLine { enabled, start: Instant::now(), drawn: None }
    }

    pub(crate) fn show(&mut self, progress: Progress<'_>) {
        let due = self.drawn.map_or(self.start + PATIENCE, |drawn| drawn + INTERVAL);
        let now = Instant::now();
        if !self.enabled || now < due {
            return;
        }
        self.drawn = Some(now);
        let width = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(80, |(width, _)| usize::from(width.0));
        let line = line(progress, width);
        let mut stderr = std::io::stderr().lock();
        // Progress is a courtesy: where it cannot be written, the scan goes on.
        let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
    }

    /// Wipes the line, if it was ever drawn.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

fn line(progress: Progress<'_>, width: usize) -> String {
    let filled = (progress.done * BAR).checked_div(progress.total).unwrap_or(0).min(BAR);
    let name = progress.current.rsplit(['/', '\\']).next().unwrap_or_default();
    let line = format!(
        "scanning  {}{}  {} of {}   {}",
        "━".repeat(filled),
        "─".repeat(BAR - filled),
        progress.done,
        progress.total,
        safe(name)
    );
    // A line that wraps could not be drawn over.
    line.chars().take(width.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_never_wraps_and_names_cannot_steer_the_terminal() {
        let current = "drivers/\u{1b}[2Jevil.sys";
        let full = line(Progress { done: 500, total: 2000, current }, 100);
        assert_eq!(
            full,
            "scanning  ━━━━━━━───────────────────────  500 of 2000   \\u{1b}[2Jevil.sys"
        );
        assert_eq!(line(Progress { done: 1, total: 1, current }, 40).chars().count(), 39);
        assert!(line(Progress { done: 0, total: 0, current: "" }, 80).contains("0 of 0"));
    }
}
