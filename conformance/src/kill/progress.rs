//! What was acknowledged, and what was refused: of all clients, as soon as their answers are there.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Progress {
    known: Mutex<Known>,
    has_grown: Condvar,
}

/// Values of changes of which something is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Also of those for whose answers nobody waited any more.
    pub(crate) acknowledged: BTreeSet<i64>,
    pub(crate) refused: BTreeSet<i64>,
}

impl Progress {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn acknowledge(&self, value: i64) {
        self.known().acknowledged.insert(value);
        self.has_grown.notify_all();
    }

    pub(crate) fn refuse(&self, value: i64) {
        self.known().refused.insert(value);
    }

    pub(crate) fn so_far(&self) -> Known {
        self.known().clone()
    }

    /// Waits until so many more changes are acknowledged than now. False if they are not in time.
    pub(crate) fn wait_for(&self, more: usize, patience: Duration) -> bool {
        let known = self.known();
        let due = known.acknowledged.len() + more;
        let lacks = |known: &mut Known| known.acknowledged.len() < due;
        let waited = self.has_grown.wait_timeout_while(known, patience, lacks);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}
