//! A log that is written, crashes, and has bits turned in it.

use crate::disk_kit::{crc32c, snapshot_bytes, snapshot_of};
use crate::sim::SimFiles;
use arbitrary::{Result, Unstructured};
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::Record;
use seaworthy::wal::{Batch, FileName, Files, Identity, Layout, Wal};
use seaworthy_protocol::{Durable, Entry, Index, LogId, NodeId, Payload, Term, Write};
use std::ops::RangeInclusive;

/// Small, so that segments are begun often.
const LAYOUT: Layout = Layout { segment_size: 512, piece_size: 64 };

/// A log, and what it has held.
struct Trial {
    files: SimFiles,
    /// Every state that some record made, the latest last.
    history: Vec<Durable<u64>>,
    /// Bits have turned: damage may be found, and an end may be taken for one that was never durable.
    is_damaged: bool,
}

/// Writes records, crashes, turns bits, and looks at what is found.
///
/// # Panics
///
/// If something is found that was never there; or, unless bits have turned, if something is lost or refused.
pub fn recovery(bytes: &[u8]) {
    let node = NodeId::new(1).unwrap_or_else(|| unreachable!("1 is a number of a node"));
    let identity = Identity { cluster: 1, node, directory: 7, starts: 0 };
    let files = Wal::init(SimFiles::default(), identity, LAYOUT);
    let files = files.unwrap_or_else(|error| unreachable!("{error}: nothing is wrong with the disk yet"));
    let mut trial = Trial { files, history: vec![Durable::default()], is_damaged: false };
    // It ends when the bytes do.
    let _ = trial.run(&mut Unstructured::new(bytes));
    drop(trial.open());
}

