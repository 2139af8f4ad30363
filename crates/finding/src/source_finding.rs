//! One thing a rule has to say about source code or the settings of a project, and how to mend it.

use crate::{Authority, Confidence, Excuse, Level, Question, RuleCard, Targets};
use schemars::JsonSchema;
use serde::Serialize;

/// One thing a rule has to say about source code or the settings of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceFinding {
    /// The file it stands in, as it was named or found.
    pub path: String,
    /// The line of `region`, from 1.
    pub line: u32,
    /// The column of `region`, from 1.
    pub column: u32,
    /// The rule's slug.
    pub rule: &'static str,
    /// How grave it is for the targets asked about.
    pub level: Level,
    /// Whether it only says that something is not known. Such findings are shown on request.
    pub open: bool,
    /// The questions that this finding answers with no for what is built from the source.
    pub questions: Vec<Question>,
    /// How sure the finding is.
    pub confidence: Confidence,
    /// Who on Windows makes the same objection.
    pub reported_by: Vec<Authority>,
    /// The Windows versions the finding holds for.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// The Code Analysis warning that Microsoft's tools give here, such as `C30030`; null where they give none.
    pub warning: Option<&'static str>,
    /// The DDI that is called; there only for findings about calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddi: Option<&'static str>,
    /// What the argument that decides may be, such as `PoolType = NonPagedPool (0)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// The function it stands in, where it stands in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// One sentence fragment with the particulars.
    pub message: String,
    /// Other names of the rule: Code Analysis warning, bug-check subcode, readiness-tool counter.
    pub aliases: &'static [&'static str],
    /// What it is about, in the source.
    pub mark: SourceMark,
    /// What led to it: the definition of a macro, the call of a wrapper, a setting of the project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<SourceMark>,
    /// Further facts, a sentence each.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// How to do it, as edits; null where it takes a person.
    pub fix: Option<Fix>,
    /// Other ways to do it, each of which stands for itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_fixes: Vec<Fix>,
    /// What the finding is known by when lines move: 16 hexadecimal digits of its rule, the file's name without
    /// folders, function, DDI, argument and line of code, a colon, and which of those alike it is within its
    /// file, from 1. It tells findings of one path apart; files of one name may have the same.
    pub fingerprint: String,
    /// Why it fails nothing, where the user said so in the source or the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excuse: Option<SourceExcuse>,
}

/// A part of a source file with what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceMark {
    /// The file.
    pub path: String,
    /// Where in it.
    pub region: Region,
    /// What to say there, as a fragment; may be empty.
    pub text: String,
    /// The lines of code that `region` touches, without line ends; no more than five of them.
    pub lines: Vec<String>,
}

/// A part of a text file. Columns count UTF-16 code units, as SARIF and the Language Server Protocol do.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
)]
pub struct Region {
    /// Its first line, from 1.
    pub line: u32,
    /// Its first column, from 1.
    pub column: u32,
    /// The line it ends in.
    pub end_line: u32,
    /// The column behind its end.
    pub end_column: u32,
}

/// A change that mends what a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fix {
    /// What it does, as an imperative: "pass `NonPagedPoolNx`".
    pub title: String,
    /// Whether it may be made without a person looking.
    pub safety: Safety,
    /// Why a person should look; null for safe ones.
    pub because: Option<String>,
    /// The edits, which all belong together. They do not overlap.
    pub edits: Vec<SourceEdit>,
}

/// Whether a fix may be made without a person looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// It changes nothing but what the finding is about.
    Safe,
    /// It may change what the program does otherwise, or need a newer Windows.
    Unsafe,
    /// It is only proposed, never made: there are several ways, or the edit is only a part of it.
    Proposed,
}

/// One replacement in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceEdit {
    /// The file.
    pub path: String,
    /// What is replaced; empty for an insertion.
    pub region: Region,
    /// What stands there afterwards, with the line ends of the file.
    pub replacement: String,
    /// The first byte of what is replaced, in the text as UTF-8 without a byte order mark.
    #[serde(skip)]
    pub start: usize,
    /// The byte behind its end.
    #[serde(skip)]
    pub end: usize,
}

/// Why a finding in source fails nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum SourceExcuse {
    /// A comment `ringfence: allow(rule) reason`, or a pragma or a setting of the project that suppresses the warning.
    Source {
        /// What the comment gives as reason, or the pragma.
        reason: String,
        /// The line of the comment or pragma.
        line: u32,
        /// The file that it stands in, where that is another one: a header, or the project that switches a warning off.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// The settings or the baseline have it.
    // It says `by` whom itself, and an object must not say it twice.
    #[serde(untagged)]
    Settings(Excuse),
}

