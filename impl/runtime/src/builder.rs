//! How a node is put together.

use crate::clients::Limits;
use crate::disk::Disk;
use crate::error::StartError;
use crate::node_loop::{NodeLoop, Settings};
use crate::raft::{Raft, Running, Threads};
use crate::shell::{DiskEnd, Display, Incoming, MemoryDisk, Network, Surroundings, run_disk, run_node};
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Guarded, Published, Sender, Watermark, mailbox};
use crate::timers::{Compaction, Timing};
use crate::wal::{Directory, Identity, Layout, OpenError, SnapshotReader, Wal};
use rand::Rng;
use seaworthy_protocol::{Config, ConfigError, Durable, NodeId, NodeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How much waits in a node's mailbox: what its peers sent, and what its clients ask for.
const MAILBOX_BYTES: usize = 64 << 20;

/// Makes the data directory of a new node. Once: a directory that is lost is not made again under the same id, for the votes that it
/// held are lost with it, and the cluster could elect two leaders.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// let id = seaworthy::NodeId::new(1).unwrap();
/// seaworthy::init(directory.path(), 0x5ea, id)?;
/// assert!(seaworthy::init(directory.path(), 0x5ea, id).is_err(), "it is there already");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`OpenError::AlreadyInitialised`] if there is one; or what the file system says.
pub fn init(path: &Path, cluster: u128, id: NodeId) -> Result<(), OpenError> {
    let identity = Identity { cluster, node: id, directory: rand::rng().random(), starts: 0 };
    Wal::init(Directory::open(path)?, identity, Layout::default()).map(drop)
}

/// Puts a node together, and starts it.
#[derive(Clone, Debug)]
#[must_use = "a node runs once it is started"]
pub struct Builder {
    cluster: u128,
    id: NodeId,
    network: Network,
    directory: Option<PathBuf>,
    timing: Timing,
    compaction: Compaction,
    limits: Limits,
    read_timeout: Duration,
    config: Result<Config, ConfigError>,
}

impl Builder {
    /// A node of a cluster of these voters. `cluster` is any number that no other cluster has.
    pub fn new(cluster: u128, id: NodeId, voters: NodeSet, network: &Network) -> Self {
        Self {
            cluster,
            id,
            network: network.clone(),
            directory: None,
            timing: Timing::default(),
            compaction: Compaction::default(),
            limits: Limits::default(),
            read_timeout: Duration::from_secs(1),
            config: Config::new(voters),
        }
    }

    /// Where it keeps what it must not forget: a directory made by [`init`]. Without one it keeps everything in memory, and must not
    /// be started again under the same id when it has stopped: for tests and benchmarks.
    pub fn directory(self, path: impl Into<PathBuf>) -> Self {
        Self { directory: Some(path.into()), ..self }
    }

    /// How patient it is.
    pub fn timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// When it makes snapshots.
    pub fn compaction(self, compaction: Compaction) -> Self {
        Self { compaction, ..self }
    }

    /// How much waits at it.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How long a read looks for a leader before it fails: one second, if nothing is said.
    pub fn read_timeout(self, read_timeout: Duration) -> Self {
        Self { read_timeout, ..self }
    }

    /// What the protocol is told: changes the defaults.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// let (id, voters) = (NodeId::new(1).unwrap(), NodeSet::first(3));
    /// let builder = Builder::new(7, id, voters, &Network::default()).config(|config| config.with_pre_vote(false));
    /// ```
    pub fn config(self, change: impl FnOnce(Config) -> Config) -> Self {
        Self { config: self.config.map(change), ..self }
    }

    /// Starts the node.
    ///
    /// # Errors
    ///
    /// Whatever [`StartError`] says. Nothing runs then.
    pub fn start<S>(self, state_machine: S) -> Result<Raft<S>, StartError>
    where
        S: StateMachine + Send + 'static,
        Logged<S>: Send + 'static,
        S::Response: Send + 'static,
    {
        let config = self.config.map_err(StartError::Config)?;
        if !config.voters().contains(self.id) {
            return Err(StartError::NoVoter(self.id));
        }
        let (inbox, incoming) = mailbox(MAILBOX_BYTES);
        let (disk, disk_thread, starts, durable) = self.open_disk::<S>(&inbox)?;
        let mut world = Surroundings::new(self.id, (inbox.clone(), incoming), disk, self.network.clone());
        let settings = Settings {
            config,
            timing: self.timing,
            compaction: self.compaction,
            limits: self.limits,
            read_timeout: self.read_timeout,
        };
        let node = NodeLoop::start(self.id, starts, durable, state_machine, settings, &mut world);
        let node = node.map_err(StartError::Stop)?;
        let (status, applied) = (Published::new(node.status()), Watermark::new());
        let display = Display { status: status.clone(), applied: applied.clone() };
        let frames = inbox.clone();
        self.network.join(
            self.id,
            Arc::new(move |frame| {
                // Too much: lost, like any message may be. Gone: likewise.
                let _ = frames.try_push_weighing(Incoming::Frame(frame.to_vec()), frame.len());
            }),
        );
        let name = format!("seaworthy-{}", self.id.get());
        let node = spawn(name, move || run_node(node, world, display))?;
        let threads = Guarded::new(Threads { node: Some(node), disk: disk_thread });
        Ok(Raft::new(Running { inbox, status, applied, threads }))
    }

    #[expect(clippy::type_complexity, reason = "four things that come of one")]
    fn open_disk<S>(
        &self,
        inbox: &Sender<Incoming<S>>,
    ) -> Result<(DiskEnd, Option<JoinHandle<()>>, u64, Durable<Logged<S>>), StartError>
    where
        S: StateMachine + Send + 'static,
        Logged<S>: Send + 'static,
        S::Response: Send + 'static,
    {
        let Some(path) = &self.directory else {
            return Ok((DiskEnd::Memory(MemoryDisk::default()), None, 1, Durable::default()));
        };
        let (wal, recovery) = Wal::open::<Logged<S>>(Directory::open(path)?, Layout::default())?;
        let Identity { cluster, node, starts, .. } = *wal.identity();
        if (cluster, node) != (self.cluster, self.id) {
            return Err(StartError::ForeignDirectory { node, cluster });
        }
        if let Some(cut) = recovery.cut {
            tracing::info!(node = node.get(), ?cut, "the log had an end that was never durable");
        }
        let (orders, taken) = mailbox(usize::MAX);
        let name = format!("seaworthy-{}-disk", self.id.get());
        let inbox = inbox.clone();
        let thread = spawn(name, move || run_disk(Disk::new(wal), taken, inbox))?;
        let snapshots = SnapshotReader::new(path.clone());
        Ok((DiskEnd::Thread { orders, snapshots }, Some(thread), starts, recovery.durable))
    }
}

fn spawn<T: Send + 'static>(
    name: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    thread::Builder::new().name(name).spawn(work).map_err(StartError::Thread)
}