impl Trial {
    fn run(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        // Half of the logs stay whole: of the others little can be said once a bit has turned.
        let turns_bits = input.arbitrary()?;
        while !input.is_empty() {
            match input.int_in_range(0..=7_u8)? {
                0 if turns_bits => self.turn_a_bit(input)?,
                0 | 1 => self.files.crash(&mut Pcg64Mcg::new(input.arbitrary::<u8>()?.into())),
                _ => {
                    let records = input.int_in_range(1..=6_usize)?;
                    let Some(mut wal) = self.open() else { return Ok(()) };
                    for _ in 0..records {
                        let appended = self.append(&mut wal, input);
                        self.files = wal.files().clone();
                        appended?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What is found must have been there.
    fn open(&mut self) -> Option<Wal<SimFiles>> {
        match Wal::<SimFiles>::open::<u64>(self.files.clone(), LAYOUT) {
            Ok((wal, recovery)) => {
                let is_latest = self.history.last() == Some(&recovery.durable);
                assert!(is_latest || self.is_damaged, "{:?} is not the latest", recovery.durable);
                assert!(self.history.contains(&recovery.durable), "{:?} was never there", recovery.durable);
                self.history.push(recovery.durable);
                self.files = wal.files().clone();
                Some(wal)
            }
            Err(error) => {
                assert!(self.is_damaged, "{error}");
                None
            }
        }
    }

    /// Some records, which waited one behind the other and become durable together.
    fn append(&mut self, wal: &mut Wal<SimFiles>, input: &mut Unstructured<'_>) -> Result<()> {
        let mut durable = self.history.last().cloned().unwrap_or_default();
        let (mut batch, mut states) = (Batch::default(), Vec::new());
        for _ in 0..input.int_in_range(1..=3_u8)? {
            let mut next = Batch::default();
            for record in records(&durable, input)? {
                if let Record::Compact { snapshot, .. } | Record::Install { snapshot } = record {
                    let saved = wal.save_snapshot(snapshot, &snapshot_bytes(snapshot.last));
                    assert!(saved.is_ok(), "{saved:?}: nothing is wrong with the disk");
                }
                next.push(&record.borrowed());
                assert!(redo(&mut durable, record), "a record that a node could write");
                states.push(durable.clone());
            }
            batch.merge(next);
        }
        let before = named(wal.files());
        let appended = wal.append(&mut batch);
        assert!(appended.is_ok(), "{appended:?}: nothing is wrong with the disk");
        self.history.extend(states);
        if !self.is_damaged {
            self.look(wal.files(), before != named(wal.files()));
        }
        Ok(())
    }

    /// What was appended is found. When a segment has begun, those are there that recovery needs, and two others at most.
    fn look(&self, files: &SimFiles, has_begun: bool) {
        let latest = self.history.last();
        assert_eq!(found(files).as_ref(), latest, "all that was appended");
        if !has_begun {
            return;
        }
        let named = named(files);
        let mut there: Vec<FileName> = files.list().unwrap_or_default();
        there.retain(|name| matches!(name, FileName::Segment(_)));
        there.sort();
        assert_eq!(there, named.clone().map(FileName::Segment).collect::<Vec<_>>(), "those it names");
        let would_do = |later: &u64| found(&beginning_with(files, *later)).as_ref() == latest;
        let would_do: Vec<u64> = named.skip(1).filter(would_do).collect();
        assert!(would_do.len() <= 2, "segments {would_do:?} would do, and older ones are there");
    }

    fn turn_a_bit(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut names: Vec<FileName> = self.files.list().unwrap_or_default();
        names.sort();
        let name = *input.choose(&names)?;
        let (offset, bit) = (input.int_in_range(0..=1023_u64)?, input.int_in_range(0..=7_u8)?);
        self.is_damaged |= self.files.flip(name, offset, bit);
        Ok(())
    }
}

fn redo(durable: &mut Durable<u64>, record: Record<Vec<Entry<u64>>>) -> bool {
    durable.redo(match record {
        Record::TermAndVote { current_term, voted_for } => Write::TermAndVote { current_term, voted_for },
        Record::Append { after, entries } => Write::Append { after, entries },
        Record::Compact { snapshot, base } => Write::Compact { snapshot, through: base.index },
        Record::Install { snapshot } => Write::Install { snapshot },
    })
}

/// What a node could write that holds this.
fn records(durable: &Durable<u64>, input: &mut Unstructured<'_>) -> Result<Vec<Record<Vec<Entry<u64>>>>> {
    let (base, last) = (durable.log().base(), durable.log().last());
    // What a snapshot covers is never cut.
    let floor = durable.snapshot().map_or(base.index, |snapshot| snapshot.last.index);
    let next_term = Term(durable.current_term().0 + 1);
    let choice = input.int_in_range(0..=9_u8)?;
    let vote = Record::TermAndVote { current_term: next_term, voted_for: NodeId::new(choice % 4) };
    Ok(match choice {
        0 => vec![vote],
        1 if last.index > Index(0) => {
            let covered = Index(input.int_in_range(floor.0.max(1)..=last.index.0)?);
            let through = Index(input.int_in_range(base.index.0..=covered.0)?);
            let id = |index| LogId { term: durable.log().term_at(index).unwrap_or_default(), index };
            vec![Record::Compact { snapshot: snapshot_of(id(covered)), base: id(through) }]
        }
        // Of another term than the entry that is there, if there is one: the log holds nothing of it.
        2 => {
            let index = Index(input.int_in_range(floor.0 + 1..=last.index.0.max(floor.0) + 4)?);
            vec![vote, Record::Install { snapshot: snapshot_of(LogId { term: next_term, index }) }]
        }
        _ => {
            let after = Index(input.int_in_range(floor.0..=last.index.0)?);
            let count = input.int_in_range(0..=4_u64)?;
            let entry = |number| Entry { term: durable.current_term(), payload: Payload::Command(number) };
            vec![Record::Append { after, entries: (0..count).map(entry).collect() }]
        }
    })
}

/// What recovery finds; nothing if it refuses.
fn found(files: &SimFiles) -> Option<Durable<u64>> {
    Wal::<SimFiles>::open::<u64>(files.clone(), LAYOUT).ok().map(|(_, recovery)| recovery.durable)
}

/// Where the identity says which segments must be there, and where its checksum stands.
const OLDEST: std::ops::Range<usize> = 12..16;
const NEWEST: std::ops::Range<usize> = 56..60;
const CHECKSUM: std::ops::Range<usize> = 60..64;

fn identity(files: &SimFiles) -> [u8; 64] {
    let mut bytes = [0; 64];
    let read = files.read(FileName::Identity, 0, &mut bytes);
    assert!(read.is_ok_and(|count| count == bytes.len()), "an identity is there");
    bytes
}

/// The segments that must be there.
fn named(files: &SimFiles) -> RangeInclusive<u64> {
    let bytes = identity(files);
    let number = |field: &[u8]| field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    number(&bytes[OLDEST])..=number(&bytes[NEWEST])
}

/// The same, as if all segments before this one were needed no more.
fn beginning_with(files: &SimFiles, oldest: u64) -> SimFiles {
    let mut files = files.clone();
    let mut bytes = identity(&files);
    bytes[OLDEST].copy_from_slice(&u32::try_from(oldest).unwrap_or(u32::MAX).to_le_bytes());
    let checksum = crc32c(0, &bytes[..CHECKSUM.start]);
    bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    let written = files.write(FileName::Identity, 0, &bytes);
    assert!(written.is_ok(), "{written:?}: nothing is wrong with the disk");
    files
}
