//! When an entry is committed (§5.3), and why only one of the leader's own term can be the first (§5.4.2).
//!
//! Counting replicas of an entry of an *earlier* term commits nothing: in Figure 8 of the paper such an entry sits on
//! a majority and is overwritten all the same, by a leader elected with a newer last entry. Once an entry of the
//! leader's own term is on a majority, no such leader can be elected any more, and everything before it is committed
//! with it.

use crate::config::Config;
use crate::node::Node;
use crate::quorum;
use crate::role::Role;
use crate::types::Index;

impl<C> Node<C> {
    /// Figure 2, Leaders 4: "If there exists an N such that N > commitIndex, a majority of matchIndex[i] ≥ N, and
    /// log[N].term == currentTerm: set commitIndex = N" (§5.3, §5.4).
    pub(crate) fn advance_commit_index(&mut self, config: &Config) {
        let Role::Leader { progress, .. } = self.role() else { return };
        // A leader counts its own entries only once its own disk has them.
        let own = self.confirmed().unwrap_or_default();
        let replicated = quorum::highest_on_majority(config.voters(), |voter| {
            if voter == self.id() {
                own
            } else {
                progress.get(voter).map_or(Index(0), |known| known.match_index)
            }
        });
        if self.log().term_at(replicated) == Some(self.current_term()) {
            self.commit_up_to(replicated);
        }
    }

    /// Raises the commit index; what is committed stays so.
    pub(crate) fn commit_up_to(&mut self, index: Index) {
        self.set_commit_index(index.max(self.commit_index()));
    }
}
