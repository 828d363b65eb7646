//! The write-ahead log in a real directory, and one of format version 2 that every later version must read.

use seaworthy::codec::Record;
use seaworthy::wal::{Batch, Directory, FileName, Files, Identity, Layout, OpenError, Wal};
use seaworthy_conformance::disk_kit::{crc32c, snapshot_bytes, snapshot_of};
use seaworthy_protocol::{Durable, Entry, Index, LogId, NodeId, Payload, Snapshot, Term, Write};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Small, so that there is more than one segment.
const LAYOUT: Layout = Layout { segment_size: 1024, piece_size: 2048 };

fn identity() -> Identity {
    let node = NodeId::new(3).unwrap();
    Identity { cluster: 0x5ea_2026, node, directory: 0x0123_4567_89ab_cdef, starts: 0 }
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn init(path: &Path) {
    Wal::init(Directory::open(path).unwrap(), identity(), LAYOUT).unwrap();
}

fn open(path: &Path) -> Result<(Wal<Directory>, Durable<u64>), OpenError> {
    let (wal, recovery) = Wal::open(Directory::open(path)?, LAYOUT)?;
    assert_eq!(recovery.cut, None, "nothing was lost");
    Ok((wal, recovery.durable))
}

fn entries(term: u64, numbers: std::ops::RangeInclusive<u64>) -> Vec<Entry<u64>> {
    let entry = |number| Entry { term: Term(term), payload: Payload::Command(number) };
    numbers.map(entry).collect()
}

fn append(wal: &mut Wal<Directory>, records: &[Record<&[Entry<u64>]>]) {
    let mut batch = Batch::default();
    for record in records {
        batch.push(record);
    }
    wal.append(&mut batch).unwrap();
}

fn vote(term: u64, node: u8) -> Record<&'static [Entry<u64>]> {
    Record::TermAndVote { current_term: Term(term), voted_for: NodeId::new(node) }
}

const BASE: LogId = LogId { term: Term(2), index: Index(24) };

fn golden_snapshot() -> Snapshot {
    snapshot_of(LogId { term: Term(2), index: Index(26) })
}

/// One of everything: each kind of record, a batch of two, snapshots, three segments, the last where an older one was, an overwritten end.
fn write_golden(path: &Path) {
    init(path);
    let (mut wal, _) = open(path).unwrap();
    append(&mut wal, &[vote(1, 3)]);
    append(&mut wal, &[Record::Append { after: Index(0), entries: &entries(1, 1..=10) }]);
    append(&mut wal, &[vote(2, 1), Record::Append { after: Index(9), entries: &entries(2, 10..=11) }]);
    let installed = snapshot_of(LogId { term: Term(2), index: Index(12) });
    wal.save_snapshot(installed, &snapshot_bytes(installed.last)).unwrap();
    append(&mut wal, &[Record::Install { snapshot: installed }]);
    append(&mut wal, &[Record::Append { after: Index(12), entries: &entries(2, 13..=20) }]);
    append(&mut wal, &[Record::Append { after: Index(20), entries: &entries(2, 21..=50) }]);
    let snapshot = golden_snapshot();
    wal.save_snapshot(snapshot, &snapshot_bytes(snapshot.last)).unwrap();
    append(&mut wal, &[Record::Compact { snapshot, base: BASE }]);
    // Begins the third segment, and nobody needs the first any more; so the fourth has its space.
    append(&mut wal, &[Record::Append { after: Index(50), entries: &entries(2, 51..=60) }]);
    append(&mut wal, &[Record::Append { after: Index(60), entries: &entries(2, 61..=90) }]);
    append(&mut wal, &[Record::TermAndVote { current_term: Term(3), voted_for: None }]);
    let noop = [Entry { term: Term(3), payload: Payload::Noop }];
    append(&mut wal, &[Record::Append { after: Index(48), entries: &noop }]);
}

