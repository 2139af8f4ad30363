//! Drivers that are named, and flags that nothing is run for.

use super::asked::{Check, Line};
use super::flags::FLAGS;
use super::{real, running, shown};
use crate::{exit, scanning};
use ringfence::report::Prose;
use ringfence::{Closing, Examination, Scan, Settings, Sink, Targets, Tool};
use std::io;

/// Tells why nothing is run. Whoever names drivers expects them to be examined: the exit code says that none was.
pub(super) fn tell(check: &Check, line: &Line, mut prose: Prose) -> anyhow::Result<u8> {
    let (paths, scan) = drivers(check)?;
    shown::beginning(&mut prose);
    if check.flags != 0 || !check.is_volatile {
        shown::asked(&mut prose, check, None);
    }
    shown::sentences(&mut prose, line);
    let restarted = real::not_volatile(check.flags);
    if check.is_volatile && restarted != 0 {
        let names = FLAGS.iter().filter(|flag| flag.mask() & restarted != 0);
        let names: Vec<&str> = names.map(|flag| flag.name).collect();
        let named =
            if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        prose.folded(format!(
            "/volatile cannot set 0x{restarted:08X}{named}: on Windows it takes effect after a restart only."
        ));
    }
    prose.folded(match check.is_volatile {
        true => "Nothing was run: there is no running Windows here whose settings could be changed.",
        false => {
            "Nothing was run: of the flags the emulated kernel has the code integrity checks (0x02000000) and the \
             randomized low resources simulation (0x00000004), and neither is asked for."
        }
    });
    let is_named = check.all || !check.inputs.is_empty();
    if check.all || !paths.is_empty() {
        prose.verbatim(format!("To run them here: {}", real::own_line(check)));
    }
    if check.all || !paths.is_empty() || !is_named {
        let names = real::names(paths.iter().map(String::as_str));
        let after = if check.is_volatile && restarted != 0 { ", with a restart" } else { "" };
        prose.verbatim(format!("On Windows{after}: {}", real::line(check, line, &names)));
    }
    running::unread(&mut prose, check, &scan.closing);
    super::write(prose)?;
    scanning::complain(&scan, true);
    Ok(match exit::of_scan(&scan, &[], false) {
        exit::TROUBLE => exit::TROUBLE,
        _ if is_named || check.adds_drivers => exit::NOTHING,
        _ => exit::FINE,
    })
}

/// The drivers that are named, and what became of looking for them. Those of whole folders are not looked for: the
/// real tool is told no names of them.
fn drivers(check: &Check) -> anyhow::Result<(Vec<String>, Scan)> {
    let mut paths = Paths(Vec::new());
    let inputs = if check.all { Vec::new() } else { running::inputs(check) };
    let scan = ringfence::scan(&inputs, &Settings::default(), &mut paths, |_| ())?;
    Ok((paths.0, scan))
}

/// A report that keeps where the drivers are.
struct Paths(Vec<String>);

impl Sink for Paths {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.0.push(examination.path.clone());
        Ok(())
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        Ok(())
    }
}
