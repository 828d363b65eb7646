//! The queue before the write-ahead log: what waits together becomes durable together, in order, or waits for room together.

use seaworthy::codec::Record;
use seaworthy::wal::{Batch, FileName, Files, Identity, Layout, Wal, digest};
use seaworthy::{Disk, Done, Work};
use seaworthy_conformance::sim::SimFiles;
use seaworthy_protocol::{Entry, Index, LogId, NodeId, Payload, Snapshot, Term};

const LAYOUT: Layout = Layout { segment_size: 4096, piece_size: 64 };

fn disk() -> Disk<SimFiles> {
    let identity = Identity { cluster: 1, node: NodeId::new(1).unwrap(), directory: 1, starts: 0 };
    let files = Wal::init(SimFiles::default(), identity, LAYOUT).unwrap();
    Disk::new(Wal::open::<u64>(files, LAYOUT).unwrap().0)
}

fn entries(count: u64) -> Vec<Entry<u64>> {
    (0..count).map(|number| Entry { term: Term(1), payload: Payload::Command(number) }).collect()
}

fn append(number: u64, after: u64, count: u64) -> Work {
    let mut batch = Batch::default();
    batch.push(&Record::Append { after: Index(after), entries: &entries(count) });
    Work::Append { number, batch }
}

fn last_index(disk: Disk<SimFiles>) -> Index {
    let (_, recovery) = Wal::open::<u64>(disk.into_files(), LAYOUT).unwrap();
    recovery.durable.log().last_index()
}

fn segments(disk: &Disk<SimFiles>) -> Vec<FileName> {
    let mut names = disk.wal().files().list().unwrap();
    names.retain(|name| matches!(name, FileName::Segment(_)));
    names
}

#[test]
fn batches_that_wait_together_are_one_write_and_one_sync() {
    let mut disk = disk();
    let before = disk.wal().files().counts;
    (0..10).for_each(|number| disk.submit(append(number, number, 1)));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 9, .. })));
    let after = disk.wal().files().counts;
    assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
    assert!(disk.is_idle());
    assert_eq!(last_index(disk), Index(10));
}

/// A log of three segments.
fn long() -> (Disk<SimFiles>, Index) {
    let (mut disk, mut last) = (disk(), Index(0));
    begin_a_segment(&mut disk, &mut last);
    begin_a_segment(&mut disk, &mut last);
    (disk, last)
}

/// A snapshot stands for all of it, as its last record says.
fn compact(disk: &mut Disk<SimFiles>, index: Index) {
    let last = LogId { term: Term(1), index };
    let snapshot = Snapshot { last, length: 3, digest: digest(&[1; 3]) };
    disk.wal_mut().save_snapshot(snapshot, &[1; 3]).unwrap();
    let mut batch = Batch::default();
    batch.push::<u64>(&Record::Compact { snapshot, base: last });
    disk.submit(Work::Append { number: index.0, batch });
    while !disk.is_idle() {
        disk.work();
    }
}

/// Appends until another segment begins.
fn begin_a_segment(disk: &mut Disk<SimFiles>, last: &mut Index) {
    let newest = segments(disk).into_iter().max();
    while segments(disk).into_iter().max() == newest {
        disk.submit(append(last.0, last.0, 20));
        while !disk.is_idle() {
            disk.work();
        }
        last.0 += 20;
    }
}

#[test]
fn a_compaction_is_written_where_the_log_is_and_restates_nothing() {
    let (mut disk, last) = long();
    let before = disk.wal().files().counts.bytes;
    compact(&mut disk, last);
    assert_eq!(segments(&disk).len(), 3, "it begins no segment");
    let written = disk.wal().files().counts.bytes - before;
    assert!(written < 100, "{written} bytes are written, snapshot and all");
    let (_, recovery) = Wal::open::<u64>(disk.into_files(), LAYOUT).unwrap();
    assert_eq!((recovery.durable.log().base().index, recovery.durable.log().last_index()), (last, last));
}

#[test]
fn segments_that_nobody_needs_are_used_again_one_by_one() {
    let (mut disk, mut last) = long();
    compact(&mut disk, last);
    begin_a_segment(&mut disk, &mut last);
    assert_eq!(segments(&disk), [2, 3, 4].map(FileName::Segment), "what was compacted begins in the third");
    assert_eq!(
        disk.wal().files().len(FileName::Spare).unwrap(),
        LAYOUT.segment_size,
        "the space of the first is kept"
    );
    // The space of the first, then that of the second.
    for newest in [5, 6] {
        let (before, begun) = (disk.wal().files().counts.bytes, last);
        begin_a_segment(&mut disk, &mut last);
        assert_eq!(segments(&disk), (3..=newest).map(FileName::Segment).collect::<Vec<_>>());
        let written = disk.wal().files().counts.bytes - before;
        let entries = (last.0 - begun.0) * 30;
        assert!(written < entries + 1000, "{written} bytes: no zeros, for {entries} of entries");
    }
    assert_eq!(last_index(disk), last);
}

#[test]
fn a_segment_of_another_size_is_not_used_again() {
    let (disk, mut last) = long();
    let layout = Layout { segment_size: 2 * LAYOUT.segment_size, ..LAYOUT };
    let mut disk = Disk::new(Wal::open::<u64>(disk.into_files(), layout).unwrap().0);
    compact(&mut disk, last);
    begin_a_segment(&mut disk, &mut last);
    assert_eq!(segments(&disk), [2, 3, 4].map(FileName::Segment), "the first could have been");
    begin_a_segment(&mut disk, &mut last);
    let length = disk.wal().files().len(FileName::Segment(5)).unwrap();
    assert_eq!(length, layout.segment_size, "all of the space is there before it is needed");
}