fn golden_durable() -> Durable<u64> {
    let mut durable = Durable::default();
    let mut all = entries(2, 1..=48);
    all.push(Entry { term: Term(3), payload: Payload::Noop });
    let writes = [
        Write::Append { after: Index(0), entries: all },
        Write::Compact { snapshot: golden_snapshot(), through: BASE.index },
        Write::TermAndVote { current_term: Term(3), voted_for: None },
    ];
    for write in writes {
        assert!(durable.redo(write));
    }
    durable
}

/// The golden directory, written anew first if that is wanted.
fn golden_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-directory");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            let written = directory();
            write_golden(written.path());
            copy(written.path(), &path);
        }
        path
    })
}

/// The files, without the lock, which is not data.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap);
    let named =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    named.filter(|(name, _)| name != "lock").collect()
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn a_directory_of_version_2_is_read() {
    let copied = directory();
    copy(golden_path(), copied.path());
    let (wal, durable) = open(copied.path()).unwrap();
    assert_eq!(durable, golden_durable());
    assert_eq!(*wal.identity(), Identity { starts: 2, ..identity() });
    let snapshot = golden_snapshot();
    let read = wal.read_snapshot(snapshot, 0, snapshot_bytes(snapshot.last).len()).unwrap();
    assert_eq!(read, Some(snapshot_bytes(snapshot.last)));
}

