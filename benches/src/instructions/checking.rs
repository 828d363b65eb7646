//! What the checker does for each state, without its engine: that has threads of its own, which callgrind does not follow from here.
//!
//! The model's tables hash with seeds that differ from process to process. That moves the count by a thousandth: far less than is
//! tolerated.

use super::runs::Counted;
use seaworthy_model::bounds::{Batching, Bounds};
use seaworthy_model::pinned;
use seaworthy_model::system::{Raft, State};
use stateright::{Model as _, Property};
use std::collections::{BTreeSet, VecDeque};

/// Goes through all states of `smoke`, and judges each; but without the calm schedules that are run from each.
pub(super) fn smoke(counted: Counted<'_>) {
    let smoke = Bounds::all().into_iter().find(|bounds| bounds.name == "smoke");
    let smoke = Bounds { batching: Batching::One, calm_rounds: 0, ..smoke.expect("there is such a box") };
    let (model, mut distinct) = (Raft::new(smoke), 0);
    counted(&mut || distinct = walk(&model));
    assert_eq!(Some(distinct), pinned::count("smoke/one").map(|count| count.distinct));
}

/// How many states there are, breadth first.
fn walk(model: &Raft) -> u64 {
    let digest = |state: &State| state.digests().into_iter().min();
    let properties: Vec<Property<Raft>> = model.properties();
    let start = model.start();
    let mut seen = BTreeSet::from([digest(&start)]);
    let (mut waiting, mut actions) = (VecDeque::from([start]), Vec::new());
    while let Some(state) = waiting.pop_front() {
        for property in &properties {
            assert!((property.condition)(model, &state), "{} holds", property.name);
        }
        model.list_actions(&state, &mut actions);
        for action in actions.drain(..) {
            let next = model.transition(&state, action).map(|transition| transition.state);
            waiting.extend(next.filter(|next| seen.insert(digest(next))));
        }
    }
    seen.len() as u64
}
