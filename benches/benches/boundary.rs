//! What the boundary between protocol and world costs: three nodes in one thread, 64-byte payloads, 64 proposals in flight,
//! each committed and applied on all three. Beside it the null core.
//!
//! ```text
//! cargo bench --package seaworthy-benches --bench boundary
//! ```

use criterion::{BatchSize, Criterion, Throughput};
use seaworthy_benches::null_core::NullCore;
use seaworthy_benches::one_thread::{Cluster, Core};
use seaworthy_benches::raft_core::{InPlace, RaftCore, Shared};
use seaworthy_benches::workload::Command;
use seaworthy_protocol::Recording;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A fresh cluster runs this many. No core here forgets its log yet, and a log of more than 128 KiB would measure how the
/// system allocator grows it, by a page fault for every 4 KiB.
const ENTRIES: u64 = 2_048;
const PAYLOAD: usize = 64;

fn boundary(criterion: &mut Criterion) {
    for in_flight in [1, 64, 1024] {
        measure(criterion, "null core", in_flight, NullCore::three);
        measure(criterion, "sink", in_flight, RaftCore::<InPlace>::three);
        measure(criterion, "struct", in_flight, RaftCore::<Recording<_>>::three);
        measure(criterion, "struct, shared entries", in_flight, RaftCore::<Shared>::three);
    }
}

fn measure<C: Core<Command = Command>>(
    criterion: &mut Criterion,
    name: &str,
    in_flight: u64,
    three: impl Fn() -> [C; 3],
) {
    let mut group = criterion.benchmark_group(format!("{in_flight} in flight"));
    group.throughput(Throughput::Elements(ENTRIES));
    let fresh = || Cluster::new(three());
    let run = |cluster: &mut Cluster<C>| cluster.run(ENTRIES, in_flight, PAYLOAD);
    group.bench_function(name, |bencher| bencher.iter_batched_ref(fresh, run, BatchSize::LargeInput));
    group.finish();
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    boundary(&mut criterion);
    criterion.final_summary();
}
