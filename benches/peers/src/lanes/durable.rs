//! A thread for each core, one for the client, and a directory for each node: nothing is said before what it rests on is durable.
//!
//! The disk works in the node's own thread, or in one of its own. Either way it makes all records durable that came together, with one
//! sync; in a thread of its own it also joins what came while it worked.

use super::Payload;
use super::channel::Channel;
use super::client::{self, Address, Client, Mail, Mailbox};
use crate::disk::engine::{EngineStore, EngineWrites};
use crate::disk::observed::{Counts, Observed};
use crate::disk::{self, Batches, Disk, Store, Writes, layout};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy::wal::{Directory, Files, Layout};
use seaworthy_benches::disk_log::Place;
use seaworthy_benches::workload::Checksum;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Rounds of messages within which a leader is elected.
const ELECTION: usize = 20_000;

/// What the directories of the nodes are called.
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];

/// How long a disk that has nothing to do waits at a time.
const IDLE: Duration = Duration::from_secs(1);

/// A log is compacted when it has this many entries more than are kept: in memory and on disk at once.
pub(crate) const COMPACT_EVERY: u64 = 16_384;
/// What stays of it.
pub(crate) const KEEP: u64 = 8_192;

/// What a core wants to be sent.
pub(crate) struct Outbox<M> {
    /// At once.
    pub(crate) now: Vec<(usize, M)>,
    /// When everything is durable that it has handed over so far.
    pub(crate) after: Vec<(usize, M)>,
}

impl<M> Default for Outbox<M> {
    fn default() -> Self {
        Self { now: Vec::new(), after: Vec::new() }
    }
}

/// A consensus core without I/O whose promises must be durable. The first of three is to lead.
pub(crate) trait DurableCore: Sized {
    /// How it holds what clients propose.
    type Payload: Payload;
    /// What cores say to each other, handed over as a value.
    type Message;
    /// What its store takes.
    type Writes: Batches;

    /// How much time a [`tick`](Self::tick) stands for.
    const TICK: Duration;

    /// Three of them that know nothing.
    fn three() -> [Self; 3];

    /// What moves an election, in each round of messages.
    fn nudge(&mut self, round: usize);

    /// Is the first elected for good?
    fn is_settled(nodes: &[Self; 3], round: usize) -> bool;

    /// Takes in a client's proposal. The leader alone is asked.
    fn propose(&mut self, payload: Self::Payload);

    /// Takes in a message.
    fn receive(&mut self, message: Self::Message);

    /// Time has passed.
    fn tick(&mut self);

    /// Ends a batch of inputs: says what is to be sent, applies what is committed, and forgets the beginning of the log.
    fn flush(&mut self, outbox: &mut Outbox<Self::Message>, state_machine: &mut Checksum);

    /// Hands over what must be durable, in exchange for an empty one; leaves that as it is if there is nothing.
    fn take_writes(&mut self, writes: &mut Self::Writes);

    /// The next so many of what was handed over are durable.
    fn on_durable(&mut self, count: u64);
}

/// What comes to a node beside its client's: messages, and what its disk says.
pub(super) enum Letter<M, W> {
    Message(M),
    /// The next so many batches are durable; and the space of them, to be used again.
    Durable(u64, W),
}

/// What comes to a disk's thread.
enum Order<W> {
    Write(W),
    Stop,
}

type LetterTo<C> = Letter<<C as DurableCore>::Message, <C as DurableCore>::Writes>;
type NodeAddress<K, C> = Address<K, <C as DurableCore>::Payload, LetterTo<C>>;
type NodeMailbox<K, C> = Mailbox<K, <C as DurableCore>::Payload, LetterTo<C>>;

/// Hears how many entries are answered, in the thread that answers them, before it does.
pub(crate) type Witness = Arc<dyn Fn(u64) + Send + Sync>;

/// Messages that wait, with the batch that must be durable first.
type Held<M> = VecDeque<(u64, Vec<(usize, M)>)>;

/// The most that a node takes in before it flushes, if its disk works in a thread of its own: what is taken in is on its way while the node
/// goes on, and joined if the disk is not so far. With all there is, and 8,192 in flight of 1 KiB, the disk waited for megabytes to be
/// encoded, and the processors then for the disk: an entry took the null core 1,409 ns and not 1,254, seaworthy's 1,618 and not 1,345, omnipaxos
/// 1,975 and not 1,594, raft-rs 1,722 and not 1,666 (medians of five and seven, 2026-11-27).
/// In the node's own thread each turn has its sync, and less of them is more.
const BATCH_APART: usize = 1_024;

/// Where a node's disk works.
enum DiskEnd<K: Channel, S: Store> {
    Here(S),
    Apart(K::Sender<Order<S::Writes>>),
}

