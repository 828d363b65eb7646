//! seaworthy as its users have it: `Builder`, `Network`, `Raft`, everything in memory. Its messages and its log are encoded.

use super::seaworthy_core::wide_window;
use crate::lanes::tasks::{COMPACT_EVERY, KEEP};
use crate::measure::{Cluster, Failure, Latencies, Load};
use seaworthy::{
    Builder, Compaction, Index, Limits, Network, NodeSet, ProposeError, Raft, Raw, Reply, StateMachine,
    Timing,
};
use seaworthy_benches::workload::{Checksum, Command, payload};
use std::collections::VecDeque;
use std::error::Error;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A follower has applied a snapshot in the place of entries.
pub(crate) const SKIPPED: &str = "a follower took a snapshot in the place of entries";

/// The state machine of all, as this library's users write it.
#[derive(Default)]
struct Applying(Checksum);

impl StateMachine for Applying {
    type Command = Raw<Command>;
    type Response = u64;

    fn apply(&mut self, _: Index, Raw(payload): Self::Command) -> u64 {
        self.0.apply(&payload);
        self.0.applied
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let parts = self.0.to_parts();
        move |out| parts.iter().for_each(|part| out.extend_from_slice(&part.to_le_bytes()))
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(SKIPPED.into())
    }
}

/// Three nodes and the number of the one that leads.
pub(crate) struct Seaworthy {
    nodes: Vec<Raft<Applying>>,
    leader: usize,
}

impl Seaworthy {
    /// Starts them, and waits for a leader.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from starting.
    pub(crate) fn start() -> Result<Self, Failure> {
        let (network, voters) = (Network::default(), NodeSet::first(3));
        let ms = Duration::from_millis;
        // Heartbeats are frequent, as followers hear of the last commit by one; elections are rare, whatever else the machine does.
        let timing = Timing::new(ms(10), ms(500), ms(1_000))?;
        let start = |id| {
            Builder::new(1, id, voters, &network)
                .compaction(Compaction { every: COMPACT_EVERY, keep: KEEP })
                .limits(Limits { proposals: 1 << 20, ..Limits::default() })
                .timing(timing)
                .config(wide_window)
                .start(Applying::default())
        };
        let nodes: Vec<_> = voters.iter().map(start).collect::<Result<_, _>>()?;
        let mut leadership = nodes[0].leadership();
        let leader = loop {
            if let Some(id) = leadership.wait()?.id {
                break usize::from(id.get()) - 1;
            }
        };
        Ok(Self { nodes, leader })
    }
}

/// A proposal that is under way.
type Pending = (Instant, Reply<u64, ProposeError>);

fn take((began, reply): Pending, latencies: &mut Latencies) -> Result<(), Failure> {
    reply.wait()?;
    latencies.record(began.elapsed(), 1);
    Ok(())
}

impl Seaworthy {
    fn try_run(&self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let leader = &self.nodes[self.leader];
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
        under_way.into_iter().try_for_each(|pending| take(pending, latencies))?;
        let goal = leader.status().applied;
        for node in &self.nodes {
            node.wait_for_applied(goal).wait()?;
        }
        Ok(())
    }
}

impl Cluster for Seaworthy {
    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        self.try_run(numbers, load, latencies).map_err(|error| {
            // A node that has stopped says why to whoever stops it.
            let reasons = self.nodes.iter().filter_map(|node| node.shutdown().err());
            let reasons: Vec<String> = reasons.map(|reason| format!("{reason:?}")).collect();
            format!("{error}: {}", reasons.join(", ")).into()
        })
    }

    fn finish(self) -> Result<[Checksum; 3], Failure> {
        let mut states = [Checksum::default(); 3];
        for (state, node) in states.iter_mut().zip(&self.nodes) {
            *state = node.read_stale(|machine| machine.0).wait()?;
        }
        self.nodes.iter().try_for_each(Raft::shutdown)?;
        Ok(states)
    }
}
