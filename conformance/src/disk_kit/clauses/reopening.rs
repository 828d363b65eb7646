//! A log that is closed and opened, with nothing wrong.

use super::{Broken, dice};
use crate::disk_kit::{Subject, Trial, any_step, workload};
use std::ops::Range;

/// After a restart the log holds what was appended, in order; the number of starts goes up.
///
/// # Errors
///
/// If it does not.
pub fn what_was_appended_is_there_again<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "what_was_appended_is_there_again";
    for seed in seeds {
        fixed_steps::<S>().map_err(Broken::at(NAME, seed, "a restart after a step of the workload"))?;
        random_steps::<S>(seed).map_err(Broken::at(NAME, seed, "a restart after steps at random"))?;
    }
    Ok(())
}

fn fixed_steps<S: Subject>() -> Result<(), String> {
    let mut trial = Trial::<S>::begin()?;
    for step in workload() {
        trial.run_well(&[step])?;
        trial.restart();
        trial.open()?;
    }
    Ok(())
}

fn random_steps<S: Subject>(seed: u64) -> Result<(), String> {
    let mut dice = dice(seed, 0);
    let mut trial = Trial::<S>::begin()?;
    for _ in 0..5 {
        let steps = [any_step(&mut dice), any_step(&mut dice), any_step(&mut dice)];
        trial.run_well(&steps)?;
        trial.restart();
        trial.open()?;
    }
    Ok(())
}