/// What a node's thread works with.
struct Node<C, K, S>
where
    C: DurableCore,
    C::Message: Send + 'static,
    K: Channel,
    S: Store<Writes = C::Writes>,
{
    core: C,
    disk: DiskEnd<K, S>,
    mailbox: NodeMailbox<K, C>,
    peers: [NodeAddress<K, C>; 3],
    /// Only the leader's client wants to know.
    applied: Option<K::Sender<u64>>,
    reached: K::Sender<()>,
    witness: Option<Witness>,
    state_machine: Checksum,
    outbox: Outbox<C::Message>,
    writes: C::Writes,
    /// How many batches were handed over to the disk, and how many of them are durable.
    handed_over: u64,
    durable: u64,
    held: Held<C::Message>,
    answered: u64,
}

impl<C, K, S> Node<C, K, S>
where
    C: DurableCore,
    C::Message: Send + 'static,
    K: Channel,
    S: Store<Writes = C::Writes>,
{
    fn run(mut self) -> Checksum {
        let (mut last_tick, mut goal) = (Instant::now(), None);
        let batch = match self.disk {
            DiskEnd::Here(_) => client::BATCH,
            DiskEnd::Apart(_) => BATCH_APART,
        };
        loop {
            let mut next = K::receive(&self.mailbox, C::TICK);
            let mut taken = 0;
            while let Some(mail) = next.take() {
                match mail {
                    Mail::Message(Letter::Message(message)) => self.core.receive(message),
                    Mail::Message(Letter::Durable(count, space)) => self.on_durable(count, space),
                    Mail::Propose(payload) => self.core.propose(payload),
                    Mail::Report(count) => goal = Some(count),
                    Mail::Stop => return self.end(),
                }
                taken += 1;
                if taken < batch {
                    next = K::try_receive(&self.mailbox);
                }
            }
            if last_tick.elapsed() >= C::TICK {
                self.core.tick();
                last_tick = Instant::now();
            }
            self.turn();
            if goal.is_some_and(|goal| self.state_machine.applied >= goal) {
                K::send(&self.reached, ());
                goal = None;
            }
        }
    }

    /// Does what there is to do, until there is nothing more without an input.
    fn turn(&mut self) {
        loop {
            self.core.flush(&mut self.outbox, &mut self.state_machine);
            send::<C, K>(&self.peers, self.outbox.now.drain(..));
            self.answer();
            self.core.take_writes(&mut self.writes);
            if self.writes.is_empty() {
                return self.hold_or_send();
            }
            match &mut self.disk {
                DiskEnd::Here(disk) => {
                    disk.write(&mut self.writes).expect("the disk works");
                    self.writes.clear();
                    send::<C, K>(&self.peers, self.outbox.after.drain(..));
                    disk.prepare().expect("the disk works");
                    self.core.on_durable(1);
                }
                DiskEnd::Apart(thread) => {
                    K::send(thread, Order::Write(std::mem::take(&mut self.writes)));
                    self.handed_over += 1;
                    return self.hold_or_send();
                }
            }
        }
    }

    /// What waits for the disk waits for all that was handed over to it.
    fn hold_or_send(&mut self) {
        if self.outbox.after.is_empty() {
            return;
        }
        if self.durable == self.handed_over {
            return send::<C, K>(&self.peers, self.outbox.after.drain(..));
        }
        self.held.push_back((self.handed_over, std::mem::take(&mut self.outbox.after)));
    }

    fn on_durable(&mut self, count: u64, space: C::Writes) {
        self.durable += count;
        self.writes.recycle(space);
        while self.held.front().is_some_and(|(batch, _)| *batch <= self.durable) {
            let (_, messages) = self.held.pop_front().unwrap_or_default();
            send::<C, K>(&self.peers, messages.into_iter());
        }
        self.core.on_durable(count);
    }

    /// Tells the client how much is applied.
    fn answer(&mut self) {
        let Some(client) = &self.applied else { return };
        if self.state_machine.applied > self.answered {
            self.answered = self.state_machine.applied;
            if let Some(witness) = &self.witness {
                witness(self.answered);
            }
            K::send(client, self.answered);
        }
    }

    fn end(self) -> Checksum {
        match self.disk {
            DiskEnd::Here(_) => {}
            DiskEnd::Apart(thread) => K::send(&thread, Order::Stop),
        }
        self.state_machine
    }
}

fn send<C, K>(peers: &[NodeAddress<K, C>; 3], messages: impl Iterator<Item = (usize, C::Message)>)
where
    C: DurableCore,
    C::Message: Send + 'static,
    K: Channel,
{
    messages.for_each(|(to, message)| K::send(&peers[to], Mail::Message(Letter::Message(message))));
}

