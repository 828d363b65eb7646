//! A process that starts again after a failed sync, on a system that lives: what it reads is in the cache, and perhaps nowhere
//! else.

use super::failures::fail_once;
use super::{Broken, dice};
use crate::disk_kit::{Fault, Subject, Trial};
use std::ops::Range;

/// What a recovery reports is on the platter then, though it was only in the cache before.
///
/// # Errors
///
/// If a later crash takes any of it.
pub fn recovery_rewrites_what_it_keeps<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "recovery_rewrites_what_it_keeps";
    for after in 0.. {
        let moment = format!("a restart after sync {after} failed, then a crash");
        let (trial, is_over) =
            fail_once::<S>(Fault::Sync, after).map_err(Broken::at(NAME, seeds.start, &*moment))?;
        for seed in seeds.clone() {
            crash_after_start(&trial, seed, after).map_err(Broken::at(NAME, seed, &*moment))?;
            fail_in_recovery(&trial, seed).map_err(Broken::at(NAME, seed, &*moment))?;
        }
        if is_over {
            break;
        }
    }
    Ok(())
}

fn crash_after_start<S: Subject>(failed: &Trial<S>, seed: u64, after: u64) -> Result<(), String> {
    let mut dice = dice(seed, after);
    let mut started = failed.fork();
    started.restart();
    started.open()?;
    let mut at_once = started.fork();
    at_once.crash(&mut dice);
    at_once.open()?;
    started.go_on(&mut dice)
}

/// The syncs of the recovery fail as well, each in its turn.
fn fail_in_recovery<S: Subject>(failed: &Trial<S>, seed: u64) -> Result<(), String> {
    for fault in [Fault::Sync, Fault::DirectorySync, Fault::Write] {
        for after in 0.. {
            let mut started = failed.fork();
            started.restart();
            started.files.fail(fault, after);
            let opened = started.try_open()?;
            if started.files.is_fault_to_come() {
                break;
            }
            if opened.is_ok() {
                return Err(format!("{fault:?} failed after {after} in recovery, and the log was opened"));
            }
            started.restart();
            started.open()?;
            started.go_on(&mut dice(seed, after))?;
        }
    }
    Ok(())
}
