//! Traces that no cluster records, written by hand: nodes that are stepped here, and what they are told they were sent.

use crate::cluster::Files;
use crate::tampered::{found, judged, node};
use seaworthy::trace::{Digest, command_digest};
use seaworthy::{Config, Index, LogId, NodeSet, Term};
use seaworthy_conformance::trace::Kind;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::{
    Durable, Effects, Entry, Envelope, Input, Message, Node, Payload, Recording, Snapshot, Write, WriteAck,
};
use serde::{Serialize, Serializer};
use serde_json::json;

/// One byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Byte(u8);

impl Serialize for Byte {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02x}", self.0))
    }
}

/// A node, and what it writes down.
struct Hand {
    config: Config,
    node: Node<Byte>,
    digest: Digest,
    starts: u64,
    files: Files,
}

impl Hand {
    fn new(id: u8) -> Self {
        Self::with(id, Durable::default(), false)
    }

    fn with(id: u8, durable: Durable<Byte>, pre_vote: bool) -> Self {
        let config = Config::new(NodeSet::first(3)).unwrap().with_window(None).with_pre_vote(pre_vote);
        let (node, digest) = (Node::restart(node(id), Durable::default()), Digest::default());
        let mut hand = Self { config, node, digest, starts: 0, files: Files::new() };
        hand.start(durable);
        hand
    }

    /// Wakes up, and finds this on its disk.
    fn start(&mut self, durable: Durable<Byte>) {
        self.starts += 1;
        let id = self.node.id().get();
        let head = json!({
            "format": 1, "node": id, "starts": self.starts,
            "config": {
                "voters": [1, 2, 3], "pre_vote": self.config.pre_vote(), "check_quorum": true, "window": null,
                "max_entries_per_append": null, "max_bytes_per_chunk": 1 << 20,
            },
            "durable": durable,
        });
        self.files.insert(format!("node-{id}-start-{}.ndjson", self.starts), vec![head.to_string()]);
        (self.node, self.digest) = (Node::restart(self.node.id(), durable), Digest::default());
    }

    fn feed(&mut self, input: Input<Byte>) {
        let line = json!({ "input": input });
        self.node.step(&self.config, input, &mut Effects::new(Recording::default()));
        let digest = self.digest.of(&self.node, |Byte(byte)| command_digest(&[*byte]));
        let role = match self.node.role() {
            seaworthy_protocol::Role::Follower { .. } => "follower",
            seaworthy_protocol::Role::PreCandidate { .. } => "pre-candidate",
            seaworthy_protocol::Role::Candidate { .. } => "candidate",
            seaworthy_protocol::Role::Leader { .. } => "leader",
        };
        let (log, vote) = (self.node.log(), self.node.voted_for());
        let line = json!({
            "input": line["input"],
            "after": {
                "term": self.node.current_term(), "vote": vote, "role": role,
                "commit": self.node.commit_index(), "last": log.last(), "base": log.base(),
            },
            "digest": format!("{digest:016x}"),
        });
        let name = format!("node-{}-start-{}.ndjson", self.node.id().get(), self.starts);
        self.files.get_mut(&name).unwrap().push(line.to_string());
    }

    fn hear(&mut self, from: u8, term: u64, message: Message<Vec<Entry<Byte>>>) {
        let (from, to, term) = (node(from), self.node.id(), Term(term));
        self.feed(Input::Receive(Envelope { from, to, term, message }));
    }

    /// It is told that all that it has is durable.
    fn confirm(&mut self) {
        let (term, last) = (self.node.current_term(), self.node.log().last());
        self.feed(Input::WritesDurable(WriteAck { term, last }));
    }

