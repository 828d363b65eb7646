//! All nodes, their disks and their messages at one moment.

use super::history::Commitment;
use crate::durable::Durable;
use crate::log::{Entry, Log};
use crate::message::{AppendOutcome, Envelope, Message};
use crate::node::Node;
use crate::quorum;
use crate::role::Role;
use crate::types::{Index, LogId, NodeId, NodeSet};

/// [`LogMatching`](super::Violation::LogMatching) of two logs: where they hold an entry of the same index and term, they
/// are equal in everything up to it, values included. What one of them has compacted is what was committed there.
#[must_use]
pub fn log_matching<C: Eq>(a: &Log<C>, b: &Log<C>, committed: &[Commitment<C>]) -> bool {
    // From here on neither is compacted.
    let start = a.base().index.max(b.base().index);
    let pairs = a.after(start, usize::MAX).iter().zip(b.after(start, usize::MAX));
    // Judged at the last entry they have in common: what lies before it must be equal without exception.
    let common = pairs.clone().rposition_of(|(a, b)| a.term == b.term);
    let meet = common > 0 || (start > Index(0) && a.term_at(start) == b.term_at(start));
    !meet
        || (pairs.take(common).all(|(a, b)| a == b)
            && [a, b].iter().all(|log| is_committed(log, start, committed)))
}

/// [`LogMatching`](super::Violation::LogMatching) of a log and the entries of an AppendEntries in flight. Entries that the log has
/// compacted are what was committed there, if it meets the message at its base.
#[must_use]
pub fn append_matching<C: Eq>(
    log: &Log<C>,
    prev_log: LogId,
    entries: &[Entry<C>],
    committed: &[Commitment<C>],
) -> bool {
    let base = log.base().index;
    let compacted = usize::try_from(base.0.saturating_sub(prev_log.index.0)).unwrap_or(usize::MAX);
    let known = entries.get(compacted..).unwrap_or_default();
    let pairs = log.after(prev_log.index.max(base), known.len()).iter().zip(known);
    let common = pairs.clone().rposition_of(|(a, b)| a.term == b.term);
    let before = entries.get(..compacted).unwrap_or_default();
    let starts_alike =
        if compacted == 0 { log.holds(prev_log) } else { agree(before.iter(), prev_log.index, committed) };
    // Behind the base nothing may be in common, and the base itself yet be one of the message's entries.
    let meets_base = before.last().is_some_and(|entry| entry.term == log.base().term);
    (common == 0 && !meets_base) || (starts_alike && pairs.take(common).all(|(a, b)| a == b))
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
    let earlier = committed.get(..earlier).unwrap_or_default();
    !node.is_leader() || holds(node.log(), earlier)
}

/// [`StateMachineSafety`](super::Violation::StateMachineSafety): whatever a node applies is what was committed there first.
#[must_use]
pub fn state_machine_safety<C: Eq>(node: &Node<C>, committed: &[Commitment<C>]) -> bool {
    let applied = node.commit_index();
    let snapshot = node.durable().snapshot().map_or_else(LogId::default, |snapshot| snapshot.last);
    applied.0 <= committed.len() as u64
        && is_committed(node.log(), applied, committed)
        && [node.log().base(), snapshot].iter().all(|id| was_committed(*id, committed))
}

/// [`MatchIndexValid`](super::Violation::MatchIndexValid): what a leader believes replicated on a follower of no newer term
/// is on the follower's disk.
#[must_use]
pub fn match_index_valid<C: Eq>(
    leader: &Node<C>,
    follower: NodeId,
    disk: &Durable<C>,
    committed: &[Commitment<C>],
) -> bool {
    let Role::Leader { progress, .. } = leader.role() else { return true };
    let Some(progress) = progress.get(follower) else { return true };
    disk.current_term() > leader.current_term()
        || same_prefix(leader.log(), disk.log(), progress.match_index, committed)
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
        Message::AppendEntries { .. }
        | Message::InstallSnapshot(_)
        | Message::ReadRound { .. }
        | Message::ReadIndexReply { .. }
        | Message::TimeoutNow => voted_for_itself,
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => disk.log().last_index() >= *index,
        Message::RequestVoteReply { vote_granted: false }
        | Message::PreVote { .. }
        | Message::PreVoteGranted
        | Message::AppendEntriesReply(AppendOutcome::Conflict { .. })
        | Message::InstallSnapshotReply { .. }
        | Message::ReadIndex { .. }
        | Message::ReadRoundReply { .. }
        | Message::HigherTerm => true,
    }
}

