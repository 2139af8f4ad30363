//! What code asks of the version of Windows that it runs on: where all versions that matter answer alike, it is known.

use crate::evaluate::Place;
use crate::expression::{Binary, Expression, Step};
use crate::flow::{Fork, ForkKind, Passes, Tracked, Way, kept};
use crate::value::Value;
use memchr::memmem;
use std::ops::Range;

/// Windows 10, the first version that counts, as `RtlIsNtDdiVersionAvailable` and `RtlGetVersion` number it.
const OLDEST: u64 = 0x0A00_0000;
const OLDEST_MAJOR: u64 = 10;
const OLDEST_BUILD: u64 = 10_240;
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

/// What every condition has a part of that asks for a version.
const MARKS: [&str; 4] = ["VersionAvailable", "OrGreater", MAJOR, BUILD];
const MAJOR: &str = "dwMajorVersion";
const BUILD: &str = "dwBuildNumber";
/// What fills in the structure with those members, and always succeeds.
const FILLS: &str = "RtlGetVersion";
const SUCCESS: &str = "NT_SUCCESS";

/// How many conditions of a function are looked at.
const MOST_CONDITIONS: usize = 64;

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
    name == FILLS || name == SUCCESS || may_be_asked(name)
}

/// Whether a part of the text may ask for a version.
pub(crate) fn may_be_asked(text: &str) -> bool {
    MARKS.iter().any(|mark| memmem::find(text.as_bytes(), mark.as_bytes()).is_some())
}

impl Place<'_, '_> {
    /// What comparing the major version of Windows or its build gives, where it is the same on all that count.
    pub(crate) fn version_compared(
        &self,
        operator: Binary,
        (left, of_left): (&Expression, &Value),
        (right, of_right): (&Expression, &Value),
    ) -> Option<bool> {
        let (operator, oldest, with) = match (oldest_of(left), oldest_of(right)) {
            (Some(oldest), None) => (operator, oldest, of_right.constant()?),
            (None, Some(oldest)) => (turned(operator), oldest, of_left.constant()?),
            _ => return None,
        };
        let function = &self.world.parsed[self.parsed].syntax.functions[self.function?];
        let body = self.world.text(self.parsed, &function.body);
        memmem::find(body.as_bytes(), FILLS.as_bytes())?;
        let is_older = with < oldest;
        match operator {
            Binary::Greater | Binary::NotEqual => is_older.then_some(true),
            Binary::LessOrEqual | Binary::Equal => is_older.then_some(false),
            Binary::GreaterOrEqual => (with <= oldest).then_some(true),
            Binary::Less => (with <= oldest).then_some(false),
            _ => None,
        }
    }

