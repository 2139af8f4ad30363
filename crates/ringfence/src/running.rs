//! A driver, run in the emulated kernel: what became of it, as plain data.

use crate::explain::rule_cards;
use ringfence_finding::{
    Answer, Asking, BugCheck, Confidence, DriverRun, Finding, Gap, LowResources, Reason, RuleCard,
    RunEnd, RunEnvironment, RunPhase, Stop, Targets, TraceLine, Verdict,
};
use ringfence_image::Image;
use ringfence_rules::{Driver, frames, open_calls, witness};
use ringfence_verifier::{
    Admission, Budget, End, Environment, Faults, HVCI_ENABLED, Happening, Kind, Leak, Options, Run,
    Version, Violation, run,
};
use std::collections::BTreeMap;

/// How drivers are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// The set-ups, each with a run of its own.
    pub environments: Vec<RunEnvironment>,
    /// The most instructions of a run.
    pub instructions: u64,
    /// Allocations that fail by chance, if any are to.
    pub faults: Option<Faults>,
    /// Whether Driver Verifier's code integrity checks (0x02000000) are on, in the set-up that is Driver Verifier's.
    pub code_integrity_checks: bool,
    /// Whether [`DriverRun::trace`] is filled in.
    pub trace: bool,
}

impl Default for RunSettings {
    fn default() -> RunSettings {
        RunSettings {
            environments: RunEnvironment::ALL.to_vec(),
            instructions: Budget::default().instructions,
            faults: None,
            code_integrity_checks: true,
            trace: false,
        }
    }
}

/// Events that a trace has room for.
const MOST_TRACED: usize = 1_000_000;
/// Leaks that are told; what is beyond is counted.
const MOST_LEAKS: usize = 16;

/// Runs a driver in each set-up that is asked for, and adds what is seen to `findings`, and what it leaves open to `gaps`. `verdict` is what is known
/// without: it says whether Windows lets the driver in with memory integrity on.
pub(crate) fn runs(
    driver: &Driver<'_>,
    name: &str,
    (settings, targets): (&RunSettings, Targets),
    verdict: &Verdict,
    (findings, gaps): (&mut Vec<Finding>, &mut Vec<Gap>),
) -> Vec<DriverRun> {
    let mut told = Vec::new();
    for environment in &settings.environments {
        let options = options(*environment, name, settings, targets, verdict);
        let run = run(driver.image(), &options);
        witness(driver, &run, findings, gaps);
        let open_calls = open_calls(driver, &run);
        let run = tell(driver.image(), run, &options, settings.trace);
        told.push(DriverRun { open_calls, ..run });
    }
    told
}

fn options(
    environment: RunEnvironment,
    name: &str,
    settings: &RunSettings,
    targets: Targets,
    verdict: &Verdict,
) -> Options {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let of = match environment {
        RunEnvironment::Verifier => Environment::Verifier,
        RunEnvironment::Hvci => Environment::Hvci,
    };
    let mut options = Options::new(of, name);
    options.budget.instructions = settings.instructions;
    if settings.trace {
        options.budget.events = MOST_TRACED;
    }
    if let Some(newest) = targets.iter().last() {
        options.windows = Version { major: 10, minor: 0, build: newest.build };
    }
    options.faults.clone_from(&settings.faults);
    options.code_integrity_checks = settings.code_integrity_checks;
    if verdict.load == Answer::No {
        let words = |reasons: &mut dyn Iterator<Item = &Reason>| {
            reasons.map(|reason| reason.text.to_string()).collect::<Vec<_>>().join("; ")
        };
        let because = &verdict.because.load;
        options.admission = match because.iter().any(is_rejected) {
            true => Admission::Rejected {
                why: words(&mut because.iter().filter(|one| is_rejected(one))),
            },
            false => Admission::Refused { why: words(&mut because.iter()) },
        };
    }
    options
}

