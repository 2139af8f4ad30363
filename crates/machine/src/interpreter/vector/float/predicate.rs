//! The predicates of `cmpps` and its like.

use std::cmp::Ordering;

/// Whether a predicate holds. The upper sixteen differ from the lower in what they signal only.
pub(super) fn holds(order: Option<Ordering>, predicate: u8) -> bool {
    use Ordering::{Equal, Greater, Less};
    match predicate {
        0 => order == Some(Equal),
        1 => order == Some(Less),
        2 => matches!(order, Some(Less | Equal)),
        3 => order.is_none(),
        4 => order != Some(Equal),
        5 => order != Some(Less),
        6 => !matches!(order, Some(Less | Equal)),
        7 => order.is_some(),
        8 => matches!(order, Some(Equal) | None),
        9 => !matches!(order, Some(Greater | Equal)),
        10 => order != Some(Greater),
        11 => false,
        12 => matches!(order, Some(Less | Greater)),
        13 => matches!(order, Some(Greater | Equal)),
        14 => order == Some(Greater),
        _ => true,
    }
}
