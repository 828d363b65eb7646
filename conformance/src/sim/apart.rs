//! A state machine that is not in its node's loop: it does what it was handed in its own time.

use super::cluster::Cluster;
use super::judge::Breach;
use super::machine::{Output, Running, Said, seen};
use seaworthy::{Event, Stop, Task, Work};
use std::collections::VecDeque;

impl Cluster {
    /// A state machine does what it was handed so far.
    pub(super) fn carry_out(&mut self, machine: usize) -> Result<(), (Breach, String)> {
        let Some(running) = &mut self.machines[machine].running else { return Ok(()) };
        running.applier_is_working = false;
        let mut output = Output::default();
        let events = work(running, &mut output);
        running.inbox.extend(events);
        self.take(machine, output)?;
        self.schedule(machine);
        self.turn(machine)
    }
}

fn work(running: &mut Running, output: &mut Output) -> VecDeque<Event<u64>> {
    let mut events = VecDeque::new();
    let Running { applier: Some(applier), tasks, disk, .. } = running else { return events };
    for (task, bytes) in tasks.drain(..) {
        let outcome = match task {
            Task::Apply { commands, through } => applier.apply(commands, through, |token, index| {
                output.answers.push((token, Said::Applied(index)));
            }),
            Task::Restore(snapshot) => applier.restore(snapshot, bytes.as_deref()),
            Task::Read(token) => {
                output.answers.push((token, seen(token, applier.state_machine())));
                continue;
            }
            Task::Snapshot(last) => {
                let work: Work = applier.snapshot(last).finish();
                disk.submit(work);
                continue;
            }
        };
        let applied: Result<_, Stop> = outcome.map(|()| applier.applied());
        events.push_back(Event::Applied(applied));
    }
    events
}
