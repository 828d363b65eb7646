//! A node and its disk, and what can happen to them.

use super::around::Around;
use super::output::Output;
use super::tape::Tape;
use super::{Platter, torn};
use crate::Envelope;
use crate::subject::Event as Happening;
use seaworthy::codec::{Record, decode_frame, encode_frame};
use seaworthy::wal::{Batch, FileName, Files, Identity, Layout, OpenError, Wal};
use seaworthy::{Compaction, Done, Event, NodeLoop, Part, Request, Settings, Token};
use seaworthy_protocol::{Durable, Index, Node, NodeId, Payload, ReadId, Role, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// A segment has room for a few records, and a piece of a snapshot is a byte: segments are begun, and pieces written, all the time.
const LAYOUT: Layout = Layout { segment_size: 512, piece_size: 1 };

/// Longer than any timer.
const LONG: Duration = Duration::from_secs(3600);

/// It makes no snapshot before it is told to.
const NEVER: u64 = u64::MAX;

/// When a leader's snapshot is verified that has arrived whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Snapshots {
    /// With the rest of what the disk does.
    WithTheRest,
    /// When it is told to.
    Later,
}

/// A node and its disk.
#[derive(Clone, Debug)]
pub struct Server<F> {
    node: NodeLoop<Tape>,
    wal: Wal<F>,
    settings: Settings,
    /// Its clock: every event finds each timer due.
    now: Duration,
    /// So many entries stay behind the snapshot that it makes next.
    keep: u64,
    /// How many requests it has had in this life.
    requests: u64,
    /// Batches that are not on the disk.
    waiting: VecDeque<(u64, Batch)>,
    /// The last batch that is, if the node has not heard of it.
    completed: Option<u64>,
    /// A leader's snapshot of which all chunks are there.
    whole: Option<Snapshot>,
    /// The last read that it asked for.
    last_read: ReadId,
    /// What it had applied, and where that had brought it.
    passed: Vec<(Index, Tape)>,
}

