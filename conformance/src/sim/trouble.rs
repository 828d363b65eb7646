//! What goes wrong, and when.

use super::cluster::Cluster;
use super::mix::{Fault, Mix};
use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::{Request, Token};

const MS: u64 = 1_000_000;

/// How often things go wrong in this run. Chances are in thousandths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) loss: u32,
    pub(super) duplication: u32,
    /// How long a message takes at most, in nanoseconds, and how many are late by far.
    pub(super) delay: u64,
    pub(super) late: u32,
    /// The mean time between troubles.
    pub(super) pause: u64,
}

impl Rates {
    pub(super) fn of(mix: &Mix, dice: &mut Pcg64Mcg) -> Self {
        let mut if_has = |fault, most: u32| {
            let drawn = dice.random_range(1..=most);
            if mix.faults.contains(&fault) { drawn } else { 0 }
        };
        Self {
            loss: if_has(Fault::Loss, 200),
            duplication: if_has(Fault::Duplication, 200),
            late: if_has(Fault::Delay, 100),
            delay: u64::from(1 + if_has(Fault::Delay, 30)) * MS,
            // Some worlds never come to rest, and in others there is time to get far between two blows.
            pause: [50, 200, 1000, 3000][dice.random_range(0..4)] * MS,
        }
    }

    /// When all is well.
    pub(super) const CALM: Self = Self { loss: 0, duplication: 0, delay: MS, late: 0, pause: u64::MAX };
}

/// What went wrong, how often.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Messages sent.
    pub sent: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because a link was cut.
    pub cut: u64,
    /// Come twice.
    pub duplicated: u64,
    /// Late by far.
    pub late: u64,
    /// Partitions.
    pub partitions: u64,
    /// Links that worked in one direction.
    pub one_way: u64,
    /// Processes that died.
    pub kills: u64,
    /// Systems that died.
    pub crashes: u64,
    /// Of which in the middle of a change of their disk.
    pub crashes_in_write: u64,
    /// Ends of logs that were cut off because they had not been synced.
    pub cuts: u64,
    /// Disks that were full.
    pub full: u64,
    /// Writes and syncs that were told to fail.
    pub errors: u64,
    /// Durable bits turned.
    pub rotten: u64,
    /// Disks found damaged.
    pub damaged: u64,
    /// Processes that stood still.
    pub pauses: u64,
    /// Disks that were slow.
    pub slow: u64,
    /// Leaders told to hand over.
    pub transfers: u64,
    /// Nodes that stopped because their disk had failed.
    pub stopped: u64,
}

/// One more thing goes wrong. Which, the dice say.
pub(super) fn strike(cluster: &mut Cluster) {
    let faults: Vec<Fault> = cluster.mix.faults.iter().copied().collect();
    if faults.is_empty() {
        return;
    }
    let fault = faults[cluster.dice.random_range(0..faults.len())];
    let victim = cluster.dice.random_range(0..cluster.machines.len());
    match fault {
        // These are always there.
        Fault::Loss | Fault::Duplication | Fault::Delay | Fault::Skew => {}
        Fault::Partition => part(cluster),
        Fault::OneWay => {
            let other = cluster.dice.random_range(0..cluster.machines.len());
            if victim != other {
                cluster.links[victim][other] = false;
                cluster.counts.one_way += 1;
            }
        }
        Fault::Kill => {
            cluster.counts.kills += 1;
            cluster.bring_down(victim, false);
        }
        Fault::Crash => {
            cluster.counts.crashes += 1;
            cluster.bring_down(victim, true);
        }
        Fault::CrashInWrite => {
            let after = cluster.dice.random_range(0..40);
            if let Some(files) = cluster.machines[victim].files_mut() {
                files.troubles.crash_after = Some(after);
            }
        }
        Fault::Full => {
            cluster.counts.full += 1;
            let until = cluster.now + cluster.dice.random_range(10..800) * MS;
            cluster.set_full(victim, until);
        }
        Fault::WriteError | Fault::SyncError => {
            cluster.counts.errors += 1;
            if let Some(files) = cluster.machines[victim].files_mut() {
                files.troubles.fails_write |= fault == Fault::WriteError;
                files.troubles.fails_sync |= fault == Fault::SyncError;
            }
        }
        Fault::Rot => rot(cluster, victim),
        Fault::Pause => {
            cluster.counts.pauses += 1;
            let until = cluster.now + cluster.dice.random_range(1..1500) * MS;
            cluster.pause(victim, until);
        }
        Fault::SlowDisk => {
            cluster.counts.slow += 1;
            let slowness = if cluster.dice.random() { 1 } else { cluster.dice.random_range(2..300) };
            cluster.machines[victim].slowness = slowness;
        }
        Fault::Transfer => {
            cluster.counts.transfers += 1;
            let to = cluster.machines[victim].id;
            let asked = cluster.dice.random_range(0..cluster.machines.len());
            cluster.transfers += 1;
            // Out of the way of the clients' numbers.
            let token = Token(u64::MAX - cluster.transfers);
            cluster.request(asked, token, Request::Transfer { to });
        }
    }
}

fn part(cluster: &mut Cluster) {
    let count = cluster.machines.len();
    if cluster.dice.random_ratio(1, 3) {
        cluster.links = vec![vec![true; count]; count];
        return;
    }
    cluster.counts.partitions += 1;
    let sides: Vec<bool> = (0..count).map(|_| cluster.dice.random()).collect();
    // Sometimes one node reaches both sides.
    let bridge = cluster.dice.random_range(0..2 * count);
    for from in 0..count {
        for to in 0..count {
            cluster.links[from][to] = sides[from] == sides[to] || from == bridge || to == bridge;
        }
    }
}

/// At most a minority of the disks, so that the others can go on.
fn rot(cluster: &mut Cluster, victim: usize) {
    let rotten = cluster.machines.iter().filter(|machine| machine.is_rotten).count();
    if cluster.machines[victim].is_rotten || 2 * (rotten + 1) >= cluster.machines.len() {
        return;
    }
    if cluster.machines[victim].rot(&mut cluster.dice) {
        cluster.machines[victim].is_rotten = true;
        cluster.counts.rotten += 1;
    }
}
