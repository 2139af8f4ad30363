//! A call as data, for reports.

use super::DdiCall;
use ringfence_code::{Possible, Reason};
use ringfence_ddi::{Role, Ruling};
use ringfence_finding::{Argument, Call, Choice, Via};

impl DdiCall {
    /// The call as data.
    pub fn data(&self) -> Call {
        let deciding = self.deciding();
        let (values, words, unknown) = self.values_told();
        let chosen_by = self.by_callers.iter().map(DdiCall::choice).collect();
        Call {
            rva: self.site.at.0,
            function: self.site.function.map(|function| function.0),
            source: None,
            ddi: self.ddi.name,
            via: via(self.site.via),
            argument: deciding
                .map(|deciding| Argument { index: deciding.index, name: deciding.name }),
            values,
            words,
            unknown,
            answer: self.answer,
            chosen_by,
            chosen_alike: self.site.alike,
        }
    }

    /// The way in which callers choose its argument, as data.
    fn choice(&self) -> Choice {
        let (values, words, unknown) = self.values_told();
        let calls = self.route.iter().flat_map(|route| &route.calls);
        let calls = calls.map(|step| step.at.0).collect();
        Choice { calls, values, words, unknown, answer: self.answer }
    }

    /// The values of the argument that decides, in numbers and in words, and why it is not known of all what they
    /// ask for. Of those in words some may be no whole numbers.
    fn values_told(&self) -> (Vec<u64>, Vec<String>, Option<String>) {
        let deciding = self.deciding();
        // What the instructions before an unreached call make of its argument need not be so.
        let known = deciding.filter(|_| self.site.reached);
        let possible = known.map_or(&[][..], |deciding| &deciding.value.possible);
        let mut values: Vec<_> = possible.iter().filter_map(Possible::constant).collect();
        values.dedup();
        let rulings = known.map_or(&[][..], |deciding| deciding.rulings);
        let (mut words, mut reasons) = (Vec::new(), Vec::new());
        for (one, ruling) in possible.iter().zip(rulings) {
            // Of some values what is known of them says what they ask for.
            let told = one.constant().is_some() || *ruling != Ruling::Undecided;
            match known.filter(|_| told) {
                Some(deciding) => words.push(in_words(deciding.role, one)),
                None => reasons.push(reason(one)),
            }
        }
        words.dedup();
        reasons.dedup();
        if !self.site.reached {
            reasons = vec![UNREACHED.to_owned()];
        }
        (values, words, (!reasons.is_empty()).then(|| reasons.join("; ")))
    }
}

fn reason(possible: &Possible) -> String {
    possible.unknown.map_or_else(|| NO_REASON.to_owned(), |reason| reason.to_string())
}

/// What is said of a call that nothing is known to lead to.
const UNREACHED: &str = "no known path leads to this call";

/// What is said where nothing is known of a value.
pub(super) const NO_REASON: &str = "it could not be told";

/// A reason without its place, so that calls can be counted by it.
pub(super) fn kind_of_reason(reason: Option<Reason>) -> String {
    match reason {
        None => NO_REASON.to_owned(),
        Some(Reason::Parameter(_)) => "it is a parameter of the function that calls".to_owned(),
        Some(Reason::Global(_)) => "it is read from a writable variable".to_owned(),
        Some(Reason::ReturnedBy(_)) => "it is what another function returned".to_owned(),
        Some(reason) => reason.to_string(),
    }
}

/// A possible value in the words of the headers, or what is known of it.
pub(crate) fn in_words(role: Role, possible: &Possible) -> String {
    if let Some(value) = possible.constant() {
        return role.words(value);
    }
    let within = u64::MAX >> (64 - u32::from(role.bits()).clamp(1, 64));
    match (possible.ones & within, possible.zeros & within) {
        (0, 0) => "an unknown value".to_owned(),
        (ones, 0) => format!("a value with the bits {ones:#x} set"),
        (0, zeros) => format!("a value with the bits {zeros:#x} clear"),
        (ones, zeros) => format!("a value with the bits {ones:#x} set and {zeros:#x} clear"),
    }
}

fn via(via: ringfence_code::Via) -> Via {
    match via {
        ringfence_code::Via::Slot => Via::Import,
        ringfence_code::Via::TailCall => Via::TailCall,
        ringfence_code::Via::Thunk => Via::Thunk,
        ringfence_code::Via::Register => Via::Register,
        ringfence_code::Via::GuardDispatch => Via::GuardDispatch,
        ringfence_code::Via::Retpoline => Via::Retpoline,
        ringfence_code::Via::Table => Via::Table,
    }
}
