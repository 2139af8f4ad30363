//! Compiled C, run by the processor this runs on and by the interpreter: the results and what is in memory
//! are to be the same.

use crate::command::{self, capture, need, run};
use anyhow::{Context, Result, ensure};
use ringfence_machine::{Exit, Interpreter, Memory, PAGE, Processor, Register, Rights};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the linker script puts the code.
const IMAGE: u64 = 0x10_0000;
const MEMORY: u64 = 0x200_0000;
/// The first byte behind the stack.
const STACK: u64 = 0x300_0000;
/// Where functions return to.
const GATE: u64 = 0x400_0000;

/// More than any of the functions needs.
const BUDGET: u64 = 50_000_000;

/// The numbers that each function is run with.
const SEEDS: [u64; 4] = [1, 77, 0x1234_5678_9ABC_DEF1, u64::MAX - 3];

/// Compilers and their options: different ones choose different instructions.
const BUILDS: [(&str, &[&str]); 8] = [
    ("clang-19", &["-O0"]),
    ("clang-19", &["-O1"]),
    ("clang-19", &["-Os"]),
    ("clang-19", &["-O2"]),
    ("clang-19", &["-O3", "-msse4.2"]),
    ("gcc", &["-O1"]),
    ("gcc", &["-O3"]),
    ("clang-19", &["-O3", "-mavx2", "-mbmi", "-mbmi2", "-mlzcnt", "-mfma", "-mmovbe"]),
];

/// Runs every function of every build on both; returns how many differ.
pub fn compare() -> Result<usize> {
    need(&[("clang-19", "clang-19"), ("gcc", "gcc")])?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (mut wrong, mut compared) = (0, 0);
    for (compiler, options) in BUILDS {
        if options.contains(&"-mavx2") && !has_avx2() {
            println!("this processor has no AVX2: nothing compiled for it was run");
            continue;
        }
        let theirs = native(compiler, options, folder.path())?;
        let image = image(compiler, options, folder.path())?;
        let lines: Vec<_> = theirs.lines().collect();
        let functions = lines.len() / SEEDS.len();
        for (number, line) in lines.iter().enumerate() {
            compared += 1;
            let (name, _) = line.split_once(' ').context("no name")?;
            let ours = ours(&image, number % functions, SEEDS[number / functions])?;
            let ours = format!("{name} {ours}");
            if ours != *line {
                wrong += 1;
                let short = |line: &str| line.chars().take(100).collect::<String>();
                println!("{compiler} {options:?}: {} instead of {}", short(&ours), short(line));
            }
        }
    }
    println!("{compared} calls of compiled functions compared, {wrong} differ");
    Ok(wrong)
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("bmi2")
        && std::is_x86_feature_detected!("fma")
        && std::is_x86_feature_detected!("lzcnt")
        && std::is_x86_feature_detected!("movbe")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// What the functions come to on this processor.
fn native(compiler: &str, options: &[&str], folder: &Path) -> Result<String> {
    let program = folder.join("native");
    let mut command = compile(compiler, options);
    run(command.args(["-DNATIVE", "-o"]).arg(&program).arg(source("snippets.c")))?;
    capture(Command::new(program).args(SEEDS.map(|seed| seed.to_string())))
}

fn compile(compiler: &str, options: &[&str]) -> Command {
    let mut command = Command::new(compiler);
    // What differs between compilers by right: products are not joined with sums unless the code says so, and
    // signed numbers wrap.
    command.args(options).args(["-w", "-ffp-contract=off", "-fwrapv", "-fno-strict-aliasing"]);
    command
}

fn source(name: &str) -> std::path::PathBuf {
    command::root().join("xtask/src/processor").join(name)
}

/// The functions as bytes for `IMAGE`, a table of their addresses first.
fn image(compiler: &str, options: &[&str], folder: &Path) -> Result<Vec<u8>> {
    let file = folder.join("image");
    let mut command = compile(compiler, options);
    command.args(["-ffreestanding", "-fno-pic", "-no-pie", "-static", "-nostdlib", "-fno-builtin"]);
    command.args(["-fno-stack-protector", "-fcf-protection=none", "-Wl,--oformat=binary"]);
    command.arg("-Wl,--build-id=none").arg("-T").arg(source("snippets.ld"));
    run(command.arg("-o").arg(&file).arg(source("snippets.c")))?;
    fs::read(&file).context("cannot read what was linked")
}

/// What a function comes to on the interpreter, as the native program says it.
fn ours(image: &[u8], function: usize, seed: u64) -> Result<String> {
    let mut memory = Memory::new(1024);
    memory.map(IMAGE, (image.len() as u64).div_ceil(PAGE) + 1, Rights::ALL)?;
    memory.map(MEMORY, 2, Rights::READ_WRITE)?;
    memory.map(STACK - 16 * PAGE, 16, Rights::READ_WRITE)?;
    memory.write(IMAGE, image)?;
    let entry = memory.read_u64(IMAGE + 8 * function as u64)?;
    let top = STACK - 0x1008;
    memory.write_u64(top, GATE)?;
    let mut processor = Interpreter::new(memory);
    processor.set_gates(GATE..GATE + 1);
    let registers = processor.registers_mut();
    registers.rip = entry;
    registers.set(Register::Rdi, seed);
    registers.set(Register::Rsi, MEMORY);
    registers.set(Register::Rsp, top);
    let exit = processor.run(BUDGET);
    ensure!(exit == Exit::Gate { address: GATE }, "{exit:x?} at {:x}", processor.registers().rip);
    let mut text = format!("{seed} {:x} ", processor.registers().get(Register::Rax));
    let mut bytes = [0; PAGE as usize];
    processor.memory().read(MEMORY, &mut bytes)?;
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