/// Writes whatever comes, as many batches at a time as wait together.
fn run_disk<C, K, S>(mut disk: S, orders: &K::Receiver<Order<S::Writes>>, node: &NodeAddress<K, C>)
where
    C: DurableCore,
    C::Message: Send + 'static,
    K: Channel,
    S: Store<Writes = C::Writes>,
{
    loop {
        let mut first = match K::receive(orders, IDLE) {
            Some(Order::Write(writes)) => writes,
            Some(Order::Stop) => return,
            None => continue,
        };
        let mut is_stopping = false;
        while let Some(order) = K::try_receive(orders) {
            match order {
                Order::Write(mut next) => first.merge(&mut next),
                Order::Stop => is_stopping = true,
            }
        }
        disk.write(&mut first).expect("the disk works");
        let count = first.count();
        first.clear();
        K::send(node, Mail::Message(Letter::Durable(count, first)));
        disk.prepare().expect("the disk works");
        if is_stopping {
            return;
        }
    }
}

/// Three nodes that run.
pub(crate) struct Durable<C, K>
where
    C: DurableCore,
    C::Message: Send + 'static,
    K: Channel,
{
    client: Client<K, C::Payload, LetterTo<C>>,
    threads: [JoinHandle<Checksum>; 3],
    disks: Vec<JoinHandle<()>>,
    /// Unless somebody else looks at the files.
    counts: Option<Arc<Counts>>,
    /// The directories, if they are these nodes' to remove.
    _place: Option<Place>,
}

impl<C, K> Durable<C, K>
where
    C: DurableCore<Writes = Writes> + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    /// Starts three in directories of their own, for payloads of so many bytes.
    ///
    /// # Errors
    ///
    /// If the system has no threads, or the disk no room.
    pub(crate) fn in_directories(is_apart: bool, payload: usize) -> Result<Self, Failure> {
        let (place, counts) = (disk::place(), Arc::<Counts>::default());
        let mut files = Vec::new();
        for name in NAMES {
            files.push(Observed::counted(Directory::open(&place.join(name))?, Arc::clone(&counts)));
        }
        let started = Self::on_files(files, layout(payload), is_apart, None)?;
        Ok(Self { counts: Some(counts), _place: Some(place), ..started })
    }

    /// Starts three on these files.
    ///
    /// # Errors
    ///
    /// If the system has no threads, or the disk no room.
    pub(crate) fn on_files<F: Files + Send + 'static>(
        files: Vec<F>,
        layout: Layout,
        is_apart: bool,
        witness: Option<&Witness>,
    ) -> Result<Self, Failure> {
        let disks = files.into_iter().enumerate().map(|(number, files)| Disk::new(files, number, layout));
        Self::start(disks.collect::<Result<Vec<_>, _>>()?, is_apart, witness)
    }
}

impl<C, K> Durable<C, K>
where
    C: DurableCore<Writes = EngineWrites> + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    /// Starts three with raft-engine in directories of their own.
    ///
    /// # Errors
    ///
    /// If the system has no threads, or the disk no room.
    pub(crate) fn with_engines(is_apart: bool) -> Result<Self, Failure> {
        let place = disk::place();
        let started = Self::with_engines_in(&place.join("nodes"), is_apart, None)?;
        Ok(Self { _place: Some(place), ..started })
    }

    /// The same in this directory.
    ///
    /// # Errors
    ///
    /// Likewise.
    pub(crate) fn with_engines_in(
        directory: &Path,
        is_apart: bool,
        witness: Option<&Witness>,
    ) -> Result<Self, Failure> {
        let stores = NAMES.iter().map(|name| EngineStore::new(&directory.join(name)));
        Self::start(stores.collect::<Result<Vec<_>, _>>()?, is_apart, witness)
    }
}

impl<C, K> Durable<C, K>
where
    C: DurableCore + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    /// Starts three on these stores: elects the first, whose votes are durable too, and then the threads.
    ///
    /// # Errors
    ///
    /// If the system has no threads, or the disk no room.
    fn start<S: Store<Writes = C::Writes>>(
        mut disks: Vec<S>,
        is_apart: bool,
        witness: Option<&Witness>,
    ) -> Result<Self, Failure> {
        let mut cores = C::three();
        elect(&mut cores, &mut disks)?;
        let [(one, at_one), (two, at_two), (three, at_three)] = [(); 3].map(|()| K::open());
        let (nodes, mailboxes) = ([one, two, three], [at_one, at_two, at_three]);
        let (applied_sender, applied) = K::open();
        let (reached_sender, reached) = K::open();
        let (mut threads, mut disk_threads) = (Vec::new(), Vec::new());
        for (number, ((core, disk), mailbox)) in cores.into_iter().zip(disks).zip(mailboxes).enumerate() {
            let disk = if is_apart {
                let (orders, at_disk) = K::open();
                let node = nodes[number].clone();
                let run = move || run_disk::<C, K, S>(disk, &at_disk, &node);
                disk_threads.push(thread::Builder::new().name("disk".into()).spawn(run)?);
                DiskEnd::Apart(orders)
            } else {
                DiskEnd::Here(disk)
            };
            let node = Node::<C, K, S> {
                core,
                disk,
                mailbox,
                peers: nodes.clone(),
                applied: (number == 0).then(|| applied_sender.clone()),
                reached: reached_sender.clone(),
                witness: witness.cloned(),
                state_machine: Checksum::default(),
                outbox: Outbox::default(),
                writes: C::Writes::default(),
                handed_over: 0,
                durable: 0,
                held: VecDeque::new(),
                answered: 0,
            };
            threads.push(thread::Builder::new().name("node".into()).spawn(move || node.run())?);
        }
        let threads = threads.try_into().map_err(|_| "three nodes have three threads")?;
        let client = Client { nodes, applied, reached };
        Ok(Self { client, threads, disks: disk_threads, counts: None, _place: None })
    }
}

