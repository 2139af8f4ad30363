//! What code asks of the version of Windows that it runs on: where all versions that matter answer alike, it is known.

use crate::entry::Sets;
use crate::evaluate::Place;
use crate::expression::Step;
use crate::flow::{Fork, ForkKind, Passes, Tracked, Way, kept};
use crate::lex::{Kind, tokens};
use crate::syntax::{Function, Happens};
use crate::value::{Unknown, Value};
use crate::world::{FunctionId, World};
use aho_corasick::AhoCorasick;
use foldhash::{HashMap, HashSet};
use memchr::memmem;
use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex};

/// Windows 10, the first version that counts, as `RtlIsNtDdiVersionAvailable` and `RtlGetVersion` number it.
const OLDEST: u64 = 0x0A00_0000;
const OLDEST_MAJOR: i64 = 10;
const OLDEST_MINOR: i64 = 0;
const OLDEST_BUILD: i64 = 10_240;
/// The low half of such a number, with which the answer is no: service packs are asked for by another function.
const SERVICE_PACK: u64 = 0xFFFF;

/// The versions that the functions of `versionhelpers.h` ask for by their names; drivers have such functions of their own.
const HELPED: [&str; 13] = [
    "XP",
    "XPSP1",
    "XPSP2",
    "XPSP3",
    "Vista",
    "VistaSP1",
    "VistaSP2",
    "7",
    "7SP1",
    "8",
    "8Point1",
    "Threshold",
    "10",
];

/// Words that conditions about a version have a part of, whatever case: only these are looked at.
const MARKS: [&str; 22] = [
    "version",
    "orgreater",
    "orlater",
    "orhigher",
    "ornewer",
    "orabove",
    "build",
    "windows",
    "win7",
    "win8",
    "win10",
    "win_7",
    "win_8",
    "win_10",
    "winxp",
    "vista",
    "ntddi",
    "usenx",
    "isnx",
    "hasnx",
    "nxsupport",
    "supportsnx",
];
static MARKED: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(MARKS).ok());

/// What fills in the structure with `dwMajorVersion` and its like, and always succeeds.
const FILLS: &str = "RtlGetVersion";
const SUCCESS: &str = "NT_SUCCESS";
/// What tells the numbers by pointers, and by which of its arguments.
const TELLS: &str = "PsGetVersion";
/// The kernel's own variable with the build: a pointer for who imports it.
const BUILD: &str = "NtBuildNumber";

/// Where the kernel shows programs some of its data, and what that is called.
pub(crate) const SHARED: u64 = 0xFFFF_F780_0000_0000;
pub(crate) const SHARED_NAME: &str = "SharedUserData";

/// How many conditions of a function are looked at, how much of the budget they may take, and as what part of all: a condition
/// may lead to others, and these to it.
const MOST_CONDITIONS: usize = 64;
const MOST_OF_BUDGET: u32 = 2_000;
const PART_OF_BUDGET: u32 = 8;
/// How much all functions of a file that ask may take together, each its part: what one gets does not depend on the others'
/// turn.
const MOST_OF_FILE: usize = 1 << 17;
/// Bytes of a condition, and of a function that is searched, that count as one of the budget.
const READ_OF_ONE: usize = 64;
const SEARCHED_OF_ONE: usize = 4_096;
/// How often a variable that says what version it is is computed from another one.
const MOST_VARIABLES: usize = 3;

/// What the conditions of functions let by, and how much each of a file's functions may take to tell that.
#[derive(Default)]
pub(crate) struct Answers {
    passes: Mutex<HashMap<Asked, Arc<[Passes]>>>,
    parts: Mutex<HashMap<usize, u32>>,
}

/// A function, how often more it may be asked for versions, and whether for what a driver does first.
type Asked = (FunctionId, u8, bool);

impl Answers {
    /// Forgets all, as more was read.
    pub(crate) fn forget(&mut self) {
        *self = Answers::default();
    }
}