impl SourceFinding {
    /// A certain finding at `mark` on every Windows version that answers no question; the methods below add to it.
    pub fn new(
        card: &RuleCard,
        level: Level,
        message: impl Into<String>,
        mark: SourceMark,
    ) -> SourceFinding {
        SourceFinding {
            path: mark.path.clone(),
            line: mark.region.line,
            column: mark.region.column,
            rule: card.id,
            level,
            open: false,
            questions: Vec::new(),
            confidence: Confidence::Certain,
            reported_by: Vec::new(),
            targets: Targets::ALL,
            warning: None,
            ddi: None,
            argument: None,
            function: None,
            message: message.into(),
            aliases: card.also_known_as,
            mark,
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
            other_fixes: Vec::new(),
            fingerprint: String::new(),
            excuse: None,
        }
    }

    /// Answers `questions` with no; `reported_by` make the same objection on Windows.
    #[must_use]
    pub fn denying(mut self, questions: &[Question], reported_by: &[Authority]) -> SourceFinding {
        self.questions = questions.to_vec();
        self.reported_by = reported_by.to_vec();
        self
    }

    /// Only says that something is not known.
    #[must_use]
    pub fn open(mut self) -> SourceFinding {
        self.open = true;
        self
    }

    /// Is likely only.
    #[must_use]
    pub fn likely(mut self) -> SourceFinding {
        self.confidence = Confidence::Likely;
        self
    }

    /// Holds for `targets` alone.
    #[must_use]
    pub fn on(mut self, targets: Targets) -> SourceFinding {
        self.targets = targets;
        self
    }

    /// Is what Code Analysis gives `warning` for.
    #[must_use]
    pub fn as_warning(mut self, warning: Option<&'static str>) -> SourceFinding {
        self.warning = warning;
        self
    }

    /// Is about a call of `ddi`, by that `argument`.
    #[must_use]
    pub fn about(mut self, ddi: &'static str, argument: Option<String>) -> SourceFinding {
        self.ddi = Some(ddi);
        self.argument = argument;
        self
    }

    /// Stands in `function`.
    #[must_use]
    pub fn within(mut self, function: Option<String>) -> SourceFinding {
        self.function = function;
        self
    }

    /// Was led to by what `marks` show.
    #[must_use]
    pub fn related(mut self, marks: impl IntoIterator<Item = SourceMark>) -> SourceFinding {
        self.related.extend(marks);
        self
    }

    /// Adds a sentence.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> SourceFinding {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> SourceFinding {
        self.help = Some(help.into());
        self
    }

    /// Has a fix.
    #[must_use]
    pub fn fixed_by(mut self, fix: Option<Fix>) -> SourceFinding {
        self.fix = fix;
        self
    }

    /// Has another fix beside the first.
    #[must_use]
    pub fn or_fixed_by(mut self, fix: Option<Fix>) -> SourceFinding {
        self.other_fixes.extend(fix);
        self
    }

    /// Whether it makes a check fail: an error that is neither excused nor open.
    pub fn fails(&self) -> bool {
        self.level == Level::Error && !self.open && self.excuse.is_none()
    }

    /// Whether the finding answers `question` with no for any of `targets`.
    /// What only Code Analysis objects to decides *certify* when `code_analysis` is set.
    pub fn denies(&self, question: Question, targets: Targets, code_analysis: bool) -> bool {
        question.is_decided_by(&self.reported_by, code_analysis)
            && self.questions.contains(&question)
            && self.targets.intersects(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: RuleCard = RuleCard {
        id: "some-rule",
        summary: "",
        level: Level::Error,
        since: "0.1.0",
        senses: &[],
        also_known_as: &[],
        docs: "",
        file: "",
    };

    fn finding(level: Level) -> SourceFinding {
        let mark = SourceMark {
            path: "a.c".to_owned(),
            region: Region::default(),
            text: String::new(),
            lines: Vec::new(),
        };
        SourceFinding::new(&CARD, level, "it is bad", mark)
    }

    #[test]
    fn an_error_fails_unless_excused_or_open() {
        assert!(finding(Level::Error).fails());
        assert!(!finding(Level::Warning).fails());
        assert!(!finding(Level::Error).open().fails());
        let excuse = Some(SourceExcuse::Settings(Excuse::Baseline));
        assert!(!SourceFinding { excuse, ..finding(Level::Error) }.fails());
    }

    /// A name that is there twice in an object is read by each program in its own way.
    #[test]
    fn an_excuse_says_by_whom_once() {
        let source = SourceExcuse::Source { reason: "later".to_owned(), line: 3, path: None };
        let accepted = Excuse::Accepted { reason: "later".to_owned(), until: None };
        for (excuse, json) in [
            (source, r#"{"by":"source","reason":"later","line":3}"#),
            (
                SourceExcuse::Settings(accepted),
                r#"{"by":"accepted","reason":"later","until":null}"#,
            ),
            (SourceExcuse::Settings(Excuse::Baseline), r#"{"by":"baseline"}"#),
        ] {
            assert_eq!(serde_json::to_string(&excuse).unwrap(), json);
        }
    }
}
