//! From a call in source that asks for executable memory to a finding about it.

use super::{Source, building};
use crate::calls::{KERNEL_MODE, USER_MODE, answer_of, ruled};
use crate::memory::{denial, graded, verifier_note};
use ringfence_ddi::{Bits, Grant, Reach, Role, Ruling};
use ringfence_finding::{CallAnswer, Level, Question, RuleCard, SourceFinding, SourceMark};
use ringfence_source::{Choice, OptIn, SourceCall, Span, Term};

/// What a call asks for.
pub(crate) fn answer(call: &SourceCall, source: &Source<'_>) -> CallAnswer {
    let answer = answer_if_called(call, source);
    // Of several functions that a pointer may point to, only this one is asked.
    if call.is_maybe && answer == CallAnswer::Violation { CallAnswer::Mixed } else { answer }
}

/// The same, where it is this function that is called.
fn answer_if_called(call: &SourceCall, source: &Source<'_>) -> CallAnswer {
    match call.ddi.grant {
        // Who does not ask for the address maps nothing.
        _ if always(call, Role::ReturnedAddress, 0) => CallAnswer::Fine,
        Grant::Argument => answer_of(&rulings(call, source)),
        // Windows maps memory into a process without the right to execute it.
        Grant::Always if always(call, Role::ProcessorMode, USER_MODE) => CallAnswer::Fine,
        Grant::Always => CallAnswer::Violation,
        Grant::Never | Grant::Kernel | Grant::Section | Grant::Nothing => CallAnswer::Fine,
    }
}

/// What each choice of the deciding argument asks for.
fn rulings(call: &SourceCall, source: &Source<'_>) -> Vec<Ruling> {
    let Some((role, argument)) = call.deciding() else { return Vec::new() };
    let choices = argument.value.choices.iter();
    choices.map(|choice| ruled(call.ddi, role, given(call, choice), source.strict)).collect()
}

/// The bits that arrive: the inline functions of the kit add theirs where the driver opts in.
pub(crate) fn given(call: &SourceCall, choice: &Choice) -> Bits {
    let added = match (added_by_opt_in(call), call.opt_in.adds()) {
        (Some(added), Some(true)) => added,
        (Some(open), None) => {
            return Bits { ones: choice.bits.ones, zeros: choice.bits.zeros & !open };
        }
        _ => 0,
    };
    Bits { ones: choice.bits.ones | added, zeros: choice.bits.zeros & !added }
}

/// The bits that the headers of the kit add to the argument that decides, where the driver opts in: macros that map MDLs
/// do so by MmGetSystemAddressForMdlSafe.
fn added_by_opt_in(call: &SourceCall) -> Option<u64> {
    let is_inline = matches!(call.ddi.reach, Reach::Inline { .. });
    match call.ddi.deciding()?.1.role? {
        Role::LookasideFlags => Some(0x200),
        Role::MdlPriority if is_inline => Some(0x4000_0000),
        _ => None,
    }
}

/// Whether a call asks for executable memory, on some path at least.
pub(crate) fn asks(call: &SourceCall, source: &Source<'_>) -> bool {
    matches!(answer(call, source), CallAnswer::Violation | CallAnswer::Mixed)
}

/// Whether a call may ask for executable memory by an argument of one of `roles`.
pub(crate) fn asks_by(call: &SourceCall, source: &Source<'_>, roles: &[Role]) -> bool {
    call.deciding().is_some_and(|(role, _)| roles.contains(&role)) && asks(call, source)
}

/// Whether the argument with this role is `value` whatever path is taken.
pub(crate) fn always(call: &SourceCall, role: Role, value: u64) -> bool {
    let low = u64::MAX >> (64 - role.bits());
    every(call, role, |choice| choice.bits.constant().map(|bits| bits & low) == Some(value & low))
}

/// Whether every value that the argument with this role may have satisfies `holds`.
pub(crate) fn every(call: &SourceCall, role: Role, holds: impl Fn(&Choice) -> bool) -> bool {
    call.argument(role).is_some_and(|argument| argument.value.choices.iter().all(holds))
}

/// A finding at a call that is no violation, or not only one. `what` is the whole message.
pub(crate) fn about(
    card: &RuleCard,
    level: Level,
    call: &SourceCall,
    source: &Source<'_>,
    what: impl Into<String>,
) -> SourceFinding {
    SourceFinding::new(card, level, what, primary(call, source))
        .about(call.ddi.name, argument(call, source))
        .within(call.function.clone())
        .related(related(call, source))
}

