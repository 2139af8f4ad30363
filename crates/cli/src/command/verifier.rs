//! `ringfence verifier`: the command line of Windows' Driver Verifier, for runs in the emulated kernel.

mod asked;
mod faults;
mod flags;
mod help;
mod not_run;
mod query;
mod real;
mod running;
mod shown;
mod state;
mod switches;
mod values;
mod verified;
mod words;

use crate::arguments::{Color, Verifier};
use crate::{exit, terminal};
use asked::{Asked, Line, understand};
use ringfence::report::Prose;
use state::State;
use std::io::{self, Write};

pub(crate) fn run(arguments: &Verifier, color: Color) -> anyhow::Result<u8> {
    let line = understand(&arguments.words)?;
    let options = terminal::options(color);
    let mut prose = Prose::new(&options);
    match &line.asked {
        Asked::Check(check) if check.is_emulated() => return running::run(check, &line, &options),
        Asked::Check(check) | Asked::Volatile(check) => {
            return not_run::tell(check, &line, prose);
        }
        Asked::Help => help::tell(&mut prose),
        Asked::Query { all } => match State::read(&state::place()?)? {
            Some(state) if !state.drivers.is_empty() => query::tell(&mut prose, &state, *all),
            _ => prose.verbatim(query::NOTHING_VERIFIED),
        },
        Asked::QuerySettings => {
            let state = State::read(&state::place()?)?.unwrap_or_default();
            shown::beginning(&mut prose);
            query::settings(&mut prose, &state);
        }
        Asked::Reset => reset(&mut prose)?,
        Asked::Nothing => nothing(&mut prose, &line),
    }
    write(prose)?;
    Ok(exit::FINE)
}

/// Writes to standard output.
fn write(prose: Prose) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(prose.into_text().as_bytes())?;
    stdout.flush()
}

fn reset(prose: &mut Prose) -> anyhow::Result<()> {
    let was_there = State::forget(&state::place()?)?;
    let what = if was_there { "The last run is forgotten." } else { "There was no run to forget." };
    prose.folded(format!(
        "{what} Nothing was set on this machine, so nothing had to be taken back."
    ));
    Ok(())
}

/// What there is to say where no switch does anything here.
fn nothing(prose: &mut Prose, line: &Line) {
    shown::beginning(prose);
    shown::sentences(prose, line);
    let real = format!("verifier.exe {}", line.others.join(" "));
    prose.verbatim(format!("Nothing was run. To do it on Windows: {real}"));
}
