//! `ringfence import`: what Windows said, and the findings it is about.

mod joined;
mod shown;

use crate::arguments::{Color, Import, ListFormat};
use crate::{exit, terminal};
use joined::{Drivers, Import as Told, told};
use ringfence::import::{Imported, LARGEST_DUMP_HEAD, read};
use ringfence::report::safe;
use ringfence::{TOOL, Tool, read_head};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// What `--format json` writes.
#[derive(Serialize)]
struct Document {
    /// Version of this shape: 1.
    report_version: u32,
    /// Who made it.
    tool: Tool,
    /// What each file says, in their order.
    imports: Vec<Told>,
    /// Files and drivers that could not be read.
    unread: Vec<Unread>,
}

#[derive(Serialize)]
struct Unread {
    path: String,
    reason: String,
}

pub(crate) fn run(arguments: &Import, color: Color) -> anyhow::Result<u8> {
    let mut unread = Vec::new();
    let drivers = Drivers::read(&arguments.driver, arguments.base, &arguments.symbols);
    for (path, reason) in drivers.unread() {
        unread.push(Unread { path: path.clone(), reason: reason.clone() });
    }
    let mut imports = Vec::new();
    for file in &arguments.files {
        match imported(file) {
            Ok(imported) => imports.push(told(file, &imported, &drivers)),
            Err(reason) => {
                unread.push(Unread { path: file.to_string_lossy().into_owned(), reason });
            }
        }
    }
    for Unread { path, reason } in &unread {
        terminal::complain(&format!("error: cannot read {}: {}", safe(path), safe(reason)));
    }
    let objected = imports.iter().any(Told::is_objection);
    let is_whole = unread.is_empty();
    match arguments.format {
        ListFormat::Json => {
            let document = Document { report_version: 1, tool: TOOL, imports, unread };
            let mut stdout = io::stdout().lock();
            serde_json::to_writer_pretty(&mut stdout, &document)?;
            stdout.write_all(b"\n")?;
            stdout.flush()?;
        }
        ListFormat::Text => shown::text(&imports, &drivers, &terminal::options(color))?,
    }
    Ok(match (objected, is_whole) {
        (true, _) => exit::OBJECTION,
        (false, false) => exit::TROUBLE,
        (false, true) => exit::FINE,
    })
}

fn imported(file: &Path) -> Result<Imported, String> {
    let head = read_head(file, LARGEST_DUMP_HEAD).map_err(|unreadable| unreadable.to_string())?;
    match read(&head.bytes).map_err(|error| error.to_string())? {
        Imported::Query(_) if !head.is_whole => Err(format!(
            "too large for a text of `verifier /query`, the limit is {LARGEST_DUMP_HEAD} bytes"
        )),
        imported => Ok(imported),
    }
}
