//! One node as the system saw it: its disk, what that is certain to hold, its connections.

use super::disk::{Disk, Order, Unknown};
use super::held::Held;
use super::report::Report;
use super::segment::{Header, Position};
use super::stream::Stream;
use seaworthy::codec::{Record, decode_record};
use seaworthy::wal::{FileName, digest};
use seaworthy_protocol::Snapshot;
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
    cursor: Option<Cursor>,
}

/// Up to where the log was read.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// The segment with which recovery would begin.
    first: u64,
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

    fn certain_identity(&self) -> Option<(u128, u64)> {
        let bytes = self.disk.certain(&FileName::Identity.to_string())?.read(0, IDENTITY)?;
        let directory = bytes[32..48].try_into().ok().map(u128::from_le_bytes)?;
        Some((directory, bytes[48..56].try_into().ok().map(u64::from_le_bytes)?))
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
            self.identity = self.certain_identity().or(self.identity);
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
        if let Some(Cursor { first, number, position }) = self.cursor {
            let file = self.disk.certain(&FileName::Segment(number).to_string());
            if let Some((body, position)) = file.and_then(|file| position.next(file)) {
                self.cursor = Some(Cursor { first, number, position });
                self.take_in(&body, report, wrong);
                return true;
            }
        }
        let next = self.next_segment();
        self.cursor = next.or(self.cursor);
        next.is_some()
    }

    fn take_in(&mut self, body: &[u8], report: &mut Report, wrong: &mut Vec<String>) {
        let Ok(record) = decode_record::<u64>(body) else {
            return wrong.push("a durable record cannot be decoded".to_owned());
        };
        *report.records.entry(kind(&record)).or_default() += 1;
        if let Record::State { snapshot: Some(snapshot), .. } = &record {
            if !self.snapshots.contains(snapshot) {
                let name = FileName::Snapshot(*snapshot);
                wrong.push(format!("the log names {name} before that is durable"));
            }
        }
        if !self.held.redo(record) {
            wrong.push("a durable record continues a log that is not there".to_owned());
        }
    }

    /// The segment that continues the one that was read, or a later one that needs none before it.
    fn next_segment(&self) -> Option<Cursor> {
        let number = self.cursor.map_or(0, |cursor| cursor.number);
        let continued = self.header(number + 1).zip(self.cursor);
        if let Some((header, cursor)) = continued {
            if header.continues(cursor.position) {
                return Some(Cursor { number: number + 1, position: header.first(), ..cursor });
            }
        }
        let later = self.disk.certain_names().filter_map(|name| match FileName::parse(name)? {
            FileName::Segment(other) if other > number => self.header(other),
            FileName::Segment(_)
            | FileName::Identity
            | FileName::NewIdentity
            | FileName::Spare
            | FileName::Snapshot(_)
            | FileName::Built
            | FileName::Staged => None,
        });
        let start = later.filter(|header| header.is_start).max_by_key(|header| header.number)?;
        let position = start.first();
        Some(Cursor { first: start.number, number: start.number, position })
    }

    /// What a segment says of itself, if that is durable, and enough for recovery: the first of all begins empty, the others with records.
    fn header(&self, number: u64) -> Option<Header> {
        let file = self.disk.certain(&FileName::Segment(number).to_string())?;
        let header = Header::read(file)?;
        let is_ours = header.node == self.id && header.number == number;
        (is_ours && (number == 1 || header.first().next(file).is_some())).then_some(header)
    }

    /// What is wrong with removing a file: recovery would need it.
    pub(super) fn objection_to_removal(&self, name: FileName) -> Option<&'static str> {
        match name {
            FileName::Segment(number) => {
                let needed =
                    self.cursor.is_some_and(|cursor| (cursor.first..=cursor.number).contains(&number));
                needed.then_some("removes a segment that nothing durable supersedes")
            }
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
        Record::State { .. } => "state",
    }
}
