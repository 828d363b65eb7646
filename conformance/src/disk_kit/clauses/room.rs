//! A disk without room.

use super::{Broken, dice};
use crate::disk_kit::{Fault, Refusal, Request, Step, Subject, Trial, workload};
use std::ops::Range;

/// What is refused for want of room changes nothing, and the same succeeds when there is room.
///
/// # Errors
///
/// If that is not so.
pub fn no_room_loses_nothing<S: Subject>(seeds: Range<u64>) -> Result<(), Broken> {
    const NAME: &str = "no_room_loses_nothing";
    for seed in seeds {
        for fault in [Fault::NoRoom, Fault::NoRoomInPlace] {
            for after in 0.. {
                let moment = format!("{fault:?} after {after} that there was room for");
                if run_out::<S>(fault, after, seed).map_err(Broken::at(NAME, seed, moment))? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// True if there was room for all of the workload.
fn run_out<S: Subject>(fault: Fault, after: u64, seed: u64) -> Result<bool, String> {
    let mut dice = dice(seed, after);
    let mut trial = Trial::<S>::begin()?;
    trial.files.fail(fault, after);
    for step in workload() {
        do_in_spite(&mut trial, step, seed)?;
    }
    let is_over = trial.files.is_fault_to_come();
    trial.files.mend();
    trial.go_on(&mut dice)?;
    Ok(is_over)
}

/// Does a step. Where there is no room for a part of it, looks what a restart would find, makes room, and tries again.
fn do_in_spite<S: Subject>(trial: &mut Trial<S>, step: Step, seed: u64) -> Result<(), String> {
    let requests = step.requests(&trial.ledger);
    for request in &requests {
        match trial.ask(request) {
            Ok(()) => continue,
            Err(Refusal::Full) => {}
            Err(Refusal::Failed) => return Err("want of room was taken for a failure".to_owned()),
        }
        let mut killed = trial.fork();
        killed.restart();
        killed.open()?;
        let mut crashed = trial.fork();
        crashed.crash(&mut dice(seed, 0));
        crashed.open()?;
        // In vain, as often as one likes.
        if trial.files.with(|files| files.troubles.is_full) && trial.ask_again(request).is_ok() {
            return Err("there is no room, and it was done".to_owned());
        }
        trial.files.mend();
        return finish(trial, &requests, request)
            .map_err(|refusal| format!("{refusal:?}, though there is room"));
    }
    Ok(())
}

/// There is room again: tries the same again, and does the rest. Of a snapshot that arrives in pieces all is sent again.
fn finish<S: Subject>(trial: &mut Trial<S>, requests: &[Request], refused: &Request) -> Result<(), Refusal> {
    let position = requests.iter().position(|request| std::ptr::eq(request, refused)).unwrap_or_default();
    let (first, is_asked) = match refused {
        Request::Append(..) => (position, true),
        Request::Save(_) => (position, false),
        Request::Stage(_) | Request::KeepStaged(_) => (0, false),
    };
    for (position, request) in requests.iter().enumerate().skip(first) {
        if position == first && is_asked { trial.ask_again(request)? } else { trial.ask(request)? }
    }
    Ok(())
}
