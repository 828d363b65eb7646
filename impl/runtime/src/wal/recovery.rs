//! What a data directory holds: a fold of `redo` over the records, from the segment on that the identity names as the oldest.
//!
//! First everything is read and judged, then anything is changed. What is kept of the end is written and synced again, for after a
//! crash of the system the page cache proves nothing: a page that was never written can be read and is lost with the next crash.

use super::error::OpenError;
use super::files::{FileName, Files};
use super::footing::Footing;
use super::identity::Identity;
use super::replay::Replay;
use super::retention::Retention;
use super::room::Spare;
use super::scan::{Scan, Tail};
use super::segment::{self, HEADER, Header};
use super::{Layout, Segment, Wal, ZEROS, snapshots};
use crate::codec::decode_record;
use crate::command::Command;
use seaworthy_protocol::{Durable, Snapshot};
use std::ops::RangeInclusive;

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
    let (mut identity, named) = Identity::read(&files)?;
    let segments = segments(&files, &identity, &named, &names)?;
    let (durable, retention, found) = replay(&files, &segments)?;
    if let Some(snapshot) = durable.snapshot() {
        snapshots::check(&files, snapshot)?;
    }
    let cut = found.cut();
    rewrite(&mut files, &found)?;
    // Before the directory is synced once more: a spare that a crash brought back, with records of a life that is over, would be there
    // when the next segment gets its name.
    let segments = *named.start()..=found.segment.number;
    remove_rubbish(&mut files, &names, &segments, durable.snapshot());
    identity.starts += 1;
    identity.write(&segments, &mut files).map_err(OpenError::from_disk)?;
    let footing = Footing::of(&durable);
    let (segment, spare) = (found.segment, Spare::default());
    let wal = Wal { files, identity, layout, segment, footing, retention, spare, is_poisoned: false };
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

/// The segments from the oldest that is needed on, in order. Those that the identity names were durable.
fn segments(
    files: &impl Files,
    identity: &Identity,
    named: &RangeInclusive<u64>,
    names: &[FileName],
) -> Result<Vec<Listed>, OpenError> {
    let has_later = |number| names.iter().filter_map(number_of).any(|other| other > number);
    let mut found = Vec::new();
    for number in *named.start().. {
        let file = FileName::Segment(number);
        let is_named = named.contains(&number);
        if !names.contains(&file) {
            if is_named || has_later(number) {
                return Err(OpenError::Damaged { file, offset: 0, what: "it is missing, and was durable" });
            }
            break;
        }
        match read_segment(files, identity, number)? {
            Some(listed) => found.push(listed),
            // The crash came before it was durable, so nobody was told of it. Any other was, before the next was made.
            None if !is_named && !has_later(number) => break,
            None => return Err(OpenError::Damaged { file, offset: 0, what: "its beginning cannot be read" }),
        }
    }
    Ok(found)
}

const fn number_of(name: &FileName) -> Option<u64> {
    match name {
        FileName::Segment(number) => Some(*number),
        FileName::Identity
        | FileName::NewIdentity
        | FileName::Spare
        | FileName::Snapshot(_)
        | FileName::Built
        | FileName::Staged => None,
    }
}

/// A segment; nothing if it was never begun durably.
fn read_segment(files: &impl Files, identity: &Identity, number: u64) -> Result<Option<Listed>, OpenError> {
    let file = FileName::Segment(number);
    let size = files.len(file).map_err(OpenError::failing("measure", file))?;
    let mut bytes = [0; HEADER];
    let read = files.read(file, 0, &mut bytes).map_err(OpenError::failing("read", file))?;
    let decoded = bytes.get(..read).and_then(Header::decode);
    // That of the segment which had the space before counts as none: the name arrived, the header did not.
    let is_older = |header: &Header| header.directory == identity.directory && header.number < number;
    if let Some((header, checksum)) = decoded.filter(|(header, _)| !is_older(header)) {
        header.check(identity, number)?;
        // Its space was durable before it had its name.
        if size < header.size.into() {
            return Err(OpenError::Damaged { file, offset: size, what: "it ends too early" });
        }
        let listed = Listed { header, checksum, size };
        // The first segment of all began empty.
        if number == 1 || listed.scan(files).next_record()?.is_some() {
            return Ok(Some(listed));
        }
    }
    // It was written with its first records, in one go. What was written to it later tells whether that was durable.
    match Scan::new(files, number, segment::seed(identity.directory, number), size, 0).tail()? {
        Tail::Nothing | Tail::Unsynced { .. } => Ok(None),
        Tail::WasDurable => {
            Err(OpenError::Damaged { file, offset: 0, what: "its beginning was durable and cannot be read" })
        }
    }
}

/// Replays the segments.
fn replay<C: Command>(
    files: &impl Files,
    segments: &[Listed],
) -> Result<(Durable<C>, Retention, Found), OpenError> {
    let missing = || {
        let what = "it is missing, and nothing later stands for what it held";
        let number = segments.first().map_or(1, |oldest| oldest.header.number.saturating_sub(1));
        OpenError::Damaged { file: FileName::Segment(number), offset: 0, what }
    };
    let first = segments.first().ok_or_else(missing)?;
    let mut replay = Replay::begin(first.header.number, &first.header.footing).ok_or_else(missing)?;
    let (mut last, mut scan) = (first, replay_one(files, first, &mut replay)?);
    for listed in segments.iter().skip(1) {
        if scan.chain != listed.header.previous {
            return Err(
                last.damaged(scan.offset(), "a record that the next segment continues cannot be read")
            );
        }
        if !replay.go_on(listed.header.number, &listed.header.footing) {
            return Err(listed.damaged(0, "it stands on something else than the segments before it hold"));
        }
        (last, scan) = (listed, replay_one(files, listed, &mut replay)?);
    }
    let (durable, retention) = replay.end().ok_or_else(missing)?;
    let (number, size, end) = (last.header.number, last.size, scan.offset());
    let segment = Segment { number, size, end, chain: scan.chain };
    let (synced, tail) = (scan.synced, scan.tail()?);
    if tail == Tail::WasDurable {
        return Err(last.damaged(end, "a record that was durable cannot be read"));
    }
    Ok((durable, retention, Found { segment, synced, tail }))
}

/// Replays the records of a segment, and answers where they end.
fn replay_one<'f, C: Command, F: Files>(
    files: &'f F,
    listed: &Listed,
    replay: &mut Replay<C>,
) -> Result<Scan<'f, F>, OpenError> {
    let mut scan = listed.scan(files);
    loop {
        let offset = scan.offset();
        let Some(body) = scan.next_record()? else { return Ok(scan) };
        let record = decode_record(body).map_err(|_| listed.damaged(offset, "it cannot be read"))?;
        if !replay.take(record) {
            return Err(listed.damaged(offset, "it continues a log that ends before it"));
        }
    }
}

impl Found {
    fn cut(&self) -> Option<Cut> {
        match self.tail {
            Tail::Nothing | Tail::WasDurable => None,
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
    segments: &RangeInclusive<u64>,
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
