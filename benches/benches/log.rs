//! The log of one node, in memory: the one gate through which it changes, and the question that is asked most.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench log
//! ```
//!
//! It changes by `Durable::redo`, as it does in every node: there is no other way in. Logs and writes are made before the clock runs, and
//! dropped after it has stopped; a log that grows asks the allocator for more room now and then, which is part of the matter.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use seaworthy_benches::disk_log::entries;
use seaworthy_benches::workload::Command;
use seaworthy_protocol::{Durable, Entry, Index, LogId, Snapshot, Term, Write};
use std::hint::black_box;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAYLOAD: usize = 64;
/// How many entries a log has, or comes to have.
const LONG: usize = 16_384;

type Change = Write<Vec<Entry<Command>>>;

fn long_log() -> Durable<Command> {
    let mut durable = Durable::default();
    redo(&mut durable, Write::Append { after: Index(0), entries: entries(LONG, PAYLOAD) });
    durable
}

fn redo(durable: &mut Durable<Command>, write: Change) {
    assert!(durable.redo(black_box(write)), "a write follows the one before");
}

fn redo_all((durable, writes): &mut (Durable<Command>, Vec<Change>)) {
    writes.drain(..).for_each(|write| redo(durable, write));
}

/// An empty log comes to have its entries, so many at a time.
fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log: append");
    group.throughput(Throughput::Elements(LONG as u64));
    for batch in [1, 16, 64] {
        let write =
            |start: usize| Write::Append { after: Index(start as u64), entries: entries(batch, PAYLOAD) };
        let setup = || (Durable::default(), (0..LONG).step_by(batch).map(write).collect());
        let mut tried = setup();
        redo_all(&mut tried);
        assert_eq!(tried.0.log().last_index(), Index(LONG as u64));
        group.bench_function(BenchmarkId::new("at a time", batch), |bencher| {
            bencher.iter_batched_ref(setup, redo_all, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// The end of a long log gives way to as many entries of a newer term.
fn splice(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log: splice");
    for count in [1, 64, 1_024] {
        group.throughput(Throughput::Elements(count as u64));
        let setup = || {
            let mut entries = entries(count, PAYLOAD);
            entries.iter_mut().for_each(|entry| entry.term = Term(2));
            (long_log(), vec![Write::Append { after: Index((LONG - count) as u64), entries }])
        };
        let mut tried = setup();
        redo_all(&mut tried);
        assert_eq!(tried.0.log().last(), LogId { term: Term(2), index: Index(LONG as u64) });
        assert_eq!(tried.0.log().term_at(Index((LONG - count) as u64)), Some(Term(1)));
        group.bench_function(BenchmarkId::new("replaced", count), |bencher| {
            bencher.iter_batched_ref(setup, redo_all, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Terms are looked up all over a long log.
fn term_at(criterion: &mut Criterion) {
    const LOOKS: u64 = 1_024;
    let durable = long_log();
    let log = durable.log();
    // Without an order that a processor could guess: 40,503 and 16,384 have no divisor in common.
    let indexes: Vec<Index> = (1..=LOOKS).map(|look| Index(1 + look * 40_503 % LONG as u64)).collect();
    let look = || -> u64 {
        let terms = indexes.iter().filter_map(|index| log.term_at(black_box(*index)));
        terms.map(|term| term.0).sum()
    };
    assert_eq!(look(), LOOKS, "each is found, and of term 1");
    let mut group = criterion.benchmark_group("log: term_at");
    group.throughput(Throughput::Elements(LOOKS));
    group.bench_function("all over", |bencher| bencher.iter(look));
    group.finish();
}

/// The beginning of a long log goes, and a part stays. What goes is dropped with it: that is most of the work.
fn compact(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log: compaction");
    for kept in [0, LONG / 2] {
        let gone = (LONG - kept) as u64;
        group.throughput(Throughput::Elements(gone));
        let last = LogId { term: Term(1), index: Index(LONG as u64) };
        let snapshot = Snapshot { last, length: 1, digest: 0 };
        let setup = || (long_log(), vec![Write::Compact { snapshot, through: Index(gone) }]);
        let mut tried = setup();
        redo_all(&mut tried);
        assert_eq!(tried.0.log().entries().len(), kept);
        assert_eq!(tried.0.log().base().index, Index(gone));
        group.bench_function(BenchmarkId::new("kept", kept), |bencher| {
            bencher.iter_batched_ref(setup, redo_all, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    append(&mut criterion);
    splice(&mut criterion);
    term_at(&mut criterion);
    compact(&mut criterion);
    criterion.final_summary();
}
