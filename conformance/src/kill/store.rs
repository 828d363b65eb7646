//! What the nodes replicate: values by key. It also remembers all that was ever written, so that a write is missed though another came
//! over it, and noticed if it was carried out twice.

use seaworthy::{Index, StateMachine};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

/// What a client asks to be done. No value is ever asked for twice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Change {
    Write { key: String, value: i64 },
    Cas { key: String, expected: Option<i64>, new: i64 },
}

impl Change {
    pub(crate) const fn value(&self) -> i64 {
        match self {
            Self::Write { value, .. } | Self::Cas { new: value, .. } => *value,
        }
    }
}

/// The state of a node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Store {
    pub(crate) values: BTreeMap<String, i64>,
    /// All that was ever written.
    pub(crate) written: BTreeSet<i64>,
    /// And of that, what was written more than once.
    pub(crate) repeated: BTreeSet<i64>,
}

impl StateMachine for Store {
    type Command = Change;
    /// Was it done? A cas is not if it finds something else than it expects.
    type Response = bool;

    fn apply(&mut self, _: Index, change: Change) -> bool {
        let value = change.value();
        let key = match change {
            Change::Cas { key, expected, .. } if self.values.get(&key).copied() != expected => return false,
            Change::Write { key, .. } | Change::Cas { key, .. } => key,
        };
        self.values.insert(key, value);
        if !self.written.insert(value) {
            self.repeated.insert(value);
        }
        true
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let state = self.clone();
        // Numbers and texts can always be written down; what is cut off could not be read back.
        move |out| drop(serde_json::to_writer(out, &state))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        *self = serde_json::from_slice(snapshot)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_remembered_and_what_was_written_twice() {
        let (mut store, key) = (Store::default(), || "a".to_owned());
        assert!(store.apply(Index(1), Change::Write { key: key(), value: 1 }));
        assert!(!store.apply(Index(2), Change::Cas { key: key(), expected: None, new: 2 }));
        assert!(store.apply(Index(3), Change::Cas { key: key(), expected: Some(1), new: 3 }));
        assert!(store.apply(Index(4), Change::Write { key: key(), value: 1 }));
        assert_eq!(store.values, BTreeMap::from([(key(), 1)]));
        assert_eq!((store.written.clone(), store.repeated.clone()), ([1, 3].into(), [1].into()));
        let (mut bytes, mut other) = (Vec::new(), Store::default());
        store.snapshot()(&mut bytes);
        other.restore(&bytes).unwrap();
        assert_eq!(other, store);
    }
}
