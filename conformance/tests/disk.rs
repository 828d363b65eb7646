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
    assert!(matches!(disk.work(), Some(Done::Appended { number: 9 })));
    let after = disk.wal().files().counts;
    assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
    assert!(disk.is_idle());
    assert_eq!(last_index(disk), Index(10));
}

#[test]
fn a_state_that_waits_behind_other_batches_begins_a_segment_and_supersedes_the_others() {
    let mut disk = disk();
    disk.submit(append(1, 0, 5));
    let mut batch = Batch::default();
    let entries = entries(5);
    batch.push(&Record::State {
        current_term: Term(1),
        voted_for: None,
        snapshot: None,
        base: LogId::default(),
        entries: &entries,
    });
    disk.submit(Work::Append { number: 2, batch });
    disk.submit(append(3, 5, 1));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 3 })));
    assert_eq!(segments(&disk), [FileName::Segment(2)]);
    assert_eq!(last_index(disk), Index(6));
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
    assert!(matches!(disk.work(), Some(Done::Appended { number: 2 })));
    assert!(matches!(disk.work(), Some(Done::Appended { number: 3 })));
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
    assert!(matches!(disk.work(), Some(Done::Appended { number: 1 })));
    disk.submit(append(2, 1, 1));
    assert!(disk.work().is_none(), "the second: each has its turn");
    assert!(matches!(disk.work(), Some(Done::Appended { number: 2 })));
    assert!(!disk.is_idle());
    assert!(matches!(disk.work(), Some(Done::Saved(saved)) if saved == snapshot));
    assert!(disk.is_idle());
    assert_eq!(disk.wal().read_snapshot(snapshot, 0, bytes.len()).unwrap(), Some(bytes));
    assert_eq!(last_index(disk), Index(2));
}