/// Whether a call gives true on every version of Windows that counts.
pub(crate) fn is_there(name: &str, arguments: &[Value]) -> bool {
    let constants: Option<Vec<u64>> = arguments.iter().map(Value::constant).collect();
    match (name, constants.as_deref()) {
        ("RtlIsNtDdiVersionAvailable", Some(&[version])) => {
            version <= OLDEST && version & SERVICE_PACK == 0
        }
        // Windows Vista is the last version of WDM that has a number.
        ("IoIsWdmVersionAvailable", Some(&[major, minor])) => {
            major == 1 && minor <= 0x30 || (major, minor) == (6, 0)
        }
        ("IsWindowsVersionOrGreater", Some(&[major, minor, pack])) => {
            major < 10 || (major, minor, pack) == (10, 0, 0)
        }
        (_, Some([])) => {
            let version =
                name.strip_prefix("IsWindows").and_then(|it| it.strip_suffix("OrGreater"));
            version.is_some_and(|version| HELPED.contains(&version))
        }
        _ => false,
    }
}

/// What a call gives that says whether the version could be told: RtlGetVersion returns STATUS_SUCCESS, as documented.
pub(crate) fn succeeds(name: &str, arguments: &[Value]) -> Option<Value> {
    match (name, arguments) {
        (FILLS, [_]) => Some(Value::of(0)),
        // A status is one of failure where its highest bit is set.
        (SUCCESS, [status]) => {
            let status = status.constant()? as u32;
            Some(Value::of(u64::from(status.cast_signed() >= 0)))
        }
        _ => None,
    }
}

/// Whether a call of this name may give what is the same on all versions that count.
pub(crate) fn answers(name: &str) -> bool {
    name == FILLS
        || name == SUCCESS
        || name.ends_with("VersionAvailable")
        || name.ends_with("OrGreater")
}

/// How much a function at least puts where an argument points to, if it tells a version by that.
pub(crate) fn told_by(callee: &str, argument: usize) -> Option<i64> {
    let numbers = [OLDEST_MAJOR, OLDEST_MINOR, OLDEST_BUILD];
    if callee == TELLS { numbers.get(argument).copied() } else { None }
}

/// Whether a name is that of what the kernel shares with programs, or of its address.
pub(crate) fn is_shared(name: &str) -> bool {
    name == SHARED_NAME || name.ends_with("USER_SHARED_DATA")
}

/// Whether a part of the text may ask for a version.
fn may_be_asked(text: &str) -> bool {
    MARKED.as_ref().is_none_or(|marks| marks.is_match(text))
}

impl Function {
    /// Which of its forks may depend on the version of Windows, by their conditions: as these say, or by variables that are
    /// given what says so.
    pub(crate) fn asking(&self, world: &World<'_>, parsed: usize) -> &[usize] {
        let find = || {
            let text = |range: &Range<usize>| world.text(parsed, range);
            let is_told = |happens: &Happens| match happens {
                Happens::Told(_) => true,
                Happens::Begins(value) | Happens::Becomes(value) => may_be_asked(text(value)),
                _ => false,
            };
            let told = self.variables.iter().filter(|one| is_told(&one.happens));
            let mut told: HashSet<&str> = told.map(|one| text(&one.name)).collect();
            let names_any = |part: &str, told: &HashSet<&str>| {
                let mut words = tokens(part, 0, part.len()).filter(|one| one.kind == Kind::Word);
                words.any(|one| told.contains(one.text(part)))
            };
            // What is computed from these says so too.
            for _ in 0..if told.is_empty() { 0 } else { MOST_VARIABLES } {
                let known = told.len();
                for one in &self.variables {
                    if let Happens::Begins(value) | Happens::Becomes(value) = &one.happens
                        && !told.contains(text(&one.name))
                        && names_any(text(value), &told)
                    {
                        told.insert(text(&one.name));
                    }
                }
                if told.len() == known {
                    break;
                }
            }
            let asks = |fork: &Fork| {
                let Some(condition) = condition(fork).map(|(range, _)| text(range)) else {
                    return false;
                };
                may_be_asked(condition) || !told.is_empty() && names_any(condition, &told)
            };
            let forks = self.forks.iter().enumerate();
            let asking = forks.filter(|(_, fork)| asks(fork)).map(|(index, _)| index);
            asking.take(MOST_CONDITIONS).collect()
        };
        self.asking.get_or_init(find)
    }
}

impl Place<'_, '_> {
    /// What a member is, if it tells a number of the version.
    pub(crate) fn version_part(&self, name: &str, last: &Step) -> Option<Value> {
        let (Step::Member(member) | Step::Pointed(member)) = last else { return None };
        let (least, is_shared_there) = match &**member {
            "NtMajorVersion" => (OLDEST_MAJOR, true),
            "NtMinorVersion" => (OLDEST_MINOR, true),
            "NtBuildNumber" => (OLDEST_BUILD, true),
            "dwMajorVersion" => (OLDEST_MAJOR, false),
            "dwMinorVersion" => (OLDEST_MINOR, false),
            "dwBuildNumber" => (OLDEST_BUILD, false),
            _ => return None,
        };
        let is_it = if is_shared_there { is_shared(name) } else { self.is_filled(name) };
        is_it.then(|| Value::open(Unknown::Windows(least)))
    }