/// A finding about a call that asks for executable memory, graded by what Driver Verifier does about it. `what` says in a
/// fragment what is asked for.
pub(crate) fn violation(
    card: &RuleCard,
    call: &SourceCall,
    source: &Source<'_>,
    what: &str,
) -> SourceFinding {
    let mixed = answer(call, source) == CallAnswer::Mixed;
    let argument = argument(call, source);
    let finding = SourceFinding::new(
        card,
        graded(call.ddi.verifier.behaviour, mixed),
        message(call, source, what, argument.as_deref()),
        primary(call, source),
    );
    let finding = match denial(call.ddi).filter(|_| !mixed) {
        Some((authorities, confidence)) => {
            SourceFinding { confidence, ..finding.denying(&[Question::Certify], &authorities) }
        }
        None => finding,
    };
    let finding = finding
        .about(call.ddi.name, argument)
        .within(call.function.clone())
        .as_warning(warning(call))
        .related(related(call, source));
    let finding = [opt_in_note(call, source), verifier_note(call.ddi, mixed)]
        .into_iter()
        .flatten()
        .fold(finding, SourceFinding::note);
    match call.argument(Role::ProcessorMode).is_some()
        && !always(call, Role::ProcessorMode, KERNEL_MODE)
    {
        true if !always(call, Role::ProcessorMode, USER_MODE) => {
            finding.note("AccessMode is not known; for user mode no mapping is executable")
        }
        _ => finding,
    }
}

/// A finding that it is not known whether a call asks for executable memory, and why.
pub(super) fn open(card: &RuleCard, call: &SourceCall, source: &Source<'_>) -> SourceFinding {
    let argument = argument(call, source);
    let what = "whether memory is executable is not known";
    let message = message(call, source, what, argument.as_deref());
    SourceFinding::new(card, Level::Note, message, primary(call, source))
        .open()
        .about(call.ddi.name, argument)
        .within(call.function.clone())
        .related(related(call, source))
}

/// The warning that Code Analysis gives.
fn warning(call: &SourceCall) -> Option<&'static str> {
    match call.opt_in {
        OptIn::OptedOut { .. } if depends_on_opt_in(call) => Some("C30032"),
        _ => call.ddi.warning.map(|warning| warning.id),
    }
}

/// Whether an opt-in would have made the call fine.
pub(crate) fn depends_on_opt_in(call: &SourceCall) -> bool {
    let Some(added) = added_by_opt_in(call) else {
        return terms(call).any(|term| term.by_opt_in);
    };
    // What is passed anyway needs no opt-in.
    let choices = call.deciding().map(|(_, argument)| &argument.value.choices);
    choices.into_iter().flatten().any(|choice| choice.bits.ones & added == 0)
}

/// The constants that decide.
pub(crate) fn terms(call: &SourceCall) -> impl Iterator<Item = &Term> {
    let argument = call.deciding().map(|(_, argument)| argument);
    argument
        .into_iter()
        .flat_map(|argument| &argument.value.choices)
        .flat_map(|choice| &choice.terms)
}

fn message(call: &SourceCall, source: &Source<'_>, what: &str, argument: Option<&str>) -> String {
    let mixed = answer(call, source) == CallAnswer::Mixed;
    let builds = match &call.opt_in {
        OptIn::Partly { without } if depends_on_opt_in(call) => {
            building::in_builds(without, source)
        }
        _ => String::new(),
    };
    let path = match mixed {
        true if call.opt_in.is_by_build() && depends_on_opt_in(call) => ", depending on the build",
        true if is_by_build(call) => ", depending on the build",
        // One value, whatever path is taken.
        true if answer_if_called(call, source) == CallAnswer::Violation => {
            ", if this function is what is called"
        }
        true if added_by_opt_in(call).is_some() && is_one_value(call) => {
            ", unless the driver opts in before"
        }
        true => ", depending on the path",
        false => "",
    };
    let by_way_of = match &call.via[..] {
        [] => String::new(),
        [one] => format!(", by way of `{}`", one.name),
        [first, .., last] => format!(", by way of `{}` and on to `{}`", first.name, last.name),
    };
    match argument {
        Some(argument) => {
            format!("{what}{builds}{path}: {argument} at {}{by_way_of}", call.ddi.name)
        }
        None => format!("{what}{builds}{path}: {}{by_way_of}", call.ddi.name),
    }
}

