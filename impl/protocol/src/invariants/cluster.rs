//! All nodes, their disks and their messages at one moment.

use super::history::Commitment;
use crate::durable::Durable;
use crate::log::{Entry, Log};
use crate::message::{AppendOutcome, Envelope, Message};
use crate::node::{Node, Role};
use crate::quorum;
use crate::types::{Index, LogId, NodeId, NodeSet};

/// [`LogMatching`](super::Violation::LogMatching) of two logs: where they hold an entry of the same index and term, they
/// are equal in everything up to it, values included.
#[must_use]
pub fn log_matching<C: Eq>(a: &Log<C>, b: &Log<C>) -> bool {
    let pairs = a.entries().iter().zip(b.entries());
    // Judged at the last entry they have in common: what lies before it must be equal without exception.
    let common = pairs.clone().rposition_of(|(a, b)| a.term == b.term);
    pairs.take(common).all(|(a, b)| a == b)
}

/// [`LogMatching`](super::Violation::LogMatching) of a log and the entries of an AppendEntries in flight.
#[must_use]
pub fn append_matching<C: Eq>(log: &Log<C>, prev_log: LogId, entries: &[Entry<C>]) -> bool {
    let pairs = log.after(prev_log.index, entries.len()).iter().zip(entries);
    let common = pairs.clone().rposition_of(|(a, b)| a.term == b.term);
    common == 0 || (log.holds(prev_log) && pairs.take(common).all(|(a, b)| a == b))
}

/// [`CommittedOnQuorum`](super::Violation::CommittedOnQuorum): a majority of the disks hold all that was ever committed.
#[must_use]
pub fn committed_on_quorum<'a, C: Eq + 'a>(
    voters: NodeSet,
    disks: impl Iterator<Item = (NodeId, &'a Durable<C>)>,
    committed: &[Commitment<C>],
) -> bool {
    let holders = disks.filter(|(_, disk)| holds(disk.log(), committed)).map(|(id, _)| id).collect();
    quorum::is_majority(voters, holders)
}

/// [`LeaderCompleteness`](super::Violation::LeaderCompleteness): a leader holds whatever was committed in an earlier term,
/// by the term in which it was *committed*. (Keyed on the entry's own term, as some published specifications have it,
/// the property is false of correct Raft.)
#[must_use]
pub fn leader_completeness<C: Eq>(node: &Node<C>, committed: &[Commitment<C>]) -> bool {
    let earlier = committed.iter().take_while(|commitment| commitment.term < node.current_term()).count();
    !node.is_leader() || holds(node.log(), committed.get(..earlier).unwrap_or_default())
}

/// [`StateMachineSafety`](super::Violation::StateMachineSafety): whatever a node applies is what was committed there first.
#[must_use]
pub fn state_machine_safety<C: Eq>(node: &Node<C>, committed: &[Commitment<C>]) -> bool {
    let applied = node.log().prefix(node.commit_index());
    applied.len() <= committed.len()
        && applied.iter().zip(committed).all(|(entry, first)| *entry == first.entry)
}

/// [`MatchIndexValid`](super::Violation::MatchIndexValid): what a leader believes replicated on a follower of no newer term
/// is on the follower's disk.
#[must_use]
pub fn match_index_valid<C: Eq>(leader: &Node<C>, follower: NodeId, disk: &Durable<C>) -> bool {
    let Role::Leader { progress, .. } = leader.role() else { return true };
    let Some(progress) = progress.get(follower) else { return true };
    disk.current_term() > leader.current_term() || same_prefix(leader.log(), disk.log(), progress.match_index)
}

/// [`PersistBeforeSend`](super::Violation::PersistBeforeSend), at the moment a message leaves: its sender's disk is in
/// the message's term with exactly what the message asserts, or in a newer term. Then the message tells of what the disk held
/// on its way there, and might as well have left in time and been late; whether the disk ever held it is for
/// [`CommittedOnQuorum`](super::Violation::CommittedOnQuorum) and [`OneVotePerTerm`](super::Violation::OneVotePerTerm) to see.
#[must_use]
pub fn persisted_before_send<C, E>(envelope: &Envelope<E>, disk: &Durable<C>) -> bool {
    if envelope.message.is_pre_vote() {
        return true;
    }
    if disk.current_term() != envelope.term {
        return disk.current_term() > envelope.term;
    }
    let voted_for_itself = disk.voted_for() == Some(envelope.from);
    match &envelope.message {
        Message::RequestVote { last_log } => voted_for_itself && disk.log().last() == *last_log,
        Message::RequestVoteReply { vote_granted: true } => disk.voted_for() == Some(envelope.to),
        Message::AppendEntries { .. } => voted_for_itself,
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => disk.log().last_index() >= *index,
        Message::RequestVoteReply { vote_granted: false }
        | Message::PreVote { .. }
        | Message::PreVoteGranted
        | Message::AppendEntriesReply(AppendOutcome::Conflict { .. })
        | Message::HigherTerm => true,
    }
}

/// The other half of [`PersistBeforeSend`](super::Violation::PersistBeforeSend) for an acknowledgement: what it asserts is the
/// *leader's* log up to an index, so the disk is judged against the log of `receiver`, as long as that node leads the
/// message's term.
#[must_use]
pub fn acknowledges_truly<C: Eq, E>(envelope: &Envelope<E>, disk: &Durable<C>, receiver: &Node<C>) -> bool {
    let Message::AppendEntriesReply(AppendOutcome::Matched(index)) = envelope.message else { return true };
    let has_weight = disk.current_term() == envelope.term;
    let leads = receiver.is_leader() && receiver.current_term() == envelope.term;
    !has_weight || !leads || same_prefix(receiver.log(), disk.log(), index)
}

/// A leader's own vote is on its disk: [`PersistBeforeSend`](super::Violation::PersistBeforeSend) of what it is about to send.
#[must_use]
pub fn leads_durably<C>(node: &Node<C>, disk: &Durable<C>) -> bool {
    !node.is_leader() || (disk.current_term() == node.current_term() && disk.voted_for() == Some(node.id()))
}

fn holds<C: Eq>(log: &Log<C>, committed: &[Commitment<C>]) -> bool {
    log.entries().len() >= committed.len()
        && log.entries().iter().zip(committed).all(|(entry, commitment)| *entry == commitment.entry)
}

fn same_prefix<C: Eq>(a: &Log<C>, b: &Log<C>, end: Index) -> bool {
    a.last_index() >= end && b.last_index() >= end && a.prefix(end) == b.prefix(end)
}

/// The number of items up to and including the last one that satisfies a condition, 0 if none does.
trait RpositionOf: Iterator + Sized {
    fn rposition_of(self, condition: impl Fn(Self::Item) -> bool) -> usize {
        self.enumerate()
            .filter_map(|(position, item)| condition(item).then_some(position + 1))
            .last()
            .unwrap_or(0)
    }
}

impl<I: Iterator> RpositionOf for I {}
