//! The floor: the least that can replicate a log to three and forget it again. No terms, no elections, no checks.

use crate::lanes::{COMPACT_EVERY, Core, KEEP, Payload};
use seaworthy_benches::workload::Checksum;
use std::collections::VecDeque;
use std::time::Duration;

/// The most entries of one message.
const BATCH: usize = 4_096;

/// What null cores say to each other.
pub(crate) enum Message<P> {
    /// The next entries, and how many are committed.
    Append(Vec<P>, u64),
    /// How many a follower has.
    Acknowledge { from: usize, length: u64 },
}

/// One of three.
pub(crate) struct NullCore<P> {
    number: usize,
    log: VecDeque<P>,
    /// How many entries are forgotten.
    base: u64,
    /// How many entries are where they count.
    pub(super) durable: u64,
    committed: u64,
    applied: u64,
    /// What each follower was sent, and knows to be committed, and has; what a follower itself has acknowledged.
    sent: [u64; 3],
    told: [u64; 3],
    acknowledged: [u64; 3],
}

impl<P: Payload> NullCore<P> {
    pub(super) fn new_three() -> [Self; 3] {
        [0, 1, 2].map(|number| Self {
            number,
            log: VecDeque::new(),
            base: 0,
            durable: 0,
            committed: 0,
            applied: 0,
            sent: [0; 3],
            told: [0; 3],
            acknowledged: [0; 3],
        })
    }

    pub(super) const fn leads(&self) -> bool {
        self.number == 0
    }

    pub(super) fn length(&self) -> u64 {
        self.base + self.log.len() as u64
    }

    pub(super) const fn base(&self) -> u64 {
        self.base
    }

    pub(super) const fn applied(&self) -> u64 {
        self.applied
    }

    /// The entries after the first so many.
    pub(super) fn after(&self, count: u64) -> impl Iterator<Item = &P> {
        self.log.range(self.position(count)..)
    }

    pub(super) fn push(&mut self, payload: P) {
        self.log.push_back(payload);
    }

    pub(super) fn take_in(&mut self, message: Message<P>) {
        match message {
            Message::Append(entries, committed) => {
                self.log.extend(entries);
                self.committed = committed;
            }
            Message::Acknowledge { from, length } => self.acknowledged[from] = length,
        }
    }

    /// Ends a batch of inputs.
    pub(super) fn turn(&mut self, outbox: &mut Vec<(usize, Message<P>)>, state_machine: &mut Checksum) {
        if self.leads() {
            // The leader and the better follower are a majority of three.
            let better = self.acknowledged[1].max(self.acknowledged[2]);
            self.committed = self.committed.max(better.min(self.durable));
            self.feed(1, outbox);
            self.feed(2, outbox);
        } else if self.durable > self.acknowledged[self.number] {
            self.acknowledged[self.number] = self.durable;
            outbox.push((0, Message::Acknowledge { from: self.number, length: self.durable }));
        }
        self.apply(state_machine);
    }

    fn position(&self, number: u64) -> usize {
        usize::try_from(number - self.base).unwrap_or(usize::MAX)
    }

    fn feed(&mut self, follower: usize, outbox: &mut Vec<(usize, Message<P>)>) {
        while self.sent[follower] < self.length() || self.told[follower] < self.committed {
            let begin = self.position(self.sent[follower]);
            let end = self.log.len().min(begin + BATCH);
            let entries: Vec<P> = self.log.range(begin..end).cloned().collect();
            self.sent[follower] += entries.len() as u64;
            self.told[follower] = self.committed;
            outbox.push((follower, Message::Append(entries, self.committed)));
        }
    }

    fn apply(&mut self, state_machine: &mut Checksum) {
        let (begin, end) = (self.position(self.applied), self.position(self.committed));
        self.log.range(begin..end).for_each(|payload| state_machine.apply(payload.as_ref()));
        self.applied = self.committed;
    }

    /// Forgets the beginning of the log, if so many entries have come that need not be kept. True if so.
    pub(super) fn compact(&mut self, every: u64) -> bool {
        if self.applied <= self.base + every + KEEP {
            return false;
        }
        let lacked = if self.leads() { self.acknowledged[1].min(self.acknowledged[2]) } else { self.applied };
        let base = (self.applied - KEEP).min(lacked);
        if base < self.base + every {
            return false;
        }
        self.log.drain(..self.position(base));
        self.base = base;
        true
    }
}

impl<P: Payload> Core for NullCore<P> {
    type Payload = P;
    type Message = Message<P>;

    const TICK: Duration = Duration::from_millis(100);

    fn three() -> [Self; 3] {
        Self::new_three()
    }

    fn propose(&mut self, payload: P) {
        self.push(payload);
    }

    fn receive(&mut self, message: Message<P>) {
        self.take_in(message);
    }

    fn tick(&mut self) {}

    fn flush(&mut self, outbox: &mut Vec<(usize, Message<P>)>, state_machine: &mut Checksum) {
        self.durable = self.length();
        self.turn(outbox, state_machine);
        self.compact(COMPACT_EVERY);
    }
}
