//! openraft 0.9: its tasks on two workers, a log in memory, and a network of function calls, as in its own benchmark.

use super::memory_log::MemoryLog;
use super::seaworthy::SKIPPED;
use crate::lanes::tasks::{self, COMPACT_EVERY, KEEP};
use crate::measure::{Cluster, Failure, Latencies, Load};
use openraft_0_9::error::{InstallSnapshotError, RPCError, RaftError, RemoteError};
use openraft_0_9::impls::{OneshotResponder, TokioRuntime};
use openraft_0_9::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft_0_9::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft_0_9::storage::{LogFlushed, LogState, RaftLogStorage, RaftStateMachine, Snapshot};
use openraft_0_9::{
    Config, Entry, EntryPayload, LogId, Raft, RaftLogReader, RaftSnapshotBuilder, RaftTypeConfig,
    SnapshotMeta, SnapshotPolicy, StorageError, StoredMembership, Vote,
};
use seaworthy_benches::workload::{Checksum, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io::Cursor;
use std::ops::{Range, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long nothing moves before a cluster counts as stuck.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

type NodeId = u64;
type Node = Raft<Types>;
type Nodes = Arc<Mutex<BTreeMap<NodeId, Node>>>;
type Stored<T> = Result<T, StorageError<NodeId>>;

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Types;

impl RaftTypeConfig for Types {
    type D = Command;
    type R = u64;
    type NodeId = NodeId;
    type Node = ();
    type Entry = Entry<Self>;
    type SnapshotData = Cursor<Vec<u8>>;
    type AsyncRuntime = TokioRuntime;
    type Responder = OneshotResponder<Self>;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node's disk would hold.
#[derive(Debug, Default)]
struct Log {
    vote: Option<Vote<NodeId>>,
    entries: MemoryLog<Entry<Types>>,
    purged: Option<LogId<NodeId>>,
}

#[derive(Clone, Debug, Default)]
struct LogStore(Arc<Mutex<Log>>);

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: R,
    ) -> Stored<Vec<Entry<Types>>> {
        Ok(lock(&self.0).entries.range(&range))
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Stored<LogState<Types>> {
        let log = lock(&self.0);
        let last_log_id = log.entries.last().map(|entry| entry.log_id).or(log.purged);
        Ok(LogState { last_purged_log_id: log.purged, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Stored<()> {
        lock(&self.0).vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Stored<Option<Vote<NodeId>>> {
        Ok(lock(&self.0).vote)
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Stored<()>
    where
        I: IntoIterator<Item = Entry<Types>> + Send,
    {
        lock(&self.0).entries.append(entries);
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId<NodeId>) -> Stored<()> {
        lock(&self.0).entries.truncate(from.index);
        Ok(())
    }

    async fn purge(&mut self, through: LogId<NodeId>) -> Stored<()> {
        let mut log = lock(&self.0);
        log.purged = Some(through);
        log.entries.purge(through.index);
        Ok(())
    }
}

/// The state machine of all, as this library's users write it.
#[derive(Debug, Default)]
struct Applying {
    checksum: Checksum,
    applied: Option<LogId<NodeId>>,
    membership: StoredMembership<NodeId, ()>,
    snapshot: Option<SnapshotMeta<NodeId, ()>>,
    /// It took a snapshot in the place of entries.
    skipped: bool,
}

#[derive(Clone, Debug, Default)]
struct Machine(Arc<Mutex<Applying>>);

/// Nobody reads it: a follower that would is a failure.
fn snapshot_of(meta: SnapshotMeta<NodeId, ()>, checksum: Checksum) -> Snapshot<Types> {
    let bytes = checksum.to_parts().iter().flat_map(|part| part.to_le_bytes()).collect();
    Snapshot { meta, snapshot: Box::new(Cursor::new(bytes)) }
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Stored<Snapshot<Types>> {
        let mut machine = lock(&self.0);
        let meta = SnapshotMeta {
            last_log_id: machine.applied,
            last_membership: machine.membership.clone(),
            snapshot_id: machine.checksum.applied.to_string(),
        };
        machine.snapshot = Some(meta.clone());
        Ok(snapshot_of(meta, machine.checksum))
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Stored<(Option<LogId<NodeId>>, StoredMembership<NodeId, ()>)> {
        let machine = lock(&self.0);
        Ok((machine.applied, machine.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Stored<Vec<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + Send,
    {
        let mut machine = lock(&self.0);
        let apply = |entry: Entry<Types>| {
            machine.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(payload) => machine.checksum.apply(&payload),
                EntryPayload::Membership(membership) => {
                    machine.membership = StoredMembership::new(Some(entry.log_id), membership);
                }
            }
            machine.checksum.applied
        };
        Ok(entries.into_iter().map(apply).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Stored<Box<Cursor<Vec<u8>>>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<NodeId, ()>,
        _: Box<Cursor<Vec<u8>>>,
    ) -> Stored<()> {
        let mut machine = lock(&self.0);
        machine.applied = meta.last_log_id;
        machine.skipped = true;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Stored<Option<Snapshot<Types>>> {
        let machine = lock(&self.0);
        Ok(machine.snapshot.clone().map(|meta| snapshot_of(meta, machine.checksum)))
    }
}

/// Every node calls the others.
#[derive(Clone, Default)]
struct Router(Nodes);

impl RaftNetworkFactory<Types> for Router {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, (): &()) -> Link {
        let node = lock(&self.0).get(&target).cloned();
        Link { target, node: node.expect("all are started before the first is told of the others") }
    }
}

/// A way to a node.
struct Link {
    target: NodeId,
    node: Node,
}

type Remote<E> = RPCError<NodeId, (), RaftError<NodeId, E>>;
type RemoteOf<T> = Result<T, RPCError<NodeId, (), RaftError<NodeId>>>;

impl RaftNetwork<Types> for Link {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> RemoteOf<AppendEntriesResponse<NodeId>> {
        let answer = self.node.append_entries(request).await;
        Ok(answer.map_err(|error| RemoteError::new(self.target, error))?)
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<NodeId>, Remote<InstallSnapshotError>> {
        let answer = self.node.install_snapshot(request).await;
        Ok(answer.map_err(|error| RemoteError::new(self.target, error))?)
    }

    async fn vote(&mut self, request: VoteRequest<NodeId>, _: RPCOption) -> RemoteOf<VoteResponse<NodeId>> {
        let answer = self.node.vote(request).await;
        Ok(answer.map_err(|error| RemoteError::new(self.target, error))?)
    }
}

/// Three nodes on one runtime, the first of which leads.
pub(crate) struct Openraft {
    runtime: Runtime,
    nodes: Vec<Node>,
    machines: Vec<Machine>,
}

fn settings() -> Result<Arc<Config>, Failure> {
    let config = Config {
        heartbeat_interval: 50,
        election_timeout_min: 500,
        election_timeout_max: 1_000,
        max_payload_entries: 1_024,
        purge_batch_size: 1_024,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(COMPACT_EVERY),
        max_in_snapshot_log_to_keep: KEEP,
        ..Config::default()
    };
    Ok(Arc::new(config.validate()?))
}

impl Openraft {
    /// Starts them, and waits for a leader.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn start() -> Result<Self, Failure> {
        let runtime = tasks::runtime()?;
        let router = Router::default();
        let machines = vec![Machine::default(), Machine::default(), Machine::default()];
        let nodes = runtime.block_on(async {
            let mut nodes = Vec::new();
            for (id, machine) in (0..).zip(&machines) {
                let log = LogStore::default();
                let node = Raft::new(id, settings()?, router.clone(), log, machine.clone()).await?;
                lock(&router.0).insert(id, node.clone());
                nodes.push(node);
            }
            nodes[0].initialize(BTreeSet::from([0, 1, 2])).await?;
            for node in &nodes {
                node.wait(PATIENCE).applied_index_at_least(Some(1), "the leader's first entry").await?;
            }
            Ok::<_, Failure>(nodes)
        })?;
        Ok(Self { runtime, nodes, machines })
    }
}

impl Cluster for Openraft {
    type States = [Checksum; 3];

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let leader = self.nodes[0].clone();
        let write = move |payload| {
            let leader = leader.clone();
            async move { Ok(leader.client_write(payload).await?.log_id.index) }
        };
        self.runtime.block_on(async {
            let last = tasks::closed_loop(numbers, *load, latencies, write).await?;
            for node in &self.nodes {
                node.wait(PATIENCE).applied_index_at_least(Some(last), "all entries").await?;
            }
            Ok(())
        })
    }

    fn finish(self) -> Result<Self::States, Failure> {
        let mut states = [Checksum::default(); 3];
        for (state, machine) in states.iter_mut().zip(&self.machines) {
            let machine = lock(&machine.0);
            if machine.skipped {
                return Err(SKIPPED.into());
            }
            *state = machine.checksum;
        }
        for node in &self.nodes {
            self.runtime.block_on(node.shutdown())?;
        }
        Ok(states)
    }
}
