//! Any message from any peer at any time is handled or reported: no input panics a node, breaks an invariant of a step,
//! or changes memory behind the disk's back.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use seaworthy_protocol::{
    AppendOutcome, Chunk, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Misdeed,
    Node, NodeId, NodeSet, Payload, ReadId, Recording, Snapshot, Term, Window, WriteAck,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;

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

/// Few of them, so that a message, its answer and the driver's word are often about the same one.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let term = prop_oneof![3 => Just(1), 1 => 2..4_u64];
    let few = (term, 1..4_u64, 1..3_u64, 0..2_u64).prop_map(|(term, index, length, digest)| Snapshot {
        last: LogId { term: Term(term), index: Index(index) },
        length,
        digest,
    });
    let any = (log_id(), number(), 0..2_u64);
    prop_oneof![9 => few, 1 => any.prop_map(|(last, length, digest)| Snapshot { last, length, digest })]
}

fn chunk() -> impl Strategy<Value = Chunk> {
    // Most are whole, or halves that fit together.
    let piece = prop_oneof![3 => Just(None), 1 => (number(), number()).prop_map(Some)];
    (snapshot(), piece).prop_map(|(snapshot, piece)| {
        let (offset, length) = piece.unwrap_or((0, snapshot.length));
        Chunk { snapshot, offset, length }
    })
}

fn message() -> impl Strategy<Value = Message<Owned>> {
    prop_oneof![13 => message_of_figure_2(), 7 => message_beyond_figure_2()]
}

fn message_beyond_figure_2() -> impl Strategy<Value = Message<Owned>> {
    let reply = (snapshot(), number(), number()).prop_map(|(snapshot, offset, received)| {
        Message::InstallSnapshotReply { snapshot, offset, received }
    });
    let readable = (number(), number());
    prop_oneof![
        4 => chunk().prop_map(Message::InstallSnapshot),
        2 => reply,
        1 => number().prop_map(|read| Message::ReadIndex { read: ReadId(read) }),
        1 => readable.prop_map(|(read, index)| {
            Message::ReadIndexReply { read: ReadId(read), index: Index(index) }
        }),
        1 => number().prop_map(|round| Message::ReadRound { round }),
        1 => number().prop_map(|round| Message::ReadRoundReply { round }),
        1 => Just(Message::TimeoutNow),
    ]
}

fn message_of_figure_2() -> impl Strategy<Value = Message<Owned>> {
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
    // Of term 1 for the most part: each newer one ends what the terms before began.
    let term = prop_oneof![6 => Just(1), 4 => number()];
    let envelope = (node_id(), prop_oneof![9 => Just(1_u8), 1 => Just(2)], term, message());
    let envelope = envelope.prop_map(|(from, to, term, message)| {
        let to = NodeId::new(to).unwrap();
        Envelope { from, to, term: Term(term), message }
    });
    let ack = (number(), log_id()).prop_map(|(term, last)| WriteAck { term: Term(term), last });
    let compact = (snapshot(), number());
    let staged = (snapshot(), prop::bool::weighted(0.8));
    let heir = prop::option::of(node_id());
    prop_oneof![
        14 => envelope.prop_map(Input::Receive),
        2 => Just(Input::ElectionTimeout),
        1 => Just(Input::HeartbeatTimeout),
        2 => any::<u8>().prop_map(Input::Propose),
        1 => Just(Input::Replicate),
        1 => heir.prop_map(|heir| Input::CannotWrite { heir }),
        1 => number().prop_map(|read| Input::Read(ReadId(read))),
        1 => node_id().prop_map(|to| Input::Transfer { to }),
        2 => compact.prop_map(|(snapshot, through)| Input::Compact { snapshot, through: Index(through) }),
        2 => staged.prop_map(|(snapshot, is_intact)| Input::SnapshotStaged { snapshot, is_intact }),
        2 => ack.prop_map(Input::WritesDurable),
    ]
}

/// Half of the time they begin with what makes the node the leader of term 1: by chance alone it hardly ever is.
fn inputs(count: Range<usize>) -> impl Strategy<Value = Vec<Input<u8>>> {
    (any::<bool>(), prop::collection::vec(input(), count)).prop_map(|(leads, inputs)| {
        let election = leads.then(election).into_iter().flatten();
        election.chain(inputs).collect()
    })
}

