//! Generates functions in C, runs them, and demands of the survey of the same functions, compiled as a
//! driver, that every value an argument really had is among those it says are possible.

mod draw;
mod expression;
mod generate;
mod judge;
mod native;

use super::build;
use anyhow::{Context, Result, bail};
use draw::Draw;
use judge::Tally;
use ringfence_image::Image;
use std::fs;
use std::path::Path;

/// Functions in one source.
const IN_ONE: usize = 25;
/// How many ways each source is compiled.
const WAYS: usize = 3;
const LEVELS: &[&str] = &["-O0", "-O1", "-O2", "-Os", "-O3"];
/// What else the compiler is told. Without unwind data functions are guessed at, and what is found is not
/// yet certain: `-fno-unwind-tables` is missing here for that.
const MORE: &[&[&str]] = &[
    &[],
    &[],
    &["-fno-omit-frame-pointer"],
    &["-mretpoline"],
    &["-fno-jump-tables"],
    &["-Xclang", "-cfguard"],
    &["-mavx2", "-mbmi", "-mbmi2"],
];

/// Compares at least `count` functions, generated from `seed`.
pub fn run(folder: &Path, count: usize, seed: u64) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    build::random_imports(folder)?;
    let mut tally = Tally::default();
    let mut functions = 0;
    while functions < count {
        one(folder, seed.wrapping_add((functions / IN_ONE) as u64), &mut tally)?;
        functions += IN_ONE;
    }
    println!("{functions} generated functions, {} runs: {tally}", WAYS);
    if tally.wrong != 0 {
        bail!("{} values that reach a call are not among those found", tally.wrong);
    }
    Ok(())
}

/// One source: run once, compiled and surveyed several times.
fn one(folder: &Path, seed: u64, tally: &mut Tally) -> Result<()> {
    let mut draw = Draw::new(seed.wrapping_mul(0x1_0001));
    let source = folder.join(format!("random{seed}.c"));
    fs::write(&source, generate::source(&mut draw, IN_ONE))
        .with_context(|| format!("cannot write {}", source.display()))?;
    let happened = native::run(folder, &source)?;
    for way in 0..WAYS {
        let level = LEVELS[draw.below(LEVELS.len())];
        let mut switches = vec![level];
        switches.extend(MORE[draw.below(MORE.len())]);
        let name = format!("random{seed}-{way}");
        build::random_driver(folder, &source, &name, &switches)?;
        let bytes = fs::read(folder.join(format!("{name}.sys")))?;
        let image = Image::read(&bytes)?;
        let surveyed = judge::Surveyed::of(&image);
        for wrong in tally.take(&surveyed, &happened) {
            println!("{name} {}: {wrong}", switches.join(" "));
        }
    }
    Ok(())
}
