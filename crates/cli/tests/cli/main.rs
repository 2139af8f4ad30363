//! End-to-end tests: what users, scripts and terminals see of the binary.
#![cfg(test)]

mod bad_input;
mod calls;
mod ddis;
mod examples;
mod exit_codes;
mod formats;
mod inputs;
mod run;
mod shells;
mod summary;
mod symbols;
#[cfg(target_os = "linux")]
mod terminal;
