//! What a step asks of the world, and the contract of whoever carries it out.
//!
//! # The driver's contract
//!
//! The same for the model checker and for every driver:
//!
//! 0. If a step reports a [`Violation`], nothing of that step leaves and the node stops. So nothing leaves before the step
//!    has returned, and an [`Effects`] that was fed to several steps is thrown away whole.
//! 1. Messages released [`Release::Now`] may leave at once.
//! 2. Writes become durable in order, after all writes handed over before.
//! 3. Messages released [`Release::AfterWrites`] leave only when *every* write handed over so far is durable, by
//!    this step or an earlier one, also when this step wrote nothing.
//! 4. Then [`Input::WritesDurable`](crate::Input::WritesDurable) is fed back with the last [`WriteAck`].
//!    Snapshots have rules of their own: [`Sink::stage`], [`Input::Compact`](crate::Input::Compact), `docs/durability.md`.
//! 5. Effects of consecutive steps of one node may be merged: feed the same [`Effects`] to several steps (group
//!    commit), or join two recordings with [`Effects::merge`]. Releasing later is always allowed.
//!
//! # Which messages leave at once
//!
//! A message leaves at once if and only if every durable fact it asserts has been confirmed by `WritesDurable`. A
//! candidate counts its own vote, and a leader its own entries, only once confirmed, so a leader's AppendEntries
//! asserts nothing that is not durable and travels in parallel with the leader's own disk (thesis §10.2.1).

use crate::compaction::{Chunk, Snapshot};
use crate::invariants::Violation;
use crate::log::{Entries, Entry};
use crate::message::Envelope;
use crate::reads::ReadId;
use crate::types::{Index, LogId, NodeId, Term};
use alloc::vec::Vec;

/// When a message may leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Release {
    /// At once: whatever it asserts is confirmed durable.
    Now,
    /// When every write handed over so far is durable.
    AfterWrites,
}

/// One record of the write-ahead log, the atom of a crash: whole or absent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Write<E> {
    /// Term and vote change together. Two records, and a crash between them, would pair a vote with a term it was
    /// not cast in.
    TermAndVote {
        /// The term the node is in.
        current_term: Term,
        /// The candidate it voted for in that term.
        voted_for: Option<NodeId>,
    },
    /// The log is cut after an index and continues with these entries. One record: a crash between the cut and
    /// the append would lose entries that may be committed.
    Append {
        /// The last index that stays.
        after: Index,
        /// The entries that follow it.
        entries: E,
    },
    /// A durable snapshot of this node's takes the place of the log up to an index (§7).
    Compact {
        /// The snapshot.
        snapshot: Snapshot,
        /// The last index that goes: the snapshot's own, or less.
        through: Index,
    },
    /// A durable snapshot of the leader's takes the place of the whole log, and of the snapshot before it (§7).
    Install {
        /// The snapshot.
        snapshot: Snapshot,
    },
}

impl<E> Write<E> {
    /// The same write with its entries borrowed.
    pub fn borrowed<C>(&self) -> Write<&[Entry<C>]>
    where
        E: Entries<C>,
    {
        match self {
            Self::TermAndVote { current_term, voted_for } => {
                Write::TermAndVote { current_term: *current_term, voted_for: *voted_for }
            }
            Self::Append { after, entries } => Write::Append { after: *after, entries: entries.as_ref() },
            Self::Compact { snapshot, through } => Write::Compact { snapshot: *snapshot, through: *through },
            Self::Install { snapshot } => Write::Install { snapshot: *snapshot },
        }
    }

    /// The same write with its entries held in another way.
    pub fn map_entries<F>(self, hold: impl FnOnce(E) -> F) -> Write<F> {
        match self {
            Self::TermAndVote { current_term, voted_for } => Write::TermAndVote { current_term, voted_for },
            Self::Append { after, entries } => Write::Append { after, entries: hold(entries) },
            Self::Compact { snapshot, through } => Write::Compact { snapshot, through },
            Self::Install { snapshot } => Write::Install { snapshot },
        }
    }
}

/// What the disk confirms: the term and the last entry of the node when the last confirmed write was handed over.
///
/// No sequence number, so nothing in the protocol's state only grows. Mistaking an old confirmation for a new one is
/// impossible: within a term an overwritten index never returns, and across terms the term differs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct WriteAck {
    /// The node's term when it handed the write over.
    pub term: Term,
    /// The node's last entry then.
    pub last: LogId,
}

/// An answer to whoever fed an input. Answers come in the order of the inputs, except [`Answer::Readable`], which comes when it can.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Answer {
    /// To a proposal: appended to the leader's log. It takes effect if and only if this very entry is ever committed;
    /// [`Node::outcome`](crate::Node::outcome) tells.
    Appended(LogId),
    /// To a proposal or a transfer: this node is no leader. A proposal is definitely not applied.
    NotLeader {
        /// The leader of the node's term, if the node has heard from it.
        leader: Option<NodeId>,
    },
    /// To a proposal: definitely not applied, because the leader is handing the leadership over.
    Transferring {
        /// To whom.
        to: NodeId,
    },
    /// To a transfer: the target is no other voter.
    CannotTransfer {
        /// The target.
        to: NodeId,
    },
    /// This read, and all before it that this node was asked for and that wait still, may be answered by a state machine
    /// that has applied up to the index. An answer that nobody waits for is an old one.
    Readable {
        /// The read.
        read: ReadId,
        /// What it must see.
        index: Index,
    },
    /// To a read: this node knows no leader. Ask again, with a new id, when it does. Whoever waits for a read does so too when
    /// the node's term or its leader changes, and when no answer comes for a while: messages get lost.
    CannotRead {
        /// The read.
        read: ReadId,
    },
}

