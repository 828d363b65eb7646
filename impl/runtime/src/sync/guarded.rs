//! A value behind a lock that nobody can keep.

use super::primitive::{Arc, Mutex, lock};

/// A value that several threads use in turn.
pub(crate) struct Guarded<T>(Arc<Mutex<T>>);

impl<T> Clone for Guarded<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// Uses the value. What is done meanwhile must not use the value again.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut lock(&self.0))
    }
}
