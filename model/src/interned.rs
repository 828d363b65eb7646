//! Hash-consing: equal parts of states are one allocation, compared by address, with their digests computed once.
//!
//! A run meets millions of states but only thousands of different servers and messages. An arena gives each one an
//! address for the rest of the process; a state is then a handful of addresses. The arena is never freed: a checker's
//! process is short and its parts are few (`seaworthy-model check three` keeps well under 1 GiB of them).

use crate::symmetry::{Digests, Permutation, Rename};
use dashmap::DashMap;
use std::borrow::Borrow;
use std::fmt::{self, Debug, Formatter};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;

/// An address in an [`Arena`]. Two are equal if and only if their values are. Its digests are cached: this is the one
/// wrapper that does so, and `a_cached_digest_equals_the_derived_one` holds it to the derived `Hash` of the value.
pub struct Interned<T: 'static>(&'static Cell<T>);

struct Cell<T> {
    value: T,
    digests: Digests,
}

impl<T> Interned<T> {
    /// The digest of the value under each renaming.
    #[must_use]
    pub fn digests(self) -> &'static Digests {
        &self.0.digests
    }

    /// The value, for as long as the process lives.
    #[must_use]
    pub fn value(self) -> &'static T {
        &self.0.value
    }
}

impl<T> Clone for Interned<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Interned<T> {}

impl<T> PartialEq for Interned<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T> Eq for Interned<T> {}

/// By address. States are hashed by [`Interned::digests`]; this serves look-up tables only.
impl<T> Hash for Interned<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}

impl<T: Ord> Ord for Interned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self == other { std::cmp::Ordering::Equal } else { self.0.value.cmp(&other.0.value) }
    }
}

impl<T: Ord> PartialOrd for Interned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Deref for Interned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Debug> Debug for Interned<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// Where the values of one type live.
pub struct Arena<T: 'static> {
    cells: DashMap<ByValue<T>, (), ahash::RandomState>,
    salt: u64,
}

struct ByValue<T: 'static>(Interned<T>);

impl<T: PartialEq> PartialEq for ByValue<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.value() == other.0.value()
    }
}

impl<T: Eq> Eq for ByValue<T> {}

impl<T: Hash> Hash for ByValue<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.value().hash(state);
    }
}

impl<T> Borrow<T> for ByValue<T> {
    fn borrow(&self) -> &T {
        self.0.value()
    }
}

impl<T: Eq + Hash + Rename> Arena<T> {
    /// An empty arena. The salt goes into every digest: two salts must find the same number of states.
    #[must_use]
    pub fn new(salt: u64) -> Self {
        Self { cells: DashMap::default(), salt }
    }

    /// The address of a value, with its digests under the given renamings.
    pub fn intern(&self, value: T, permutations: &[Permutation]) -> Interned<T> {
        if let Some(cell) = self.cells.get(&value) {
            return cell.key().0;
        }
        let digests = permutations.iter().map(|permutation| self.digest(&value, permutation)).collect();
        let cell = Interned(Box::leak(Box::new(Cell { value, digests })));
        self.cells.entry(ByValue(cell)).or_insert(()).key().0
    }

    fn digest(&self, value: &T, permutation: &Permutation) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.salt.hash(&mut hasher);
        value.renamed(permutation).hash(&mut hasher);
        hasher.finish()
    }

    /// How many different values it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.cells.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::NodeId;

    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    struct Name(NodeId);

    impl Rename for Name {
        fn renamed(&self, permutation: &Permutation) -> Self {
            Self(permutation.image(self.0))
        }
    }

    fn derived_digest(value: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        7_u64.hash(&mut hasher);
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_cached_digest_equals_the_derived_one() {
        let permutations = Permutation::all(3);
        let arena = Arena::new(7);
        let name = Name(NodeId::new(2).unwrap());
        let interned = arena.intern(name.clone(), &permutations);
        for (digest, permutation) in interned.digests().iter().zip(&permutations) {
            assert_eq!(*digest, derived_digest(&name.renamed(permutation)));
        }
    }

    #[test]
    fn equal_values_have_one_address_and_different_ones_two() {
        let permutations = Permutation::identity(3);
        let arena = Arena::new(0);
        let [one, two] = [1, 2].map(|number| Name(NodeId::new(number).unwrap()));
        assert_eq!(arena.intern(one.clone(), &permutations), arena.intern(one.clone(), &permutations));
        assert_ne!(arena.intern(one, &permutations), arena.intern(two, &permutations));
        assert_eq!(arena.count(), 2);
    }
}
