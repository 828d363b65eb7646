//! Sets of small numbers: the places of pending operations. Two words hold as many as are ever pending, but for histories with hundreds of
//! unknown ones.

use smallvec::SmallVec;

const BITS: usize = u64::BITS as usize;

/// A set of slots. Its last word is not zero, so that equal sets are equal.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Slots(SmallVec<[u64; 2]>);

impl Slots {
    pub(super) fn insert(&mut self, slot: usize) {
        if self.0.len() <= slot / BITS {
            self.0.resize(slot / BITS + 1, 0);
        }
        self.0[slot / BITS] |= 1 << (slot % BITS);
    }

    pub(super) fn remove(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / BITS) {
            *word &= !(1 << (slot % BITS));
            self.trim();
        }
    }

    pub(super) fn contains(&self, slot: usize) -> bool {
        self.0.get(slot / BITS).is_some_and(|word| word & (1 << (slot % BITS)) != 0)
    }

    /// Takes out all that are in another.
    pub(super) fn remove_all(&mut self, other: &Self) {
        for (word, removed) in self.0.iter_mut().zip(&other.0) {
            *word &= !removed;
        }
        self.trim();
    }

    pub(super) fn is_subset(&self, other: &Self) -> bool {
        let words = self.0.iter().zip(&other.0);
        self.0.len() <= other.0.len() && words.into_iter().all(|(word, of)| word & !of == 0)
    }

    /// Is any slot in both?
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(word, other)| word & other != 0)
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_has_shrunk_is_equal_to_one_that_never_grew() {
        let mut slots = Slots::default();
        slots.insert(3);
        let small = slots.clone();
        slots.insert(200);
        assert!(small.is_subset(&slots) && !slots.is_subset(&small));
        assert!(slots.contains(200) && !small.contains(200));
        slots.remove(200);
        assert_eq!(slots, small);
        slots.remove_all(&small);
        assert_eq!(slots, Slots::default());
    }
}
