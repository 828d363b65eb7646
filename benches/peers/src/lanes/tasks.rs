//! Libraries with threads or tasks of their own; where they are tasks, a client is one too, on the same workers.

use crate::measure::{Failure, Latencies, Load};
use seaworthy_benches::workload::{Command, payload};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A log is compacted whenever so many entries have come: of libraries that see to that themselves.
pub(crate) const COMPACT_EVERY: u64 = 131_072;

/// What stays of a log then. Their leaders do not wait for the slower follower. One whose thread gets no processor for a tenth of a
/// second is a hundred thousand entries behind, and with less it would take a snapshot, and would not have done the work.
pub(crate) const KEEP: u64 = 131_072;

/// As many as the machine of the figures has cores.
const WORKERS: usize = 2;

/// The workers of nodes and clients.
///
/// # Errors
///
/// If the system has no threads.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?)
}

/// As many tasks as there are to be proposals under way: each proposes and waits, again and again, until the numbers are used up.
/// `write` answers the index of the entry in the log; the highest of them is the answer.
///
/// # Errors
///
/// What the first to fail says.
pub(crate) async fn closed_loop<W, A>(
    numbers: Range<u64>,
    load: Load,
    latencies: &mut Latencies,
    write: W,
) -> Result<u64, Failure>
where
    W: Fn(Command) -> A + Clone + Send + 'static,
    A: Future<Output = Result<u64, Failure>> + Send,
{
    let (next, end) = (Arc::new(AtomicU64::new(numbers.start)), numbers.end);
    let expected = usize::try_from((numbers.end - numbers.start) / load.in_flight)? * 2;
    let client = || {
        let (next, write) = (Arc::clone(&next), write.clone());
        tokio::spawn(async move {
            let mut took: Vec<Duration> = Vec::with_capacity(expected);
            let mut last = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return Ok::<_, Failure>((last, took));
                }
                let began = Instant::now();
                last = write(payload(number, load.payload)).await?;
                took.push(began.elapsed());
            }
        })
    };
    let clients: Vec<_> = (0..load.in_flight).map(|_| client()).collect();
    let mut last = 0;
    for client in clients {
        let (index, took) = client.await??;
        last = last.max(index);
        took.into_iter().for_each(|took| latencies.record(took, 1));
    }
    Ok(last)
}