/// What elects node 1 in each cluster, whether it asks before or not.
fn election() -> Vec<Input<u8>> {
    let hears = |from: u8, term: u64, message: Message<Owned>| {
        let (from, to) = (NodeId::new(from).unwrap(), NodeId::new(1).unwrap());
        Input::Receive(Envelope { from, to, term: Term(term), message })
    };
    let durable = |last| Input::WritesDurable(WriteAck { term: Term(1), last });
    let noop = LogId { term: Term(1), index: Index(1) };
    vec![
        Input::ElectionTimeout,
        hears(2, 0, Message::PreVoteGranted),
        hears(3, 0, Message::PreVoteGranted),
        durable(LogId::default()),
        hears(2, 1, Message::RequestVoteReply { vote_granted: true }),
        hears(3, 1, Message::RequestVoteReply { vote_granted: true }),
        durable(noop),
        hears(3, 1, Message::AppendEntriesReply(AppendOutcome::Matched(noop.index))),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let window = (1..4_usize, 1..4_usize).prop_map(|(entries, bytes)| Window {
        entries: NonZeroUsize::new(entries).unwrap(),
        bytes: NonZeroUsize::new(bytes).unwrap(),
    });
    let features = (any::<bool>(), any::<bool>(), prop::option::of(window));
    (1..=4_u8, 1..3_usize, features).prop_map(|(nodes, limit, (pre_vote, check_quorum, window))| {
        let config = Config::new(NodeSet::first(nodes)).unwrap();
        let config = config.with_max_entries_per_append(NonZeroUsize::new(limit).unwrap());
        let config = config.with_window(window).with_max_bytes_per_chunk(NonZeroU64::MIN);
        config.with_pre_vote(pre_vote).with_check_quorum(check_quorum)
    })
}

/// What a driver says once all that a step asked for is done.
fn done(fx: &Effects<Recording<u8>>) -> Vec<Input<u8>> {
    let whole = fx.sink.staged.iter().filter(|chunk| chunk.is_last());
    let staged = whole.map(|chunk| Input::SnapshotStaged { snapshot: chunk.snapshot, is_intact: true });
    fx.ack.map(Input::WritesDurable).into_iter().chain(staged).collect()
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
    fn to_propose_is_the_step_of_that_input(config in config(), inputs in inputs(0..30), elected in any::<bool>()) {
        let mut node = new_node();
        for input in elected.then(election).unwrap_or_default().into_iter().chain(inputs) {
            prop_assert_eq!(step(&mut node, &config, input).violation, None);
            let (mut stepped, mut proposed) = (node.clone(), node.clone());
            let by_step = step(&mut stepped, &config, Input::Propose(7));
            let mut by_name = Effects::new(Recording::default());
            proposed.propose(7, &mut by_name);
            prop_assert_eq!((stepped, by_step), (proposed, by_name));
        }
    }
}

#[test]
fn what_should_elect_the_node_does() {
    for (count, pre_vote) in (1..=4).flat_map(|count| [(count, true), (count, false)]) {
        let config = Config::new(NodeSet::first(count)).unwrap().with_pre_vote(pre_vote);
        let mut node = new_node();
        for input in election() {
            drop(step(&mut node, &config, input));
        }
        assert!(node.is_leader(), "{count} nodes: {node}");
    }
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn nothing_a_peer_says_panics_a_node_or_breaks_an_invariant(
        config in config(), inputs in inputs(0..60), confirmed in prop::collection::vec(any::<bool>(), 70)
    ) {
        let mut node = new_node();
        for (input, confirmed) in inputs.into_iter().zip(confirmed) {
            let fx = step(&mut node, &config, input.clone());
            prop_assert_eq!(fx.violation, None, "{} at {}", input, node);
            prop_assert_eq!(fx.ack.is_some(), !fx.sink.writes.is_empty());
            for input in done(&fx).into_iter().filter(|_| confirmed) {
                let fx = step(&mut node, &config, input.clone());
                prop_assert_eq!(fx.violation, None, "{} at {}", input, node);
            }
        }
    }

    #[test]
    fn the_disk_that_replays_the_writes_holds_what_the_node_does(
        config in config(), inputs in inputs(0..60), confirmed in prop::collection::vec(any::<bool>(), 70)
    ) {
        let mut node = new_node();
        let mut disk = Durable::default();
        for (input, confirmed) in inputs.into_iter().zip(confirmed) {
            let mut fx = step(&mut node, &config, input);
            for input in done(&fx).into_iter().filter(|_| confirmed) {
                fx.merge(step(&mut node, &config, input));
            }
            prop_assert!(fx.sink.writes.into_iter().all(|write| disk.redo(write)));
            prop_assert_eq!(&disk, node.durable());
        }
        let restarted = Node::restart(node.id(), disk);
        prop_assert_eq!(restarted.durable(), node.durable());
    }

    #[test]
    fn steps_into_one_effects_are_the_steps_merged(
        config in config(), inputs in inputs(0..20)
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
        config in config(), inputs in inputs(0..40)
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
