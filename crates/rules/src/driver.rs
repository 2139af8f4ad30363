//! A driver: its image, and the facts that rules ask about it.

use crate::calls::{Calls, Judging};
use crate::names::Names;
use crate::rule::panic_message;
use ringfence_finding::Targets;
use ringfence_image::Image;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// What a rule sees of a driver. Facts that cost something to establish are added here, each worked
/// out at most once and only when a rule asks.
#[derive(Debug)]
pub struct Driver<'a> {
    image: &'a Image<'a>,
    asked: Judging,
    shows_code: bool,
    calls: OnceLock<Calls>,
    names: OnceLock<Names<'a>>,
}

impl<'a> Driver<'a> {
    /// A driver of which the image is known and nothing else yet.
    pub fn new(image: &'a Image<'a>) -> Driver<'a> {
        Driver {
            image,
            asked: Judging::default(),
            shows_code: true,
            calls: OnceLock::new(),
            names: OnceLock::new(),
        }
    }

    /// Where sources disagree, whether Microsoft's documentation weighs more than observation.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Driver<'a> {
        self.asked.strict = strict;
        self
    }

    /// The Windows versions for which calls are judged, where that makes a difference.
    #[must_use]
    pub fn for_targets(mut self, targets: Targets) -> Driver<'a> {
        self.asked.targets = targets;
        self
    }

    /// Whether findings show machine code; to disassemble it takes about as long as to find it.
    #[must_use]
    pub fn showing_code(mut self, shows_code: bool) -> Driver<'a> {
        self.shows_code = shows_code;
        self
    }

    pub(crate) fn shows_code(&self) -> bool {
        self.shows_code
    }

    /// How calls are judged.
    pub(crate) fn asked(&self) -> Judging {
        self.asked
    }

    /// A driver that makes these calls, whatever its code.
    #[cfg(test)]
    pub(crate) fn making(self, calls: Calls) -> Driver<'a> {
        Driver { calls: OnceLock::from(calls), ..self }
    }

    /// Its image.
    pub fn image(&self) -> &'a Image<'a> {
        self.image
    }

    /// Its calls of DDIs that matter.
    pub fn calls(&self) -> &Calls {
        self.calls.get_or_init(|| {
            // Reading code only reads the image; a fault in it must not cost the image rules.
            catch_unwind(AssertUnwindSafe(|| Calls::of(self.image, self.asked)))
                .unwrap_or_else(|panic| Calls::failed(panic_message(panic.as_ref())))
        })
    }

    /// What stands where in it, by name.
    pub(crate) fn names(&self) -> &Names<'a> {
        self.names.get_or_init(|| Names::of(self.image))
    }
}
