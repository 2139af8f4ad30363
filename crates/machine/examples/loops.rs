//! Runs the loops of a file and prints how many instructions a second each made: `loops FILE [SECONDS]`.
//!
//! `cargo xtask bench --only-machine` runs it beside the same loops on unicorn.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use ringfence_machine::{Exit, Interpreter, Memory, Processor, Register, Rights};
use std::error::Error;
use std::time::Instant;

const CODE: u64 = 0xFFFF_F800_0000_1000;
const DATA: u64 = 0xFFFF_F800_0010_0000;
const STACK: u64 = 0xFFFF_F800_0020_0000;
const GATE: u64 = 0xFFFF_F900_0000_0000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    for line in std::fs::read_to_string(file)?.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (name, _, code) = (words.next(), words.next(), words.next());
        let (name, code) = (name.ok_or("no name")?, bytes(code.ok_or("no code")?)?);
        // Once to learn how long a turn takes, then for as long as asked.
        let (_, first) = measure(&code, 200_000)?;
        let turns = (seconds / first.max(1e-6) * 200_000.0) as u64;
        let (instructions, elapsed) = measure(&code, turns.max(1))?;
        println!("{name} {:.0}", instructions as f64 / elapsed);
    }
    Ok(())
}

fn bytes(hex: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let pairs = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
    Ok(pairs.collect::<Result<_, _>>()?)
}

/// Instructions, and seconds.
fn measure(code: &[u8], turns: u64) -> Result<(u64, f64), Box<dyn Error>> {
    let mut memory = Memory::new(64);
    memory.map(CODE, 1, Rights::READ_EXECUTE)?;
    memory.map(DATA, 8, Rights::READ_WRITE)?;
    memory.map(STACK, 1, Rights::READ_WRITE)?;
    memory.write(CODE, code)?;
    let mut processor = Interpreter::new(memory);
    processor.set_gates(GATE..GATE + 0x1000);
    let registers = processor.registers_mut();
    registers.rip = CODE;
    registers.set(Register::Rax, GATE);
    registers.set(Register::Rcx, turns);
    registers.set(Register::Rsp, STACK + 0x800);
    registers.set(Register::Rsi, DATA);
    registers.set(Register::Rdi, DATA + 0x4000);
    let start = Instant::now();
    loop {
        match processor.run(u64::MAX) {
            Exit::Halt => break,
            // As a host does: a result, and back.
            Exit::Gate { .. } => {
                let top = processor.registers().get(Register::Rsp);
                let back = processor.memory().read_u64(top)?;
                let registers = processor.registers_mut();
                registers.rip = back;
                registers.set(Register::Rsp, top + 8);
            }
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok((processor.executed(), start.elapsed().as_secs_f64()))
}
