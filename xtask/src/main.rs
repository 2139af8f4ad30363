//! Everything CI does, callable at home: `cargo xtask <command>`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "printing what it does is this program's job")]

mod command;
mod corpus;
mod fixtures;

use clap::{Parser, Subcommand};

/// Development commands of ringfence.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetches the real drivers of corpus/manifest.toml and checks ringfence's verdicts on them.
    Corpus(corpus::Arguments),
    /// Rebuilds examples/drivers from source and compares the bytes.
    Fixtures(fixtures::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Corpus(arguments) => corpus::run(&arguments),
        Task::Fixtures(arguments) => fixtures::run(&arguments),
    }
}
