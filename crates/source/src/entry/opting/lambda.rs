//! What is done in a function without a name is done where that is called.

use super::Mark;
use crate::syntax::{Function, Happens, Manner};
use crate::world::{FunctionId, World};
use std::ops::Range;

/// More calls of one are not followed.
const MOST_CALLS: usize = 16;

/// Puts what is looked for in lambdas where these are called, if it is certain there.
pub(super) fn placed(world: &World<'_>, id: FunctionId, marks: Vec<Mark>) -> Vec<Mark> {
    let function = &world.parsed[id.parsed].syntax.functions[id.function];
    if function.lambdas.is_empty() {
        return marks;
    }
    let place = |mark: Mark| match called(world, id, function, &mark) {
        Some(calls) => calls.into_iter().map(|at| Mark { at, ..mark }).collect(),
        None => vec![mark],
    };
    marks.into_iter().flat_map(place).collect()
}

/// Where the lambda is called that a mark stands in: by the only variable that holds it, which holds nothing else.
fn called(
    world: &World<'_>,
    id: FunctionId,
    function: &Function,
    mark: &Mark,
) -> Option<Vec<usize>> {
    let text = |range: &Range<usize>| world.text(id.parsed, range);
    let mut around = function.lambdas.iter().filter(|(whole, _)| whole.contains(&mark.at));
    let (whole, _) = around.next().filter(|_| around.next().is_none())?;
    // Nothing in it decides whether control comes there.
    let decides = |start: usize| whole.start < start && start < mark.at;
    let body = world.text(id.parsed, &(whole.start..mark.at));
    let opens = body.bytes().filter(|byte| *byte == b'{').count();
    let is_plain = opens == 1
        && !function.forks.iter().any(|fork| {
            let is_own = fork.range.start <= whole.start || fork.range.end >= whole.end;
            !is_own && decides(fork.range.start)
        });
    let holds = |value: &Range<usize>| value == whole;
    let mut holding = function
        .variables
        .iter()
        .filter(|one| matches!(&one.happens, Happens::Begins(value) if holds(value)));
    let variable = holding.next().filter(|_| is_plain && holding.next().is_none())?;
    let name = text(&variable.name);
    if function.variables.iter().filter(|one| text(&one.name) == name).count() != 1 {
        return None;
    }
    let syntax = &world.parsed[id.parsed].syntax;
    let own = world.call_words(id.parsed).within(id.function).map(|call| &syntax.calls[call]);
    let calls: Vec<usize> = own
        .filter(|call| text(&call.callee) == name && call.manner == Manner::Plain)
        .filter(|call| !call.is_chosen && !whole.contains(&call.whole.start))
        .map(|call| call.whole.end.saturating_sub(1))
        .take(MOST_CALLS)
        .collect();
    (!calls.is_empty()).then_some(calls)
}
