//! A disk that turns bits of what was durable.

use super::Broken;
use crate::disk_kit::{Deed, Ledger, SharedFiles, Step, Subject, Trial, Unopened};
use seaworthy::wal::{FileName, Files};
use std::collections::BTreeMap;
use std::ops::Range;

/// With a bit turned in what was durable before the last batch the log does not open, and says where, or misses nothing.
///
/// A log cannot tell damage in its last batch from a batch that a crash tore, unless it notes somewhere that it was durable; so
/// it may cut that off. From each file's beginning every bit is tried, a sample of the rest; each seed has another.
///
/// # Errors
///
/// If it opens with something missing or something else, blames the wrong file, or changes what it refused to open.
pub fn a_turned_bit_is_noticed<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_turned_bit_is_noticed";
    for seed in seeds {
        let begun = Rotting::<S>::begin();
        let mut rotting = begun.map_err(Broken::at(NAME, seed, "the workload"))?;
        for (name, content) in contents(&rotting.trial.files) {
            for (offset, bit) in sample(content.len() as u64, seed) {
                let moment = format!("bit {bit} of byte {offset} of {name} turned");
                rotting.turn(name, offset, bit).map_err(Broken::at(NAME, seed, moment))?;
            }
        }
    }
    Ok(())
}

/// Which bits: all of a header, and of the rest one in some bytes.
fn sample(length: u64, seed: u64) -> impl Iterator<Item = (u64, u8)> {
    const HEADER: u64 = 64;
    const STRIDE: usize = 5;
    let header = (0..length.min(HEADER)).flat_map(|offset| (0..8).map(move |bit| (offset, bit)));
    let bit = move |offset: u64| u8::try_from((offset / 5 + seed / 5) % 8).unwrap_or_default();
    let rest = (HEADER + seed % 5..length).step_by(STRIDE);
    header.chain(rest.map(move |offset| (offset, bit(offset))))
}

struct Rotting<S> {
    /// Never opened: its copies are.
    trial: Trial<S>,
    /// A copy to turn bits of.
    copy: SharedFiles,
    /// What it may hold if the last batch is lost.
    lenient: Ledger,
    /// The files before the last batch.
    before: BTreeMap<FileName, Vec<u8>>,
    /// And after it.
    after: BTreeMap<FileName, Vec<u8>>,
}

impl<S: Subject> Rotting<S> {
    /// A log of several segments, the first of which restates what went before.
    fn begin() -> Result<Self, String> {
        let mut trial = Trial::<S>::begin()?;
        let append = |added| Step::Alone(Deed::Append { cut: 1, added });
        trial.run_well(&[Step::Alone(Deed::Vote), append(20), Step::Compact { kept: 5 }, append(40)])?;
        // Last in its segment: without it the log would go on all the same.
        trial.run_well(&[Step::Alone(Deed::Vote)])?;
        trial.run_well(&[append(350), append(3), append(360), Step::Alone(Deed::Vote), append(4)])?;
        let before = contents(&trial.files);
        let mut lenient = trial.ledger.clone();
        if let [crate::disk_kit::Request::Append(_, states)] = &append(6).requests(&trial.ledger)[..] {
            lenient.ask(states);
        }
        trial.run_well(&[append(6)])?;
        trial.restart();
        let (after, copy) = (contents(&trial.files), trial.files.copy());
        Ok(Self { trial, copy, lenient, before, after })
    }

    fn turn(&mut self, name: FileName, offset: u64, bit: u8) -> Result<(), String> {
        self.copy.with(|files| files.flip(name, offset, bit));
        let done = self.copy.with(|files| files.counts.writes + files.counts.syncs);
        match S::open(self.copy.clone()) {
            Err(Unopened::Damaged { file, offset: told, .. }) if file == name && told <= offset => {
                if self.copy.with(|files| files.counts.writes + files.counts.syncs) != done {
                    return Err("it was not opened, and changed".to_owned());
                }
                self.copy.with(|files| files.flip(name, offset, bit));
                Ok(())
            }
            Err(error) => Err(format!("it was not opened, and that is blamed on {error}")),
            Ok(_) => self.opened(name, offset, bit),
        }
    }

    /// It opened: then the bit did not matter, or lay in the last batch.
    fn opened(&mut self, name: FileName, offset: u64, bit: u8) -> Result<(), String> {
        let mut trial = self.trial.fork();
        if self.is_last_batch(name, offset) {
            trial.ledger = self.lenient.clone();
        }
        trial.files.with(|files| files.flip(name, offset, bit));
        self.copy = self.trial.files.copy();
        trial.open()
    }

    /// Is it behind the first word that the last batch changed?
    fn is_last_batch(&self, name: FileName, offset: u64) -> bool {
        let (Some(before), Some(after)) = (self.before.get(&name), self.after.get(&name)) else {
            return true;
        };
        let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
        offset >= same as u64 / 8 * 8
    }
}

fn contents(files: &SharedFiles) -> BTreeMap<FileName, Vec<u8>> {
    let names = files.list().unwrap_or_default();
    names.into_iter().map(|name| (name, files.content(name))).collect()
}
