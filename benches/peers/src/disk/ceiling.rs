//! The least that a disk asks for: the same bytes written into space that was made before, and synced, by three writers at once.

use super::place;
use crate::measure::Failure;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// How much space each writer has, at least; it goes round in it.
const ROOM: usize = 16 << 20;

/// Bytes a second that each of three writers gets durable, a batch of so many bytes at a time.
///
/// # Errors
///
/// If the disk fails.
pub(crate) fn ceiling(batch: usize, time: Duration) -> Result<f64, Failure> {
    let place = place();
    let room = ROOM.max(4 * batch).next_multiple_of(batch);
    let names = ["one", "two", "three"].map(|name| place.join(name));
    let files: Vec<File> = names.iter().map(|path| preallocated(path, room)).collect::<Result<_, _>>()?;
    let start = Barrier::new(files.len());
    let write = |file: &File| {
        let bytes = vec![7; batch];
        start.wait();
        let (began, mut offset, mut written) = (Instant::now(), 0, 0_usize);
        loop {
            file.write_all_at(&bytes, offset as u64)?;
            file.sync_data()?;
            offset = (offset + batch) % room;
            written += batch;
            if began.elapsed() >= time {
                break;
            }
        }
        Ok::<f64, std::io::Error>(written as f64 / began.elapsed().as_secs_f64())
    };
    let rates = thread::scope(|scope| {
        let writers: Vec<_> = files.iter().map(|file| scope.spawn(|| write(file))).collect();
        let rates = writers
            .into_iter()
            .map(|writer| writer.join().map_err(|_| "a writer has panicked")?.map_err(Failure::from));
        rates.collect::<Result<Vec<f64>, Failure>>()
    })?;
    Ok(rates.iter().sum::<f64>() / rates.len() as f64)
}

fn preallocated(path: &Path, size: usize) -> Result<File, std::io::Error> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..size).step_by(zeros.len()) {
        let count = zeros.len().min(size - offset);
        file.write_all_at(&zeros[..count], offset as u64)?;
    }
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writer_gets_a_batch_durable_however_short_the_time_is() {
        assert!(ceiling(4_096, Duration::ZERO).is_ok_and(|rate| rate.is_normal() && rate > 0.0));
    }
}
