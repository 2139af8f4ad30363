//! Everything CI does, callable at home: `cargo xtask <command>`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "printing what it does is this program's job")]

mod bench;
mod check;
mod code;
mod command;
mod corpus;
mod docs;
mod fixtures;
mod fuzz;
mod integrations;
mod lint_corpus;
mod mend;
mod processor;
mod reports;
mod stage;
mod test;
mod wasm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Development commands of ringfence.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measures ringfence against a floor and its peers, as ratios of one run.
    Bench(bench::Arguments),
    /// Checks format, lints, documentation and dependencies.
    Check,
    /// Compares what the analysis of machine code finds with sources that say it, and with objdump.
    Code(code::Arguments),
    /// Fetches the real drivers of corpus/manifest.toml and checks ringfence's verdicts on them.
    Corpus(corpus::Arguments),
    /// Writes the documentation as a website: rules, DDIs and a search.
    Docs(docs::Arguments),
    /// Rebuilds examples/drivers from source and compares the bytes.
    Fixtures(fixtures::Arguments),
    /// Runs the fuzz targets.
    Fuzz(fuzz::Arguments),
    /// Proves source fixes by machine code: builds the example, mends it, builds it again.
    Mend,
    /// Fetches the driver sources of corpus/source.toml and checks ringfence's findings in them.
    LintCorpus(lint_corpus::Arguments),
    /// Compares the interpreter of `machine` with this processor and with unicorn, instruction by instruction.
    Processor(processor::Arguments),
    /// Lets other programs check reports: of samples, of the example drivers, of the real ones if fetched.
    Reports(reports::Arguments),
    /// Tries completions, manual pages, the GitHub Action, hooks, and modules for CMake and MSBuild.
    Integrations(integrations::Arguments),
    /// Runs all tests: units, example drivers, machine code, real drivers, wasm32, reports, integrations, fuzz targets.
    Test,
    /// Builds the emulated kernel for wasm32, runs the example drivers in it, compares with what they do here.
    Wasm,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes is enough; a backtrace through this program helps nobody.
            println!("error: {error:#}");
            match error.downcast_ref::<command::Missing>() {
                Some(_) => ExitCode::from(stage::LEFT_OUT),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Check => check::all(),
        Task::Code(arguments) => code::run(&arguments),
        Task::Corpus(arguments) => corpus::run(&arguments),
        Task::Docs(arguments) => docs::run(&arguments),
        Task::Fixtures(arguments) => fixtures::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Mend => mend::run(),
        Task::LintCorpus(arguments) => lint_corpus::run(&arguments),
        Task::Processor(arguments) => processor::run(&arguments),
        Task::Reports(arguments) => reports::run(&arguments),
        Task::Integrations(arguments) => integrations::run(&arguments),
        Task::Test => test::all(),
        Task::Wasm => wasm::compare(),
    }
}
