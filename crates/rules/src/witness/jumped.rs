//! Calls of the kernel by a jump. They leave no return address of their own: the kernel, and so Driver Verifier, sees
//! where the function returns that jumped, which is in its caller, or in the kernel itself.

use crate::{DdiCall, Driver};
use ringfence_code::{called_at, is_jump, reached_by_jumps};
use ringfence_ddi::Ddi;
use ringfence_image::Rva;
use std::collections::BTreeSet;

use super::call_before;

/// Where the code began to run that ended in the jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Began {
    /// In this function.
    At(Rva),
    /// A call whose target is not in the instruction led there.
    Anywhere,
}

/// What is known of a call that was seen.
#[derive(Clone, Copy)]
pub(crate) struct KernelCall<'a> {
    /// Whether it is one of this DDI.
    pub(crate) is_of: &'a dyn Fn(&'static Ddi) -> bool,
    /// The deciding argument's value, where that is known.
    pub(crate) value: Option<u64>,
    /// Where it returns to in the image; none for the kernel.
    pub(crate) back: Option<u32>,
    /// The function that the kernel called last, where that is known.
    pub(crate) routine: Option<u32>,
}

/// The jumps that may be the call that was seen, by where its arguments are chosen: those that stand for a call of the
/// same DDI, may ask for the same value, and are reached without another return address.
pub(crate) fn jumps(driver: &Driver<'_>, seen: KernelCall<'_>) -> BTreeSet<Rva> {
    let Some(began) = began(driver, seen) else { return BTreeSet::new() };
    let calls: Vec<&DdiCall> = driver
        .calls()
        .all()
        .iter()
        .filter(|call| (seen.is_of)(call.ddi))
        .flat_map(|call| call.as_asked())
        .filter(|call| may_ask_for(call, seen.value) && is_jump(driver.image(), call.chosen_at()))
        .collect();
    let all: BTreeSet<Rva> = calls.iter().map(|call| call.chosen_at()).collect();
    match began {
        _ if all.is_empty() => all,
        Began::Anywhere => all,
        Began::At(start) => {
            let mut reached = reached_by_jumps(driver.image(), start, &all);
            // A switch hides the way from a function's beginning, not that it is one function.
            let same = calls.iter().filter(|call| call.site.function == Some(start));
            reached.extend(same.map(|call| call.chosen_at()));
            reached
        }
    }
}

fn began(driver: &Driver<'_>, seen: KernelCall<'_>) -> Option<Began> {
    let Some(back) = seen.back else { return seen.routine.map(|start| Began::At(Rva(start))) };
    let call = call_before(driver, back)?;
    Some(called_at(driver.image(), Rva(call)).map_or(Began::Anywhere, Began::At))
}

/// Whether a call may have asked for a value, by what reading knows of it.
fn may_ask_for(call: &DdiCall, value: Option<u64>) -> bool {
    let (Some(value), Some(deciding)) = (value, call.deciding()) else { return true };
    let mask = u64::MAX >> (64 - u32::from(deciding.role.bits()));
    let possible = &deciding.value.possible;
    possible.iter().any(|one| (one.ones & !value | one.zeros & value) & mask == 0)
}

#[cfg(test)]
mod tests {
    use crate::{Driver, check, open_calls, witness};
    use ringfence_finding::{Finding, SeenCall, Targets};
    use ringfence_image::Image;
    use ringfence_verifier::{Environment, Options, run};

    /// xor ecx, ecx (NonPagedPool); mov ecx, 4 (NonPagedPoolCacheAligned): both are executable.
    const PLAIN: [u8; 2] = [0x31, 0xC9];
    const ALIGNED: [u8; 5] = [0xB9, 4, 0, 0, 0];

    /// Instructions of INIT, where DriverEntry is.
    struct Code {
        bytes: Vec<u8>,
        start: u32,
        slot: u32,
    }

    impl Code {
        fn here(&self) -> u32 {
            self.start + self.bytes.len() as u32
        }

        fn put(&mut self, bytes: &[u8]) {
            self.bytes.extend(bytes);
        }

        /// `call`, to be led to a function by [`Code::lead`].
        fn call(&mut self) -> usize {
            self.put(&[0xE8, 0, 0, 0, 0]);
            self.bytes.len()
        }

        /// The call that ends at `end` goes here.
        fn lead(&mut self, end: usize) {
            let distance = (self.bytes.len() - end) as u32;
            self.bytes[end - 4..end].copy_from_slice(&distance.to_le_bytes());
        }

