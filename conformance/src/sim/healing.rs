//! When the world is well again, the cluster must be, too.

use super::cluster::{Cluster, Happening};
use super::files;
use super::judge::Breach;
use super::machine::Machine;
use super::trouble::Rates;
use seaworthy_protocol::{Index, NodeSet};
use std::cmp::Reverse;

/// When all is well, the cluster must have gone on after so long: 20 s.
const HEALING: u64 = 20_000_000_000;

impl Cluster {
    /// All is well again: the cluster must elect a leader, commit something new, and come to one state.
    pub(super) fn heal(&mut self) -> Result<(), (Breach, String)> {
        let count = self.machines.len();
        self.mix.faults.clear();
        self.rates = Rates::CALM;
        self.links = vec![vec![true; count]; count];
        let pending = std::mem::take(&mut self.queue);
        let stays =
            |happening: &Happening| !matches!(happening, Happening::Trouble | Happening::WakeUp { .. });
        self.queue = pending.into_iter().filter(|Reverse((_, _, happening))| stays(happening)).collect();
        for machine in 0..count {
            let computer = &mut self.machines[machine];
            (computer.paused_until, computer.slowness) = (0, 1);
            if let Some(files) = computer.files_mut() {
                files.troubles =
                    files::Troubles { is_dead: files.troubles.is_dead, ..files::Troubles::default() };
            }
            self.at(self.now, Happening::WakeUp { machine });
            self.at(self.now, Happening::Resume { machine });
        }
        let (deadline, target) = (self.now + HEALING, self.judge.committed().plus(1));
        while !self.has_come_together(target) {
            if self.now > deadline {
                return Err((Breach::NoProgress, "20 s after all was well again".to_owned()));
            }
            self.happen()?;
        }
        self.compare()
    }

    fn has_come_together(&self, target: Index) -> bool {
        let last = self.judge.committed();
        let is_there = |machine: &Machine| {
            machine.is_lost
                || machine.running.as_ref().is_some_and(|running| running.node.status().applied == last)
        };
        last >= target && self.machines.iter().all(is_there)
    }

    /// All who have applied the same are in the same state, and what is committed is on a majority of disks.
    fn compare(&mut self) -> Result<(), (Breach, String)> {
        let mut states = self
            .machines
            .iter()
            .filter_map(|machine| machine.running.as_ref())
            .map(|running| (running.node.status().applied, running.state_machine()));
        if let Some(first) = states.next() {
            if states.any(|other| other != first) {
                return Err((Breach::StatesDiffer, "after all was well again".to_owned()));
            }
        }
        let mut disks = Vec::new();
        for machine in self.machines.iter().filter(|machine| !machine.is_rotten) {
            let found = machine.durable_after_crash(&mut self.dice);
            disks.push(found.map_err(|error| (Breach::DiskUnreadable, error.to_string()))?);
        }
        if disks.len() < self.machines.len() {
            return Ok(()); // who has damage counts for nothing, and may make a majority all the same
        }
        let voters = NodeSet::first(self.mix.nodes);
        let seen = self.judge.see_disks(voters, disks.iter());
        seen.map_err(|breach| (breach, "after a crash of all at the end".to_owned()))
    }
}
