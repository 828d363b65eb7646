//! One node with its disk and its past, and the steps it takes by itself.
//!
//! A step of a server depends on the server and its input alone: the protocol's transition, then the driver's contract
//! carried out on its disk. Millions of states share few such steps, so each is taken once and remembered ([`Steps`]).

use crate::bounds::{Bounds, DiskKind};
use crate::disk::{Batch, Disk};
use crate::driver::Driver;
use crate::interned::{Arena, Interned};
use crate::network::Packet;
use crate::symmetry::{Permutation, Rename};
use dashmap::DashMap;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::cluster::{leads_durably, persisted_before_send};
use seaworthy_protocol::invariants::history::NodeHistory;
use seaworthy_protocol::{Config, Durable, Effects, Entry, Input, Node, NodeId, PeerFault, Recording, Term};
use smallvec::SmallVec;
use std::cell::RefCell;

/// A node, its disk, and what the properties remember of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Server {
    /// The shipped node.
    pub node: Node<u8>,
    /// Its disk.
    pub disk: Disk,
    /// Ghost. Multiplies the states of `three` by 1.08 (docs/model.md).
    pub history: NodeHistory,
}

/// What can happen to one server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// Its election timer fires.
    ElectionTimeout,
    /// Its heartbeat timer fires.
    HeartbeatTimeout,
    /// A client proposes a value.
    Propose(u8),
    /// It sends what followers lack.
    Replicate,
    /// A message is delivered to it.
    Deliver(Interned<Packet>),
    /// Its disk completes the oldest batches, as one.
    Complete {
        /// How many, from 1.
        batches: u8,
    },
    /// It crashes and restarts with the first waiting writes kept. A node that is down takes no step, and so does one that
    /// is merely slow: a separate restart would add states, not behaviour.
    Crash {
        /// How many of the waiting writes the disk kept.
        kept: u8,
    },
}

/// What comes of an event at one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The server afterwards.
    pub server: Interned<Server>,
    /// The messages that left it.
    pub sent: SmallVec<[Interned<Packet>; 2]>,
    /// A property that the step broke.
    pub violation: Option<Violation>,
    /// The protocol itself reported that violation: nothing left, and the node has stopped.
    pub stopped: bool,
    /// A peer that was blamed.
    pub fault: Option<PeerFault>,
}

impl Server {
    /// A new node with an empty disk.
    #[must_use]
    pub fn new(id: NodeId) -> Self {
        let node = Node::restart(id, Durable::default());
        Self { node, disk: Disk::default(), history: NodeHistory::default() }
    }

    /// What is on its disk.
    #[must_use]
    pub const fn durable(&self) -> &Durable<u8> {
        &self.disk.durable
    }

    /// The term on its disk: no crash takes it back.
    #[must_use]
    pub const fn term_on_disk(&self) -> Term {
        self.durable().current_term()
    }
}

impl Rename for Server {
    fn renamed(&self, permutation: &Permutation) -> Self {
        Self {
            node: self.node.renamed(permutation.nodes(), |id| permutation.image(id)),
            disk: self.disk.renamed(permutation),
            history: self.history.renamed(|id| permutation.image(id)),
        }
    }
}

/// Each thread's own recent steps, so that most look-ups touch no lock. Addresses are never reused, so an entry of another
/// model can never be mistaken for one of this.
const RECENT_SLOTS: usize = 1 << 15;
type Recent = Vec<Option<((Interned<Server>, Event), &'static Step)>>;
thread_local! {
    static RECENT: RefCell<Recent> = RefCell::new(vec![None; RECENT_SLOTS]);
}

/// The steps of servers under one configuration, each taken once.
pub struct Steps {
    config: Config,
    disk: DiskKind,
    driver: Driver,
    permutations: Vec<Permutation>,
    servers: Arena<Server>,
    packets: Arena<Packet>,
    taken: DashMap<(Interned<Server>, Event), &'static Step, ahash::RandomState>,
}

impl Steps {
    /// No steps taken yet.
    #[must_use]
    pub fn new(bounds: &Bounds, driver: Driver, permutations: Vec<Permutation>) -> Self {
        let (servers, packets) = (Arena::new(bounds.salt), Arena::new(bounds.salt));
        let (config, disk) = (bounds.config(), bounds.disk);
        Self { config, disk, driver, permutations, servers, packets, taken: DashMap::default() }
    }

    /// The renamings under which digests are kept.
    #[must_use]
    pub fn permutations(&self) -> &[Permutation] {
        &self.permutations
    }

    /// The address of a server.
    pub fn server(&self, server: Server) -> Interned<Server> {
        self.servers.intern(server, &self.permutations)
    }

    /// The address of a message.
    pub fn packet(&self, packet: Packet) -> Interned<Packet> {
        self.packets.intern(packet, &self.permutations)
    }

    /// How many different servers, messages and steps there are so far.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.servers.count(), self.packets.count(), self.taken.len())
    }

    /// Takes a step, or remembers it.
    pub fn take(&self, server: Interned<Server>, event: Event) -> &'static Step {
        RECENT.with_borrow_mut(|recent| {
            let key = (server, event);
            let slot = &mut recent[self.slot(key)];
            match slot {
                Some((taken, step)) if *taken == key => step,
                _ => slot.insert((key, self.take_shared(key))).1,
            }
        })
    }

    fn take_shared(&self, key: (Interned<Server>, Event)) -> &'static Step {
        if let Some(step) = self.taken.get(&key) {
            return *step;
        }
        let step = Box::leak(Box::new(self.compute(&key.0, key.1)));
        *self.taken.entry(key).or_insert(step)
    }

    fn slot(&self, key: (Interned<Server>, Event)) -> usize {
        usize::try_from(self.taken.hasher().hash_one(key) % RECENT_SLOTS as u64).unwrap_or(0)
    }

    fn compute(&self, server: &Server, event: Event) -> Step {
        let mut work = Work::new(&self.config, self.driver, server.clone());
        match event {
            Event::ElectionTimeout => work.input(Input::ElectionTimeout),
            Event::HeartbeatTimeout => work.input(Input::HeartbeatTimeout),
            Event::Propose(value) => {
                (0..self.driver.feeds_proposal()).for_each(|_| work.input(Input::Propose(value)));
            }
            Event::Replicate => work.input(Input::Replicate),
            Event::Deliver(packet) => work.input(Input::Receive(packet.borrowed())),
            Event::Complete { batches } => work.complete(usize::from(batches)),
            Event::Crash { kept } => work.crash(usize::from(kept)),
        }
        while self.disk == DiskKind::Atomic && !work.stopped && !work.server.disk.queue.is_empty() {
            work.complete(1);
        }
        work.judge_disk(server);
        let stopped = work.stopped;
        let after = if stopped { server.clone() } else { work.server };
        let sent = if stopped { Vec::new() } else { work.sent };
        Step {
            server: self.server(after),
            sent: sent.into_iter().map(|packet| self.packet(packet)).collect(),
            violation: work.violation,
            stopped,
            fault: work.fault,
        }
    }
}

