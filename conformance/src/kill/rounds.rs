//! What goes wrong while clients are at work, round after round.

use super::clients::Clients;
use super::{Outcome, PATIENCE};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::time::Instant;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// The leader is killed: how long until the next write is acknowledged?
    Leader {
        /// How often.
        rounds: usize,
    },
    /// Any node is killed, or stops for a while, at any time.
    Any {
        /// How often.
        rounds: usize,
        /// What happens when.
        seed: u64,
    },
}

impl Trouble {
    /// What the dice of a run begin with.
    pub(super) const fn seed(self) -> u64 {
        match self {
            Self::Leader { .. } => 1,
            Self::Any { seed, .. } => seed,
        }
    }

    /// Makes it, and says what happened.
    pub(super) fn make(self, clients: &Clients) -> Outcome<String> {
        match self {
            Self::Leader { rounds } => leader(rounds, clients),
            Self::Any { rounds, seed } => any(rounds, seed, clients),
        }
    }
}

fn leader(rounds: usize, clients: &Clients) -> Outcome<String> {
    let cluster = &clients.cluster;
    let (mut writer, mut times) = (clients.client(), Vec::new());
    for _ in 0..rounds {
        (0..50).try_for_each(|_| writer.write())?;
        let leader = cluster.leader()?;
        let killed = Instant::now();
        cluster.kill(leader)?;
        writer.write()?;
        times.push(killed.elapsed());
        cluster.launch(leader)?;
        // It has caught up.
        cluster.everything_of(leader)?;
    }
    times.sort();
    let (Some(least), Some(longest)) = (times.first(), times.last()) else {
        return Ok("no leader killed".to_owned());
    };
    let middle = times[times.len() / 2];
    Ok(format!(
        "{rounds} leaders killed; to the next acknowledged write: \
         median {middle:.0?}, at least {least:.0?}, at most {longest:.0?}"
    ))
}

fn any(rounds: usize, seed: u64, clients: &Clients) -> Outcome<String> {
    let cluster = &clients.cluster;
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let (mut killed, mut stopped) = (0, 0);
    for _ in 0..rounds {
        let (place, kills) = (dice.random_range(0..cluster.nodes()), dice.random_bool(0.7));
        let (before, during) = (dice.random_range(1..40), dice.random_range(1..40));
        go_on(clients, before)?;
        if kills {
            killed += 1;
            cluster.kill(place)?;
        } else {
            stopped += 1;
            cluster.stop(place)?;
        }
        go_on(clients, during)?;
        if kills {
            cluster.launch(place)?
        } else {
            cluster.go_on(place)?
        }
        cluster.faults.check()?;
    }
    Ok(format!("{killed} kills and {stopped} stops"))
}

/// Waits until so many more changes are acknowledged.
pub(crate) fn go_on(clients: &Clients, changes: usize) -> Outcome<()> {
    if clients.cluster.progress.wait_for(changes, PATIENCE) {
        return Ok(());
    }
    clients.cluster.faults.check()?;
    let who = clients.cluster.diagnosis();
    Err(format!("{changes} changes were not acknowledged within half a minute: {who}").into())
}
