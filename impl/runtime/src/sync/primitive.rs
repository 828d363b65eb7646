//! The one place where the standard library's means of sharing are exchanged for loom's, which tries every interleaving.

#[cfg(seaworthy_loom)]
pub(crate) use loom::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::yield_now,
};
#[cfg(not(seaworthy_loom))]
pub(crate) use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::yield_now,
};

#[cfg(seaworthy_loom)]
pub(crate) use standing::Instant;
#[cfg(not(seaworthy_loom))]
pub(crate) use std::time::Instant;

use std::sync::PoisonError;
use std::time::Duration;

/// How often a waiting thread looks before it parks: a few microseconds. Waking a parked thread costs ten times as much on a virtual
/// machine.
#[cfg(not(seaworthy_loom))]
const LOOKS: usize = 64;
/// loom tries them all: one is enough.
#[cfg(seaworthy_loom)]
const LOOKS: usize = 1;

/// Takes a lock. No code that can panic runs while one is held, so what it guards is whole, whatever became of its holders.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Parks until the condition is notified of, or some time has passed. Wakes up for nothing, too.
pub(crate) fn park<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Option<Duration>,
) -> MutexGuard<'a, T> {
    match timeout {
        Some(timeout) => condition.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0,
        None => condition.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}

/// Looks for a while whether a flag is raised. Only a hint: whoever acts on it takes the lock.
pub(crate) fn look_for(flag: &AtomicBool) {
    for look in 0..LOOKS {
        if flag.load(Ordering::Relaxed) {
            return;
        }
        // Where all cores are busy, the one that would raise the flag needs this one.
        if look % 16 == 15 { yield_now() } else { std::hint::spin_loop() }
    }
}

/// A time between two others, both included, by the dice.
#[cfg(not(seaworthy_loom))]
pub(crate) fn draw(from: Duration, to: Duration) -> Duration {
    use rand::Rng;
    if from < to { rand::rng().random_range(from..=to) } else { from }
}
/// loom needs every run of the same interleaving to be the same.
#[cfg(seaworthy_loom)]
pub(crate) const fn draw(from: Duration, _: Duration) -> Duration {
    from
}

/// loom tries interleavings, not moments: under it the clock stands still until a model moves it on.
#[cfg(seaworthy_loom)]
pub(crate) mod standing {
    use std::cell::Cell;
    use std::time::Duration;

    // All threads of a model are run by one.
    thread_local!(static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) });

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Instant(Duration);

    impl Instant {
        pub(crate) fn now() -> Self {
            Self(NOW.get())
        }

        pub(crate) fn elapsed(self) -> Duration {
            NOW.get().saturating_sub(self.0)
        }
    }

    pub(crate) fn set(now: Duration) {
        NOW.set(now);
    }
}
