//! seaworthy as its users have it: `Builder`, `Network`, `Raft`, with everything in memory or in directories. Its messages and its log are
//! encoded.

use super::seaworthy_core::window_of_large_payloads;
use crate::disk::{layout, place};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy::wal::Layout;
use seaworthy::{
    Builder, Compaction, Config, Index, Limits, Network, NodeSet, ProposeError, Raft, Raw, Reply,
    StateMachine, Timing,
};
use seaworthy_benches::disk_log::Place;
use seaworthy_benches::workload::{Checksum, Command, payload};
use seaworthy_protocol::Window;
use std::collections::VecDeque;
use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// A follower has applied a snapshot in the place of entries.
pub(crate) const SKIPPED: &str = "a follower took a snapshot in the place of entries";

/// The state machine of all, as this library's users write it.
#[derive(Default)]
pub(crate) struct Applying(Checksum);

impl StateMachine for Applying {
    type Command = Raw<Command>;
    type Response = u64;

    fn apply(&mut self, index: Index, Raw(payload): Self::Command) -> u64 {
        self.0.apply(&payload);
        index.0
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let parts = self.0.to_parts();
        move |out| parts.iter().for_each(|part| out.extend_from_slice(&part.to_le_bytes()))
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(SKIPPED.into())
    }
}

/// Some nodes and the number of the one that leads.
pub(crate) struct Seaworthy {
    nodes: Vec<Raft<Applying>>,
    leader: usize,
    /// Where their directories are.
    place: Option<Place>,
}

/// What is sent to a follower before it has answered: as much as the processor's caches hold, rather than as much as there is.
fn window(config: Config) -> Config {
    let window = |entries, bytes| {
        Some(Window { entries: NonZeroUsize::new(entries)?, bytes: NonZeroUsize::new(bytes)? })
    };
    config.with_window(window(1 << 14, 4 << 20))
}

/// More than is ever in flight; what a slower follower lacks beside that, the leader keeps by itself.
pub(crate) const COMPACTION: Compaction = Compaction { every: 4_096, keep: 16_384, keep_for_slow: 131_072 };

/// Where each snapshot is a file that is synced.
const COMPACTION_ON_DISK: Compaction = Compaction { every: 16_384, ..COMPACTION };

/// What nodes are set to.
struct Settings {
    nodes: u8,
    compaction: Compaction,
    window: fn(Config) -> Config,
    /// When an election begins at the soonest and at the latest.
    elections_ms: (u64, u64),
}

impl Default for Settings {
    /// Three as the lanes have them, in memory.
    fn default() -> Self {
        Self { nodes: 3, compaction: COMPACTION, window, elections_ms: (500, 1_000) }
    }
}