/// Whether it is the build alone that decides what a call asks for.
fn is_by_build(call: &SourceCall) -> bool {
    !call.is_maybe && call.deciding().is_some_and(|(_, argument)| argument.value.is_by_build())
}

/// Whether a single value is passed whatever path is taken.
fn is_one_value(call: &SourceCall) -> bool {
    call.deciding().is_some_and(|(_, argument)| argument.value.choices.len() == 1)
}

/// What a value is called, by the name that the source has for it: some types of pool have several.
fn spelled(words: String, choice: &Choice) -> String {
    match (&choice.terms[..], words.split_once(' ')) {
        ([term], Some(("NonPagedPool", rest))) if term.name.starts_with("NonPagedPool") => {
            format!("{} {rest}", term.name)
        }
        _ => words,
    }
}

/// `PoolType = NonPagedPool (0) or NonPagedPoolNx (0x200)`
pub(crate) fn argument(call: &SourceCall, source: &Source<'_>) -> Option<String> {
    let _ = source;
    let (index, parameter) = call.ddi.deciding()?;
    let role = parameter.role?;
    let argument = call.arguments.get(usize::from(index))?;
    let mut values: Vec<String> = Vec::new();
    // Which bits of a protection are set is told where others are not known.
    let known = |choice: &Choice| match role {
        Role::PageProtection => choice.bits.ones & (u64::MAX >> (64 - role.bits())),
        _ => 0,
    };
    for choice in &argument.value.choices {
        let words = match (choice.bits.constant(), &choice.unknown) {
            (Some(value), _) => spelled(role.words(value), choice),
            (None, Some(why)) if known(choice) != 0 => {
                format!("{} or'ed to something not known, as {why}", role.words(known(choice)))
            }
            (None, Some(why)) => format!("not known, as {why}"),
            (None, None) => "not known".to_owned(),
        };
        if !values.contains(&words) {
            values.push(words);
        }
    }
    Some(format!("{} = {}", parameter.name, values.join(" or ")))
}

/// What the finding points at: the argument that decides, where it stands in the line of the call, else the name called.
pub(super) fn primary(call: &SourceCall, source: &Source<'_>) -> SourceMark {
    let written = call.deciding().and_then(|(_, argument)| argument.span);
    let says = call.ddi.deciding().map_or("", |(_, parameter)| parameter.name);
    match written.filter(|span| call.via.is_empty() && is_in_first_line(*span, call, source)) {
        Some(span) => source.mark(span, says),
        None => source.mark(first_line(call, source), ""),
    }
}

/// Whether `span` begins in the line that the call begins in.
fn is_in_first_line(span: Span, call: &SourceCall, source: &Source<'_>) -> bool {
    span.file == call.span.file && source.region(span).line == source.region(call.span).line
}

/// The call's name; of a macro's body, what of the call stands in its first line.
fn first_line(call: &SourceCall, source: &Source<'_>) -> Span {
    if call.callee != call.span {
        return call.callee;
    }
    let text = source.tree.text(call.span);
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    let start = call.span.start as usize;
    Span::new(call.span.file, start..start + end)
}

fn related(call: &SourceCall, source: &Source<'_>) -> Vec<SourceMark> {
    let mut marks = Vec::new();
    let mut shown = vec![call.span];
    // What the finding itself does not point at.
    let written = call.deciding().and_then(|(_, argument)| argument.span);
    let is_apart = |span: &Span| call.via.is_empty() && !is_in_first_line(*span, call, source);
    if let Some(span) = written.filter(is_apart) {
        let name = call.ddi.deciding().map_or("", |(_, parameter)| parameter.name);
        shown.push(span);
        marks.push(source.mark(span, name));
    }
    let mut show = |span: Span, says: String| {
        let is_shown = |known: &Span| {
            known.file == span.file && known.start <= span.start && span.end <= known.end
        };
        if !shown.iter().any(is_shown) {
            shown.push(span);
            marks.push(source.mark(span, says));
        }
    };
    for given in &call.pointed {
        show(*given, format!("the pointer is given `{}` here", call.ddi.name));
    }
    for hop in &call.via {
        let kind = if hop.is_macro { "the macro" } else { "the function" };
        show(hop.span, format!("{kind} `{}` passes it on here", hop.name));
    }
    for term in terms(call).filter(|term| term.name.len() > 1 || !term.name.starts_with('0')) {
        if let Some(span) = term.span {
            show(span, format!("`{}` is chosen here", term.name));
        }
    }
    if let OptIn::OptedOut { at: Some(at), cancels: true } = call.opt_in {
        show(at, "POOL_NX_OPTOUT cancels the opt-in here".to_owned());
    }
    marks
}

