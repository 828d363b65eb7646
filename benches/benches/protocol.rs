//! A step of the protocol, without I/O: a proposal on its way to all state machines, and what a follower does with one AppendEntries.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench protocol
//! ```
//!
//! Commands and messages are made before the clock runs, and dropped after it has stopped. Disks complete at once.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use seaworthy_benches::follower::{self, AGREED, Follower};
use seaworthy_benches::one_thread::Cluster;
use seaworthy_benches::raft_core::{InPlace, RaftCore};
use seaworthy_benches::workload::{Checksum, Command, payload};
use seaworthy_protocol::{AppendOutcome, Index};
use std::hint::black_box;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAYLOAD: usize = 64;
/// A fresh cluster commits this many. `boundary.rs` says why no more.
const ENTRIES: u64 = 2_048;

type Fresh<const NODES: usize> = (Cluster<RaftCore<InPlace>, NODES>, Vec<Command>);

/// From a proposal until all nodes have applied it, in clusters of so many.
fn propose_to_commit<const NODES: usize>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("propose to commit, {NODES} nodes"));
    group.throughput(Throughput::Elements(ENTRIES));
    for in_flight in [1, 64] {
        let mut cluster = fresh();
        carry(&mut cluster, in_flight);
        assert_eq!(*cluster.0.state_machines(), [Checksum::after(ENTRIES, PAYLOAD); NODES]);
        let run = |cluster: &mut Fresh<NODES>| carry(cluster, in_flight);
        group.bench_function(BenchmarkId::new("in flight", in_flight), |bencher| {
            bencher.iter_batched_ref(fresh, run, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn fresh<const NODES: usize>() -> Fresh<NODES> {
    (Cluster::new(RaftCore::cluster()), (0..ENTRIES).map(|number| payload(number, PAYLOAD)).collect())
}

fn carry<const NODES: usize>((cluster, commands): &mut Fresh<NODES>, in_flight: u64) {
    let mut commands = commands.drain(..);
    cluster.carry(ENTRIES, in_flight, |_| black_box(commands.next().expect("one for each proposal")));
}

/// What a follower makes of one message: it appends, or overwrites what another leader left, or refuses.
fn append_entries(criterion: &mut Criterion) {
    for count in [1, 16, 256] {
        let mut group = criterion.benchmark_group(format!("AppendEntries of {count}"));
        group.throughput(Throughput::Elements(count));
        let matched = AppendOutcome::Matched(Index(AGREED + count));
        let (hint, prev_log_index) = (follower::agreed(), follower::unknown().index);
        let refused = AppendOutcome::Conflict { prev_log_index, hint };
        for (name, left_behind, prev_log, outcome) in [
            ("appends", 0, follower::agreed(), matched),
            ("overwrites as many", count, follower::agreed(), matched),
            ("refuses", 0, follower::unknown(), refused),
        ] {
            let setup = || {
                let entries = follower::new_entries(count, PAYLOAD);
                (Follower::new(left_behind, PAYLOAD), Some(follower::append_after(prev_log, entries)))
            };
            let receive = |(follower, message): &mut (Follower, Option<_>)| {
                follower.receive(black_box(message.take().expect("one message for each follower")));
            };
            let mut tried = setup();
            receive(&mut tried);
            assert_eq!(tried.0.answer(), Some(outcome), "{name}");
            group.bench_function(name, |bencher| {
                bencher.iter_batched_ref(setup, receive, BatchSize::SmallInput);
            });
        }
        group.finish();
    }
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    propose_to_commit::<3>(&mut criterion);
    propose_to_commit::<5>(&mut criterion);
    append_entries(&mut criterion);
    criterion.final_summary();
}
