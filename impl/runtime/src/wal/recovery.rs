//! What a data directory holds: a fold of `redo` over the records, from the last one that restates everything.
//!
//! First everything is read and judged, then anything is changed. What is kept of the end is written and synced again, for after a
//! crash of the system the page cache proves nothing: a page that was never written can be read and is lost with the next crash.

use super::error::OpenError;
use super::files::{FileName, Files};
use super::identity::Identity;
use super::scan::{Scan, Tail};
use super::segment::{self, HEADER, Header};
use super::{Layout, Segment, Wal, ZEROS, snapshots};
use crate::codec::{Record, decode_record};
use crate::command::Command;
use seaworthy_protocol::{Durable, Entry, LogId, Snapshot, Write};

/// What was found.
#[derive(Debug)]
pub struct Recovery<C> {
    /// What the node's disk holds: what [`Node::restart`](seaworthy_protocol::Node::restart) takes.
    pub durable: Durable<C>,
    /// What was cut off the end of the log: something that was never durable, so nobody was told of it. Worth a line in the log
    /// of the operator, and no more.
    pub cut: Option<Cut>,
}

/// An unsynced end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cut {
    /// The segment.
    pub file: FileName,
    /// Where it is cut off.
    pub offset: u64,
    /// How many bytes, at most.
    pub length: u64,
}

/// The last segment as it was found.
struct Found {
    segment: Segment,
    /// How much of it was durable for certain.
    synced: u64,
    tail: Tail,
}

pub(super) fn open<C: Command, F: Files>(
    mut files: F,
    layout: Layout,
) -> Result<(Wal<F>, Recovery<C>), OpenError> {
    let name = FileName::Identity;
    let names = files.list().map_err(OpenError::failing("list the directory of", name))?;
    if !names.contains(&name) {
        if is_used(&files, &names)? {
            return Err(OpenError::Damaged {
                file: name,
                offset: 0,
                what: "it is missing, and a log is there",
            });
        }
        return Err(OpenError::NotInitialised);
    }
    let (mut identity, newest) = Identity::read(&files)?;
    let segments = segments(&files, &identity, newest, &names)?;
    let (durable, found) = fold(&files, &segments)?;
    if let Some(snapshot) = durable.snapshot() {
        snapshots::check(&files, snapshot)?;
    }
    let cut = found.cut();
    rewrite(&mut files, &found)?;
    // Before the directory is synced once more: a spare that a crash brought back, with records of a life that is over, would be there
    // when the next segment gets its name.
    let first = segments.first().map_or(0, |segment| segment.header.number);
    remove_rubbish(&mut files, &names, first..=found.segment.number, durable.snapshot());
    identity.starts += 1;
    identity.write(found.segment.number, &mut files).map_err(OpenError::from_disk)?;
    let wal = Wal { files, identity, layout, segment: found.segment, is_poisoned: false };
    Ok((wal, Recovery { durable, cut }))
}

