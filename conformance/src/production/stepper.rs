//! What can happen to a shipped node, each by the part of a turn that is for it.

use super::around::Around;
use super::behind::Behind;
use super::output::Output;
use super::tape::Tape;
use crate::subject::Event as Happening;
use seaworthy::wal::Batch;
use seaworthy::{Compaction, Done, Event, NodeLoop, Part, Stop, Token};
use seaworthy_protocol::{Index, Node, NodeId, Payload, ReadId, Role, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// Longer than any timer.
const LONG: Duration = Duration::from_secs(3600);

/// It makes no snapshot before it is told to.
pub(super) const NEVER: Compaction = Compaction { every: u64::MAX, keep: 0, keep_for_slow: 0 };

/// What is known of a node that goes on step by step, besides itself.
#[derive(Clone, Debug)]
pub struct Stepper {
    /// Its clock: every step finds each timer due.
    pub(super) now: Duration,
    /// So many entries stay behind the snapshot that it makes next.
    keep: u64,
    /// How many requests it has had in this life.
    requests: u64,
    /// Those that wait: what the world calls them, and their number.
    asked: Vec<(Token, Token)>,
    /// Batches that are not on the disk.
    pub(super) waiting: VecDeque<(u64, Batch)>,
    /// The last batch that is, if the node has not heard of it.
    completed: Option<u64>,
    /// A leader's snapshot of which all chunks are there.
    pub(super) whole: Option<Snapshot>,
    /// The last read that it asked for.
    last_read: ReadId,
    /// What it had applied, and where that had brought it.
    passed: Vec<(Index, Tape)>,
}

impl Stepper {
    /// Of a node that is about to start, for this time.
    pub(super) fn new(starts: u64, now: Duration) -> Self {
        Self {
            now,
            keep: 0,
            requests: 0,
            asked: Vec::new(),
            waiting: VecDeque::new(),
            completed: None,
            whole: None,
            last_read: ReadId(starts << 40),
            passed: Vec::new(),
        }
    }

    /// The node has started.
    pub(super) fn note_start(&mut self, node: &NodeLoop<Tape>) {
        let tape = node.state_machine().copied().unwrap_or_default();
        self.passed.push((node.node().commit_index(), tape));
    }

    /// Later than any timer that is set.
    pub(super) fn later(&self) -> Duration {
        self.now + LONG
    }

    pub(super) fn begin_request(&mut self, token: Token) {
        self.asked.push((token, Token(self.requests)));
        self.requests += 1;
    }

    /// The number of a request that is answered.
    pub(super) fn end_request(&mut self, token: Token) -> Token {
        let position = self.asked.iter().position(|(asked, _)| *asked == token);
        position.map_or(token, |position| self.asked.remove(position).1)
    }

    /// The number of the request that comes next.
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

    /// Does its disk have something to complete or to confirm?
    pub fn is_disk_busy(&self) -> bool {
        !self.waiting.is_empty() || self.completed.is_some()
    }

    /// The leader's snapshot that waits to be verified.
    pub const fn whole(&self) -> Option<Snapshot> {
        self.whole
    }

    /// Where it was on its way.
    fn note_passed(&mut self, node: &Node<u8>, now: Tape) {
        let (index, mut tape) = self.passed.last().copied().unwrap_or_default();
        // All that is committed is applied in the same step.
        let applied = node.commit_index();
        let count = usize::try_from(applied.0.saturating_sub(index.0)).unwrap_or_default();
        // What a snapshot stands for was passed in one go.
        if index < node.log().base().index {
            self.passed.push((applied, now));
            return;
        }
        let entries = node.log().after(index, count);
        for (entry, passed) in entries.iter().zip(index.0 + 1..) {
            if let Payload::Command(command) = entry.payload {
                tape = tape.then(command);
            }
            self.passed.push((Index(passed), tape));
        }
    }
}

/// A node with all that is around it, while something happens to it.
pub(super) struct Stepping<'a, B> {
    pub(super) stepper: &'a mut Stepper,
    pub(super) node: &'a mut NodeLoop<Tape>,
    pub(super) behind: &'a mut B,
    pub(super) output: &'a mut Output,
}

