//! A running node, as its users hold it.

use crate::command::{Command as _, Loggable};
use crate::counters::Counters;
use crate::error::{ProposeError, ReadError, ShutdownError, Stopped, TransferError};
use crate::node_loop::Status;
use crate::reply::Reply;
use crate::shell::{Incoming, Reader};
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Guarded, Published, Sender, Waiter, Watermark};
use crate::transport::tcp::TransportCounters;
use crate::world::Stop;
use seaworthy_protocol::{Index, NodeId, Term};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

/// What a request weighs in a node's mailbox besides its command.
const REQUEST_WEIGHT: usize = 64;

/// A node that runs. Clones are the same node; it stops when the last is dropped, or at [`shutdown`](Self::shutdown).
///
/// ```
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// # let raft = sum::leader();
/// let same = raft.clone();
/// assert_eq!(same.propose(&5).wait(), Ok(5));
/// raft.shutdown()?;
/// assert!(same.propose(&5).wait().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Raft<S: StateMachine>(Arc<Running<S>>);

pub(crate) struct Running<S: StateMachine> {
    pub(crate) inbox: Sender<Incoming<S>>,
    pub(crate) status: Published<Status>,
    pub(crate) applied: Watermark,
    pub(crate) threads: Guarded<Threads>,
    pub(crate) counters: Guarded<Counters>,
    pub(crate) transport: Guarded<TransportCounters>,
}

/// The threads of a node, until somebody has waited for their end.
pub(crate) struct Threads {
    pub(crate) node: Option<JoinHandle<Result<(), Stop>>>,
    pub(crate) state: Option<JoinHandle<()>>,
    pub(crate) disk: Option<JoinHandle<()>>,
}

impl<S: StateMachine> Clone for Raft<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: StateMachine> fmt::Debug for Raft<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Raft").field(&self.0.status.get()).finish()
    }
}

impl<S: StateMachine> Raft<S> {
    pub(crate) fn new(running: Running<S>) -> Self {
        Self(Arc::new(running))
    }

    /// Proposes a command. The reply is what the state machine said to it, here, once it was committed.
    ///
    /// Only a leader takes proposals; the error names it.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// assert_eq!(raft.propose(&5).wait(), Ok(5));
    /// assert_eq!(raft.propose(&6).wait(), Ok(11));
    /// ```
    pub fn propose(&self, command: &S::Command) -> Reply<S::Response, ProposeError> {
        let Ok(command) = command.to_log() else {
            return Reply::at_once(Err(ProposeError::Unencodable), ProposeError::Unknown);
        };
        let (responder, reply) = Reply::new(ProposeError::Unknown);
        let weight = command.encoded_len().saturating_add(REQUEST_WEIGHT);
        match self.0.inbox.try_push_weighing(Incoming::Propose(command, responder), weight) {
            Ok(()) => reply,
            Err(_) => Reply::at_once(Err(self.refusal()), ProposeError::Unknown),
        }
    }

    /// Proposes several commands at once, which costs little more than one. They are committed in their order, though others' may come
    /// between; each has its own response.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// assert_eq!(raft.propose_batch(&[1, 2, 3]).wait(), Ok(vec![Ok(1), Ok(3), Ok(6)]));
    /// ```
    pub fn propose_batch(
        &self,
        commands: &[S::Command],
    ) -> Reply<Vec<Result<S::Response, ProposeError>>, ProposeError> {
        let Ok(commands) = commands.iter().map(Loggable::to_log).collect::<Result<Vec<_>, _>>() else {
            return Reply::at_once(Err(ProposeError::Unencodable), ProposeError::Unknown);
        };
        let (responder, reply) = Reply::new(ProposeError::Unknown);
        let weigh = |command: &Logged<S>| command.encoded_len().saturating_add(REQUEST_WEIGHT);
        let weight = commands.iter().map(weigh).fold(0, usize::saturating_add);
        match self.0.inbox.try_push_weighing(Incoming::ProposeBatch(commands, responder), weight) {
            Ok(()) => reply,
            Err(_) => Reply::at_once(Err(self.refusal()), ProposeError::Unknown),
        }
    }

    /// Why the mailbox did not take something: it was not looked at, so nothing of it happens.
    fn refusal(&self) -> ProposeError {
        if self.0.inbox.is_closed() { ProposeError::Stopped } else { ProposeError::Overloaded }
    }

