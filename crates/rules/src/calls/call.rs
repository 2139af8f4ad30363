//! One call of a DDI.

use super::judge::{self, Judging};
use super::opt_in::OptIn;
use ringfence_code::{Possible, Reason, Route, Site, Value, Variable};
use ringfence_ddi::{Ddi, Grant, Role, Ruling};
use ringfence_finding::CallAnswer;
use ringfence_image::Rva;

/// A call of a DDI, with what follows from its arguments.
#[derive(Debug)]
pub struct DdiCall {
    /// The DDI.
    pub ddi: &'static Ddi,
    /// The name by which the driver knows it, where it has several.
    pub called: &'static str,
    /// Where it is called, and with what.
    pub site: Site,
    /// What follows.
    pub answer: CallAnswer,
    /// The DDI that is given as Allocate routine, if it is one whatever path is taken.
    pub allocates_by: Option<&'static Ddi>,
    /// The way by which callers choose the arguments, if this is one of several.
    pub route: Option<Route>,
    /// The same call for each way in which callers choose its arguments.
    pub by_callers: Vec<DdiCall>,
    /// The variable that the argument comes from and that has to be set up before, if it does.
    pub opt_in: Option<OptIn>,
    /// What each possible value of the deciding argument asks for, in their order.
    rulings: Vec<Ruling>,
    value: Option<Value>,
}

/// The argument that decides what a call asks for.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'a> {
    /// Its place among the parameters, from 0.
    pub index: u8,
    /// Its name in the documentation.
    pub name: &'static str,
    /// What its value means.
    pub role: Role,
    /// What it may be.
    pub value: &'a Value,
    /// What each possible value asks for, in their order.
    pub rulings: &'a [Ruling],
}

/// A value of which nothing is known, and not even why.
const NOTHING_KNOWN: Possible =
    Possible { ones: 0, zeros: 0, set_at: None, unknown: None, points_to: None, origin: None };

/// Bytes before a call in which an argument is set for that call.
const MOST_BEFORE: u32 = 64;

/// `KernelMode` of `KPROCESSOR_MODE`.
pub(crate) const KERNEL_MODE: u64 = 0;
/// `UserMode` of `KPROCESSOR_MODE`.
pub(crate) const USER_MODE: u64 = 1;

impl DdiCall {
    /// A call and what follows from it. `variables` are those that arguments come from.
    pub fn judged(
        ddi: &'static Ddi,
        mut site: Site,
        asked: Judging,
        variables: &[Variable],
    ) -> DdiCall {
        let routes = std::mem::take(&mut site.routes);
        let by_callers: Vec<DdiCall> = routes
            .iter()
            .map(|route| {
                let site = Site { arguments: route.arguments.clone(), ..site.clone() };
                DdiCall::one(ddi, site, Some(route.clone()), asked, variables)
            })
            .collect();
        site.routes = routes;
        let mut call = DdiCall::one(ddi, site, None, asked, variables);
        if call.site.reached && !by_callers.is_empty() {
            // What one caller asks for does not depend on what another one does.
            let answers: Vec<_> = by_callers.iter().map(|call| call.answer).collect();
            let gravest = CallAnswer::ALL.into_iter().find(|answer| answers.contains(answer));
            call.answer = gravest.unwrap_or(call.answer);
            call.opt_in = None;
        }
        call.by_callers = by_callers;
        call
    }

    /// The call as it is asked for: once for each way in which callers choose its arguments.
    pub fn as_asked(&self) -> impl Iterator<Item = &DdiCall> {
        let itself = self.by_callers.is_empty().then_some(self);
        itself.into_iter().chain(&self.by_callers)
    }

    /// Notes by which name the driver knows the DDI.
    pub(super) fn call_it(&mut self, name: &'static str) {
        self.called = name;
        self.by_callers.iter_mut().for_each(|call| call.called = name);
    }

    /// The call that chose the arguments.
    pub fn chosen_at(&self) -> Rva {
        let first = self.route.as_ref().and_then(|route| route.calls.first());
        first.map_or(self.site.at, |step| step.at)
    }

