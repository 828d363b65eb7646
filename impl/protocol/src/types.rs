//! The words of the protocol as types: term, index, log id, node id, and sets of nodes.

use alloc::vec::Vec;
use core::num::NonZeroU8;

/// A period of time with at most one leader (§5.1). Term 0 precedes the first election.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Term(pub u64);

impl Term {
    /// The term after this one, or `None` at the end of all terms, where nobody can campaign any more.
    ///
    /// ```
    /// # use seaworthy_protocol::Term;
    /// assert_eq!(Term(2).next(), Some(Term(3)));
    /// assert_eq!(Term(u64::MAX).next(), None);
    /// ```
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// The position of an entry in the log, counted from 1. Index 0 precedes the first entry.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Index(pub u64);

impl Index {
    /// The index `count` entries later. Saturates: an index from a peer can be any number.
    ///
    /// ```
    /// # use seaworthy_protocol::Index;
    /// assert_eq!(Index(3).plus(2), Index(5));
    /// ```
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    /// The index just before this one; index 0 has none and answers itself.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The identity of an entry. Ordered by term, then by index, so that `a >= b` on the ids of two logs' last
/// entries *is* "a is at least as up-to-date as b" (§5.4.1).
///
/// ```
/// # use seaworthy_protocol::{Index, LogId, Term};
/// let longer = LogId { term: Term(1), index: Index(7) };
/// let newer = LogId { term: Term(2), index: Index(1) };
/// assert!(newer > longer);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LogId {
    /// The term of the leader that created the entry.
    pub term: Term,
    /// Its position.
    pub index: Index,
}

/// The name of a node within its cluster: 1 to 64. Which machine that is, only the runtime knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u8", into = "u8"))]
pub struct NodeId(NonZeroU8);

impl NodeId {
    /// The largest number of a node, and of nodes in a cluster.
    pub const MAX: u8 = 64;

    /// Names a node, if the number is in range.
    ///
    /// ```
    /// # use seaworthy_protocol::NodeId;
    /// assert_eq!(NodeId::new(3).unwrap().get(), 3);
    /// assert_eq!(NodeId::new(0), None);
    /// assert_eq!(NodeId::new(65), None);
    /// ```
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) if number.get() <= Self::MAX => Some(Self(number)),
            Some(_) | None => None,
        }
    }

    /// The number, from 1 to [`NodeId::MAX`].
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    const fn bit(self) -> u64 {
        1 << (self.0.get() - 1)
    }
}

impl From<NodeId> for u8 {
    fn from(id: NodeId) -> Self {
        id.get()
    }
}

impl TryFrom<u8> for NodeId {
    type Error = NodeIdOutOfRange;

    fn try_from(number: u8) -> Result<Self, NodeIdOutOfRange> {
        Self::new(number).ok_or(NodeIdOutOfRange(number))
    }
}

/// A number that names no node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodeIdOutOfRange(pub u8);

impl core::fmt::Display for NodeIdOutOfRange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "node {} is out of range: nodes are numbered from 1 to {}", self.0, NodeId::MAX)
    }
}

impl core::error::Error for NodeIdOutOfRange {}

/// A set of nodes as bits: `Copy`, canonical, free to hash. Counting a node twice is impossible.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct NodeSet(u64);

impl NodeSet {
    /// The nodes 1 to `count`. Numbers above [`NodeId::MAX`] name nobody.
    ///
    /// ```
    /// # use seaworthy_protocol::NodeSet;
    /// assert_eq!(NodeSet::first(3).len(), 3);
    /// assert_eq!(NodeSet::first(64).len(), 64);
    /// ```
    #[must_use]
    pub fn first(count: u8) -> Self {
        (1..=count).filter_map(NodeId::new).collect()
    }

    /// Is the node in the set?
    #[must_use]
    pub const fn contains(self, id: NodeId) -> bool {
        self.0 & id.bit() != 0
    }

    /// Adds a node.
    pub fn insert(&mut self, id: NodeId) {
        self.0 |= id.bit();
    }

    /// The set without the node.
    #[must_use]
    pub const fn without(self, id: NodeId) -> Self {
        Self(self.0 & !id.bit())
    }

