//! What the sources say: lines marked `//=` in C and `#=` in assembly.
//!
//! `[function:] [-O0 | -O2] CALLED index=value… [via=way]` is a call, `… CALLED data`, `thunk` or
//! `dead-thunk` a reference that is none, `… CALLED unreached` code or data that is not run, `… sighted
//! WHAT` something else that the code does. The
//! function is that of the last `SITE(…)`, `FUNCTION …`, `POOL …` or `PRIORITY …` unless it is named.

use super::sighted;
use super::value::{Expected, argument};
use super::wanted;
use anyhow::{Context, Result, bail, ensure};
use ringfence_code::{Fate, Via};

/// What is true of the functions of a driver.
#[derive(Debug, Default)]
pub struct Truth {
    /// The functions that have any.
    pub functions: Vec<Function>,
}

/// What is true of a function.
#[derive(Debug)]
pub struct Function {
    /// Its symbol.
    pub name: String,
    /// One for each call or reference.
    pub lines: Vec<Line>,
    /// What is sighted in it, a word each.
    pub sighted: Vec<String>,
}

/// What is true of a call or a reference.
#[derive(Debug)]
pub struct Line {
    /// The function referred to.
    pub called: String,
    /// What becomes of it.
    pub what: What,
    /// As it was written.
    pub text: String,
}

/// What becomes of a reference.
#[derive(Debug)]
pub enum What {
    /// It is called, with these arguments.
    Call(Vec<(u8, Expected)>, Option<Via>),
    /// It is something else.
    Reference(Fate),
}

const WAYS: &[(&str, Via)] = &[
    ("slot", Via::Slot),
    ("tail-call", Via::TailCall),
    ("thunk", Via::Thunk),
    ("register", Via::Register),
    ("guard-dispatch", Via::GuardDispatch),
    ("retpoline", Via::Retpoline),
    ("table", Via::Table),
];

const FATES: &[(&str, Fate)] = &[
    ("data", Fate::Data),
    ("stored", Fate::Stored),
    ("thunk", Fate::Thunk),
    ("dead-thunk", Fate::DeadThunk),
    ("unreached", Fate::Unreached),
];

impl Truth {
    /// Adds what `source` says of a driver that is compiled at `level`.
    pub fn read(&mut self, source: &str, level: Option<&str>) -> Result<()> {
        let mut current = None;
        for (number, text) in (1..).zip(source.lines()) {
            current = begins(text).map(str::to_owned).or(current);
            let marked = text.split_once("//=").or_else(|| text.split_once("#="));
            let Some((_, said)) = marked else { continue };
            let place = || format!("in line {number}: {}", text.trim());
            self.line(said, level, current.as_deref()).with_context(place)?;
        }
        Ok(())
    }

    fn line(&mut self, said: &str, level: Option<&str>, current: Option<&str>) -> Result<()> {
        let mut words = said.split_whitespace().peekable();
        let named = words.next_if(|word| word.ends_with(':'));
        let name = named.map(|word| word.trim_end_matches(':')).or(current);
        let name = name.context("it belongs to no function")?;
        if words.next_if(|word| word.starts_with("-O")).is_some_and(|only| Some(only) != level) {
            return Ok(());
        }
        let called = words.next().context("no function is called")?;
        if called == "sighted" {
            let what = words.next().filter(|word| sighted::WORDS.contains(word));
            let what = what.context("that is nothing to be sighted")?;
            self.function(name).sighted.push(what.to_owned());
            return Ok(());
        }
        ensure!(wanted::is_wanted(called), "{called} is not asked about");
        let what = what(called, words)?;
        let line = Line { called: called.to_owned(), what, text: said.trim().to_owned() };
        self.function(name).lines.push(line);
        Ok(())
    }
}

impl Truth {
    fn function(&mut self, name: &str) -> &mut Function {
        let known = self.functions.iter().position(|function| function.name == name);
        let index = known.unwrap_or_else(|| {
            let (name, lines, sighted) = (name.to_owned(), Vec::new(), Vec::new());
            self.functions.push(Function { name, lines, sighted });
            self.functions.len() - 1
        });
        &mut self.functions[index]
    }
}

/// The function that begins in this line.
fn begins(text: &str) -> Option<&str> {
    if let Some((_, rest)) = text.split_once("SITE(") {
        return rest.split_once(')').map(|(name, _)| name);
    }
    let (word, name) = text.split_once(' ')?;
    matches!(word, "FUNCTION" | "LEAF" | "POOL" | "PRIORITY").then(|| name.trim())
}

fn what<'a>(called: &str, words: impl Iterator<Item = &'a str>) -> Result<What> {
    let (mut arguments, mut via) = (Vec::new(), None);
    for word in words {
        if let Some((_, fate)) = FATES.iter().find(|(name, _)| *name == word) {
            return Ok(What::Reference(*fate));
        }
        if let Some((index, value)) = argument(word)? {
            ensure!(wanted::bits(called, index).is_some(), "{index} is not asked about");
            arguments.push((index, value));
            continue;
        }
        let way = word.strip_prefix("via=");
        via = WAYS.iter().find(|(name, _)| Some(*name) == way).map(|(_, via)| *via);
        if via.is_none() {
            bail!("{word:?} is neither an argument nor a way nor a fate");
        }
    }
    Ok(What::Call(arguments, via))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_the_function_above_or_the_one_they_name() {
        let source = "SITE(first)(void) {\n call(); //= ExAllocatePool 0=1\n}\n\
                      POOL(second, 0) //= second: ExAllocatePool2 0=0x40 via=register\n\
                      FUNCTION third\n    #= ExAllocatePool data\n";
        let mut truth = Truth::default();
        truth.read(source, None).unwrap();
        let names: Vec<_> = truth.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["first", "second", "third"]);
        assert!(matches!(truth.functions[1].lines[0].what, What::Call(_, Some(Via::Register))));
        assert!(matches!(truth.functions[2].lines[0].what, What::Reference(Fate::Data)));
    }

    #[test]
    fn a_level_leaves_out_what_is_for_the_other() {
        let mut truth = Truth::default();
        let source = "FUNCTION f\n #= -O0 ExAllocatePool 0=1\n #= -O2 ExAllocatePool 0=0|1\n";
        truth.read(source, Some("-O2")).unwrap();
        assert_eq!(truth.functions[0].lines[0].text, "-O2 ExAllocatePool 0=0|1");
        assert_eq!(truth.functions[0].lines.len(), 1);
    }

    #[test]
    fn mistakes_are_errors() {
        for line in
            ["//= ExAllocatePool 0=1", "FUNCTION f #= Ex 0=1", "FUNCTION f #= ExAllocatePool 7=1"]
        {
            assert!(Truth::default().read(line, None).is_err(), "{line}");
        }
    }
}
