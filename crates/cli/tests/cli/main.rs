//! End-to-end tests: what users, scripts and terminals see of the binary.
#![cfg(test)]

mod acceptances;
mod bad_input;
mod baselines;
mod calls;
mod certify;
mod ddis;
mod diff;
mod examples;
mod exit_codes;
mod formats;
mod import;
mod inputs;
mod language_server;
mod lint;
mod lint_known;
#[cfg(unix)]
mod odd_names;
mod overwriting;
mod run;
mod servers;
mod settings;
mod shells;
mod summary;
mod symbols;
#[cfg(target_os = "linux")]
mod terminal;
mod verifier;
mod verify;
