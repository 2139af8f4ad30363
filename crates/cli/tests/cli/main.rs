//! End-to-end tests: what users, scripts and terminals see of the binary.
#![cfg(test)]

mod bad_input;
mod calls;
mod certify;
mod ddis;
mod diff;
mod examples;
mod exit_codes;
mod formats;
mod inputs;
mod run;
mod summary;
mod symbols;
#[cfg(target_os = "linux")]
mod terminal;
