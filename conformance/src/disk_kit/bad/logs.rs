//! Logs that do something else than they say.

use crate::disk_kit::{Records, Refusal, SharedFiles, Subject, Unopened};
use seaworthy::codec::Record;
use seaworthy::wal::{FileName, Files};
use seaworthy_protocol::{Chunk, Durable, Snapshot};

/// What a log does in the place of what it was asked for. Whatever a vice leaves alone is done well.
pub trait Vice: Default {
    /// In the place of [`Subject::init`].
    ///
    /// # Errors
    ///
    /// What the log says; likewise below.
    fn init<S: Subject>(files: SharedFiles) -> Result<(), Unopened> {
        S::init(files)
    }

    /// In the place of [`Subject::open`].
    ///
    /// # Errors
    ///
    /// As above.
    fn open<S: Subject>(files: SharedFiles) -> Result<(S, Durable<u64>), Unopened> {
        S::open(files)
    }

    /// In the place of [`Subject::append`].
    ///
    /// # Errors
    ///
    /// As above.
    fn append<S: Subject>(&mut self, log: &mut S, records: &Records) -> Result<(), Refusal> {
        log.append(records)
    }

    /// In the place of [`Subject::save_snapshot`].
    ///
    /// # Errors
    ///
    /// As above.
    fn save_snapshot<S: Subject>(
        &mut self,
        log: &mut S,
        snapshot: Snapshot,
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        log.save_snapshot(snapshot, bytes)
    }

    /// In the place of [`Subject::keep_staged`].
    ///
    /// # Errors
    ///
    /// As above.
    fn keep_staged<S: Subject>(&mut self, log: &mut S, snapshot: Snapshot) -> Result<bool, Refusal> {
        log.keep_staged(snapshot)
    }
}

/// A log with a vice.
#[derive(Clone, Debug)]
pub struct BadLog<S, V> {
    log: S,
    vice: V,
}

impl<S: Subject, V: Vice> Subject for BadLog<S, V> {
    fn init(files: SharedFiles) -> Result<(), Unopened> {
        V::init::<S>(files)
    }

    fn open(files: SharedFiles) -> Result<(Self, Durable<u64>), Unopened> {
        let (log, durable) = V::open::<S>(files)?;
        Ok((Self { log, vice: V::default() }, durable))
    }

    fn starts(&self) -> u64 {
        self.log.starts()
    }

    fn append(&mut self, records: &Records) -> Result<(), Refusal> {
        self.vice.append(&mut self.log, records)
    }

