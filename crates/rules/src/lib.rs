//! Hazards: one file each; the only place that knows what HVCI forbids

#![forbid(unsafe_code)]
