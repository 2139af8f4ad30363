//! The `ringfence` command: arguments, terminal, exit code.
#![forbid(unsafe_code)]

mod arguments;
mod command;
mod effective;
mod exit;
mod language_server;
mod progress;
mod report_file;
mod scanning;
mod terminal;

use arguments::{Arguments, Command};
use std::process::ExitCode;

/// Scans and lints ask for memory in small pieces all the time, and on several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let result = match &arguments.command {
        Command::Scan(scan) => command::scan::run(scan, arguments.color),
        Command::Lint(lint) => command::lint::run(lint, arguments.color),
        Command::Calls(calls) => command::calls::run(calls, arguments.color),
        Command::Certify(certify) => command::certify::run(certify, arguments.color),
        Command::Verify(verify) => command::verify::run(verify, arguments.color),
        Command::Verifier(verifier) => command::verifier::run(verifier, arguments.color),
        Command::Import(import) => command::import::run(import, arguments.color),
        Command::Diff(diff) => command::diff::run(diff, arguments.color),
        Command::Explain(explain) => command::explain::run(explain, arguments.color),
        Command::List(list) => command::list::run(list, arguments.color),
        Command::Completions(completions) => command::completions::run(completions),
        Command::Man(manual) => command::man::run(manual),
    };
    exit::code(result)
}
