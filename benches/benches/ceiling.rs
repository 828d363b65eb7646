//! The write-ahead log on a real disk, beside the least that the same disk asks for the same bytes.
//!
//! ```console
//! $ cargo bench -p seaworthy-benches --bench ceiling              # in the system's directory for temporary files
//! $ SEAWORTHY_BENCH_DIR=/data cargo bench -p seaworthy-benches --bench ceiling
//! ```
//!
//! The ceiling is one write and one `fdatasync` for each batch, into a file that was filled with zeros and synced before. Both write the
//! same batches alternately, which criterion cannot; medians of the rounds are printed, and the median of their ratios. Then a log of 1 GiB
//! is written and opened, and the peak of the process's memory is told: the recovered log itself is in memory, and little else should be.

use seaworthy::wal::{Directory, Layout, Wal};
use seaworthy_benches::disk_log::{DiskLog, Place, entries};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;
const ENTRY: usize = 1024;
/// How many entries each round writes, for each size of a batch.
const BATCHES: [(usize, usize); 4] = [(1, 256), (16, 4096), (64, 16_384), (512, 32_768)];

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let place = Place::new("ceiling");
    println!(
        "1 KiB entries, {ROUNDS} rounds alternately; MiB/s of entries, ceiling and log; median of the ratios"
    );
    for (batch, count) in BATCHES {
        append(&place, batch, count);
    }
    recover(&place.join("recovery"));
}

fn append(place: &Place, batch: usize, count: usize) {
    let path = place.join("log");
    let mut log = new_log(&path);
    let ceiling_path = place.join("ceiling");
    let ceiling = preallocated(&ceiling_path, (count * ENTRY * 11 / 10) as u64);
    let entries = entries(batch, ENTRY);
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let least = timed(|| write_and_sync(&ceiling, batch, count));
        let ours = timed(|| {
            for _ in 0..count / batch {
                log.append(&entries);
            }
        });
        rates.push((rate(count, least), rate(count, ours), least.as_secs_f64() / ours.as_secs_f64()));
    }
    let median = |of: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = rates.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{batch:>4} a batch: {:>7.1} {:>7.1}   {:.2}",
        median(|rate| rate.0),
        median(|rate| rate.1),
        median(|rate| rate.2)
    );
    drop(log);
    std::fs::remove_dir_all(path).expect("the log is ours");
    std::fs::remove_file(ceiling_path).expect("the file is ours");
}

fn recover(path: &Path) {
    let mut log = new_log(path);
    let entries = entries(1024, ENTRY);
    (0..1024).for_each(|_| log.append(&entries));
    let last = log.last_index();
    drop(log);
    let before = peak_memory();
    let mut rates = Vec::new();
    for _ in 0..3 {
        let directory = Directory::open(path).expect("nobody else has it");
        let begun = Instant::now();
        let (wal, recovery) = Wal::open::<Arc<[u8]>>(directory, Layout::default()).expect("it is whole");
        assert_eq!(recovery.durable.log().last_index(), last);
        rates.push(1024.0 / begun.elapsed().as_secs_f64());
        drop((wal, recovery));
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "recovery of 1 GiB: {:.0} MiB/s; peak memory {} MiB, {} before",
        rates[1],
        peak_memory(),
        before
    );
}

fn new_log(path: &Path) -> DiskLog<Directory> {
    DiskLog::new(Directory::open(path).expect("nobody else has it"), Layout::default())
}

fn preallocated(path: &Path, size: u64) -> File {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path).expect("a new file");
    let zeros = vec![0; 1 << 20];
    for offset in (0..size).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset).expect("there is room");
    }
    file.sync_all().expect("the disk works");
    file
}

fn write_and_sync(file: &File, batch: usize, count: usize) {
    let bytes = vec![7; batch * ENTRY];
    for offset in (0..count * ENTRY).step_by(bytes.len()) {
        file.write_all_at(&bytes, offset as u64).expect("there is room");
        file.sync_data().expect("the disk works");
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn rate(entries: usize, took: Duration) -> f64 {
    (entries * ENTRY) as f64 / f64::from(1 << 20) / took.as_secs_f64()
}

/// In MiB, as the kernel counts it; 0 where it does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.map_or(0, |kibibytes| kibibytes / 1024)
}