/// A step being taken.
struct Work<'a> {
    config: &'a Config,
    driver: Driver,
    server: Server,
    sent: Vec<Packet>,
    violation: Option<Violation>,
    stopped: bool,
    fault: Option<PeerFault>,
}

impl<'a> Work<'a> {
    const fn new(config: &'a Config, driver: Driver, server: Server) -> Self {
        Self { config, driver, server, sent: Vec::new(), violation: None, stopped: false, fault: None }
    }

    /// Steps the node and carries out what it asks for, by the contract.
    fn input(&mut self, input: Input<u8, &[Entry<u8>]>) {
        let mut fx = Effects::new(Recording::default());
        self.server.node.step(self.config, input, &mut fx);
        self.server.history.see(&self.server.node);
        self.driver.tamper(&mut fx);
        let Effects { sink, ack, reset_election_timer: _, fault, violation } = fx;
        let Recording { now, writes, after_writes, answers: _ } = sink;
        self.fault = self.fault.or(fault);
        if violation.is_some() {
            self.violation = violation;
            self.stopped = true;
            return;
        }
        self.leave(now);
        let queue = &mut self.server.disk.queue;
        if let Some(ack) = ack {
            queue.push_back(Batch { writes, after_writes: after_writes.into_iter().collect(), ack });
            if self.driver.confirms_before_written() {
                self.input(Input::WritesDurable(ack));
            }
        } else {
            // This step wrote nothing, but earlier writes may still wait: so do its messages.
            match queue.back_mut() {
                Some(last) if !self.driver.replies_when_this_step_wrote_nothing() => {
                    last.after_writes.extend(after_writes);
                }
                Some(_) | None => self.leave(after_writes),
            }
        }
    }

    /// Completes the oldest batches; their acks merge, so the last one wins.
    fn complete(&mut self, batches: usize) {
        let mut last_ack = None;
        for _ in 0..batches {
            let Disk { durable, queue } = &mut self.server.disk;
            let Some(Batch { writes, after_writes, ack }) = queue.pop_front() else { return };
            writes.into_iter().for_each(|write| durable.redo(write));
            last_ack = Some(ack);
            self.leave(after_writes);
        }
        if let Some(ack) = last_ack {
            self.input(Input::WritesDurable(ack));
        }
    }

    fn crash(&mut self, kept: usize) {
        let Server { node, disk, .. } = &mut self.server;
        disk.durable = self.driver.recover(disk.after_crash(kept));
        disk.queue.clear();
        *node = Node::restart(node.id(), disk.durable.clone());
    }

    /// Messages leave the node; each is judged against the disk as it is at that moment.
    fn leave(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let mut violation = self.server.history.see_leave(&packet);
            if !persisted_before_send(&packet, self.server.durable()) {
                violation = violation.or(Some(Violation::PersistBeforeSend));
            }
            self.violation = self.violation.or(violation);
            self.sent.push(packet);
        }
    }

    /// Judges the step as a whole: what the disk held is not taken back, and a leader is one durably.
    fn judge_disk(&mut self, before: &Server) {
        let (old, new) = (before.durable(), self.server.durable());
        let same_term = old.current_term() == new.current_term();
        let mut violation = None;
        if new.current_term() < old.current_term() {
            violation = Some(Violation::TermMonotonic);
        } else if same_term && old.voted_for().is_some() && new.voted_for() != old.voted_for() {
            violation = Some(Violation::VoteStable);
        } else if !leads_durably(&self.server.node, new) {
            violation = Some(Violation::PersistBeforeSend);
        }
        self.violation = self.violation.or(violation);
        let on_disk = self.server.term_on_disk();
        self.server.history.forget_before(on_disk);
    }
}
