//! The lint of a tree of driver sources, beside merely parsing it, and beside two checkers that are given the same rules.

use super::meter::{Contestant, Meter, Sample, line};
use super::peers;
use super::table::{Ratio, Row, Target};
use crate::command::{capture, root};
use crate::lint_corpus;
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files of the tree.
const FILES: usize = 2000;
/// How long a lint may take, of the time of parsing alone.
const MOST_OF_PARSING: f64 = 2.0;
/// How much faster than each checker it should be.
const GOAL: f64 = 10.0;

/// What is timed: ringfence, the program that only parses, the one that edits, and whether there are checkers.
pub struct Programs<'a> {
    pub ringfence: &'a Path,
    pub parse: &'a Path,
    pub relint: &'a Path,
    pub with_peers: bool,
}

/// Writes the tree, times all and adds their rows.
pub fn measure(
    meter: &Meter,
    programs: &Programs<'_>,
    folder: &Path,
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let tree = Tree::write(&folder.join("lint"))?;
    println!("a tree of {FILES} sources, {:.1} MB", tree.bytes as f64 / 1e6);
    // Without it there is still something to see: what the others take.
    let lints = capture(Command::new(programs.ringfence).args(["lint", "--help"])).is_ok();
    if !lints {
        println!("this ringfence has no lint, so its rows are left out");
    }
    let lint = |threads: &str| lints.then(|| tree.lint(programs.ringfence, threads));
    let parse = |threads: &str| line![programs.parse, &tree.folder, threads];
    let pairs = [
        Pair {
            ours: lint("1").map(|line| Contestant::new("lint, 1 core", line).on_one_core()),
            theirs: vec![Contestant::new("bare parsing, 1 core", parse("1")).on_one_core()],
        },
        Pair {
            ours: lint("0").map(|line| Contestant::new("lint, all cores", line)),
            theirs: vec![Contestant::new("bare parsing, all cores", parse("0"))],
        },
    ];
    for pair in pairs {
        let target = Target::AtMost(MOST_OF_PARSING);
        pair.measure(meter, rounds, &tree, "time", target, rows)?;
    }
    again(programs.relint, &tree, rows)?;
    if programs.with_peers {
        let semgrep = peers::semgrep(folder)?;
        peers::cppcheck()?;
        tree.tell(lints.then_some(programs.ringfence), &semgrep)?;
        let pair = Pair {
            ours: lint("0").map(|line| Contestant::new("lint, beside checkers", line)),
            theirs: vec![
                Contestant::new("semgrep, all cores", tree.semgrep(&semgrep)),
                Contestant::new("cppcheck, all cores", tree.cppcheck()),
            ],
        };
        // Semgrep and cppcheck take a minute a round; of one round alone the machine's mood is a tenth.
        let rounds = if rounds > 5 { 5 } else { 3 };
        pair.measure(meter, rounds, &tree, "speed", Target::AtLeast(GOAL), rows)?;
    }
    Ok(())
}

/// Adds what looking at an edited file takes, of parsing it: for a file of median size and for the largest.
fn again(relint: &Path, tree: &Tree, rows: &mut Vec<Row>) -> Result<()> {
    println!("timing edits");
    let said = capture(Command::new(relint).arg(&tree.folder))?;
    let mut edits: Vec<(u64, f64, f64)> = Vec::new();
    for line in said.lines() {
        let mut numbers = line.split(' ');
        let mut next = || numbers.next().context("three numbers a line");
        // Bytes differ from edit to edit, files by far more.
        edits.push((next()?.parse()?, next()?.parse()?, next()?.parse()?));
    }
    let half = edits.len() / 2;
    ensure!(half > 0, "nothing was edited");
    for (which, edits) in [("median", &edits[..half]), ("largest", &edits[half..])] {
        let ratios: Vec<f64> = edits.iter().map(|(_, looked, parsed)| looked / parsed).collect();
        let sample = |(_, looked, _): &(u64, f64, f64)| Sample {
            seconds: *looked,
            cpu_seconds: *looked,
            peak_kib: 0,
        };
        let samples: Vec<Sample> = edits.iter().map(sample).collect();
        let mut row = Row::new(&format!("edit of the {which} file"), 1, edits[0].0, &samples);
        let target = Some(Target::AtMost(MOST_OF_PARSING));
        row.ratios.push(Ratio::new("time, of parsing it", &ratios, target));
        rows.push(row);
    }
    Ok(())
}

/// The lint, if there is one, and what it is measured against in the same rounds.
struct Pair {
    ours: Option<Contestant>,
    theirs: Vec<Contestant>,
}