/// Whether the loader rejects the image for it on every Windows, with memory integrity or without: it is no valid image.
fn is_rejected(reason: &Reason) -> bool {
    const STATUS: &str = "STATUS_INVALID_IMAGE_FORMAT";
    let is_of =
        |card: &RuleCard| Some(card.id) == reason.rule && card.also_known_as.contains(&STATUS);
    reason.confidence == Some(Confidence::Certain) && rule_cards().any(is_of)
}

fn tell(image: &Image<'_>, run: Run, options: &Options, trace: bool) -> DriverRun {
    let (end, because) = match &run.end {
        End::Returned => (RunEnd::Returned, None),
        End::Violation => (RunEnd::Violation, None),
        End::Fault => (RunEnd::Fault, None),
        End::Budget(what) => (RunEnd::Budget, Some(used_up(what, options))),
        End::Refused(why) => (RunEnd::Refused, Some(why.clone())),
        End::NotEmulated(what) => (RunEnd::NotEmulated, Some(what.clone())),
    };
    let mut silently_fixed = BTreeMap::new();
    for fixed in &run.fixed {
        *silently_fixed.entry(fixed.ddi.to_owned()).or_insert(0) += 1;
    }
    let is_fatal = run.violations.last().is_some_and(|last| last.kind != Kind::CodeIntegrity);
    let invented = run.stand_ins.iter().chain(&run.assumptions);
    DriverRun {
        environment: match run.environment {
            Environment::Verifier => RunEnvironment::Verifier,
            Environment::Hvci => RunEnvironment::Hvci,
        },
        unchecked: run.environment == Environment::Verifier && !options.code_integrity_checks,
        end,
        because,
        status: run.status.map(status),
        calls: run.calls,
        instructions: run.instructions,
        stand_ins: run.stand_ins.values().sum(),
        invented: invented.map(|(name, count)| (name.clone(), *count)).collect(),
        phases: run
            .phases
            .iter()
            .map(|phase| RunPhase {
                returned: phase.returned,
                name: phase.name.clone(),
                status: phase.status.map(status),
                calls: phase.calls,
                instructions: phase.instructions,
            })
            .collect(),
        stops: stops(&run, is_fatal),
        windows_build: options.windows.build,
        bugcheck: run.bug_check().map(|check| BugCheck::new(check.code, check.parameters)),
        silently_fixed,
        open_calls: Vec::new(),
        leaks: leaks(&run.leaks),
        pending: run.pending,
        not_run: run.not_run.iter().cloned().collect(),
        low_resources: options
            .faults
            .as_ref()
            .map(|faults| low_resources(faults, &run, crashes_without(image, &run, options))),
        asks_code_integrity: asking(image, &run, options),
        trace_left_out: if trace { run.events_left_out } else { 0 },
        trace: if trace { traced(&run) } else { Vec::new() },
    }
}

fn low_resources(faults: &Faults, run: &Run, crashes_without: Option<bool>) -> LowResources {
    let ringfence_verifier::LowResources { asked, exposed, failed } = run.low_resources;
    LowResources {
        seed: faults.seed,
        probability: faults.probability,
        pool_tags: faults.tags.iter().map(ToString::to_string).collect(),
        in_driver_entry: faults.at_once,
        asked,
        exposed,
        failed_deliberately: failed,
        crashes_without,
    }
}

/// Whether a driver that crashed after an allocation was made to fail crashes where none is, too.
fn crashes_without(image: &Image<'_>, told: &Run, options: &Options) -> Option<bool> {
    let crashes = |run: &Run| run.violations.last().is_some_and(|last| last.kind == Kind::Crash);
    if !crashes(told) || told.low_resources.failed == 0 {
        return None;
    }
    let without = run(image, &Options { faults: None, ..options.clone() });
    match without.end {
        // It did not come as far.
        End::Budget(_) | End::NotEmulated(_) | End::Refused(_) => None,
        End::Fault | End::Returned | End::Violation => Some(crashes(&without)),
    }
}

fn used_up(what: &str, options: &Options) -> String {
    match what {
        "instructions" => format!(
            "{} instructions used up, those of the emulated kernel among them",
            options.budget.instructions
        ),
        _ => format!("{what} used up"),
    }
}

