//! One node of three, with its disk, before anything runs beside anything else.

use super::platter::Platter;
use crate::applier::Applier;
use crate::codec::decode_frame;
use crate::counters::Counters;
use crate::disk::Disk;
use crate::node_loop::{NodeLoop, Settings};
use crate::raft::{Raft, Running, Threads};
use crate::shell::state::{Deed, Obituary as StateObituary};
use crate::shell::{
    DiskEnd, Display, Employer, Incoming, MemoryDisk, Obituary, Order, Surroundings, Turns, WireEnd,
    run_disk, run_node, run_state_machine,
};
use crate::sync::{Guarded, Published, Receiver, Sender, Watermark, mailbox, standing};
use crate::transport::memory::Network;
use crate::transport::tcp::TransportCounters;
use crate::wal::{Identity, SnapshotReader, digest};
use crate::world::{Done, Stop};
use crate::{Index, NodeId, NodeSet, Raw, StateMachine, Term};
use seaworthy_protocol::{
    AppendOutcome, Chunk, Config, Durable, Entry, Envelope, LogId, Message, Payload, Snapshot,
};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The numbers it was told, in their order: each is at the index that follows the one before, or after a no-op.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) all: Vec<u64>,
    last: Index,
    /// How many numbers it has, for those who do not ask.
    pub(super) witness: Arc<AtomicUsize>,
}

impl StateMachine for Numbers {
    type Command = Raw<u64>;
    type Response = u64;

    fn apply(&mut self, index: Index, Raw(number): Raw<u64>) -> u64 {
        assert!(self.last < index, "{index:?} comes after {:?}", self.last);
        self.last = index;
        self.all.push(number);
        self.witness.store(self.all.len(), Ordering::Relaxed);
        number
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let numbers = self.all.clone();
        move |out| numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes);
        self.all = snapshot.chunks(8).map(number).collect::<Result<_, _>>()?;
        self.witness.store(self.all.len(), Ordering::Relaxed);
        Ok(())
    }
}

/// A leader's snapshot of as many numbers, one of each entry, in one piece.
pub(super) fn install(peer: u8, term: u64, numbers: &[u64]) -> Incoming<Numbers> {
    let mut bytes = vec![1];
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    let (last, length) = (at(term, numbers.len() as u64), bytes.len() as u64);
    let snapshot = Snapshot { last, length, digest: digest(&bytes) };
    let message = Message::InstallSnapshot(Chunk { snapshot, offset: 0, length });
    let envelope = Envelope { from: n(peer), to: n(1), term: Term(term), message };
    Incoming::Message { envelope, chunk: bytes }
}

pub(super) fn n(id: u8) -> NodeId {
    NodeId::new(id).unwrap()
}

