//! openraft 0.10, not released yet: as 0.9. What is sent to a follower may be a stream that does not wait for answers, or one request
//! after the other, which is what a network is that implements no more than it must.

use super::memory_log::MemoryLog;
use super::seaworthy::SKIPPED;
use crate::lanes::tasks::{self, COMPACT_EVERY, KEEP};
use crate::measure::{Cluster, Failure, Latencies, Load};
use futures_util::{Stream, StreamExt, TryStreamExt};
use openraft_0_10::base::{BoxFuture, BoxStream};
use openraft_0_10::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError};
use openraft_0_10::impls::leader_id_adv::LeaderId;
use openraft_0_10::impls::{BoxedErrorSource, InlineBatch, OneshotResponder, TokioRuntime, Vote};
use openraft_0_10::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential};
use openraft_0_10::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, VoteRequest,
    VoteResponse,
};
use openraft_0_10::storage::{
    EntryResponder, IOFlushed, LogState, RaftLogStorage, RaftStateMachine, Snapshot,
};
use openraft_0_10::type_config::alias::{
    EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf,
};
use openraft_0_10::vote::RaftLeaderId;
use openraft_0_10::{
    Config, Entry, EntryPayload, OptionalSend, Raft, RaftLogReader, RaftSnapshotBuilder, RaftTypeConfig,
    SnapshotPolicy, StoredMembership,
};
use seaworthy_benches::workload::{Checksum, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::io;
use std::ops::{Range, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long nothing moves before a cluster counts as stuck.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

type NodeId = u64;
type Node = Raft<Types, Machine>;
type Nodes = Arc<Mutex<BTreeMap<NodeId, Node>>>;
type Stored<T> = io::Result<T>;

/// A payload that can be printed, as it must.
#[derive(Clone, Debug)]
pub(crate) struct Request(Command);

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Types;

impl RaftTypeConfig for Types {
    type D = Request;
    type R = u64;
    type NodeId = NodeId;
    type Node = ();
    type Term = u64;
    type LeaderId = LeaderId<u64, NodeId>;
    type Vote = Vote<Self::LeaderId>;
    type Payload = EntryPayload<Request, NodeId, ()>;
    type Entry = Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = TokioRuntime;
    type Responder<T>
        = OneshotResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node's disk would hold.
#[derive(Default)]
struct Log {
    vote: Option<VoteOf<Types>>,
    entries: MemoryLog<EntryOf<Types>>,
    purged: Option<LogIdOf<Types>>,
}

#[derive(Clone, Default)]
struct LogStore(Arc<Mutex<Log>>);

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Stored<Vec<EntryOf<Types>>> {
        Ok(lock(&self.0).entries.range(&range))
    }

    async fn read_vote(&mut self) -> Stored<Option<VoteOf<Types>>> {
        Ok(lock(&self.0).vote)
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

    async fn save_vote(&mut self, vote: &VoteOf<Types>) -> Stored<()> {
        lock(&self.0).vote = Some(*vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Stored<()>
    where
        I: IntoIterator<Item = EntryOf<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        lock(&self.0).entries.append(entries);
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<Types>>) -> Stored<()> {
        lock(&self.0).entries.truncate(last.map_or(0, |id| id.index + 1));
        Ok(())
    }

    async fn purge(&mut self, through: LogIdOf<Types>) -> Stored<()> {
        let mut log = lock(&self.0);
        log.purged = Some(through);
        log.entries.purge(through.index);
        Ok(())
    }
}

/// The state machine of all, as this library's users write it.
#[derive(Default)]
struct Applying {
    checksum: Checksum,
    applied: Option<LogIdOf<Types>>,
    membership: StoredMembershipOf<Types>,
    snapshot: Option<SnapshotMetaOf<Types>>,
    /// It took a snapshot in the place of entries.
    skipped: bool,
}

#[derive(Clone, Default)]
struct Machine(Arc<Mutex<Applying>>);

/// Nobody reads it: a follower that would is a failure.
fn snapshot_of(meta: SnapshotMetaOf<Types>, checksum: Checksum) -> SnapshotOf<Types, Vec<u8>> {
    Snapshot { meta, snapshot: checksum.to_parts().iter().flat_map(|part| part.to_le_bytes()).collect() }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Stored<SnapshotOf<Types, Vec<u8>>> {
        let mut machine = lock(&self.0);
        let meta = SnapshotMetaOf::<Types> {
            last_log_id: machine.applied,
            last_membership: machine.membership.clone(),
        };
        machine.snapshot = Some(meta.clone());
        Ok(snapshot_of(meta, machine.checksum))
    }
}

impl Applying {
    fn apply(&mut self, entry: EntryOf<Types>) {
        self.applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(Request(payload)) => self.checksum.apply(&payload),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
        }
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;
    type SnapshotData = Vec<u8>;

    async fn applied_state(&mut self) -> Stored<(Option<LogIdOf<Types>>, StoredMembershipOf<Types>)> {
        let machine = lock(&self.0);
        Ok((machine.applied, machine.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Stored<()>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut machine = lock(&self.0);
            machine.apply(entry);
            if let Some(responder) = responder {
                responder.send(machine.checksum.applied);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<Types>, _: Vec<u8>) -> Stored<()> {
        let mut machine = lock(&self.0);
        machine.applied = meta.last_log_id;
        machine.skipped = true;
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Stored<Option<SnapshotOf<Types, Vec<u8>>>> {
        let machine = lock(&self.0);
        Ok(machine.snapshot.clone().map(|meta| snapshot_of(meta, machine.checksum)))
    }
}

/// How entries are sent.
#[derive(Clone, Copy)]
pub(crate) enum Sending {
    /// The next request when the last is answered.
    OneByOne,
    /// A stream of requests, and one of answers.
    Streaming,
}

/// Every node calls the others.
#[derive(Clone)]
struct Router {
    nodes: Nodes,
    sending: Sending,
}

impl RaftNetworkFactory<Types> for Router {
    type Network = Link;

    async fn new_client(&mut self, target: NodeId, (): &()) -> Link {
        let node = lock(&self.nodes).get(&target).cloned();
        let node = node.expect("all are started before the first is told of the others");
        Link { node, sending: self.sending }
    }
}

/// A way to a node.
struct Link {
    node: Node,
    sending: Sending,
}

fn failed(error: impl std::error::Error + 'static) -> RPCError<Types> {
    RPCError::Network(NetworkError::new(&error))
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        self.node.append_entries(request).await.map_err(failed)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        match self.sending {
            Sending::OneByOne => stream_append_sequential(self, input, option),
            Sending::Streaming => {
                let answers = self.node.stream_append(input).map(|answer| answer.map_err(failed));
                let answers: BoxStream<'s, _> = Box::pin(answers);
                Box::pin(std::future::ready(Ok(answers)))
            }
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.node.vote(request).await.map_err(failed)
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<Types>,
        snapshot: SnapshotOf<Types, Vec<u8>>,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let answer = self.node.install_full_snapshot(vote, snapshot).await;
        answer.map_err(|error| StreamingError::Network(NetworkError::new(&error)))
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
    pub(crate) fn start(sending: Sending) -> Result<Self, Failure> {
        let runtime = tasks::runtime()?;
        let router = Router { nodes: Nodes::default(), sending };
        let machines = vec![Machine::default(), Machine::default(), Machine::default()];
        let nodes = runtime.block_on(async {
            let mut nodes = Vec::new();
            for (id, machine) in (0..).zip(&machines) {
                let log = LogStore::default();
                let node = Raft::new(id, settings()?, router.clone(), log, machine.clone()).await?;
                lock(&router.nodes).insert(id, node.clone());
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
            async move { Ok(leader.client_write(Request(payload)).await?.log_id.index) }
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
