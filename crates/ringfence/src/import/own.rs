//! What ringfence's own text of `/query` says in other words than Windows': it is read back, and never taken for
//! Windows' word.

/// What the text begins with.
pub const BEGINNING: &str = "Emulated:";
/// What stands behind a driver of which nothing was counted.
pub const ALL_ZERO: &str = "all seven counters are 0";
/// What stands behind one of which nothing was counted before DriverEntry failed, so that the rest of it did not run.
pub const OF_ENTRY_ZERO: &str = "0 as far as DriverEntry, which failed";
/// What stands behind one of which nothing was counted before something else stopped the system.
pub const OF_STOPPED_ZERO: &str = "0 as far as it ran until it was stopped";
/// What stands behind one whose image was checked and whose code did not come to run.
pub const OF_IMAGE_ZERO: &str = "0 for its image, calls not known";
/// What stands behind one that did not come to run.
pub const NONE_KNOWN: &str = "no counter is known";
/// What stands in place of a number that is not known.
pub const UNKNOWN: &str = "?";
