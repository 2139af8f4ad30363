//! Loops on the interpreter of `machine`, beside the same on unicorn, which translates them to code of this
//! processor.

use super::table::{Ratio, Target};
use crate::command::{capture, root, run};
use crate::processor::unicorn_python;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::process::Command;

/// Seconds that each loop runs in each round.
const SECONDS: &str = "0.3";

/// Instructions a second, by loop.
type Speeds = BTreeMap<String, f64>;

/// Runs the loops in turns and prints the ratios.
pub fn measure(rounds: usize) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let what = ["build", "--release", "--quiet", "-p", "ringfence-machine", "--example", "loops"];
    run(Command::new(cargo).args(what).current_dir(root()))?;
    let program = crate::command::target()?.join("release/examples/loops");
    let python = unicorn_python()?;
    println!("timing loops on the interpreter and on unicorn, {rounds} rounds");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(speeds(&mut Command::new(&program))?);
        let script = root().join("bench/unicorn_loops.py");
        theirs.push(speeds(Command::new(&python).arg(script))?);
    }
    print!("{}", text(&ours, &theirs)?);
    Ok(())
}

/// What a program says of each loop.
fn speeds(command: &mut Command) -> Result<Speeds> {
    let said = capture(command.arg(root().join("bench/loops.txt")).arg(SECONDS))?;
    let line = |line: &str| {
        let (name, speed) = line.split_once(' ').context("not a name and a number")?;
        Ok((name.to_owned(), speed.parse()?))
    };
    said.lines().map(line).collect()
}

/// The table: millions of instructions a second, and their ratios by round.
fn text(ours: &[Speeds], theirs: &[Speeds]) -> Result<String> {
    let first = ours.first().context("no rounds")?;
    ensure!(theirs.iter().chain(ours).all(|speeds| speeds.keys().eq(first.keys())), "loops differ");
    let mut text = format!(
        "{:<12}{:>10}{:>10}{:>9}{:>18}{:>11}\n",
        "loop", "M/s", "unicorn", "ratio", "range", "target"
    );
    for name in first.keys() {
        let millions =
            |all: &[Speeds]| super::meter::median(all.iter().map(|speeds| speeds[name] / 1e6));
        let ratios: Vec<_> = ours.iter().zip(theirs).map(|(us, it)| us[name] / it[name]).collect();
        let ratio = Ratio::new("speed, of unicorn", &ratios, Some(Target::AtLeast(0.5)));
        let (smallest, largest) = ratio.range;
        text += &format!(
            "{name:<12}{:>10.1}{:>10.1}{:>9.2}{:>18}{:>11}  {}\n",
            millions(ours),
            millions(theirs),
            ratio.value,
            format!("{smallest:.2}..{largest:.2}"),
            ">= 0.50",
            if ratio.met == Some(true) { "met" } else { "missed" }
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Speeds, text};

    fn speeds(integer: f64, gate: f64) -> Speeds {
        [("integer".to_owned(), integer), ("gate".to_owned(), gate)].into()
    }

    #[test]
    fn each_loop_is_compared_within_its_round() {
        let ours = [speeds(4e6, 9e6), speeds(2e6, 9e6), speeds(3e6, 9e6)];
        let theirs = [speeds(8e6, 3e6), speeds(8e6, 3e6), speeds(8e6, 3e6)];
        let text = text(&ours, &theirs).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1],
            "gate               9.0       3.0     3.00        3.00..3.00    >= 0.50  met"
        );
        assert_eq!(
            lines[2],
            "integer            3.0       8.0     0.38        0.25..0.50    >= 0.50  missed"
        );
        assert!(super::text(&ours, &[speeds(1.0, 1.0), Speeds::new()]).is_err());
    }
}