/// What the system would be stopped for, in the order of time. What is no objection of Driver Verifier's ends the run.
fn stops(run: &Run, is_fatal: bool) -> Vec<Stop> {
    let last = run.violations.len().wrapping_sub(1);
    let stop = |(index, violation): (usize, &Violation)| Stop {
        phase: violation.phase,
        bugcheck: BugCheck::new(violation.bug_check.code, violation.bug_check.parameters),
        ends_the_run: is_fatal && index == last,
        rva: violation.rva,
        stack: frames(violation),
        under_assumption: violation.under_assumption,
        depends_on_build: violation.ddi.is_some_and(|ddi| ddi.verifier.unsure),
    };
    run.violations.iter().enumerate().map(stop).collect()
}

/// An NTSTATUS as Windows writes it.
fn status(value: u32) -> String {
    format!("0x{value:08X}")
}

/// What a driver that asks for the state of code integrity does when it is told the other one.
fn asking(image: &Image<'_>, told: &Run, options: &Options) -> Option<Asking> {
    let first = told.asked.first()?.told;
    let other = Options { code_integrity: Some(first ^ HVCI_ENABLED), ..options.clone() };
    Some(match told.behaves_like(&run(image, &other)) {
        true => Asking::BehavesAlike,
        false => Asking::BehavesDifferently,
    })
}

/// What was left behind, in words; what one call made is counted together.
fn leaks(all: &[Leak]) -> Vec<String> {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for leak in all {
        let told = in_words(leak);
        let is_known = kinds.iter().position(|(known, _)| *known == told);
        match is_known {
            Some(index) => kinds[index].1 += 1,
            None if kinds.len() < MOST_LEAKS => kinds.push((told, 1)),
            None => {}
        }
    }
    let untold = all.len() - kinds.iter().map(|(_, count)| count).sum::<usize>();
    let one = |(told, count)| if count == 1 { told } else { format!("{told} ×{count}") };
    let more = (untold > 0).then(|| format!("{untold} more"));
    kinds.into_iter().map(one).chain(more).collect()
}

fn in_words(leak: &Leak) -> String {
    let tag: String = leak.tag.to_le_bytes().into_iter().map(printable).collect();
    let size = match leak.size {
        0 => String::new(),
        size => format!(", {size} bytes"),
    };
    let tag = if leak.tag == 0 { String::new() } else { format!(", tag '{tag}'") };
    let by = leak.rva.map(|rva| format!(", made by the call before {rva:x}"));
    format!("{}{size}{tag}{}", leak.what, by.unwrap_or_default())
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

fn traced(run: &Run) -> Vec<TraceLine> {
    let phase = |index: usize| run.phases.get(index).map_or(String::new(), |one| one.name.clone());
    let number = |value: &u64| format!("{value:#x}");
    let line = |event: &ringfence_verifier::Event| match &event.what {
        Happening::Call { name, caller, arguments, result, stand_in } => TraceLine::Call {
            phase: phase(event.phase),
            name: name.to_string(),
            caller: number(caller),
            arguments: arguments.iter().map(number).collect(),
            result: result.as_ref().map(number),
            stand_in: *stand_in,
        },
        Happening::Rights { address, pages, rights, what } => TraceLine::Rights {
            phase: phase(event.phase),
            address: number(address),
            pages: *pages,
            rights: rights.clone(),
            what,
        },
        Happening::BugCheck { address, check } => TraceLine::BugCheck {
            phase: phase(event.phase),
            address: number(address),
            check: BugCheck::new(check.code, check.parameters),
        },
        Happening::Register { address, name, value } => TraceLine::Register {
            phase: phase(event.phase),
            address: number(address),
            name: name.clone(),
            value: value.as_ref().map(number),
        },
        Happening::Message { text } => {
            TraceLine::Message { phase: phase(event.phase), text: text.to_string() }
        }
    };
    run.events.iter().map(line).collect()
}
