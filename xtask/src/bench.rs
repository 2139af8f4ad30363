//! How fast ringfence is, next to a floor and two peers, as ratios of one run. Not a timed test:
//! nothing fails when a target is missed. `bench/README.md` says how to read it.

mod agree;
mod code;
mod corpus;
mod large;
mod lint;
mod machine;
mod meter;
mod peers;
mod reports;
mod table;

use crate::command::{capture, install_missing};
use agree::{Answers, differences};
use anyhow::{Context, Result, ensure};
use corpus::{Corpus, SIZES};
use meter::{Contestant, Meter, Sample, line};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use table::{Ratio, Row, Table, Target};

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Fewer rounds: a first impression
    #[arg(long)]
    quick: bool,
    /// Measure ringfence and the floor only
    #[arg(long)]
    no_peers: bool,
    /// Measure the scan of drivers with much code only
    #[arg(long)]
    only_code: bool,
    /// Measure the reports that are written to files only
    #[arg(long, conflicts_with = "only_code")]
    only_reports: bool,
    /// Measure the lint of sources only
    #[arg(long, conflicts_with_all = ["only_code", "only_reports"])]
    only_lint: bool,
    /// Measure the interpreter of machine code only
    #[arg(long, conflicts_with_all = ["only_code", "only_reports", "only_lint"])]
    only_machine: bool,
    /// Write all samples there as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, compares and prints.
pub fn run(arguments: &Arguments) -> Result<()> {
    let loops = || machine::measure(if arguments.quick { 3 } else { 11 });
    if arguments.only_machine {
        return loops();
    }
    let missing = install_missing(&[("time", "time"), ("taskset", "util-linux")])?;
    ensure!(missing.is_empty(), "the bench needs {}", missing.join(", "));
    let target = crate::command::target()?;
    let peers::Built { ringfence, floor, decode, parse, relint } = peers::build(&target)?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let (meter, rounds) = (Meter::new()?, if arguments.quick { 5 } else { 21 });
    let mut rows = Vec::new();
    if !arguments.only_code && !arguments.only_reports {
        let with_peers = !arguments.no_peers;
        let programs =
            lint::Programs { ringfence: &ringfence, parse: &parse, relint: &relint, with_peers };
        lint::measure(&meter, &programs, &folder, rounds, &mut rows)?;
    }
    if arguments.only_lint {
        return tell_table(rows, arguments);
    }
    let real = crate::corpus::fetched()?;
    if !arguments.only_code {
        reports::measure(&meter, (&ringfence, &folder, &real), rounds.min(5), &mut rows)?;
    }
    if !arguments.only_reports {
        code::measure(&meter, (&ringfence, &decode), (&folder, &real), rounds, &mut rows)?;
    }
    if arguments.only_code || arguments.only_reports {
        return tell_table(rows, arguments);
    }
    println!("writing drivers");
    let mut corpus = Corpus::write(&folder, &real)?;
    let answers = answers(&ringfence, &corpus.all())?;
    let left_out = corpus.keep(&answers.keys().cloned().collect())?;
    println!(
        "{} drivers, {:.1} MB; not examined and so not measured: {}",
        corpus.drivers,
        corpus.bytes as f64 / 1e6,
        left_out.join(", ")
    );
    let digests = capture(Command::new(&floor).arg(corpus.all()).arg("--list"))?;
    tell("digests of the floor", &answers, &agree::of_floor(&digests), |a| a.digests.clone());

    let bench = Bench { ringfence, floor, corpus, meter, quick: arguments.quick };
    if arguments.no_peers {
        bench.speed(None, &mut rows)?;
    } else {
        let python = peers::python(&folder)?;
        for (what, option) in [("pefile", None), ("pefile with struct", Some("--struct"))] {
            let mut script = Command::new(&python);
            script.arg(peers::script()).arg(bench.corpus.all()).args(option);
            let theirs = agree::of_script(&capture(&mut script)?)?;
            let said = |answer: &agree::Answer| (answer.load.clone(), answer.rules.clone());
            tell(&format!("answers of {what}"), &answers, &theirs, said);
            tell(&format!("digests of {what}"), &answers, &theirs, |a| a.digests.clone());
        }
        bench.speed(Some(&peers::binary_security_check(&folder)?), &mut rows)?;
        bench.script(&python, &mut rows)?;
    }
    bench.memory(&mut rows)?;
    if !arguments.no_peers {
        loops()?;
    }
    tell_table(rows, arguments)
}

