//! What became of a proposal, for the client that waits for it.
//!
//! That its slot in this node's log holds another entry now decides nothing: a node elsewhere may hold it still, be elected, and
//! commit it (Figure 8 of the paper is such a story). Only a slot that is *committed* is decided.

use crate::node::Node;
use crate::types::LogId;

/// What became of a proposal that was [appended](crate::Answer::Appended).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// Nothing yet, and the node leads still.
    Pending,
    /// It is committed at its log id: whoever applies up to that index has applied it.
    Committed,
    /// Another entry is committed in its place: it takes effect nowhere, ever, and may be proposed anew.
    NotCommitted,
    /// The node has lost the leadership, or knows the entry only from a snapshot. It may be committed or not, now or later; whoever
    /// can wait may ask again.
    Unknown,
}

impl<C> Node<C> {
    /// What became of a proposal, as far as this node can tell.
    #[must_use]
    pub fn outcome(&self, proposal: LogId) -> Outcome {
        let leads_its_term = self.is_leader() && self.current_term() == proposal.term;
        match self.log().term_at(proposal.index) {
            Some(term) if proposal.index <= self.commit_index() && term == proposal.term => {
                Outcome::Committed
            }
            Some(_) if proposal.index <= self.commit_index() => Outcome::NotCommitted,
            Some(_) | None if leads_its_term && proposal.index > self.commit_index() => Outcome::Pending,
            Some(_) | None => Outcome::Unknown,
        }
    }
}
