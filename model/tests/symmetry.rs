//! The one hand-written `Hash` writes the least digest over all renamings of the nodes. Sound only if the system cannot tell
//! one node from another; these tests hold it to that.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::check::{self, Options};
use seaworthy_model::network::{Network, Packet};
use seaworthy_model::server::Event;
use seaworthy_model::symmetry::{Permutation, Rename};
use seaworthy_model::system::{Action, Raft, State};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Elections, values and a crash; then lagging disks, whose queues name nodes too.
fn small_boxes() -> Vec<Raft> {
    ["smoke", "two"].into_iter().flat_map(|name| Bounds::named(name).unwrap()).map(Raft::new).collect()
}

fn renamings(model: &Raft) -> Vec<Permutation> {
    Permutation::all(model.bounds().nodes)
}

/// The first so many states, one of each orbit, in the order of their discovery.
fn first_representatives(model: &Raft, count: usize) -> Vec<State> {
    let mut seen: HashSet<u64> = HashSet::from([least(&model.start())]);
    let mut found = vec![model.start()];
    let mut queue: VecDeque<State> = VecDeque::from([model.start()]);
    while let Some(state) = queue.pop_front().filter(|_| found.len() < count) {
        for (_, next) in successors(model, &state) {
            if seen.insert(least(&next)) {
                found.push(next.clone());
                queue.push_back(next);
            }
        }
    }
    found
}

fn representatives(model: &Raft) -> Vec<State> {
    first_representatives(model, usize::MAX)
}

fn least(state: &State) -> u64 {
    state.digests().into_iter().min().unwrap()
}

fn successors(model: &Raft, state: &State) -> Vec<(Action, State)> {
    let mut actions = Vec::new();
    model.list_actions(state, &mut actions);
    let take = |action| Some((action, model.transition(state, action)?.state));
    actions.into_iter().filter_map(take).collect()
}

fn renamed_action(model: &Raft, action: Action, permutation: &Permutation) -> Action {
    let event = match action.event {
        Event::Deliver(packet) => Event::Deliver(model.steps().packet(packet.renamed(permutation))),
        Event::Transfer(to) => Event::Transfer(permutation.image(to)),
        Event::CannotWrite { heir } => Event::CannotWrite { heir: heir.map(|heir| permutation.image(heir)) },
        Event::ElectionTimeout
        | Event::HeartbeatTimeout
        | Event::Propose(_)
        | Event::Replicate
        | Event::Read(_)
        | Event::Compact { .. }
        | Event::Stage { .. }
        | Event::Complete
        | Event::Confirm
        | Event::Crash { .. } => action.event,
    };
    Action { node: permutation.image(action.node), event }
}

/// Checks every edge from these states, under every renaming; answers how many there were.
fn steps_commute_with_renamings(model: &Raft, states: &[State]) -> u64 {
    let mut edges = 0;
    for state in states {
        let mut actions = Vec::new();
        model.list_actions(state, &mut actions);
        for permutation in &renamings(model) {
            let twin = state.renamed(model, permutation);
            for action in &actions {
                let step = model.transition(&twin, renamed_action(model, *action, permutation));
                let expected = model.transition(state, *action);
                edges += u64::from(expected.is_some());
                let expected = expected.map(|step| step.state.renamed(model, permutation));
                assert_eq!(step.map(|step| step.state), expected, "{action} under {permutation:?}");
            }
        }
    }
    edges
}

#[test]
fn a_step_of_the_renamed_is_the_renamed_step_on_every_edge_of_small_boxes() {
    for model in small_boxes() {
        let edges = steps_commute_with_renamings(&model, &representatives(&model));
        assert!(edges > 200_000, "{} has many edges, not {edges}", model.name());
    }
}

#[test]
fn a_step_of_the_renamed_is_the_renamed_step_where_three_disks_lag() {
    for bounds in Bounds::named("three-disk").unwrap() {
        let model = Raft::new(bounds);
        let edges = steps_commute_with_renamings(&model, &first_representatives(&model, 20_000));
        assert!(edges > 200_000, "{edges} edges");
    }
}

#[test]
fn the_digest_under_a_renaming_is_the_digest_of_the_renamed() {
    for model in small_boxes() {
        for state in representatives(&model) {
            let digests = state.digests();
            for (permutation, digest) in renamings(&model).iter().zip(digests) {
                assert_eq!(state.renamed(&model, permutation).digests()[0], digest);
            }
        }
    }
}

/// How many different states a state stands for, without looking at digests.
fn orbit_size(model: &Raft, state: &State) -> usize {
    let mut orbit: Vec<State> = Vec::new();
    for permutation in &renamings(model) {
        let twin = state.renamed(model, permutation);
        if !orbit.contains(&twin) {
            orbit.push(twin);
        }
    }
    orbit.len()
}

#[test]
fn the_orbits_add_up_to_the_states_found_without_symmetry() {
    for model in small_boxes() {
        let all = Bounds { symmetry: false, ..*model.bounds() };
        let report = check::run(Raft::new(all), Options::default());
        assert_eq!(report.queue, 0, "{report}");
        let orbits = representatives(&model);
        let sum: usize = orbits.iter().map(|state| orbit_size(&model, state)).sum();
        assert_eq!(u64::try_from(sum), Ok(report.distinct));
        assert!(
            orbits.len() * (renamings(&model).len() - 1) < sum,
            "as many names for most states as renamings"
        );
    }
}

#[test]
fn different_states_have_different_digests_and_equal_states_equal_ones() {
    let model = small_boxes().remove(0);
    let mut by_digest: HashMap<u64, State> = HashMap::new();
    for state in representatives(&model) {
        for permutation in &renamings(&model) {
            let twin = state.renamed(&model, permutation);
            let digest = twin.digests()[0];
            let first = by_digest.entry(digest).or_insert_with(|| twin.clone());
            assert_eq!(*first, twin, "one digest for two states");
        }
    }
}

#[test]
fn a_network_is_a_set_whatever_the_order_of_its_messages() {
    let model = small_boxes().remove(1);
    let state =
        representatives(&model).into_iter().max_by_key(|state| state.network().packets().len()).unwrap();
    let packets = state.network().packets();
    let (mut forwards, mut backwards) = (Network::default(), Network::default());
    packets.iter().for_each(|packet| assert!(forwards.insert(*packet)));
    packets.iter().rev().for_each(|packet| assert!(backwards.insert(*packet)));
    packets.iter().for_each(|packet| assert!(!forwards.insert(*packet), "a set holds a message once"));
    assert_eq!(forwards, backwards);
    let distinct: BTreeSet<&Packet> = packets.iter().map(|packet| packet.value()).collect();
    assert_eq!(distinct.len(), packets.len());
    packets.iter().for_each(|packet| forwards.remove(*packet));
    assert_eq!(forwards, Network::default());
}
