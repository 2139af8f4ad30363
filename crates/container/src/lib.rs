//! Opens whatever drivers come in as a stream of named bytes

#![forbid(unsafe_code)]