pub(super) const fn at(term: u64, index: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

pub(super) type Said = Message<Vec<Entry<u64>>>;

/// What a peer says to node 1.
pub(super) fn from(peer: u8, term: u64, message: Said) -> Incoming<Numbers> {
    let envelope = Envelope { from: n(peer), to: n(1), term: Term(term), message };
    Incoming::Message { envelope, chunk: Vec::new() }
}

pub(super) fn append(prev_log: LogId, commands: &[(u64, u64)], leader_commit: u64) -> Said {
    let entry =
        |(term, command): &(u64, u64)| Entry { term: Term(*term), payload: Payload::Command(*command) };
    let entries = commands.iter().map(entry).collect();
    Message::AppendEntries { prev_log, entries, leader_commit: Index(leader_commit) }
}

pub(super) const fn matched(index: u64) -> Said {
    Message::AppendEntriesReply(AppendOutcome::Matched(Index(index)))
}

/// Node 1, and all that belongs to it.
pub(super) struct Stage {
    node: NodeLoop<Numbers>,
    world: Surroundings<Numbers>,
    pub(super) home: Sender<Incoming<Numbers>>,
    network: Network,
    disk: Option<DiskSide>,
    state: Option<StateSide>,
    status: Published<crate::Status>,
    applied: Watermark,
}

/// What its disk's thread has.
pub(super) struct DiskSide {
    disk: Disk<Platter>,
    orders: Receiver<Order>,
    home: Sender<Incoming<Numbers>>,
}

impl DiskSide {
    pub(super) fn run(self) {
        run_disk(self.disk, self.orders, self.home);
    }

    /// Ends like a thread that panics.
    pub(super) fn die(self) {
        drop(Obituary { node: self.home, is_told: false });
    }
}

/// What its state machine's thread has.
pub(super) struct StateSide {
    deeds: Receiver<Deed<Numbers>>,
    home: Sender<Incoming<Numbers>>,
}

impl StateSide {
    pub(super) fn run(self, numbers: Numbers) {
        let employer = Employer { id: n(1), node: self.home, disk: None };
        run_state_machine(Applier::new(numbers), self.deeds, employer);
    }

    /// Ends like a thread that panics.
    pub(super) fn die(self) {
        drop(StateObituary { node: self.home, is_told: false });
    }
}

/// What its thread has.
pub(super) struct NodeSide {
    node: NodeLoop<Numbers>,
    world: Surroundings<Numbers>,
    display: Display,
}

impl NodeSide {
    pub(super) fn run(self) -> Result<(), Stop> {
        run_node(self.node, self.world, self.display, Turns)
    }
}

impl Stage {
    /// A follower whose disk is memory.
    pub(super) fn in_memory(voters: u8) -> Self {
        Self::with(voters, mailbox(usize::MAX), DiskEnd::Memory(MemoryDisk::default()), None, false)
    }

    /// The same, with its state machine in a thread of its own.
    pub(super) fn apart(voters: u8) -> Self {
        Self::with(voters, mailbox(usize::MAX), DiskEnd::Memory(MemoryDisk::default()), None, true)
    }

    /// A follower with a log on a platter.
    pub(super) fn on_platter(voters: u8) -> (Self, Platter) {
        let identity = Identity { cluster: 1, node: n(1), directory: 1, starts: 1 };
        let (platter, wal) = Platter::init(identity);
        let (home, inbox) = mailbox(usize::MAX);
        let (outgoing, orders) = mailbox(usize::MAX);
        let end = DiskEnd::Thread { orders: outgoing, snapshots: SnapshotReader::new(PathBuf::new()) };
        let side = DiskSide { disk: Disk::new(wal), orders, home: home.clone() };
        (Self::with(voters, (home, inbox), end, Some(side), false), platter)
    }

    fn with(
        voters: u8,
        (home, inbox): (Sender<Incoming<Numbers>>, Receiver<Incoming<Numbers>>),
        end: DiskEnd,
        disk: Option<DiskSide>,
        is_apart: bool,
    ) -> Self {
        standing::set(Duration::ZERO);
        let network = Network::default();
        let wire = WireEnd::Memory(network.clone());
        let (deeds, to_do) = is_apart.then(|| mailbox(usize::MAX)).unzip();
        let mut world = Surroundings::new(n(1), (home.clone(), inbox), end, wire, deeds);
        let config = Config::new(NodeSet::first(voters)).unwrap().with_pre_vote(false);
        let settings = Settings::new(config);
        let node = if is_apart {
            NodeLoop::start_apart(n(1), 1, Durable::default(), settings, &mut world).unwrap()
        } else {
            NodeLoop::start(n(1), 1, Durable::default(), Numbers::default(), settings, &mut world).unwrap()
        };
        let state = to_do.map(|deeds| StateSide { deeds, home: home.clone() });
        let (status, applied) = (Published::new(node.status()), Watermark::new());
        Self { node, world, home, network, disk, state, status, applied }
    }

    /// It loses patience, and is elected in term 1 by node 2; its no-op is on all nodes, and committed.
    pub(super) fn lead(&mut self) {
        standing::set(Duration::from_secs(1));
        self.settle();
        if self.node.voters().len() > 1 {
            assert!(self.home.push(from(2, 1, Message::RequestVoteReply { vote_granted: true })).is_ok());
            self.settle();
            [2, 3].into_iter().for_each(|peer| assert!(self.home.push(from(peer, 1, matched(1))).is_ok()));
            self.settle();
        }
        assert!(self.node.node().is_leader());
        assert_eq!(self.node.status().applied, Index(1));
    }

    /// Until nothing is left to be done.
    pub(super) fn settle(&mut self) {
        for _ in 0..8 {
            self.node.turn(&mut self.world).unwrap();
            let Some(side) = &mut self.disk else { continue };
            let mut orders = Vec::new();
            side.orders.take(&mut orders);
            for order in orders {
                let Order::Work(work) = order else { continue };
                side.disk.submit(work);
            }
            while !side.disk.is_idle() {
                let done: Option<Done> = side.disk.work();
                done.into_iter().for_each(|done| assert!(self.home.push(Incoming::Done(done)).is_ok()));
            }
        }
    }

    /// Whatever it says to a peer from now on.
    pub(super) fn listen(&self, peer: u8, hear: impl Fn(Term, Said) + Send + Sync + 'static) {
        let hear = move |frame: &[u8]| {
            let envelope = decode_frame(frame).unwrap().envelope;
            hear(envelope.term, envelope.message);
        };
        self.network.join(n(peer), Arc::new(hear));
    }

    /// A handle as its users have it. Nobody waits for the threads' ends by it: models do that themselves.
    pub(super) fn raft(&self) -> Raft<Numbers> {
        Raft::new(Running {
            inbox: self.home.clone(),
            status: self.status.clone(),
            applied: self.applied.clone(),
            threads: Guarded::new(Threads { node: None, state: None, disk: None }),
            counters: Guarded::new(Counters::default()),
            transport: Guarded::new(TransportCounters::default()),
        })
    }

    /// For its state machine's thread.
    pub(super) fn take_state(&mut self) -> StateSide {
        self.state.take().unwrap()
    }

    pub(super) fn split(self) -> (NodeSide, Option<DiskSide>) {
        let counters = Guarded::new(Counters::default());
        let display = Display { status: self.status, applied: self.applied, counters };
        (NodeSide { node: self.node, world: self.world, display }, self.disk)
    }
}