/// What an opt-in has to do with it.
fn opt_in_note(call: &SourceCall, source: &Source<'_>) -> Option<String> {
    use ringfence_source::Initialised;
    if !depends_on_opt_in(call) {
        return None;
    }
    Some(match &call.opt_in {
        OptIn::Partly { without } => return Some(building::lacking(without, source)),
        OptIn::Runtime(Initialised::Never) => {
            "POOL_NX_OPTIN is defined, but nothing calls ExInitializeDriverRuntime(DrvRtPoolNxOptIn): \
             the memory stays executable"
        }
        OptIn::Runtime(Initialised::Later(call)) => {
            return Some(format!(
                "this runs before ExInitializeDriverRuntime(DrvRtPoolNxOptIn), which is called at {}:{}: until \
                 then the memory is executable",
                source.tree.name(call.file),
                source.tree.file(call.file).text.place(call.start as usize).line
            ));
        }
        OptIn::Runtime(Initialised::Unproven(call)) => {
            return Some(format!(
                "whether ExInitializeDriverRuntime(DrvRtPoolNxOptIn), which is called at {}:{}, runs before this \
                 could not be proven: it depends on the path",
                source.tree.name(call.file),
                source.tree.file(call.file).text.place(call.start as usize).line
            ));
        }
        OptIn::Runtime(Initialised::ByBuild(call)) => {
            return Some(format!(
                "whether ExInitializeDriverRuntime(DrvRtPoolNxOptIn) is called at {}:{} depends on the build: \
                 without it the memory stays executable",
                source.tree.name(call.file),
                source.tree.file(call.file).text.place(call.start as usize).line
            ));
        }
        OptIn::Runtime(Initialised::Unseen(call)) => {
            return Some(format!(
                "whether ExInitializeDriverRuntime(DrvRtPoolNxOptIn), which is called at {}:{}, runs before this \
                 could not be proven: control comes there by ways that are not followed",
                source.tree.name(call.file),
                source.tree.file(call.file).text.place(call.start as usize).line
            ));
        }
        OptIn::Runtime(Initialised::Elsewhere(_)) => {
            "POOL_NX_OPTIN is defined, but ExInitializeDriverRuntime(DrvRtPoolNxOptIn) is called where \
             DriverEntry was not seen to come by"
        }
        OptIn::OptedOut { cancels: true, .. } => "POOL_NX_OPTOUT cancels the opt-in for this file",
        OptIn::Open => "whether POOL_NX_OPTIN or POOL_NX_OPTIN_AUTO is defined depends on the build",
        _ => return None,
    }.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::source::tests::findings_of;
    use ringfence_finding::Targets;

    /// The messages about a piece of C.
    fn messages(code: &str) -> Vec<String> {
        let text =
            format!("#include <ntddk.h>\ntypedef PVOID (*T)(POOL_TYPE, SIZE_T, ULONG);\n{code}");
        let all = findings_of(&[("a.c", &text)], Targets::DEFAULT);
        all.into_iter().map(|one| one.message).collect()
    }

    /// A path that decides about values has several of them; where a single one is passed, what is called is open.
    #[test]
    fn what_may_be_called_is_told_apart_from_what_is_passed() {
        let to = "PoolType = NonPagedPool (0)";
        let at = "at ExAllocatePoolWithTag";
        let what = "memory is requested from an executable pool";
        let pointer =
            "void F(int c, T q) { T a = q; if (c) a = ExAllocatePoolWithTag; a(KIND, 1, 1); }";
        assert_eq!(
            messages(&pointer.replace("KIND", "NonPagedPool")),
            [format!("{what}, if this function is what is called: {to} {at}")]
        );
        assert_eq!(
            messages(&pointer.replace("KIND", "c ? NonPagedPool : PagedPool")),
            [format!("{what}, depending on the path: {to} or PagedPool (1) {at}")]
        );
        assert_eq!(
            messages("void F(void) { ExAllocatePoolWithTag(NonPagedPool, 1, 1); }"),
            [format!("{what}: {to} {at}")]
        );
    }
}
