//! What nodes say to each other (Figure 2). One message kind is heartbeat and replication at once.

use crate::compaction::{Chunk, Snapshot};
use crate::log::{Entries, Entry};
use crate::reads::ReadId;
use crate::types::{Index, LogId, NodeId, Term};

/// A message with its address. `E` is how its entries are held: borrowed on the way out of the protocol,
/// whatever the transport made of them on the way in.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Envelope<E> {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The sender's current term; in an answer to a pre-vote, the term of the question.
    pub term: Term,
    /// What it says.
    pub message: Message<E>,
}

/// The messages of Raft.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Message<E> {
    /// A candidate asks for a vote (§5.2).
    RequestVote {
        /// The candidate's last entry, by which the voter judges whether it is up-to-date (§5.4.1).
        last_log: LogId,
    },
    /// The answer to [`Message::RequestVote`].
    RequestVoteReply {
        /// The voter voted for the candidate in this term.
        vote_granted: bool,
    },
    /// A node asks whether it would be elected if it began the next term (thesis §9.6). Asserts nothing and changes no term.
    PreVote {
        /// Its last entry, as in [`Message::RequestVote`].
        last_log: LogId,
    },
    /// The answer to [`Message::PreVote`] of a node that would. One that would not says nothing: the asker could do no more
    /// with a "no" than with silence.
    PreVoteGranted,
    /// A leader's heartbeat and its replication, in one (§5.2, §5.3).
    AppendEntries {
        /// The entry that precedes the new ones.
        prev_log: LogId,
        /// The new entries, any number of them.
        entries: E,
        /// The leader's commit index; not bounded by what this message carries.
        leader_commit: Index,
    },
    /// The answer to [`Message::AppendEntries`]. To [`Message::InstallSnapshot`] too, when the receiver's log reaches as far as the
    /// snapshot.
    AppendEntriesReply(AppendOutcome),
    /// A leader's snapshot for a follower that lacks entries the leader has compacted, chunk by chunk (§7, Figure 13). Whoever
    /// sends the message puts the chunk's bytes behind it.
    InstallSnapshot(Chunk),
    /// The answer to [`Message::InstallSnapshot`]: what has arrived so far.
    InstallSnapshotReply {
        /// Of which snapshot.
        snapshot: Snapshot,
        /// Where the chunk began that is answered: tells the leader which of its questions this is about.
        offset: u64,
        /// How many of its bytes, without a gap.
        received: u64,
    },
    /// A follower forwards a read to its leader (thesis §6.4).
    ReadIndex {
        /// Which one.
        read: ReadId,
    },
    /// The answer to [`Message::ReadIndex`], once the leader knows that it still was one after the read had come.
    ReadIndexReply {
        /// Which one, and with it all before it of the same node.
        read: ReadId,
        /// Up to which index a state machine must have applied before it answers.
        index: Index,
    },
    /// A leader asks whether it is followed still, for the reads that wait (thesis §6.4).
    ReadRound {
        /// Which round of the leader's term.
        round: u64,
    },
    /// The answer to [`Message::ReadRound`].
    ReadRoundReply {
        /// Which round.
        round: u64,
    },
    /// A leader asks a follower that has its whole log to campaign at once (thesis §3.10).
    TimeoutNow,
    /// The answer to a request of a past term: nothing but the newer term in the envelope.
    ///
    /// Figure 2 answers both requests with `false` there ("Reply false if term < currentTerm"). The sender
    /// learns no more from it than the term, so it is one message, and it can never be taken for the rejection
    /// of a request that the sender makes in the newer term itself.
    HigherTerm,
}

/// What became of an [`Message::AppendEntries`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum AppendOutcome {
    /// The follower's log equals the leader's up to this index: the last one the message told about, never
    /// the end of the follower's log, which may reach beyond (§5.3).
    Matched(Index),
    /// The follower's log does not hold the entry that precedes the new ones.
    Conflict {
        /// Where the message wanted to append; tells the leader which of its questions is answered.
        prev_log_index: Index,
        /// The last entry of the follower that the leader could hold too (§5.3, the optimisation by term).
        hint: LogId,
    },
}

impl<E> Message<E> {
    /// Is this a question, which a node of a newer term answers with that term?
    #[must_use]
    pub const fn is_request(&self) -> bool {
        match self {
            Self::RequestVote { .. }
            | Self::PreVote { .. }
            | Self::AppendEntries { .. }
            | Self::InstallSnapshot(_)
            | Self::ReadRound { .. } => true,
            Self::RequestVoteReply { .. }
            | Self::PreVoteGranted
            | Self::AppendEntriesReply(_)
            | Self::InstallSnapshotReply { .. }
            | Self::ReadIndex { .. }
            | Self::ReadIndexReply { .. }
            | Self::ReadRoundReply { .. }
            | Self::TimeoutNow
            | Self::HigherTerm => false,
        }
    }

