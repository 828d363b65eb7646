//! The write-ahead log in a real directory: a batch until it is durable, and a log until it is open again.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench wal              # in the system's directory for temporary files
//! $ SEAWORTHY_BENCH_DIR=/data cargo bench -p seaworthy-benches --bench wal
//! ```
//!
//! Each batch is one write and one `fdatasync`, so the figures are the disk's. What the log adds to that is in `ceiling.rs`, which writes
//! the same bytes in the barest way *alternately*: a disk drifts more from minute to minute than the two differ, and criterion measures one
//! after the other.
//!
//! A log that is full is replaced while the clock stands still: space for a segment is made ahead of time, and one sync of zeros would be
//! counted among the small ones.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use seaworthy::wal::{Directory, Layout};
use seaworthy_benches::disk_log::{DiskLog, Place, entries};
use seaworthy_protocol::Index;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENTRY: usize = 1_024;
const SEGMENT: u64 = 32 << 20;
/// What an entry takes in a segment, generously: as many fit as this says.
const ROOM_FOR_ONE: u64 = 1_280;

fn layout() -> Layout {
    Layout { segment_size: SEGMENT, ..Layout::default() }
}

fn new_log(path: &Path) -> DiskLog<Directory> {
    if path.exists() {
        std::fs::remove_dir_all(path).expect("the log is ours");
    }
    DiskLog::new(Directory::open(path).expect("nobody else has it"), layout())
}

/// A batch of entries becomes durable.
fn append(criterion: &mut Criterion, place: &Place) {
    let mut group = criterion.benchmark_group("append until durable, entries of 1 KiB");
    group.sample_size(20);
    for batch in [1, 16, 64, 512] {
        let entries = entries(batch, ENTRY);
        let fits = SEGMENT / (batch as u64 * ROOM_FOR_ONE);
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new("at a time", batch), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    let (mut log, turns) = (new_log(&place.join("log")), left.min(fits));
                    let began = Instant::now();
                    for _ in 0..turns {
                        log.append(black_box(&entries));
                    }
                    spent += began.elapsed();
                    assert_eq!(log.last_index(), Index(turns * batch as u64));
                    left -= turns;
                }
                spent
            });
        });
    }
    group.finish();
    // None was, if only something else was asked for.
    if place.join("log").exists() {
        let again = DiskLog::open(Directory::open(&place.join("log")).expect("it was closed"), layout());
        assert!(again.last_index() > Index(0), "what was appended is there");
    }
}

/// A log of 24 MiB is read, checked, and its end written down again, as after every start. Its pages are in the cache.
fn recover(criterion: &mut Criterion, place: &Place) {
    let (path, batch, count) = (place.join("recovery"), 64, 384);
    let entries = entries(batch, ENTRY);
    let mut log = new_log(&path);
    (0..count).for_each(|_| log.append(&entries));
    let last = log.last_index();
    drop(log);
    let mut group = criterion.benchmark_group("recovery");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((batch * count * ENTRY) as u64));
    group.bench_function("24 MiB", |bencher| {
        let directory = || Directory::open(&path).expect("nobody else has it");
        bencher.iter_batched(
            directory,
            |directory| {
                let log = DiskLog::open(directory, layout());
                assert_eq!(log.last_index(), last, "all of it is there");
                log
            },
            // A directory is locked: there can be one at a time.
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn main() {
    // A few minutes for all benches; `--measurement-time` on the command line takes longer.
    let (warm_up, measured) = (Duration::from_millis(500), Duration::from_millis(1_500));
    let criterion = Criterion::default().warm_up_time(warm_up).measurement_time(measured);
    let mut criterion = criterion.configure_from_args();
    let place = Place::new("wal");
    append(&mut criterion, &place);
    recover(&mut criterion, &place);
    criterion.final_summary();
}