/// Prints the rows, and writes them where that is asked for.
fn tell_table(rows: Vec<Row>, arguments: &Arguments) -> Result<()> {
    let table = Table { rows };
    print!("\n{}", table.text());
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(&table)? + "\n")
            .with_context(|| format!("{}", file.display()))?;
    }
    Ok(())
}

/// What ringfence says of each driver in `folder`.
fn answers(ringfence: &Path, folder: &Path) -> Result<Answers> {
    let mut command = Command::new(ringfence);
    command.args(["scan", "--format", "jsonl"]).arg(folder);
    // A scan that finds something ends with a code of its own, so only its silence is an error.
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(!output.stdout.is_empty(), "{command:?} printed nothing");
    agree::of_ringfence(&String::from_utf8(output.stdout)?)
}

/// Prints on how many drivers two programs differ, and on which.
fn tell<T: PartialEq + std::fmt::Debug>(
    what: &str,
    ours: &Answers,
    theirs: &Answers,
    view: impl Fn(&agree::Answer) -> T,
) {
    let differing = differences(ours, theirs, view);
    println!("{what}: {} of {} differ from ringfence's", differing.len(), ours.len());
    for difference in differing.iter().take(20) {
        println!("  {difference}");
    }
}

struct Bench {
    ringfence: PathBuf,
    floor: PathBuf,
    corpus: Corpus,
    meter: Meter,
    quick: bool,
}

impl Bench {
    /// `ringfence scan` of `folder`.
    fn scan(&self, threads: &str, format: &str, folder: PathBuf) -> Vec<OsString> {
        line![&self.ringfence, "scan", "--threads", threads, "--format", format, folder]
    }

    fn scan_unhashed(&self, threads: &str) -> Vec<OsString> {
        let mut line = self.scan(threads, "summary", self.corpus.all());
        line.push("--no-hash".into());
        line
    }

    /// One core and two, with digests and without, beside the floor and binary-security-check.
    fn speed(&self, check: Option<&Path>, rows: &mut Vec<Row>) -> Result<()> {
        let all = || self.corpus.all();
        let halves = [0, 1].map(|half| self.scan("1", "summary", self.corpus.half(half)));
        let [first, second] = halves;
        let mut contestants = vec![
            Contestant::new("floor, 1 core", line![&self.floor, all()]).on_one_core(),
            Contestant::new("summary, 1 core", self.scan("1", "summary", all())).on_one_core(),
            Contestant::new("jsonl, 1 core", self.scan("1", "jsonl", all())).on_one_core(),
            Contestant::new("two processes", first).beside(second),
            Contestant::new("summary, 2 threads", self.scan("2", "summary", all())),
            Contestant::new("no hash, 1 core", self.scan_unhashed("1")).on_one_core(),
            Contestant::new("no hash, all cores", self.scan_unhashed("0")),
        ];
        if let Some(check) = check {
            let files = self.check(check)?;
            let (one, all) = ("headers peer, 1 core", "headers peer, all cores");
            contestants.push(Contestant::new(one, files.clone()).on_one_core());
            contestants.push(Contestant::new(all, files));
        }
        println!("timing {} contestants", contestants.len());
        let rounds = if self.quick { 5 } else { 21 };
        let samples = self.meter.rounds(&contestants, rounds)?;
        let first = rows.len();
        self.add_rows(&contestants, &samples, rows);
        let seconds = |name: &str| -> Vec<f64> {
            let index = contestants.iter().position(|contestant| contestant.name == name);
            index.map_or_else(Vec::new, |i| samples[i].iter().map(|s| s.seconds).collect())
        };
        for (name, of, numerator, denominator, target) in COMPARISONS {
            let (above, below) = (seconds(numerator), seconds(denominator));
            let ratios: Vec<_> = above.iter().zip(&below).map(|(a, b)| a / b).collect();
            if let Some(row) = rows[first..].iter_mut().find(|row| row.name == *name)
                && !ratios.is_empty()
            {
                row.ratios.push(Ratio::new(of, &ratios, *target));
            }
        }
        Ok(())
    }

    /// binary-security-check takes files, not folders.
    fn check(&self, program: &Path) -> Result<Vec<OsString>> {
        let mut line = line![program, "-c", "never"];
        for entry in fs::read_dir(self.corpus.all())? {
            line.push(entry?.path().into());
        }
        Ok(line)
    }