    /// The nodes in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many nodes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Is nobody in the set?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The nodes in ascending order.
    pub fn iter(self) -> impl Iterator<Item = NodeId> {
        let mut bits = self.0;
        core::iter::from_fn(move || {
            let number = u8::try_from(bits.trailing_zeros()).ok()?.checked_add(1)?;
            bits &= bits.wrapping_sub(1);
            NodeId::new(number)
        })
    }

    /// How many members precede the node.
    const fn rank(self, id: NodeId) -> usize {
        (self.0 & (id.bit() - 1)).count_ones() as usize
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(ids: I) -> Self {
        ids.into_iter().fold(Self::default(), |mut set, id| {
            set.insert(id);
            set
        })
    }
}

/// A value for each node of a fixed set. The keys are bits and the values lie in the order of the nodes,
/// so that equal maps are equal bytes and a look-up is a count of bits.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct NodeMap<T> {
    nodes: NodeSet,
    values: Vec<T>,
}

impl<T> Default for NodeMap<T> {
    fn default() -> Self {
        Self { nodes: NodeSet::default(), values: Vec::new() }
    }
}

impl<T> NodeMap<T> {
    /// A map that holds `value(node)` for each node of the set.
    pub fn from_fn(nodes: NodeSet, value: impl FnMut(NodeId) -> T) -> Self {
        Self { nodes, values: nodes.iter().map(value).collect() }
    }

    /// The node's value, or `None` for a node outside the set.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<&T> {
        if self.nodes.contains(id) { self.values.get(self.nodes.rank(id)) } else { None }
    }

    /// The node's value, to change it, or `None` for a node outside the set.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut T> {
        if self.nodes.contains(id) { self.values.get_mut(self.nodes.rank(id)) } else { None }
    }

    /// Sets a node's value.
    pub fn insert(&mut self, id: NodeId, value: T) {
        let rank = self.nodes.rank(id);
        match self.values.get_mut(rank) {
            Some(old) if self.nodes.contains(id) => *old = value,
            Some(_) | None => {
                self.nodes.insert(id);
                self.values.insert(rank, value);
            }
        }
    }

    /// Is there no node in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes and their values, in the order of the nodes.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &T)> {
        self.nodes.iter().zip(&self.values)
    }

    /// The nodes and their values, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut T)> {
        self.nodes.iter().zip(&mut self.values)
    }

    /// The same map in a cluster whose nodes, all of `nodes`, bear other names.
    pub(crate) fn renamed(&self, nodes: NodeSet, name: impl Fn(NodeId) -> NodeId) -> Self
    where
        T: Copy,
    {
        let was = |new: NodeId| nodes.iter().find(|old| name(*old) == new);
        let keys: NodeSet = self.nodes.iter().map(&name).collect();
        let values = keys.iter().filter_map(|new| self.get(was(new)?)).copied().collect();
        Self { nodes: keys, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(number: u8) -> NodeId {
        NodeId::new(number).unwrap()
    }

    #[test]
    fn a_set_lists_its_members_in_order_up_to_node_64() {
        let set: NodeSet = [n(64), n(1), n(7), n(7)].into_iter().collect();
        assert_eq!(set.iter().map(NodeId::get).collect::<Vec<_>>(), [1, 7, 64]);
        assert_eq!(NodeSet::first(64).iter().count(), 64);
        assert_eq!(NodeSet::default().iter().count(), 0);
    }

    #[test]
    fn a_map_finds_each_node_and_no_other() {
        let mut map = NodeMap::from_fn([n(2), n(5), n(64)].into_iter().collect(), NodeId::get);
        *map.get_mut(n(5)).unwrap() = 50;
        assert_eq!(
            map.iter().map(|(id, value)| (id.get(), *value)).collect::<Vec<_>>(),
            [(2, 2), (5, 50), (64, 64)]
        );
        assert_eq!(map.get(n(3)), None);
        assert_eq!(map.get_mut(n(63)), None);
        map.insert(n(3), 3);
        map.insert(n(64), 1);
        assert_eq!(
            map.iter().map(|(id, value)| (id.get(), *value)).collect::<Vec<_>>(),
            [(2, 2), (3, 3), (5, 50), (64, 1)]
        );
    }
}
