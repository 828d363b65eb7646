//! One node as the system saw it: its disk, what that is certain to hold, its connections.

use super::bytes::Bytes;
use super::disk::{Disk, Order, Unknown};
use super::held::Held;
use super::report::Report;
use super::segment::{Header, Position};
use super::stream::Stream;
use seaworthy::codec::{Record, decode_record};
use seaworthy::wal::{FileName, digest};
use seaworthy_protocol::Snapshot;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A node, over all runs of its process.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) id: u8,
    /// Its data directory, once the process has said it.
    pub(super) directory: Option<String>,
    pub(super) disk: Disk,
    pub(super) held: Held,
    /// Snapshots that are, or were, whole and durable.
    pub(super) snapshots: BTreeSet<Snapshot>,
    /// By what the system calls the socket.
    pub(super) streams: BTreeMap<String, Stream>,
    /// A line of its output that is not whole.
    pub(super) output: Vec<u8>,
    /// The last that was certain.
    identity: Option<(u128, u64)>,
    /// The segment with which recovery would begin, as the last identity says that was certain.
    oldest: u64,
    cursor: Option<Cursor>,
}

/// Up to where the log was read.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    number: u64,
    position: Position,
}

/// The bytes of an identity, in which directory and starts stand.
const IDENTITY: u64 = 64;

impl Node {
    /// A node of which nothing is known, with an empty disk.
    pub(super) fn new(id: u8) -> Self {
        Self { id, ..Self::default() }
    }

    /// The process has ended. Answers how many writes it had not synced.
    pub(super) fn end_run(&mut self) -> usize {
        self.streams.clear();
        self.output.clear();
        self.disk.end_run()
    }

