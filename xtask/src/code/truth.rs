//! What the sources say: lines marked `//=` in C and `#=` in assembly.
//!
//! `[function:] [-O0 | -O2] CALLED index=value… [via=way]` is a call, `… CALLED data`, `thunk` or
//! `dead-thunk` a reference that is none, `… CALLED unreached` code or data that is not run, `… sighted
//! WHAT` something else that the code does. The function is that of the last `SITE(…)`, `WRAPPER(…)`,
//! `FUNCTION …`, `POOL …` or `PRIORITY …` unless it is named.
//!
//! `… CALLED index=value… from=outer>inner` is a route to the call told of before: by calls in these
//! functions, one after the other. `from=?` is one from callers that are not known, and `from=*` beside the
//! call says that its routes are not told.

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
    /// It is called.
    Call(Call),
    /// It is something else.
    Reference(Fate),
}

/// What is true of a call.
#[derive(Debug, Default)]
pub struct Call {
    /// The arguments, by place.
    pub arguments: Vec<(u8, Expected)>,
    /// How the call gets there, where that is told.
    pub via: Option<Via>,
    /// The routes by which callers choose the arguments.
    pub routes: Vec<Route>,
    /// Whether the routes are not told.
    pub any_routes: bool,
}

/// A route to a call.
#[derive(Debug)]
pub struct Route {
    /// The functions that its calls are in, outermost first; none for callers that are not known.
    pub functions: Vec<String>,
    /// What the arguments are by this route.
    pub arguments: Vec<(u8, Expected)>,
    /// As it was written.
    pub text: String,
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
    ("followed", Fate::Call),
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
        if let Some(functions) = wanted::entries_of(called) {
            let fates: Vec<&str> = words.collect();
            let each = |function| {
                self.line(&format!(" {name}: {function} {}", fates.join(" ")), level, None)
            };
            return functions.into_iter().try_for_each(each);
        }
        ensure!(wanted::is_wanted(called), "{called} is not asked about");
        let (what, from) = what(called, words)?;
        let text = said.trim().to_owned();
        let lines = &mut self.function(name).lines;
        let (Some(from), What::Call(call)) = (from, &what) else {
            lines.push(Line { called: called.to_owned(), what, text });
            return Ok(());
        };
        ensure!(call.via.is_none(), "a route tells no way");
        let told = lines.iter_mut().rev().find(|line| line.called == called);
        let Some(What::Call(told)) = told.map(|line| &mut line.what) else {
            bail!("the call that this is a route to is not told of before");
        };
        let What::Call(Call { arguments, .. }) = what else { return Ok(()) };
        told.routes.push(Route { functions: from, arguments, text });
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
    let macros = ["SITE(", "WRAPPER("];
    if let Some((_, rest)) = macros.iter().find_map(|start| text.split_once(start)) {
        return rest.split_once(')').map(|(name, _)| name);
    }
    let (word, name) = text.split_once(' ')?;
    matches!(word, "FUNCTION" | "LEAF" | "POOL" | "PRIORITY").then(|| name.trim())
}

/// What a line says, and the functions of a route if it tells one.
fn what<'a>(
    called: &str,
    words: impl Iterator<Item = &'a str>,
) -> Result<(What, Option<Vec<String>>)> {
    let (mut call, mut from) = (Call::default(), None);
    for word in words {
        if let Some((_, fate)) = FATES.iter().find(|(name, _)| *name == word) {
            return Ok((What::Reference(*fate), None));
        }
        if let Some((index, value)) = argument(word)? {
            ensure!(wanted::bits(called, index).is_some(), "{index} is not asked about");
            call.arguments.push((index, value));
            continue;
        }
        match word.strip_prefix("from=") {
            Some("*") => call.any_routes = true,
            Some("?") => from = Some(Vec::new()),
            Some(names) => from = Some(names.split('>').map(str::to_owned).collect()),
            None => {
                let way = word.strip_prefix("via=");
                call.via = WAYS.iter().find(|(name, _)| Some(*name) == way).map(|(_, via)| *via);
                if call.via.is_none() {
                    bail!("{word:?} is neither an argument nor a way nor a route nor a fate");
                }
            }
        }
    }
    Ok((What::Call(call), from))
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
        let What::Call(call) = &truth.functions[1].lines[0].what else { panic!() };
        assert_eq!(call.via, Some(Via::Register));
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
    fn routes_belong_to_the_call_before_them() {
        let mut truth = Truth::default();
        let source = "WRAPPER(f)(int type) {\n//= ExAllocatePool 0=0|1\n//= ExAllocatePool 0=0 from=a>b\n\
                      //= ExAllocatePool 0=1 from=?\n//= ExAllocatePool 0=? from=*\n";
        truth.read(source, None).unwrap();
        let calls: Vec<_> = truth.functions[0].lines.iter().map(|line| &line.what).collect();
        let [What::Call(first), What::Call(second)] = calls[..] else { panic!("{calls:?}") };
        let routes: Vec<_> = first.routes.iter().map(|route| route.functions.join(">")).collect();
        assert_eq!((routes, first.any_routes), (vec!["a>b".to_owned(), String::new()], false));
        assert!(second.any_routes && second.routes.is_empty());
    }

    #[test]
    fn mistakes_are_errors() {
        for line in [
            "//= ExAllocatePool 0=1",
            "FUNCTION f #= Ex 0=1",
            "FUNCTION f #= ExAllocatePool 7=1",
            "FUNCTION f #= ExAllocatePool 0=1 from=caller",
        ] {
            assert!(Truth::default().read(line, None).is_err(), "{line}");
        }
    }
}
