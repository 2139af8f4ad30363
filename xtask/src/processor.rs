//! Holds the interpreter to other processors: instructions drawn over everything it can do are carried out
//! by it, by the processor this runs on and by unicorn, and what becomes of registers, flags and memory is
//! compared.

mod case;
mod compare;
mod draw;
mod interpreter;
mod peers;
mod snippets;

use anyhow::{Result, ensure};
use case::{Case, Outcome, Status};
use compare::{Truth, differences};
use draw::Random;
use iced_x86::Instruction;
pub use peers::python as unicorn_python;
use std::collections::BTreeMap;

/// What `cargo xtask processor` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many cases of each encoding
    #[arg(long, default_value_t = 12)]
    each: u32,
    /// What the cases are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only instructions whose name begins so
    #[arg(long)]
    only: Option<String>,
}

/// A case that the interpreter carried out.
struct Tried {
    case: Case,
    i: Instruction,
    ours: Outcome,
}

/// Draws, carries out and compares.
pub fn run(arguments: &Arguments) -> Result<()> {
    let of_snippets = if arguments.only.is_none() { snippets::compare()? } else { 0 };
    let (tried, left) = draw(arguments)?;
    let names: std::collections::BTreeSet<_> = tried.iter().map(|tried| tried.i.code()).collect();
    println!("{} cases of {} encodings", tried.len(), names.len());
    println!("not supported: {}", counts(&left));
    let cases: Vec<_> = tried.iter().map(|tried| &tried.case).collect();
    let native = compare(Truth::Native, &tried, &peers::native(&cases)?, None);
    let unicorn = compare(Truth::Unicorn, &tried, &peers::unicorn(&cases)?, Some(&native));
    let all = native.iter().chain(&unicorn);
    let wrong = all.filter(|verdict| **verdict == Verdict::Differs).count();
    ensure!(wrong + of_snippets == 0, "{wrong} cases and {of_snippets} compiled functions differ");
    Ok(())
}

/// What a comparison came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Equal,
    Differs,
    /// The other does not know the instruction.
    Unknown,
}

fn draw(arguments: &Arguments) -> Result<(Vec<Tried>, BTreeMap<String, u32>)> {
    let mut random = Random(arguments.seed | 1 << 40);
    let mut tried = Vec::new();
    let mut left = BTreeMap::new();
    for shape in draw::shapes() {
        for _ in 0..arguments.each {
            let Some((case, i)) = draw::case(shape, &mut random) else { continue };
            let name = format!("{:?}", i.mnemonic()).to_lowercase();
            if arguments.only.as_ref().is_some_and(|only| !name.starts_with(only)) {
                continue;
            }
            match interpreter::carry_out(&case)? {
                // A branch into itself goes on.
                Some(ours) if case.is_inside(&ours) => {}
                Some(ours) => tried.push(Tried { case, i, ours }),
                None => *left.entry(name).or_default() += 1,
            }
        }
    }
    Ok((tried, left))
}

/// Names with how often they came.
fn counts(of: &BTreeMap<String, u32>) -> String {
    of.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Prints what differs, a few of each instruction, and says in how many cases.
///
/// Where this machine's processor agrees with the interpreter, it is unicorn that is wrong.
fn compare(
    truth: Truth,
    tried: &[Tried],
    theirs: &[Outcome],
    native: Option<&[Verdict]>,
) -> Vec<Verdict> {
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    let mut overruled = 0;
    let mut verdicts = Vec::new();
    for (number, (tried, theirs)) in tried.iter().zip(theirs).enumerate() {
        let (mut verdict, found) = judge(truth, tried, theirs);
        if verdict == Verdict::Differs
            && native.is_some_and(|native| native[number] == Verdict::Equal)
        {
            overruled += 1;
            verdict = Verdict::Unknown;
        }
        verdicts.push(verdict);
        if verdict != Verdict::Differs {
            continue;
        }
        let name = format!("{:?}", tried.i.code());
        let times = told.entry(name.clone()).or_default();
        *times += 1;
        if *times <= 2 {
            println!("{name} {:02x?}\n  {}", tried.case.code, found.join("\n  "));
        }
    }
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    println!(
        "{truth:?}: {} equal, {} differ, {} not known there (of which {overruled} go by this processor)",
        count(Verdict::Equal),
        count(Verdict::Differs),
        count(Verdict::Unknown)
    );
    verdicts
}

fn judge(truth: Truth, tried: &Tried, theirs: &Outcome) -> (Verdict, Vec<String>) {
    // What the other does not know proves nothing.
    let unknown = matches!(theirs.status, Status::InvalidOpcode | Status::Other)
        && tried.ours.status != Status::InvalidOpcode;
    let beyond = truth == Truth::Unicorn && compare::is_beyond_unicorn(&tried.case, &tried.i);
    if unknown || beyond {
        return (Verdict::Unknown, Vec::new());
    }
    let found = differences(truth, &tried.case, &tried.i, &tried.ours, theirs);
    (if found.is_empty() { Verdict::Equal } else { Verdict::Differs }, found)
}
