//! What a caller holds until it is answered.

use crate::sync::{Completer, Waiter, slot};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// An answer that is on its way: a future for any executor, or [`wait`](Self::wait) for it. It comes exactly once, also when the node
/// stops. Dropping it takes nothing back: what was asked for happens, or not.
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// let reply = raft.propose(&5);
/// // Or `reply.await`, for any executor.
/// assert_eq!(reply.wait(), Ok(5));
/// ```
#[must_use = "what becomes of the request is not known before its answer"]
pub struct Reply<T, E> {
    waiter: Waiter<Result<T, E>>,
    /// What it means that nobody will answer.
    abandoned: E,
}

impl<T, E: Copy> Reply<T, E> {
    /// A reply, and the end that gives it.
    pub(crate) fn new(abandoned: E) -> (Completer<Result<T, E>>, Self) {
        let (completer, waiter) = slot();
        (completer, Self { waiter, abandoned })
    }

    /// A reply that is there already.
    pub(crate) fn at_once(answer: Result<T, E>, abandoned: E) -> Self {
        let (completer, reply) = Self::new(abandoned);
        completer.complete(answer);
        reply
    }

    /// Waits for it as a thread.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// assert_eq!(raft.propose(&5).wait(), Ok(5));
    /// ```
    ///
    /// # Errors
    ///
    /// What the operation says.
    pub fn wait(self) -> Result<T, E> {
        self.waiter.wait().unwrap_or(Err(self.abandoned))
    }

    /// Waits for it as a thread, for some time at most. Nothing if that has passed: then it may be waited for again.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// use std::time::Duration;
    ///
    /// let mut reply = raft.propose(&5);
    /// while reply.wait_timeout(Duration::from_millis(1)).is_none() {
    ///     // Something else can be done meanwhile.
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What the operation says.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<T, E>> {
        self.waiter.wait_timeout(timeout).map(|answer| answer.unwrap_or(Err(self.abandoned)))
    }
}

impl<T, E: Copy + Unpin> Future for Reply<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let abandoned = self.abandoned;
        Pin::new(&mut self.waiter).poll(context).map(|answer| answer.unwrap_or(Err(abandoned)))
    }
}

impl<T, E> fmt::Debug for Reply<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
