//! What holds for any bytes as code; tests and the fuzz target share it.

use ringfence_machine::{Exit, Interpreter, Memory, PAGE, Processor, Rights};

/// Where code is, and what is known of the other pages.
const CODE: u64 = 0x1000;
const DATA: u64 = 0x8000;
/// The frames of the code a second time, to be written.
const ALIAS: u64 = 0x20000;
const STACK: u64 = 0x30000;
const GATES: u64 = 0x7000;

/// Instructions that are run.
const BUDGET: u64 = 400;

/// What registers hold to begin with: addresses that are there, or nearly, and odd numbers.
const VALUES: [u64; 16] = [
    0,
    1,
    3,
    CODE,
    CODE + 0x20,
    CODE + PAGE - 2,
    DATA,
    DATA + 0x1FF9,
    DATA + 0xFFC,
    ALIAS + 0x10,
    GATES,
    0x7FFF_FFFF,
    u64::MAX,
    1 << 63,
    0x8000_0000_0000,
    0x0123_4567_89AB_CDEF,
];

/// Runs `input` at once, in single steps and in runs of a few, which all must come to the same.
///
/// The first ten bytes say what is in registers, flags and rights, and where the code begins. Single steps
/// decode each instruction anew, so they cannot be fooled by what was decoded before.
pub fn machine(input: &[u8]) {
    let whole = end(input, BUDGET);
    assert!(whole.executed <= BUDGET);
    for step in [1, 7] {
        let parts = end(input, step);
        assert_eq!(parts, whole, "in runs of {step}");
    }
}

/// What became of a run.
#[derive(PartialEq, Debug)]
struct End {
    exit: Exit,
    registers: ringfence_machine::Registers,
    executed: u64,
    memory: Vec<u8>,
}

/// Runs the whole budget in runs of so many instructions.
fn end(input: &[u8], step: u64) -> End {
    let mut processor = start(input);
    let mut left = BUDGET;
    let mut exit = Exit::Budget;
    while left > 0 && exit == Exit::Budget {
        exit = processor.run(step.min(left));
        left -= step.min(left);
    }
    let mut memory = Vec::new();
    for page in [CODE, CODE + PAGE, DATA, DATA + PAGE, STACK] {
        let mut bytes = [0; PAGE as usize];
        processor.memory().read(page, &mut bytes).expect("is mapped");
        memory.extend(bytes);
    }
    let executed = processor.executed();
    End { exit, registers: processor.registers().clone(), executed, memory }
}

fn start(input: &[u8]) -> Interpreter {
    let mut header = [0; 10];
    let (first, code) = input.split_at(input.len().min(header.len()));
    header[..first.len()].copy_from_slice(first);
    let writable = header[8] & 1 != 0;
    let rights = if writable { Rights::ALL } else { Rights::READ_EXECUTE };
    let mut memory = Memory::new(32);
    memory.map(CODE, 2, rights).expect("is free");
    memory.map(DATA, 2, Rights::READ_WRITE).expect("is free");
    memory.alias(ALIAS, CODE, 2, Rights::READ_WRITE).expect("is free");
    memory.map(STACK, 1, Rights::READ_WRITE).expect("is free");
    // Near the end of the page, so that instructions cross it.
    let at = if header[8] & 2 != 0 { CODE + PAGE - 16 } else { CODE };
    let room = (CODE + 2 * PAGE - at) as usize;
    memory.write(at, &code[..code.len().min(room)]).expect("is mapped");
    let mut processor = Interpreter::new(memory);
    processor.set_gates(GATES..GATES + 16);
    let registers = processor.registers_mut();
    for (number, register) in registers.general.iter_mut().enumerate() {
        let half = header[number / 2] >> (number % 2 * 4) & 15;
        *register = VALUES[usize::from(half)];
    }
    registers.general[4] = STACK + 0x800;
    registers.rflags = 2 | u64::from(header[9]) & 0xD5 | u64::from(header[8] & 4) << 8;
    registers.vectors.as_flattened_mut().iter_mut().zip(code).for_each(|(to, from)| *to = *from);
    registers.gs_base = DATA;
    registers.rip = at;
    processor
}
