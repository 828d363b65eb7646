//! A log that goes on for long.

use super::Broken;
use crate::disk_kit::{Deed, SharedFiles, Step, Subject, Trial};
use seaworthy::wal::Files;
use std::ops::Range;

/// What a snapshot stands for goes: the disk does not fill up while the log does not grow.
///
/// # Errors
///
/// If it does.
pub fn what_is_superseded_goes<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "what_is_superseded_goes";
    for seed in seeds {
        for is_restarted in [false, true] {
            let moment = if is_restarted { "rounds with a restart after each" } else { "rounds in one life" };
            go_round::<S>(is_restarted).map_err(Broken::at(NAME, seed, moment))?;
        }
    }
    Ok(())
}

fn go_round<S: Subject>(is_restarted: bool) -> Result<(), String> {
    let mut trial = Trial::<S>::begin()?;
    let mut early = 0;
    for round in 0..16 {
        let append = Step::Alone(Deed::Append { cut: 0, added: 100 });
        trial.run_well(&[append, append, Step::Compact { kept: 5 }, append, Step::Install { ahead: 20 }])?;
        if is_restarted {
            trial.restart();
            trial.open()?;
        }
        if round == 3 {
            early = size(&trial.files);
        }
    }
    let late = size(&trial.files);
    if late > early * 2 { Err(format!("{early} bytes in round 3, {late} in round 15")) } else { Ok(()) }
}

fn size(files: &SharedFiles) -> u64 {
    let names = files.list().unwrap_or_default();
    names.into_iter().map(|name| files.len(name).unwrap_or_default()).sum()
}
