//! How a node is put together.

use crate::applier::Applier;
use crate::clients::Limits;
use crate::disk::Disk;
use crate::error::StartError;
use crate::node_loop::{NodeLoop, Settings};
use crate::raft::{Raft, Running, Threads};
use crate::shell::{
    DiskEnd, Display, Driver, Employer, Incoming, MemoryDisk, Surroundings, Turns, WireEnd, run_disk,
    run_node, run_state_machine,
};
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Guarded, Published, Receiver, Sender, Watermark, mailbox};
use crate::timers::{Compaction, Timing};
use crate::transport::memory::Network;
use crate::transport::tcp::pins::Pins;
use crate::transport::tcp::{Delivered, Received, Tcp, TcpSettings, TransportCounters};
use crate::wal::{Directory, Identity, Layout, OpenError, SnapshotReader, Wal};
use rand::Rng;
use seaworthy_protocol::{Config, ConfigError, Durable, NodeId, NodeSet};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How much waits in a node's mailbox: what its peers sent, and what its clients ask for.
const MAILBOX_BYTES: usize = 64 << 20;

/// The file in a data directory that has what is known of those of the peers.
const PEERS: &str = "peers";

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
    let files = Directory::open(path)?;
    Wal::check_unused(&files)?;
    // With the identity, which comes last, the directory counts as initialised.
    Pins::init(&path.join(PEERS), &identity).map_err(|error| OpenError::Peers(error.into()))?;
    // A first segment of which nothing is wanted but that it is there: how large they are to be is said at each start.
    Wal::init(files, identity, Layout { segment_size: 0, ..Layout::default() }).map(drop)
}

/// Puts a node together, and starts it.
///
/// ```
/// # use seaworthy::{Builder, Network, NodeId, NodeSet};
/// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
/// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
/// let raft = Builder::new(0x5ea, id, voters, &network).start(sum::Sum(0))?;
/// assert_eq!(raft.status().id, id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a node runs once it is started"]
pub struct Builder {
    cluster: u128,
    id: NodeId,
    wire: Wire,
    directory: Option<PathBuf>,
    layout: Layout,
    timing: Timing,
    compaction: Compaction,
    limits: Limits,
    read_timeout: Duration,
    config: Result<Config, ConfigError>,
    state_thread: bool,
    #[cfg(feature = "trace")]
    trace: Option<PathBuf>,
}

impl Builder {
    /// A node of a cluster of these voters, all in this process. `cluster` is any number that no other cluster has.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// let builder = Builder::new(0x5ea, id, voters, &network);
    /// ```
    pub fn new(cluster: u128, id: NodeId, voters: NodeSet, network: &Network) -> Self {
        Self::with(cluster, id, voters, Wire::Memory(network.clone()))
    }

