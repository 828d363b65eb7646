//! One answer, from one thread to another: given once, and always. Who is to give it and forgets, because its thread stops or
//! panics, gives it by being dropped.

use super::primitive::{Arc, AtomicBool, Condvar, Mutex, Ordering, lock, look_for, park};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Makes a slot: one end gives the answer, the other waits for it.
pub(crate) fn slot<T>() -> (Completer<T>, Waiter<T>) {
    let content = Content { state: State::Open, is_parked: false, waker: None };
    let shared =
        Shared { content: Mutex::new(content), is_over: AtomicBool::new(false), over: Condvar::new() };
    let shared = Arc::new(shared);
    (Completer(Some(Arc::clone(&shared))), Waiter(shared))
}

/// Nobody will give an answer any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Abandoned;

struct Shared<T> {
    content: Mutex<Content<T>>,
    /// A hint for a thread that has not gone to sleep yet.
    is_over: AtomicBool,
    over: Condvar,
}

struct Content<T> {
    state: State<T>,
    /// A thread sleeps until there is an answer, or is about to.
    is_parked: bool,
    /// A task sleeps until there is an answer.
    waker: Option<Waker>,
}

enum State<T> {
    Open,
    Answered(T),
    /// Without an answer; or it was taken.
    Over,
}

/// The end that gives the answer.
pub(crate) struct Completer<T>(Option<Arc<Shared<T>>>);

impl<T> Completer<T> {
    pub(crate) fn complete(mut self, answer: T) {
        if let Some(shared) = self.0.take() {
            shared.end(State::Answered(answer));
        }
    }

    /// Is anyone there to hear the answer? Later nobody will be who is not there now.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| Arc::strong_count(shared) > 1)
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.end(State::Over);
        }
    }
}

impl<T> Shared<T> {
    fn end(&self, state: State<T>) {
        let mut content = lock(&self.content);
        content.state = state;
        self.is_over.store(true, Ordering::Relaxed);
        let (was_parked, waker) = (content.is_parked, content.waker.take());
        drop(content);
        if was_parked {
            self.over.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Content<T> {
    fn take(&mut self) -> Option<Result<T, Abandoned>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open => {
                self.state = State::Open;
                None
            }
            State::Answered(answer) => Some(Ok(answer)),
            State::Over => Some(Err(Abandoned)),
        }
    }
}

/// The end that waits: a future, or a thread.
pub(crate) struct Waiter<T>(Arc<Shared<T>>);

impl<T> Waiter<T> {
    /// Waits as a thread.
    pub(crate) fn wait(self) -> Result<T, Abandoned> {
        look_for(&self.0.is_over);
        let mut content = lock(&self.0.content);
        loop {
            if let Some(answer) = content.take() {
                return answer;
            }
            content.is_parked = true;
            content = park(&self.0.over, content, None);
        }
    }

    /// Waits as a thread, for some time at most. Nothing if that has passed: whoever waits may go on waiting.
    pub(crate) fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<T, Abandoned>> {
        let end = Instant::now().checked_add(timeout);
        look_for(&self.0.is_over);
        let mut content = lock(&self.0.content);
        loop {
            if let Some(answer) = content.take() {
                return Some(answer);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                content.is_parked = false;
                return None;
            }
            content.is_parked = true;
            content = park(&self.0.over, content, left);
        }
    }
}

impl<T> Future for Waiter<T> {
    type Output = Result<T, Abandoned>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut content = lock(&self.0.content);
        match content.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                // The latest task counts. Replaced under the lock: an answer comes after it, or was there before.
                if !content.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    content.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}
