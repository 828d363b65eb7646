//! One simulated computer: a node, its disk, its clock, and its end of the wires.

use super::files::{SimFiles, Troubles};
use super::kv::{self, Kv};
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::{decode_frame, encode_frame};
use seaworthy::wal::{FileName, Files, Identity, Layout, OpenError, Wal};
use seaworthy::{
    Applier, Building, Disk, Event, NodeLoop, RequestError, Settings, Stop, Task, Token, Work, World,
};
use seaworthy_protocol::{Chunk, Durable, Index, NodeId, PeerFault};
use std::collections::VecDeque;
use std::time::Duration;

/// Small, so that segments are begun often.
const LAYOUT: Layout = Layout { segment_size: 8192, piece_size: 64 };

/// A computer.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) id: NodeId,
    /// Nothing while it is down.
    pub(super) running: Option<Running>,
    /// Its files while it is down.
    pub(super) files: Option<SimFiles>,
    /// Which of its lives this is: timers of an earlier one do not count.
    pub(super) life: u64,
    /// How fast its clock runs, in millionths.
    pub(super) speed: u64,
    pub(super) paused_until: u64,
    /// How many times slower its disk is.
    pub(super) slowness: u64,
    /// A durable bit has been turned: it may find that, and stay down.
    pub(super) is_rotten: bool,
    /// It has found damage, and stays down.
    pub(super) is_lost: bool,
    /// Its state machine has a thread of its own.
    pub(super) is_apart: bool,
}

/// A computer that is up.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) node: NodeLoop<Kv>,
    pub(super) disk: Disk<SimFiles>,
    pub(super) inbox: VecDeque<Event<u64>>,
    pub(super) timer_at: u64,
    pub(super) disk_is_working: bool,
    /// The state machine, if it is not in the loop.
    pub(super) applier: Option<Applier<Kv>>,
    /// What it has to do, with the bytes of the snapshots among that.
    pub(super) tasks: VecDeque<(Task<u64>, Option<Vec<u8>>)>,
    pub(super) applier_is_working: bool,
}

impl Running {
    /// Wherever it is.
    pub(super) fn state_machine(&self) -> Option<&Kv> {
        self.node.state_machine().or_else(|| self.applier.as_ref().map(Applier::state_machine))
    }
}

/// What comes out of a turn.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) frames: Vec<(NodeId, Vec<u8>)>,
    pub(super) answers: Vec<(Token, Said)>,
    pub(super) faults: Vec<PeerFault>,
}

/// What a client hears.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Applied(Index),
    /// A value, and up to where the state machine had come.
    Read(u64, Index),
    Transferred,
    Refused(RequestError),
}

/// The world as one node sees it.
pub(super) struct NodeWorld<'a> {
    pub(super) now: Duration,
    pub(super) dice: &'a mut Pcg64Mcg,
    pub(super) inbox: &'a mut VecDeque<Event<u64>>,
    pub(super) disk: &'a mut Disk<SimFiles>,
    pub(super) tasks: &'a mut VecDeque<(Task<u64>, Option<Vec<u8>>)>,
    pub(super) output: &'a mut Output,
}

impl World<Kv> for NodeWorld<'_> {
    fn now(&self) -> Duration {
        self.now
    }

    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        self.dice.random_range(from..=to)
    }

    fn next_event(&mut self) -> Option<Event<u64>> {
        self.inbox.pop_front()
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        self.output.frames.push((to, frame.to_vec()));
    }

    fn submit(&mut self, work: Work) {
        self.disk.submit(work);
    }

    fn build(&mut self, building: Building) {
        self.submit(building.finish());
    }

    fn apply(&mut self, task: Task<u64>) {
        let bytes = match &task {
            Task::Restore(snapshot) => {
                self.read_snapshot(Chunk { snapshot: *snapshot, offset: 0, length: snapshot.length })
            }
            Task::Apply { .. } | Task::Read(_) | Task::Snapshot(_) => None,
        };
        self.tasks.push_back((task, bytes));
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        let length = usize::try_from(chunk.length).ok()?;
        self.disk.wal().read_snapshot(chunk.snapshot, chunk.offset, length).ok().flatten()
    }

    fn answer(&mut self, token: Token, answer: Result<Index, RequestError>) {
        let said = answer.map_or_else(Said::Refused, Said::Applied);
        self.output.answers.push((token, said));
    }

    fn read(&mut self, token: Token, state_machine: &Kv) {
        self.output.answers.push((token, seen(token, state_machine)));
    }

    fn transferred(&mut self, token: Token) {
        self.output.answers.push((token, Said::Transferred));
    }

    fn fault(&mut self, fault: PeerFault) {
        self.output.faults.push(fault);
    }
}

/// What a client sees that looks at a state.
pub(super) fn seen(token: Token, state_machine: &Kv) -> Said {
    Said::Read(state_machine.values[kv::key(token.0)], state_machine.last)
}

impl Machine {
    /// A computer with a fresh data directory.
    pub(super) fn new(id: NodeId) -> Self {
        let identity = Identity { cluster: 0x5ea, node: id, directory: u128::from(id.get()), starts: 0 };
        let files = Wal::init(SimFiles::default(), identity, LAYOUT).ok();
        Self {
            id,
            running: None,
            files,
            life: 0,
            speed: 1_000_000,
            paused_until: 0,
            slowness: 1,
            is_rotten: false,
            is_lost: false,
            is_apart: false,
        }
    }