/// The other half of [`PersistBeforeSend`](super::Violation::PersistBeforeSend) for an acknowledgement: what it asserts is the
/// *leader's* log up to an index, so the disk is judged against the log of `receiver`, as long as that node leads the
/// message's term.
#[must_use]
pub fn acknowledges_truly<C: Eq, E>(
    envelope: &Envelope<E>,
    disk: &Durable<C>,
    receiver: &Node<C>,
    committed: &[Commitment<C>],
) -> bool {
    let Message::AppendEntriesReply(AppendOutcome::Matched(index)) = envelope.message else { return true };
    let has_weight = disk.current_term() == envelope.term;
    let leads = receiver.is_leader() && receiver.current_term() == envelope.term;
    !has_weight || !leads || same_prefix(receiver.log(), disk.log(), index, committed)
}

/// [`TransferReady`](super::Violation::TransferReady), at the moment a message leaves: who is told to campaign has the whole log of
/// who tells it on its disk, or is in a newer term.
#[must_use]
pub fn transfer_is_ready<C: Eq, E>(
    envelope: &Envelope<E>,
    sender: &Node<C>,
    receiver: &Durable<C>,
    committed: &[Commitment<C>],
) -> bool {
    let last = sender.log().last_index();
    !envelope.message.is_timeout_now()
        || receiver.current_term() > envelope.term
        || same_prefix(sender.log(), receiver.log(), last, committed)
}

/// A leader's own vote is on its disk: [`PersistBeforeSend`](super::Violation::PersistBeforeSend) of what it is about to send.
#[must_use]
pub fn leads_durably<C>(node: &Node<C>, disk: &Durable<C>) -> bool {
    !node.is_leader() || (disk.current_term() == node.current_term() && disk.voted_for() == Some(node.id()))
}

/// Does a log hold all of these?
fn holds<C: Eq>(log: &Log<C>, committed: &[Commitment<C>]) -> bool {
    let end = Index(committed.len() as u64);
    log.last_index() >= end && is_committed(log, end, committed)
}

/// Are the entries of a log up to an index, those that are not compacted, what was committed there?
fn is_committed<C: Eq>(log: &Log<C>, end: Index, committed: &[Commitment<C>]) -> bool {
    agree(log.prefix(end).iter(), log.base().index, committed)
}

/// Are entries that follow an index what was committed there? Not if nothing was.
fn agree<'a, C: Eq + 'a>(
    entries: impl ExactSizeIterator<Item = &'a Entry<C>>,
    after: Index,
    committed: &[Commitment<C>],
) -> bool {
    let there = usize::try_from(after.0).ok().and_then(|start| committed.get(start..)).unwrap_or_default();
    entries.len() <= there.len() && entries.zip(there).all(|(entry, commitment)| *entry == commitment.entry)
}

fn was_committed<C>(id: LogId, committed: &[Commitment<C>]) -> bool {
    let Some(position) = id.index.0.checked_sub(1) else { return id == LogId::default() };
    let there = usize::try_from(position).ok().and_then(|position| committed.get(position));
    there.is_some_and(|commitment| commitment.entry.term == id.term)
}

/// Are two logs equal up to an index? What one of them has compacted is what was committed there.
fn same_prefix<C: Eq>(a: &Log<C>, b: &Log<C>, end: Index, committed: &[Commitment<C>]) -> bool {
    let start = a.base().index.max(b.base().index).min(end);
    let count = usize::try_from(end.0.saturating_sub(start.0)).unwrap_or(usize::MAX);
    a.last_index() >= end
        && b.last_index() >= end
        && a.after(start, count) == b.after(start, count)
        && [a, b].iter().all(|log| is_committed(log, start, committed))
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
