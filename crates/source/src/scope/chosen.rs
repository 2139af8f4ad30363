//! `condition ? yes : no`, where the condition keeps some values from one of the two.

use crate::evaluate::Place;
use crate::expression::Expression;
use crate::syntax::Variable;
use crate::value::{Choice, Value};

/// How many names of a condition are looked at.
const MOST_NAMES: usize = 4;
/// How much deeper a condition stands than what it decides about, so that conditions upon conditions end.
const DEEPER: usize = 8;

impl<'w> Place<'w, '_> {
    /// The value of a choice whose condition is not known for certain: each arm with the values that lead to it.
    pub(crate) fn chosen(&self, of: &[Expression; 3], depth: usize) -> Value {
        let [condition, yes, no] = of;
        let mut names = Vec::new();
        names_in(condition, &mut names);
        let mut when_yes: Vec<(&str, Value)> = Vec::new();
        let mut when_no: Vec<(&str, Value)> = Vec::new();
        for (name, value) in
            names.iter().filter_map(|name| Some((*name, self.steady(name, depth)?)))
        {
            let truth = |choice: &Choice| {
                let bound = vec![(name, Value::from(vec![choice.clone()]))];
                self.with(bound, |place| place.value(condition, depth + DEEPER).truth())
            };
            let truths: Vec<_> = value.choices.iter().map(truth).collect();
            let without = |wrong: bool| {
                let mut truths = truths.iter();
                value.only(|_| truths.next() != Some(&Some(wrong)))
            };
            when_yes.extend(without(false).map(|value| (name, value)));
            when_no.extend(without(true).map(|value| (name, value)));
        }
        let arm = |of: &Expression, bound| self.with(bound, |place| place.value(of, depth + 1));
        Value::either([arm(yes, when_yes), arm(no, when_no)])
    }

    /// The values of a name in an expression, where there are several and reading it twice gives the same.
    fn steady(&self, name: &str, depth: usize) -> Option<Value> {
        let is_several =
            |value: &Value| value.choices.len() > 1 && !value.choices.iter().all(Choice::is_open);
        if let Some((_, value)) = self.macro_given.iter().find(|(known, _)| *known == name) {
            return Some(value.clone()).filter(is_several);
        }
        let function = &self.world.parsed[self.parsed].syntax.functions[self.function?];
        let local = self.reaching(name)?;
        let events: Vec<&Variable> = local.order.iter().map(|(_, variable)| *variable).collect();
        let is_steady = !local.is_loose && self.is_steady(name, function, &events);
        is_steady.then(|| self.local(name, depth + DEEPER)).flatten().filter(is_several)
    }

    /// Does something where names stand for other values.
    fn with<'b, T>(
        &self,
        mut bound: Vec<(&'b str, Value)>,
        work: impl FnOnce(&Place<'_, '_>) -> T,
    ) -> T
    where
        'w: 'b,
    {
        bound.extend(self.macro_given.iter().cloned());
        work(&Place { macro_given: &bound, ..*self })
    }
}

/// The names in an expression.
fn names_in<'e>(of: &'e Expression, found: &mut Vec<&'e str>) {
    if found.len() >= MOST_NAMES {
        return;
    }
    match of {
        Expression::Name(name, _) if !found.contains(&&**name) => found.push(name),
        Expression::Unary(_, of) | Expression::Cast(_, of) => names_in(of, found),
        Expression::Binary(_, left, right) => {
            names_in(left, found);
            names_in(right, found);
        }
        _ => {}
    }
}
