//! The world around a node's loop when it runs in a thread of its own.

use super::driver::BlockingWorld;
use super::memory::MemoryDisk;
use super::state::{Bytes, Deed};
use super::waiting::{BatchResponder, Reader, Responder, Waiting};
use crate::codec::decode_frame;
use crate::error::TransferError;
use crate::snapshot::Building;
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Completer, Instant, Receiver, Sender, draw};
use crate::transport::memory::Network;
use crate::transport::tcp::Tcp;
use crate::wal::{DiskError, SnapshotReader};
use crate::world::{Done, Event, Request, RequestError, Stop, Task, Token, Work, World};
use seaworthy_protocol::{Chunk, Entry, Envelope, Index, NodeId, PeerFault, Snapshot};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// What comes to a node from other threads.
pub(crate) enum Incoming<S: StateMachine> {
    /// A message of a peer, as bytes.
    Frame(Vec<u8>),
    /// A message of a peer.
    Message {
        envelope: Envelope<Vec<Entry<Logged<S>>>>,
        chunk: Vec<u8>,
    },
    Done(Done),
    /// A snapshot was made, for a disk that is on the node's own thread.
    Built(Work),
    /// How far a state machine has come that has a thread of its own, and what it said to whom.
    Applied(Result<Index, Stop>, Vec<(Token, S::Response)>),
    Propose(Logged<S>, Responder<S>),
    ProposeBatch(Vec<Logged<S>>, BatchResponder<S>),
    Read(Reader<S>),
    ReadStale(Reader<S>),
    Transfer(NodeId, Completer<Result<(), TransferError>>),
    Stop,
}

/// Where a node's work for its disk goes.
pub(crate) enum DiskEnd {
    Memory(MemoryDisk),
    Thread { orders: Sender<Order>, snapshots: SnapshotReader },
}

impl DiskEnd {
    /// Where whoever makes a snapshot hands it over; nothing if that is the node.
    pub(crate) fn orders(&self) -> Option<Sender<Order>> {
        match self {
            Self::Memory(_) => None,
            Self::Thread { orders, .. } => Some(orders.clone()),
        }
    }
}

/// Where a node's messages go.
pub(crate) enum WireEnd {
    Memory(Network),
    Tcp(Tcp),
}

/// What a disk's thread is told.
pub(crate) enum Order {
    Work(Work),
    /// To do what it was told before, and to end.
    Stop,
}

/// Everything around a node.
pub(crate) struct Surroundings<S: StateMachine> {
    pub(crate) id: NodeId,
    began: Instant,
    inbox: Receiver<Incoming<S>>,
    /// The other end of it.
    home: Sender<Incoming<S>>,
    taken: Vec<Incoming<S>>,
    coming: VecDeque<Incoming<S>>,
    /// What one thing that came means in steps.
    events: VecDeque<Event<Logged<S>>>,
    waiting: Waiting<S>,
    disk: DiskEnd,
    /// Where the state machine is, if it has a thread of its own.
    state_machine: Option<Sender<Deed<S>>>,
    /// Behind the inbox: whoever waits there for room is let go before the connections are closed.
    wire: WireEnd,
    pub(crate) is_stopping: bool,
}

impl<S> Surroundings<S>
where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    pub(crate) fn new(
        id: NodeId,
        (home, inbox): (Sender<Incoming<S>>, Receiver<Incoming<S>>),
        disk: DiskEnd,
        wire: WireEnd,
        state_machine: Option<Sender<Deed<S>>>,
    ) -> Self {
        Self {
            id,
            began: Instant::now(),
            inbox,
            home,
            taken: Vec::new(),
            coming: VecDeque::new(),
            events: VecDeque::new(),
            waiting: Waiting::new(),
            disk,
            state_machine,
            wire,
            is_stopping: false,
        }
    }

    /// Takes hold of a snapshot, which may be gone when it is read.
    fn hold(&mut self, snapshot: Snapshot) -> Option<Bytes> {
        match &mut self.disk {
            DiskEnd::Memory(disk) => {
                disk.read(Chunk { snapshot, offset: 0, length: snapshot.length }).map(Bytes::Here)
            }
            DiskEnd::Thread { snapshots, .. } => snapshots.hold(snapshot).map(Bytes::File),
        }
    }

    fn next_incoming(&mut self) -> Option<Incoming<S>> {
        if self.coming.is_empty() {
            self.inbox.take(&mut self.taken);
            self.coming.extend(self.taken.drain(..));
        }
        self.coming.pop_front()
    }

    fn take_in(&mut self, incoming: Incoming<S>) {
        match incoming {
            // What cannot be read is lost, like any message may be.
            Incoming::Frame(bytes) => {
                if let Ok(frame) = decode_frame(&bytes) {
                    let (envelope, chunk) = (frame.envelope, frame.chunk.to_vec());
                    self.events.push_back(Event::Message { envelope, chunk });
                }
                match &self.wire {
                    WireEnd::Memory(network) => network.buffers().give_back(bytes),
                    WireEnd::Tcp(_) => {}
                }
            }
            Incoming::Message { envelope, chunk } => {
                self.events.push_back(Event::Message { envelope, chunk })
            }
            Incoming::Done(done) => self.events.push_back(Event::Disk(done)),
            Incoming::Built(work) => self.submit(work),
            Incoming::Applied(through, responses) => {
                responses.into_iter().for_each(|(token, response)| self.waiting.answer(token, Ok(response)));
                self.events.push_back(Event::Applied(through));
            }
            Incoming::Propose(command, responder) => {
                let token = self.waiting.proposal(responder);
                self.events.push_back(Event::Request { token, request: Request::Propose(command) });
            }
            Incoming::ProposeBatch(commands, responder) => {
                let tokens = self.waiting.batch(commands.len(), responder);
                let event = |(token, command)| Event::Request { token, request: Request::Propose(command) };
                self.events.extend(tokens.into_iter().zip(commands).map(event));
            }
            Incoming::Read(reader) => {
                let token = self.waiting.read(reader);
                self.events.push_back(Event::Request { token, request: Request::Read });
            }
            Incoming::ReadStale(reader) => {
                let token = self.waiting.read(reader);
                self.events.push_back(Event::Request { token, request: Request::ReadStale });
            }
            Incoming::Transfer(to, completer) => {
                let token = self.waiting.transfer(completer);
                self.events.push_back(Event::Request { token, request: Request::Transfer { to } });
            }
            Incoming::Stop => self.is_stopping = true,
        }
    }
}

