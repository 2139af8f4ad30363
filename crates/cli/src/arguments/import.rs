//! What `ringfence import` takes.

use super::{ListFormat, symbol_folder};
use clap::{Args, ValueHint};
use ringfence::SymbolFolder;
use std::path::PathBuf;

/// What `ringfence import` takes.
#[derive(Args)]
#[command(after_help = "It reads the English text of `verifier /query` (UTF-16, UTF-8 or a code
page; older layouts as far as they go), the text of a debugger's !verifier, the
Module and Reason lines of the readiness script's log, and memory dumps of
64-bit Windows. What they do not tell is said, not guessed.

Exit codes, looked at in this order:
  2  usage error, or the report could not be written
  1  Windows objected to something that memory integrity forbids: a counter
     that is not 0, or a dump of bug check 0xC4 (0x2000 to 0x2006), 0xFC,
     0xBE, 0x18C, 0x18D, or a 0x50 or 0xD1 that may be of memory integrity;
     so did the emulated run, of which ringfence's own text is
  2  a file or driver could not be read, or is none
  0  none of these: all counters are 0, or not known, as the text then says")]
pub(crate) struct Import {
    /// Texts of `verifier /query`, and memory dumps such as those in C:\Windows\Minidump; - for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// The driver that it is about, or a folder to look for it by name, for the finding, its instruction and its
    /// source line; may be given several times. Its name, and what a dump knows of it, say whether it is the one
    #[arg(long, value_name = "DRIVER", value_hint = ValueHint::AnyPath)]
    pub(crate) driver: Vec<PathBuf>,
    /// Where the driver was loaded, such as 0xfffff80120000000, for dumps that do not list drivers
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "driver")]
    pub(crate) base: Option<u64>,
    /// Folder with debug files (PDB), flat or a symbol store, for functions and source lines; may be
    /// given several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) symbols: Vec<SymbolFolder>,
    /// How to write it: text, or json by schemas/import-v1.json
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// An address as debuggers print it: hexadecimal, with `0x` and the mark in the middle or without.
fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let digits: String = digits.chars().filter(|&c| c != '`').collect();
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    let address = if is_number { u64::from_str_radix(&digits, 16).ok() } else { None };
    address.ok_or_else(|| "it takes a hexadecimal address of 64 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_debuggers_print_them() {
        for text in ["0xfffff80120000000", "fffff801`20000000", "0XFFFFF80120000000"] {
            assert_eq!(address(text), Ok(0xFFFF_F801_2000_0000), "{text}");
        }
        for text in ["", "0x", "+1", "-1", "10000000000000000", "x"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
