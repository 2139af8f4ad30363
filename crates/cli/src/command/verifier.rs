//! `ringfence verifier`: the command line of Windows' Driver Verifier, for runs in the emulated kernel.

mod asked;
mod flags;
mod running;
mod shown;
mod state;
mod switches;
mod words;

use crate::arguments::{Color, Verifier};
use crate::exit;
use asked::{Asked, Line, understand};
use state::State;
use std::io::{self, Write};

pub(crate) fn run(arguments: &Verifier, color: Color) -> anyhow::Result<u8> {
    let line = understand(&arguments.words)?;
    let text = match &line.asked {
        Asked::Check(check) if check.is_emulated() => return running::run(check, &line, color),
        Asked::Check(check) => running::not_emulated(check, &line),
        Asked::Help => shown::help(),
        Asked::Query => match State::read(&state::place()?)? {
            Some(state) if !state.drivers.is_empty() => shown::query(&state),
            _ => format!("{}\n", shown::NOTHING_VERIFIED),
        },
        Asked::QuerySettings => {
            let state = State::read(&state::place()?)?.unwrap_or_default();
            format!("{}\n{}", running::EMULATED, shown::settings(&state))
        }
        Asked::Reset => reset()?,
        Asked::Nothing => nothing(&line),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(exit::FINE)
}

fn reset() -> anyhow::Result<String> {
    let was_there = State::forget(&state::place()?)?;
    let what = if was_there { "The last run is forgotten." } else { "There was no run to forget." };
    Ok(format!("{what} Nothing was set on this machine, so nothing had to be taken back.\n"))
}

/// What there is to say where no switch does anything here.
fn nothing(line: &Line) -> String {
    let real = format!("verifier.exe {}", line.others.join(" "));
    let mut text = format!("{}\n", running::EMULATED);
    text += &running::sentences(line);
    text += &format!("Nothing was run. To do it on Windows: {real}\n");
    text
}
