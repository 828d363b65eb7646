//! An operation as the checker sees it: what it does to one register, and between which events.
//!
//! Keys are judged one by one: a history is linearizable if and only if its part on each object is (Herlihy and Wing 1990, Theorem 1).

use super::event::{Action, Value};
use super::reading::{History, Outcome};
use std::collections::BTreeMap;

/// Something that was done to a register, or may have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed {
    pub(super) effect: Effect,
    /// It takes effect after this event. Events are numbered by their lines.
    pub(super) begin: usize,
    /// And before this one. If there is none, it may take effect at any later time, or never.
    pub(super) end: Option<usize>,
    /// Nobody said so: the end is that of another operation, which saw what this one wrote.
    pub(super) is_inferred: bool,
    /// Which operation of the history it is.
    pub(super) operation: usize,
}

/// What it does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Effect {
    /// The register holds this, and does so still.
    Read(Value),
    /// It holds this afterwards.
    Write(Value),
    /// It holds the first before, and the second afterwards. They differ.
    Cas(Value, Value),
}

impl Effect {
    /// What must be there before it; nothing is said of a write.
    pub(super) const fn needs(self) -> Option<Value> {
        match self {
            Self::Read(value) | Self::Cas(value, _) => Some(value),
            Self::Write(_) => None,
        }
    }

    /// What is there because of it.
    pub(super) const fn leaves(self) -> Option<Value> {
        match self {
            Self::Read(_) => None,
            Self::Write(value) | Self::Cas(_, value) => Some(value),
        }
    }
}

impl History {
    /// What was done to each key, in the order in which it began.
    pub(super) fn by_key(&self) -> BTreeMap<&str, Vec<Deed>> {
        let mut keys: BTreeMap<&str, Vec<Deed>> = BTreeMap::new();
        for (number, operation) in self.operations.iter().enumerate() {
            let deeds = keys.entry(&operation.key).or_default();
            let is_unknown = operation.outcome == Outcome::Unknown;
            let effect = match (operation.action, operation.outcome) {
                // What has not happened is not in the order, and what nobody has seen is not in its way.
                (_, Outcome::Failed) | (Action::Read, Outcome::Unknown | Outcome::Done) => continue,
                (Action::Read, Outcome::Found(value)) => Effect::Read(value),
                (Action::Write(value), _) => Effect::Write(value),
                // It leaves what it finds: a read. If nobody knows of it, it does not matter.
                (Action::Cas { expected, new }, _) if expected == new && is_unknown => continue,
                (Action::Cas { expected, new }, _) if expected == new => Effect::Read(new),
                (Action::Cas { expected, new }, _) => Effect::Cas(expected, new),
            };
            let end = if is_unknown { None } else { operation.end };
            let begin = operation.begin;
            deeds.push(Deed { effect, begin, end, is_inferred: false, operation: number });
        }
        keys
    }
}
