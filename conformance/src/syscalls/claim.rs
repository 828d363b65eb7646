//! What a message asserts of its sender's disk: the table of `docs/durability.md`, line by line.

use seaworthy_protocol::{AppendOutcome, Envelope, Index, LogId, Message, NodeId, Snapshot};

/// A durable fact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// The disk knows the message's term.
    Term,
    /// The sender's vote in that term.
    Vote(NodeId),
    /// The log up to this entry.
    Log(LogId),
    /// The log up to this index, as far as the leader of the message's term has told of it; or a snapshot that covers it.
    Matched(Index),
    /// A snapshot's file.
    Snapshot(Snapshot),
    /// The log up to this index, on a majority of the disks. No message waits for it; a leader may not say it earlier all the same.
    Committed(Index),
}

/// All that a message asserts.
pub(super) fn claims<E>(envelope: &Envelope<E>) -> Vec<Claim> {
    let own_vote = Claim::Vote(envelope.from);
    match &envelope.message {
        Message::RequestVote { last_log } => vec![Claim::Term, own_vote, Claim::Log(*last_log)],
        Message::RequestVoteReply { vote_granted: true } => vec![Claim::Term, Claim::Vote(envelope.to)],
        Message::RequestVoteReply { vote_granted: false } => vec![Claim::Term],
        Message::PreVote { .. } | Message::PreVoteGranted => vec![],
        Message::AppendEntries { leader_commit, .. } => {
            vec![Claim::Term, own_vote, Claim::Committed(*leader_commit)]
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => {
            vec![Claim::Term, Claim::Matched(*index)]
        }
        Message::AppendEntriesReply(AppendOutcome::Conflict { .. }) => vec![Claim::Term],
        Message::InstallSnapshot(chunk) => vec![Claim::Term, own_vote, Claim::Snapshot(chunk.snapshot)],
        // The index that it names need not be committed yet: whoever reads waits until it is.
        Message::ReadIndexReply { .. } | Message::ReadRound { .. } | Message::TimeoutNow => {
            vec![Claim::Term, own_vote]
        }
        Message::InstallSnapshotReply { .. }
        | Message::ReadIndex { .. }
        | Message::ReadRoundReply { .. }
        | Message::HigherTerm => vec![Claim::Term],
    }
}

/// What a message is called.
pub(super) const fn kind<E>(message: &Message<E>) -> &'static str {
    match message {
        Message::RequestVote { .. } => "vote request",
        Message::RequestVoteReply { vote_granted: true } => "vote granted",
        Message::RequestVoteReply { vote_granted: false } => "vote denied",
        Message::PreVote { .. } => "pre-vote",
        Message::PreVoteGranted => "pre-vote granted",
        Message::AppendEntries { .. } => "AppendEntries",
        Message::AppendEntriesReply(AppendOutcome::Matched(_)) => "append matched",
        Message::AppendEntriesReply(AppendOutcome::Conflict { .. }) => "append conflict",
        Message::InstallSnapshot(_) => "InstallSnapshot",
        Message::InstallSnapshotReply { .. } => "snapshot received",
        Message::ReadIndex { .. } => "ReadIndex",
        Message::ReadIndexReply { .. } => "readable",
        Message::ReadRound { .. } => "ReadRound",
        Message::ReadRoundReply { .. } => "following in a round",
        Message::TimeoutNow => "TimeoutNow",
        Message::HigherTerm => "higher term",
    }
}