impl Seaworthy {
    /// Starts three in memory.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn in_memory() -> Result<Self, Failure> {
        Self::start(&Settings::default(), None)
    }

    /// Starts so many in memory, for payloads of any size.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn some_in_memory(nodes: u8, compaction: Compaction) -> Result<Self, Failure> {
        // Elections are rarer still: in a node that moves much memory at once, nothing else may happen for a second.
        let elections_ms = (2_000, 3_000);
        let settings = Settings { nodes, compaction, window: window_of_large_payloads, elections_ms };
        Self::start(&settings, None)
    }

    /// Makes the directories of three.
    ///
    /// # Errors
    ///
    /// If there are any, or no room.
    pub(crate) fn init(directory: &Path) -> Result<(), Failure> {
        for id in NodeSet::first(3).iter() {
            seaworthy::init(&directory.join(id.to_string()), 1, id)?;
        }
        Ok(())
    }

    /// Starts three in directories that were made, for payloads of so many bytes.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn open(directory: &Path, payload: usize) -> Result<Self, Failure> {
        let settings = Settings { compaction: COMPACTION_ON_DISK, ..Settings::default() };
        Self::start(&settings, Some((directory, layout(payload))))
    }

    /// Proposes one, and waits until it is answered.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub(crate) fn propose(&self, number: u64, size: usize) -> Result<(), Failure> {
        self.nodes[self.leader].propose(&Raw(payload(number, size))).wait()?;
        Ok(())
    }

    /// Starts three in directories of their own, for payloads of so many bytes.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn in_directories(payload: usize) -> Result<Self, Failure> {
        let place = place();
        let directory = place.join("nodes");
        Self::init(&directory)?;
        Ok(Self { place: Some(place), ..Self::open(&directory, payload)? })
    }

    /// Starts them, and waits for a leader.
    fn start(settings: &Settings, disk: Option<(&Path, Layout)>) -> Result<Self, Failure> {
        let Settings { nodes, compaction, window, elections_ms: (soonest, latest) } = *settings;
        let (network, voters) = (Network::default(), NodeSet::first(nodes));
        let ms = Duration::from_millis;
        // Heartbeats are frequent, as followers hear of the last commit by one; elections are rare, whatever else the machine does.
        let timing = Timing::new(ms(10), ms(soonest), ms(latest))?;
        let start = |id| {
            let mut builder = Builder::new(1, id, voters, &network)
                .compaction(compaction)
                .limits(Limits { proposals: 1 << 20, ..Limits::default() })
                .timing(timing)
                .config(window);
            if let Some((directory, layout)) = disk {
                builder = builder.directory(directory.join(id.to_string())).layout(layout);
            }
            Ok::<_, Failure>(builder.start(Applying::default())?)
        };
        let nodes: Vec<_> = voters.iter().map(start).collect::<Result<_, _>>()?;
        let mut leadership = nodes[0].leadership();
        let leader = loop {
            if let Some(id) = leadership.wait()?.id {
                break usize::from(id.get()) - 1;
            }
        };
        Ok(Self { nodes, leader, place: None })
    }
}

/// A proposal that is under way.
type Pending = (Instant, Reply<u64, ProposeError>);

/// Waits for the answer, which is where the log has the entry.
fn take((began, reply): Pending, latencies: &mut Latencies) -> Result<Index, Failure> {
    let index = reply.wait()?;
    latencies.record(began.elapsed(), 1);
    Ok(Index(index))
}

impl Seaworthy {
    /// The node that leads.
    pub(crate) fn leader(&self) -> &Raft<Applying> {
        &self.nodes[self.leader]
    }

    /// Waits until all have applied an entry.
    ///
    /// # Errors
    ///
    /// If one has stopped.
    pub(crate) fn wait_for_applied(&self, goal: Index) -> Result<(), Failure> {
        for node in &self.nodes {
            node.wait_for_applied(goal).wait()?;
        }
        Ok(())
    }

    fn try_run(&self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let leader = self.leader();
        let window = usize::try_from(load.in_flight)?;
        let mut under_way: VecDeque<Pending> = VecDeque::with_capacity(window);
        for number in numbers {
            if under_way.len() == window {
                if let Some(oldest) = under_way.pop_front() {
                    take(oldest, latencies)?;
                }
            }
            under_way.push_back((Instant::now(), leader.propose(&Raw(payload(number, load.payload)))));
        }
        let mut goal = Index(0);
        for pending in under_way {
            goal = goal.max(take(pending, latencies)?);
        }
        self.wait_for_applied(goal)
    }
}

impl Cluster for Seaworthy {
    type States = Vec<Checksum>;

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        self.try_run(numbers, load, latencies).map_err(|error| {
            // A node that has stopped says why to whoever stops it.
            let reasons = self.nodes.iter().filter_map(|node| node.shutdown().err());
            let reasons: Vec<String> = reasons.map(|reason| format!("{reason:?}")).collect();
            format!("{error}: {}", reasons.join(", ")).into()
        })
    }

    fn disk_so_far(&self) -> Option<(u64, u64)> {
        self.place.as_ref()?;
        let counters = self.nodes.iter().map(|node| node.metrics().counters);
        Some(counters.fold((0, 0), |(syncs, bytes), it| (syncs + it.batches, bytes + it.batch_bytes)))
    }

    fn finish(self) -> Result<Self::States, Failure> {
        let state = |node: &Raft<Applying>| Ok::<_, Failure>(node.read_stale(|machine| machine.0).wait()?);
        let states = self.nodes.iter().map(state).collect::<Result<_, _>>()?;
        self.nodes.iter().try_for_each(Raft::shutdown)?;
        Ok(states)
    }
}
