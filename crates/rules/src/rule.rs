//! What a rule is, and how all of them are put to a driver.

use crate::{DdiCall, Driver, Source, SourceFindings, code, image, memory, witness};
use ringfence_code::Sighting;
use ringfence_ddi::Ddi;
use ringfence_finding::{Call, Code, Counter, Finding, Gap, Level, Question, RuleCard, Targets};
use ringfence_source::SourceCall;
use ringfence_verifier::Violation;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A hazard that ringfence looks for.
pub trait Rule: Sync {
    /// What the rule says of itself.
    fn card(&self) -> &'static RuleCard;

    /// Looks at the image alone.
    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let _ = (driver, findings);
    }

    /// Looks at the variables that arguments come from.
    fn check_variables(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let _ = (driver, findings);
    }

    /// Whether calls of `ddi` are put to [`Rule::check_call`]; the pages of rules and DDIs name each
    /// other by it.
    fn judges(&self, ddi: &Ddi) -> bool {
        let _ = ddi;
        false
    }

    /// Looks at one call of a DDI that it judges; where callers choose its arguments, once for each way
    /// they do.
    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let _ = (call, driver, findings);
    }

    /// Looks at one thing that code does beside calling DDIs.
    fn check_sighting(&self, sighting: &Sighting, driver: &Driver<'_>, findings: &mut Findings) {
        let _ = (sighting, driver, findings);
    }

    /// What a violation that was seen when the driver ran is called, where it is this hazard. By itself a rule knows
    /// the bug checks on its card.
    fn witnesses(&self, violation: &Violation) -> Option<String> {
        witness::by_card(self, violation)
    }

    /// Looks at one call in source of a DDI that it judges.
    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        let _ = (call, source, findings);
    }

    /// Looks at all else of source: settings of projects, pragmas, assembly, data.
    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let _ = (source, findings);
    }
}

/// Declares a rule: its documentation comment and particulars become its [`RuleCard`].
macro_rules! rule_card {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            id: $id:literal,
            summary: $summary:literal,
            level: $level:expr,
            since: $since:literal,
            senses: [$($sense:ident),* $(,)?],
            also_known_as: $names:expr $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl $name {
            const CARD: ringfence_finding::RuleCard = ringfence_finding::RuleCard {
                id: $id,
                summary: $summary,
                level: $level,
                since: $since,
                senses: &[$(ringfence_finding::Sense::$sense),*],
                also_known_as: $names,
                docs: concat!($($doc, "\n"),*),
                file: file!(),
            };
        }
    };
}
pub(crate) use rule_card;

/// All rules, in the order their findings are told.
pub fn rules() -> impl Iterator<Item = &'static dyn Rule> {
    image::RULES.iter().chain(code::RULES).chain(memory::RULES).copied()
}

/// Whether the rule called `id` looks at machine code: what it does not find is not there only where code was
/// examined.
pub fn looks_at_code(id: &str) -> bool {
    code::RULES.iter().chain(memory::RULES).any(|rule| rule.card().id == id)
}

/// Findings of one rule at one level are told up to this number; a hostile section table must not
/// make a long report.
pub const MOST_OF_A_KIND: usize = 32;

/// Where a rule puts what it found.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    gaps: Vec<Gap>,
    untold: usize,
}

impl Findings {
    /// Adds a finding. Those past the 32nd of a rule and level are only counted.
    pub fn report(&mut self, finding: Finding) {
        if self.has_room(finding.level) {
            self.found.push(finding);
        } else {
            self.untold += 1;
        }
    }

    /// Whether a finding of this level would still be told, so that its evidence is worth drawing.
    pub(crate) fn has_room(&self, level: Level) -> bool {
        self.found.iter().filter(|known| known.level == level).count() < MOST_OF_A_KIND
    }

    /// Says that something relevant could not be examined. Said twice, it counts once.
    pub fn leave_open(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    /// The first of them.
    pub(crate) fn into_first(self) -> Option<Finding> {
        self.found.into_iter().next()
    }

    fn close(mut self) -> (Vec<Finding>, Vec<Gap>) {
        self.found.sort_by_key(|finding| (Reverse(finding.level), finding.rva));
        if let Some(last) = self.found.last_mut().filter(|_| self.untold > 0) {
            last.notes.push(format!("{} more like this are not listed", self.untold));
        }
        (self.found, self.gaps)
    }
}

/// What the rules are asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The Windows versions that findings are graded for.
    pub targets: Targets,
    /// Whether every examined call is wanted as data.
    pub calls: bool,
    /// Whether what only Code Analysis objects to counts against *certify*, so that not to know it
    /// leaves the question open.
    pub code_analysis: bool,
}

impl From<Targets> for Asked {
    fn from(targets: Targets) -> Asked {
        Asked { targets, calls: false, code_analysis: false }
    }
}

/// What all rules together have to say about a driver.
#[derive(Debug)]
pub struct Outcome {
    /// Findings: errors first, then by rule, then by address.
    pub findings: Vec<Finding>,
    /// What could not be examined.
    pub gaps: Vec<Gap>,
    /// Rules that panicked; each leaves a gap as well.
    pub crashes: Vec<Crash>,
    /// Number of rules that ran to their end.
    pub rules: usize,
    /// What was examined of the machine code.
    pub code: Code,
    /// Every examined call, where that was asked for.
    pub calls: Option<Vec<Call>>,
}

/// A rule that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Its id.
    pub rule: &'static str,
    /// The panic's message.
    pub message: String,
}

impl Crash {
    fn in_machine_code(message: &str) -> Crash {
        Crash { rule: "machine-code", message: message.to_owned() }
    }
}

