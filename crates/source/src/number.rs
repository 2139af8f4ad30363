//! Numbers that the compiler has to know: how many elements an array has.

use crate::expression::{self, Binary, Expression, Unary};
use crate::preprocess::Unit;
use crate::{FileId, SourceTree, vocabulary};
use std::cell::Cell;
use std::ops::Range;

/// Looks names up in a translation unit.
pub(crate) struct Numbers<'a, 't> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) unit: &'a Unit<'t>,
    /// What is left to look at: macros may double what they name, again and again.
    budget: Cell<u32>,
}

const DEEPEST: usize = 64;
const BUDGET: u32 = 4_000;

impl<'a, 't> Numbers<'a, 't> {
    pub(crate) fn new(tree: &'t SourceTree, unit: &'a Unit<'t>) -> Numbers<'a, 't> {
        Numbers { tree, unit, budget: Cell::new(BUDGET) }
    }

    /// The number in a part of a file; none where it is not plain.
    pub(crate) fn value(&self, file: FileId, range: Range<usize>) -> Option<u64> {
        let visit = self.unit.visits.get(&file);
        let time = visit.map_or(self.unit.end, |visit| visit.time(range.start));
        let text = self.tree.file(file).text.as_str();
        self.budget.set(BUDGET);
        self.of(&expression::read(text, range, file), time, 0)
    }

    /// Whether what `name` stands for at a time is a number.
    pub(crate) fn is_number(&self, name: &str, time: u32) -> bool {
        self.budget.set(BUDGET);
        self.name(name, time, 0).is_some()
    }

    fn of(&self, of: &Expression, time: u32, depth: usize) -> Option<u64> {
        self.budget.set(self.budget.get().checked_sub(1)?);
        if depth > DEEPEST {
            return None;
        }
        let inner = |of: &Expression| self.of(of, time, depth + 1);
        match of {
            Expression::Number(value, _) => Some(*value),
            Expression::Name(name, _) => self.name(name, time, depth),
            Expression::Cast(_, of) => inner(of),
            Expression::Unary(Unary::Minus, of) => inner(of).map(u64::wrapping_neg),
            Expression::Binary(operator, left, right) => {
                let (left, right) = (inner(left)?, inner(right)?);
                match operator {
                    Binary::Add => left.checked_add(right),
                    Binary::Subtract => left.checked_sub(right),
                    Binary::Multiply => left.checked_mul(right),
                    Binary::Divide => left.checked_div(right),
                    Binary::ShiftLeft => left.checked_shl(u32::try_from(right).ok()?),
                    Binary::Or => Some(left | right),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn name(&self, name: &str, time: u32, depth: usize) -> Option<u64> {
        let meanings = self.unit.meanings(name, time);
        match &meanings.macros[..] {
            [] => match name {
                "ANYSIZE_ARRAY" => Some(1),
                _ => vocabulary::constant(name),
            },
            // A name costs more than an operator: macros double what they name twice.
            [only] if !meanings.maybe_undefined && only.parameters.is_none() => {
                self.of(&only.expression(self.tree), time, depth + 8)
            }
            _ => None,
        }
    }
}
