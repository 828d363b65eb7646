//! The points at which a log holds more and more: what an entry costs that comes to it, what one costs that a follower has missed, and what
//! it costs to look something up.

use super::results::{Figure, Figures};
use crate::lanes::one_thread::OneThread;
use crate::measure::{Cluster, Failure, Latencies, Load, cpu_time};
use crate::peers::seaworthy_core::SeaworthyCore;
use crate::statistics::spread;
use seaworthy_benches::workload::Command;
use seaworthy_protocol::{Entry, Index, Log, LogId, Term};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The bytes of a command: as few as there are in a header and a number, so that a hundred million of them fit.
const COMMAND: usize = 16;
/// Around a command: the counts of `Arc`.
const ARC: usize = 16;
/// How many terms are looked up.
const LOOK_UPS: u32 = 100_000;
/// How often logs are taken for ones that share nothing.
const CONFLICTS: u32 = 5;
/// Who misses entries.
const LATE: usize = 2;

/// The bytes of memory that three logs of so many entries take: each has its own entries, and room for as many more, which counts half, as
/// it is not touched before it is used; all of them share the commands.
pub(crate) const fn bytes(entries: u64) -> u64 {
    let of_log = size_of::<Entry<Command>>() * 3;
    entries * (of_log + of_log / 2 + COMMAND + ARC) as u64
}

/// A log that grows to so many entries and keeps them all, again and again, as many seconds as a measurement is to take.
///
/// # Errors
///
/// If the cluster is stuck.
pub(crate) fn measure(entries: u64, in_flight: u64, seconds: f64) -> Result<Figures, Failure> {
    let load = Load { payload: COMMAND, in_flight, entries };
    let (mut all, mut latencies, began) = (Vec::new(), Latencies::new()?, Instant::now());
    while all.is_empty() || began.elapsed().as_secs_f64() < seconds {
        all.push(grow(&load, &mut latencies)?);
    }
    let kinds =
        [Figure::Entry, Figure::Cpu, Figure::CatchUp, Figure::LookUp, Figure::Conflict, Figure::Pause];
    let median = |kind: Figure| spread(&all.iter().map(|figures| figures[&kind]).collect::<Vec<_>>()).median;
    Ok(kinds.map(|kind| (kind, median(kind))).into_iter().collect())
}

/// The last tenth of a log is the one that counts: a half of it with all nodes, a half with one that misses it at first.
fn grow(load: &Load, latencies: &mut Latencies) -> Result<Figures, Failure> {
    let (last, part) = (load.entries, load.entries / 20);
    let mut cluster = OneThread::of(SeaworthyCore::<Command>::cluster::<3>(None));
    latencies.forget();
    cluster.run(0..last - 2 * part, load, latencies)?;
    let (began, cpu) = (Instant::now(), cpu_time());
    cluster.run(last - 2 * part..last - part, load, latencies)?;
    let (entry, cpu) = (began.elapsed(), cpu_time() - cpu);
    let pause = latencies.microseconds_max();
    cluster.cut_off(Some(LATE));
    cluster.run(last - part..last, load, latencies)?;
    cluster.cut_off(None);
    let began = Instant::now();
    cluster.run(last..last, load, latencies)?;
    let catch_up = began.elapsed();
    let log = cluster.leader().log();
    // The first entry is the leader's own.
    if log.last_index() != Index(last + 1) || log.base() != LogId::default() {
        return Err(format!("the log ends at {:?}, not at {last}", log.last_index()).into());
    }
    let each = |time: Duration| time.as_secs_f64() * 1e9 / part as f64;
    let (look_up, conflict) = (look_up(log), conflict(log));
    let states = cluster.finish()?;
    if states.iter().any(|state| *state != states[0] || state.applied != last) {
        return Err(format!("the replicas have {states:?}").into());
    }
    Ok([
        (Figure::Entry, each(entry)),
        (Figure::Cpu, each(cpu)),
        (Figure::CatchUp, each(catch_up)),
        (Figure::LookUp, look_up),
        (Figure::Conflict, conflict),
        (Figure::Pause, pause),
    ]
    .into())
}

/// Nanoseconds for the term of an entry somewhere in the log.
fn look_up(log: &Log<Command>) -> f64 {
    let (last, mut somewhere) = (log.last_index().0, 1_u64);
    let began = Instant::now();
    for _ in 0..LOOK_UPS {
        // Knuth's MMIX: no order that a processor foresees.
        somewhere = somewhere.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        black_box(log.term_at(Index(1 + (somewhere >> 16) % last)));
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(LOOK_UPS)
}

/// Microseconds to find out that another log shares nothing with this one, though it is as long: all terms are looked at.
fn conflict(log: &Log<Command>) -> f64 {
    let other = LogId { term: Term(0), index: log.last_index() };
    let began = Instant::now();
    for _ in 0..CONFLICTS {
        black_box(log.last_agreeable(black_box(other)));
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(CONFLICTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_all_and_everything_about_it_is_measured() {
        let figures = measure(2_000, 64, 0.001).expect("it grows");
        assert!(figures.values().all(|figure| *figure > 0.0), "{figures:?}");
        assert_eq!(figures.len(), 6);
    }

    #[test]
    fn a_hundred_million_entries_ask_for_fourteen_gigabytes() {
        assert_eq!(bytes(100_000_000), 14_000_000_000);
    }
}
