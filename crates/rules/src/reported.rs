//! A bug check that Windows showed, put to the rules: it is told of the finding it is about, or is one of its own.

use crate::listing::drawn;
use crate::witness::{KernelCall, call_before, jumps};
use crate::{Driver, Rule, rules};
use ringfence_ddi::Ddi;
use ringfence_finding::{Authority, BugCheck, CallAnswer, Finding, Level, Question, RuleCard};
use ringfence_image::{DirectoryIndex, Rva};
use std::collections::BTreeSet;

/// DRIVER_VERIFIER_DETECTED_VIOLATION
const VERIFIER: u32 = 0xC4;
/// Its first parameter where a call asks for executable memory.
const CALLS: std::ops::RangeInclusive<u64> = 0x2000..=0x2002;

/// A bug check that Windows showed for a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Its number, such as 0xC4.
    pub code: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
    /// Where the parameter that is an address lies in the driver, relative to the image base; none where that is not
    /// known.
    pub place: Option<u32>,
    /// The instruction that did it, relative to the image base; none where that is not known, or not in the driver.
    pub instruction: Option<u32>,
    /// The rules that find what it is shown for. Where it has only one meaning the rules' cards bear its name, and
    /// none need to be named.
    pub rules: Vec<&'static str>,
    /// Where it is known from, such as the name of a memory dump.
    pub from: String,
}

/// What was tried at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    Write,
    Execution,
    Other,
}

/// The rule about code in pages of the driver that are not executable.
const NON_EXECUTABLE: &str = "non-executable-code";

impl Reported {
    /// What is told of the findings it is about.
    pub fn note(&self) -> String {
        match self.is_of_call() && self.place.is_some() || self.exact().is_some() {
            true => self.with_check("Windows stopped here"),
            false => self.with_check("Windows stopped for it, or for another of its kind"),
        }
    }

    /// What is told of each of several jumps that may be the call.
    fn note_of_jumps(&self, jumps: usize) -> String {
        self.with_check(&format!(
            "the call is a jump, which leaves no address: {jumps} of the driver may be the one that Windows stopped at"
        ))
    }

    /// Whether a finding was told to be what it is about, or one of those that may be.
    pub fn is_told_of(&self, finding: &Finding) -> bool {
        let check = self.with_check("");
        finding.notes.iter().any(|note| note.ends_with(&check))
    }

    fn with_check(&self, what: &str) -> String {
        let check = BugCheck::new(self.code, self.parameters);
        format!("{what}: bug check {check}, in {}", self.from)
    }

    fn is_of_call(&self) -> bool {
        self.code == VERIFIER && CALLS.contains(&self.parameters[0])
    }

    /// What was tried at the place, by the parameters' documentation.
    fn tried(&self) -> Tried {
        match (self.code, self.parameters) {
            (0xBE, _) | (0x50, [_, 2, ..]) | (0x18D, [4, ..]) => Tried::Write,
            // On Arm 1 is a write and 8 is execution.
            (0x50, [_, 1, ..]) => Tried::Write,
            (0x50, [_, 8 | 0x10, ..]) | (0xD1, [_, _, 8, _]) | (0xFC, _) => Tried::Execution,
            _ => Tried::Other,
        }
    }

    /// The one place it is about: the instruction that did it, or code that was to run and is gone.
    fn exact(&self) -> Option<u32> {
        let is_gone = matches!(self.code, 0x50 | 0xD1) && self.tried() == Tried::Execution;
        self.instruction.or(self.place.filter(|_| is_gone))
    }