/// Messages are handed over directly, and the disks write at once, until the first is elected.
fn elect<C, S>(cores: &mut [C; 3], disks: &mut [S]) -> Result<(), Failure>
where
    C: DurableCore,
    S: Store<Writes = C::Writes>,
{
    let (mut outbox, mut writes, mut ignored) =
        (Outbox::default(), C::Writes::default(), Checksum::default());
    for round in 0..ELECTION {
        let mut messages = Vec::new();
        for (core, disk) in cores.iter_mut().zip(&mut *disks) {
            core.nudge(round);
            loop {
                core.flush(&mut outbox, &mut ignored);
                messages.append(&mut outbox.now);
                core.take_writes(&mut writes);
                if writes.is_empty() {
                    break;
                }
                disk.write(&mut writes)?;
                writes.clear();
                messages.append(&mut outbox.after);
                core.on_durable(1);
            }
            messages.append(&mut outbox.after);
        }
        let is_silent = messages.is_empty();
        messages.into_iter().for_each(|(to, message)| cores[to].receive(message));
        if is_silent && C::is_settled(cores, round) {
            return Ok(());
        }
    }
    Err("the first was not elected".into())
}

impl<C, K> Cluster for Durable<C, K>
where
    C: DurableCore + Send + 'static,
    C::Message: Send + 'static,
    K: Channel,
{
    type States = [Checksum; 3];

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        self.client.run(numbers, load, latencies)
    }

    fn disk_so_far(&self) -> Option<(u64, u64)> {
        self.counts.as_ref().map(|counts| counts.so_far())
    }

    fn finish(self) -> Result<Self::States, Failure> {
        self.client.stop();
        let mut states = [Checksum::default(); 3];
        for (state, thread) in states.iter_mut().zip(self.threads) {
            *state = thread.join().map_err(|_| "a node has panicked")?;
        }
        for disk in self.disks {
            disk.join().map_err(|_| "a disk has panicked")?;
        }
        Ok(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::SharedBytes;
    use crate::lanes::channel::Crossbeam;
    use crate::measure::measure;
    use crate::peers::durable::null_core::DurableNull;
    use crate::peers::durable::omnipaxos::DurableOmni;
    use crate::peers::durable::raft_rs::DurableRaftRs;
    use crate::peers::durable::seaworthy_core::DurableRaft;
    use seaworthy::wal::Wal;
    use seaworthy_benches::workload::{Command, payload};
    use seaworthy_protocol::Payload as Logged;

    const ENTRIES: u64 = 160_000;

    /// Does more than fits into a log, and looks what a new start would find on the leader's disk.
    fn compacts<C>()
    where
        C: DurableCore<Writes = Writes> + Send + 'static,
        C::Message: Send + 'static,
    {
        let place = disk::place();
        let directory = |name| Directory::open(&place.join(name)).expect("nobody else has it");
        let files = NAMES.map(directory).into_iter().collect();
        let layout = Layout { segment_size: 4 << 20, ..Layout::default() };
        let cluster = Durable::<C, Crossbeam>::on_files(files, layout, true, None).expect("there is room");
        let load = Load { payload: 64, in_flight: 4_096, entries: ENTRIES };
        measure(cluster, &load).expect("it does the work");
        let (_, recovery) = Wal::open::<Command>(directory("one"), layout).expect("it is whole");
        let log = recovery.durable.log();
        assert!(log.base().index.0 > COMPACT_EVERY && recovery.durable.snapshot().is_some());
        let total = load.entries + load.warm_up();
        let last = log.entries().last().map(|entry| &entry.payload);
        assert_eq!(last, Some(&Logged::Command(payload(total - 1, 64))));
    }

    #[test]
    fn logs_on_disk_are_compacted_and_can_be_opened() {
        compacts::<DurableNull<Command>>();
        compacts::<DurableRaft<SharedBytes>>();
        compacts::<DurableOmni>();
        compacts::<DurableRaftRs>();
    }
}
