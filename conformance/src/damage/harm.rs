//! Does something to a data directory.

use super::copy;
use super::deed::{Deed, Part, Way};
use super::held::Held;
use super::part;
use super::records::{end, last_batch, records};
use crate::kill::Outcome;
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::FileName;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a disk forgets together.
const SECTOR: usize = 512;

/// Other directories, from which something is taken.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    /// The node's own, before its last start.
    pub(super) earlier_run: PathBuf,
    /// And since that.
    pub(super) this_run: PathBuf,
    /// Another node's.
    pub(super) other: PathBuf,
}

/// What was done.
#[derive(Clone, Debug)]
pub(super) struct Harm {
    /// To which file; nothing if to all.
    pub(super) file: Option<String>,
    pub(super) before: Vec<u8>,
    /// Nothing if it is gone.
    pub(super) after: Option<Vec<u8>>,
}

/// Does it. Nothing if the directory has no such part now.
pub(super) fn harm(
    deed: Deed,
    directory: &Path,
    held: &Held,
    sources: &Sources,
    dice: &mut Pcg64Mcg,
) -> Outcome<Option<Harm>> {
    if deed.part == Part::Directory {
        return harm_all(deed.way, directory, sources, dice).map(Some);
    }
    let Some(file) = part::find(deed.part, directory, held, dice)? else { return Ok(None) };
    let before = fs::read(directory.join(&file))?;
    let Some(after) = changed(deed, &file, &before, sources, dice)? else { return Ok(None) };
    match &after {
        Some(bytes) => copy::write(&directory.join(&file), bytes)?,
        None => fs::remove_file(directory.join(&file))?,
    }
    Ok(Some(Harm { file: Some(file), before, after }))
}

/// The bytes that a file has afterwards, if it is there. Nothing if that cannot be done to it.
#[expect(clippy::option_option, reason = "a file that is gone is something that can be done")]
fn changed(
    deed: Deed,
    file: &str,
    before: &[u8],
    sources: &Sources,
    dice: &mut Pcg64Mcg,
) -> Outcome<Option<Option<Vec<u8>>>> {
    let parts = records(before);
    let whole = match deed.part {
        Part::OldSegment | Part::LastSegment => 0..end(&parts),
        Part::Identity | Part::Peers | Part::Snapshot | Part::Directory => 0..before.len(),
    };
    let turned = |range: Range<usize>, dice: &mut Pcg64Mcg| {
        let mut bytes = before.to_vec();
        let offset = (!range.is_empty()).then(|| dice.random_range(range))?;
        *bytes.get_mut(offset)? ^= 1 << dice.random_range(0..8);
        Some(Some(bytes))
    };
    Ok(match deed.way {
        Way::BitTurned if deed.part == Part::LastSegment => turned(0..last_batch(&parts), dice),
        Way::BitTurned => turned(whole, dice),
        Way::BitOfLastBatch => turned(last_batch(&parts)..end(&parts), dice),
        Way::BitBehindEnd => turned(end(&parts)..before.len(), dice),
        Way::CutShort => Some(Some(before[..dice.random_range(1..before.len())].to_vec())),
        Way::Emptied => Some(Some(Vec::new())),
        Way::Removed => Some(None),
        Way::SectorZeroed => {
            let mut bytes = before.to_vec();
            let begin = dice.random_range(whole) / SECTOR * SECTOR;
            let sector = begin..(begin + SECTOR).min(bytes.len());
            bytes[sector].fill(0);
            Some(Some(bytes))
        }
        Way::OlderOfThisRun => counterpart(deed.part, file, &sources.this_run)?.map(Some),
        Way::OlderOfEarlierRun => counterpart(deed.part, file, &sources.earlier_run)?.map(Some),
        Way::AnotherNodes => counterpart(deed.part, file, &sources.other)?.map(Some),
        // Only directories have these.
        Way::MadeAnew | Way::Rubbish => None,
    })
}

/// What is in the place of a file in another directory: one of its name, or one of its kind.
fn counterpart(part: Part, file: &str, source: &Path) -> Outcome<Option<Vec<u8>>> {
    if source.join(file).exists() {
        return Ok(Some(fs::read(source.join(file))?));
    }
    let alike = match part {
        Part::OldSegment => part::segments(source)?.into_iter().next(),
        Part::LastSegment => part::segments(source)?.pop(),
        Part::Snapshot => snapshots(source)?.pop(),
        Part::Identity | Part::Peers | Part::Directory => None,
    };
    Ok(alike.map(|name| fs::read(source.join(name))).transpose()?)
}

/// Is there a snapshot in a directory?
pub(super) fn has_snapshot(directory: &Path) -> Outcome<bool> {
    Ok(!snapshots(directory)?.is_empty())
}

fn snapshots(directory: &Path) -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(matches!(FileName::parse(&name), Some(FileName::Snapshot(_))).then_some(name));
    }
    names.sort();
    Ok(names)
}

fn harm_all(way: Way, directory: &Path, sources: &Sources, dice: &mut Pcg64Mcg) -> Outcome<Harm> {
    match way {
        Way::OlderOfThisRun => copy::copy(&sources.this_run, directory)?,
        Way::OlderOfEarlierRun => copy::copy(&sources.earlier_run, directory)?,
        Way::AnotherNodes => copy::copy(&sources.other, directory)?,
        Way::Rubbish => {
            for name in ["spare.new", "built.new", "staged.new", "identity.new", "peers.new", "notes.txt"] {
                let bytes: Vec<u8> = (0..dice.random_range(0..2000)).map(|_| dice.random()).collect();
                fs::write(directory.join(name), bytes)?;
            }
        }
        Way::Removed | Way::MadeAnew => copy::remove(directory)?,
        Way::BitTurned
        | Way::BitOfLastBatch
        | Way::BitBehindEnd
        | Way::CutShort
        | Way::Emptied
        | Way::SectorZeroed => return Err(format!("{way} is for files").into()),
    }
    Ok(Harm { file: None, before: Vec::new(), after: None })
}