    /// The script over pefile, far slower and so with fewer rounds. All print a line a driver.
    fn script(&self, python: &Path, rows: &mut Vec<Row>) -> Result<()> {
        let script = line![python, peers::script(), self.corpus.all()];
        let mut by_struct = script.clone();
        by_struct.push("--struct".into());
        let jsonl = self.scan("1", "jsonl", self.corpus.all());
        let contestants = [
            Contestant::new("jsonl, beside pefile, 1 core", jsonl).on_one_core(),
            Contestant::new("pefile script, 1 core", script).on_one_core(),
            Contestant::new("pefile script with struct, 1 core", by_struct).on_one_core(),
        ];
        println!("timing the script over pefile");
        let samples = self.meter.rounds(&contestants, if self.quick { 1 } else { 5 })?;
        let first = rows.len();
        self.add_rows(&contestants, &samples, rows);
        let compared = [
            ("speed, of the pefile script", Some(Target::AtLeast(20.0))),
            ("speed, of that with struct", None),
        ];
        for ((of, target), theirs) in compared.into_iter().zip(&samples[1..]) {
            let ours = samples[0].iter();
            let ratios: Vec<_> = ours.zip(theirs).map(|(us, it)| it.seconds / us.seconds).collect();
            rows[first].ratios.push(Ratio::new(of, &ratios, target));
        }
        Ok(())
    }

    /// Peak memory over ever more drivers.
    fn memory(&self, rows: &mut Vec<Row>) -> Result<()> {
        let names =
            ["summary, 500 generated", "summary, 2,000 generated", "summary, 8,000 generated"];
        let contestants: Vec<_> = names
            .into_iter()
            .zip(SIZES)
            .map(|(name, size)| {
                Contestant::new(name, self.scan("2", "summary", self.corpus.sized(size)))
            })
            .collect();
        println!("measuring memory");
        let samples = self.meter.rounds(&contestants, if self.quick { 1 } else { 5 })?;
        for ((contestant, samples), size) in contestants.iter().zip(&samples).zip(SIZES) {
            let bytes = size_of_folder(&self.corpus.sized(size))?;
            rows.push(Row::new(contestant.name, size, bytes, samples));
        }
        let peaks = |index: usize| samples[index].iter().map(|sample| sample.peak_kib as f64);
        let last = SIZES.len() - 1;
        let further = (SIZES[last] - SIZES[0]) as f64;
        let growth: Vec<_> = peaks(last).zip(peaks(0)).map(|(all, few)| all / few).collect();
        let each: Vec<_> =
            peaks(last).zip(peaks(0)).map(|(all, few)| (all - few) / further).collect();
        if let Some(row) = rows.last_mut() {
            row.ratios.push(Ratio::new("peak, of 500 drivers", &growth, None));
            let target = Some(Target::AtMost(MOST_KEPT));
            row.ratios.push(Ratio::new("KiB for each further driver", &each, target));
        }
        Ok(())
    }

    fn add_rows(&self, contestants: &[Contestant], samples: &[Vec<Sample>], rows: &mut Vec<Row>) {
        for (contestant, samples) in contestants.iter().zip(samples) {
            rows.push(Row::new(contestant.name, self.corpus.drivers, self.corpus.bytes, samples));
        }
    }
}

/// KiB by which a further driver may raise the peak. Its path and its digest are kept until the scan
/// ends; what was learnt about it would be four times this, and is for the last 1,024 only.
const MOST_KEPT: f64 = 1.0;

/// Row, what the ratio is, and the two contestants whose seconds are divided.
type Comparison = (&'static str, &'static str, &'static str, &'static str, Option<Target>);

const COMPARISONS: &[Comparison] = &[
    (
        "summary, 1 core",
        "time, of the floor",
        "summary, 1 core",
        "floor, 1 core",
        Some(Target::AtMost(1.3)),
    ),
    ("jsonl, 1 core", "time, of the floor", "jsonl, 1 core", "floor, 1 core", None),
    ("summary, 2 threads", "speed, of 1 core", "summary, 1 core", "summary, 2 threads", None),
    ("two processes", "speed, of 1 core", "summary, 1 core", "two processes", None),
    (
        "summary, 2 threads",
        "gain, of that of two processes",
        "two processes",
        "summary, 2 threads",
        Some(Target::AtLeast(0.9)),
    ),
    (
        "no hash, 1 core",
        "speed, of the headers peer",
        "headers peer, 1 core",
        "no hash, 1 core",
        Some(Target::AtLeast(1.0)),
    ),
    (
        "no hash, all cores",
        "speed, of the headers peer",
        "headers peer, all cores",
        "no hash, all cores",
        Some(Target::AtLeast(1.0)),
    ),
];

fn size_of_folder(folder: &Path) -> Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, entry| Ok(sum + entry?.metadata()?.len()))
}