#[test]
fn what_stood_in_a_segment_that_is_used_again_is_not_taken_for_an_end_that_was_cut() {
    let (mut disk, mut last) = long();
    compact(&mut disk, last);
    begin_a_segment(&mut disk, &mut last);
    begin_a_segment(&mut disk, &mut last);
    let (_, recovery) = Wal::open::<u64>(disk.into_files(), LAYOUT).unwrap();
    assert_eq!((recovery.cut, recovery.durable.log().last_index()), (None, last));
}

#[test]
fn the_next_segment_is_made_piece_by_piece_before_it_is_needed() {
    let mut disk = disk();
    let (mut last, mut made, mut pieces) = (0, 0, Vec::new());
    while segments(&disk) == [FileName::Segment(1)] {
        disk.submit(append(last, last, 4));
        while disk.work().is_none() {
            let before = std::mem::replace(&mut made, disk.wal().files().len(FileName::Spare).unwrap());
            pieces.push(made - before);
        }
        last += 4;
    }
    assert!(pieces.len() > 4, "{pieces:?}");
    // Twice as fast as the log grows: by two batches each time.
    assert!(pieces.iter().all(|piece| *piece < 1024), "{pieces:?}");
    assert_eq!(last_index(disk), Index(last));
}

/// Or the first batch of all would wait for a whole one.
#[test]
fn a_new_directory_makes_room_before_anything_is_written() {
    let identity = Identity { cluster: 1, node: NodeId::new(1).unwrap(), directory: 1, starts: 0 };
    let empty = Layout { segment_size: 0, ..LAYOUT };
    let files = Wal::init(SimFiles::default(), identity, empty).unwrap();
    let mut disk = Disk::new(Wal::open::<u64>(files, LAYOUT).unwrap().0);
    while !disk.is_idle() {
        assert!(disk.work().is_none());
    }
    assert_eq!(disk.wal().files().len(FileName::Spare).unwrap(), LAYOUT.segment_size);
}

#[test]
fn where_there_is_no_room_for_the_next_segment_this_one_is_filled_all_the_same() {
    let mut disk = disk();
    disk.submit(append(1, 0, 90));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 1, .. })));
    assert!(!disk.is_idle(), "past the middle of the segment");
    disk.wal_mut().files_mut().troubles.is_full = true;
    assert!(disk.work().is_none());
    assert!(disk.is_idle(), "there will not be room at once");
    disk.wal_mut().files_mut().troubles.is_full = false;
    disk.submit(append(2, 90, 1));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 2, .. })));
    assert_eq!(last_index(disk), Index(91));
}

#[test]
fn what_was_refused_waits_for_its_retry_and_everything_else_behind_it() {
    let mut disk = disk();
    disk.wal_mut().files_mut().troubles.is_full = true;
    // More than the segment has room for, so that the next one is needed.
    disk.submit(append(1, 0, 300));
    disk.submit(append(2, 300, 1));
    assert!(matches!(disk.work(), Some(Done::Refused)));
    assert!(disk.is_idle(), "until somebody says that there may be room");
    assert!(disk.work().is_none());
    disk.submit(Work::Retry);
    assert!(matches!(disk.work(), Some(Done::Refused)), "there is none yet");
    disk.wal_mut().files_mut().troubles.is_full = false;
    disk.submit(append(3, 301, 1));
    disk.submit(Work::Retry);
    assert!(matches!(disk.work(), Some(Done::Appended { number: 2, .. })));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 3, .. })));
    assert_eq!(last_index(disk), Index(302));
}

#[test]
fn after_a_failed_sync_nothing_is_done_any_more() {
    let mut disk = disk();
    disk.wal_mut().files_mut().troubles.fails_sync = true;
    disk.submit(append(1, 0, 1));
    disk.submit(append(2, 1, 1));
    assert!(matches!(disk.work(), Some(Done::Failed(_))));
    disk.submit(append(3, 2, 1));
    assert!(matches!(disk.work(), Some(Done::Failed(_))));
}

#[test]
fn batches_come_between_the_pieces_of_a_snapshot() {
    let mut disk = disk();
    let bytes = vec![7; 3 * LAYOUT.piece_size];
    let last = LogId { term: Term(1), index: Index(1) };
    let snapshot = Snapshot { last, length: bytes.len() as u64, digest: digest(&bytes) };
    disk.submit(Work::Save { snapshot, bytes: bytes.clone() });
    assert!(disk.work().is_none(), "the first piece");
    disk.submit(append(1, 0, 1));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 1, .. })));
    disk.submit(append(2, 1, 1));
    assert!(disk.work().is_none(), "the second: each has its turn");
    assert!(matches!(disk.work(), Some(Done::Appended { number: 2, .. })));
    assert!(!disk.is_idle());
    assert!(matches!(disk.work(), Some(Done::Saved(saved)) if saved == snapshot));
    assert!(disk.is_idle());
    assert_eq!(disk.wal().read_snapshot(snapshot, 0, bytes.len()).unwrap(), Some(bytes));
    assert_eq!(last_index(disk), Index(2));
}
