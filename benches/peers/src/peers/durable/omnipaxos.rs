//! `OmniPaxos` with a disk, through its `Storage`: each call writes into a journal and into the memory storage, from which it reads.
//!
//! Its messages do not say what they rest on, so all of them wait until everything is durable that was written before; and what it decides
//! rests on messages. A leader counts its own entries from the moment it has written them, but a follower does not hear of them before they
//! are durable.

use crate::disk::Writes;
use crate::disk::journal::{Fact, Journal};
use crate::lanes::SharedBytes;
use crate::lanes::durable::{COMPACT_EVERY, DurableCore, Outbox};
use crate::peers::omnipaxos::Omni;
use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::storage::{NoSnapshot, StopSign, Storage, StorageOp, StorageResult};
use omnipaxos_storage::memory_storage::MemoryStorage;
use seaworthy::{Index, LogId, NodeId, Term};
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::{Entry, Payload};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Rounds before which they may still change their minds.
const SETTLING: usize = 500;

/// What is in memory, and what is on its way to the disk.
#[derive(Default)]
struct Journaled {
    memory: MemoryStorage<SharedBytes>,
    journal: Journal<SharedBytes>,
    /// The beginning of the log was forgotten up to here.
    trimmed: usize,
    compacts: bool,
}

/// The storage that a node has, and that its driver looks into.
#[derive(Clone, Default)]
pub(crate) struct Journaling(Arc<Mutex<Journaled>>);

fn leader(ballot: Ballot) -> Option<NodeId> {
    NodeId::new(u8::try_from(ballot.pid).ok()?)
}

impl Journaled {
    fn round(&self) -> StorageResult<u64> {
        Ok(self.memory.get_accepted_round()?.map_or(0, |ballot| u64::from(ballot.n)))
    }

    fn write(&mut self, op: StorageOp<SharedBytes>) -> StorageResult<()> {
        match op {
            StorageOp::AppendEntry(entry) => {
                let (after, round) = (self.length()?, self.round()?);
                self.journal.append(after, [logged(round, &entry)]);
                self.memory.append_entry(entry)
            }
            StorageOp::AppendEntries(entries) => {
                let (after, round) = (self.length()?, self.round()?);
                self.journal.append(after, entries.iter().map(|entry| logged(round, entry)));
                self.memory.append_entries(entries)
            }
            StorageOp::AppendOnPrefix(from, entries) => {
                let round = self.round()?;
                self.journal.append(from as u64, entries.iter().map(|entry| logged(round, entry)));
                self.memory.append_on_prefix(from, entries)
            }
            StorageOp::SetPromise(ballot) => {
                self.journal.record(Fact::Term(ballot.n.into(), leader(ballot)));
                self.memory.set_promise(ballot)
            }
            StorageOp::SetAcceptedRound(ballot) => {
                self.journal.record(Fact::AcceptedRound(ballot.n.into(), leader(ballot)));
                self.memory.set_accepted_round(ballot)
            }
            // A node that has forgotten it is told: its leader sends it what it lacks.
            StorageOp::SetDecidedIndex(index) => {
                self.journal.remark(Fact::Decided(index as u64));
                self.memory.set_decided_idx(index)
            }
            StorageOp::Trim(index) => {
                (self.trimmed, self.compacts) = (index, true);
                self.memory.trim(index)
            }
            StorageOp::SetCompactedIdx(index) => self.memory.set_compacted_idx(index),
            StorageOp::SetStopsign(_) | StorageOp::SetSnapshot(_) => {
                unreachable!("nothing is reconfigured, and nobody makes snapshots")
            }
        }
    }

    fn length(&self) -> StorageResult<u64> {
        Ok((self.trimmed + self.memory.get_log_len()?) as u64)
    }

    /// What was trimmed may go from the disk too; what is in no entry is recorded anew.
    fn compact(&mut self, state_machine: &Checksum) -> StorageResult<()> {
        if !std::mem::take(&mut self.compacts) {
            return Ok(());
        }
        let round = self.round()?;
        let id = |index| LogId { term: Term(round), index: Index(index) };
        let snapshot = self.journal.save(id(state_machine.applied), state_machine);
        self.journal.compact(snapshot, id(self.trimmed as u64));
        let promise = self.memory.get_promise()?.unwrap_or_default();
        self.journal.record(Fact::Term(promise.n.into(), leader(promise)));
        if let Some(accepted) = self.memory.get_accepted_round()? {
            self.journal.record(Fact::AcceptedRound(accepted.n.into(), leader(accepted)));
        }
        self.journal.remark(Fact::Decided(self.memory.get_decided_idx()? as u64));
        Ok(())
    }
}

fn logged(round: u64, entry: &SharedBytes) -> Entry<SharedBytes> {
    Entry { term: Term(round), payload: Payload::Command(entry.clone()) }
}

