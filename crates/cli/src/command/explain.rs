//! `ringfence explain`

use crate::arguments::{Color, Explain};
use crate::{exit, terminal};
use ringfence::report::safe;
use std::io::Write;

pub(crate) fn run(arguments: &Explain, color: Color) -> anyhow::Result<u8> {
    // `explain 0xC4 0x2003` and `explain Execute-Write Section` need no quotes.
    let name = arguments.name.join(" ");
    let found = match ringfence::explain(&name) {
        Ok(found) => found,
        Err(unknown) => {
            let help = match &unknown.similar[..] {
                [] => {
                    "`ringfence list rules` and `ringfence list ddis` name what there is".to_owned()
                }
                similar => format!("did you mean {}?", similar.join(", ")),
            };
            anyhow::bail!("{}\n  help: {help}", safe(&unknown.to_string()));
        }
    };
    let options = terminal::options(color);
    let mut stdout = std::io::stdout().lock();
    for (index, explanation) in found.into_iter().enumerate() {
        if index > 0 {
            writeln!(stdout)?;
        }
        write!(stdout, "{}", ringfence::report::page(&explanation.markdown(), &options))?;
    }
    stdout.flush()?;
    Ok(exit::FINE)
}
