//! Nodes are interchangeable: states that differ only in the nodes' names are one state to the checker.
//!
//! Every part of a state is hashed once under *every* renaming when it is first seen ([`Interned`](crate::interned)); the
//! digest of a state under a renaming is the sum of its parts' digests under it, and the state's fingerprint is the least
//! of those sums. No tie can spoil that, because no keys are sorted: all renamings are tried, always, ghosts and disk
//! queues included.

use seaworthy_protocol::{NodeId, NodeSet};
use smallvec::SmallVec;

/// A renaming of the nodes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permutation {
    nodes: NodeSet,
    images: Vec<NodeId>,
}

impl Permutation {
    /// The new name of a node.
    #[must_use]
    pub fn image(&self, id: NodeId) -> NodeId {
        self.images[usize::from(id.get() - 1)]
    }

    /// The nodes that are renamed among each other.
    #[must_use]
    pub const fn nodes(&self) -> NodeSet {
        self.nodes
    }

    /// All renamings of the nodes 1 to `count`, the identity first.
    #[must_use]
    pub fn all(count: u8) -> Vec<Self> {
        let nodes = NodeSet::first(count);
        let mut orders: Vec<Vec<NodeId>> = vec![Vec::new()];
        for _ in nodes.iter() {
            orders = orders
                .into_iter()
                .flat_map(|order| {
                    let unused: Vec<NodeId> = nodes.iter().filter(|id| !order.contains(id)).collect();
                    unused.into_iter().map(move |id| [order.clone(), vec![id]].concat())
                })
                .collect();
        }
        orders.into_iter().map(|images| Self { nodes, images }).collect()
    }

    /// Only the renaming that changes nothing.
    #[must_use]
    pub fn identity(count: u8) -> Vec<Self> {
        let nodes = NodeSet::first(count);
        vec![Self { nodes, images: nodes.iter().collect() }]
    }
}

/// Something that names nodes.
pub trait Rename {
    /// The same thing after a renaming.
    #[must_use]
    fn renamed(&self, permutation: &Permutation) -> Self;
}

/// One digest for each renaming. Six, inline, for three nodes.
pub type Digests = SmallVec<[u64; 6]>;

/// Spreads a sum of digests over all bits, so that the least of several is as good as any one of them.
#[must_use]
pub const fn mix(sum: u64) -> u64 {
    // The finaliser of MurmurHash3 (public domain), a bijection.
    let x = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_renamings_as_orders_and_the_first_changes_nothing() {
        for (count, orders) in [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120)] {
            let all = Permutation::all(count);
            assert_eq!(all.len(), orders);
            assert!(NodeSet::first(count).iter().all(|id| all[0].image(id) == id));
            for permutation in &all {
                let images: NodeSet = NodeSet::first(count).iter().map(|id| permutation.image(id)).collect();
                assert_eq!(images, NodeSet::first(count), "{permutation:?} gives two nodes one name");
            }
        }
    }
}
