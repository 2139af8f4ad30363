//! What was found out about the variables of a function: it stays as it is, and is asked for again and again.

use super::{Local, event};
use crate::syntax::{Function, Variable};
use foldhash::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// How many answers are kept of a function.
const MOST_ANSWERS: usize = 4_096;

/// What may have happened last to the variables of a function, by the byte and the name.
#[derive(Debug, Default)]
pub(crate) struct Known(OnceLock<Box<Answers>>);

type Answers = Mutex<HashMap<usize, Vec<(Box<str>, Arc<Answer>)>>>;

#[derive(Debug)]
pub(super) struct Answer {
    /// What of the budget it took to find out.
    pub(super) took: u32,
    /// None where the name means no variable of the function.
    local: Option<Last>,
}

/// A [`Local`], its variables by their places in the function's list.
#[derive(Debug)]
struct Last {
    events: Box<[usize]>,
    is_given: bool,
    is_loose: bool,
    order: Box<[usize]>,
}

impl Known {
    /// What is known of a name at a byte.
    pub(super) fn of(&self, name: &str, at: usize) -> Option<Arc<Answer>> {
        let all = self.0.get()?.lock().ok()?;
        let mut names = all.get(&at)?.iter();
        names.find(|(known, _)| **known == *name).map(|(_, answer)| Arc::clone(answer))
    }

    /// Keeps what was found out about a name at a byte of `function`, and what that took.
    pub(super) fn keep(
        &self,
        name: &str,
        at: usize,
        function: &Function,
        found: Option<&Local<'_>>,
        took: u32,
    ) {
        let first = function.variables.as_ptr().addr();
        // They all stand in the function's list.
        let place = |one: &Variable| ((&raw const *one).addr() - first) / size_of::<Variable>();
        let local = found.map(|found| Last {
            events: found.events.iter().map(|one| place(one)).collect(),
            is_given: found.is_given,
            is_loose: found.is_loose,
            order: found.order.iter().map(|(_, one)| place(one)).collect(),
        });
        let answer = Answer { took, local };
        let Ok(mut all) = self.0.get_or_init(Box::default).lock() else { return };
        if all.len() < MOST_ANSWERS {
            all.entry(at).or_default().push((name.into(), Arc::new(answer)));
        }
    }
}

impl Answer {
    /// What it says, of the function that it was kept of.
    pub(super) fn local<'v>(&self, function: &'v Function) -> Option<Local<'v>> {
        let last = self.local.as_ref()?;
        let variable = |&place: &usize| function.variables.get(place);
        let order = last.order.iter().filter_map(variable);
        Some(Local {
            events: last.events.iter().filter_map(variable).collect(),
            is_given: last.is_given,
            is_loose: last.is_loose,
            order: order.map(|one| (event(one), one)).collect(),
        })
    }
}