#[test]
fn a_directory_of_version_2_is_written_as_it_was() {
    let written = directory();
    write_golden(written.path());
    let (golden, written) = (files(golden_path()), files(written.path()));
    assert_eq!(golden.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
    for (name, bytes) in golden {
        let differs = bytes.iter().zip(&written[&name]).position(|(golden, written)| golden != written);
        assert_eq!(
            (differs, bytes.len()),
            (None, written[&name].len()),
            "{name}: where it differs, how long it is"
        );
    }
}

#[test]
fn what_was_appended_is_there_after_a_restart() {
    let data = directory();
    init(data.path());
    let (mut wal, durable) = open(data.path()).unwrap();
    assert_eq!((durable, wal.identity().starts), (Durable::default(), 1));
    append(&mut wal, &[vote(7, 2), Record::Append { after: Index(0), entries: &entries(7, 1..=100) }]);
    drop(wal);
    let (wal, durable) = open(data.path()).unwrap();
    assert_eq!((durable.current_term(), durable.voted_for()), (Term(7), NodeId::new(2)));
    assert_eq!(durable.log().entries(), entries(7, 1..=100));
    assert_eq!(wal.identity().starts, 2);
}

#[test]
fn batches_of_several_mebibytes_are_there_after_a_restart() {
    let path = directory();
    init(path.path());
    let layout = Layout { segment_size: 16 << 20, ..Layout::default() };
    let open = || Wal::open::<u64>(Directory::open(path.path()).unwrap(), layout).unwrap();
    let (mut wal, _) = open();
    let (count, in_all) = (100_000, 600_000);
    for after in (0..in_all).step_by(2 * count) {
        let mut batch = Batch::default();
        for after in [after as u64, (after + count) as u64] {
            let mut next = Batch::default();
            let entries = entries(1, after + 1..=after + count as u64);
            next.push(&Record::Append { after: Index(after), entries: &entries });
            batch.merge(next);
        }
        assert!(batch.len() > 3 << 20);
        wal.append(&mut batch).unwrap();
    }
    let segments =
        wal.files().list().unwrap().into_iter().filter(|name| matches!(name, FileName::Segment(_)));
    assert_eq!(segments.count(), 1, "one of them has begun a segment, and the others went on with it");
    drop(wal);
    let (_, recovery) = open();
    assert_eq!(recovery.cut, None);
    assert!(recovery.durable.log().entries() == entries(1, 1..=in_all as u64), "all of them, in order");
}

#[test]
fn a_directory_has_one_process_at_a_time() {
    let data = directory();
    init(data.path());
    let (wal, _) = open(data.path()).unwrap();
    assert!(matches!(Directory::open(data.path()), Err(OpenError::Locked)));
    drop(wal);
    open(data.path()).unwrap();
}

#[test]
fn an_empty_directory_is_not_taken_for_a_new_node() {
    let data = directory();
    assert!(matches!(open(data.path()), Err(OpenError::NotInitialised)));
    assert_eq!(files(data.path()), BTreeMap::new(), "and nothing is written into it");
}

#[test]
fn a_directory_with_data_is_not_made_anew() {
    let data = directory();
    write_golden(data.path());
    let before = files(data.path());
    let again = Wal::init(Directory::open(data.path()).unwrap(), identity(), LAYOUT);
    assert!(matches!(again, Err(OpenError::AlreadyInitialised)));
    assert_eq!(files(data.path()), before);
}

/// Changes bytes of a file, and its header's checksum with them.
fn forge(path: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    let end = if path.ends_with("identity") { 60 } else { 156 };
    let checksum = crc32c(0, &content[..end]).to_le_bytes();
    content[end..end + 4].copy_from_slice(&checksum);
    fs::write(path, content).unwrap();
}

/// What a directory is refused for; nothing in it is changed.
fn refused(path: &Path) -> OpenError {
    let before = files(path);
    let error = open(path).expect_err("it is refused");
    assert_eq!(files(path), before, "nothing is changed in what is refused");
    error
}

/// Neither a later one nor the first, which restated the whole log at each compaction.
#[test]
fn another_version_is_refused() {
    for name in [FileName::Identity, FileName::Segment(4)] {
        for forged in [1, 3_u16] {
            let data = directory();
            write_golden(data.path());
            forge(&data.path().join(name.to_string()), 8, &forged.to_le_bytes());
            let error = refused(data.path());
            let is_right = matches!(error, OpenError::UnknownVersion { file, version, known: 2 }
                if (file, version) == (name, forged));
            assert!(is_right, "{name}: {error}");
        }
    }
}

#[test]
fn another_nodes_segment_is_refused() {
    let data = directory();
    write_golden(data.path());
    forge(&data.path().join(FileName::Segment(4).to_string()), 10, &[4]);
    let error = refused(data.path());
    let is_right = matches!(error, OpenError::BelongsToAnother { cluster: 0x5ea_2026, node: 4, .. });
    assert!(is_right, "{error}");
    assert!(error.to_string().starts_with("0000000000000004.log belongs to another"), "{error}");
}

#[test]
fn another_clusters_segment_is_refused() {
    let data = directory();
    write_golden(data.path());
    forge(&data.path().join(FileName::Segment(4).to_string()), 16, &7_u128.to_le_bytes());
    let error = refused(data.path());
    assert!(matches!(error, OpenError::BelongsToAnother { cluster: 7, node: 3, .. }), "{error}");
}

/// How large segments are may change between two starts, in either direction.
#[test]
fn a_log_may_be_laid_out_anew() {
    let data = directory();
    for segment_size in [1 << 12, 1 << 16, 1 << 10, 1 << 14] {
        let layout = Layout { segment_size, ..LAYOUT };
        if segment_size == 1 << 12 {
            drop(Wal::init(Directory::open(data.path()).unwrap(), identity(), layout).unwrap());
        }
        let (mut wal, _) = Wal::open::<u64>(Directory::open(data.path()).unwrap(), layout).unwrap();
        for term in 1..60 {
            let mut batch = Batch::default();
            batch.push::<u64>(&Record::TermAndVote {
                current_term: Term(segment_size + term),
                voted_for: None,
            });
            wal.append(&mut batch).unwrap();
        }
        drop(wal);
        let (_, recovery) = Wal::open::<u64>(Directory::open(data.path()).unwrap(), layout).unwrap();
        assert_eq!(recovery.durable.current_term(), Term(segment_size + 59));
    }
}

/// Space is made for a segment before it gets its name: one that is shorter has lost its end, and nobody knows what stood there.
#[test]
fn a_segment_that_has_lost_its_end_is_noticed() {
    for number in [3, 4] {
        let name = FileName::Segment(number);
        for length in [0, 40, 64, 160, 200, 600, 1023] {
            let data = directory();
            write_golden(data.path());
            let file = fs::OpenOptions::new().write(true).open(data.path().join(name.to_string())).unwrap();
            file.set_len(length).unwrap();
            let error = refused(data.path());
            // How long it was its header says; without that, that it was there, the identity.
            let begin = if length < 160 { 0 } else { length };
            let is_right =
                matches!(error, OpenError::Damaged { file, offset, .. } if (file, offset) == (name, begin));
            assert!(is_right, "{name} of {length} bytes: {error}");
        }
    }
}

/// Though the one before it is whole, and the log could end there.
#[test]
fn the_last_segment_is_missed() {
    let data = directory();
    write_golden(data.path());
    let name = FileName::Segment(4);
    fs::remove_file(data.path().join(name.to_string())).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, OpenError::Damaged { file, offset: 0, .. } if file == name), "{error}");
}

