//! A node that takes whole turns, many events at a time, with the queue before its disk: all of production but its threads.

use crate::Envelope;
use crate::production::{Tape, numbered};
use crate::sim::SimFiles;
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::{Identity, Layout, OpenError, Wal};
use seaworthy::{
    Building, Disk, Done, Event, NodeLoop, RequestError, Settings, Stop, Task, Token, Work, World,
};
use seaworthy_protocol::{Chunk, Durable, Node, NodeId, PeerFault, ReadId, Snapshot};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

const LAYOUT: Layout = Layout { segment_size: 1024, piece_size: 1 };

/// A node, its disk and its clock.
#[derive(Debug)]
pub(super) struct Walker {
    node: NodeLoop<Tape>,
    disk: Disk<SimFiles>,
    settings: Settings,
    now: Duration,
    starts: u64,
    /// The batches that are not durable, and how many of the model's each is: those of one turn are one here.
    pub(super) batches: VecDeque<(u64, usize)>,
    /// What the disk has done last, until the node hears of it.
    pub(super) done: Option<Done>,
    /// What the model's node has sent, and this one has still to send.
    pub(super) owed: Vec<Envelope>,
    /// What it has sent in this life.
    pub(super) left: BTreeSet<Envelope>,
}

/// What came of a turn.
#[derive(Debug, Default)]
pub(super) struct Turned {
    pub(super) frames: Vec<(NodeId, Vec<u8>)>,
    pub(super) faults: Vec<PeerFault>,
    /// The batch that was handed over.
    pub(super) batch: Option<u64>,
    /// It lost patience.
    pub(super) has_timed_out: bool,
    /// It spoke up.
    pub(super) has_spoken: bool,
    /// What it asked for all reads that had come.
    pub(super) asked: Option<ReadId>,
    pub(super) stopped: Option<Stop>,
}

struct Around<'a> {
    now: Duration,
    dice: &'a mut Pcg64Mcg,
    inbox: VecDeque<Event<u8>>,
    disk: &'a mut Disk<SimFiles>,
    /// Which snapshot of the walk the next one is.
    snapshots: &'a mut u64,
    turned: Turned,
}

impl World<Tape> for Around<'_> {
    fn now(&self) -> Duration {
        self.now
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        self.dice.random_range(from..=to)
    }

    fn next_event(&mut self) -> Option<Event<u8>> {
        self.inbox.pop_front()
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        self.turned.frames.push((to, frame.to_vec()));
    }

    fn submit(&mut self, work: Work) {
        if let Work::Append { number, .. } = &work {
            self.turned.batch = Some(*number);
        }
        self.disk.submit(work);
    }

    fn build(&mut self, building: Building) {
        *self.snapshots += 1;
        self.disk.submit(numbered(building.finish(), *self.snapshots, None));
    }

    fn apply(&mut self, _: Task<u8>) {
        unreachable!("the state machine is in the loop");
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        let length = usize::try_from(chunk.length).ok()?;
        self.disk.wal().read_snapshot(chunk.snapshot, chunk.offset, length).ok().flatten()
    }

    // What clients hear is compared where every edge is taken.
    fn answer(&mut self, _: Token, _: Result<(), RequestError>) {}
    fn read(&mut self, _: Token, _: &Tape) {}
    fn transferred(&mut self, _: Token) {}

    fn fault(&mut self, fault: PeerFault) {
        self.turned.faults.push(fault);
    }
}

impl Walker {
    /// A node on an empty disk.
    pub(super) fn new(id: NodeId, settings: Settings, dice: &mut Pcg64Mcg) -> Result<Self, OpenError> {
        let identity = Identity { cluster: 0x5ea, node: id, directory: u128::from(id.get()), starts: 0 };
        let files = Wal::init(SimFiles::default(), identity, LAYOUT)?;
        Self::open(id, files, settings, Duration::ZERO, dice)
    }