    fn one(
        ddi: &'static Ddi,
        site: Site,
        route: Option<Route>,
        asked: Judging,
        variables: &[Variable],
    ) -> DdiCall {
        let deciding = ddi.deciding().filter(|_| ddi.grant == Grant::Argument);
        let value = deciding.map(|(index, _)| {
            let given = site.arguments.iter().find(|argument| argument.index == index);
            let possible = given.map(|argument| argument.value.possible.clone());
            let possible = possible.filter(|possible| !possible.is_empty());
            Value { possible: possible.unwrap_or_else(|| vec![NOTHING_KNOWN]) }
        });
        let role = deciding.and_then(|(_, parameter)| parameter.role);
        let possible = value.iter().flat_map(|value| &value.possible);
        let rulings: Vec<_> = role.map_or_else(Vec::new, |role| {
            possible.map(|possible| judge::ruling(ddi, role, possible, asked.strict)).collect()
        });
        let answer = CallAnswer::Fine;
        let mut call = DdiCall {
            ddi,
            called: ddi.name,
            site,
            answer,
            allocates_by: None,
            route,
            by_callers: Vec::new(),
            opt_in: None,
            rulings,
            value,
        };
        let at = call.chosen_at();
        let value = call.value.as_ref();
        call.opt_in = value.and_then(|value| OptIn::of(value, &call.rulings, variables, at));
        call.answer = match ddi.grant {
            // It may be data, and what leads there unseen could bring other values.
            _ if !call.site.reached => CallAnswer::Unknown,
            Grant::Argument => match &call.opt_in {
                Some(opt_in) => opt_in.answer(asked.targets),
                None => judge::answer(&call.rulings),
            },
            // Windows maps memory into a process without the right to execute it.
            Grant::Always if call.always(Role::ProcessorMode, USER_MODE) => CallAnswer::Fine,
            Grant::Always => CallAnswer::Violation,
            Grant::Never | Grant::Kernel | Grant::Section | Grant::Nothing => CallAnswer::Fine,
        };
        // The call may go elsewhere: on some path it does not ask at all.
        if call.answer == CallAnswer::Violation && !call.site.always {
            call.answer = CallAnswer::Mixed;
        }
        call
    }

    /// Whether what decides is a number that does no harm and that instructions just before the call set: so
    /// whatever leads to those, as to a function that nothing calls.
    pub(super) fn is_harmless_wherever_from(&self) -> bool {
        let is_set_before = |possible: &Possible| {
            let set_at = possible.set_at.map(|set_at| set_at.0);
            let near = self.site.at.0.saturating_sub(MOST_BEFORE)..self.site.at.0;
            possible.constant().is_some() && set_at.is_some_and(|set_at| near.contains(&set_at))
        };
        let possible = self.value.iter().flat_map(|value| &value.possible);
        self.by_callers.is_empty()
            && !self.rulings.is_empty()
            && judge::answer(&self.rulings) == CallAnswer::Fine
            && possible.into_iter().all(is_set_before)
    }

    /// The argument that decides, where one does.
    pub fn deciding(&self) -> Option<Deciding<'_>> {
        let (index, parameter) = self.ddi.deciding()?;
        Some(Deciding {
            index,
            name: parameter.name,
            role: parameter.role?,
            value: self.value.as_ref()?,
            rulings: &self.rulings,
        })
    }

    /// The values of the parameter with this role.
    pub fn argument(&self, role: Role) -> Option<&Value> {
        let (index, _) = self.ddi.parameter(|known| known == role)?;
        self.site
            .arguments
            .iter()
            .find(|argument| argument.index == index)
            .map(|found| &found.value)
    }

    /// Whether every value that the parameter with this role may have satisfies `holds`.
    pub(crate) fn every(&self, role: Role, holds: impl Fn(&Possible) -> bool) -> bool {
        self.argument(role)
            .is_some_and(|value| !value.possible.is_empty() && value.possible.iter().all(holds))
    }

    /// Whether the parameter with this role is `value` whatever path is taken.
    pub(crate) fn always(&self, role: Role, value: u64) -> bool {
        self.every(role, |possible| possible.constant() == Some(value))
    }

    /// Why the deciding argument is not known well enough: each undecided value with its reason.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = Option<Reason>> {
        let possible = self.value.iter().flat_map(|value| &value.possible);
        possible
            .zip(&self.rulings)
            .filter(|(_, ruling)| **ruling == Ruling::Undecided)
            .map(|(possible, _)| possible.unknown)
    }
}
