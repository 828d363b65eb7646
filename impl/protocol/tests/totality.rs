//! Any message from any peer at any time is handled or reported: no input panics a node, breaks an invariant of a step,
//! or changes memory behind the disk's back.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use seaworthy_protocol::{
    AppendOutcome, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Misdeed, Node,
    NodeId, NodeSet, Payload, Recording, Term, WriteAck,
};
use std::num::NonZeroUsize;

type Owned = Vec<Entry<u8>>;

/// Small numbers meet each other; the largest ones overflow what was not thought of.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

fn log_id() -> impl Strategy<Value = LogId> {
    (number(), number()).prop_map(|(term, index)| LogId { term: Term(term), index: Index(index) })
}

fn node_id() -> impl Strategy<Value = NodeId> {
    prop_oneof![9 => 1..=4_u8, 1 => Just(64)].prop_map(|number| NodeId::new(number).unwrap())
}

fn entry() -> impl Strategy<Value = Entry<u8>> {
    let payload = prop_oneof![Just(Payload::Noop), any::<u8>().prop_map(Payload::Command)];
    (number(), payload).prop_map(|(term, payload)| Entry { term: Term(term), payload })
}

/// Sorted for the most part, as well-formed entries are: or most would be refused at the door.
fn entries() -> impl Strategy<Value = Owned> {
    (prop::collection::vec(entry(), 0..4), prop::bool::weighted(0.9)).prop_map(|(mut entries, sorted)| {
        if sorted {
            entries.sort_by_key(|entry| entry.term);
        }
        entries
    })
}

fn message() -> impl Strategy<Value = Message<Owned>> {
    let conflict = (number(), log_id()).prop_map(|(prev_log_index, hint)| AppendOutcome::Conflict {
        prev_log_index: Index(prev_log_index),
        hint,
    });
    let outcome = prop_oneof![number().prop_map(|index| AppendOutcome::Matched(Index(index))), conflict];
    prop_oneof![
        2 => log_id().prop_map(|last_log| Message::RequestVote { last_log }),
        2 => any::<bool>().prop_map(|vote_granted| Message::RequestVoteReply { vote_granted }),
        4 => (log_id(), entries(), number()).prop_map(|(prev_log, entries, commit)| {
            Message::AppendEntries { prev_log, entries, leader_commit: Index(commit) }
        }),
        2 => outcome.prop_map(Message::AppendEntriesReply),
        1 => log_id().prop_map(|last_log| Message::PreVote { last_log }),
        1 => Just(Message::PreVoteGranted),
        1 => Just(Message::HigherTerm),
    ]
}

fn input() -> impl Strategy<Value = Input<u8>> {
    let envelope = (node_id(), prop_oneof![9 => Just(1_u8), 1 => Just(2)], number(), message());
    let envelope = envelope.prop_map(|(from, to, term, message)| {
        let to = NodeId::new(to).unwrap();
        Envelope { from, to, term: Term(term), message }
    });
    let ack = (number(), log_id()).prop_map(|(term, last)| WriteAck { term: Term(term), last });
    prop_oneof![
        12 => envelope.prop_map(Input::Receive),
        2 => Just(Input::ElectionTimeout),
        1 => Just(Input::HeartbeatTimeout),
        2 => any::<u8>().prop_map(Input::Propose),
        1 => Just(Input::Replicate),
        1 => Just(Input::CannotWrite),
        2 => ack.prop_map(Input::WritesDurable),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    (1..=4_u8, 1..3_usize, any::<bool>(), any::<bool>()).prop_map(|(nodes, limit, pre_vote, check_quorum)| {
        let config = Config::new(NodeSet::first(nodes)).unwrap();
        let config = config.with_max_entries_per_append(NonZeroUsize::new(limit).unwrap());
        config.with_pre_vote(pre_vote).with_check_quorum(check_quorum)
    })
}

fn new_node() -> Node<u8> {
    Node::restart(NodeId::new(1).unwrap(), Durable::default())
}

fn step(node: &mut Node<u8>, config: &Config, input: Input<u8>) -> Effects<Recording<u8>> {
    let mut fx = Effects::new(Recording::default());
    node.step(config, input, &mut fx);
    fx
}

/// The same cases in every run, so that a failure is replayed by running the test again.
fn seeded() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0x5ea);
    ProptestConfig { cases: 10_000, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn nothing_a_peer_says_panics_a_node_or_breaks_an_invariant(
        config in config(), inputs in prop::collection::vec((input(), any::<bool>()), 0..60)
    ) {
        let mut node = new_node();
        for (input, confirmed) in inputs {
            let fx = step(&mut node, &config, input.clone());
            prop_assert_eq!(fx.violation, None, "{} at {}", input, node);
            prop_assert_eq!(fx.ack.is_some(), !fx.sink.writes.is_empty());
            if let (Some(ack), true) = (fx.ack, confirmed) {
                prop_assert_eq!(step(&mut node, &config, Input::WritesDurable(ack)).violation, None);
            }
        }
    }

    #[test]
    fn the_disk_that_replays_the_writes_holds_what_the_node_does(
        config in config(), inputs in prop::collection::vec(input(), 0..60)
    ) {
        let mut node = new_node();
        let mut disk = Durable::default();
        for input in inputs {
            let fx = step(&mut node, &config, input);
            prop_assert!(fx.sink.writes.into_iter().all(|write| disk.redo(write)));
            prop_assert_eq!(&disk, node.durable());
        }
        let restarted = Node::restart(node.id(), disk);
        prop_assert_eq!(restarted.durable(), node.durable());
    }

    #[test]
    fn steps_into_one_effects_are_the_steps_merged(
        config in config(), inputs in prop::collection::vec(input(), 0..20)
    ) {
        let (mut one, mut other) = (new_node(), new_node());
        let mut together = Effects::new(Recording::default());
        let mut merged = Effects::new(Recording::default());
        for input in inputs {
            one.step(&config, input.clone(), &mut together);
            merged.merge(step(&mut other, &config, input));
        }
        prop_assert_eq!(one, other);
        prop_assert_eq!(together, merged);
    }

    #[test]
    fn what_is_refused_changes_nothing_but_the_term_and_the_leader(
        config in config(), inputs in prop::collection::vec(input(), 0..40)
    ) {
        let mut node = new_node();
        for input in inputs {
            let before = node.clone();
            let fx = step(&mut node, &config, input);
            let [fault] = fx.sink.faults[..] else { continue };
            prop_assert!(fx.sink.now.is_empty() && fx.sink.after_writes.is_empty(), "{:?} is answered", fault);
            prop_assert_eq!(node.log(), before.log());
            prop_assert_eq!(node.commit_index(), before.commit_index());
            let at_the_door = matches!(
                fault.misdeed,
                Misdeed::WrongAddressee | Misdeed::NotAVoter | Misdeed::TermZero | Misdeed::Malformed
            );
            prop_assert!(!at_the_door || node == before);
        }
    }
}