    /// Whether the memory at the place is of the kind that a rule is about. What a driver keeps as constants is read-only
    /// on every Windows; it is data of the driver that is not executable, if it is the driver's at all; and code that is not thrown away after DriverEntry is not gone.
    fn may_be(&self, driver: &Driver<'_>, rule: &str) -> bool {
        let Some(place) = self.place.map(Rva) else { return rule != NON_EXECUTABLE };
        let image = driver.image();
        let section = image.section_at(place);
        let is_code = section.is_some_and(|section| section.is_executable());
        let is_import = image.directory(DirectoryIndex::ImportAddress).is_some_and(|table| {
            place.0.checked_sub(table.rva.0).is_some_and(|offset| offset < table.size)
        });
        match (self.tried(), rule) {
            (Tried::Write, "writes-to-import-table") => is_import,
            (Tried::Write, "writes-to-code") => is_code,
            // Only a driver that asked for it has its constants kept by the hypervisor.
            (Tried::Write, _) if self.code == 0x18D => true,
            (Tried::Write, _) => is_code || is_import,
            (Tried::Execution, "executes-discarded-code") => {
                is_code && section.is_some_and(|section| section.is_discardable())
            }
            (Tried::Execution, NON_EXECUTABLE) => !is_code,
            (Tried::Execution, _) => is_code,
            (Tried::Other, _) => true,
        }
    }

    /// Whether a rule is named, or its card bears the bug check's name.
    fn is_of(&self, card: &RuleCard) -> bool {
        if !self.rules.is_empty() {
            return self.rules.contains(&card.id);
        }
        let name = match self.code {
            VERIFIER => format!("0xC4:{:#x}", self.parameters[0]),
            code => format!("0x{code:X}"),
        };
        card.also_known_as.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }
}

/// Tells the findings that a bug check is about that Windows showed it. Where it names a call that no finding is about,
/// that becomes one. Where it does not tell the place, all of its kind are told; where there are none, the bug check
/// alone is the finding. Where it tells a place in the driver that is no memory of the kind, nothing is told.
pub fn reported(driver: &Driver<'_>, reported: &Reported, findings: &mut Vec<Finding>) {
    let is_of_it =
        |rule: &&dyn Rule| reported.is_of(rule.card()) && reported.may_be(driver, rule.card().id);
    let of_it: Vec<&dyn Rule> = rules().filter(is_of_it).collect();
    let Some(first) = of_it.first() else { return };
    let is_of_it = |finding: &Finding| of_it.iter().any(|rule| rule.card().id == finding.rule);
    let back = reported.place.filter(|_| reported.is_of_call());
    let call = back.and_then(|back| call_before(driver, back));
    let places = [back, call, reported.exact()];
    let jumps = jumped(driver, reported, &of_it);
    let is_known = back.is_some() || reported.exact().is_some();
    let is_at = |at: u32| places.contains(&Some(at));
    let is_read = findings.iter().any(|one| is_of_it(one) && one.rva.is_some_and(is_at));
    let mut is_told = false;
    for finding in findings.iter_mut().filter(|finding| is_of_it(finding)) {
        let at = finding.rva;
        let note = if !is_known || at.is_some_and(is_at) {
            reported.note()
        } else if !is_read && at.is_some_and(|at| jumps.contains(&Rva(at))) {
            match jumps.len() {
                1 => reported.note(),
                several => reported.note_of_jumps(several),
            }
        } else {
            continue;
        };
        finding.notes.insert(0, note);
        is_told = true;
    }
    if !is_told {
        let only = jumps.first().filter(|_| jumps.len() == 1).map(|jump| jump.0);
        let at = only.or(call).or(reported.exact());
        findings.push(new(driver, first.card(), reported, at));
    }
}

/// The jumps that may stand for the call that it names by its return address.
fn jumped(driver: &Driver<'_>, reported: &Reported, of_it: &[&dyn Rule]) -> BTreeSet<Rva> {
    let Some(back) = reported.place.filter(|_| reported.is_of_call()) else {
        return BTreeSet::new();
    };
    let is_of = |ddi: &'static Ddi| of_it.iter().any(|rule| rule.judges(ddi));
    // Of pool flags the parameter is not what was passed.
    let value = Some(reported.parameters[2]).filter(|_| reported.parameters[0] != 0x2000);
    let mut jumps =
        jumps(driver, KernelCall { is_of: &is_of, value, back: Some(back), routine: None });
    // What is known to be fine is none that Windows stopped at.
    let calls = || {
        driver.calls().all().iter().filter(|call| is_of(call.ddi)).flat_map(|call| call.as_asked())
    };
    jumps.retain(|at| {
        calls().any(|call| call.chosen_at() == *at && call.answer != CallAnswer::Fine)
    });
    jumps
}

