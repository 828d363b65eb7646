//! A failure, made small: fewer faults, fewer clients, fewer nodes, fewer events, as long as the same property falls.

use super::cluster::{Cluster, Outcome};
use super::mix::Mix;

/// The smallest mix found that breaks the same property, and its run with a trace. Each try is a run; at most 200 are made.
#[must_use]
pub fn shrink(mix: Mix) -> (Mix, Outcome) {
    let first = Cluster::new(mix.clone()).run();
    let Some(failure) = first.failure else { return (mix, first) };
    let mut best = Mix { events: failure.event.min(mix.events), ..mix };
    let mut tries = 0;
    let mut fails = |mix: &Mix| {
        tries += 1;
        let outcome = if tries > 200 { None } else { Cluster::new(mix.clone()).run().failure };
        outcome.filter(|found| found.breach == failure.breach)
    };
    loop {
        let smaller = simpler(&best).into_iter().find_map(|mix| fails(&mix).map(|found| (mix, found)));
        let Some((mix, found)) = smaller else { break };
        best = Mix { events: found.event.min(mix.events), ..mix };
    }
    let outcome = Cluster::new(best.clone()).traced().run();
    (best, outcome)
}

/// Mixes with one thing less each. Another seed would be another run, so that stays.
fn simpler(mix: &Mix) -> Vec<Mix> {
    let without = mix.faults.iter().map(|fault| {
        let mut faults = mix.faults.clone();
        faults.remove(fault);
        Mix { faults, ..mix.clone() }
    });
    let mut simpler: Vec<Mix> = without.collect();
    if mix.nodes > 1 {
        simpler.push(Mix { nodes: mix.nodes - 1, ..mix.clone() });
    }
    if mix.clients > 1 {
        simpler.push(Mix { clients: mix.clients / 2, ..mix.clone() });
    }
    // An earlier end is another end: healing may break it sooner.
    simpler.push(Mix { events: mix.events / 2, ..mix.clone() });
    simpler.retain(|other| other != mix);
    simpler
}
