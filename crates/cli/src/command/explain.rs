//! `ringfence explain`

use crate::arguments::{Color, Explain};
use crate::{exit, terminal};
use ringfence::report::safe;
use std::io::Write;

pub(crate) fn run(arguments: &Explain, color: Color) -> anyhow::Result<u8> {
    // `explain 0xC4 0x2003` and `explain Execute-Write Section` need no quotes. What is no one name may be
    // several.
    let name = arguments.name.join(" ");
    let each = || arguments.name.iter().map(|name| ringfence::explain(name)).collect();
    let found = match ringfence::explain(&name).or_else(|one| {
        let all: Result<Vec<_>, _> = each();
        all.map(|all| all.into_iter().flatten().collect()).map_err(|_| one)
    }) {
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
