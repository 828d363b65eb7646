//! raft-rs with a disk, in the asynchronous way that it has for that: a `Ready` is taken after the other, and reported when it is durable.
//! A leader's messages leave at once, all others wait. Its log is in the memory storage that it brings, too, from which it reads.

use crate::disk::engine::EngineWrites;
use crate::disk::journal::{Fact, Journal};
use crate::disk::{Batches, Writes};
use crate::lanes::SharedBytes;
use crate::lanes::durable::{COMPACT_EVERY, DurableCore, KEEP, Outbox};
use crate::peers::raft_rs::{RaftRs, apply, push};
use raft::prelude::{Entry, HardState, Message};
use raft::{StateRole, Storage};
use seaworthy::{Index, LogId, NodeId, Term};
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::Payload;
use std::collections::VecDeque;
use std::time::Duration;

/// The beginning of a log that is forgotten.
pub(crate) struct Compacted<'a> {
    /// The last entry that is applied, and the last that goes.
    last: LogId,
    base: LogId,
    state: HardState,
    state_machine: &'a Checksum,
}

/// Where it writes what must be durable.
pub(crate) trait Keeper: Default {
    /// What the store takes.
    type Writes: Batches;

    /// Entries, which may take the place of others.
    fn append(&mut self, entries: &[Entry]);
    /// Term, vote and how much is committed. That alone is no reason to sync, as raft-rs says itself.
    fn set(&mut self, state: &HardState, is_urgent: bool);
    /// The beginning of the log may go.
    fn compact(&mut self, compacted: &Compacted<'_>);
    /// Hands over what there is. False if none of it is urgent.
    fn take(&mut self, writes: &mut Self::Writes) -> bool;
}

impl Keeper for Journal<SharedBytes> {
    type Writes = Writes;

    fn append(&mut self, entries: &[Entry]) {
        if let Some(first) = entries.first() {
            self.append(first.index - 1, entries.iter().map(logged));
        }
    }

    fn set(&mut self, state: &HardState, is_urgent: bool) {
        if is_urgent {
            self.record(Fact::Term(state.term, voter(state.vote)));
        }
        self.remark(Fact::Decided(state.commit));
    }

    fn compact(&mut self, compacted: &Compacted<'_>) {
        let Compacted { last, base, state, state_machine } = compacted;
        let snapshot = self.save(*last, state_machine);
        self.compact(snapshot, *base);
        self.record(Fact::Term(state.term, voter(state.vote)));
        self.remark(Fact::Decided(state.commit));
    }

    fn take(&mut self, writes: &mut Writes) -> bool {
        self.take(writes)
    }
}

impl Keeper for EngineWrites {
    type Writes = Self;

    fn append(&mut self, entries: &[Entry]) {
        self.append(entries);
    }

    fn set(&mut self, state: &HardState, is_urgent: bool) {
        self.set(state, is_urgent);
    }

    fn compact(&mut self, compacted: &Compacted<'_>) {
        self.compact(compacted.base.index.0 + 1);
    }

    fn take(&mut self, writes: &mut Self) -> bool {
        self.take(writes)
    }
}

/// One of three.
pub(crate) struct DurableRaftRs<J = Journal<SharedBytes>> {
    raft: RaftRs,
    keeper: J,
    applied: u64,
    /// The number of the last `Ready`.
    ready: u64,
    /// The same with each batch that was handed over.
    handed_over: VecDeque<u64>,
}

fn logged(entry: &Entry) -> seaworthy_protocol::Entry<SharedBytes> {
    let payload =
        if entry.data.is_empty() { Payload::Noop } else { Payload::Command(SharedBytes(entry.data.clone())) };
    seaworthy_protocol::Entry { term: Term(entry.term), payload }
}

fn voter(number: u64) -> Option<NodeId> {
    NodeId::new(u8::try_from(number).ok()?)
}

impl<J: Keeper> DurableRaftRs<J> {
    fn ready(&mut self, outbox: &mut Outbox<Message>, state_machine: &mut Checksum) {
        let node = &mut self.raft.node;
        let mut ready = node.ready();
        push(&mut outbox.now, ready.take_messages());
        assert!(ready.snapshot().is_empty(), "a follower took a snapshot in the place of entries");
        self.applied = self.applied.max(apply(&ready.take_committed_entries(), state_machine));
        let mut storage = node.store().wl();
        storage.append(ready.entries()).expect("the log has no gap");
        if let Some(state) = ready.hs() {
            let before = storage.hard_state();
            self.keeper.set(state, state.term != before.term || state.vote != before.vote);
            storage.set_hardstate(state.clone());
        }
        drop(storage);
        self.keeper.append(ready.entries());
        push(&mut outbox.after, ready.take_persisted_messages());
        self.ready = ready.number();
        node.advance_append_async(ready);
        node.advance_apply();
    }

    fn compact(&mut self, state_machine: &Checksum) {
        let node = &mut self.raft.node;
        let mut through = self.applied.saturating_sub(KEEP);
        if node.raft.state == StateRole::Leader {
            // Whoever lacks entries gets entries, no snapshot.
            let held = node.raft.prs().iter().map(|(_, progress)| progress.matched).min();
            through = through.min(held.unwrap_or(through));
        }
        if through <= self.raft.compacted + COMPACT_EVERY {
            return;
        }
        let id = |index| LogId {
            term: Term(node.store().term(index).expect("it is in the log")),
            index: Index(index),
        };
        let (last, base) = (id(self.applied), id(through));
        node.store().wl().compact(through).expect("what is compacted is applied");
        self.raft.compacted = through;
        let state = node.store().rl().hard_state().clone();
        self.keeper.compact(&Compacted { last, base, state, state_machine });
    }
}

impl<J: Keeper> DurableCore for DurableRaftRs<J> {
    type Payload = Vec<u8>;
    type Message = Message;
    type Writes = J::Writes;

    const TICK: Duration = Duration::from_millis(100);

    fn three() -> [Self; 3] {
        [1, 2, 3].map(|id| Self {
            raft: RaftRs::new(id),
            keeper: J::default(),
            applied: 0,
            ready: 0,
            handed_over: VecDeque::new(),
        })
    }

    fn nudge(&mut self, round: usize) {
        if round == 0 && self.raft.node.raft.id == 1 {
            self.raft.node.campaign().expect("a follower may campaign");
        }
    }

    fn is_settled(nodes: &[Self; 3], _: usize) -> bool {
        nodes[0].raft.node.raft.state == StateRole::Leader && nodes.iter().all(|node| node.applied == 1)
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.raft.node.propose(Vec::new(), payload).expect("the leader takes proposals");
    }

    fn receive(&mut self, message: Message) {
        self.raft.node.step(message).expect("messages are of this cluster");
    }

    fn tick(&mut self) {
        self.raft.node.tick();
    }

    fn flush(&mut self, outbox: &mut Outbox<Message>, state_machine: &mut Checksum) {
        while self.raft.node.has_ready() {
            self.ready(outbox, state_machine);
        }
        self.compact(state_machine);
    }

    fn take_writes(&mut self, writes: &mut J::Writes) {
        if self.keeper.take(writes) {
            self.handed_over.push_back(self.ready);
        } else if self.handed_over.is_empty() {
            // There was nothing to be durable, and nothing before it.
            self.raft.node.on_persist_ready(self.ready);
        }
    }

    fn on_durable(&mut self, count: u64) {
        let last = (0..count).filter_map(|_| self.handed_over.pop_front()).last();
        if let Some(number) = last {
            self.raft.node.on_persist_ready(number);
        }
    }
}
