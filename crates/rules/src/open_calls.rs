//! What a run saw of the calls that machine code leaves open.

use crate::Driver;
use crate::witness::{KernelCall, call_before, jumps};
use ringfence_code::is_jump;
use ringfence_ddi::Ddi;
use ringfence_finding::{CallAnswer, SeenCall};
use ringfence_verifier::Run;

/// What a run saw of each call of which reading the code does not tell what it asks for, or does not tell at all.
///
/// A value that is fine each time it was seen is evidence and no proof: other requests may bring others.
pub fn open_calls(driver: &Driver<'_>, run: &Run) -> Vec<SeenCall> {
    let seen = run.requests.iter().filter_map(|(&(back, ddi), tally)| {
        let (at, answer) = read(driver, back, ddi)?;
        is_open(answer).then(|| SeenCall {
            rva: at,
            ddi,
            calls: tally.calls,
            fine: tally.calls - tally.executable,
            under_assumption: tally.under_assumption,
        })
    });
    // Several calls may lead to one jump.
    SeenCall::together(&seen.collect::<Vec<_>>())
}

fn is_open(answer: Option<CallAnswer>) -> bool {
    match answer {
        None | Some(CallAnswer::Unknown | CallAnswer::Mixed) => true,
        Some(CallAnswer::Fine | CallAnswer::FineByOptIn | CallAnswer::Violation) => false,
    }
}

/// The call that returns to a place, and what reading the code says of it. Where what is called there goes on to the kernel by
/// a jump, that is the call; of several the place is not known, and one that is open leaves all of them so.
fn read(driver: &Driver<'_>, back: u32, ddi: &'static str) -> Option<(u32, Option<CallAnswer>)> {
    let at = call_before(driver, back)?;
    let known = answer(driver, at, ddi).or_else(|| handed_on(driver, at, ddi));
    if known.is_some() {
        return Some((at, known));
    }
    let is_of = |one: &'static Ddi| one.name == ddi;
    let call = KernelCall { is_of: &is_of, value: None, back: Some(back), routine: None };
    let jumps = jumps(driver, call);
    let calls = driver.calls().all().iter().filter(|call| call.ddi.name == ddi);
    let calls = calls.flat_map(|call| call.as_asked());
    let jumped: Vec<_> = calls.filter(|call| jumps.contains(&call.chosen_at())).collect();
    Some(match &jumped[..] {
        [only] => (only.chosen_at().0, Some(only.answer)),
        several => {
            let open = several.iter().find(|call| is_open(Some(call.answer)));
            (at, open.or(several.first()).map(|call| call.answer))
        }
    })
}

/// What reading the code says of a call of a function that hands the arguments on and goes to the DDI by a jump: the call is the
/// last on the way that leaves a return address. Callers further out may choose other values; one that is open leaves it so.
fn handed_on(driver: &Driver<'_>, at: u32, ddi: &str) -> Option<CallAnswer> {
    let image = driver.image();
    let calls = driver.calls().all().iter().filter(|call| call.ddi.name == ddi);
    let calls = calls.filter(|call| is_jump(image, call.site.at));
    let mut found = None;
    for call in calls.flat_map(|call| call.as_asked()) {
        let steps = call.route.as_ref().map_or(&[][..], |route| &route.calls);
        let last = steps.iter().rev().find(|step| !is_jump(image, step.at));
        if last.is_some_and(|step| step.at.0 == at)
            && found.is_none_or(|known| !is_open(Some(known)))
        {
            found = Some(call.answer);
        }
    }
    found
}

/// What reading the code says of a call; none where it finds no such call there.
fn answer(driver: &Driver<'_>, at: u32, ddi: &str) -> Option<CallAnswer> {
    let mut calls = driver.calls().all().iter();
    calls.find(|call| call.site.at.0 == at && call.ddi.name == ddi).map(|call| call.answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_image::Image;
    use ringfence_verifier::{Environment, Options, run};

    fn seen(name: &str) -> Vec<SeenCall> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers");
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        open_calls(&driver, &run(&image, &Options::new(Environment::Verifier, name)))
    }

    /// Its source opts in before it allocates, in a way that reading does not prove.
    #[test]
    fn a_value_that_is_not_known_is_seen() {
        let calls = seen("nx-opt-in-unproven-x64.sys");
        let [only] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!((only.ddi, only.under_assumption), ("ExAllocatePoolWithTag", false));
        assert!(only.calls > 0);
        assert_eq!(only.fine, only.calls);
    }

    /// Its wrapper goes to ExAllocatePoolWithTag by a jump. Each caller gives a constant, by the example's list of calls.
    #[test]
    fn what_callers_of_a_jump_choose_is_known() {
        assert_eq!(seen("wrapper-x64.sys"), []);
    }

    /// What reading decides needs no witness.
    #[test]
    fn known_calls_are_not_told() {
        assert_eq!(seen("executable-pool-x64.sys"), []);
        assert_eq!(seen("clean-x64.sys"), []);
    }

    /// The caller of the request chooses: zeros ask for executable pool.
    #[test]
    fn what_asks_for_executable_memory_is_counted_too() {
        let calls = seen("pool-type-from-ioctl-x64.sys");
        let [only] = &calls[..] else { panic!("{calls:?}") };
        assert!(only.fine < only.calls, "{only:?}");
    }
}
