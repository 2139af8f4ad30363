//! PE bytes to a borrowed, checked view; the only crate that knows PE layout

#![forbid(unsafe_code)]