impl Pair {
    /// Ratios of time have ours above theirs, those of speed theirs above ours.
    fn measure(
        self,
        meter: &Meter,
        rounds: usize,
        tree: &Tree,
        what: &str,
        target: Target,
        rows: &mut Vec<Row>,
    ) -> Result<()> {
        let with_ours = self.ours.is_some();
        let contestants: Vec<_> = self.ours.into_iter().chain(self.theirs).collect();
        let names: Vec<_> = contestants.iter().map(|contestant| contestant.name).collect();
        println!("timing {}", names.join("; "));
        let samples = meter.rounds(&contestants, rounds)?;
        let first = rows.len();
        let of = |(name, samples): (&&str, _)| Row::new(name, FILES, tree.bytes, samples);
        rows.extend(names.iter().zip(samples.iter().map(Vec::as_slice)).map(of));
        for (name, theirs) in names.iter().zip(&samples).skip(1).filter(|_| with_ours) {
            let pairs = samples[0].iter().zip(theirs);
            let ratios: Vec<_> = pairs
                .map(|(ours, theirs)| match target {
                    Target::AtMost(_) => ours.seconds / theirs.seconds,
                    Target::AtLeast(_) => theirs.seconds / ours.seconds,
                })
                .collect();
            let of = format!("{what}, of {name}");
            rows[first].ratios.push(Ratio::new(&of, &ratios, Some(target)));
        }
        Ok(())
    }
}

/// The sources that are linted.
struct Tree {
    folder: PathBuf,
    bytes: u64,
}

impl Tree {
    /// The covered sources of the corpus, over and over in numbered folders. Each copy ends with a comment of its
    /// own, so that none may be known from another.
    fn write(folder: &Path) -> Result<Tree> {
        let sources = lint_corpus::sources()?;
        ensure!(!sources.is_empty(), "there are no sources to lint");
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        // Of its own accord semgrep leaves out what lies in folders named tests.
        fs::write(folder.join(".semgrepignore"), "")?;
        let mut bytes = 0;
        for index in 0..FILES {
            let (copy, source) = (index / sources.len() + 1, &sources[index % sources.len()]);
            let path = folder.join(format!("{copy:04}")).join(&source.name);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            let mut text = fs::read(&source.path)?;
            text.extend_from_slice(format!("\n/* copy {copy} */\n").as_bytes());
            fs::write(path, &text)?;
            bytes += text.len() as u64;
        }
        Ok(Tree { folder: folder.to_owned(), bytes })
    }

    fn lint(&self, ringfence: &Path, threads: &str) -> Vec<OsString> {
        let how = ["lint", "--isolated", "--format", "summary", "--threads", threads];
        let mut line = line![ringfence];
        line.extend(how.map(OsString::from));
        line.push(self.folder.clone().into());
        line
    }

    /// Semgrep with the rules that its patterns can say, without the network.
    fn semgrep(&self, program: &Path) -> Vec<OsString> {
        let settings = self.folder.with_file_name("semgrep.yml");
        let mut setting = OsString::from("SEMGREP_SETTINGS_FILE=");
        setting.push(settings);
        let mut line = line!["env", setting, program, "scan", "--config"];
        line.push(root().join("bench/lint_semgrep.yml").into());
        let how = ["--metrics=off", "--disable-version-check", "--no-git-ignore", "--quiet"];
        line.extend(how.map(OsString::from));
        line.extend([OsString::from("--vim"), self.folder.clone().into()]);
        line
    }

    /// Cppcheck with the same rules, and as little else as it can be told to do.
    fn cppcheck(&self) -> Vec<OsString> {
        let mut rules = OsString::from("--rule-file=");
        rules.push(root().join("bench/lint_cppcheck.xml"));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = format!("-j{processors}");
        let mut line = line!["cppcheck", "--quiet", "--max-configs=1", jobs, rules];
        line.push("--template={file}:{line}:{id}".into());
        line.push(self.folder.clone().into());
        line
    }

    /// Prints how many places each of them tells, as speed is worth nothing where nothing is found.
    fn tell(&self, ringfence: Option<&Path>, semgrep: &Path) -> Result<()> {
        let said = |line: Vec<OsString>| -> Result<String> {
            let output = Command::new(&line[0]).args(&line[1..]).output()?;
            let text = [output.stdout, output.stderr].concat();
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        let places = |text: &str, mark: &str| text.lines().filter(|l| l.contains(mark)).count();
        if let Some(ringfence) = ringfence {
            let mut line = line![ringfence, "lint", "--isolated", "--format", "jsonl"];
            line.push(self.folder.clone().into());
            println!("ringfence tells of {} places", places(&said(line)?, "\"rule\""));
        }
        println!("semgrep tells of {} places", places(&said(self.semgrep(semgrep))?, "executable"));
        println!("cppcheck tells of {} places", places(&said(self.cppcheck())?, "executable-"));
        Ok(())
    }
}
