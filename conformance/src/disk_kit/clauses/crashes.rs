//! The system dies, at every moment there is.

use super::{Broken, dice};
use crate::disk_kit::{Deed, Step, Subject, Trial, any_step, workload};
use rand::Rng;
use std::ops::Range;

/// A crash at any change of the disk keeps everything acknowledged and a prefix of the rest, and no more.
///
/// # Errors
///
/// If something else is found.
pub fn a_crash_keeps_what_was_acknowledged<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_crash_keeps_what_was_acknowledged";
    for point in 0.. {
        let moment = format!("a crash at change {point} of the workload");
        let (trial, is_over) = crashed_at::<S>(point).map_err(Broken::at(NAME, seeds.start, &*moment))?;
        for seed in seeds.clone() {
            after_crash(trial.fork(), seed, point).map_err(Broken::at(NAME, seed, &*moment))?;
        }
        if is_over {
            break;
        }
    }
    Ok(())
}

/// A log whose system died at a change of the workload, and whether that was over before.
fn crashed_at<S: Subject>(point: u64) -> Result<(Trial<S>, bool), String> {
    let mut trial = Trial::<S>::begin()?;
    trial.files.crash_after(point);
    match trial.run(&workload()) {
        Ok(()) => Ok((trial, true)),
        Err(_) if trial.files.is_dead() => Ok((trial, false)),
        Err(refusal) => Err(format!("refused though nothing is wrong: {refusal:?}")),
    }
}

fn after_crash<S: Subject>(mut trial: Trial<S>, seed: u64, point: u64) -> Result<(), String> {
    let mut dice = dice(seed, point);
    trial.crash(&mut dice);
    trial.open()?;
    // It must go on too: into the next segment, and over a compaction.
    trial.run_well(&[Step::Alone(Deed::Append { cut: 2, added: 300 }), Step::Compact { kept: 5 }])?;
    trial.go_on(&mut dice)
}

/// So does a crash, or the end of the process, at any change that a recovery makes.
///
/// # Errors
///
/// If something else is found.
pub fn a_crash_in_recovery_loses_nothing<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_crash_in_recovery_loses_nothing";
    const STRIDE: u64 = 4;
    for seed in seeds {
        for point in (seed % STRIDE..).step_by(4) {
            let moment = format!("a crash at change {point} of the workload, another in recovery");
            let (trial, is_over) = crashed_at::<S>(point).map_err(Broken::at(NAME, seed, &*moment))?;
            crash_again(trial, seed, point).map_err(Broken::at(NAME, seed, &*moment))?;
            if is_over {
                break;
            }
        }
    }
    Ok(())
}

fn crash_again<S: Subject>(mut trial: Trial<S>, seed: u64, point: u64) -> Result<(), String> {
    let mut dice = dice(seed, point);
    // By turns, for then the cache survives: a page that is there may be on no platter.
    if point % 3 == 0 {
        trial.restart()
    } else {
        trial.crash(&mut dice)
    }
    for change in 0.. {
        let mut again = trial.fork();
        again.files.crash_after(change);
        let opened = again.try_open()?;
        // Whatever is left to do when the log is open may fail, and is noticed later.
        if !again.files.is_dead() {
            return opened.map_err(|error| format!("it was not opened: {error}"));
        }
        if change % 2 == 0 {
            again.crash(&mut dice)
        } else {
            again.restart()
        }
        again
            .open()
            .and_then(|()| again.go_on(&mut dice))
            .map_err(|what| format!("{what} (change {change})"))?;
    }
    Ok(())
}

/// So does any sequence of crashes, with batches larger than a page that are torn in any way.
///
/// # Errors
///
/// If something else is found.
pub fn pages_are_lost_in_any_order<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "pages_are_lost_in_any_order";
    for seed in seeds {
        many_lives::<S>(seed).map_err(Broken::at(NAME, seed, "one crash after the other"))?;
    }
    Ok(())
}

fn many_lives<S: Subject>(seed: u64) -> Result<(), String> {
    let mut dice = dice(seed, 0);
    let mut trial = Trial::<S>::begin()?;
    for life in 0..8 {
        trial.files.crash_after(dice.random_range(0..30));
        let steps: Vec<Step> = (0..8).map(|_| any_step(&mut dice)).collect();
        let outcome = trial.run(&steps);
        if outcome.is_err() && !trial.files.is_dead() {
            return Err(format!("refused in life {life}, though nothing is wrong"));
        }
        if dice.random_ratio(1, 4) {
            trial.restart();
        } else {
            trial.crash(&mut dice);
        }
        trial.open().map_err(|what| format!("{what} (life {life})"))?;
    }
    Ok(())
}
