//! What is measured of a cluster, and that it did the work.

use crate::disk::ceiling::ceiling;
use crate::machine::{busy_time, sleeps};
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use seaworthy_benches::workload::Checksum;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// What goes wrong with a measurement. It fails as a whole: none is dropped.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// So many entries come before a measurement: three times what a segment has room for, and what any log here holds before a part of it is
/// forgotten, but for openraft's.
const FILLING: u64 = 98_304;
/// Never as few at a time as in some measurements: one by one, with a disk, they would take a quarter of a minute.
const FILLING_IN_FLIGHT: u64 = 1_024;

/// What a cluster is asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    /// The bytes of each entry.
    pub(crate) payload: usize,
    /// How many proposals are under way at a time: the next follows when one of them is answered.
    pub(crate) in_flight: u64,
    /// How many entries are timed. Some precede them: [`warm_up`](Self::warm_up).
    pub(crate) entries: u64,
}

impl Load {
    /// How many entries precede those that are timed, under the same load: enough for each place in flight to have been taken many times,
    /// for memory that is taken for the first time is cleared by the system, and how much there is of it in the end depends on who frees
    /// what when. With a disk, 1 KiB and 8,192 in flight, a process took more for most of a second: seaworthy's core took 1,568 ns an entry
    /// after eight times, 1,220 after 32 times, and 1,311 and 1,280 where four times as many were timed (medians of seven, 2026-11-27).
    pub(crate) fn warm_up(&self) -> u64 {
        (self.entries / 10 + 1).max(32 * self.in_flight)
    }
}

/// Nodes of some library, one of which leads: three of them, where it is not about their number.
pub(crate) trait Cluster {
    /// What the state machines of all nodes came to.
    type States: AsRef<[Checksum]>;

    /// Proposes the entries of these numbers, and returns once all nodes have applied them.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from that.
    fn run(&mut self, numbers: Range<u64>, load: &Load, latencies: &mut Latencies) -> Result<(), Failure>;

    /// How many syncs of their logs the disks of all three have done so far, and how many bytes they have written to them. Nothing where
    /// there is no disk.
    fn disk_so_far(&self) -> Option<(u64, u64)> {
        None
    }

    /// Stops, and tells what the state machines came to.
    ///
    /// # Errors
    ///
    /// Whatever was noticed to be wrong, such as a follower that did not apply entries but took a snapshot.
    fn finish(self) -> Result<Self::States, Failure>;
}

/// A minute, in nanoseconds: what takes longer counts as that.
const LONGEST: u64 = 60_000_000_000;

/// How long proposals took, from the moment they were made until the proposer was told that the leader had applied them.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Histogram::new_with_bounds(1, LONGEST, 3)?))
    }

    /// Counts some proposals that took this long.
    pub(crate) fn record(&mut self, took: Duration, count: u64) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record_n(nanoseconds, count);
    }

    /// The longest.
    pub(crate) fn microseconds_max(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }

    /// Forgets them.
    pub(crate) fn forget(&mut self) {
        self.0.reset();
    }

    fn microseconds_at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// What came of a measurement.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    /// From the first proposal until all nodes had applied the last.
    pub(crate) wall_ns_per_entry: f64,
    /// Of all threads of the process.
    pub(crate) cpu_ns_per_entry: f64,
    /// How much of the machine was busy with something else, in percent: wall times mean little where that is much. Nothing where the
    /// system does not tell.
    pub(crate) others_percent: Option<f64>,
    /// The median latency.
    pub(crate) p50_us: f64,
    /// One in a hundred took longer.
    pub(crate) p99_us: f64,
    /// One in a thousand took longer.
    pub(crate) p999_us: f64,
    /// How often a thread of the process went to sleep: each time another must wake it. Nothing where the system does not tell, and
    /// in older figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sleeps_per_entry: Option<f64>,
    /// What the disks did; nothing in lanes without disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disk: Option<DiskUse>,
}

/// What a disk did, on the average of the three.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct DiskUse {
    /// Syncs of the log.
    pub(crate) syncs_per_entry: f64,
    /// Bytes written to the log, whatever stands around a payload included.
    pub(crate) bytes_per_entry: f64,
    /// Bytes a second that each of three writers gets durable if it writes as many bytes of payload with each sync, and does nothing else.
    pub(crate) ceiling_bytes_per_second: f64,
    /// How much of that the payloads of this measurement are.
    pub(crate) ceiling_percent: f64,
}

/// How long the ceiling is measured.
const CEILING: Duration = Duration::from_millis(200);

