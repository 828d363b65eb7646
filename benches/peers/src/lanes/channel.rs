//! The channels between threads. Which one is faster depends on the machine and the load, so both are tried.

use std::sync::mpsc;
use std::time::Duration;

/// A kind of channel.
pub(crate) trait Channel: 'static {
    /// The end that sends.
    type Sender<T: Send + 'static>: Clone + Send;
    /// The end that receives.
    type Receiver<T: Send + 'static>: Send;

    /// A channel without bound.
    fn open<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>);
    /// Sends. Nobody minds if the other end is gone: the threads are stopping then.
    fn send<T: Send + 'static>(sender: &Self::Sender<T>, value: T);
    /// Waits for the next, for some time at most.
    fn receive<T: Send + 'static>(receiver: &Self::Receiver<T>, patience: Duration) -> Option<T>;
    /// The next, if it is there.
    fn try_receive<T: Send + 'static>(receiver: &Self::Receiver<T>) -> Option<T>;
}

/// The standard library's: who waits sleeps at once.
pub(crate) struct Std;

impl Channel for Std {
    type Sender<T: Send + 'static> = mpsc::Sender<T>;
    type Receiver<T: Send + 'static> = mpsc::Receiver<T>;

    fn open<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        mpsc::channel()
    }

    fn send<T: Send + 'static>(sender: &Self::Sender<T>, value: T) {
        let _ = sender.send(value);
    }

    fn receive<T: Send + 'static>(receiver: &Self::Receiver<T>, patience: Duration) -> Option<T> {
        receiver.recv_timeout(patience).ok()
    }

    fn try_receive<T: Send + 'static>(receiver: &Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}

/// Crossbeam's: who waits spins and yields before it sleeps.
pub(crate) struct Crossbeam;

impl Channel for Crossbeam {
    type Sender<T: Send + 'static> = crossbeam_channel::Sender<T>;
    type Receiver<T: Send + 'static> = crossbeam_channel::Receiver<T>;

    fn open<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>) {
        crossbeam_channel::unbounded()
    }

    fn send<T: Send + 'static>(sender: &Self::Sender<T>, value: T) {
        let _ = sender.send(value);
    }

    fn receive<T: Send + 'static>(receiver: &Self::Receiver<T>, patience: Duration) -> Option<T> {
        receiver.recv_timeout(patience).ok()
    }

    fn try_receive<T: Send + 'static>(receiver: &Self::Receiver<T>) -> Option<T> {
        receiver.try_recv().ok()
    }
}