    /// Moments of its own clock, which stands still while the whole machine does not run.
    pub(super) fn local(&self, now: u64) -> Duration {
        Duration::from_nanos(now / 1_000_000 * self.speed + now % 1_000_000 * self.speed / 1_000_000)
    }

    /// When its own clock will show a moment.
    pub(super) fn global(&self, local: Duration) -> u64 {
        let nanos = u64::try_from(local.as_nanos()).unwrap_or(u64::MAX / 2_000_000);
        nanos / self.speed * 1_000_000 + (nanos % self.speed * 1_000_000).div_ceil(self.speed) + 1
    }

    pub(super) fn files_mut(&mut self) -> Option<&mut SimFiles> {
        match &mut self.running {
            Some(running) => Some(running.disk.wal_mut().files_mut()),
            None => self.files.as_mut(),
        }
    }

    /// The node is gone; its files stay.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.files = Some(running.disk.into_files());
            self.life += 1;
        }
    }

    /// What it would find if it woke up after a crash now. Changes nothing.
    pub(super) fn durable_after_crash(&self, dice: &mut Pcg64Mcg) -> Result<Durable<u64>, OpenError> {
        let files = match &self.running {
            Some(running) => running.disk.wal().files(),
            None => self.files.as_ref().ok_or(OpenError::NotInitialised)?,
        };
        let mut files = files.clone();
        files.crash(dice);
        Wal::open(files, LAYOUT).map(|(_, recovery)| recovery.durable)
    }

    /// Wakes up, and tells whether an end of the log was cut off; nothing if its disk failed, or the system died, meanwhile.
    pub(super) fn start(
        &mut self,
        now: u64,
        settings: Settings,
        dice: &mut Pcg64Mcg,
        seen: impl FnOnce(&Durable<u64>),
    ) -> Result<Option<bool>, StartError> {
        let Some(mut files) = self.files.take() else { return Ok(None) };
        if files.troubles.may_fail() {
            let outcome = Wal::<&mut SimFiles>::open::<u64>(&mut files, LAYOUT);
            let has_failed = matches!(outcome, Err(OpenError::Failed { .. }));
            drop(outcome);
            if has_failed {
                self.files = Some(files);
                return Ok(None);
            }
            files.troubles = Troubles::default();
        }
        if self.is_rotten {
            self.files = Some(files.clone());
        }
        let (wal, recovery) = Wal::open(files, LAYOUT).map_err(StartError::Open)?;
        self.files = None;
        seen(&recovery.durable);
        let starts = wal.identity().starts;
        let mut disk = Disk::new(wal);
        let (mut inbox, mut tasks, mut output) = (VecDeque::new(), VecDeque::new(), Output::default());
        let mut world = NodeWorld {
            now: self.local(now),
            dice,
            inbox: &mut inbox,
            disk: &mut disk,
            tasks: &mut tasks,
            output: &mut output,
        };
        let (node, applier) = if self.is_apart {
            let node = NodeLoop::start_apart(self.id, starts, recovery.durable, settings, &mut world);
            (node, Some(Applier::new(Kv::default())))
        } else {
            let kv = Kv::default();
            (NodeLoop::start(self.id, starts, recovery.durable, kv, settings, &mut world), None)
        };
        self.running = Some(Running {
            node: node.map_err(StartError::Stop)?,
            disk,
            inbox,
            timer_at: u64::MAX,
            disk_is_working: false,
            applier,
            tasks,
            applier_is_working: false,
        });
        Ok(Some(recovery.cut.is_some()))
    }

    /// Turns a durable bit where damage must be noticed: in what was durable long ago.
    pub(super) fn rot(&mut self, dice: &mut Pcg64Mcg) -> bool {
        let Some(files) = self.files_mut() else { return false };
        let names = files.list().unwrap_or_default();
        let is_segment = |name: &FileName| matches!(name, FileName::Segment(_));
        let is_snapshot = |name: &FileName| matches!(name, FileName::Snapshot(_));
        let segments: Vec<FileName> = names.iter().copied().filter(is_segment).collect();
        let snapshots: Vec<FileName> = names.iter().copied().filter(is_snapshot).collect();
        let (name, end) = match (segments.as_slice(), snapshots.as_slice()) {
            (_, [snapshot, ..]) if dice.random() => (*snapshot, 64),
            // Of the end of the last nobody can tell whether it was durable; without its header there is nothing at all.
            ([only], _) => (*only, 64),
            ([older, ..], _) => (*older, 512),
            ([], _) => return false,
        };
        files.flip(name, dice.random_range(0..end), dice.random_range(0..8))
    }
}

/// Why a machine did not come up.
#[derive(Debug)]
pub(super) enum StartError {
    Open(OpenError),
    Stop(Stop),
}

/// Reads a frame as an event, as a transport would.
pub(super) fn arrived(frame: &[u8]) -> Option<Event<u64>> {
    let frame = decode_frame::<u64>(frame).ok()?;
    let chunk = frame.chunk.to_vec();
    Some(Event::Message { envelope: frame.envelope, chunk })
}

/// A message written down again is the same bytes.
pub(super) fn is_canonical(frame: &[u8]) -> bool {
    let Ok(decoded) = decode_frame::<u64>(frame) else { return false };
    let mut again = Vec::with_capacity(frame.len());
    encode_frame(&decoded.envelope.borrowed(), decoded.chunk, &mut again);
    again == frame
}
