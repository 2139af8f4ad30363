//! Runs drivers in both set-ups and prints a line for each: `cargo run -p ringfence-verifier --example runs
//! -- FILE…`. With `--trace` first, prints the calls as well.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use ringfence_image::Image;
use ringfence_verifier::{Environment, Happening, Options, Run, run};

fn main() {
    let mut files: Vec<_> = std::env::args().skip(1).collect();
    let trace = files.first().is_some_and(|first| first == "--trace");
    files.drain(..usize::from(trace));
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else {
            println!("{file}: cannot be read");
            continue;
        };
        let name = file.rsplit(['/', '\\']).next().unwrap_or(&file);
        match Image::read(&bytes) {
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
            Happening::Rights { address, pages, rights, what } => {
                println!("  {address:x} {pages} pages {rights:?} {what}");
            }
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
