//! `OmniPaxos`: no batches of its own, which were not faster, and the memory storage it brings.

use crate::lanes::{COMPACT_EVERY, Core, KEEP, Payload, SharedBytes};
use omnipaxos::messages::Message;
use omnipaxos::messages::sequence_paxos::{PaxosMessage, PaxosMsg};
use omnipaxos::storage::{Entry, NoSnapshot, Storage};
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, CompactionErr, OmniPaxos, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;
use seaworthy_benches::workload::Checksum;
use std::time::Duration;

/// Rounds of messages within which all three agree on a leader.
const ELECTION: usize = 20_000;
/// Rounds before which they may still change their minds.
const SETTLING: usize = 500;

/// An entry whose bytes are its own: every clone copies them.
#[derive(Clone, Debug)]
pub(crate) struct Owned(Vec<u8>);

impl Entry for SharedBytes {
    type Snapshot = NoSnapshot;
}

impl Entry for Owned {
    type Snapshot = NoSnapshot;
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Payload for Owned {
    fn fresh(number: u64, size: usize) -> Self {
        Self(Vec::fresh(number, size))
    }
}

/// One of three.
pub(crate) struct Omni<P: Payload + Entry, S: Storage<P> = MemoryStorage<P>> {
    node: OmniPaxos<P, S>,
    number: u64,
    /// How many entries were read out of its log.
    read: usize,
    /// Decided entries that were read before they were trimmed, and are not applied yet.
    waiting: Vec<LogEntry<P>>,
    trimmed: usize,
    messages: Vec<Message<P>>,
}

impl<P: Payload + Entry<Snapshot = NoSnapshot>, S: Storage<P>> Omni<P, S> {
    pub(super) fn with(number: u64, storage: S) -> Self {
        let cluster = ClusterConfig { configuration_id: 1, nodes: vec![1, 2, 3], ..ClusterConfig::default() };
        let server = ServerConfig {
            pid: number,
            election_tick_timeout: 100,
            resend_message_tick_timeout: 50,
            flush_batch_tick_timeout: 1,
            batch_size: 1,
            leader_priority: u32::from(number == 1),
            ..ServerConfig::default()
        };
        let node = cluster.build_for_server(server, storage).expect("the settings are valid");
        Self { node, number, read: 0, waiting: Vec::new(), trimmed: 0, messages: Vec::new() }
    }

    pub(super) fn follows_the_first(&self) -> bool {
        self.node.get_current_leader() == Some((1, true))
    }

    /// Takes the decided entries out of its log.
    fn read_decided(&mut self) {
        if self.node.get_decided_idx() == self.read {
            return;
        }
        if let Some(entries) = self.node.read_decided_suffix(self.read) {
            self.read += entries.len();
            if self.waiting.is_empty() {
                self.waiting = entries;
            } else {
                self.waiting.extend(entries);
            }
        }
    }

    fn trim(&mut self, every: u64) {
        if self.number != 1 || self.read <= self.trimmed + to_usize(every + KEEP) {
            return;
        }
        let through = self.read - to_usize(KEEP);
        match self.node.trim(Some(through)) {
            Ok(()) => self.trimmed = through,
            // A follower lacks them still.
            Err(CompactionErr::NotAllDecided(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(super) fn propose(&mut self, payload: P) {
        assert!(self.node.append(payload).is_ok(), "the leader takes proposals");
    }

    pub(super) fn receive(&mut self, message: Message<P>) {
        // It trims up to where the leader says, whether or not what is decided there was read. So it is read before.
        if let Message::SequencePaxos(PaxosMessage { msg: PaxosMsg::Compaction(_), .. }) = &message {
            self.read_decided();
        }
        self.node.handle_incoming(message);
    }

    pub(super) fn tick(&mut self) {
        self.node.tick();
    }

    pub(super) fn flush(
        &mut self,
        compact_every: u64,
        outbox: &mut Vec<(usize, Message<P>)>,
        state_machine: &mut Checksum,
    ) {
        self.read_decided();
        for entry in std::mem::take(&mut self.waiting) {
            let LogEntry::Decided(payload) = entry else {
                panic!("{entry:?} in the place of a decided entry")
            };
            state_machine.apply(payload.as_ref());
        }
        self.trim(compact_every);
        self.node.take_outgoing_messages(&mut self.messages);
        let addressed = |message: Message<P>| (to_usize(message.get_receiver() - 1), message);
        outbox.extend(self.messages.drain(..).map(addressed));
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl<P: Payload + Entry<Snapshot = NoSnapshot>> Core for Omni<P> {
    type Payload = P;
    type Message = Message<P>;

    const TICK: Duration = Duration::from_millis(10);

    fn three() -> [Self; 3] {
        let mut nodes = [1, 2, 3].map(|number| Self::with(number, MemoryStorage::default()));
        let mut outbox = Vec::new();
        for round in 0..ELECTION {
            for node in &mut nodes {
                node.tick();
                node.flush(COMPACT_EVERY, &mut outbox, &mut Checksum::default());
            }
            for (to, message) in outbox.drain(..) {
                nodes[to].receive(message);
            }
            if round > SETTLING && nodes.iter().all(Self::follows_the_first) {
                return nodes;
            }
        }
        panic!("the first was not elected");
    }

    fn propose(&mut self, payload: P) {
        self.propose(payload);
    }

    fn receive(&mut self, message: Message<P>) {
        self.receive(message);
    }

    fn tick(&mut self) {
        self.tick();
    }

    fn flush(&mut self, outbox: &mut Vec<(usize, Message<P>)>, state_machine: &mut Checksum) {
        self.flush(COMPACT_EVERY, outbox, state_machine);
    }
}
