//! Names that a crash takes, or brings back.

use super::{Broken, LITTLE, dice};
use crate::disk_kit::{Deed, Step, Subject, Trial, workload};
use std::ops::Range;

const NAME: &str = "unsynced_names_may_be_lost";

/// What was acknowledged does not hang on names that the directory may lose, or get back.
///
/// # Errors
///
/// If something is missing, or comes back.
pub fn unsynced_names_may_be_lost<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    let begun = Trial::<S>::begin();
    let mut trial = begun.map_err(Broken::at(NAME, seeds.start, "initialisation"))?;
    for (number, step) in workload().into_iter().enumerate() {
        let moment = format!("a crash after step {number} of the workload was acknowledged");
        trial.run_well(&[step]).map_err(Broken::at(NAME, seeds.start, &*moment))?;
        for seed in seeds.clone() {
            crash_and_go_on(trial.fork(), seed).map_err(Broken::at(NAME, seed, &*moment))?;
        }
    }
    names_of_another_life::<S>(seeds)
}

/// Two crashes: the second sees what the recovery left behind of names that came back.
fn crash_and_go_on<S: Subject>(mut trial: Trial<S>, seed: u64) -> Result<(), String> {
    let mut dice = dice(seed, 0);
    trial.crash(&mut dice);
    trial.open()?;
    trial.crash(&mut dice);
    trial.open()?;
    trial.run_well(&workload()[5..9])?;
    trial.go_on(&mut dice)
}

/// Whatever makes a new file.
const LARGE: [Step; 3] =
    [Step::Alone(Deed::Append { cut: 0, added: 500 }), Step::Compact { kept: 3 }, Step::Install { ahead: 9 }];

/// A crash takes the name of a file that has content already, or gives it its former one back; the next life makes a file of
/// that name for something else, and crashes too.
fn names_of_another_life<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    for seed in seeds {
        for (first, second) in LARGE.iter().flat_map(|first| LARGE.iter().map(move |second| (first, second)))
        {
            for point in 0.. {
                let moment = format!("a crash at change {point} of {first:?}, another one during {second:?}");
                let is_over = crash_twice::<S>(*first, *second, point, seed);
                if is_over.map_err(Broken::at(NAME, seed, moment))? {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn crash_twice<S: Subject>(first: Step, second: Step, point: u64, seed: u64) -> Result<bool, String> {
    let mut dice = dice(seed, point);
    let mut trial = Trial::<S>::begin()?;
    trial.run_well(&[Step::Alone(Deed::Vote), Step::Alone(Deed::Append { cut: 0, added: 30 })])?;
    trial.files.crash_after(point);
    let is_over = trial.run(&[first]).is_ok();
    trial.crash(&mut dice);
    for change in 0.. {
        let mut again = trial.fork();
        again.open()?;
        again.run_well(&[Step::Together(LITTLE)])?;
        again.files.crash_after(change);
        let is_done = again.run(&[second]).is_ok();
        again.crash(&mut dice);
        again.open()?;
        if is_done {
            break;
        }
    }
    Ok(is_over)
}
