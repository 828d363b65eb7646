//! The configurations that are left at a moment: what the register may hold, and what has to be done with those operations that are pending.

use super::event::Value;
use super::slots::Slots;
use std::collections::BTreeMap;

/// One way in which everything so far may have happened.
///
/// A pending operation is one of three things. It *must* come yet. Or it *may* come: it can count as done, or take effect later, as
/// is needed; of these nothing is kept. Or it is *done*, and cannot come again.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Configuration {
    pub(super) value: Value,
    pub(super) must: Slots,
    pub(super) done: Slots,
}

impl Configuration {
    /// Whatever can follow the other can follow this one: it owes no more, and has no less at hand.
    fn is_as_good_as(&self, other: &Self) -> bool {
        self.must.is_subset(&other.must) && self.done.is_subset(&other.done)
    }
}

/// Configurations of which none is as good as another.
#[derive(Clone, Debug, Default)]
pub(super) struct Front(BTreeMap<Value, Vec<Configuration>>);

impl Front {
    /// Takes one in, unless there is one that is as good; those that are no better go. Was it taken in?
    pub(super) fn insert(&mut self, configuration: Configuration) -> bool {
        let others = self.0.entry(configuration.value).or_default();
        if others.iter().any(|other| other.is_as_good_as(&configuration)) {
            return false;
        }
        others.retain(|other| !configuration.is_as_good_as(other));
        others.push(configuration);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Configuration> {
        self.0.values().flatten()
    }

    /// Says the same of all of them that it does of their value, so that none becomes as good as another.
    pub(super) fn must(&mut self, slot: usize, is_owed: impl Fn(Value) -> bool) {
        for (value, configurations) in &mut self.0 {
            if is_owed(*value) {
                configurations.iter_mut().for_each(|configuration| configuration.must.insert(slot));
            }
        }
    }
}
