//! The world around the loop: it keeps what the node does, and has no will of its own.

use super::behind::Behind;
use super::numbered::numbered;
use super::output::{Output, Said};
use super::stepper::Stepper;
use super::tape::Tape;
use seaworthy::{Building, Done, Event, RequestError, Task, Token, Work, World};
use seaworthy_protocol::{Chunk, NodeId, PeerFault, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

pub(super) struct Around<'a, B> {
    pub(super) stepper: &'a mut Stepper,
    pub(super) behind: &'a mut B,
    /// What the node hears of before anything that comes from behind.
    pub(super) inbox: VecDeque<Event<u8>>,
    /// Which of those that could is to lead instead.
    pub(super) heir: Option<usize>,
    /// What is known of the snapshot that is made next: its length, and a number that makes it another one than all others.
    pub(super) wanted: Option<Snapshot>,
    pub(super) output: &'a mut Output,
}

impl<B: Behind> Around<'_, B> {
    /// The disk has done something, and the node hears of it before anything else.
    fn done(&mut self, done: Done) {
        self.inbox.push_back(Event::Disk(done));
    }
}

impl<B: Behind> World<Tape> for Around<'_, B> {
    fn now(&self) -> Duration {
        self.stepper.now
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
        let event = self.inbox.pop_front().or_else(|| self.behind.next_event());
        if let Some(Event::Request { token, .. }) = event {
            self.stepper.begin_request(token);
        }
        event
    }

    fn send(&mut self, to: NodeId, frame: &[u8]) {
        self.output.sent.push((to, frame.to_vec()));
    }

    /// Batches wait; so does a snapshot that is whole, until it is to be made durable or the next one arrives.
    fn submit(&mut self, work: Work) {
        match work {
            Work::Append { number, batch } => self.stepper.waiting.push_back((number, batch)),
            Work::Stage { chunk, bytes } => {
                if let Some(whole) = self.stepper.whole.take_if(|_| chunk.offset == 0) {
                    let done = self.behind.keep_staged(whole, false);
                    self.done(done);
                }
                if let Some(done) = self.behind.stage(chunk, bytes) {
                    self.done(done);
                }
            }
            Work::KeepStaged(snapshot) => self.stepper.whole = Some(snapshot),
            Work::Save { snapshot, bytes } => {
                let done = self.behind.save(snapshot, &bytes);
                if matches!(done, Done::Saved(_)) {
                    self.output.saved = Some((snapshot, bytes));
                }
                self.done(done);
            }
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
        self.behind.read_snapshot(chunk)
    }

    fn answer(&mut self, token: Token, answer: Result<(), RequestError>) {
        let said = answer.map_or_else(Said::Refused, |()| Said::Applied);
        self.output.said.push((self.stepper.end_request(token), said));
        self.behind.answer(token, answer);
    }

    fn read(&mut self, token: Token, tape: &Tape) {
        self.output.said.push((self.stepper.end_request(token), Said::Readable));
        self.behind.read(token, tape);
    }

    fn transferred(&mut self, token: Token) {
        self.output.said.push((self.stepper.end_request(token), Said::Transferred));
        self.behind.transferred(token);
    }

    fn fault(&mut self, fault: PeerFault) {
        self.output.faults.push(fault);
    }
}