    fn save_snapshot(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Result<(), Refusal> {
        self.vice.save_snapshot(&mut self.log, snapshot, bytes)
    }

    fn stage(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), Refusal> {
        self.log.stage(chunk, bytes)
    }

    fn keep_staged(&mut self, snapshot: Snapshot) -> Result<bool, Refusal> {
        self.vice.keep_staged(&mut self.log, snapshot)
    }

    fn read_snapshot(&self, snapshot: Snapshot, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.log.read_snapshot(snapshot, offset, length)
    }
}

/// A batch waits for the next one, and has been acknowledged.
#[derive(Clone, Debug, Default)]
pub struct AcknowledgesEarly {
    waiting: Records,
}

impl Vice for AcknowledgesEarly {
    fn append<S: Subject>(&mut self, log: &mut S, records: &Records) -> Result<(), Refusal> {
        let waiting = std::mem::replace(&mut self.waiting, records.clone());
        if waiting.is_empty() { Ok(()) } else { log.append(&waiting) }
    }
}

/// A batch for which there is no room counts as written.
#[derive(Clone, Copy, Debug, Default)]
pub struct SwallowsNoRoom;

impl Vice for SwallowsNoRoom {
    fn append<S: Subject>(&mut self, log: &mut S, records: &Records) -> Result<(), Refusal> {
        match log.append(records) {
            Err(Refusal::Full) => Ok(()),
            outcome => outcome,
        }
    }
}

/// A vote and what follows it are written one after the other, and the vote last.
#[derive(Clone, Copy, Debug, Default)]
pub struct SplitsBatches;

impl Vice for SplitsBatches {
    fn append<S: Subject>(&mut self, log: &mut S, records: &Records) -> Result<(), Refusal> {
        match &records[..] {
            [vote @ Record::TermAndVote { .. }, entries @ Record::Append { .. }] => {
                log.append(&vec![entries.clone()])?;
                log.append(&vec![vote.clone()])
            }
            _ => log.append(records),
        }
    }
}

/// Damage is cut off, with all that follows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TruncatesAtDamage;

impl Vice for TruncatesAtDamage {
    fn open<S: Subject>(files: SharedFiles) -> Result<(S, Durable<u64>), Unopened> {
        if cut_until_it_opens::<S>(files.copy()) {
            cut_until_it_opens::<S>(files.clone());
        }
        S::open(files)
    }
}

/// False if nothing is left.
fn cut_until_it_opens<S: Subject>(mut files: SharedFiles) -> bool {
    loop {
        match S::open(files.copy()) {
            Ok(_) => return true,
            Err(Unopened::Damaged { file: file @ FileName::Segment(_), offset, .. }) => {
                if cut(&mut files, file, offset).is_none() {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
}

/// Zeros the rest of a segment, and removes those behind it; nothing if there was nothing to cut.
fn cut(files: &mut SharedFiles, file: FileName, offset: u64) -> Option<()> {
    let mut content = files.content(file);
    let rest = content.get_mut(usize::try_from(offset).ok()?..)?;
    let later =
        files.list().ok()?.into_iter().filter(|name| matches!(name, FileName::Segment(_)) && *name > file);
    let later: Vec<FileName> = later.collect();
    if later.is_empty() && rest.iter().all(|byte| *byte == 0) {
        return None;
    }
    rest.fill(0);
    files.write(file, 0, &content).ok()?;
    for name in later {
        files.remove(name).ok()?;
    }
    Some(())
}

/// A snapshot is written when the record that names it has been.
#[derive(Clone, Debug, Default)]
pub struct NamesBeforeSaving {
    waiting: Option<(Snapshot, Vec<u8>)>,
}

impl Vice for NamesBeforeSaving {
    fn append<S: Subject>(&mut self, log: &mut S, records: &Records) -> Result<(), Refusal> {
        log.append(records)?;
        match self.waiting.take() {
            None => Ok(()),
            Some((snapshot, bytes)) => log.save_snapshot(snapshot, &bytes),
        }
    }

    fn save_snapshot<S: Subject>(
        &mut self,
        _: &mut S,
        snapshot: Snapshot,
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        self.waiting = Some((snapshot, bytes.to_vec()));
        Ok(())
    }
}

/// Whatever has arrived counts as what was announced.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepsAnythingStaged;

impl Vice for KeepsAnythingStaged {
    fn keep_staged<S: Subject>(&mut self, log: &mut S, snapshot: Snapshot) -> Result<bool, Refusal> {
        log.keep_staged(snapshot).map(|_| true)
    }
}

/// The files of a new directory are made in the order of their names: the identity, by which it counts as made, comes first.
#[derive(Clone, Copy, Debug, Default)]
pub struct InitialisesInPlace;

impl Vice for InitialisesInPlace {
    fn init<S: Subject>(mut files: SharedFiles) -> Result<(), Unopened> {
        let failed = |error: std::io::Error| Unopened::Failed(error.to_string());
        if files.len(FileName::Identity).is_ok() {
            return S::init(files);
        }
        let whole = SharedFiles::default();
        S::init(whole.clone())?;
        for name in whole.list().map_err(failed)? {
            files.create(name).map_err(failed)?;
            files.write(name, 0, &whole.content(name)).map_err(failed)?;
            files.sync(name).map_err(failed)?;
            files.sync_directory().map_err(failed)?;
        }
        Ok(())
    }
}