/// Nor is its beginning taken for one that a crash left.
#[test]
fn the_last_segment_is_missed_if_its_one_batch_is_zeroed() {
    let data = directory();
    write_golden(data.path());
    let path = data.path().join(FileName::Segment(4).to_string());
    let length = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0; usize::try_from(length).unwrap()]).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, OpenError::Damaged { file: FileName::Segment(4), .. }), "{error}");
}

/// A directory that was used is not empty because it has lost who it is, and is not made anew.
#[test]
fn a_missing_identity_is_noticed() {
    let used = |path: &Path| {
        init(path);
        append(&mut open(path).unwrap().0, &[vote(1, 3)]);
    };
    let ways: [&dyn Fn(&Path); 2] = [&write_golden, &used];
    for write in ways {
        let data = directory();
        write(data.path());
        fs::remove_file(data.path().join("identity")).unwrap();
        let error = refused(data.path());
        assert!(matches!(error, OpenError::Damaged { file: FileName::Identity, .. }), "{error}");
        let before = files(data.path());
        let made = Wal::init(Directory::open(data.path()).unwrap(), identity(), LAYOUT);
        assert!(matches!(made, Err(OpenError::AlreadyInitialised)));
        assert_eq!(files(data.path()), before);
    }
}

#[test]
fn a_missing_segment_is_noticed() {
    let data = directory();
    write_golden(data.path());
    fs::remove_file(data.path().join(FileName::Segment(2).to_string())).unwrap();
    let error = refused(data.path());
    let is_right = matches!(error, OpenError::Damaged { file: FileName::Segment(2), .. });
    assert!(is_right, "{error}");
}

#[test]
fn a_missing_snapshot_is_noticed() {
    let data = directory();
    write_golden(data.path());
    let name = FileName::Snapshot(golden_snapshot());
    fs::remove_file(data.path().join(name.to_string())).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, OpenError::Damaged { file, .. } if file == name), "{error}");
}

#[test]
fn files_of_others_are_left_alone() {
    let data = directory();
    write_golden(data.path());
    let others = ["notes.txt", "0000000000000004.LOG", "3.log", "0000000000000009.log.bak"];
    for name in others {
        fs::write(data.path().join(name), "ours").unwrap();
    }
    let (_, durable) = open(data.path()).unwrap();
    assert_eq!(durable, golden_durable());
    for name in others {
        assert_eq!(fs::read(data.path().join(name)).unwrap(), b"ours", "{name}");
    }
}

#[test]
fn what_was_not_finished_is_removed_at_the_next_start() {
    let data = directory();
    write_golden(data.path());
    let before: Vec<String> = files(data.path()).into_keys().collect();
    let other = FileName::Snapshot(snapshot_of(LogId { term: Term(1), index: Index(4) }));
    let rubbish = [FileName::Spare, FileName::Built, FileName::Staged, FileName::NewIdentity, other];
    for name in rubbish {
        fs::write(data.path().join(name.to_string()), "half").unwrap();
    }
    let (_, durable) = open(data.path()).unwrap();
    assert_eq!(durable, golden_durable());
    assert_eq!(files(data.path()).into_keys().collect::<Vec<_>>(), before);
}