    /// It leads term 1, elected by node 2.
    fn lead(&mut self) {
        self.feed(Input::ElectionTimeout);
        self.confirm();
        self.hear(2, 1, Message::RequestVoteReply { vote_granted: true });
        assert!(self.node.is_leader());
    }
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

const ASKS: Message<Vec<Entry<Byte>>> =
    Message::RequestVote { last_log: LogId { term: Term(0), index: Index(0) } };

/// A disk with these entries, each of which is a term and a byte, and a snapshot in the place of so many.
fn disk(term: u64, entries: &[(u64, u8)], compacted: u64) -> Durable<Byte> {
    let mut durable = Durable::default();
    let entry =
        |(term, byte): &(u64, u8)| Entry { term: Term(*term), payload: Payload::Command(Byte(*byte)) };
    let entries: Vec<Entry<Byte>> = entries.iter().map(entry).collect();
    assert!(
        durable.redo(Write::<Vec<Entry<Byte>>>::TermAndVote { current_term: Term(term), voted_for: None })
    );
    assert!(durable.redo(Write::Append { after: Index(0), entries }));
    if compacted > 0 {
        let last = LogId { term: durable.log().term_at(Index(compacted)).unwrap(), index: Index(compacted) };
        let snapshot = Snapshot { last, length: 1, digest: 1 };
        assert!(durable.redo(Write::<Vec<Entry<Byte>>>::Compact { snapshot, through: Index(compacted) }));
    }
    durable
}

fn together(hands: impl IntoIterator<Item = Hand>) -> Files {
    hands.into_iter().flat_map(|hand| hand.files).collect()
}

/// What is found, in which line of which file.
fn is_found(hands: impl IntoIterator<Item = Hand>, kind: Kind, name: &str, line: usize) {
    let (is, file, at, finding) = found(&together(hands));
    assert_eq!((is, file.as_str(), at), (kind, name, line), "{finding}");
}

#[test]
fn what_is_done_by_hand_and_right_is_valid() {
    let (mut one, mut two) = (Hand::new(1), Hand::new(2));
    one.lead();
    one.confirm();
    two.hear(1, 1, ASKS);
    two.confirm();
    one.feed(Input::Propose(Byte(7)));
    one.confirm();
    let report = judged(&together([one, two])).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((report.nodes, report.silent, report.elections, report.received), (2, 1, 1, 2));
}

/// A grant waits for the vote to be on the disk. Here it does not, and the vote is lost.
#[test]
fn a_grant_that_leaves_before_the_vote_is_durable_is_found() {
    let (mut one, mut two) = (Hand::new(1), Hand::new(2));
    one.lead();
    two.hear(1, 1, ASKS);
    two.start(Durable::default());
    is_found([one, two], Kind::LeftTooEarly { from: node(2) }, "node-1-start-1.ndjson", 4);
}

/// The same, but for who of the two is looked at first: what was received is durable, whatever the sender was told.
#[test]
fn a_disk_without_what_a_message_waited_for_is_found() {
    let (mut two, mut three) = (Hand::new(2), Hand::new(3));
    three.feed(Input::ElectionTimeout);
    three.confirm();
    three.hear(2, 1, Message::RequestVoteReply { vote_granted: true });
    two.hear(3, 1, ASKS);
    // It waits for the leader, so that this one comes first.
    let noop = Entry { term: Term(1), payload: Payload::Noop };
    let entries = Message::AppendEntries { prev_log: id(0, 0), entries: vec![noop], leader_commit: Index(0) };
    two.hear(3, 1, entries);
    two.start(Durable::default());
    is_found([two, three], Kind::DiskChanged, "node-2-start-2.ndjson", 1);
}

/// The question is sent only when the answer has come.
#[test]
fn an_answer_that_comes_before_the_question_is_found() {
    let [mut one, mut two] = [1, 2].map(|id| Hand::with(id, Durable::default(), true));
    one.hear(2, 0, Message::PreVoteGranted);
    one.feed(Input::ElectionTimeout);
    two.hear(1, 0, Message::PreVote { last_log: id(0, 0) });
    is_found([one, two], Kind::SentLater { from: node(2) }, "node-1-start-1.ndjson", 2);
}

/// What is durable is said by the protocol: it is told of nothing else.
#[test]
fn a_confirmation_of_what_was_never_written_is_found() {
    let mut one = Hand::new(1);
    one.feed(Input::ElectionTimeout);
    one.feed(Input::WritesDurable(WriteAck { term: Term(3), last: id(0, 0) }));
    is_found([one], Kind::NeverWritten, "node-1-start-1.ndjson", 3);
}

/// What nodes wake up with for the first time is judged like all else.
#[test]
fn disks_that_no_cluster_has_are_found() {
    let empty = || disk(0, &[], 0);
    for (violation, disks) in [
        (Violation::LogMatching, [disk(1, &[(1, 7)], 0), disk(1, &[(1, 8)], 0), empty()]),
        (Violation::LogMatching, [disk(2, &[(1, 7), (2, 9)], 0), disk(2, &[(1, 8), (2, 9)], 0), empty()]),
        (Violation::LogShape, [disk(1, &[(2, 7)], 0), empty(), empty()]),
        (Violation::CommittedOnQuorum, [disk(1, &[(1, 7)], 1), empty(), empty()]),
        (Violation::StateMachineSafety, [disk(1, &[(1, 7)], 1), disk(2, &[(2, 8)], 1), empty()]),
    ] {
        let hands = (1..).zip(disks).map(|(id, durable)| Hand::with(id, durable, false));
        is_found(hands, Kind::Property(violation), "node-1-start-1.ndjson", 1);
    }
}

/// A cluster whose beginning nobody has recorded.
#[test]
fn what_begins_in_the_middle_is_valid() {
    let [one, two, three] =
        [disk(2, &[(1, 7), (1, 8), (2, 9)], 2), disk(2, &[(1, 7), (1, 8)], 0), disk(0, &[], 0)];
    let mut one = Hand::with(1, one, false);
    one.feed(Input::ElectionTimeout);
    one.confirm();
    let hands = [one, Hand::with(2, two, false), Hand::with(3, three, false)];
    let report = judged(&together(hands)).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((report.committed, report.steps), (2, 2));
}
