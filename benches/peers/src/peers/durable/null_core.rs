//! The null core with a disk: entries are sent at once, and count where they are durable.

use crate::disk::Writes;
use crate::disk::journal::Journal;
use crate::lanes::Payload;
use crate::lanes::durable::{COMPACT_EVERY, DurableCore, Outbox};
use crate::peers::null_core::{Message, NullCore};
use seaworthy::{Command, Index, LogId, Term};
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::{Entry, Payload as Logged};
use std::collections::VecDeque;
use std::time::Duration;

/// One of three.
pub(crate) struct DurableNull<P> {
    core: NullCore<P>,
    journal: Journal<P>,
    /// How many entries the journal was given.
    written: u64,
    /// The length of the log with each batch that was handed over.
    handed_over: VecDeque<u64>,
}

const fn id(index: u64) -> LogId {
    LogId { term: Term(1), index: Index(index) }
}

fn entries<P: Payload>(core: &NullCore<P>, from: u64) -> impl Iterator<Item = Entry<P>> {
    core.after(from).map(|payload| Entry { term: Term(1), payload: Logged::Command(payload.clone()) })
}

#[cfg(test)]
impl<P: Payload> DurableNull<P> {
    /// What no core should do, for whoever must notice it.
    pub(crate) fn count_what_is_not_durable(&mut self) {
        self.core.durable = self.core.length();
    }

    pub(crate) fn leads(&self) -> bool {
        self.core.leads()
    }
}

impl<P: Payload + Command> DurableNull<P> {
    fn compact(&mut self, state_machine: &Checksum) {
        if !self.core.compact(COMPACT_EVERY) {
            return;
        }
        let snapshot = self.journal.save(id(self.core.applied()), state_machine);
        self.journal.compact(snapshot, id(self.core.base()));
    }
}

impl<P: Payload + Command> DurableCore for DurableNull<P> {
    type Payload = P;
    type Message = Message<P>;
    type Writes = Writes;

    const TICK: Duration = Duration::from_millis(100);

    fn three() -> [Self; 3] {
        NullCore::new_three().map(|core| Self {
            core,
            journal: Journal::default(),
            written: 0,
            handed_over: VecDeque::new(),
        })
    }

    fn nudge(&mut self, _: usize) {}

    fn is_settled(_: &[Self; 3], _: usize) -> bool {
        true
    }

    fn propose(&mut self, payload: P) {
        self.core.push(payload);
    }

    fn receive(&mut self, message: Message<P>) {
        self.core.take_in(message);
    }

    fn tick(&mut self) {}

    fn flush(&mut self, outbox: &mut Outbox<Self::Message>, state_machine: &mut Checksum) {
        self.journal.append(self.written, entries(&self.core, self.written));
        self.written = self.core.length();
        // All that it says rests on what is durable, so nothing need wait.
        self.core.turn(&mut outbox.now, state_machine);
        self.compact(state_machine);
    }

    fn take_writes(&mut self, writes: &mut Writes) {
        if self.journal.take(writes) {
            self.handed_over.push_back(self.written);
        }
    }

    fn on_durable(&mut self, count: u64) {
        for _ in 0..count {
            self.core.durable = self.handed_over.pop_front().unwrap_or(self.core.durable);
        }
    }
}