    /// Whether control comes here on older versions of Windows only, as conditions have it.
    pub(crate) fn is_for_older_windows(&self) -> bool {
        let Some(index) = self.function else { return false };
        let parsed = &self.world.parsed[self.parsed];
        let function = &parsed.syntax.functions[index];
        let text = |range: &Range<usize>| self.world.text(self.parsed, range);
        let asks = |range: &Range<usize>| may_be_asked(text(range));
        let mut passes = Vec::new();
        let conditions = function.forks.iter().enumerate().filter_map(|(fork, one)| {
            let (range, runs_with) = condition(one)?;
            asks(range).then_some((fork, range, runs_with))
        });
        for (fork, range, runs_with) in conditions.take(MOST_CONDITIONS) {
            let at = Place { at: range.start, macro_given: &[], ..*self };
            let Some(truth) = at.value_in(parsed.file, range.clone()).truth() else { continue };
            let is_taken = truth == runs_with;
            let let_by = |is: bool| if is { u128::MAX } else { 0 };
            passes.push(Passes { fork, yes: let_by(is_taken), no: let_by(!is_taken) });
        }
        if passes.is_empty() {
            return false;
        }
        let tracked = Tracked { begin: 1, events: Vec::new(), passes };
        let walk = |way: &Way<'_>, work: &mut u32| kept(way, &tracked, work);
        self.walked(function, &[], self.at, walk) == Some(0)
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

/// The least that an expression is on versions that count, if it is a number in what `RtlGetVersion` fills in.
fn oldest_of(of: &Expression) -> Option<u64> {
    let Expression::Part(_, steps) = of else { return None };
    let Some(Step::Member(name) | Step::Pointed(name)) = steps.last() else { return None };
    match &**name {
        MAJOR => Some(OLDEST_MAJOR),
        BUILD => Some(OLDEST_BUILD),
        _ => None,
    }
}

/// The comparison that says the same with its sides exchanged.
fn turned(operator: Binary) -> Binary {
    match operator {
        Binary::Less => Binary::Greater,
        Binary::LessOrEqual => Binary::GreaterOrEqual,
        Binary::Greater => Binary::Less,
        Binary::GreaterOrEqual => Binary::LessOrEqual,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::tests::of;

    const NX: &str = "RtlIsNtDdiVersionAvailable(NTDDI_WIN8)";

    /// The documentation of `RtlIsNtDdiVersionAvailable`, and `sdkddkver.h` for the numbers.
    #[test]
    fn what_windows_10_has_is_there() {
        let asked = |name, arguments: &[u64]| {
            is_there(name, &arguments.iter().map(|one| Value::of(*one)).collect::<Vec<_>>())
        };
        let available = |version| asked("RtlIsNtDdiVersionAvailable", &[version]);
        assert!(available(0x0602_0000) && available(0x0A00_0000));
        assert!(!available(0x0A00_0004) && !available(0x0501_0200));
        assert!(asked("IoIsWdmVersionAvailable", &[1, 0x20]));
        assert!(asked("IsWindows8OrGreater", &[]) && asked("IsWindows8Point1OrGreater", &[]));
        assert!(!asked("IsWindows11OrGreater", &[]) && !asked("IsWindows8OrGreater", &[1]));
    }

    /// Values that are chosen by a version.
    #[test]
    fn older_windows_choose_no_value() {
        for code in [
            format!("ExAllocatePool({NX} ? NonPagedPoolNx : NonPagedPool, 1);"),
            "ExAllocatePool(IsWindows8OrGreater() ? NonPagedPoolNx : NonPagedPool, 1);".to_owned(),
            format!("ExAllocatePool(!{NX} ? NonPagedPool : NonPagedPoolNx, 1);"),
            format!("POOL_TYPE t = {NX} ? NonPagedPoolNx : NonPagedPool; ExAllocatePool(t, 1);"),
            format!("POOL_TYPE t = NonPagedPool; if ({NX}) t = NonPagedPoolNx; ExAllocatePool(t, 1);"),
            "RTL_OSVERSIONINFOW v; RtlGetVersion(&v); POOL_TYPE t = NonPagedPool;
             if (v.dwMajorVersion > 6 || (v.dwMajorVersion == 6 && v.dwMinorVersion >= 2)) t = NonPagedPoolNx;
             ExAllocatePool(t, 1);"
                .to_owned(),
            "RTL_OSVERSIONINFOW v; NTSTATUS s = RtlGetVersion(&v);
             ExAllocatePool(NT_SUCCESS(s) && v.dwBuildNumber >= 9200 ? NonPagedPoolNx : NonPagedPool, 1);"
                .to_owned(),
            "RTL_OSVERSIONINFOW v; ExAllocatePool(NT_SUCCESS(RtlGetVersion(&v)) && v.dwMajorVersion >= 10 ?
             NonPagedPoolNx : NonPagedPool, 1);"
                .to_owned(),
        ] {
            let found = of(&format!("void F(void) {{ {code} }}"));
            assert_eq!(found.len(), 1, "{code} {found:?}");
            assert!(found[0].ends_with("Pool 0x200"), "{code} {found:?}");
        }
    }

    /// Calls that only an older Windows makes.
    #[test]
    fn what_older_windows_call_is_not_told() {
        for code in [
            format!("if ({NX}) ExAllocatePool(NonPagedPoolNx, 1); else ExAllocatePool(NonPagedPool, 1);"),
            format!("if (!{NX}) {{ ExAllocatePool(NonPagedPool, 1); }} else ExAllocatePool(NonPagedPoolNx, 1);"),
            format!("if ({NX}) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(NonPagedPool, 1);"),
            format!("return {NX} ? ExAllocatePool(NonPagedPoolNx, 1) : ExAllocatePool(NonPagedPool, 1);"),
            "RTL_OSVERSIONINFOW v; RtlGetVersion(&v); if (6 >= v.dwMajorVersion) return ExAllocatePool(NonPagedPool, 1);
             return ExAllocatePool(NonPagedPoolNx, 1);"
                .to_owned(),
        ] {
            let found = of(&format!("void *F(void) {{ {code} }}"));
            assert_eq!(found.len(), 1, "{code} {found:?}");
            assert!(found[0].ends_with("Pool 0x200"), "{code} {found:?}");
        }
        let wrapper = format!(
            "void *W(POOL_TYPE t) {{ if ({NX}) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(t, 1); }}"
        );
        let found = of(&format!("{wrapper}\nvoid F(void) {{ W(NonPagedPool); }}"));
        assert_eq!(found, ["a.c:2 ExAllocatePool 0x200"]);
    }

    /// Where the answer is not the same everywhere, or the member is of something else.
    #[test]
    fn what_some_windows_lack_leaves_both() {
        for condition in [
            "RtlIsNtDdiVersionAvailable(NTDDI_WIN10_RS3)",
            "RtlIsNtDdiVersionAvailable(version)",
            "IsWindows11OrGreater()",
            "v.dwMajorVersion > 6",
            "NT_SUCCESS(Ask(&v))",
        ] {
            let code = format!("ExAllocatePool({condition} ? NonPagedPoolNx : NonPagedPool, 1);");
            let found = of(&format!("void F(ULONG version, FIRMWARE v) {{ {code} }}"));
            assert_eq!(found, ["a.c:2 ExAllocatePool 0x200 or 0x0"], "{condition}");
            let code = format!("if ({condition}) return; ExAllocatePool(NonPagedPool, 1);");
            let found = of(&format!("void F(ULONG version, FIRMWARE v) {{ {code} }}"));
            assert_eq!(found, ["a.c:2 ExAllocatePool 0x0"], "{condition}");
        }
        // A function of the tree's own that says no says so.
        let own = "static BOOLEAN IsWindows8OrGreater(void) { return FALSE; }";
        let code = "void F(void) { ExAllocatePool(IsWindows8OrGreater() ? NonPagedPoolNx : NonPagedPool, 1); }";
        assert_eq!(of(&format!("{own}\n{code}")), ["a.c:3 ExAllocatePool 0x0"]);
    }
}
