//! What a language server takes to look at a file again after an edit, beside parsing it.
//!
//! `relint FOLDER [EDITS]` reads all sources below the folder and looks at all of them. Then a file of median size and the
//! largest one, of those that can be looked at alone, are edited again and again: each edit is looked at, and the same
//! text is parsed by tree-sitter. A line for each edit: the file's bytes, seconds of the look, seconds of parsing.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the times are this program's answer")]

use anyhow::{Context, Result, ensure};
use ringfence::source::{FileId, FileKind, SourceText};
use ringfence::{Input, LintSettings, Linter};
use std::time::Instant;
use tree_sitter::Parser;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().context("usage: relint FOLDER [EDITS]")?;
    let edits: u32 = match arguments.next() {
        Some(number) => number.to_string_lossy().parse()?,
        None => 21,
    };
    let (tree, _) = ringfence::read_sources(&[Input::Path(folder.into())]);
    let mut linter = Linter::new(tree, LintSettings::default());
    linter.look();
    let sizes = linter.tree().files().filter(|(_, file)| file.kind == FileKind::C);
    let mut files: Vec<(usize, FileId)> =
        sizes.map(|(id, file)| (file.text.as_str().len(), id)).collect();
    files.retain(|(_, file)| linter.look_at(*file).is_some());
    ensure!(!files.is_empty(), "no file can be looked at alone");
    files.sort();
    for (_, file) in [files[files.len() / 2], files[files.len() - 1]] {
        for edit in 0..edits {
            again(&mut linter, file, edit)?;
        }
    }
    Ok(())
}

/// Edits a file and looks at it, and parses the same text.
fn again(linter: &mut Linter, file: FileId, edit: u32) -> Result<()> {
    let (path, text) = {
        let file = linter.tree().file(file);
        (file.path.clone(), format!("{}\nint edited_{edit};\n", file.text.as_str()))
    };
    let start = Instant::now();
    linter.put(&path, SourceText::of(text.as_str())).context("it is a source")?;
    linter.look_at(file).context("it stays alone")?;
    let looked = start.elapsed();
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_c::LANGUAGE.into())?;
    let start = Instant::now();
    parser.parse(&text, None).context("the parser gave up")?;
    let parsed = start.elapsed();
    println!("{} {} {}", text.len(), looked.as_secs_f64(), parsed.as_secs_f64());
    Ok(())
}
