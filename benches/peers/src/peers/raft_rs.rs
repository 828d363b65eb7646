//! raft-rs, the core of `TiKV`: batched appends, messages of up to 1 MiB, 256 of them under way. Its log is the memory storage it brings.

use crate::lanes::{COMPACT_EVERY, Core, KEEP};
use raft::StateRole;
use raft::prelude::{ConfState, Config, Entry, Message, RawNode};
use raft::storage::MemStorage;
use seaworthy_benches::workload::Checksum;
use slog::Logger;
use std::time::Duration;

/// Rounds of messages after which a leader is elected.
const ELECTION: usize = 20;

/// One of three.
pub(crate) struct RaftRs {
    pub(super) node: RawNode<MemStorage>,
    pub(super) compacted: u64,
}

fn settings(id: u64) -> Config {
    Config {
        id,
        election_tick: 20,
        heartbeat_tick: 2,
        max_size_per_msg: 1 << 20,
        max_inflight_msgs: 256,
        batch_append: true,
        ..Config::default()
    }
}

pub(super) fn push(outbox: &mut Vec<(usize, Message)>, messages: Vec<Message>) {
    let addressed = |message: Message| (usize::try_from(message.to - 1).unwrap_or(usize::MAX), message);
    outbox.extend(messages.into_iter().map(addressed));
}

/// Applies committed entries, and answers the index of the last. A leader's first has no data.
pub(super) fn apply(entries: &[Entry], state_machine: &mut Checksum) -> u64 {
    for entry in entries.iter().filter(|entry| !entry.data.is_empty()) {
        state_machine.apply(&entry.data);
    }
    entries.last().map_or(0, |entry| entry.index)
}

impl RaftRs {
    pub(super) fn new(id: u64) -> Self {
        let storage = MemStorage::new_with_conf_state(ConfState::from((vec![1, 2, 3], Vec::new())));
        let logger = Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&settings(id), storage, &logger).expect("the settings are valid");
        Self { node, compacted: 0 }
    }

    /// One round of its `Ready`, in the order that its documentation gives.
    fn ready(&mut self, outbox: &mut Vec<(usize, Message)>, state_machine: &mut Checksum) {
        let mut ready = self.node.ready();
        push(outbox, ready.take_messages());
        assert!(ready.snapshot().is_empty(), "a follower took a snapshot in the place of entries");
        let mut applied = apply(&ready.take_committed_entries(), state_machine);
        let mut storage = self.node.store().wl();
        storage.append(ready.entries()).expect("the log has no gap");
        if let Some(state) = ready.hs() {
            storage.set_hardstate(state.clone());
        }
        drop(storage);
        push(outbox, ready.take_persisted_messages());
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.node.store().wl().mut_hard_state().commit = commit;
        }
        push(outbox, light.take_messages());
        applied = applied.max(apply(&light.take_committed_entries(), state_machine));
        self.node.advance_apply();
        self.compact(applied);
    }

    fn compact(&mut self, applied: u64) {
        if applied <= self.compacted + COMPACT_EVERY + KEEP {
            return;
        }
        let mut through = applied - KEEP;
        if self.node.raft.state == StateRole::Leader {
            // Whoever lacks entries gets entries, no snapshot.
            let held = self.node.raft.prs().iter().map(|(_, progress)| progress.matched).min();
            through = through.min(held.unwrap_or(through));
        }
        self.node.store().wl().compact(through).expect("what is compacted is applied");
        self.compacted = through;
    }
}

impl Core for RaftRs {
    type Payload = Vec<u8>;
    type Message = Message;

    const TICK: Duration = Duration::from_millis(100);

    fn three() -> [Self; 3] {
        let mut nodes = [1, 2, 3].map(Self::new);
        nodes[0].node.campaign().expect("a follower may campaign");
        let mut outbox = Vec::new();
        for _ in 0..ELECTION {
            for node in &mut nodes {
                node.flush(&mut outbox, &mut Checksum::default());
            }
            for (to, message) in outbox.drain(..) {
                nodes[to].receive(message);
            }
        }
        assert_eq!(nodes[0].node.raft.state, StateRole::Leader);
        nodes
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.node.propose(Vec::new(), payload).expect("the leader takes proposals");
    }

    fn receive(&mut self, message: Message) {
        self.node.step(message).expect("messages are of this cluster");
    }

    fn tick(&mut self) {
        self.node.tick();
    }

    fn flush(&mut self, outbox: &mut Vec<(usize, Message)>, state_machine: &mut Checksum) {
        while self.node.has_ready() {
            self.ready(outbox, state_machine);
        }
    }
}
