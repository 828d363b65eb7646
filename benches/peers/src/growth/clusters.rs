//! The points at which a cluster is under a load: more nodes, larger payloads, more proposers.

use super::results::{Curve, Figures, Point, Way, figures};
use crate::lanes;
use crate::lanes::one_thread::OneThread;
use crate::lanes::tasks::{self, closed_loop};
use crate::measure::{Cluster, Failure, Latencies, Load, Measured, measure_warm};
use crate::peers::seaworthy::{COMPACTION, Seaworthy};
use crate::peers::seaworthy_core::SeaworthyCore;
use seaworthy::{Compaction, Index, Raw};
use seaworthy_benches::raft_core;
use seaworthy_benches::workload::{Checksum, Command};
use std::ops::Range;
use std::time::Instant;
use tokio::runtime::Runtime;

/// The bytes of a payload, where it is not about them.
pub(crate) const PAYLOAD: usize = 64;
/// So much of payloads a log keeps, and gets as much more before it is compacted: a follower whose thread gets no processor for a tenth
/// of a second misses about that.
const LOG_BYTES: u64 = 128 << 20;
/// How many times as long as a measurement the time before it may take. A cluster that has not filled its log by then makes so few entries
/// that it does not matter.
const WARM_UP: f64 = 5.0;
/// The least that it keeps.
const LOG_ENTRIES: u64 = 64;

/// A cluster under a load.
///
/// # Errors
///
/// Whatever keeps it from doing the work.
pub(crate) fn measure(point: &Point, seconds: f64) -> Result<Figures, Failure> {
    let payload = if point.curve == Curve::Payload { usize::try_from(point.at)? } else { PAYLOAD };
    let nodes = if point.curve == Curve::Nodes { u8::try_from(point.at)? } else { 3 };
    let load = Load { payload, in_flight: point.in_flight, entries: 0 };
    let measured = match (point.way, nodes) {
        (Way::Core, 1) => core::<1>(load, seconds),
        (Way::Core, 2) => core::<2>(load, seconds),
        (Way::Core, 3) => core::<3>(load, seconds),
        (Way::Core, 5) => core::<5>(load, seconds),
        (Way::Core, 7) => core::<7>(load, seconds),
        (Way::Core, 9) => core::<9>(load, seconds),
        (Way::Api, _) if point.curve == Curve::Proposers => {
            let (cluster, kept) = api(nodes, payload)?;
            warmed_up(Proposers { cluster, runtime: tasks::runtime()? }, 2 * kept, load, seconds)
        }
        (Way::Api, _) => {
            let (cluster, kept) = api(nodes, payload)?;
            warmed_up(cluster, 2 * kept, load, seconds)
        }
        (Way::Core | Way::Wal, _) => Err(format!("no {} of {nodes} nodes", point.name()).into()),
    };
    Ok(figures(&measured?))
}

/// How many entries a log keeps of those that a lane has it keep, so that payloads of this size fit.
fn kept(of_lane: u64, payload: usize) -> u64 {
    (LOG_BYTES / payload as u64).clamp(LOG_ENTRIES, of_lane)
}

fn core<const NODES: usize>(load: Load, seconds: f64) -> Result<Measured, Failure> {
    let keep = kept(lanes::KEEP, load.payload);
    let every = lanes::COMPACT_EVERY.min(keep);
    let compaction = raft_core::Compaction { every, keep };
    let cluster = OneThread::of(SeaworthyCore::<Command>::cluster::<NODES>(Some(compaction)));
    warmed_up(cluster, keep + every, load, seconds)
}

/// So many nodes, and how many entries they keep.
fn api(nodes: u8, payload: usize) -> Result<(Seaworthy, u64), Failure> {
    let keep = kept(COMPACTION.keep, payload);
    let every = COMPACTION.every.min(keep);
    let compaction = Compaction { every, keep, keep_for_slow: 8 * keep };
    Ok((Seaworthy::some_in_memory(nodes, compaction)?, keep))
}

/// Lets a cluster work until its log is as long as it ever gets, unless that takes too long, and one knows how fast it is; then times it for
/// so many seconds.
fn warmed_up(mut cluster: impl Cluster, least: u64, load: Load, seconds: f64) -> Result<Measured, Failure> {
    let (mut done, mut entries, mut ignored) = (0, load.in_flight, Latencies::new()?);
    let start = Instant::now();
    let rate = loop {
        let began = Instant::now();
        cluster.run(done..done + entries, &load, &mut ignored)?;
        let took = began.elapsed().as_secs_f64();
        done += entries;
        let is_enough = done >= least || start.elapsed().as_secs_f64() >= WARM_UP * seconds;
        if is_enough && took >= seconds / 10.0 {
            break entries as f64 / took;
        }
        entries *= 2;
    };
    // Far from what a float cannot hold.
    let entries: u64 = format!("{:.0}", rate * seconds).parse()?;
    measure_warm(cluster, done, &Load { entries: entries.max(load.in_flight), ..load })
}

/// Clients of which each waits for its answer before it proposes again: a task for each, on the workers of the lane *threads*.
struct Proposers {
    cluster: Seaworthy,
    runtime: Runtime,
}

impl Cluster for Proposers {
    type States = Vec<Checksum>;

    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure> {
        let leader = self.cluster.leader().clone();
        let write = move |command: Command| {
            let reply = leader.propose(&Raw(command));
            async move { Ok(reply.await?) }
        };
        let last = self.runtime.block_on(closed_loop(numbers, *load, latencies, write))?;
        self.cluster.wait_for_applied(Index(last))
    }

    fn finish(self) -> Result<Self::States, Failure> {
        self.cluster.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(curve: Curve, way: Way, at: u64, in_flight: u64) -> Point {
        Point { curve, way, at, in_flight, repetitions: Vec::new() }
    }

    #[test]
    fn clusters_of_every_size_do_the_work() {
        for nodes in [1, 2, 3, 5, 7, 9] {
            let figures = measure(&point(Curve::Nodes, Way::Core, nodes, 64), 0.001);
            assert!(figures.is_ok_and(|it| it[&super::super::results::Figure::Entry] > 0.0), "{nodes}");
        }
        assert!(measure(&point(Curve::Nodes, Way::Core, 4, 64), 0.001).is_err());
        assert!(measure(&point(Curve::Nodes, Way::Api, 5, 64), 0.001).is_ok());
        assert!(measure(&point(Curve::Proposers, Way::Api, 100, 100), 0.001).is_ok());
    }

    #[test]
    fn logs_keep_less_of_what_is_large() {
        assert_eq!([16, 64, 1 << 10, 1 << 20].map(|it| kept(8_192, it)), [8_192, 8_192, 8_192, 128]);
        assert_eq!(kept(8_192, 64 << 20), LOG_ENTRIES);
    }
}