/// Puts every rule to a driver. Findings that hold for none of the targets become notes.
pub fn check(driver: &Driver<'_>, asked: impl Into<Asked>) -> Outcome {
    check_with(rules(), driver, asked.into())
}

fn check_with<'r>(
    rules: impl Iterator<Item = &'r dyn Rule>,
    driver: &Driver<'_>,
    asked: Asked,
) -> Outcome {
    let mut outcome = Outcome::of_code(driver, asked);
    for rule in rules {
        // A rule only reads the driver, and its findings are dropped when it panics.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let mut findings = Findings::default();
            rule.check_image(driver, &mut findings);
            // What no path leads to may be data that looks like a call.
            let calls = driver.calls().all().iter().filter(|call| call.site.reached);
            for call in calls.filter(|call| rule.judges(call.ddi)) {
                for asked in call.as_asked() {
                    rule.check_call(asked, driver, &mut findings);
                }
            }
            rule.check_variables(driver, &mut findings);
            let sightings = driver.calls().sightings().iter();
            for sighting in sightings.filter(|sighting| sighting.reached) {
                rule.check_sighting(sighting, driver, &mut findings);
            }
            findings.close()
        }));
        match checked {
            Ok((findings, gaps)) => {
                outcome.rules += 1;
                outcome.findings.extend(findings);
                outcome.gaps.extend(gaps);
            }
            Err(panic) => outcome.fail(rule.card(), panic.as_ref()),
        }
    }
    for finding in &mut outcome.findings {
        if !finding.targets.intersects(asked.targets) {
            finding.level = Level::Note;
        }
        // What only Code Analysis objects to is a warning, unless that counts.
        let denies =
            |question: &Question| finding.denies(*question, asked.targets, asked.code_analysis);
        if Question::ALL.iter().any(denies) {
            finding.level = Level::Error;
        }
    }
    // What decides comes first; within a level the order of rules and addresses stays.
    outcome.findings.sort_by_key(|finding| Reverse(finding.level));
    outcome
}

impl Outcome {
    /// What is known before any rule has run: which calls the machine code makes.
    fn of_code(driver: &Driver<'_>, asked: Asked) -> Outcome {
        let calls = driver.calls();
        Outcome {
            findings: Vec::new(),
            gaps: calls.gaps(asked.code_analysis),
            crashes: calls.failure().map(Crash::in_machine_code).into_iter().collect(),
            rules: 0,
            code: calls.code().clone(),
            calls: asked.calls.then(|| calls.all().iter().map(DdiCall::data).collect()),
        }
    }

    fn fail(&mut self, rule: &'static RuleCard, panic: &(dyn std::any::Any + Send)) {
        self.crashes.push(Crash { rule: rule.id, message: panic_message(panic) });
        let reason = format!("rule {} failed", rule.id);
        let counters: Vec<_> = rule.names().filter_map(Counter::named).collect();
        self.gaps.push(Gap::new(&Question::ALL, reason).about(&counters));
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_finding::Sense;
    use ringfence_fixture::driver;
    use ringfence_image::Image;

    rule_card! {
        /// ## What it does
        Broken {
            id: "broken",
            summary: "always panics",
            level: Level::Error,
            since: "0.1.0",
            senses: [Image],
            also_known_as: &[],
        }
    }

    impl Rule for Broken {
        fn card(&self) -> &'static RuleCard {
            &Self::CARD
        }

        fn check_image(&self, _: &Driver<'_>, _: &mut Findings) {
            panic!("on purpose");
        }
    }

    /// A card tells what the rule has checks for, and of a run what it or its card witnesses.
    #[test]
    fn cards_tell_what_rules_look_at() {
        let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for card in rules().map(|rule| rule.card()) {
            let text = std::fs::read_to_string(workspace.join(card.file)).unwrap();
            let has =
                |checks: &[&str]| checks.iter().any(|check| text.contains(&format!("fn {check}(")));
            let stops = |name: &&str| matches!(*name, "0xBE" | "0xFC") || name.starts_with("0xC4:");
            let expected = [
                (Sense::Image, has(&["check_image"])),
                (Sense::Code, has(&["check_call", "check_sighting", "check_variables"])),
                (Sense::Source, has(&["check_source", "check_source_call"])),
                (Sense::Run, has(&["witnesses"]) || card.also_known_as.iter().any(stops)),
            ];
            let expected = expected.into_iter().filter_map(|(sense, is)| is.then_some(sense));
            assert_eq!(card.senses, expected.collect::<Vec<_>>(), "{}", card.id);
        }
    }

    #[test]
    fn a_panicking_rule_leaves_a_gap_and_the_others_run() {
        let bytes = driver().bytes();
        let image = Image::read(&bytes).unwrap();
        let broken: &dyn Rule = &Broken;
        let outcome =
            check_with(rules().chain([broken]), &Driver::new(&image), Targets::DEFAULT.into());
        assert_eq!(outcome.crashes, [Crash { rule: "broken", message: "on purpose".to_owned() }]);
        assert_eq!(outcome.rules, rules().count());
        assert!(outcome.gaps.iter().any(|gap| gap.reason == "rule broken failed"));
    }

    #[test]
    fn long_lists_are_cut_but_no_level_hides_another() {
        let mut findings = Findings::default();
        for number in 0..100 {
            findings.report(Finding::new(&Broken::CARD, Level::Note, "note").at(number, None));
        }
        findings.report(Finding::new(&Broken::CARD, Level::Error, "error").at(7, None));
        let (found, _) = findings.close();
        assert_eq!(found.len(), MOST_OF_A_KIND + 1);
        assert_eq!(found[0].level, Level::Error);
        assert_eq!(found[MOST_OF_A_KIND].notes, ["68 more like this are not listed"]);
    }
}