    /// The name of a file of the log, if the path is one's.
    pub(super) fn data_file<'p>(&self, path: &'p str) -> Option<(&'p str, FileName)> {
        let name = path.strip_prefix(self.directory.as_deref()?)?.strip_prefix('/')?;
        Some((name, FileName::parse(name)?))
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.directory.as_deref() == Some(path)
    }

    /// Who the disk says this is: the number of the directory, and how often it has started on it. While the identity is replaced, that
    /// is the old one or the new one, and none that says more than the last that was certain.
    pub(super) const fn identity(&self) -> Option<(u128, u64)> {
        self.identity
    }

    fn certain_identity(&self) -> Option<((u128, u64), u64)> {
        let bytes = self.disk.certain(&FileName::Identity.to_string())?.read(0, IDENTITY)?;
        let directory = bytes[32..48].try_into().ok().map(u128::from_le_bytes)?;
        let starts = bytes[48..56].try_into().ok().map(u64::from_le_bytes)?;
        Some(((directory, starts), bytes[12..16].try_into().ok().map(u32::from_le_bytes)?.into()))
    }

    /// Recovery begins where the identity says: nothing that it needs may stand before.
    fn find_identity(&mut self, wrong: &mut Vec<String>) {
        let Some((identity, oldest)) = self.certain_identity() else { return };
        (self.identity, self.oldest) = (Some(identity), oldest);
        if let Some(needed) = self.held.oldest_segment().filter(|needed| *needed < oldest) {
            let (needed, oldest) = (FileName::Segment(needed), FileName::Segment(oldest));
            wrong.push(format!(
                "the identity says that recovery begins with {oldest}, and entries are in {needed}"
            ));
        }
    }

    /// A sync has returned that began then. Answers what is wrong now.
    pub(super) fn synced(
        &mut self,
        path: &str,
        began: Order,
        report: &mut Report,
    ) -> Result<Vec<String>, Unknown> {
        let mut wrong = Vec::new();
        let mut count = |kind| *report.syncs.entry(kind).or_default() += 1;
        if self.is_directory(path) {
            count("directory");
            self.disk.synced_names(began);
            self.find_snapshots(report, &mut wrong);
        } else if let Some((text, name)) = self.data_file(path) {
            count(match name {
                FileName::Segment(_) => "segment",
                FileName::Snapshot(_) | FileName::Built | FileName::Staged => "snapshot",
                FileName::Spare => "spare segment",
                FileName::Identity | FileName::NewIdentity => "identity",
            });
            self.disk.synced(began, text)?;
        }
        while self.fold(report, &mut wrong) {}
        if self.is_directory(path) {
            self.find_identity(&mut wrong);
        }
        Ok(wrong)
    }

    /// A file with a snapshot's name is durable and verified.
    fn find_snapshots(&mut self, report: &mut Report, wrong: &mut Vec<String>) {
        for name in self.disk.certain_names() {
            let Some(FileName::Snapshot(snapshot)) = FileName::parse(name) else { continue };
            if self.snapshots.contains(&snapshot) {
                continue;
            }
            let bytes = self.disk.certain(name).and_then(|file| file.read(0, snapshot.length));
            if bytes.is_none_or(|bytes| digest(&bytes) != snapshot.digest) {
                wrong.push(format!("the name {name} is durable, and the bytes of that snapshot are not"));
            }
            report.snapshots += 1;
            self.snapshots.insert(snapshot);
        }
    }

    /// Reads on in the log that is durable. True if there may be more.
    fn fold(&mut self, report: &mut Report, wrong: &mut Vec<String>) -> bool {
        if let Some(Cursor { number, position }) = self.cursor {
            let file = self.disk.certain(&FileName::Segment(number).to_string());
            if let Some((body, position)) = file.and_then(|file| position.next(file)) {
                self.cursor = Some(Cursor { number, position });
                self.take_in(&body, number, report, wrong);
                return true;
            }
        }
        let next = self.next_segment();
        self.cursor = next.or(self.cursor);
        next.is_some()
    }

    fn take_in(&mut self, body: &[u8], segment: u64, report: &mut Report, wrong: &mut Vec<String>) {
        let Ok(record) = decode_record::<u64>(body) else {
            return wrong.push("a durable record cannot be decoded".to_owned());
        };
        *report.records.entry(kind(&record)).or_default() += 1;
        let named = match &record {
            Record::Compact { snapshot, .. } | Record::Install { snapshot } => Some(*snapshot),
            Record::TermAndVote { .. } | Record::Append { .. } => None,
        };
        if let Some(snapshot) = named.filter(|snapshot| !self.snapshots.contains(snapshot)) {
            let name = FileName::Snapshot(snapshot);
            wrong.push(format!("the log names {name} before that is durable"));
        }
        if !self.held.redo(record, segment) {
            wrong.push("a durable record continues a log that is not there".to_owned());
        }
    }

    /// The segment that continues the one that was read.
    fn next_segment(&self) -> Option<Cursor> {
        let number = self.cursor.map_or(1, |cursor| cursor.number + 1);
        let header = self.header(number)?;
        let continues = self.cursor.is_none_or(|cursor| header.continues(cursor.position));
        continues.then(|| Cursor { number, position: header.first() })
    }

    /// What a segment says of itself, if that is durable, and enough for recovery: the first of all begins empty, the others with records.
    fn header(&self, number: u64) -> Option<Header> {
        let file = self.disk.certain(&FileName::Segment(number).to_string())?;
        let header = Header::read(file)?;
        let is_ours = header.node == self.id && header.number == number;
        (is_ours && (number == 1 || header.first().next(file).is_some())).then_some(header)
    }

    /// Would these bytes take the place of others of the log that are durable? What stands behind its end is none of it.
    pub(super) fn overwrites(&self, text: &str, name: FileName, offset: u64, bytes: &Bytes) -> bool {
        let FileName::Segment(number) = name else { return false };
        let end = self.cursor.map_or(0, |cursor| match number.cmp(&cursor.number) {
            Ordering::Less => u64::MAX,
            Ordering::Equal => cursor.position.offset(),
            Ordering::Greater => 0,
        });
        self.disk.overwrites(text, offset, bytes, end)
    }

    /// What is wrong with giving a file of the log another name, under which other things are written to it.
    pub(super) fn objection_to_reuse(&self, name: FileName) -> Option<&'static str> {
        match name {
            FileName::Segment(_) => self.objection_to_removal(name),
            FileName::Identity
            | FileName::NewIdentity
            | FileName::Spare
            | FileName::Snapshot(_)
            | FileName::Built
            | FileName::Staged => None,
        }
    }

    /// What is wrong with removing a file: recovery would need it.
    pub(super) fn objection_to_removal(&self, name: FileName) -> Option<&'static str> {
        match name {
            FileName::Segment(number) => (number >= self.oldest)
                .then_some("removes a segment with which recovery may begin, or later ones need"),
            FileName::Snapshot(snapshot) => {
                let is_needed = self.held.snapshot() == Some(snapshot);
                is_needed.then_some("removes the snapshot that the durable log names")
            }
            FileName::Identity => Some("removes its identity"),
            FileName::NewIdentity | FileName::Spare | FileName::Built | FileName::Staged => None,
        }
    }
}

const fn kind<E>(record: &Record<E>) -> &'static str {
    match record {
        Record::TermAndVote { .. } => "term and vote",
        Record::Append { .. } => "append",
        Record::Compact { .. } => "compact",
        Record::Install { .. } => "install",
    }
}
