//! One thing a rule has to say about one driver.

use crate::{Evidence, Excuse, Question, RuleCard, Seen, SourcePlace, Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How grave a finding is for the targets asked about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; turns no question to no.
    Note,
    /// Worth mending; turns no question to no.
    Warning,
    /// Turns at least one question to no.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// How sure a finding is of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Sources or observed behaviour leave some room.
    Likely,
    /// The bytes and the documented rule leave none.
    Certain,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        })
    }
}

/// Who on Windows makes the same objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The image loader or the code-integrity check behind it refuses the image.
    Loader,
    /// Driver Verifier's code-integrity option (flag 0x02000000), which the HLK HyperVisor Code
    /// Integrity Readiness Test switches on.
    DriverVerifier,
    /// Code Analysis of the sources (C30029 to C30035). Alone it does not decide *certify*.
    CodeAnalysis,
}

/// One thing a rule has to say about one driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The rule's slug.
    pub rule: &'static str,
    /// How grave it is for the targets asked about.
    pub level: Level,
    /// The questions that this finding answers with no, on the Windows versions of `targets`.
    pub questions: Vec<Question>,
    /// How sure the finding is.
    pub confidence: Confidence,
    /// Those of `questions` on which an otherwise certain finding is only likely to be right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_likely_for: Vec<Question>,
    /// Who on Windows makes the same objection.
    pub reported_by: Vec<Authority>,
    /// The Windows versions the finding holds for.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// Where in the loaded image, relative to its base.
    pub rva: Option<u32>,
    /// The section concerned.
    pub section: Option<String>,
    /// Where the instruction at `rva` comes from; there only for findings about code, where debug
    /// information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
    /// The DDI whose call it is about; there only for findings about calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddi: Option<&'static str>,
    /// What the argument that decides may be, such as `PoolType = NonPagedPool (0)`; there only for
    /// findings about calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// One sentence fragment with the particulars.
    pub message: String,
    /// Other names of the rule: bug-check subcode, readiness-tool counter, Code Analysis warning.
    pub aliases: &'static [&'static str],
    /// What decided, for a person to check.
    pub evidence: Option<Evidence>,
    /// What was seen of it when the driver ran; there only where it was run and seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
    /// Further facts, a sentence each.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// What the finding is known by in other builds of the driver: 16 hexadecimal digits of what it says
    /// without addresses, a colon, and which of those alike it is, from 1.
    pub fingerprint: String,
    /// How often Driver Verifier counts what the finding is about; there only where that is not once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_count: Option<usize>,
    /// Why it fails nothing, where the user said so. It changes no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excuse: Option<Excuse>,
}

impl Finding {
    /// A certain finding on every Windows version that answers no question; the methods below
    /// add to it.
    pub fn new(card: &RuleCard, level: Level, message: impl Into<String>) -> Finding {
        Finding {
            rule: card.id,
            level,
            questions: Vec::new(),
            confidence: Confidence::Certain,
            only_likely_for: Vec::new(),
            reported_by: Vec::new(),
            targets: Targets::ALL,
            rva: None,
            section: None,
            source: None,
            ddi: None,
            argument: None,
            message: message.into(),
            aliases: card.also_known_as,
            evidence: None,
            seen: Vec::new(),
            notes: Vec::new(),
            help: None,
            fingerprint: String::new(),
            verifier_count: None,
            excuse: None,
        }
    }

    /// Is about a call of `ddi`, by that `argument`.
    #[must_use]
    pub fn about(mut self, ddi: &'static str, argument: Option<String>) -> Finding {
        self.ddi = Some(ddi);
        self.argument = argument;
        self
    }

    /// Answers `questions` with no; `reported_by` make the same objection on Windows.
    #[must_use]
    pub fn denying(mut self, questions: &[Question], reported_by: &[Authority]) -> Finding {
        self.questions = questions.to_vec();
        self.reported_by = reported_by.to_vec();
        self
    }

    /// Is likely only, as a whole.
    #[must_use]
    pub fn likely(mut self) -> Finding {
        self.confidence = Confidence::Likely;
        self
    }

    /// Is only likely to be right about `questions`.
    #[must_use]
    pub fn only_likely_for(mut self, questions: &[Question]) -> Finding {
        self.only_likely_for = questions.to_vec();
        self
    }

    /// Holds for `targets` alone.
    #[must_use]
    pub fn on(mut self, targets: Targets) -> Finding {
        self.targets = targets;
        self
    }

    /// Is about the byte at `rva`, in `section`.
    #[must_use]
    pub fn at(mut self, rva: u32, section: Option<String>) -> Finding {
        self.rva = Some(rva);
        self.section = section;
        self
    }

    /// Shows `evidence`.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Finding {
        self.evidence = Some(evidence);
        self
    }

    /// Adds a sentence.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Finding {
        self.notes.push(note.into());
        self
    }

    /// Is counted by Driver Verifier that often.
    #[must_use]
    pub fn counted(mut self, count: usize) -> Finding {
        self.verifier_count = Some(count).filter(|&count| count != 1);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// How sure the finding is about `question`.
    pub fn confidence_on(&self, question: Question) -> Confidence {
        if self.only_likely_for.contains(&question) { Confidence::Likely } else { self.confidence }
    }

    /// Whether the finding answers `question` with no for any of `targets`.
    /// What only Code Analysis objects to decides *certify* when `code_analysis` is set.
    pub fn denies(&self, question: Question, targets: Targets, code_analysis: bool) -> bool {
        question.is_decided_by(&self.reported_by, code_analysis)
            && self.questions.contains(&question)
            && self.targets.intersects(targets)
    }
}
