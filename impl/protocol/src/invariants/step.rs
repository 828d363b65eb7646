//! One node before and after a step, in constant time: compiled into every step, in production too.

use super::Violation;
use crate::node::Node;
use crate::types::{Index, LogId, NodeId, Term};

/// What a step may not take back: a handful of words remembered from before it.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    current_term: Term,
    voted_for: Option<NodeId>,
    commit: LogId,
    last: LogId,
    base: Index,
    is_leader: bool,
}

impl Before {
    /// Remembers a node.
    #[must_use]
    pub fn of<C>(node: &Node<C>) -> Self {
        let index = node.commit_index();
        Self {
            current_term: node.current_term(),
            voted_for: node.voted_for(),
            commit: LogId { term: node.log().term_at(index).unwrap_or_default(), index },
            last: node.log().last(),
            base: node.log().base().index,
            is_leader: node.is_leader(),
        }
    }

    /// The first property that the step to `after` breaks.
    #[must_use]
    pub fn violation_by<C>(&self, after: &Node<C>) -> Option<Violation> {
        let leads_on = self.is_leader
            && after.is_leader()
            && after.current_term() == self.current_term
            && after.voted_for() == self.voted_for
            && after.commit_index() == self.commit.index
            && after.log().base().index == self.base;
        // Nearly every step is one of these: a leader appends. Nothing but its log can be wrong then, as long as what was committed was
        // within it.
        if leads_on && after.log().holds(self.last) { None } else { self.violation_of_any(after) }
    }

    #[inline(never)]
    fn violation_of_any<C>(&self, after: &Node<C>) -> Option<Violation> {
        let same_term = after.current_term() == self.current_term;
        let led_throughout = same_term && self.is_leader && after.is_leader();
        let committed_more = after.commit_index() > self.commit.index;
        let holds = |index: Index, term: Term| after.log().term_at(index) == Some(term);
        let base = after.log().base().index;
        // What lies below the base can be seen no more, and a leader that has only appended has it all the same.
        let must_hold_committed = !led_throughout && self.commit.index >= base;
        if after.current_term() < self.current_term {
            Some(Violation::TermMonotonic)
        } else if same_term && self.voted_for.is_some() && after.voted_for() != self.voted_for {
            Some(Violation::VoteStable)
        } else if led_throughout && !holds(self.last.index, self.last.term) {
            Some(Violation::LeaderAppendOnly)
        } else if after.commit_index() > after.log().last_index() {
            Some(Violation::CommitWithinLog)
        } else if after.commit_index() < self.commit.index
            || (must_hold_committed && !holds(self.commit.index, self.commit.term))
        {
            Some(Violation::CommitMonotonic)
        } else if base < self.base || base > after.commit_index() {
            Some(Violation::CompactedCommitted)
        } else if committed_more && after.is_leader() && !holds(after.commit_index(), after.current_term()) {
            Some(Violation::CommitOnlyCurrentTerm)
        } else {
            None
        }
    }
}

/// [`LeaderAppendOnly`](Violation::LeaderAppendOnly), entry by entry: a node that leads one term before and after a step still
/// has every entry.
#[must_use]
pub fn leader_append_only<C: Eq>(before: &Node<C>, after: &Node<C>) -> bool {
    let same_term = before.current_term() == after.current_term();
    let leads = same_term && before.is_leader() && after.is_leader();
    !leads || still_holds(after, before, before.log().last_index())
}

/// [`CommitMonotonic`](Violation::CommitMonotonic), entry by entry: what was committed before a step is so after it. Not for a
/// restart, which forgets the commit index.
#[must_use]
pub fn commit_monotonic<C: Eq>(before: &Node<C>, after: &Node<C>) -> bool {
    after.commit_index() >= before.commit_index() && still_holds(after, before, before.commit_index())
}

/// Does a node still hold its entries up to an index, but for those that are compacted now?
fn still_holds<C: Eq>(after: &Node<C>, before: &Node<C>, end: Index) -> bool {
    let base = after.log().base().index;
    let held = usize::try_from(end.0.saturating_sub(base.0)).unwrap_or(usize::MAX);
    let held = before.log().after(base, held);
    base >= before.log().base().index && after.log().entries().starts_with(held)
}
