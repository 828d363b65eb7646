//! Properties that are false of correct Raft fall: a check that cannot fail shows nothing.
//!
//! Two of them are folklore, published as invariants and checked by others for years. Each is true in the boxes that people
//! exhaust, which is why nobody noticed; a kept script, replayed against the model, refutes it in a larger one.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::properties;
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_model::trace;
use seaworthy_protocol::{Index, Node, Term};
use stateright::{Checker, Model, Property};
use std::path::Path;

/// As in the command: the checker allocates for every transition, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Predicate = fn(&State) -> bool;

/// The system, judged by one property of ours alone.
struct Judged {
    raft: Raft,
    holds: Predicate,
}

impl Model for Judged {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.raft.init_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.raft.actions(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.raft.next_state(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the property", |model: &Self, state: &State| (model.holds)(state))]
    }
}

fn the_box(name: &str) -> Bounds {
    let [bounds] = Bounds::named(name).unwrap()[..] else { panic!("{name} is two boxes") };
    bounds
}

fn holds_throughout(name: &str, holds: Predicate) -> bool {
    let checker = Judged { raft: Raft::new(the_box(name)), holds }.checker().threads(2).spawn_bfs().join();
    checker.discovery("the property").is_none()
}

fn nodes(state: &State) -> impl Iterator<Item = &'static Node<u8>> + Clone {
    state.servers().iter().map(|server| &server.value().node)
}

/// Leader Completeness keyed on the term of the *entry*: "an entry of term T that is committed is in the log of every leader of a
/// later term" (etcd's LeaderCompletenessInv, CCF's until 2026).
fn leaders_hold_what_is_committed_of_earlier_terms(state: &State) -> bool {
    let index = |position: usize| Index(0).plus(position + 1);
    state.committed().iter().enumerate().all(|(position, commitment)| {
        let entry = &commitment.entry;
        let mut later = nodes(state).filter(|node| node.is_leader() && node.current_term() > entry.term);
        later.all(|leader| leader.log().get(index(position)) == Some(entry))
    })
}

/// "A log at least as up-to-date as another holds whatever the other node knows to be committed" (etcd's
/// MoreUpToDateCorrectInv).
fn the_more_up_to_date_hold_what_the_others_know(state: &State) -> bool {
    nodes(state).all(|newer| {
        let mut older = nodes(state).filter(|older| older.log().last() <= newer.log().last());
        older.all(|older| newer.log().entries().starts_with(older.log().prefix(older.commit_index())))
    })
}

/// The script breaks the folklore with its last step and not before, needs every step, and breaks no property of ours.
fn refutes(script: &str, bounds: Bounds, folklore: Predicate) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script);
    let model = Raft::new(bounds);
    let text = std::fs::read_to_string(path).unwrap();
    let actions = trace::parse(&model, &text).unwrap_or_else(|error| panic!("{script}: {error}"));
    let states = trace::replay(&model, &actions.0).unwrap();
    for (line, state) in states.iter().enumerate() {
        assert_eq!(folklore(state), line < actions.0.len(), "{script}, step {line}:\n{state:?}");
        for property in properties::of(model.bounds()) {
            assert!((property.condition)(&model, state), "{script}, step {line}: {}", property.name);
        }
    }
    let falls = |states: &[State]| states.last().is_some_and(|state| !folklore(state));
    let shrunk = trace::shrink(&model, actions.clone(), |_, states| falls(states));
    assert_eq!(shrunk, actions, "{script} holds steps that it does not need");
}

#[test]
fn leader_completeness_by_the_entrys_term_is_false_at_three_nodes_and_three_terms() {
    let folklore = leaders_hold_what_is_committed_of_earlier_terms;
    assert!(holds_throughout("smoke/all", folklore), "one term is not enough to notice");
    assert!(holds_throughout("three-calm/all", folklore), "two terms are not enough to notice");
    refutes("leader-completeness-by-entry-term.script", the_box("three-terms/one"), folklore);
}

#[test]
fn more_up_to_date_is_false_at_five_nodes_and_three_terms() {
    let folklore = the_more_up_to_date_hold_what_the_others_know;
    assert!(holds_throughout("three-terms/one", folklore), "three nodes are not enough to notice");
    assert!(holds_throughout("four-terms/one", folklore), "four nodes are not enough to notice");
    let bounds = Bounds { max_term: Term(3), proposals: 0, ..the_box("five/one") };
    refutes("more-up-to-date.script", bounds, folklore);
}

#[test]
fn that_nobody_ever_leads_falls_at_once() {
    assert!(!holds_throughout("smoke/all", |state| nodes(state).all(|node| !node.is_leader())));
}