/// However the node ends, nothing is sent to it any more, and its state machine and its disk do what they were given and end too.
impl<S: StateMachine> Drop for Surroundings<S> {
    fn drop(&mut self) {
        match &self.wire {
            WireEnd::Memory(network) => network.leave(self.id),
            // Closes when it is dropped.
            WireEnd::Tcp(_) => {}
        }
        // Whoever is gone already has said why.
        if let Some(deeds) = &self.state_machine {
            let _ = deeds.push(Deed::Stop);
        }
    }
}

impl Drop for DiskEnd {
    fn drop(&mut self) {
        match self {
            Self::Memory(_) => {}
            // If it is gone already, it has said why.
            Self::Thread { orders, .. } => drop(orders.push(Order::Stop)),
        }
    }
}

/// Makes a snapshot on a thread of its own, or says that there is none.
pub(super) fn build_beside<S>(
    id: NodeId,
    building: Building,
    home: &Sender<Incoming<S>>,
    orders: Option<Sender<Order>>,
) where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    let (last, work_home) = (building.last(), home.clone());
    let work = move || build(building, &work_home, orders.as_ref());
    let name = format!("seaworthy-{}-snapshot", id.get());
    if let Err(error) = thread::Builder::new().name(name).spawn(work) {
        tracing::warn!(node = id.get(), %error, "no snapshot was made: a thread cannot be started");
        // A node that is gone needs none.
        let _ = home.push(Incoming::Done(Done::NotSaved(last)));
    }
}

/// Makes a snapshot on a thread of its own, and hands it to the disk. A machine that panics here has none, and the node goes on with a
/// longer log.
fn build<S: StateMachine>(building: Building, home: &Sender<Incoming<S>>, orders: Option<&Sender<Order>>) {
    let last = building.last();
    // Whoever is gone needs no snapshot.
    let _ = match (catch_unwind(AssertUnwindSafe(|| building.finish())), orders) {
        (Ok(work), Some(orders)) => orders.push(Order::Work(work)).is_ok(),
        (Ok(work), None) => home.push(Incoming::Built(work)).is_ok(),
        (Err(_), _) => home.push(Incoming::Done(Done::NotSaved(last))).is_ok(),
    };
}

impl<S> World<S> for Surroundings<S>
where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        draw(from, to)
    }

    fn next_event(&mut self) -> Option<Event<Logged<S>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let incoming = self.next_incoming()?;
            self.take_in(incoming);
        }
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        match &mut self.wire {
            WireEnd::Memory(network) => network.send(self.id, to, frame),
            WireEnd::Tcp(tcp) => tcp.send(to, frame),
        }
    }

    fn keeps_log(&self) -> bool {
        match &self.disk {
            DiskEnd::Memory(_) => false,
            DiskEnd::Thread { .. } => true,
        }
    }

    fn submit(&mut self, work: Work) {
        let done = match &mut self.disk {
            DiskEnd::Memory(disk) => disk.work(work),
            DiskEnd::Thread { orders, .. } => {
                orders.push(Order::Work(work)).err().map(|_| Done::Failed(DiskError::Poisoned))
            }
        };
        self.events.extend(done.map(Event::Disk));
    }

    fn build(&mut self, building: Building) {
        build_beside(self.id, building, &self.home, self.disk.orders());
    }

    fn apply(&mut self, task: Task<Logged<S>>) {
        let deed = match task {
            Task::Apply { commands, through } => Deed::Apply { commands, through },
            Task::Restore(snapshot) => Deed::Restore(snapshot, self.hold(snapshot)),
            Task::Read(token) => match self.waiting.reader(token) {
                Some(reader) => Deed::Look(reader),
                None => return,
            },
            Task::Snapshot(last) => Deed::Snapshot(last),
        };
        // If it is gone, it has said why.
        let _ = self.state_machine.as_ref().map(|deeds| deeds.push(deed));
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        match &mut self.disk {
            DiskEnd::Memory(disk) => disk.read(chunk),
            DiskEnd::Thread { snapshots, .. } => snapshots.read(chunk),
        }
    }

    fn answer(&mut self, token: Token, answer: Result<S::Response, RequestError>) {
        self.waiting.answer(token, answer);
    }

    fn read(&mut self, token: Token, state_machine: &S) {
        if let Some(reader) = self.waiting.reader(token) {
            reader(Ok(state_machine));
        }
    }

    fn transferred(&mut self, token: Token) {
        self.waiting.transferred(token);
    }

    fn fault(&mut self, fault: PeerFault) {
        tracing::warn!(node = self.id.get(), ?fault, "a peer has said something that no correct node says");
    }
}

impl<S> BlockingWorld<S> for Surroundings<S>
where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    fn wait(&mut self, until: Duration) {
        if self.events.is_empty() && self.coming.is_empty() {
            self.inbox.wait(Some(until.saturating_sub(self.began.elapsed())));
        }
    }
}
