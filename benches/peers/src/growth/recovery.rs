//! The points at which a write-ahead log is opened that holds more and more: what a node does before it can begin.

use super::clusters::PAYLOAD;
use super::results::{Figure, Figures};
use crate::measure::{Failure, cpu_time};
use crate::statistics::spread;
use seaworthy::wal::{Directory, Layout};
use seaworthy_benches::disk_log::{DiskLog, entries};
use seaworthy_protocol::Index;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many entries a record has, as if so many had been in flight.
const RECORD: u64 = 1_024;

/// Opens the log of a directory, again and again; makes it first, if there is none.
///
/// # Errors
///
/// If the disk fails, or holds something else.
pub(crate) fn measure(count: u64, directory: &Path, seconds: f64) -> Result<Figures, Failure> {
    if !directory.exists() {
        make(count, directory)?;
    }
    let (mut walls, mut processors, began) = (Vec::new(), Vec::new(), Instant::now());
    while walls.is_empty() || began.elapsed().as_secs_f64() < seconds {
        let files = Directory::open(directory)?;
        let (began, cpu) = (Instant::now(), cpu_time());
        let log = DiskLog::open(files, Layout::default());
        walls.push(began.elapsed());
        processors.push(cpu_time() - cpu);
        if log.last_index() != Index(count) {
            return Err(format!("the log has {:?}, not {count} entries", log.last_index()).into());
        }
    }
    let each = |times: &[Duration]| {
        let each: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e9 / count as f64).collect();
        spread(&each).median
    };
    Ok([(Figure::Entry, each(&walls)), (Figure::Cpu, each(&processors))].into())
}

/// Makes it under another name, so that nobody takes a part for the whole.
fn make(count: u64, directory: &Path) -> Result<(), Failure> {
    let unfinished = directory.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let mut log = DiskLog::new(Directory::open(&unfinished)?, Layout::default());
    let record = entries(usize::try_from(RECORD)?, PAYLOAD);
    while log.last_index().0 < count {
        let some = usize::try_from(RECORD.min(count - log.last_index().0))?;
        log.append(&record[..some]);
    }
    drop(log);
    Ok(fs::rename(unfinished, directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::place;

    #[test]
    fn what_is_opened_is_what_was_made() {
        let place = place();
        let directory = place.join("log");
        let figures = measure(3_000, &directory, 0.001).expect("there is room");
        assert!(figures[&Figure::Entry] > 0.0);
        assert!(measure(3_001, &directory, 0.001).is_err(), "it has another length");
    }
}
