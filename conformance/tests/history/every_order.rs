//! The definition of linearizability, carried out: every order is tried. It shares no line with the checker.

use seaworthy_conformance::history::{Action, History, Operation, Outcome, Value};
use std::collections::BTreeSet;

/// Is there an order for each key?
pub(crate) fn has_order(history: &History) -> bool {
    let keys: BTreeSet<&str> = history.operations.iter().map(|operation| &*operation.key).collect();
    keys.iter().all(|key| {
        let here: Vec<&Operation> = history.operations.iter().filter(|it| *it.key == **key).collect();
        has_order_of(&here)
    })
}

/// Is there an order of these operations on one key?
pub(crate) fn has_order_of(operations: &[&Operation]) -> bool {
    can_go_on(operations, &mut vec![false; operations.len()], None)
}

/// Can those that are not placed be put behind those that are?
fn can_go_on(operations: &[&Operation], placed: &mut [bool], value: Value) -> bool {
    let is_certain = |operation: &Operation| matches!(operation.outcome, Outcome::Done | Outcome::Found(_));
    let lacks = |place: usize, placed: &[bool]| is_certain(operations[place]) && !placed[place];
    if !(0..operations.len()).any(|place| lacks(place, placed)) {
        return true;
    }
    for place in 0..operations.len() {
        let operation = operations[place];
        let must_wait = |other: usize| {
            lacks(other, placed) && operations[other].end.is_some_and(|end| end < operation.begin)
        };
        if placed[place] || operation.outcome == Outcome::Failed || (0..operations.len()).any(must_wait) {
            continue;
        }
        let after = match (operation.action, operation.outcome) {
            (Action::Read, Outcome::Found(found)) => (found == value).then_some(value),
            (Action::Read, Outcome::Done | Outcome::Failed | Outcome::Unknown) => None,
            (Action::Write(new), _) => Some(new),
            (Action::Cas { expected, new }, _) => (expected == value).then_some(new),
        };
        let Some(after) = after else { continue };
        placed[place] = true;
        if can_go_on(operations, placed, after) {
            return true;
        }
        placed[place] = false;
    }
    false
}
