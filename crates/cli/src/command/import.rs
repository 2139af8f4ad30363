//! `ringfence import`: what Windows said, and the findings it is about.

mod drivers;
mod dump;
mod query;
mod shown;

use crate::arguments::{Color, Import, ListFormat};
use crate::{exit, terminal};
use drivers::Drivers;
use ringfence::import::{Imported, LARGEST_DUMP_HEAD, read};
use ringfence::report::safe;
use ringfence::{Head, ImportReport, ImportedFile, TOOL, Unread, head_of, read_head};
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(arguments: &Import, color: Color) -> anyhow::Result<u8> {
    let mut unread = Vec::new();
    let mut read = Vec::new();
    for file in &arguments.files {
        match imported(file) {
            Ok(imported) => read.push((file.to_string_lossy().into_owned(), imported)),
            Err(reason) => {
                unread.push(Unread { path: file.to_string_lossy().into_owned(), reason });
            }
        }
    }
    let wanted = read.iter().flat_map(|(_, imported)| wanted(imported)).collect();
    let drivers = Drivers::read(&arguments.driver, &wanted, arguments.base, &arguments.symbols);
    unread.splice(0..0, drivers.unread().iter().cloned());
    let imports = read.iter().map(|(file, imported)| told(file, imported, &drivers)).collect();
    for Unread { path, reason } in &unread {
        terminal::complain(&format!("error: cannot read {}: {}", safe(path), safe(reason)));
    }
    let report = ImportReport { report_version: 1, tool: TOOL, imports, unread };
    match arguments.format {
        ListFormat::Json => {
            let mut stdout = io::stdout().lock();
            serde_json::to_writer_pretty(&mut stdout, &report)?;
            stdout.write_all(b"\n")?;
            stdout.flush()?;
        }
        ListFormat::Text => shown::text(&report, &drivers, &terminal::options(color))?,
    }
    let objected = report.imports.iter().any(ImportedFile::is_objection);
    Ok(match (objected, report.unread.is_empty()) {
        (true, _) => exit::OBJECTION,
        (false, false) => exit::TROUBLE,
        (false, true) => exit::FINE,
    })
}

fn imported(file: &Path) -> Result<Imported, String> {
    let head = head(file)?;
    match read(&head.bytes).map_err(|error| error.to_string())? {
        Imported::Query(_) if !head.is_whole => Err(format!(
            "too large for a text of `verifier /query`, the limit is {LARGEST_DUMP_HEAD} bytes"
        )),
        imported => Ok(imported),
    }
}

/// What a file begins with, or standard input where it is called `-`.
fn head(file: &Path) -> Result<Head, String> {
    if file.as_os_str() == "-" {
        let head = head_of(io::stdin().lock(), LARGEST_DUMP_HEAD);
        return head.map_err(|error| crate::report_file::reason(&error));
    }
    read_head(file, LARGEST_DUMP_HEAD).map_err(|unreadable| unreadable.to_string())
}

/// The names of drivers, in lower case, whose files tell more of what was imported.
fn wanted(imported: &Imported) -> HashSet<String> {
    match imported {
        Imported::Query(query) => {
            let raised = query
                .modules
                .iter()
                .filter(|module| module.counters.values().any(|count| *count > 0));
            raised.map(|module| module.name.to_lowercase()).collect()
        }
        Imported::Dump(dump) => {
            let meaning = ringfence::import::meaning(dump);
            let place = meaning.and_then(|meaning| dump.place(meaning.address_in(dump)?));
            place.and_then(|(driver, _)| driver.name()).map(str::to_lowercase).into_iter().collect()
        }
    }
}

/// What `imported` says, with what the drivers show of it.
fn told(file: &str, imported: &Imported, drivers: &Drivers) -> ImportedFile {
    match imported {
        Imported::Query(query) => query::told(file.to_owned(), query, drivers),
        Imported::Dump(dump) => dump::told(file.to_owned(), dump, drivers),
    }
}
