//! Allocations of a run that were made to fail, in words.

use crate::layout::{counted, grouped};
use ringfence_finding::{DriverRun, LowResources};

/// What is said of a driver that crashes only where allocations fail.
pub const NOT_EXPECTED: &str = "the driver does not expect that allocations fail: where none is made to fail, it does not crash";

/// How many allocations were made to fail, of how many, and why others could not; none where none was to fail, or
/// nothing of the driver came to run.
pub fn failed_allocations(run: &DriverRun) -> Option<String> {
    run.low_resources.as_ref().filter(|_| run.instructions > 0).map(told)
}

fn told(low: &LowResources) -> String {
    let spared = low.asked - low.exposed.min(low.asked);
    let of = |count: u64| counted(count as usize, "allocation");
    match (low.asked, low.exposed, spared) {
        (0, ..) => "none, as the driver asked for no allocation that can fail".to_owned(),
        (asked, 0, _) => format!("none of {}: {}", of(asked), why_spared(low)),
        (asked, _, 0) => format!("{} of {}", grouped(low.failed_deliberately as usize), of(asked)),
        (_, exposed, spared) => format!(
            "{} of {}; {} more could not fail: {}",
            grouped(low.failed_deliberately as usize),
            of(exposed),
            grouped(spared as usize),
            why_spared(low)
        ),
    }
}

/// Whether any allocation was made to fail.
pub fn has_failed_allocations(run: &DriverRun) -> bool {
    run.low_resources.as_ref().is_some_and(|low| low.failed_deliberately > 0)
}

fn why_spared(low: &LowResources) -> &'static str {
    match (low.in_driver_entry, low.pool_tags.is_empty()) {
        (false, true) => "DriverEntry had not returned yet",
        (true, _) => "their pool tag is another, or they have none",
        (false, false) => {
            "DriverEntry had not returned yet, their pool tag is another, or they have none"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_to_fail_is_told_with_what_could_not() {
        let of = |counts: [u64; 3], in_driver_entry: bool, tags: &[&str]| {
            let [asked, exposed, failed_deliberately] = counts;
            let pool_tags = tags.iter().map(|&tag| tag.to_owned()).collect();
            let (seed, probability) = (1, 600);
            let low = LowResources {
                seed,
                probability,
                pool_tags,
                in_driver_entry,
                asked,
                exposed,
                failed_deliberately,
                crashes_without: None,
            };
            told(&low)
        };
        assert_eq!(of([1, 1, 1], true, &[]), "1 of 1 allocation");
        assert_eq!(of([9000, 9000, 0], true, &[]), "0 of 9 000 allocations");
        assert!(of([0, 0, 0], true, &[]).starts_with("none, as the driver asked for no"));
        let early = "DriverEntry had not returned yet";
        assert_eq!(of([2, 0, 0], false, &[]), format!("none of 2 allocations: {early}"));
        let some = of([5, 3, 1], false, &[]);
        assert_eq!(some, format!("1 of 3 allocations; 2 more could not fail: {early}"));
        assert!(
            of([5, 3, 1], true, &["Tag1"])
                .ends_with("fail: their pool tag is another, or they have none")
        );
        let both = of([5, 3, 1], false, &["Tag1"]);
        assert!(both.contains(early) && both.contains("pool tag"), "{both}");
    }
}
