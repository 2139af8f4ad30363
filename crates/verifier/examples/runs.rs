//! Runs drivers in both set-ups and prints a line for each: `cargo run -p ringfence-verifier --example runs
//! -- FILE…`. With `--trace` first, prints the calls as well, with
//! `--time` how long a run takes.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use ringfence_image::Image;
use ringfence_verifier::{Environment, Happening, Options, Run, run};

fn main() {
    let mut files: Vec<_> = std::env::args().skip(1).collect();
    let option = |name: &str| files.first().is_some_and(|first| first == name);
    let (trace, time) = (option("--trace"), option("--time"));
    files.drain(..usize::from(trace || time));
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else {
            println!("{file}: cannot be read");
            continue;
        };
        let name = file.rsplit(['/', '\\']).next().unwrap_or(&file);
        match Image::read(&bytes) {
            Ok(image) if time => print_time(&image, name),
            Ok(image) => both(&image, name, trace),
            Err(why) => println!("{name}: {why}"),
        }
    }
}

fn both(image: &Image<'_>, name: &str, trace: bool) {
    for environment in [Environment::Verifier, Environment::Hvci] {
        let run = run(image, &Options::new(environment, name));
        if trace {
            print_trace(&run);
        }
        print_run(&run, name);
    }
}

/// How long a run takes, over a second or so.
fn print_time(image: &Image<'_>, name: &str) {
    let options = Options::new(Environment::Hvci, name);
    let started = std::time::Instant::now();
    let mut runs = 0;
    while started.elapsed().as_secs() < 1 {
        std::hint::black_box(run(image, &options));
        runs += 1;
    }
    println!("{name}: {:.1} µs a run", started.elapsed().as_secs_f64() * 1e6 / f64::from(runs));
}

fn print_trace(run: &Run) {
    let mut phase = usize::MAX;
    for event in &run.events {
        if event.phase != phase {
            phase = event.phase;
            println!("{}:", run.phases[phase].name);
        }
        match &event.what {
            Happening::Call { name, caller, arguments, result, stand_in } => {
                let mark = if *stand_in { "?" } else { "" };
                println!(
                    "  {caller:x} {name}{mark}{arguments:x?} = {:x?}",
                    result.unwrap_or(u64::MAX)
                );
            }
            Happening::Message { text } => println!("  {:?}", text.trim_end()),
            Happening::Register { address, name, value } => {
                println!("  {address:x} {name} = {:x?}", value.unwrap_or(0));
            }
            Happening::Rights { address, pages, rights, what } => {
                println!("  {address:x} {pages} pages {rights:?} {what}");
            }
            Happening::BugCheck { address, check } => println!("  {address:x} {check:x?}"),
        }
    }
    println!("phases: {:x?}", run.phases);
    for violation in &run.violations {
        let stack: Vec<_> = violation.stack.iter().map(|frame| frame.rva.unwrap_or(0)).collect();
        println!(
            "violation: {:x?} at {:x} stack {stack:x?}",
            violation.bug_check, violation.address
        );
    }
    println!("assumptions: {:?}", run.assumptions);
    println!("stand-ins: {:?}", run.stand_ins);
    println!("leaks: {:x?}", run.leaks);
    println!("fixed: {:x?}", run.fixed);
    println!("not run: {:?}", run.not_run);
}

fn print_run(run: &Run, name: &str) {
    let status = run.status.map_or("-".to_owned(), |status| format!("{status:x}"));
    let checks = run.violations.iter().map(|violation| {
        let [first, ..] = violation.bug_check.parameters;
        format!("{:x}/{first:x}@{:x}", violation.bug_check.code, violation.rva.unwrap_or(0))
    });
    println!(
        "{name} {:?}: {:?}, status {status}, {} phases, {} calls, {} stand-ins, {} assumptions, {} \
         leaks, {} instructions [{}]",
        run.environment,
        run.end,
        run.phases.len(),
        run.calls,
        run.stand_ins.values().sum::<u64>(),
        run.assumptions.values().sum::<u64>(),
        run.leaks.len(),
        run.instructions,
        checks.collect::<Vec<_>>().join(" "),
    );
}