    /// Reads what is committed, on any node: the function sees a state that has everything whose proposer was answered before
    /// this call (linearizability).
    ///
    /// It runs on the node's thread, which does nothing else meanwhile.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// raft.propose(&5).wait()?;
    /// assert_eq!(raft.read(|sum| sum.0).wait(), Ok(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read<T: Send + 'static>(
        &self,
        function: impl FnOnce(&S) -> T + Send + 'static,
    ) -> Reply<T, ReadError> {
        self.look(Incoming::Read, function)
    }

    /// Reads what this node has applied, whatever the others have: it may be older than what was read or acknowledged before.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// raft.propose(&5).wait()?;
    /// assert_eq!(raft.read_stale(|sum| sum.0).wait(), Ok(5), "nobody else could have proposed more");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_stale<T: Send + 'static>(
        &self,
        function: impl FnOnce(&S) -> T + Send + 'static,
    ) -> Reply<T, ReadError> {
        self.look(Incoming::ReadStale, function)
    }

    fn look<T: Send + 'static>(
        &self,
        kind: impl FnOnce(Reader<S>) -> Incoming<S>,
        function: impl FnOnce(&S) -> T + Send + 'static,
    ) -> Reply<T, ReadError> {
        let (completer, reply) = Reply::new(ReadError::Stopped);
        let reader: Reader<S> = Box::new(move |state| match state {
            Ok(state) => {
                // It may look at the state only: nothing is broken but itself.
                let seen = catch_unwind(AssertUnwindSafe(|| function(state)));
                completer.complete(seen.map_err(|_| ReadError::Panicked));
            }
            Err(error) => completer.complete(Err(error.into())),
        });
        match self.0.inbox.try_push_weighing(kind(reader), REQUEST_WEIGHT) {
            Ok(()) => reply,
            Err(_) if self.0.inbox.is_closed() => reply,
            Err(_) => Reply::at_once(Err(ReadError::Overloaded), ReadError::Stopped),
        }
    }

    /// Hands the leadership over to another voter (thesis §3.10). Meanwhile this node takes no proposals.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// use seaworthy::{NodeId, TransferError};
    ///
    /// let to = NodeId::new(2).unwrap();
    /// assert_eq!(raft.transfer_leadership(to).wait(), Err(TransferError::CannotTransfer { to }), "there is no node 2");
    /// ```
    pub fn transfer_leadership(&self, to: NodeId) -> Reply<(), TransferError> {
        let (completer, reply) = Reply::new(TransferError::Stopped);
        match self.0.inbox.try_push_weighing(Incoming::Transfer(to, completer), REQUEST_WEIGHT) {
            Ok(()) => reply,
            Err(_) if self.0.inbox.is_closed() => reply,
            Err(_) => Reply::at_once(Err(TransferError::Overloaded), TransferError::Stopped),
        }
    }

    /// What can be told of the node at a glance, as of its last turn. After it has stopped: of its last.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// let status = raft.status();
    /// assert_eq!(status.leader, Some(status.id));
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status.get()
    }

    /// What can be told of the node in numbers, as of its last turn.
    ///
    /// ```
    /// # use seaworthy::{Builder, Index, Network, NodeId, NodeSet, Raw, StateMachine};
    /// # use std::error::Error;
    /// # struct Nothing;
    /// # impl StateMachine for Nothing {
    /// #     type Command = Raw<u64>;
    /// #     type Response = ();
    /// #     fn apply(&mut self, _: Index, _: Raw<u64>) {}
    /// #     fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static { |_| () }
    /// #     fn restore(&mut self, _: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> { Ok(()) }
    /// # }
    /// # let id = NodeId::new(1).unwrap();
    /// # let raft = Builder::new(1, id, NodeSet::first(1), &Network::default()).start(Nothing)?;
    /// while raft.propose(&Raw(7)).wait().is_err() {}
    /// raft.wait_for_applied(Index(2)).wait()?;
    /// let metrics = raft.metrics();
    /// assert_eq!((metrics.counters.proposals, metrics.counters.leaderships), (1, 1));
    /// assert!(metrics.status.committed >= Index(2) && metrics.counters.batches >= 2);
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics {
            status: self.status(),
            counters: self.0.counters.with(|counters| *counters),
            transport: self.0.transport.with(|counters| *counters),
        }
    }

    /// Waits until this node has applied an entry, or all before it are in a snapshot that it has restored.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// use seaworthy::Index;
    ///
    /// assert!(raft.wait_for_applied(Index(1)).wait()? >= Index(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_applied(&self, index: Index) -> Applied {
        Applied(self.0.applied.reach(index.0))
    }

    /// Watches who leads.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// let leader = raft.leadership().wait()?;
    /// assert_eq!(leader.id, Some(raft.status().id), "at first, who leads already");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        Leadership { status: self.0.status.clone(), seen: None }
    }

    /// Stops the node, and waits until all that was handed to its disk is durable. Whoever waits for it is answered: proposals that were
    /// not applied yet with [`ProposeError::Unknown`].
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// raft.shutdown()?;
    /// assert_eq!(raft.propose(&5).wait(), Err(seaworthy::ProposeError::Stopped));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it had stopped before, by itself: why. Only the first that asks is told.
    pub fn shutdown(&self) -> Result<(), ShutdownError> {
        self.0.stop()
    }
}

