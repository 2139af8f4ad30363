//! What holds for a run of any bytes; tests and the fuzz target share it.

use ringfence_image::Image;
use ringfence_verifier::{Budget, End, Environment, Faults, Happening, Kind, Options, Run, run};

/// A budget that is used up fast.
const SMALL: Budget = Budget {
    instructions: 200_000,
    slice: 20_000,
    frames: 1_024,
    pages: 8_192,
    events: 500,
    calls: 2_000,
    phases: 64,
    entries: 256,
    time: std::time::Duration::from_secs(60),
};

/// Runs `bytes` as a driver in both environments and asserts what always holds; the two runs, if the bytes
/// are an image at all.
pub fn verify(bytes: &[u8]) -> Option<[Run; 2]> {
    let image = Image::read(bytes).ok()?;
    // The last byte decides whether allocations fail.
    let last = bytes.last().copied().unwrap_or(0);
    let faults = (last & 1 != 0).then(|| Faults {
        seed: last.into(),
        probability: 2_000,
        tags: Vec::new(),
        at_once: true,
    });
    Some([Environment::Verifier, Environment::Hvci].map(|environment| {
        let faults = faults.clone();
        let options = Options { budget: SMALL, faults, ..Options::new(environment, "any.sys") };
        let told = run(&image, &options);
        holds(&told, &options);
        assert!(told.behaves_like(&run(&image, &options)), "the same run twice");
        told
    }))
}

fn holds(run: &Run, options: &Options) {
    let low = run.low_resources;
    assert!(low.failed <= low.exposed && low.exposed <= low.asked, "{low:?}");
    assert!(options.faults.is_some() || low.asked == 0, "{low:?}");
    let budget = options.budget;
    assert!(run.phases.len() <= budget.phases);
    assert!(run.events.len() <= budget.events);
    assert!(run.calls <= budget.calls + 1);
    assert!(run.instructions <= budget.instructions);
    assert!(run.events.iter().all(|event| event.phase < run.phases.len()));
    if options.environment == Environment::Hvci {
        for event in &run.events {
            if let Happening::Rights { rights: Some(rights), .. } = &event.what {
                assert!(!(rights.contains('w') && rights.contains('x')), "{event:?}");
            }
        }
    }
    let calls: u64 = run.phases.iter().map(|phase| phase.calls).sum();
    let instructions: u64 = run.phases.iter().map(|phase| phase.instructions).sum();
    assert!(calls <= run.calls && instructions <= run.instructions);
    for violation in &run.violations {
        assert!(violation.phase < run.phases.len());
        assert!(violation.stack.len() <= 64);
        let integrity = violation.kind == Kind::CodeIntegrity;
        assert_eq!(integrity, violation.bug_check.code == 0xC4 && !violation.is_driver_s_own());
        // With memory integrity on, Driver Verifier is off.
        assert!(!integrity || options.environment == Environment::Verifier);
    }
    match &run.end {
        End::Returned => assert!(run.violations.is_empty()),
        End::Violation => {
            assert!(run.violations.iter().any(|violation| violation.kind != Kind::Crash));
        }
        End::Fault => {
            assert!(run.violations.iter().all(|violation| violation.kind == Kind::Crash));
            assert_eq!(run.violations.len(), 1);
        }
        End::Refused(_) => assert!(run.phases.is_empty()),
        End::Budget(_) | End::NotEmulated(_) => {}
    }
}

/// Whether the driver stopped the system itself.
trait Own {
    fn is_driver_s_own(&self) -> bool;
}

impl Own for ringfence_verifier::Violation {
    fn is_driver_s_own(&self) -> bool {
        self.kind == Kind::Crash
    }
}