    /// A node of a cluster whose voters are at these addresses: host and port, looked up anew at each attempt to connect.
    ///
    /// Nothing is encrypted, and nobody proves who it is: for a network that is trusted.
    ///
    /// ```no_run
    /// # use seaworthy::{Builder, NodeId};
    /// # fn start(store: impl seaworthy::StateMachine<Command = u64, Response = u64> + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
    /// let node = |number| NodeId::new(number).unwrap();
    /// let voters = [(node(1), "one:7001"), (node(2), "two:7001"), (node(3), "three:7001")];
    /// let raft = Builder::tcp(0x5ea, node(1), voters).directory("data").start(store)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tcp<A: Into<String>>(
        cluster: u128,
        id: NodeId,
        voters: impl IntoIterator<Item = (NodeId, A)>,
    ) -> Self {
        let addresses: BTreeMap<NodeId, String> =
            voters.into_iter().map(|(id, address)| (id, address.into())).collect();
        let voters = addresses.keys().copied().collect();
        Self::with(cluster, id, voters, Wire::Tcp { addresses, listener: None })
    }

    /// Lets peers connect here, in the place of at the node's own address: where that is another one from outside, or where
    /// the system chose the port. Nodes in one process have nobody to let in: of no effect without [`tcp`](Self::tcp).
    ///
    /// ```
    /// # use seaworthy::{Builder, NodeId};
    /// # let id = NodeId::new(1).unwrap();
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let voters = [(id, "one:7001"), (NodeId::new(2).unwrap(), "two:7001")];
    /// let builder = Builder::tcp(0x5ea, id, voters).listener(listener);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listener(self, listener: TcpListener) -> Self {
        match self.wire {
            Wire::Tcp { addresses, listener: _ } => {
                Self { wire: Wire::Tcp { addresses, listener: Some(listener) }, ..self }
            }
            Wire::Memory(_) => self,
        }
    }

    fn with(cluster: u128, id: NodeId, voters: NodeSet, wire: Wire) -> Self {
        Self {
            cluster,
            id,
            wire,
            directory: None,
            layout: Layout::default(),
            timing: Timing::default(),
            compaction: Compaction::default(),
            limits: Limits::default(),
            read_timeout: Duration::from_secs(1),
            config: Config::new(voters),
            state_thread: false,
            #[cfg(feature = "trace")]
            trace: None,
        }
    }

    /// Where it keeps what it must not forget: a directory made by [`init`]. Without one it keeps everything in memory, and must not
    /// be started again under the same id when it has stopped: for tests and benchmarks.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// let builder = Builder::new(0x5ea, id, voters, &network).directory("data/1");
    /// ```
    pub fn directory(self, path: impl Into<PathBuf>) -> Self {
        Self { directory: Some(path.into()), ..self }
    }

    /// How its log is laid out from now on. Its first segment is as [`init`] made it.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// use seaworthy::wal::Layout;
    ///
    /// let small = Layout { segment_size: 1 << 20, ..Layout::default() };
    /// let builder = Builder::new(0x5ea, id, voters, &network).directory("data/1").layout(small);
    /// ```
    pub fn layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// How patient it is.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// use seaworthy::Timing;
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let patient = Timing::new(ms(200), ms(1_000), ms(2_000))?;
    /// let builder = Builder::new(0x5ea, id, voters, &network).timing(patient);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// When it makes snapshots.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// use seaworthy::Compaction;
    ///
    /// let often = Compaction { every: 1_000, keep: 500, keep_for_slow: 2_000 };
    /// let builder = Builder::new(0x5ea, id, voters, &network).compaction(often);
    /// ```
    pub fn compaction(self, compaction: Compaction) -> Self {
        Self { compaction, ..self }
    }

    /// How much waits at it.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// use seaworthy::Limits;
    ///
    /// let small = Limits { command_bytes: 1 << 10, ..Limits::default() };
    /// let builder = Builder::new(0x5ea, id, voters, &network).limits(small);
    /// ```
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How long a read looks for a leader before it fails: one second, if nothing is said.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// use std::time::Duration;
    ///
    /// let builder = Builder::new(0x5ea, id, voters, &network).read_timeout(Duration::from_secs(5));
    /// ```
    pub fn read_timeout(self, read_timeout: Duration) -> Self {
        Self { read_timeout, ..self }
    }

    /// Gives the state machine a thread of its own: for one that takes its time, which would otherwise hold up its node's heartbeats and
    /// acknowledgements. An answer comes a hand-over later then.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// let (id, voters) = (NodeId::new(1).unwrap(), NodeSet::first(3));
    /// let builder = Builder::new(7, id, voters, &Network::default()).state_thread(true);
    /// ```
    pub fn state_thread(self, state_thread: bool) -> Self {
        Self { state_thread, ..self }
    }

    /// Records whatever the protocol is fed, and what comes of it, step by step: a new file of this directory for each start of the node, which
    /// `docs/trace.md` describes and `seaworthy-conformance validate` judges. Only with the feature `trace`: each step costs a call of the
    /// system.
    ///
    /// A trace that cannot be written is told of by `tracing`, and ends there; the node goes on.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(1), Network::default());
    /// let directory = tempfile::tempdir()?;
    /// let raft = Builder::new(7, id, voters, &network).trace(directory.path()).start(sum::Sum(0))?;
    /// # while raft.propose(&1).wait().is_err() {}
    /// let trace = std::fs::read_to_string(directory.path().join("node-1-start-1.ndjson"))?;
    /// assert!(trace.starts_with(r#"{"format":1,"node":1,"starts":1,"config":{"voters":[1],"#));
    /// assert!(trace.contains(r#"{"input":"ElectionTimeout","after":{"term":1,"vote":1,"role":"candidate","#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "trace")]
    pub fn trace(self, directory: impl Into<PathBuf>) -> Self {
        Self { trace: Some(directory.into()), ..self }
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
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(3), Network::default());
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// use seaworthy::StartError;
    ///
    /// let stranger = NodeId::new(9).unwrap();
    /// let refused = Builder::new(0x5ea, stranger, voters, &network).start(sum::Sum(0));
    /// assert!(matches!(refused, Err(StartError::NoVoter(id)) if id == stranger));
    /// ```
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
        self.start_driven(state_machine, Turns)
    }

    /// The same, with a driver that decides when the node goes on: for tests that have a story happen to a node on its real threads, step
    /// by step. The driver alone knows what time it is for the node, and when something has arrived.
    ///
    /// ```
    /// # use seaworthy::{Builder, Network, NodeId, NodeSet};
    /// # mod sum { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sum.rs")); }
    /// use seaworthy::{BlockingWorld, Driver, NodeLoop, Stop};
    ///
    /// /// Every wait ends after a millisecond: for a node that is to be looked at often.
    /// struct Restless;
    ///
    /// impl Driver<sum::Sum> for Restless {
    ///     fn turn(&mut self, node: &mut NodeLoop<sum::Sum>, world: &mut impl BlockingWorld<sum::Sum>) -> Result<(), Stop> {
    ///         node.turn(world)
    ///     }
    ///
    ///     fn wait(&mut self, _: &NodeLoop<sum::Sum>, world: &mut impl BlockingWorld<sum::Sum>) {
    ///         world.wait(world.now() + std::time::Duration::from_millis(1));
    ///     }
    /// }
    ///
    /// let (id, voters, network) = (NodeId::new(1).unwrap(), NodeSet::first(1), Network::default());
    /// let raft = Builder::new(7, id, voters, &network).start_driven(sum::Sum(0), Restless)?;
    /// while raft.propose(&1).wait().is_err() {}
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn start_driven<S>(self, state_machine: S, driver: impl Driver<S>) -> Result<Raft<S>, StartError>
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
        let (disk, thread, identity, durable) = self.open_disk::<S>(&inbox)?;
        match self.start_on(config, disk, (identity, durable), (inbox, incoming), (state_machine, driver)) {
            Ok(running) => {
                running.threads.with(|threads| threads.disk = thread);
                Ok(Raft::new(running))
            }
            Err(error) => {
                // It was told to end when the way to it was dropped; when it has, the directory can be opened again.
                drop(thread.map(JoinHandle::join));
                Err(error)
            }
        }
    }

    /// Everything but the disk.
    fn start_on<S>(
        self,
        config: Config,
        disk: DiskEnd,
        (identity, durable): (Identity, Durable<Logged<S>>),
        (inbox, incoming): (Sender<Incoming<S>>, Receiver<Incoming<S>>),
        (state_machine, driver): (S, impl Driver<S>),
    ) -> Result<Running<S>, StartError>
    where
        S: StateMachine + Send + 'static,
        Logged<S>: Send + 'static,
        S::Response: Send + 'static,
    {
        let wire = match self.wire {
            Wire::Memory(network) => WireEnd::Memory(join(network, self.id, inbox.clone())),
            Wire::Tcp { addresses, listener } => {
                let pins = match self.directory {
                    Some(path) => Pins::open(path.join(PEERS), &identity),
                    None => Ok(Pins::in_memory()),
                };
                let pins = pins.map_err(|error| StartError::Peers(error.into()))?;
                WireEnd::Tcp(listen(identity, addresses, listener, pins, inbox.clone())?)
            }
        };
        let transport = match &wire {
            WireEnd::Memory(_) => Guarded::new(TransportCounters::default()),
            WireEnd::Tcp(tcp) => tcp.shared_counters(),
        };
        let orders = disk.orders();
        let (deeds, to_do) = self.state_thread.then(|| mailbox(usize::MAX)).unzip();
        let mut world = Surroundings::new(self.id, (inbox.clone(), incoming), disk, wire, deeds);
        let settings = Settings {
            config,
            timing: self.timing,
            compaction: self.compaction,
            limits: self.limits,
            read_timeout: self.read_timeout,
        };
        let (node, state) = match to_do {
            None => {
                let started =
                    NodeLoop::start(self.id, identity.starts, durable, state_machine, settings, &mut world);
                (started.map_err(StartError::Stop)?, None)
            }
            Some(to_do) => {
                let started = NodeLoop::start_apart(self.id, identity.starts, durable, settings, &mut world);
                let employer = Employer { id: self.id, node: inbox.clone(), disk: orders };
                let name = format!("seaworthy-{}-state", self.id.get());
                let work = move || run_state_machine(Applier::new(state_machine), to_do, employer);
                (started.map_err(StartError::Stop)?, Some(spawn(name, work)?))
            }
        };
        // Before the first step.
        #[cfg(feature = "trace")]
        let node = match &self.trace {
            Some(directory) => node.recorded(directory, identity.starts),
            None => node,
        };
        let (status, applied) = (Published::new(node.status()), Watermark::new());
        let counters = Guarded::new(node.counters());
        let display =
            Display { status: status.clone(), applied: applied.clone(), counters: counters.clone() };
        let name = format!("seaworthy-{}", self.id.get());
        let node = spawn(name, move || run_node(node, world, display, driver))?;
        let threads = Guarded::new(Threads { node: Some(node), state, disk: None });
        Ok(Running { inbox, status, applied, threads, counters, transport })
    }

    #[expect(clippy::type_complexity, reason = "four things that come of one")]
    fn open_disk<S>(
        &self,
        inbox: &Sender<Incoming<S>>,
    ) -> Result<(DiskEnd, Option<JoinHandle<()>>, Identity, Durable<Logged<S>>), StartError>
    where
        S: StateMachine + Send + 'static,
        Logged<S>: Send + 'static,
        S::Response: Send + 'static,
    {
        let Some(path) = &self.directory else {
            let (cluster, directory) = (self.cluster, rand::rng().random());
            let identity = Identity { cluster, node: self.id, directory, starts: 1 };
            return Ok((DiskEnd::Memory(MemoryDisk::default()), None, identity, Durable::default()));
        };
        let (wal, recovery) = Wal::open::<Logged<S>>(Directory::open(path)?, self.layout)?;
        let identity = *wal.identity();
        let Identity { cluster, node, .. } = identity;
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
        Ok((DiskEnd::Thread { orders, snapshots }, Some(thread), identity, recovery.durable))
    }
}

