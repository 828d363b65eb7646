//! A disk that fails, and then says that all is well.

use super::{Broken, LITTLE, dice};
use crate::disk_kit::{Fault, Step, Subject, Trial, workload};
use std::ops::Range;

/// After a failed sync nothing is acknowledged until the next start, which finds all that was acknowledged before it.
///
/// # Errors
///
/// If that is not so.
pub fn a_failed_sync_is_the_last<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    fail_everywhere::<S>("a_failed_sync_is_the_last", &[Fault::Sync, Fault::DirectorySync], seeds)
}

/// So after a failed write.
///
/// # Errors
///
/// If that is not so.
pub fn a_failed_write_is_the_last<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    fail_everywhere::<S>("a_failed_write_is_the_last", &[Fault::Write], seeds)
}

fn fail_everywhere<S: Subject>(
    name: &'static str,
    faults: &[Fault],
    seeds: Range<u64>,
) -> Result<(), Broken> {
    for fault in faults {
        for after in 0.. {
            let moment = format!("{fault:?} fails after {after} that do not");
            let (trial, is_over) =
                fail_once::<S>(*fault, after).map_err(Broken::at(name, seeds.start, &*moment))?;
            for seed in seeds.clone() {
                start_again(&trial, seed, after).map_err(Broken::at(name, seed, &*moment))?;
            }
            if is_over {
                break;
            }
        }
    }
    Ok(())
}

/// A log whose disk failed once in the workload, and whether that was over before.
pub(super) fn fail_once<S: Subject>(fault: Fault, after: u64) -> Result<(Trial<S>, bool), String> {
    let mut trial = Trial::<S>::begin()?;
    trial.files.fail(fault, after);
    for step in workload() {
        for request in step.requests(&trial.ledger) {
            let outcome = trial.ask(&request);
            if trial.files.is_fault_to_come() {
                outcome.map_err(|refusal| format!("refused though nothing is wrong yet: {refusal:?}"))?;
                continue;
            }
            if outcome.is_ok() {
                return Err("the disk failed, and it was acknowledged".to_owned());
            }
            stays_down(&mut trial)?;
            return Ok((trial, false));
        }
    }
    Ok((trial, true))
}

/// The disk says that all is well. It is not to be believed.
fn stays_down<S: Subject>(trial: &mut Trial<S>) -> Result<(), String> {
    let steps = [Step::Together(LITTLE), Step::Compact { kept: 1 }, Step::Install { ahead: 3 }];
    for request in steps.iter().flat_map(|step| step.requests(&trial.ledger)).collect::<Vec<_>>() {
        if trial.ask_again(&request).is_ok() {
            return Err("the disk had failed, and something was acknowledged".to_owned());
        }
    }
    Ok(())
}

fn start_again<S: Subject>(failed: &Trial<S>, seed: u64, after: u64) -> Result<(), String> {
    let mut dice = dice(seed, after);
    let mut killed = failed.fork();
    killed.restart();
    killed.open()?;
    killed.go_on(&mut dice)?;
    let mut crashed = failed.fork();
    crashed.crash(&mut dice);
    crashed.open()?;
    crashed.go_on(&mut dice)
}
