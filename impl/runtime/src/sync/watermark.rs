//! A number that only grows, and whoever waits for it to reach another.

use super::primitive::{Arc, Mutex, lock};
use super::slot::{Completer, Waiter, slot};
use std::collections::BTreeMap;

/// A number that only grows.
pub(crate) struct Watermark(Arc<Mutex<Level>>);

struct Level {
    reached: u64,
    is_closed: bool,
    /// By what they wait for, and in the order in which they came.
    waiting: BTreeMap<(u64, u64), Completer<u64>>,
    came: u64,
    /// How many may wait before those are looked for that have given up.
    patience: usize,
}

impl Clone for Watermark {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Watermark {
    pub(crate) fn new() -> Self {
        let (waiting, patience) = (BTreeMap::new(), 64);
        Self(Arc::new(Mutex::new(Level { reached: 0, is_closed: false, waiting, came: 0, patience })))
    }

    /// The number has grown: wakes those who waited for that, and nobody else.
    pub(crate) fn raise(&self, to: u64) {
        let mut level = lock(&self.0);
        if to <= level.reached {
            return;
        }
        level.reached = to;
        let later = level.waiting.split_off(&(to.saturating_add(1), 0));
        let served = std::mem::replace(&mut level.waiting, later);
        drop(level);
        served.into_values().for_each(|completer| completer.complete(to));
    }

    /// Who waits for the number to reach another. The answer is where it was then.
    pub(crate) fn reach(&self, goal: u64) -> Waiter<u64> {
        let (completer, waiter) = slot();
        let mut level = lock(&self.0);
        if level.reached >= goal {
            let reached = level.reached;
            drop(level);
            completer.complete(reached);
        } else if level.is_closed {
            drop(level);
        } else {
            level.forget_the_impatient();
            level.came += 1;
            let came = level.came;
            level.waiting.insert((goal, came), completer);
        }
        waiter
    }

    /// The number will not grow any more.
    pub(crate) fn close(&self) {
        let mut level = lock(&self.0);
        level.is_closed = true;
        let waiting = std::mem::take(&mut level.waiting);
        drop(level);
        drop(waiting);
    }
}

impl Level {
    /// Whoever waits in vain and leaves would be kept for ever.
    fn forget_the_impatient(&mut self) {
        if self.waiting.len() >= self.patience {
            self.waiting.retain(|_, completer| completer.is_awaited());
            self.patience = (2 * self.waiting.len()).max(64);
        }
    }
}
