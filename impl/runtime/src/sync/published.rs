//! A value that one thread shows to all: whoever looks sees all of it as it was at one moment.

use super::primitive::{Arc, Mutex, lock};
use super::slot::{Completer, Waiter, slot};

/// A value that is shown.
pub(crate) struct Published<T>(Arc<Mutex<Shown<T>>>);

struct Shown<T> {
    value: T,
    /// How often it has changed.
    version: u64,
    is_closed: bool,
    watching: Vec<Completer<()>>,
    /// How many may watch before those are looked for that have given up.
    patience: usize,
}

impl<T> Clone for Published<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + PartialEq> Published<T> {
    pub(crate) fn new(value: T) -> Self {
        let (watching, patience) = (Vec::new(), 64);
        Self(Arc::new(Mutex::new(Shown { value, version: 0, is_closed: false, watching, patience })))
    }

    /// What is shown.
    pub(crate) fn get(&self) -> T {
        lock(&self.0).value.clone()
    }

    /// What is shown, and how often it has changed before.
    pub(crate) fn get_versioned(&self) -> (T, u64) {
        let shown = lock(&self.0);
        (shown.value.clone(), shown.version)
    }

    /// Shows something else, and wakes who watches; nobody, if it is the same.
    pub(crate) fn show(&self, value: T) {
        let mut shown = lock(&self.0);
        if shown.value == value {
            return;
        }
        shown.value = value;
        shown.version += 1;
        let watching = std::mem::take(&mut shown.watching);
        drop(shown);
        watching.into_iter().for_each(|completer| completer.complete(()));
    }

    /// Waits for a version later than one that was seen.
    pub(crate) fn change_after(&self, version: u64) -> Waiter<()> {
        let (completer, waiter) = slot();
        let mut shown = lock(&self.0);
        if shown.version > version {
            drop(shown);
            completer.complete(());
        } else if shown.is_closed {
            drop(shown);
        } else {
            if shown.watching.len() >= shown.patience {
                shown.watching.retain(Completer::is_awaited);
                shown.patience = (2 * shown.watching.len()).max(64);
            }
            shown.watching.push(completer);
        }
        waiter
    }

    /// It will not change any more.
    pub(crate) fn close(&self) {
        let mut shown = lock(&self.0);
        shown.is_closed = true;
        let watching = std::mem::take(&mut shown.watching);
        drop(shown);
        drop(watching);
    }
}
