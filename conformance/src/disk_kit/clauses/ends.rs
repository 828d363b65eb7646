//! An end of the log that was lost in a crash.

use super::{Broken, dice};
use crate::disk_kit::{Deed, Request, Step, Subject, Trial};
use std::ops::Range;

/// The first reaches beyond the first page: it is lost, and those behind it are there.
const BATCH: &[Deed] = &[
    Deed::Append { cut: 0, added: 165 },
    Deed::Append { cut: 0, added: 50 },
    Deed::Append { cut: 0, added: 50 },
];

/// What a recovery cut off is gone, even if what is appended next is what stood before it.
///
/// A leader sends lost entries again, so the first record of a lost batch comes back as it was. Then nothing but zeros may
/// stand behind it, for what stood there continues it.
///
/// # Errors
///
/// If something comes back.
pub fn a_lost_end_never_comes_back<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_lost_end_never_comes_back";
    for seed in seeds {
        for point in 0.. {
            let moment = format!("a crash at change {point} of a batch");
            if lose_end::<S>(seed, point).map_err(Broken::at(NAME, seed, moment))? {
                break;
            }
        }
    }
    Ok(())
}

/// True if the batch was over before the crash.
fn lose_end<S: Subject>(seed: u64, point: u64) -> Result<bool, String> {
    let mut dice = dice(seed, point);
    let mut trial = Trial::<S>::begin()?;
    trial.run_well(&[Step::Alone(Deed::Vote), Step::Alone(Deed::Append { cut: 0, added: 20 })])?;
    let requests = Step::Together(BATCH).requests(&trial.ledger);
    let [request @ Request::Append(records, states)] = &requests[..] else { return Ok(true) };
    trial.files.crash_after(point);
    let is_over = trial.ask(request).is_ok();
    trial.crash(&mut dice);
    trial.open()?;
    let lost = states.iter().position(|state| state == trial.ledger.latest()).map_or(0, |last| last + 1);
    if lost < records.len() {
        let again = Request::Append(vec![records[lost].clone()], vec![states[lost].clone()]);
        trial.ask(&again).map_err(|refusal| format!("refused though nothing is wrong: {refusal:?}"))?;
        trial.crash(&mut dice);
        trial.open()?;
    }
    trial.go_on(&mut dice)?;
    Ok(is_over)
}