/// Where a node's messages go.
#[derive(Debug)]
enum Wire {
    Memory(Network),
    Tcp { addresses: BTreeMap<NodeId, String>, listener: Option<TcpListener> },
}

/// Has a network in memory bring a node what is sent to it.
fn join<S>(network: Network, id: NodeId, inbox: Sender<Incoming<S>>) -> Network
where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    let buffers = network.buffers().clone();
    let deliver = move |frame: &[u8]| {
        // Too much: lost, like any message may be. Gone: likewise.
        let _ = inbox.try_push_weighing(Incoming::Frame(buffers.copy(frame)), frame.len());
    };
    network.join(id, Arc::new(deliver));
    network
}

/// Has connections bring a node what is sent to it. Where it has no room, they wait.
fn listen<S>(
    identity: Identity,
    addresses: BTreeMap<NodeId, String>,
    listener: Option<TcpListener>,
    pins: Pins,
    inbox: Sender<Incoming<S>>,
) -> Result<Tcp, StartError>
where
    S: StateMachine + 'static,
    Logged<S>: Send + 'static,
    S::Response: Send,
{
    let address = addresses.get(&identity.node).cloned().unwrap_or_default();
    let failing = |source| StartError::Listen { address: address.clone(), source };
    let listener = listener.map_or_else(|| TcpListener::bind(&address), Ok).map_err(failing)?;
    let deliver = move |Received { envelope, chunk, weight }: Received<Logged<S>>| match inbox
        .push_weighing(Incoming::Message { envelope, chunk }, weight)
    {
        Ok(()) => Delivered::Taken,
        Err(_) => Delivered::Closed,
    };
    Tcp::start(TcpSettings::new(identity, rand::rng().random()), listener, addresses, pins, deliver)
        .map_err(failing)
}

fn spawn<T: Send + 'static>(
    name: String,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    thread::Builder::new().name(name).spawn(work).map_err(StartError::Thread)
}