    fn open(
        id: NodeId,
        files: SimFiles,
        settings: Settings,
        now: Duration,
        dice: &mut Pcg64Mcg,
    ) -> Result<Self, OpenError> {
        let (wal, recovery) = Wal::open(files, LAYOUT)?;
        let starts = wal.identity().starts;
        let mut disk = Disk::new(wal);
        let mut snapshots = 0;
        let (inbox, turned) = (VecDeque::new(), Turned::default());
        let mut around = Around { now, dice, inbox, disk: &mut disk, snapshots: &mut snapshots, turned };
        let node = NodeLoop::start(id, starts, recovery.durable, Tape::default(), settings, &mut around);
        // What recovery has verified can be restored.
        let node = node.map_err(|_| OpenError::NotInitialised)?;
        let batches = VecDeque::new();
        Ok(Self {
            node,
            disk,
            settings,
            now,
            starts,
            batches,
            done: None,
            owed: Vec::new(),
            left: BTreeSet::new(),
        })
    }

    /// One turn, after a while, with all that has happened.
    pub(super) fn turn(
        &mut self,
        events: VecDeque<Event<u8>>,
        after: Duration,
        snapshots: &mut u64,
        dice: &mut Pcg64Mcg,
    ) -> Turned {
        self.now += after;
        let before = self.node.counters();
        let mut around = Around {
            now: self.now,
            dice,
            inbox: events,
            disk: &mut self.disk,
            snapshots,
            turned: Turned::default(),
        };
        let outcome = self.node.turn(&mut around);
        let counters = self.node.counters();
        let has_asked = counters.read_questions > before.read_questions;
        // An id for each client, and one for each question.
        let asked = ReadId((self.starts << 40) + counters.reads + counters.read_questions);
        Turned {
            has_timed_out: counters.time_outs > before.time_outs,
            has_spoken: counters.heartbeats > before.heartbeats,
            asked: has_asked.then_some(asked),
            stopped: outcome.err(),
            ..around.turned
        }
    }

    /// How long until its next timer.
    pub(super) fn until_timer(&self) -> Duration {
        self.node.next_timer().saturating_sub(self.now)
    }

    /// Lets the disk do the next thing, unless the node has still to hear of the last.
    pub(super) fn work(&mut self) {
        if self.done.is_none() && !self.disk.is_idle() {
            self.done = self.disk.work();
        }
    }

    /// The power goes, perhaps in the middle of what the disk does, and comes back.
    pub(super) fn crash(self, dice: &mut Pcg64Mcg) -> Result<Self, OpenError> {
        let Self { node, mut disk, settings, now, .. } = self;
        if !disk.is_idle() && dice.random() {
            disk.wal_mut().files_mut().troubles.crash_after = Some(dice.random_range(0..4));
            let _ = disk.work();
        }
        let mut files = disk.into_files();
        files.crash(dice);
        Self::open(node.node().id(), files, settings, now, dice)
    }

    /// What a crash that loses all that is not synced would leave.
    pub(super) fn recovered(&self) -> Result<Durable<u8>, OpenError> {
        let mut files = self.disk.wal().files().clone();
        files.lose_unsynced();
        Wal::open(files, LAYOUT).map(|(_, recovery)| recovery.durable)
    }

    pub(super) const fn node(&self) -> &Node<u8> {
        self.node.node()
    }

    pub(super) fn tape(&self) -> Tape {
        self.node.state_machine().copied().unwrap_or_default()
    }

    /// Has its disk nothing to do, and the node heard of all that it has done?
    pub(super) fn is_idle(&self) -> bool {
        self.batches.is_empty() && self.done.is_none()
    }

    /// How much of the log stays behind a snapshot.
    pub(super) const fn keep(&self) -> u64 {
        self.settings.compaction.keep
    }

    /// The bytes of a snapshot that its disk has.
    pub(super) fn read(&self, snapshot: Snapshot) -> Option<Vec<u8>> {
        let length = usize::try_from(snapshot.length).ok()?;
        self.disk.wal().read_snapshot(snapshot, 0, length).ok().flatten()
    }
}