    /// Does it tell its receiver to campaign?
    #[must_use]
    pub const fn is_timeout_now(&self) -> bool {
        matches!(self, Self::TimeoutNow)
    }

    /// Is it about a term that nobody has begun? Then the term in its envelope may be on no disk, and moves nobody.
    #[must_use]
    pub const fn is_pre_vote(&self) -> bool {
        match self {
            Self::PreVote { .. } | Self::PreVoteGranted => true,
            Self::RequestVote { .. }
            | Self::RequestVoteReply { .. }
            | Self::AppendEntries { .. }
            | Self::AppendEntriesReply(_)
            | Self::InstallSnapshot(_)
            | Self::InstallSnapshotReply { .. }
            | Self::ReadIndex { .. }
            | Self::ReadIndexReply { .. }
            | Self::ReadRound { .. }
            | Self::ReadRoundReply { .. }
            | Self::TimeoutNow
            | Self::HigherTerm => false,
        }
    }

    /// The same message with a reference to its entries.
    pub const fn as_ref(&self) -> Message<&E> {
        match self {
            Self::RequestVote { last_log } => Message::RequestVote { last_log: *last_log },
            Self::RequestVoteReply { vote_granted } => {
                Message::RequestVoteReply { vote_granted: *vote_granted }
            }
            Self::PreVote { last_log } => Message::PreVote { last_log: *last_log },
            Self::PreVoteGranted => Message::PreVoteGranted,
            Self::AppendEntries { prev_log, entries, leader_commit } => {
                Message::AppendEntries { prev_log: *prev_log, entries, leader_commit: *leader_commit }
            }
            Self::AppendEntriesReply(outcome) => Message::AppendEntriesReply(*outcome),
            Self::InstallSnapshot(chunk) => Message::InstallSnapshot(*chunk),
            Self::InstallSnapshotReply { snapshot, offset, received } => {
                Message::InstallSnapshotReply { snapshot: *snapshot, offset: *offset, received: *received }
            }
            Self::ReadIndex { read } => Message::ReadIndex { read: *read },
            Self::ReadIndexReply { read, index } => Message::ReadIndexReply { read: *read, index: *index },
            Self::ReadRound { round } => Message::ReadRound { round: *round },
            Self::ReadRoundReply { round } => Message::ReadRoundReply { round: *round },
            Self::TimeoutNow => Message::TimeoutNow,
            Self::HigherTerm => Message::HigherTerm,
        }
    }

    /// The same message with its entries held in another way.
    pub fn map_entries<F>(self, hold: impl FnOnce(E) -> F) -> Message<F> {
        match self {
            Self::RequestVote { last_log } => Message::RequestVote { last_log },
            Self::RequestVoteReply { vote_granted } => Message::RequestVoteReply { vote_granted },
            Self::PreVote { last_log } => Message::PreVote { last_log },
            Self::PreVoteGranted => Message::PreVoteGranted,
            Self::AppendEntries { prev_log, entries, leader_commit } => {
                Message::AppendEntries { prev_log, entries: hold(entries), leader_commit }
            }
            Self::AppendEntriesReply(outcome) => Message::AppendEntriesReply(outcome),
            Self::InstallSnapshot(chunk) => Message::InstallSnapshot(chunk),
            Self::InstallSnapshotReply { snapshot, offset, received } => {
                Message::InstallSnapshotReply { snapshot, offset, received }
            }
            Self::ReadIndex { read } => Message::ReadIndex { read },
            Self::ReadIndexReply { read, index } => Message::ReadIndexReply { read, index },
            Self::ReadRound { round } => Message::ReadRound { round },
            Self::ReadRoundReply { round } => Message::ReadRoundReply { round },
            Self::TimeoutNow => Message::TimeoutNow,
            Self::HigherTerm => Message::HigherTerm,
        }
    }
}

impl<E> Envelope<E> {
    /// The same envelope with the message's entries borrowed.
    pub fn borrowed<C>(&self) -> Envelope<&[Entry<C>]>
    where
        E: Entries<C>,
    {
        let Self { from, to, term, message } = self;
        Envelope { from: *from, to: *to, term: *term, message: message.as_ref().map_entries(E::as_ref) }
    }

    /// The same envelope with the message's entries held in another way.
    pub fn map_entries<F>(self, hold: impl FnOnce(E) -> F) -> Envelope<F> {
        let Self { from, to, term, message } = self;
        Envelope { from, to, term, message: message.map_entries(hold) }
    }
}
