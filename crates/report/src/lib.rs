//! One file per format; sees findings and verdicts, never an image

#![forbid(unsafe_code)]
