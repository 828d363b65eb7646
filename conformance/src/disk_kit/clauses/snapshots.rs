//! Snapshots as files. That the one which the log names is whole, every other clause looks at too, with each start.

use super::{Broken, dice};
use crate::disk_kit::{Deed, Request, Step, Subject, Trial, snapshot_bytes, snapshot_of};
use seaworthy_protocol::{Chunk, Snapshot};
use std::ops::Range;

/// Only what was announced is kept as a snapshot, and one that waits for its record stays.
///
/// # Errors
///
/// If that is not so.
pub fn a_snapshot_is_whole_or_not_there<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_snapshot_is_whole_or_not_there";
    for seed in seeds {
        only_what_was_announced::<S>().map_err(Broken::at(NAME, seed, "a snapshot arrives"))?;
        in_pieces::<S>().map_err(Broken::at(NAME, seed, "a snapshot is read"))?;
        one_waits::<S>(seed).map_err(Broken::at(NAME, seed, "a snapshot waits for its record"))?;
    }
    Ok(())
}

fn begin<S: Subject>() -> Result<(Trial<S>, Snapshot), String> {
    let mut trial = Trial::<S>::begin()?;
    trial.run_well(&[Step::Alone(Deed::Vote), Step::Alone(Deed::Append { cut: 0, added: 9 })])?;
    let snapshot = snapshot_of(trial.ledger.latest().log().last());
    Ok((trial, snapshot))
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should_be: &T) -> Result<(), String> {
    if is == should_be { Ok(()) } else { Err(format!("{what}: {is:?}, and should be {should_be:?}")) }
}

fn only_what_was_announced<S: Subject>() -> Result<(), String> {
    let (mut trial, snapshot) = begin::<S>()?;
    let log = trial.log()?;
    let bytes = snapshot_bytes(snapshot.last);
    let half = snapshot.length / 2;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let begins = Chunk { snapshot, offset: 0, length: half };
    let ends = Chunk { snapshot, offset: half, length: snapshot.length - half };
    let mut other = second.to_vec();
    other[7] ^= 4;
    expect("kept, with nothing there", &log.keep_staged(snapshot), &Ok(false))?;
    expect("begun", &log.stage(&begins, first), &Ok(()))?;
    expect("kept, with half of it there", &log.keep_staged(snapshot), &Ok(false))?;
    expect("begun anew", &log.stage(&begins, first), &Ok(()))?;
    expect("ended with a bit turned", &log.stage(&ends, &other), &Ok(()))?;
    expect("kept, with a bit turned", &log.keep_staged(snapshot), &Ok(false))?;
    expect("not there", &log.read_snapshot(snapshot, 0, bytes.len()).is_some(), &false)?;
    expect("begun anew", &log.stage(&begins, first), &Ok(()))?;
    expect("ended", &log.stage(&ends, second), &Ok(()))?;
    expect("kept", &log.keep_staged(snapshot), &Ok(true))?;
    expect("read", &(log.read_snapshot(snapshot, 0, bytes.len()) == Some(bytes)), &true)
}

fn in_pieces<S: Subject>() -> Result<(), String> {
    let (mut trial, snapshot) = begin::<S>()?;
    let log = trial.log()?;
    let bytes = snapshot_bytes(snapshot.last);
    expect("read, and nothing is there", &log.read_snapshot(snapshot, 0, 8).is_some(), &false)?;
    expect("saved", &log.save_snapshot(snapshot, &bytes), &Ok(()))?;
    let piece = log.read_snapshot(snapshot, 4000, 900);
    expect("a piece", &(piece.as_deref() == bytes.get(4000..4900)), &true)?;
    let beyond = log.read_snapshot(snapshot, snapshot.length - 1, 2);
    expect("read beyond the end", &beyond.is_some(), &false)?;
    let other = Snapshot { digest: !snapshot.digest, ..snapshot };
    expect("another", &log.read_snapshot(other, 0, 8).is_some(), &false)
}

/// Two snapshots are there before the first is named: to name it must not take the second.
fn one_waits<S: Subject>(seed: u64) -> Result<(), String> {
    let (mut trial, _) = begin::<S>()?;
    let compact = Step::Compact { kept: 2 }.requests(&trial.ledger);
    let mut install = Step::Install { ahead: 30 }.requests(&trial.ledger);
    // Its record will be made when that of the other has been, as a node does.
    let _ = install.pop();
    for request in install.iter().chain(&compact) {
        trial.ask(request).map_err(|refusal| format!("refused though nothing is wrong: {refusal:?}"))?;
    }
    let Some(Request::KeepStaged(snapshot)) = install.last() else { return Ok(()) };
    let ahead = snapshot.last.index.0 - trial.ledger.latest().log().last_index().0;
    let Some(record) = Step::Install { ahead }.requests(&trial.ledger).pop() else { return Ok(()) };
    trial.ask(&record).map_err(|refusal| format!("refused though nothing is wrong: {refusal:?}"))?;
    expect("named", &trial.ledger.latest().snapshot(), &Some(*snapshot))?;
    trial.crash(&mut dice(seed, 0));
    trial.open()
}