        /// Asks for pool by a jump to ExAllocatePoolWithTag; where the jump is.
        fn jump(&mut self, kind: &[u8]) -> u32 {
            self.put(kind);
            self.put(&[0xBA, 0x40, 0, 0, 0]); // mov edx, 40h
            self.put(&[0x41, 0xB8, b'S', b'a', b'm', b'p']); // mov r8d, tag
            let at = self.here();
            self.put(&[0xFF, 0x25]);
            self.put(&self.slot.wrapping_sub(at + 6).to_le_bytes());
            at
        }

        /// DriverEntry calls functions, one after the other, and succeeds; where the calls end.
        fn entry(&mut self, calls: usize) -> Vec<usize> {
            self.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
            let ends = (0..calls).map(|_| self.call()).collect();
            self.put(&[0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
            ends
        }
    }

    /// What `write` gives, and the driver that it writes.
    fn written<T>(write: impl Fn(&mut Code) -> T) -> (T, Vec<u8>) {
        let like = ringfence_fixture::driver()
            .no_imports()
            .import("ntoskrnl.exe", &["ExAllocatePoolWithTag"]);
        let with = |bytes: Vec<u8>| like.clone().edit_section("INIT", |init| init.bytes(bytes));
        let built = with(vec![0; 256]).build();
        let slot = built.thunk_rva("ntoskrnl.exe", "ExAllocatePoolWithTag");
        let mut code = Code { bytes: Vec::new(), start: built.rva_of_section("INIT"), slot };
        let told = write(&mut code);
        code.bytes.resize(256, 0xCC);
        (told, with(code.bytes).bytes())
    }

    /// What `write` gives, the findings about pool of the driver that it writes, and what a run saw of open calls.
    fn ran<T>(write: impl Fn(&mut Code) -> T) -> (T, Vec<Finding>, Vec<SeenCall>) {
        let (told, bytes) = written(write);
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let mut findings = check(&driver, Targets::DEFAULT).findings;
        let run = run(&image, &Options::new(Environment::Verifier, "a.sys"));
        witness(&driver, &run, &mut findings, &mut Vec::new());
        findings.retain(|finding| finding.rule == "executable-pool-type");
        findings.sort_by_key(|finding| finding.rva);
        (told, findings, open_calls(&driver, &run))
    }

    /// The same where each open call is one that a finding is about.
    fn found<T>(write: impl Fn(&mut Code) -> T) -> (T, Vec<Finding>) {
        let (told, findings, open) = ran(write);
        // What is left open is so at the jump, not at the call that it returns behind.
        for open in open {
            let is_there = |finding: &Finding| finding.rva == Some(open.rva);
            assert!(findings.iter().any(is_there), "{open:?}: {findings:#?}");
        }
        (told, findings)
    }

    /// Where each finding is, and the pool types with which it was seen.
    fn seen(findings: &[Finding]) -> Vec<(Option<u32>, Vec<String>)> {
        let kinds = |finding: &Finding| {
            let checks = finding.seen.iter().filter_map(|seen| seen.bugcheck.as_ref());
            checks.map(|check| check.parameters[2].to_string()).collect()
        };
        findings.iter().map(|finding| (finding.rva, kinds(finding))).collect()
    }

    fn plain() -> Vec<String> {
        vec!["0x0".to_owned()]
    }

    fn aligned() -> Vec<String> {
        vec!["0x4".to_owned()]
    }

    /// Both calls come to one jump, whose pool type depends on the stack: it is told once, with both.
    #[test]
    fn calls_of_one_jump_are_counted_together() {
        // mov ecx, esp; and ecx, 200h: NonPagedPool or NonPagedPoolNx
        let by_stack = [0x89, 0xE1, 0x81, 0xE1, 0, 2, 0, 0];
        let (at, _, open) = ran(|code| {
            let calls = code.entry(2);
            calls.into_iter().for_each(|call| code.lead(call));
            code.jump(&by_stack)
        });
        let told: Vec<_> = open.iter().map(|call| (call.rva, call.calls)).collect();
        assert_eq!(told, [(at, 2)]);
    }

    /// DriverEntry jumps to pool: nothing on the stack tells where from, and the jump was read.
    #[test]
    fn a_jump_into_pool_is_seen_where_it_was_read() {
        let (at, bytes) = written(|code| {
            code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
            code.put(&PLAIN);
            code.put(&[0xBA, 0x40, 0, 0, 0]); // mov edx, 40h
            code.put(&[0xFF, 0x15]);
            code.put(&code.slot.wrapping_sub(code.here() + 4).to_le_bytes());
            code.put(&[0x48, 0x83, 0xC4, 0x28]); // add rsp, 28h
            let at = code.here();
            code.put(&[0x48, 0xFF, 0xE0]); // jmp rax
            at
        });
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let run = run(&image, &Options::new(Environment::Hvci, "a.sys"));
        let of = |mut findings: Vec<Finding>| {
            witness(&driver, &run, &mut findings, &mut Vec::new());
            findings.retain(|finding| finding.rule == "executes-allocated-memory");
            let told = |finding: &Finding| (finding.rva, finding.seen.len());
            findings.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(of(check(&driver, Targets::DEFAULT).findings), [(Some(at), 1)]);
        // Without having read it the function that the kernel called is all there is.
        let entry = image.headers().entry_point.0;
        assert_eq!(of(Vec::new()), [(Some(entry), 1)]);
    }

    #[test]
    fn code_on_the_stack_is_told_as_such() {
        let ((), bytes) = written(|code| {
            code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
            code.put(&[0xC6, 0x44, 0x24, 0x20, 0xC3]); // mov byte ptr [rsp+20h], C3h
            code.put(&[0x48, 0x8D, 0x44, 0x24, 0x20]); // lea rax, [rsp+20h]
            code.put(&[0xFF, 0xD0]); // call rax
        });
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let run = run(&image, &Options::new(Environment::Hvci, "a.sys"));
        let mut findings = Vec::new();
        witness(&driver, &run, &mut findings, &mut Vec::new());
        let [only] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(only.rule, "executes-allocated-memory");
        assert_eq!(only.message, "code runs on the stack");
    }

    /// The kernel called DriverEntry, so the call returns to the kernel.
    #[test]
    fn a_jump_out_of_driver_entry_is_seen_where_it_was_read() {
        let (at, findings) = found(|code| code.jump(&PLAIN));
        assert_eq!(seen(&findings), [(Some(at), plain())]);
        assert!(!findings[0].notes.iter().any(|note| note.contains("not by reading")));
        assert_eq!(findings[0].seen[0].stack.first().and_then(|frame| frame.rva), None);
    }

    /// DriverEntry jumps on to the function that asks, as the one that sets up the stack cookie does.
    #[test]
    fn jumps_are_followed_from_driver_entry_on() {
        let (at, findings) = found(|code| {
            code.put(&[0xE9, 3, 0, 0, 0, 0xCC, 0xCC, 0xCC]);
            code.jump(&PLAIN)
        });
        assert_eq!(seen(&findings), [(Some(at), plain())]);
    }

    /// The call returns behind the helper's call, which is another function's.
    #[test]
    fn a_jump_out_of_a_helper_is_seen_where_it_was_read() {
        let (at, findings) = found(|code| {
            let calls = code.entry(1);
            code.lead(calls[0]);
            code.jump(&PLAIN)
        });
        assert_eq!(seen(&findings), [(Some(at), plain())]);
    }

    #[test]
    fn helpers_are_told_apart_by_the_call_and_by_the_value() {
        let two = |kinds: [&'static [u8]; 2]| {
            found(move |code| {
                let calls = code.entry(2);
                code.lead(calls[0]);
                let first = code.jump(kinds[0]);
                code.lead(calls[1]);
                (first, code.jump(kinds[1]))
            })
        };
        let ((first, second), findings) = two([&PLAIN, &ALIGNED]);
        assert_eq!(seen(&findings), [(Some(first), plain()), (Some(second), aligned())]);
        let ((first, second), findings) = two([&PLAIN, &PLAIN]);
        assert_eq!(seen(&findings), [(Some(first), plain()), (Some(second), plain())]);
    }

    /// test rsp, rsp; jne: it is never zero. Only the second of two ways is taken, and only it is seen.
    fn one_of_two(first: &'static [u8]) -> ((u32, u32), Vec<Finding>) {
        found(move |code| {
            code.put(&[0x48, 0x85, 0xE4, 0x0F, 0x85, 0, 0, 0, 0]);
            let branch = code.bytes.len();
            let untaken = code.jump(first);
            code.lead(branch);
            (untaken, code.jump(&ALIGNED))
        })
    }

    #[test]
    fn ways_of_one_function_are_told_apart_by_the_value() {
        let ((untaken, taken), findings) = one_of_two(&PLAIN);
        assert_eq!(seen(&findings), [(Some(untaken), vec![]), (Some(taken), aligned())]);
    }

    /// Nothing tells which of the two it was; no third finding is made of it.
    #[test]
    fn ways_with_the_same_value_are_both_told_with_a_doubt() {
        let ((untaken, taken), findings) = one_of_two(&ALIGNED);
        assert_eq!(seen(&findings), [(Some(untaken), aligned()), (Some(taken), aligned())]);
        let doubts = |finding: &Finding| finding.notes.iter().any(|note| note.contains("2 of"));
        assert!(findings.iter().all(doubts), "{findings:#?}");
    }
}