/// A finding that nothing in the file showed by itself.
fn new(
    driver: &Driver<'_>,
    card: &'static RuleCard,
    reported: &Reported,
    at: Option<u32>,
) -> Finding {
    let finding = Finding::new(card, Level::Error, card.summary).note(reported.note());
    let finding = match reported.code {
        VERIFIER => finding.denying(&[Question::Certify], &[Authority::DriverVerifier]),
        _ => finding.denying(&[Question::Run], &[]),
    };
    let Some(at) = at else {
        return finding.likely().note(match reported.place.filter(|_| reported.is_of_call()) {
            Some(back) => format!(
                "no call in this file returns to +{back:x}: Windows ran another build of it, or the call was not \
                 understood"
            ),
            None => "reading the code shows no place of it, and the bug check does not tell one".to_owned(),
        });
    };
    let section = driver.image().section_at(Rva(at)).map(|section| section.name());
    let finding = finding.note("reading the code alone does not show it").at(at, section);
    match drawn(driver, None, &[], &(Rva(at), "seen here".to_owned())) {
        Some(evidence) => finding.because(evidence),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use ringfence_finding::{Confidence, Targets};
    use ringfence_fixture::driver;
    use ringfence_image::Image;

    fn told(code: u32, first: u64, place: Option<u32>) -> Vec<Finding> {
        let bytes = driver().bytes();
        let image = Image::read(&bytes).unwrap();
        let mut findings = Vec::new();
        let from = "a.dmp".to_owned();
        let parameters = [first, 0, 0, 0];
        let shown =
            Reported { code, parameters, place, instruction: None, rules: Vec::new(), from };
        reported(&Driver::new(&image), &shown, &mut findings);
        findings
    }

    #[test]
    fn a_bug_check_without_a_place_is_a_finding_that_says_so() {
        for (code, first, rule, question) in [
            (0xC4, 0x2001, "executable-page-protection", Question::Certify),
            (0xC4, 0x2003, "writable-executable-section", Question::Certify),
            (0xFC, 7, "executes-allocated-memory", Question::Run),
            (0xBE, 7, "writes-to-code", Question::Run),
        ] {
            let found = told(code, first, None);
            assert_eq!((found[0].rule, &found[0].questions[..]), (rule, &[question][..]));
            assert_eq!((found.len(), found[0].rva), (1, None));
            assert_eq!(found[0].confidence, Confidence::Likely);
            assert!(found[0].notes[1].contains("the bug check does not tell one"));
        }
    }

    /// 0xFC at data of the driver is told of the rule about such code, and at memory elsewhere of the one about that.
    #[test]
    fn execution_of_data_is_a_finding_of_its_own_rule() {
        let data = driver().build().rva_of_section(".data");
        let rules = vec!["executes-allocated-memory", "non-executable-code"];
        for (place, rule) in [(Some(data), rules[1]), (Some(0), rules[1]), (None, rules[0])] {
            let bytes = driver().bytes();
            let image = Image::read(&bytes).unwrap();
            let (mut findings, from) = (Vec::new(), "a.dmp".to_owned());
            let parameters = [7, 0, 0, 0];
            let rules = rules.clone();
            let shown = Reported { code: 0xFC, parameters, place, instruction: None, rules, from };
            reported(&Driver::new(&image), &shown, &mut findings);
            let [only] = &findings[..] else { panic!("{findings:?}") };
            assert_eq!((only.rule, &only.questions[..]), (rule, &[Question::Run][..]));
        }
    }

    #[test]
    fn where_no_call_returns_to_there_is_no_place() {
        let found = told(0xC4, 0x2001, Some(0x3));
        assert_eq!(found[0].rva, None);
        assert!(found[0].notes[1].contains("no call in this file returns to +3"), "{found:?}");
    }

    /// DriverEntry calls a function that has two ways, each of which ends in a jump to ExAllocatePoolWithTag. What is told of the
    /// findings at the jumps once Windows stopped at what returns behind the call, for the instructions that set the pool types.
    fn told_of_jumps(kinds: [&[u8]; 2]) -> Vec<Vec<String>> {
        let like = driver().no_imports().import("ntoskrnl.exe", &["ExAllocatePoolWithTag"]);
        let with = |code: Vec<u8>| like.clone().edit_section("INIT", |init| init.bytes(code));
        let built = with(vec![0xCC; 96]).build();
        let slot = built.thunk_rva("ntoskrnl.exe", "ExAllocatePoolWithTag");
        let start = built.rva_of_section("INIT");
        // sub rsp, 28h; call; then xor eax, eax; add rsp, 28h; ret
        let mut code = vec![0x48, 0x83, 0xEC, 0x28, 0xE8, 7, 0, 0, 0];
        let back = start + code.len() as u32;
        code.extend([0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]);
        // test rsp, rsp; jne: the second way
        let first = kinds[0].len() as u8 + 17;
        code.extend([0x48, 0x85, 0xE4, 0x0F, 0x85, first, 0, 0, 0]);
        for kind in kinds {
            code.extend(kind);
            code.extend([0xBA, 0x40, 0, 0, 0]); // mov edx, 40h
            code.extend([0x41, 0xB8, b'S', b'a', b'm', b'p']); // mov r8d, tag
            code.extend([0xFF, 0x25]);
            let behind = start + code.len() as u32 + 4;
            code.extend(slot.wrapping_sub(behind).to_le_bytes());
        }
        code.resize(96, 0xCC);
        // The table of functions lists both, so that it is known that they are code.
        let bytes = with(code).pdata([[start, start + 16, 0], [start + 16, start + 96, 0]]).bytes();
        let image = Image::read(&bytes).unwrap();
        let driver = Driver::new(&image);
        let mut findings = check(&driver, Targets::DEFAULT).findings;
        let shown = Reported {
            code: VERIFIER,
            parameters: [0x2000, u64::from(back), 0, 0x706D_6153],
            place: Some(back),
            instruction: None,
            rules: Vec::new(),
            from: "a.dmp".to_owned(),
        };
        reported(&driver, &shown, &mut findings);
        findings.retain(|finding| shown.is_told_of(finding));
        findings.into_iter().map(|finding| finding.notes).collect()
    }

    /// xor ecx, ecx is NonPagedPool, mov ecx, 200h is NonPagedPoolNx.
    #[test]
    fn which_of_several_jumps_it_was_is_left_open() {
        let (plain, fine) = ([0x31, 0xC9], [0xB9, 0, 2, 0, 0]);
        let both = told_of_jumps([&plain, &plain]);
        let doubt = "the call is a jump, which leaves no address: 2 of the driver may be the one that Windows stopped at: \
                     bug check 0xC4 (0x2000, ";
        assert_eq!(both.len(), 2, "{both:#?}");
        assert!(both.iter().all(|notes| notes[0].starts_with(doubt)), "{both:#?}");
        let one = told_of_jumps([&fine, &plain]);
        assert_eq!(one.len(), 1, "{one:#?}");
        assert!(
            one[0][0].starts_with("Windows stopped here: bug check 0xC4 (0x2000, "),
            "{one:#?}"
        );
    }

    #[test]
    fn what_has_nothing_to_do_with_it_is_no_finding() {
        assert_eq!(told(0xD1, 0, None), []);
        assert_eq!(told(0xC4, 0x62, None), []);
    }
}