impl<B: Behind> Stepping<'_, B> {
    /// Lets something happen. A message or a request waits behind the node. A crash does not happen to a loop.
    pub(super) fn happen(&mut self, happening: &Happening) -> Result<(), Stop> {
        match happening {
            Happening::ElectionTimeout => self.take(Part::ElectionTimer),
            Happening::Heartbeat => self.take(Part::HeartbeatTimer),
            Happening::Replicate => self.take(Part::Replicate),
            Happening::Propose(_) | Happening::Transfer { .. } | Happening::Deliver(_) => {
                self.take(Part::Events)
            }
            Happening::Read(_) => {
                // One id for the client, and one for the question.
                self.stepper.last_read.0 += 2;
                self.take(Part::Events)
            }
            Happening::CannotWrite { heir } => self.refuse(*heir),
            Happening::Compact { snapshot, through } => self.compact(*snapshot, *through),
            Happening::SnapshotStaged { is_damaged } => self.keep_staged(*is_damaged),
            Happening::DiskCompletes => self.complete(),
            Happening::DiskConfirms => self.confirm(),
            Happening::Crash { .. } => Ok(()),
        }
    }

    fn take(&mut self, part: Part) -> Result<(), Stop> {
        self.turn(part, None, None, None)
    }

    fn hear(&mut self, done: Done) -> Result<(), Stop> {
        self.turn(Part::Events, Some(Event::Disk(done)), None, None)
    }

    fn turn(
        &mut self,
        part: Part,
        event: Option<Event<u8>>,
        heir: Option<usize>,
        wanted: Option<Snapshot>,
    ) -> Result<(), Stop> {
        self.stepper.now = self.stepper.later();
        let keep = self.stepper.keep;
        let inbox = event.into_iter().collect();
        let mut around = Around {
            stepper: &mut *self.stepper,
            behind: &mut *self.behind,
            inbox,
            heir,
            wanted,
            output: &mut *self.output,
        };
        let outcome = self.node.turn_in_part(part, &mut around);
        self.node.set_compaction(Compaction { keep, ..NEVER });
        // A snapshot that it has made is durable, and it hears of that at once.
        let outcome = outcome.and_then(|()| {
            if around.inbox.is_empty() { Ok(()) } else { self.node.turn_in_part(Part::Events, &mut around) }
        });
        let tape = self.node.state_machine().copied().unwrap_or_default();
        self.stepper.note_passed(self.node.node(), tape);
        outcome
    }

    /// The disk says no. Who has all that a leader has can be told to lead instead, and nobody else.
    fn refuse(&mut self, heir: Option<NodeId>) -> Result<(), Stop> {
        let last = self.node.node().log().last_index();
        let position = match self.node.node().role() {
            Role::Leader { progress, .. } => {
                let mut ready = progress.iter().filter(|(_, known)| known.match_index == last);
                ready.position(|(id, _)| Some(id) == heir)
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        };
        self.turn(Part::Events, Some(Event::Disk(Done::Refused)), position, None)
    }

    /// It makes a snapshot of what it has applied, or has made one before of what it had applied then; that is durable now.
    fn compact(&mut self, wanted: Snapshot, through: Index) -> Result<(), Stop> {
        self.stepper.keep = wanted.last.index.0.saturating_sub(through.0);
        let passed = self.stepper.passed.iter().find(|(index, _)| *index == wanted.last.index);
        let Some((_, tape)) = passed.copied() else { return Ok(()) };
        if self.node.node().commit_index() == wanted.last.index {
            self.node.set_compaction(Compaction { every: 0, keep: self.stepper.keep, ..NEVER });
            return self.turn(Part::Events, None, None, Some(wanted));
        }
        let (snapshot, bytes) = tape.numbered(wanted);
        let done = self.behind.save(snapshot, &bytes);
        self.output.saved = Some((snapshot, bytes));
        self.node.set_compaction(Compaction { keep: self.stepper.keep, ..NEVER });
        self.hear(done)
    }

    fn keep_staged(&mut self, is_damaged: bool) -> Result<(), Stop> {
        let Some(snapshot) = self.stepper.whole.take() else { return Ok(()) };
        let done = self.behind.keep_staged(snapshot, is_damaged);
        self.hear(done)
    }

    fn complete(&mut self) -> Result<(), Stop> {
        let Some((number, batch)) = self.stepper.waiting.pop_front() else { return Ok(()) };
        match self.behind.append(number, batch) {
            Done::Appended { number, .. } => {
                self.stepper.completed = Some(number);
                Ok(())
            }
            failed @ (Done::Refused
            | Done::Failed(_)
            | Done::KeptStaged { .. }
            | Done::Saved(_)
            | Done::NotSaved(_)) => self.hear(failed),
        }
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        let Some(number) = self.stepper.completed.take() else { return Ok(()) };
        self.hear(Done::Appended { number, space: Batch::default() })
    }
}
