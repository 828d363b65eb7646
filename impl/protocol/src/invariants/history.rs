//! Ghosts: what the properties remember of the past. They would not exist in a real implementation; drivers keep them
//! beside the nodes, the protocol never reads them.

use super::Violation;
use crate::log::{Entry, Payload};
use crate::message::{Envelope, Message};
use crate::node::Node;
use crate::types::{NodeId, Term};
use alloc::vec::Vec;

/// The past of one node.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct NodeHistory {
    /// The terms, below 64, in which the node was ever seen leading, as bits.
    led: u64,
    /// The latest vote that left the node, until its disk is in a newer term and the vote has no weight.
    granted: Option<(Term, NodeId)>,
}

impl NodeHistory {
    /// Looks at the node as it is after a step. Feeding leadership from the state seen, not from election wins, also
    /// catches a leader that slips into a term it never won.
    pub const fn see<C>(&mut self, node: &Node<C>) {
        if node.is_leader() {
            self.led |= term_bit(node.current_term());
        }
    }

    /// Looks at a message that leaves the node.
    pub fn see_leave<E>(&mut self, envelope: &Envelope<E>) -> Option<Violation> {
        // A candidate's request tells of its own vote.
        let candidate = match envelope.message {
            Message::RequestVote { .. } => envelope.from,
            Message::RequestVoteReply { vote_granted: true } => envelope.to,
            Message::RequestVoteReply { vote_granted: false }
            | Message::PreVote { .. }
            | Message::PreVoteGranted
            | Message::AppendEntries { .. }
            | Message::AppendEntriesReply(_)
            | Message::InstallSnapshot(_)
            | Message::InstallSnapshotReply { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::ReadRound { .. }
            | Message::ReadRoundReply { .. }
            | Message::TimeoutNow
            | Message::HigherTerm => return None,
        };
        let vote = (envelope.term, candidate);
        let voted_twice = self.granted.is_some_and(|(term, candidate)| term == vote.0 && candidate != vote.1);
        self.granted = Some(vote);
        voted_twice.then_some(Violation::OneVotePerTerm)
    }

    /// Forgets a vote that has no weight any more because the node's disk is in a newer term.
    pub fn forget_before(&mut self, on_disk: Term) {
        self.granted = self.granted.filter(|(term, _)| *term >= on_disk);
    }

    /// The same past in a cluster whose nodes bear other names.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(NodeId) -> NodeId) -> Self {
        Self { led: self.led, granted: self.granted.map(|(term, candidate)| (term, name(candidate))) }
    }
}

/// [`ElectionSafety`](Violation::ElectionSafety): no two nodes ever led in one term.
#[must_use]
pub fn election_safety(mut histories: impl Iterator<Item = NodeHistory>) -> bool {
    histories.try_fold(0, |led, history| (led & history.led == 0).then_some(led | history.led)).is_some()
}

const fn term_bit(term: Term) -> u64 {
    // Terms from 63 on share a bit that is never set: no bounded search comes near them.
    if term.0 < 63 { 1 << term.0 } else { 0 }
}

/// An entry that was committed, and the term of the node that committed it first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Commitment<C> {
    /// The entry.
    pub entry: Entry<C>,
    /// When it was committed: the committing leader's term, which may be later than the entry's.
    pub term: Term,
}

/// Looks at a node as it is after a step, and adds what it commits as the first. False if it commits something else than
/// was committed before: [`StateMachineSafety`](Violation::StateMachineSafety). What lies before the node's log must have been.
pub fn see_commit<C: Copy + Eq>(node: &Node<C>, committed: &mut Vec<Commitment<C>>) -> bool {
    let agrees = agrees_with(node, committed);
    let known = committed.len().saturating_sub(base_of(node));
    let new = node.log().prefix(node.commit_index()).iter().skip(known);
    committed.extend(new.map(|entry| Commitment { entry: *entry, term: node.current_term() }));
    agrees
}

/// What [`see_commit`] answers, of who adds nothing: what the node commits as the first agrees.
#[must_use]
pub fn agrees_with<C: Copy + Eq>(node: &Node<C>, committed: &[Commitment<C>]) -> bool {
    let Some(behind_base) = committed.get(base_of(node)..) else { return false };
    let own = node.log().prefix(node.commit_index());
    behind_base.iter().zip(own).all(|(first, entry)| first.entry == *entry)
}

/// How many entries lie before its log.
fn base_of<C>(node: &Node<C>) -> usize {
    usize::try_from(node.log().base().index.0).unwrap_or(usize::MAX)
}

/// [`Refinement`](Violation::Refinement) of a replicated log of proposals: commands that were proposed, each at most once.
#[must_use]
pub fn refines_proposals<C: Copy + Eq>(
    committed: &[Commitment<C>],
    was_proposed: impl Fn(C) -> bool,
) -> bool {
    let commands = committed.iter().filter_map(|commitment| match commitment.entry.payload {
        Payload::Noop => None,
        Payload::Command(command) => Some(command),
    });
    let once = |command: C| commands.clone().filter(|other| *other == command).count() == 1;
    commands.clone().all(|command| was_proposed(command) && once(command))
}
