//! What runs before the driver opts in to no-execute pools: there the variable still says executable.
//!
//! Calls are followed as far as their functions were read, in the order in which the entry point has them.

use super::{DEEPEST, span};
use crate::Span;
use crate::calls::CallId;
use crate::world::{FunctionId, World};
use foldhash::{HashMap, HashSet, HashSetExt};

/// How many functions are followed from an entry point.
const MOST_FUNCTIONS: usize = 4_096;

/// The functions that run before an opt-in: up to which byte, and the call that opts in.
pub(crate) type Early = HashMap<FunctionId, (usize, Span)>;

/// What runs before one of `calls` where `entry` makes it, itself or by a function that it calls: the entry point up to there,
/// with the call that opts in, and what it calls until then. None where it makes none.
pub(super) fn before(
    world: &World<'_>,
    entry: FunctionId,
    calls: &[CallId],
) -> Option<(FunctionId, (usize, Span), Vec<FunctionId>)> {
    let parsed = &world.parsed[entry.parsed];
    let mut own: Vec<usize> = world.call_words(entry.parsed).within(entry.function).collect();
    own.sort_by_key(|call| parsed.syntax.calls[*call].callee.start);
    let mut left = MOST_FUNCTIONS;
    let mut run: Vec<FunctionId> = Vec::new();
    // What is called: it may be left out so far, as it names nothing of interest.
    let mut asked: HashSet<&str> = HashSet::new();
    for call in own {
        let id = CallId { parsed: entry.parsed, call };
        let name = world.text(entry.parsed, &parsed.syntax.calls[call].callee);
        asked.insert(name);
        let called = reached(world, world.called(entry.parsed, name), &mut asked, &mut left);
        let opts_in = match calls.contains(&id) {
            true => Some(id),
            false => calls.iter().copied().find(|one| {
                let function = world.parsed[one.parsed].syntax.calls[one.call].function;
                function.is_some_and(|function| {
                    called.contains(&FunctionId { parsed: one.parsed, function })
                })
            }),
        };
        if let Some(opts_in) = opts_in {
            let at = span(world, opts_in);
            asked.iter().for_each(|name| world.ask(name));
            return Some((entry, (parsed.syntax.calls[call].callee.start, at), run));
        }
        run.extend(called);
    }
    None
}

/// Some functions, and those that they call.
///
/// All that they call is `asked` for.
fn reached<'t>(
    world: &World<'t>,
    from: Vec<FunctionId>,
    asked: &mut HashSet<&'t str>,
    left: &mut usize,
) -> HashSet<FunctionId> {
    let mut all = HashSet::new();
    let mut level = from;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for id in level {
            if *left == 0 || !all.insert(id) {
                continue;
            }
            *left -= 1;
            let calls = &world.parsed[id.parsed].syntax.calls;
            for call in world.call_words(id.parsed).within(id.function) {
                let name = world.text(id.parsed, &calls[call].callee);
                asked.insert(name);
                next.extend(world.called(id.parsed, name));
            }
        }
        level = next;
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::analysis::tests::{told, tree};

    const OPTED: &str = "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n";
    const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";

    fn values(entry: &str, others: &str) -> Vec<String> {
        let main = format!(
            "{OPTED}{others}\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {{ {entry} }}"
        );
        let work = format!("{OPTED}void Work(int a) {{ ExAllocatePool(NonPagedPool, a); }}");
        let all = told(&tree(&[("main.c", &main), ("work.c", &work)]), &[]);
        all.into_iter().map(|one| one.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn what_runs_before_the_opt_in_is_executable() {
        let request = "ExAllocatePool(NonPagedPool, 1);";
        assert_eq!(values(&format!("{CALL} Work(1);"), ""), ["work.c:3 ExAllocatePool 0x200"]);
        assert_eq!(values(&format!("Work(1); {CALL}"), ""), ["work.c:3 ExAllocatePool 0x0"]);
        assert_eq!(
            values(&format!("{request} {CALL} {request} Work(1);"), ""),
            [
                "main.c:4 ExAllocatePool 0x0",
                "main.c:4 ExAllocatePool 0x200",
                "work.c:3 ExAllocatePool 0x200"
            ]
        );
    }

    /// By way of other functions, on either side; those that name nothing that is looked for are not read.
    #[test]
    fn helpers_are_followed() {
        let helpers = format!(
            "void Start(void) {{ {CALL} }}\nvoid First(void) {{ ExAllocatePool(PagedPool, 1); Work(1); }}"
        );
        let paged = "main.c:4 ExAllocatePool 0x1";
        assert_eq!(values("First(); Start();", &helpers), [paged, "work.c:3 ExAllocatePool 0x0"]);
        assert_eq!(values("Start(); First();", &helpers), [paged, "work.c:3 ExAllocatePool 0x200"]);
        // One that names nothing of interest, and another one behind it.
        let between = format!(
            "void Second(void);\nvoid First(void) {{ Second(); }}\nvoid Second(void) {{ Work(1); }}\nvoid Start(void) {{ {CALL} }}"
        );
        assert_eq!(values("First(); Start();", &between), ["work.c:3 ExAllocatePool 0x0"]);
        assert_eq!(values("Start(); First();", &between), ["work.c:3 ExAllocatePool 0x200"]);
    }
}