    /// Whether `RtlGetVersion` has filled in a structure: in the function around, or where the driver starts.
    fn is_filled(&self, name: &str) -> bool {
        let fills = |parsed: usize, function: usize| {
            let body = &self.world.parsed[parsed].syntax.functions[function].body;
            let body = self.world.text(parsed, body);
            // A variable may be changed anywhere in large functions, and as often as they like.
            self.take(1 + body.len() / SEARCHED_OF_ONE);
            self.budget.get() != 0 && memmem::find(body.as_bytes(), FILLS.as_bytes()).is_some()
        };
        if self.function.is_some_and(|function| fills(self.parsed, function)) {
            return true;
        }
        if self.reaching(name).is_some() {
            return false;
        }
        self.world.ask(name);
        let events = self.world.globals.get(name).into_iter().flatten();
        let mut changes =
            events.filter(|event| Sets::Change.is_by(self.world.happens(event))).peekable();
        changes.peek().is_some()
            && changes
                .all(|event| event.function.is_some_and(|function| fills(event.parsed, function)))
            && self.is_set_first(name, Sets::Change)
    }

    /// What the pointer of a name leads to.
    pub(crate) fn version_at(&self, name: &str) -> Value {
        let is_it = name == BUILD && self.reaching(name).is_none() && !self.is_own(name);
        match is_it && !self.world.has_signed_build() {
            true => Value::open(Unknown::Windows(OLDEST_BUILD)),
            false => Value::open(Unknown::Memory),
        }
    }

    /// What a variable of the kernel is that nothing in the tree gives a value.
    pub(crate) fn version_named(&self, name: &str) -> Option<Value> {
        (name == BUILD && !self.world.has_signed_build())
            .then(|| Value::open(Unknown::Windows(OLDEST_BUILD)))
    }

    /// Whether a function of the tree gives a variable a value.
    fn is_own(&self, name: &str) -> bool {
        self.world.ask(name);
        let mut events = self.world.globals.get(name).into_iter().flatten();
        events.any(|event| *self.world.happens(event) != Happens::Declared)
    }

    /// Takes so much of the budget.
    pub(crate) fn take(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.budget.set(self.budget.get().saturating_sub(count));
    }

    /// Whether control comes here on older versions of Windows only, as conditions have it.
    pub(crate) fn is_for_older_windows(&self) -> bool {
        match self.given.is_empty() {
            true => self.is_kept_away(&self.own_passes()),
            false => self.is_kept_away(&self.version_passes(0)),
        }
    }

    /// What the forks of the function around let by, whoever calls it: that is the same for all that stands in it.
    ///
    /// It is kept by how often more may be asked, which gets less on the way to an answer. So circles end, and what one part
    /// of them gives does not depend on where it was begun with.
    pub(crate) fn own_passes(&self) -> Arc<[Passes]> {
        let Some(function) = self.function else { return Arc::default() };
        let id = FunctionId { parsed: self.parsed, function };
        let function = &self.world.parsed[id.parsed].syntax.functions[id.function];
        if self.asks_versions == 0 || function.asking(self.world, id.parsed).is_empty() {
            return Arc::default();
        }
        let answers = &self.world.answers;
        let key = (id, self.asks_versions, self.asks_start);
        let known = answers.passes.lock().ok().and_then(|all| all.get(&key).cloned());
        if let Some(known) = known {
            return known;
        }
        let budget = Cell::new(self.world.part_of_file(id.parsed));
        let place = Place { budget: &budget, given: &[], ..*self };
        let made: Arc<[Passes]> = place.version_passes_with(&budget, 0).into();
        if let Ok(mut all) = answers.passes.lock() {
            all.insert(key, Arc::clone(&made));
        }
        made
    }

