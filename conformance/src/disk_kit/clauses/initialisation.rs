//! A directory that is made while the system dies.

use super::{Broken, dice};
use crate::disk_kit::{SharedFiles, Subject, Unopened};
use seaworthy_protocol::Durable;
use std::ops::Range;

/// After a crash during initialisation a directory is whole, or is as new and can be initialised. One that is whole is not made
/// anew.
///
/// # Errors
///
/// If that is not so.
pub fn a_directory_is_made_whole_or_not_at_all<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "a_directory_is_made_whole_or_not_at_all";
    for point in 0.. {
        let moment = format!("a crash at change {point} of the initialisation");
        let files = SharedFiles::default();
        files.crash_after(point);
        let outcome = S::init(files.clone());
        for seed in seeds.clone() {
            let crashed = files.copy();
            crashed.crash(&mut dice(seed, point));
            after::<S>(&crashed, outcome.is_ok()).map_err(Broken::at(NAME, seed, &*moment))?;
            let killed = files.copy();
            killed.mend();
            after::<S>(&killed, outcome.is_ok()).map_err(Broken::at(NAME, seed, &*moment))?;
        }
        match outcome {
            Ok(()) => break,
            Err(_) if files.is_dead() => {}
            Err(error) => {
                let what = format!("refused though nothing is wrong: {error}");
                return Err(Broken::at(NAME, seeds.start, &*moment)(what));
            }
        }
    }
    Ok(())
}

fn after<S: Subject>(files: &SharedFiles, was_made: bool) -> Result<(), String> {
    match S::open(files.clone()).map(|(_, durable)| durable) {
        Ok(durable) if durable == Durable::default() => {}
        Ok(durable) => return Err(format!("something is in a new log: {durable}")),
        Err(Unopened::NotInitialised) if !was_made => {
            S::init(files.clone()).map_err(|error| format!("not made anew: {error}"))?;
            S::open(files.clone()).map_err(|error| format!("made anew, and not opened: {error}"))?;
        }
        Err(error) => return Err(format!("it was not opened: {error}")),
    }
    match S::init(files.clone()) {
        Ok(()) => Err("made anew where data was".to_owned()),
        Err(_) => Ok(()),
    }
}
