//! One follower, and what a leader tells it: the handling of one AppendEntries by itself.

use crate::raft_core::{Boundary, InPlace};
use crate::workload::{Command, payload};
use seaworthy_protocol::{
    AppendOutcome, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Node, NodeId,
    NodeSet, Payload, Term, Write,
};

/// How many entries of the log the follower and its leader agree on. All of them are committed.
pub const AGREED: u64 = 256;
/// The term of those.
const AGREED_TERM: Term = Term(1);
/// The term of what another leader has left behind them.
const LEFT_TERM: Term = Term(2);
/// The leader's.
const LEADER_TERM: Term = Term(3);
/// Room that the log has without asking for more: a log that grows while it is measured would be measured growing.
const ROOM: u64 = 4 * AGREED;

type Entries = Vec<Entry<Command>>;

/// A follower of three that has heard of its leader, and whose disk is durable at once.
pub struct Follower {
    config: Config,
    node: Node<Command>,
    fx: Effects<InPlace>,
}

impl Follower {
    /// A follower whose log has so many entries of another leader's behind those that are committed.
    ///
    /// # Panics
    ///
    /// If it does not listen.
    #[must_use]
    pub fn new(left_behind: u64, size: usize) -> Self {
        let mut durable = Durable::default();
        let mut write =
            |write: Write<Entries>| assert!(durable.redo(write), "a write follows the one before");
        write(Write::TermAndVote { current_term: LEADER_TERM, voted_for: None });
        write(Write::Append { after: Index(0), entries: entries(AGREED_TERM, ROOM, size) });
        write(Write::Append { after: Index(AGREED), entries: entries(LEFT_TERM, left_behind, size) });
        let config = Config::new(NodeSet::first(3)).expect("three voters");
        let mut follower =
            Self { config, node: Node::restart(id(1), durable), fx: Effects::new(InPlace::default()) };
        follower.receive(append_after(agreed(), Vec::new()));
        assert_eq!(follower.answer(), Some(AppendOutcome::Matched(Index(AGREED))));
        assert_eq!(follower.last_index(), Index(AGREED + left_behind));
        follower
    }

    /// Takes in a message. What is measured.
    #[inline]
    pub fn receive(&mut self, envelope: Envelope<Entries>) {
        self.node.step(&self.config, Input::Receive(envelope), &mut self.fx);
    }

    /// What it has said to the last message, once that is durable.
    ///
    /// # Panics
    ///
    /// If an invariant is broken.
    pub fn answer(&mut self) -> Option<AppendOutcome> {
        if let Some(ack) = self.fx.ack.take() {
            self.node.step::<Entries>(&self.config, Input::WritesDurable(ack), &mut self.fx);
        }
        assert_eq!(self.fx.violation, None);
        let outcome = |envelope: Envelope<Entries>| {
            let Message::AppendEntriesReply(outcome) = envelope.message else { return None };
            Some(outcome)
        };
        self.fx.sink.drain().filter_map(outcome).last()
    }

    /// The end of its log.
    #[must_use]
    pub fn last_index(&self) -> Index {
        self.node.log().last_index()
    }
}

/// The last entry on which the two agree.
#[must_use]
pub const fn agreed() -> LogId {
    LogId { term: AGREED_TERM, index: Index(AGREED) }
}

/// An entry that the leader has, and the follower has not: what precedes a message that the follower refuses.
#[must_use]
pub const fn unknown() -> LogId {
    LogId { term: LEADER_TERM, index: Index(AGREED + 1) }
}

/// The leader's message with these entries.
#[must_use]
pub fn append_after(prev_log: LogId, entries: Entries) -> Envelope<Entries> {
    let message = Message::AppendEntries { prev_log, entries, leader_commit: Index(AGREED) };
    Envelope { from: id(2), to: id(1), term: LEADER_TERM, message }
}

/// So many entries of the leader's.
#[must_use]
pub fn new_entries(count: u64, size: usize) -> Entries {
    entries(LEADER_TERM, count, size)
}

fn entries(term: Term, count: u64, size: usize) -> Entries {
    (0..count).map(|number| Entry { term, payload: Payload::Command(payload(number, size)) }).collect()
}

fn id(number: u8) -> NodeId {
    NodeId::new(number).expect("1 to 3")
}
