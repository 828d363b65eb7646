//! The world around the loop: it keeps what the node does, and has no will of its own.

use super::numbered::numbered;
use super::output::{Output, Said};
use super::tape::Tape;
use seaworthy::wal::{Batch, Files, Wal};
use seaworthy::{Building, Done, Event, RequestError, Task, Token, Work, World};
use seaworthy_protocol::{Chunk, NodeId, PeerFault, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

pub(super) struct Around<'a, F> {
    pub(super) now: Duration,
    pub(super) inbox: VecDeque<Event<u8>>,
    pub(super) wal: &'a mut Wal<F>,
    /// Batches that were handed over.
    pub(super) waiting: &'a mut VecDeque<(u64, Batch)>,
    /// A leader's snapshot, of which all is there.
    pub(super) whole: &'a mut Option<Snapshot>,
    /// Which of those that could is to lead instead.
    pub(super) heir: Option<usize>,
    /// What is known of the snapshot that is made next: its length, and a number that makes it another one than all others.
    pub(super) wanted: Option<Snapshot>,
    pub(super) output: &'a mut Output,
}

impl<F: Files> Around<'_, F> {
    /// The disk has done something, and the node hears of it before anything else.
    fn done(&mut self, done: Done) {
        self.inbox.push_back(Event::Disk(done));
    }

    /// Verifies what was staged, and makes it durable.
    pub(super) fn keep_staged(&mut self) {
        let Some(snapshot) = self.whole.take() else { return };
        let done = match self.wal.keep_staged(snapshot) {
            Ok(is_intact) => Done::KeptStaged { snapshot, is_intact },
            Err(error) => Done::Failed(error),
        };
        self.done(done);
    }
}

impl<F: Files> World<Tape> for Around<'_, F> {
    fn now(&self) -> Duration {
        self.now
    }

    /// Time-outs are long; what is drawn from nothing up is the position of an heir, and beyond the last there is none.
    fn draw(&mut self, from: Duration, to: Duration) -> Duration {
        if from.is_zero() {
            return self
                .heir
                .map_or(to + Duration::from_nanos(1), |position| Duration::from_nanos(position as u64));
        }
        self.output.resets_timer = true;
        from
    }

    fn next_event(&mut self) -> Option<Event<u8>> {
        self.inbox.pop_front()
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        self.output.sent.push((to, frame.to_vec()));
    }

    /// Batches wait; so does a snapshot that is whole, until it is to be made durable or the next one arrives.
    fn submit(&mut self, work: Work) {
        match work {
            Work::Append { number, batch } => self.waiting.push_back((number, batch)),
            Work::Stage { chunk, bytes } => {
                if chunk.offset == 0 {
                    self.keep_staged();
                }
                if let Err(error) = self.wal.stage(&chunk, &bytes) {
                    self.done(Done::Failed(error));
                }
            }
            Work::KeepStaged(snapshot) => *self.whole = Some(snapshot),
            Work::Save { snapshot, bytes } => match self.wal.save_snapshot(snapshot, &bytes) {
                Ok(()) => {
                    self.output.saved = Some((snapshot, bytes));
                    self.done(Done::Saved(snapshot));
                }
                Err(error) => self.done(Done::Failed(error)),
            },
            Work::Retry => {}
        }
    }

    fn build(&mut self, building: Building) {
        let work = building.finish();
        self.submit(match self.wanted {
            Some(wanted) => numbered(work, wanted.digest, Some(wanted.length)),
            None => work,
        });
    }

    fn apply(&mut self, _: Task<u8>) {
        unreachable!("the state machine is in the loop");
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        let length = usize::try_from(chunk.length).ok()?;
        self.wal.read_snapshot(chunk.snapshot, chunk.offset, length).ok().flatten()
    }

    fn answer(&mut self, token: Token, answer: Result<(), RequestError>) {
        self.output.said.push((token, answer.map_or_else(Said::Refused, |()| Said::Applied)));
    }

    fn read(&mut self, token: Token, _: &Tape) {
        self.output.said.push((token, Said::Readable));
    }

    fn transferred(&mut self, token: Token) {
        self.output.said.push((token, Said::Transferred));
    }

    fn fault(&mut self, fault: PeerFault) {
        self.output.faults.push(fault);
    }
}
