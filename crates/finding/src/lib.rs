//! The vocabulary: rule card, finding, evidence, target, verdict; plain data

#![forbid(unsafe_code)]