    /// Whether what forks let by keeps control from coming here.
    pub(crate) fn is_kept_away(&self, passes: &[Passes]) -> bool {
        let Some(index) = self.function.filter(|_| !passes.is_empty()) else { return false };
        let function = &self.world.parsed[self.parsed].syntax.functions[index];
        let tracked = Tracked { begin: 1, events: Vec::new(), passes: passes.to_vec() };
        let walk = |way: &Way<'_>, work: &mut u32| kept(way, &tracked, work);
        self.walked(function, &[], self.at, walk) == Some(0)
    }

    /// What the forks of the function around let by on the versions that count, where they ask for one.
    pub(crate) fn version_passes(&self, depth: usize) -> Vec<Passes> {
        let left = self.budget.get();
        let own = Cell::new(MOST_OF_BUDGET.min(left / PART_OF_BUDGET));
        let all = own.get();
        let passes = self.version_passes_with(&own, depth);
        self.budget.set(left - (all - own.get()).min(left));
        passes
    }

    /// The same with a budget of its own; what it does not last for is not known.
    fn version_passes_with(&self, own: &Cell<u32>, depth: usize) -> Vec<Passes> {
        let (Some(index), Some(asks_versions)) = (self.function, self.asks_versions.checked_sub(1))
        else {
            return Vec::new();
        };
        let parsed = &self.world.parsed[self.parsed];
        let function = &parsed.syntax.functions[index];
        let asking = function.asking(self.world, self.parsed);
        let passes = |&fork: &usize| {
            let (range, runs_with) = condition(&function.forks[fork])?;
            let at =
                Place { at: range.start, macro_given: &[], budget: own, asks_versions, ..*self };
            at.take(1 + range.len() / READ_OF_ONE);
            if own.get() == 0 {
                return None;
            }
            let value = at.value_at_depth(parsed.file, range.clone(), depth);
            self.world.ask_for_functions(&value);
            let is_taken = value.truth()? == runs_with;
            let let_by = |is: bool| if is { u128::MAX } else { 0 };
            Some(Passes { fork, yes: let_by(is_taken), no: let_by(!is_taken) })
        };
        asking.iter().take_while(|_| own.get() != 0).filter_map(passes).collect()
    }
}

impl World<'_> {
    /// Whether the tree declares the kernel's build as a signed number of 32 bits: its highest bits are set, and so it would
    /// be less than any build.
    fn has_signed_build(&self) -> bool {
        const SIGNED: [&str; 6] = ["LONG", "PLONG", "INT", "PINT", "int", "long"];
        let is_signed = |before: &str| {
            let start = before.rfind([';', '{', '}', '\n']).map_or(0, |at| at + 1);
            let words = tokens(before, start, before.len()).map(|token| token.text(before));
            let words: Vec<&str> = words.collect();
            words.iter().any(|word| SIGNED.contains(word))
                && !words.iter().any(|word| matches!(*word, "unsigned" | "short"))
        };
        let in_text = |text: &str| {
            let mut all = memmem::find_iter(text.as_bytes(), BUILD.as_bytes());
            all.any(|at| text[at + BUILD.len()..].starts_with(';') && is_signed(&text[..at]))
        };
        *self
            .signed_build
            .get_or_init(|| self.tree.files().any(|(_, file)| in_text(file.text.as_str())))
    }

    /// How much each function of a file may take that asks for the version.
    pub(crate) fn part_of_file(&self, parsed: usize) -> u32 {
        let known = self.answers.parts.lock().ok().and_then(|all| all.get(&parsed).copied());
        if let Some(known) = known {
            return known;
        }
        let functions = self.parsed[parsed].syntax.functions.iter();
        let asking = functions.filter(|one| !one.asking(self, parsed).is_empty()).count();
        let part = u32::try_from(MOST_OF_FILE / asking.max(1)).unwrap_or(MOST_OF_BUDGET);
        let part = part.min(MOST_OF_BUDGET);
        if let Ok(mut all) = self.answers.parts.lock() {
            all.insert(parsed, part);
        }
        part
    }

    /// Notes which functions decide about a value: they may be read, and followed.
    pub(crate) fn ask_for_functions(&self, value: &Value) {
        for choice in &value.choices {
            if let Some(Unknown::Call(name)) = &choice.unknown {
                self.ask(name);
            }
        }
    }
}

/// What decides which way is taken at a fork, and with which truth that is the way in.
pub(crate) fn condition(fork: &Fork) -> Option<(&Range<usize>, bool)> {
    match &fork.kind {
        ForkKind::Choice { condition, .. } => Some((condition, true)),
        ForkKind::Maybe(Some((condition, runs_with))) => Some((condition, *runs_with)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
