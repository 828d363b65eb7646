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
    committed: u64,
    applied: u64,
    /// What each follower was sent, and knows to be committed, and has.
    sent: [u64; 3],
    told: [u64; 3],
    acknowledged: [u64; 3],
    /// Something came that is to be acknowledged.
    acknowledges: bool,
}

impl<P: Payload> NullCore<P> {
    fn length(&self) -> u64 {
        self.base + self.log.len() as u64
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
        self.log.range(begin..end).for_each(|payload| state_machine.apply(payload.bytes()));
        self.applied = self.committed;
    }

    fn compact(&mut self) {
        if self.applied <= self.base + COMPACT_EVERY + KEEP {
            return;
        }
        let lacked =
            if self.number == 0 { self.acknowledged[1].min(self.acknowledged[2]) } else { self.applied };
        let base = (self.applied - KEEP).min(lacked);
        self.log.drain(..self.position(base));
        self.base = base;
    }
}

impl<P: Payload> Core for NullCore<P> {
    type Payload = P;
    type Message = Message<P>;

    const TICK: Duration = Duration::from_millis(100);

    fn three() -> [Self; 3] {
        [0, 1, 2].map(|number| Self {
            number,
            log: VecDeque::new(),
            base: 0,
            committed: 0,
            applied: 0,
            sent: [0; 3],
            told: [0; 3],
            acknowledged: [0; 3],
            acknowledges: false,
        })
    }

    fn propose(&mut self, payload: P) {
        self.log.push_back(payload);
    }

    fn receive(&mut self, message: Message<P>) {
        match message {
            Message::Append(entries, committed) => {
                self.acknowledges |= !entries.is_empty();
                self.log.extend(entries);
                self.committed = committed;
            }
            Message::Acknowledge { from, length } => {
                self.acknowledged[from] = length;
                // The leader and the better follower are a majority of three.
                self.committed = self.committed.max(length);
            }
        }
    }

    fn tick(&mut self) {}

    fn flush(&mut self, outbox: &mut Vec<(usize, Message<P>)>, state_machine: &mut Checksum) {
        if self.number == 0 {
            self.feed(1, outbox);
            self.feed(2, outbox);
        } else if std::mem::take(&mut self.acknowledges) {
            outbox.push((0, Message::Acknowledge { from: self.number, length: self.length() }));
        }
        self.apply(state_machine);
        self.compact();
    }
}