impl<F: Platter> Server<F> {
    /// A node on an empty disk.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn new(id: NodeId, files: F, settings: Settings) -> Result<Self, OpenError> {
        let identity = Identity { cluster: 0x5ea, node: id, directory: u128::from(id.get()), starts: 0 };
        let files = Wal::init(files, identity, LAYOUT)?;
        Self::open(id, files, settings, Duration::ZERO, &mut Output::default())
    }

    /// A node on a disk that holds something already, with the bytes of its snapshot.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(crate) fn holding(
        id: NodeId,
        files: F,
        settings: Settings,
        durable: &Durable<u8>,
        snapshot: Option<(Snapshot, Vec<u8>)>,
    ) -> Result<Self, OpenError> {
        let identity = Identity { cluster: 0x5ea, node: id, directory: u128::from(id.get()), starts: 0 };
        let (mut wal, _) = Wal::open::<u8>(Wal::init(files, identity, LAYOUT)?, LAYOUT)?;
        let refused = |_| OpenError::NotInitialised;
        if let Some((snapshot, bytes)) = &snapshot {
            wal.save_snapshot(*snapshot, bytes).map_err(refused)?;
        }
        let mut batch = Batch::default();
        batch.push(&Record::State {
            current_term: durable.current_term(),
            voted_for: durable.voted_for(),
            snapshot: snapshot.map(|(snapshot, _)| snapshot),
            base: durable.log().base(),
            entries: durable.log().entries(),
        });
        wal.append(&mut batch).map_err(refused)?;
        Self::open(id, wal.into_files(), settings, Duration::ZERO, &mut Output::default())
    }

    fn open(
        id: NodeId,
        files: F,
        settings: Settings,
        now: Duration,
        output: &mut Output,
    ) -> Result<Self, OpenError> {
        let compaction = Compaction { every: NEVER, keep: 0 };
        let settings = Settings { compaction, ..settings };
        let (mut wal, recovery) = Wal::open(files, LAYOUT)?;
        let starts = wal.identity().starts;
        let (mut waiting, mut whole) = (VecDeque::new(), None);
        let mut around = Around {
            now,
            inbox: VecDeque::new(),
            wal: &mut wal,
            waiting: &mut waiting,
            whole: &mut whole,
            heir: None,
            wanted: None,
            output,
        };
        let node = NodeLoop::start(id, starts, recovery.durable, Tape::default(), settings, &mut around);
        let last_read = ReadId(starts << 40);
        // What recovery has verified can be restored.
        let node = node.map_err(|_| OpenError::NotInitialised)?;
        let passed = vec![(node.node().commit_index(), node.state_machine().copied().unwrap_or_default())];
        Ok(Self {
            node,
            wal,
            settings,
            now,
            keep: 0,
            requests: 0,
            waiting,
            completed: None,
            whole,
            last_read,
            passed,
        })
    }

    /// Lets something happen. `chunk` is the bytes behind a message that carries a piece of a snapshot.
    pub fn happen(&mut self, happening: &Happening, chunk: &[u8]) -> Output {
        let mut output = Output::default();
        match happening {
            Happening::ElectionTimeout => self.turn(Part::ElectionTimer, None, &mut output),
            Happening::Heartbeat => self.turn(Part::HeartbeatTimer, None, &mut output),
            Happening::Replicate => self.turn(Part::Replicate, None, &mut output),
            Happening::Propose(command) => self.request(Request::Propose(*command), &mut output),
            Happening::Read(_) => {
                // One id for the client, and one for the question.
                self.last_read.0 += 2;
                self.request(Request::Read, &mut output);
            }
            Happening::Transfer { to } => self.request(Request::Transfer { to: *to }, &mut output),
            Happening::CannotWrite { heir } => self.refuse(*heir, &mut output),
            Happening::Compact { snapshot, through } => self.compact(*snapshot, *through, &mut output),
            Happening::SnapshotStaged { is_damaged } => self.keep_staged(*is_damaged, &mut output),
            Happening::Deliver(envelope) => self.arrive(envelope, chunk, &mut output),
            Happening::DiskCompletes => self.complete(&mut output),
            Happening::DiskConfirms => self.confirm(&mut output),
            Happening::Crash { kept } => self.crash(*kept, &mut output),
        }
        output
    }

    /// A message arrives as it travels: written down, and read back.
    fn arrive(&mut self, envelope: &Envelope, chunk: &[u8], output: &mut Output) {
        let mut frame = Vec::new();
        encode_frame(&envelope.borrowed(), chunk, &mut frame);
        match decode_frame::<u8>(&frame) {
            Ok(frame) => {
                let event = Event::Message { envelope: frame.envelope, chunk: frame.chunk.to_vec() };
                self.turn(Part::Events, Some(event), output);
            }
            Err(error) => output.unreadable = Some(error),
        }
    }

    /// Lets the disk do all that it has to do, and the node hear of it, until there is nothing left.
    pub fn settle(&mut self, snapshots: Snapshots, output: &mut Output) {
        let is_busy = |server: &Self| {
            server.is_disk_busy() || (snapshots == Snapshots::WithTheRest && server.whole.is_some())
        };
        while output.stopped.is_none() && is_busy(self) {
            self.complete(output);
            self.confirm(output);
            if snapshots == Snapshots::WithTheRest {
                self.keep_staged(false, output);
            }
        }
    }

    fn turn(&mut self, part: Part, event: Option<Event<u8>>, output: &mut Output) {
        self.turn_around(part, event, None, None, output);
    }

    fn turn_around(
        &mut self,
        part: Part,
        event: Option<Event<u8>>,
        heir: Option<usize>,
        wanted: Option<Snapshot>,
        output: &mut Output,
    ) {
        self.now += LONG;
        let mut around = Around {
            now: self.now,
            inbox: event.into_iter().collect(),
            wal: &mut self.wal,
            waiting: &mut self.waiting,
            whole: &mut self.whole,
            heir,
            wanted,
            output,
        };
        let outcome = self.node.turn_in_part(part, &mut around);
        self.node.set_compaction(Compaction { every: NEVER, keep: self.keep });
        // A snapshot that it has made is durable, and it hears of that at once.
        let outcome = outcome.and_then(|()| {
            if around.inbox.is_empty() { Ok(()) } else { self.node.turn_in_part(Part::Events, &mut around) }
        });
        output.stopped = outcome.err();
        self.note_passed();
    }

    fn request(&mut self, request: Request<u8>, output: &mut Output) {
        let token = Token(self.requests);
        self.requests += 1;
        self.turn(Part::Events, Some(Event::Request { token, request }), output);
    }

    /// The disk says no. Who has all that a leader has can be told to lead instead, and nobody else.
    fn refuse(&mut self, heir: Option<NodeId>, output: &mut Output) {
        let last = self.node.node().log().last_index();
        let position = match self.node.node().role() {
            Role::Leader { progress, .. } => {
                let mut ready = progress.iter().filter(|(_, known)| known.match_index == last);
                ready.position(|(id, _)| Some(id) == heir)
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        };
        self.turn_around(Part::Events, Some(Event::Disk(Done::Refused)), position, None, output);
    }

    /// It makes a snapshot of what it has applied, or has made one before of what it had applied then; that is durable now.
    fn compact(&mut self, wanted: Snapshot, through: Index, output: &mut Output) {
        self.keep = wanted.last.index.0.saturating_sub(through.0);
        let tape = self.passed.iter().find(|(index, _)| *index == wanted.last.index).map(|(_, tape)| *tape);
        let Some(tape) = tape else { return };
        if self.applied() == wanted.last.index {
            self.node.set_compaction(Compaction { every: 0, keep: self.keep });
            return self.turn_around(Part::Events, None, None, Some(wanted), output);
        }
        let (snapshot, bytes) = tape.numbered(wanted);
        let done = match self.wal.save_snapshot(snapshot, &bytes) {
            Ok(()) => Done::Saved(snapshot),
            Err(error) => Done::Failed(error),
        };
        output.saved = Some((snapshot, bytes));
        self.node.set_compaction(Compaction { every: NEVER, keep: self.keep });
        self.turn(Part::Events, Some(Event::Disk(done)), output);
    }

    /// Where it was on its way.
    fn note_passed(&mut self) {
        let (index, mut tape) = self.passed.last().copied().unwrap_or_default();
        let applied = self.applied();
        let count = usize::try_from(applied.0.saturating_sub(index.0)).unwrap_or_default();
        // What a snapshot stands for was passed in one go.
        if index < self.node().log().base().index {
            self.passed.push((applied, self.tape()));
            return;
        }
        let entries = self.node.node().log().after(index, count);
        for (entry, passed) in entries.iter().zip(index.0 + 1..) {
            if let Payload::Command(command) = entry.payload {
                tape = tape.then(command);
            }
            self.passed.push((Index(passed), tape));
        }
    }

    /// All that is committed is applied in the same turn.
    fn applied(&self) -> Index {
        self.node().commit_index()
    }

    fn keep_staged(&mut self, is_damaged: bool, output: &mut Output) {
        let Some(snapshot) = self.whole.take() else { return };
        if is_damaged {
            let mut byte = [0];
            let files = self.wal.files_mut();
            let _ = files.read(FileName::Staged, 0, &mut byte);
            let _ = files.write(FileName::Staged, 0, &[byte[0] ^ 1]);
        }
        let done = match self.wal.keep_staged(snapshot) {
            Ok(is_intact) => Done::KeptStaged { snapshot, is_intact },
            Err(error) => Done::Failed(error),
        };
        self.turn(Part::Events, Some(Event::Disk(done)), output);
    }

    fn complete(&mut self, output: &mut Output) {
        let Some((number, mut batch)) = self.waiting.pop_front() else { return };
        match self.wal.append(&mut batch) {
            Ok(()) => self.completed = Some(number),
            Err(error) => self.turn(Part::Events, Some(Event::Disk(Done::Failed(error))), output),
        }
    }

    fn confirm(&mut self, output: &mut Output) {
        let Some(number) = self.completed.take() else { return };
        self.turn(Part::Events, Some(Event::Disk(Done::Appended { number })), output);
    }

    /// The power goes. Of the writes that wait the disk keeps the first few, whole, and half of the next.
    fn crash(&mut self, kept: usize, output: &mut Output) {
        self.wal.files_mut().lose_unsynced();
        let mut left = kept;
        for (_, batch) in &mut self.waiting {
            let count = batch.count();
            let names = self.wal.files().list().unwrap_or_default();
            let mut torn = self.wal.clone();
            let _ = torn.append(batch);
            // What takes the place of everything before it is there, or is not.
            let is_gone = |name: &FileName| {
                matches!(name, FileName::Segment(_))
                    && !torn.files().list().unwrap_or_default().contains(name)
            };
            if left < count && names.iter().any(is_gone) {
                break;
            }
            self.wal = torn;
            if left < count {
                let _ = torn::tear(self.wal.files_mut(), count - left);
                break;
            }
            left -= count;
        }
        let (id, files) = (self.node.node().id(), self.wal.files().clone());
        match Self::open(id, files, self.settings, self.now + LONG, output) {
            Ok(server) => *self = server,
            Err(error) => output.does_not_start = Some(error),
        }
    }

    /// What a crash that loses all that is not synced would leave: what recovery finds in a copy.
    ///
    /// # Errors
    ///
    /// If recovery finds damage.
    pub fn recovered(&self) -> Result<Durable<u8>, OpenError> {
        let mut files = self.wal.files().clone();
        files.lose_unsynced();
        Wal::open(files, LAYOUT).map(|(_, recovery)| recovery.durable)
    }
}

impl<F> Server<F> {
    /// The node.
    pub const fn node(&self) -> &Node<u8> {
        self.node.node()
    }

    /// What it has applied.
    pub fn tape(&self) -> Tape {
        self.node.state_machine().copied().unwrap_or_default()
    }

    /// The client that asked last, or will next.
    pub const fn next_token(&self) -> Token {
        Token(self.requests)
    }

    /// The last read that it asked for.
    pub const fn last_read(&self) -> ReadId {
        self.last_read
    }

    /// How many batches wait for the disk.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Has the disk completed something that the node has not heard of?
    pub const fn is_unconfirmed(&self) -> bool {
        self.completed.is_some()
    }

    /// The leader's snapshot that waits to be verified.
    pub const fn whole(&self) -> Option<Snapshot> {
        self.whole
    }

    /// Does its disk have something to complete or to confirm?
    pub fn is_disk_busy(&self) -> bool {
        !self.waiting.is_empty() || self.completed.is_some()
    }
}