impl DiskUse {
    /// Of so many syncs and bytes of all three disks.
    fn of((syncs, bytes): (u64, u64), load: &Load, wall: Duration) -> Result<Self, Failure> {
        let entries = load.entries as f64;
        let payloads = load.payload as f64 * entries;
        // How much each of the three syncs at a time.
        let batch = (3.0 * payloads / syncs as f64).max(load.payload as f64);
        let ceiling = ceiling(format!("{batch:.0}").parse()?, CEILING)?;
        Ok(Self {
            syncs_per_entry: syncs as f64 / 3.0 / entries,
            bytes_per_entry: bytes as f64 / 3.0 / entries,
            ceiling_bytes_per_second: ceiling,
            ceiling_percent: 100.0 * payloads / wall.as_secs_f64() / ceiling,
        })
    }
}

impl Measured {
    /// The same as a rate.
    pub(crate) fn entries_per_second(&self) -> f64 {
        1e9 / self.wall_ns_per_entry
    }
}

/// Warms a cluster up, times it, and looks whether it did the work.
///
/// # Errors
///
/// Whatever the cluster says; or that its state machines are not what they must be.
pub(crate) fn measure(mut cluster: impl Cluster, load: &Load) -> Result<Measured, Failure> {
    cluster.run(0..load.warm_up(), load, &mut Latencies::new()?)?;
    measure_warm(cluster, load.warm_up(), load)
}

/// The same of a cluster that has worked for a while: its log is as long as it gets and its memory taken; with a disk, the space of its
/// first segments is used again.
///
/// # Errors
///
/// Likewise.
pub(crate) fn measure_filled(mut cluster: impl Cluster, load: &Load) -> Result<Measured, Failure> {
    let mut ignored = Latencies::new()?;
    cluster.run(0..FILLING, &Load { in_flight: FILLING_IN_FLIGHT, ..*load }, &mut ignored)?;
    let before = FILLING + load.warm_up();
    cluster.run(FILLING..before, load, &mut ignored)?;
    measure_warm(cluster, before, load)
}

/// Times a cluster that has done so many entries before, and looks whether it did the work.
///
/// # Errors
///
/// Likewise.
pub(crate) fn measure_warm(mut cluster: impl Cluster, before: u64, load: &Load) -> Result<Measured, Failure> {
    let total = before + load.entries;
    let mut latencies = Latencies::new()?;
    let disk_before = cluster.disk_so_far();
    let slept_before = sleeps();
    let (began, cpu_before, busy_before) = (Instant::now(), cpu_time(), busy_time());
    cluster.run(before..total, load, &mut latencies)?;
    let (wall, cpu, busy) = (began.elapsed(), cpu_time() - cpu_before, busy_time());
    let slept = sleeps().zip(slept_before).map(|(now, before)| now.saturating_sub(before));
    let disk = cluster.disk_so_far().zip(disk_before);
    let disk = disk.map(|(now, before)| (now.0 - before.0, now.1 - before.1));
    check(cluster.finish()?.as_ref(), &Checksum::after(total, load.payload))?;
    if latencies.0.len() != load.entries {
        return Err(format!("{} answers for {} entries", latencies.0.len(), load.entries).into());
    }
    let others = busy.zip(busy_before).map(|(now, before)| now.saturating_sub(before).saturating_sub(cpu));
    let machine = wall * u32::try_from(thread::available_parallelism()?.get())?;
    // Its files are gone by now.
    let disk = disk.map(|used| DiskUse::of(used, load, wall)).transpose()?;
    let per_entry = |time: Duration| time.as_secs_f64() * 1e9 / load.entries as f64;
    Ok(Measured {
        wall_ns_per_entry: per_entry(wall),
        cpu_ns_per_entry: per_entry(cpu),
        others_percent: others.map(|others| 100.0 * others.as_secs_f64() / machine.as_secs_f64()),
        p50_us: latencies.microseconds_at(0.5),
        p99_us: latencies.microseconds_at(0.99),
        p999_us: latencies.microseconds_at(0.999),
        sleeps_per_entry: slept.map(|slept| slept as f64 / load.entries as f64),
        disk,
    })
}

/// All the same, and each entry once. Where clients race the order is the log's, and only the replicas know it.
fn check(states: &[Checksum], expected: &Checksum) -> Result<(), Failure> {
    if states.iter().any(|state| *state != states[0]) {
        return Err(format!("the replicas differ: {states:?}").into());
    }
    if !states[0].has_applied_the_same(expected) {
        return Err(format!("the replicas have {:?}, not {expected:?}", states[0]).into());
    }
    Ok(())
}

/// What all threads of this process have used so far.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_differ_or_lack_something_are_no_measurement() {
        let expected = Checksum::after(3, 64);
        assert!(check(&[expected; 3], &expected).is_ok());
        assert!(check(&[expected, Checksum::after(2, 64), expected], &expected).is_err());
        assert!(check(&[Checksum::after(2, 64); 3], &expected).is_err());
        assert!(check(&[Checksum::after(3, 72); 3], &expected).is_err());
    }
}