impl Journaling {
    fn lock(&self) -> MutexGuard<'_, Journaled> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Storage<SharedBytes> for Journaling {
    fn write_atomically(&mut self, ops: Vec<StorageOp<SharedBytes>>) -> StorageResult<()> {
        let mut journaled = self.lock();
        ops.into_iter().try_for_each(|op| journaled.write(op))
    }

    fn append_entry(&mut self, entry: SharedBytes) -> StorageResult<()> {
        self.lock().write(StorageOp::AppendEntry(entry))
    }

    fn append_entries(&mut self, entries: Vec<SharedBytes>) -> StorageResult<()> {
        self.lock().write(StorageOp::AppendEntries(entries))
    }

    fn append_on_prefix(&mut self, from_idx: usize, entries: Vec<SharedBytes>) -> StorageResult<()> {
        self.lock().write(StorageOp::AppendOnPrefix(from_idx, entries))
    }

    fn set_promise(&mut self, n_prom: Ballot) -> StorageResult<()> {
        self.lock().write(StorageOp::SetPromise(n_prom))
    }

    fn set_decided_idx(&mut self, ld: usize) -> StorageResult<()> {
        self.lock().write(StorageOp::SetDecidedIndex(ld))
    }

    fn get_decided_idx(&self) -> StorageResult<usize> {
        self.lock().memory.get_decided_idx()
    }

    fn set_accepted_round(&mut self, na: Ballot) -> StorageResult<()> {
        self.lock().write(StorageOp::SetAcceptedRound(na))
    }

    fn get_accepted_round(&self) -> StorageResult<Option<Ballot>> {
        self.lock().memory.get_accepted_round()
    }

    fn get_entries(&self, from: usize, to: usize) -> StorageResult<Vec<SharedBytes>> {
        self.lock().memory.get_entries(from, to)
    }

    fn get_log_len(&self) -> StorageResult<usize> {
        self.lock().memory.get_log_len()
    }

    fn get_suffix(&self, from: usize) -> StorageResult<Vec<SharedBytes>> {
        self.lock().memory.get_suffix(from)
    }

    fn get_promise(&self) -> StorageResult<Option<Ballot>> {
        self.lock().memory.get_promise()
    }

    fn set_stopsign(&mut self, s: Option<StopSign>) -> StorageResult<()> {
        self.lock().write(StorageOp::SetStopsign(s))
    }

    fn get_stopsign(&self) -> StorageResult<Option<StopSign>> {
        self.lock().memory.get_stopsign()
    }

    fn trim(&mut self, idx: usize) -> StorageResult<()> {
        self.lock().write(StorageOp::Trim(idx))
    }

    fn set_compacted_idx(&mut self, idx: usize) -> StorageResult<()> {
        self.lock().write(StorageOp::SetCompactedIdx(idx))
    }

    fn get_compacted_idx(&self) -> StorageResult<usize> {
        self.lock().memory.get_compacted_idx()
    }

    fn set_snapshot(&mut self, snapshot: Option<NoSnapshot>) -> StorageResult<()> {
        self.lock().write(StorageOp::SetSnapshot(snapshot))
    }

    fn get_snapshot(&self) -> StorageResult<Option<NoSnapshot>> {
        self.lock().memory.get_snapshot()
    }
}

/// One of three.
pub(crate) struct DurableOmni {
    omni: Omni<SharedBytes, Journaling>,
    storage: Journaling,
}

impl DurableCore for DurableOmni {
    type Payload = SharedBytes;
    type Message = Message<SharedBytes>;
    type Writes = Writes;

    const TICK: Duration = Duration::from_millis(10);

    fn three() -> [Self; 3] {
        [1, 2, 3].map(|number| {
            let storage = Journaling::default();
            Self { omni: Omni::with(number, storage.clone()), storage }
        })
    }

    fn nudge(&mut self, _: usize) {
        self.omni.tick();
    }

    fn is_settled(nodes: &[Self; 3], round: usize) -> bool {
        round > SETTLING && nodes.iter().all(|node| node.omni.follows_the_first())
    }

    fn propose(&mut self, payload: SharedBytes) {
        self.omni.propose(payload);
    }

    fn receive(&mut self, message: Message<SharedBytes>) {
        self.omni.receive(message);
    }

    fn tick(&mut self) {
        self.omni.tick();
    }

    fn flush(&mut self, outbox: &mut Outbox<Message<SharedBytes>>, state_machine: &mut Checksum) {
        self.omni.flush(COMPACT_EVERY, &mut outbox.after, state_machine);
        self.storage.lock().compact(state_machine).expect("memory does not fail");
    }

    fn take_writes(&mut self, writes: &mut Writes) {
        self.storage.lock().journal.take(writes);
    }

    /// There is nobody to be told: whatever rests on it waited.
    fn on_durable(&mut self, _: u64) {}
}