impl<S: StateMachine> Running<S> {
    fn stop(&self) -> Result<(), ShutdownError> {
        // It may have stopped already.
        let _ = self.inbox.push(Incoming::Stop);
        // Whoever else wants it stopped waits meanwhile: when they hear that it has, it has.
        self.threads.with(Threads::join)
    }
}

impl Threads {
    fn join(&mut self) -> Result<(), ShutdownError> {
        let own = thread::current().id();
        let node = self.node.as_ref().map(|node| node.thread().id());
        let state = self.state.as_ref().map(|state| state.thread().id());
        if node == Some(own) || state == Some(own) {
            // A function that reads holds the last handle. Its thread cannot wait for itself, nor for the others, which wait for it.
            return Ok(());
        }
        let outcome = match self.node.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(stop))) => Err(ShutdownError::Stop(stop)),
            Some(Err(panic)) => Err(ShutdownError::Panicked(message(panic.as_ref()))),
        };
        let state = self.state.take().map_or(Ok(()), JoinHandle::join);
        let disk = self.disk.take().map_or(Ok(()), JoinHandle::join);
        match (state, disk) {
            (Ok(()), Ok(())) => outcome,
            // Then the node has stopped because of it.
            (Err(panic), _) => Err(ShutdownError::Panicked(message(panic.as_ref()))),
            (Ok(()), Err(panic)) => outcome.and(Err(ShutdownError::Panicked(message(panic.as_ref())))),
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

impl<S: StateMachine> Drop for Running<S> {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.stop();
    }
}

/// What can be told of a node in numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metrics {
    /// Where it is.
    pub status: Status,
    /// What it has done since it started.
    pub counters: Counters,
    /// What its connections have carried since then; zeros without connections.
    pub transport: TransportCounters,
}

/// Waits until a node has applied something: a future, or [`wait`](Self::wait) for it.
#[must_use = "nothing is waited for before this is"]
pub struct Applied(Waiter<u64>);

impl Applied {
    /// Waits as a thread, and says how far the node was then.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// assert!(raft.wait_for_applied(seaworthy::Index(1)).wait().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Stopped`], if it stops before.
    pub fn wait(self) -> Result<Index, Stopped> {
        self.0.wait().map(Index).map_err(|_| Stopped)
    }
}

impl Future for Applied {
    type Output = Result<Index, Stopped>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|reached| reached.map(Index).map_err(|_| Stopped))
    }
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Applied").finish_non_exhaustive()
    }
}

/// Who leads, as a node sees it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Leader {
    /// In which term.
    pub term: Term,
    /// The leader, if the node knows it.
    pub id: Option<NodeId>,
}

/// Watches who leads. Changes that come faster than they are looked at are seen as one.
pub struct Leadership {
    status: Published<Status>,
    seen: Option<Leader>,
}

impl Leadership {
    /// The next leader, or the next that none is known: at first, as it is now.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// let mut leadership = raft.leadership();
    /// # let wakes = std::task::Waker::noop();
    /// # let mut context = std::task::Context::from_waker(wakes);
    /// let next = std::pin::pin!(leadership.next());
    /// // `next.await`, for any executor. Somebody leads already.
    /// assert!(std::future::Future::poll(next, &mut context).is_ready());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Stopped`], once the node has stopped and its last has been seen.
    pub async fn next(&mut self) -> Result<Leader, Stopped> {
        loop {
            let (news, version) = self.look();
            match news {
                Some(leader) => return Ok(leader),
                None => self.status.change_after(version).await.map_err(|_| Stopped)?,
            }
        }
    }

    /// The same, as a thread.
    ///
    /// ```
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let raft = sum::leader();
    /// assert!(raft.leadership().wait()?.id.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn wait(&mut self) -> Result<Leader, Stopped> {
        loop {
            let (news, version) = self.look();
            match news {
                Some(leader) => return Ok(leader),
                None => self.status.change_after(version).wait().map_err(|_| Stopped)?,
            }
        }
    }

    fn look(&mut self) -> (Option<Leader>, u64) {
        let (status, version) = self.status.get_versioned();
        let leader = Leader { term: status.term, id: status.leader };
        let news = (self.seen != Some(leader)).then_some(leader);
        self.seen = Some(leader);
        (news, version)
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").field("seen", &self.seen).finish_non_exhaustive()
    }
}
