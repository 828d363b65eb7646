//! A log that is written, crashes, and has bits turned in it.

use crate::disk_kit::{snapshot_bytes, snapshot_of};
use crate::sim::SimFiles;
use arbitrary::{Result, Unstructured};
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::Record;
use seaworthy::wal::{Batch, FileName, Files, Identity, Layout, Wal};
use seaworthy_protocol::{Durable, Entry, Index, NodeId, Payload, Term, Write};

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
        while !input.is_empty() {
            match input.int_in_range(0..=7_u8)? {
                0 => self.turn_a_bit(input)?,
                1 => self.files.crash(&mut Pcg64Mcg::new(input.arbitrary::<u8>()?.into())),
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

    fn append(&mut self, wal: &mut Wal<SimFiles>, input: &mut Unstructured<'_>) -> Result<()> {
        let mut durable = self.history.last().cloned().unwrap_or_default();
        let mut batch = Batch::default();
        match input.int_in_range(0..=9_u8)? {
            0 => {
                let current_term = Term(durable.current_term().0 + 1);
                let voted_for = NodeId::new(input.int_in_range(0..=3)?);
                batch.push::<u64>(&Record::TermAndVote { current_term, voted_for });
                assert!(durable.redo::<Vec<_>>(Write::TermAndVote { current_term, voted_for }));
            }
            1 => {
                let last = durable.log().last();
                let through = Index(input.int_in_range(durable.log().base().index.0..=last.index.0)?);
                let snapshot = snapshot_of(last);
                let saved = wal.save_snapshot(snapshot, &snapshot_bytes(last));
                assert!(saved.is_ok(), "{saved:?}: nothing is wrong with the disk");
                if input.arbitrary()? && durable.redo::<Vec<_>>(Write::Compact { snapshot, through }) {
                    batch.push::<u64>(&Record::Compact { snapshot, base: durable.log().base() });
                } else {
                    batch.push::<u64>(&Record::Install { snapshot });
                    assert!(durable.redo::<Vec<_>>(Write::Install { snapshot }));
                }
            }
            _ => {
                let (base, last) = (durable.log().base(), durable.log().last_index());
                let floor = durable.snapshot().map_or(base.index, |snapshot| snapshot.last.index);
                let after = Index(input.int_in_range(floor.0..=last.0)?);
                let count = input.int_in_range(0..=4_u64)?;
                let command = |number| Payload::Command(number);
                let entry = |number| Entry { term: durable.current_term(), payload: command(number) };
                let entries: Vec<Entry<u64>> = (0..count).map(entry).collect();
                batch.push(&Record::Append { after, entries: &entries });
                assert!(durable.redo(Write::Append { after, entries }));
            }
        }
        let appended = wal.append(&mut batch);
        assert!(appended.is_ok(), "{appended:?}: nothing is wrong with the disk");
        self.history.push(durable);
        Ok(())
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
