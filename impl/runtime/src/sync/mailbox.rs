//! What many threads have for one: it takes all at once, and is woken only if it sleeps.
//!
//! Rejected: a lock-free queue. The receiver swaps out everything under one lock, so that a sender waits for three pointers to be
//! exchanged at worst; and that the last look and the going to sleep are one step under that lock is what makes it plain that no
//! wake-up is lost.

use super::primitive::{Arc, AtomicBool, Condvar, Mutex, MutexGuard, Ordering, lock, look_for, park};
use std::time::Duration;

/// Makes a mailbox. Who puts in something that has a weight waits while that would make it hold more than `limit` of weight.
pub(crate) fn mailbox<T>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Queue { items: Vec::new(), weight: 0, is_parked: false, blocked: 0, is_closed: false };
    let shared = Arc::new(Shared {
        limit,
        queue: Mutex::new(queue),
        has_items: AtomicBool::new(false),
        filled: Condvar::new(),
        emptied: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    limit: usize,
    queue: Mutex<Queue<T>>,
    /// A hint for a receiver that has not gone to sleep yet.
    has_items: AtomicBool,
    filled: Condvar,
    emptied: Condvar,
}

struct Queue<T> {
    items: Vec<T>,
    weight: usize,
    /// The receiver sleeps, or is about to: it has found the queue empty, and holds no lock any more.
    is_parked: bool,
    /// How many senders wait for room.
    blocked: usize,
    /// The receiver is gone.
    is_closed: bool,
}

/// Where things are put in.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Puts in something without weight, which never waits. Gives it back if the receiver is gone.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut queue = lock(&self.0.queue);
        if queue.is_closed {
            return Err(item);
        }
        queue.items.push(item);
        self.0.wake(queue);
        Ok(())
    }

    /// Puts in something with a weight, and waits for room. What is heavier than the limit goes in alone. Gives it back if the
    /// receiver is gone, also while it waited.
    pub(crate) fn push_weighing(&self, item: T, weight: usize) -> Result<(), T> {
        let mut queue = lock(&self.0.queue);
        while !queue.is_closed && !self.0.has_room(&queue, weight) {
            queue.blocked += 1;
            queue = park(&self.0.emptied, queue, None);
            queue.blocked -= 1;
        }
        if queue.is_closed {
            return Err(item);
        }
        queue.items.push(item);
        queue.weight = queue.weight.saturating_add(weight);
        self.0.wake(queue);
        Ok(())
    }

    /// Puts in something with a weight if there is room. Gives it back if there is none, or the receiver is gone.
    pub(crate) fn try_push_weighing(&self, item: T, weight: usize) -> Result<(), T> {
        let mut queue = lock(&self.0.queue);
        if queue.is_closed || !self.0.has_room(&queue, weight) {
            return Err(item);
        }
        queue.items.push(item);
        queue.weight = queue.weight.saturating_add(weight);
        self.0.wake(queue);
        Ok(())
    }
}

impl<T> Sender<T> {
    /// Is the receiver gone? Then it will not come back.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.0.queue).is_closed
    }
}

impl<T> Shared<T> {
    fn has_room(&self, queue: &Queue<T>, weight: usize) -> bool {
        queue.weight == 0 || queue.weight.saturating_add(weight) <= self.limit
    }

    /// Something was put in: wakes the receiver if it sleeps.
    fn wake(&self, mut queue: MutexGuard<'_, Queue<T>>) {
        self.has_items.store(true, Ordering::Relaxed);
        let was_parked = std::mem::take(&mut queue.is_parked);
        drop(queue);
        if was_parked {
            self.filled.notify_one();
        }
    }
}

/// Where things are taken out. There is one.
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    /// Takes out everything, into a vector that is empty.
    pub(crate) fn take(&mut self, items: &mut Vec<T>) {
        debug_assert!(items.is_empty(), "what was taken before would be put back");
        let mut queue = lock(&self.0.queue);
        std::mem::swap(&mut queue.items, items);
        self.0.has_items.store(false, Ordering::Relaxed);
        queue.weight = 0;
        let is_awaited = queue.blocked > 0;
        drop(queue);
        if is_awaited {
            self.0.emptied.notify_all();
        }
    }

    /// Waits until there is something to take, or some time has passed: looks for a moment, then sleeps.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return;
        }
        look_for(&self.0.has_items);
        let mut queue = lock(&self.0.queue);
        if queue.items.is_empty() {
            queue.is_parked = true;
            queue = park(&self.0.filled, queue, timeout);
            queue.is_parked = false;
        }
    }
}

/// Whoever put something in is told that it came to nothing, by its being dropped; and whoever comes later gets it back.
impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.is_closed = true;
        let items = std::mem::take(&mut queue.items);
        drop(queue);
        self.0.emptied.notify_all();
        // Outside the lock: what is dropped may answer whoever waits for it.
        drop(items);
    }
}