/// Has a node written here? What a crash leaves of the making of a directory is a segment without a record.
pub(super) fn is_used(files: &impl Files, names: &[FileName]) -> Result<bool, OpenError> {
    for name in names {
        let is_used = match name {
            FileName::Segment(1) => has_record(files)?,
            FileName::Segment(_) | FileName::Snapshot(_) => true,
            FileName::Identity
            | FileName::NewIdentity
            | FileName::Spare
            | FileName::Built
            | FileName::Staged => false,
        };
        if is_used {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Does the first segment hold anything?
fn has_record(files: &impl Files) -> Result<bool, OpenError> {
    let file = FileName::Segment(1);
    let size = files.len(file).map_err(OpenError::failing("measure", file))?;
    let mut bytes = [0; HEADER];
    let read = files.read(file, 0, &mut bytes).map_err(OpenError::failing("read", file))?;
    let Some((header, checksum)) = bytes.get(..read).and_then(Header::decode) else { return Ok(false) };
    Ok(Listed { header, checksum, size }.scan(files).next_record()?.is_some())
}

/// A segment that counts.
struct Listed {
    header: Header,
    checksum: u32,
    size: u64,
}

impl Listed {
    const fn name(&self) -> FileName {
        FileName::Segment(self.header.number)
    }

    const fn damaged(&self, offset: u64, what: &'static str) -> OpenError {
        OpenError::Damaged { file: self.name(), offset, what }
    }

    fn scan<'f, F: Files>(&self, files: &'f F) -> Scan<'f, F> {
        Scan::new(files, self.header.number, self.header.seed(), self.size, self.checksum)
    }
}

/// The segments from the last one that restates everything on, in order. The newest that the identity knows of was durable.
fn segments(
    files: &impl Files,
    identity: &Identity,
    newest: u64,
    names: &[FileName],
) -> Result<Vec<Listed>, OpenError> {
    let number = |name: &FileName| match name {
        FileName::Segment(number) => Some(*number),
        FileName::Identity
        | FileName::NewIdentity
        | FileName::Spare
        | FileName::Snapshot(_)
        | FileName::Built
        | FileName::Staged => None,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    let last = numbers.last().copied().unwrap_or_default();
    if last < newest {
        let what = "it is missing, and was durable";
        return Err(OpenError::Damaged { file: FileName::Segment(newest), offset: 0, what });
    }
    let mut found: Vec<Listed> = Vec::new();
    for number in numbers.into_iter().rev() {
        if found.last().is_some_and(|after| after.header.number != number + 1) {
            break;
        }
        match read_segment(files, identity, number)? {
            Some(listed) => {
                let is_start = listed.header.previous.is_none();
                found.push(listed);
                if is_start {
                    found.reverse();
                    return Ok(found);
                }
            }
            // The crash came before it was durable, so nobody was told of it. Any other was, before the next was made.
            None if number == last && number > newest => {}
            None => {
                let file = FileName::Segment(number);
                return Err(OpenError::Damaged { file, offset: 0, what: "its beginning cannot be read" });
            }
        }
    }
    let missing = found.last().map_or(1, |oldest| oldest.header.number.saturating_sub(1));
    let what = "it is missing, and nothing later restates what it held";
    Err(OpenError::Damaged { file: FileName::Segment(missing), offset: 0, what })
}

/// A segment; nothing if it was never begun durably.
fn read_segment(files: &impl Files, identity: &Identity, number: u64) -> Result<Option<Listed>, OpenError> {
    let file = FileName::Segment(number);
    let size = files.len(file).map_err(OpenError::failing("measure", file))?;
    let mut bytes = [0; HEADER];
    let read = files.read(file, 0, &mut bytes).map_err(OpenError::failing("read", file))?;
    let decoded = bytes.get(..read).and_then(Header::decode);
    if let Some((header, checksum)) = decoded {
        header.check(identity, number)?;
        // Its space was durable before it had its name.
        if size < header.size.into() {
            return Err(OpenError::Damaged { file, offset: size, what: "it ends too early" });
        }
        let listed = Listed { header, checksum, size };
        // The first segment of all began empty.
        let is_empty_start = header.previous.is_none() && number == 1;
        if is_empty_start || listed.scan(files).next_record()?.is_some() {
            return Ok(Some(listed));
        }
    }
    // It was written with its first records, in one go. What was written to it later tells whether that was durable.
    match Scan::new(files, number, segment::seed(identity.directory, number), size, 0).tail()? {
        Tail::Zeros | Tail::Unsynced { .. } => Ok(None),
        Tail::WasDurable => {
            Err(OpenError::Damaged { file, offset: 0, what: "its beginning was durable and cannot be read" })
        }
    }
}

/// Replays the segments.
fn fold<C: Command>(files: &impl Files, segments: &[Listed]) -> Result<(Durable<C>, Found), OpenError> {
    let mut durable = Durable::default();
    let mut before: Option<(&Listed, u64, u32)> = None;
    for (position, listed) in segments.iter().enumerate() {
        if let Some((ended, end, _)) = before.filter(|(.., chain)| Some(*chain) != listed.header.previous) {
            return Err(ended.damaged(end, "a record that the next segment continues cannot be read"));
        }
        let mut scan = listed.scan(files);
        loop {
            let offset = scan.offset();
            let Some(body) = scan.next_record()? else { break };
            let record = decode_record(body).map_err(|_| listed.damaged(offset, "it cannot be read"))?;
            if !redo(&mut durable, record) {
                return Err(listed.damaged(offset, "it continues a log that ends before it"));
            }
        }
        before = Some((listed, scan.offset(), scan.chain));
        if position + 1 == segments.len() {
            let segment = Segment {
                number: listed.header.number,
                size: listed.size,
                end: scan.offset(),
                chain: scan.chain,
            };
            let synced = scan.synced;
            let tail = scan.tail()?;
            if tail == Tail::WasDurable {
                return Err(listed.damaged(segment.end, "a record that was durable cannot be read"));
            }
            return Ok((durable, Found { segment, synced, tail }));
        }
    }
    let what = "there is no segment at all";
    Err(OpenError::Damaged { file: FileName::Segment(1), offset: 0, what })
}

/// Replays a record. False if it contradicts what came before it.
fn redo<C>(durable: &mut Durable<C>, record: Record<Vec<Entry<C>>>) -> bool {
    match record {
        Record::TermAndVote { current_term, voted_for } => {
            durable.redo(Write::<Vec<Entry<C>>>::TermAndVote { current_term, voted_for })
        }
        Record::Append { after, entries } => durable.redo(Write::Append { after, entries }),
        Record::State { current_term, voted_for, snapshot, base, entries } => {
            *durable = Durable::default();
            let stands_for = |last| Write::<Vec<Entry<C>>>::Install { snapshot: bare(last) };
            // Without a snapshot nothing is gone from the log, so nothing stands for it.
            let begins =
                if snapshot.is_some() { durable.redo(stands_for(base)) } else { base == LogId::default() };
            begins
                && durable.redo(Write::<Vec<Entry<C>>>::TermAndVote { current_term, voted_for })
                && durable.redo(Write::Append { after: base.index, entries })
                && snapshot.is_none_or(|snapshot| {
                    let through = base.index;
                    durable.redo(Write::<Vec<Entry<C>>>::Compact { snapshot, through })
                })
        }
    }
}

/// A snapshot up to the base of a log, which the snapshot that stands for it may go beyond. Nobody ever sees it.
const fn bare(last: LogId) -> Snapshot {
    Snapshot { last, length: 1, digest: 0 }
}

impl Found {
    fn cut(&self) -> Option<Cut> {
        match self.tail {
            Tail::Zeros | Tail::WasDurable => None,
            Tail::Unsynced { end } => Some(Cut {
                file: FileName::Segment(self.segment.number),
                offset: self.segment.end,
                length: end - self.segment.end,
            }),
        }
    }
}

/// Writes and syncs again what is not known to be durable, and zeros what is cut off.
fn rewrite(files: &mut impl Files, found: &Found) -> Result<(), OpenError> {
    let name = FileName::Segment(found.segment.number);
    let mut piece = vec![0; ZEROS.len()];
    let mut offset = found.synced;
    while offset < found.segment.end {
        let count = piece.len().min(usize::try_from(found.segment.end - offset).unwrap_or(usize::MAX));
        let read = files.read(name, offset, &mut piece[..count]).map_err(OpenError::failing("read", name))?;
        if read == 0 {
            break;
        }
        files.write(name, offset, &piece[..read]).map_err(OpenError::failing("write", name))?;
        offset += read as u64;
    }
    if let Tail::Unsynced { end } = found.tail {
        let mut offset = found.segment.end;
        while offset < end {
            let count = ZEROS.len().min(usize::try_from(end - offset).unwrap_or(usize::MAX));
            files.write(name, offset, &ZEROS[..count]).map_err(OpenError::failing("write", name))?;
            offset += count as u64;
        }
    }
    files.sync(name).map_err(OpenError::failing("sync", name))?;
    files.sync_directory().map_err(OpenError::failing("sync the directory of", name))
}

/// Removes what nothing names any more. What cannot be removed stays until the next start.
fn remove_rubbish(
    files: &mut impl Files,
    names: &[FileName],
    segments: std::ops::RangeInclusive<u64>,
    snapshot: Option<Snapshot>,
) {
    let is_rubbish = |name: &&FileName| match name {
        // Half a new identity goes, for certain, before the next is written.
        FileName::Identity | FileName::NewIdentity => false,
        FileName::Spare | FileName::Built | FileName::Staged => true,
        FileName::Segment(number) => !segments.contains(number),
        FileName::Snapshot(other) => Some(*other) != snapshot,
    };
    for name in names.iter().filter(is_rubbish) {
        let _ = files.remove(*name);
    }
}
