//! Majorities (§5.2, §5.3).

use crate::types::{Index, NodeId, NodeSet};

/// How many voters make a majority: more than half. Any two majorities share a voter.
#[must_use]
pub(crate) const fn majority(voters: NodeSet) -> usize {
    voters.len() / 2 + 1
}

/// Do these nodes include a majority of the voters?
#[must_use]
pub fn is_majority(voters: NodeSet, nodes: NodeSet) -> bool {
    voters.intersection(nodes).len() >= majority(voters)
}

/// The highest index that a majority of the voters has reached.
#[must_use]
pub(crate) fn highest_on_majority(voters: NodeSet, reached: impl Fn(NodeId) -> Index) -> Index {
    let mut indexes = [Index(0); NodeId::MAX as usize];
    let mut count = 0;
    for (slot, voter) in indexes.iter_mut().zip(voters.iter()) {
        *slot = reached(voter);
        count += 1;
    }
    let indexes = indexes.get_mut(..count).unwrap_or_default();
    indexes.sort_unstable_by(|a, b| b.cmp(a));
    indexes.get(majority(voters) - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws who has reached what, and the majority's index with its bar.
    fn highest(reached: &[u64]) -> u64 {
        let voters = NodeSet::first(u8::try_from(reached.len()).unwrap());
        highest_on_majority(voters, |id| Index(reached[usize::from(id.get() - 1)])).0
    }

    #[test]
    fn any_two_majorities_of_1_to_64_voters_share_a_voter() {
        for count in 1..=64 {
            let voters = NodeSet::first(count);
            assert!(2 * majority(voters) > voters.len(), "two disjoint majorities of {count}");
            assert!(
                2 * (majority(voters) - 1) <= voters.len(),
                "a majority of {count} is larger than needed"
            );
        }
    }

    #[test]
    fn nodes_outside_the_cluster_do_not_count() {
        let voters = NodeSet::first(3);
        let strangers: NodeSet = [1, 40, 41].into_iter().filter_map(NodeId::new).collect();
        assert!(!is_majority(voters, strangers));
    }

    #[test]
    fn the_majority_index_is_the_median_of_odd_and_the_lower_middle_of_even_clusters() {
        assert_eq!(highest(&[7]), 7);
        assert_eq!(highest(&[7, 3]), 3);
        assert_eq!(highest(&[7, 3, 5]), 5);
        assert_eq!(highest(&[7, 3, 5, 5]), 5);
        assert_eq!(highest(&[7, 3, 5, 4]), 4);
        assert_eq!(highest(&[1, 2, 3, 4, 5]), 3);
        assert_eq!(highest(&[9, 9, 0, 0, 0]), 0);
        assert_eq!(highest(&[4; 64]), 4);
    }
}
