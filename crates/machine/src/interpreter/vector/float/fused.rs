//! Products with a sum, rounded once.

use super::super::lane::{fill, pick, put};
use super::Number;
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::family::Family;
use iced_x86::{Code, Instruction};

/// What a mnemonic says in its name: `vf`, the signs, the order of operands, the elements.
#[derive(Clone, Copy)]
struct Meaning {
    negates_product: bool,
    subtracts: Sign,
    order: Order,
    single: bool,
    scalar: bool,
}

/// Which elements subtract.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Even,
    Odd,
    All,
}

impl Sign {
    fn is_of(self, number: usize) -> bool {
        match self {
            Self::None => false,
            Self::Even => number.is_multiple_of(2),
            Self::Odd => !number.is_multiple_of(2),
            Self::All => true,
        }
    }
}

#[derive(Clone, Copy)]
enum Order {
    O132,
    O213,
    O231,
}

fn meaning(i: &Instruction) -> Option<Meaning> {
    // Of the many codes only the name says what they do; it is `Vfmadd132ps` and so on.
    let name = format!("{:?}", i.mnemonic());
    let rest = name.strip_prefix("Vf")?;
    let (negates_product, rest) = match rest.strip_prefix('n') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    // In the longer ones, the even elements do what is said last.
    let (subtracts, rest) = [
        ("maddsub", Sign::Even),
        ("msubadd", Sign::Odd),
        ("madd", Sign::None),
        ("msub", Sign::All),
    ]
    .into_iter()
    .find_map(|(name, sign)| Some((sign, rest.strip_prefix(name)?)))?;
    let order = match rest.get(..3)? {
        "132" => Order::O132,
        "213" => Order::O213,
        "231" => Order::O231,
        _ => return None,
    };
    let (single, scalar) = match rest.get(3..)? {
        "ps" => (true, false),
        "pd" => (false, false),
        "ss" => (true, true),
        "sd" => (false, true),
        _ => return None,
    };
    Some(Meaning { negates_product, subtracts, order, single, scalar })
}

pub(super) fn family(i: &Instruction) -> Option<Family> {
    let known = i.code() != Code::INVALID && meaning(i).is_some();
    known.then_some(fused as Family)
}

fn apply<T: Number>(meaning: Meaning, number: usize, [x, y, z]: [T; 3]) -> T {
    let (a, b, c) = match meaning.order {
        Order::O132 => (x, z, y),
        Order::O213 => (y, x, z),
        Order::O231 => (y, z, x),
    };
    // A sign changes a number only: what is none keeps its own.
    let sign = |on: bool, value: T| {
        if on && value.order(value).is_some() { value.negated() } else { value }
    };
    sign(meaning.negates_product, a).fused(b, sign(meaning.subtracts.is_of(number), c))
}

fn fused(core: &mut Core, i: &Instruction) -> Outcome {
    let Some(meaning) = meaning(i) else { return core.unsupported(i) };
    core.plain_arithmetic(i)?;
    let z = core.vector(i, 2)?;
    let (x, y) = (core.vector(i, 0)?, core.vector(i, 1)?);
    let lane = |n: usize| {
        let (x, y, z) = (x[n], y[n], z[n]);
        let single = |e| apply::<f32>(meaning, e, [x, y, z].map(|lane| pick(lane, e)));
        let double = |e| apply::<f64>(meaning, e, [x, y, z].map(|lane| pick(lane, e)));
        match (meaning.single, meaning.scalar) {
            (true, false) => fill(single),
            (false, false) => fill(double),
            (true, true) => put(x, 0, single(0)),
            (false, true) => put(x, 0, double(0)),
        }
    };
    core.set_vector(i, [lane(0), lane(1)]);
    Ok(())
}