/// Nonsense from a peer: the message was dropped, and who sent it is at fault (or a third party that spoke in its
/// name). A correct cluster never produces one; the model checker holds us to that.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct PeerFault {
    /// Whose name the message bears.
    pub peer: NodeId,
    /// What is wrong with it.
    pub misdeed: Misdeed,
}

/// What can be wrong with a message, whatever the state of the cluster.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Misdeed {
    /// Addressed to another node: the transport mixed up connections.
    WrongAddressee,
    /// From a node that is no other voter of this cluster.
    NotAVoter,
    /// A message of term 0, in which nobody says anything but to ask for an election.
    TermZero,
    /// A second leader in one term, or a leader that hears from another in its own term.
    SecondLeader,
    /// Log ids that no log has, or entries whose terms decrease or exceed the message's.
    Malformed,
    /// Entries that contradict what this node knows to be committed.
    ContradictsCommitted,
    /// An answer about entries that this leader never sent.
    ImpossibleAnswer,
}

/// Where the bulk of a step goes: messages, writes, answers, faults and chunks, in order, with entries still borrowed from the log.
///
/// Production encodes them straight into its buffers; the model records them as values ([`Recording`]).
pub trait Sink<C> {
    /// A message to send, when its release allows.
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<C>]>);
    /// A write to make durable, after all writes before it.
    fn write(&mut self, write: Write<&[Entry<C>]>);
    /// The answer to an input.
    fn answer(&mut self, answer: Answer);
    /// The bytes of this chunk, which came with the message that is being received, are wanted: they continue what was staged of
    /// the chunk's snapshot, or begin it anew at offset 0. With the [last](Chunk::is_last) the driver verifies the whole, makes
    /// it durable and feeds [`Input::SnapshotStaged`](crate::Input::SnapshotStaged). Whatever is staged of another snapshot, or
    /// found after a restart, is rubbish.
    fn stage(&mut self, chunk: Chunk);
    /// How many bytes an entry takes on the wire, for the [`Window`](crate::Window).
    fn weight(&self, entry: &Entry<C>) -> usize;
    /// A message that was nonsense, for the operator to hear of.
    fn fault(&mut self, fault: PeerFault);
}

/// What one step, or several merged, asks of the world. See the [module](self) for the contract.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Effects<S> {
    /// Messages, writes, answers and faults.
    pub sink: S,
    /// What to feed back once all writes are durable. Set if and only if there are writes.
    pub ack: Option<WriteAck>,
    /// Start the election timer afresh, with a new random time-out (§5.2).
    pub reset_election_timer: bool,
    /// An invariant is broken: nothing of this step may leave, and the node must stop.
    pub violation: Option<Violation>,
}

impl<S> Effects<S> {
    /// Nothing yet, with a sink to fill.
    pub const fn new(sink: S) -> Self {
        Self { sink, ack: None, reset_election_timer: false, violation: None }
    }

    pub(crate) fn blame<C>(&mut self, peer: NodeId, misdeed: Misdeed)
    where
        S: Sink<C>,
    {
        self.sink.fault(PeerFault { peer, misdeed });
    }
}

/// A message or a write that owns its entries.
pub type OwnedEntries<C> = Vec<Entry<C>>;

/// A sink that keeps everything as values: the model's, and any test's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recording<C> {
    /// Messages that may leave at once.
    pub now: Vec<Envelope<OwnedEntries<C>>>,
    /// Writes, in order.
    pub writes: Vec<Write<OwnedEntries<C>>>,
    /// Messages that wait for all writes so far.
    pub after_writes: Vec<Envelope<OwnedEntries<C>>>,
    /// Answers, in order.
    pub answers: Vec<Answer>,
    /// What was wrong with messages, in order.
    pub faults: Vec<PeerFault>,
    /// Chunks of snapshots to keep, in order.
    pub staged: Vec<Chunk>,
}

impl<C> Default for Recording<C> {
    fn default() -> Self {
        Self {
            now: Vec::new(),
            writes: Vec::new(),
            after_writes: Vec::new(),
            answers: Vec::new(),
            faults: Vec::new(),
            staged: Vec::new(),
        }
    }
}

impl<C: Clone> Sink<C> for Recording<C> {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<C>]>) {
        let envelope = envelope.map_entries(<[Entry<C>]>::to_vec);
        match release {
            Release::Now => self.now.push(envelope),
            Release::AfterWrites => self.after_writes.push(envelope),
        }
    }

    fn write(&mut self, write: Write<&[Entry<C>]>) {
        self.writes.push(write.map_entries(<[Entry<C>]>::to_vec));
    }

    fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    fn fault(&mut self, fault: PeerFault) {
        self.faults.push(fault);
    }

    fn stage(&mut self, chunk: Chunk) {
        self.staged.push(chunk);
    }

    /// Recorded entries weigh one byte each.
    fn weight(&self, _: &Entry<C>) -> usize {
        1
    }
}

impl<C> Effects<Recording<C>> {
    /// Joins the effects of the next step of the same node to these: writes, messages, answers and faults concatenate,
    /// the last ack wins, a timer once reset stays reset, the first violation wins.
    pub fn merge(&mut self, next: Self) {
        let Self { sink, ack, reset_election_timer, violation } = next;
        let Recording { now, writes, after_writes, answers, faults, staged } = sink;
        self.sink.now.extend(now);
        self.sink.writes.extend(writes);
        self.sink.after_writes.extend(after_writes);
        self.sink.answers.extend(answers);
        self.sink.faults.extend(faults);
        self.sink.staged.extend(staged);
        self.ack = ack.or(self.ack);
        self.reset_election_timer |= reset_election_timer;
        self.violation = self.violation.or(violation);
    }
}
