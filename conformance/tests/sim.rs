//! The simulator: the same from the same seed, with every kind of trouble, and nothing broken.
//!
//! A few seeds here; `cargo run --release --bin seaworthy-sim -- --seconds 60` runs more of them, `.ci/run` too.

use seaworthy_conformance::sim::{Cluster, Fault, Mix, Outcome};
use std::collections::BTreeSet;

fn run(mix: Mix) -> Outcome {
    let outcome = Cluster::new(mix.clone()).run();
    let replay = format!("cargo run --release --bin seaworthy-sim -- {mix} --trace");
    assert_eq!(outcome.failure, None, "{replay}");
    outcome
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=4 {
        let mix = Mix::of_seed(seed, 3000);
        let (first, again) = (run(mix.clone()), run(mix.clone()));
        assert_eq!(first.digest, again.digest, "{mix}");
        assert_eq!((first.events, first.nanoseconds), (again.events, again.nanoseconds), "{mix}");
        assert_ne!(first.digest, run(Mix { seed: seed + 100, ..mix }).digest, "another seed is another run");
    }
}

#[test]
fn a_hundred_seeds_with_their_mixes_break_nothing() {
    for seed in 1000..1100 {
        run(Mix::of_seed(seed, 3000));
    }
}

/// A fault that never strikes would be a promise that nobody keeps.
#[test]
fn every_fault_strikes_where_it_is_allowed() {
    for fault in Fault::ALL {
        let faults = BTreeSet::from([*fault]);
        let mix = Mix { seed: 7, nodes: 3, clients: 4, events: 20_000, faults };
        let outcome = run(mix);
        let (troubles, disks) = (outcome.troubles, outcome.disks);
        let struck = match fault {
            Fault::Loss => troubles.lost,
            Fault::Duplication => troubles.duplicated,
            Fault::Delay => troubles.late,
            Fault::Partition => troubles.partitions.min(troubles.cut),
            Fault::OneWay => troubles.one_way.min(troubles.cut),
            Fault::Kill => troubles.kills,
            Fault::Crash => troubles.crashes.min(disks.crashes),
            Fault::CrashInWrite => troubles.crashes_in_write.min(troubles.cuts).min(disks.lost_names),
            Fault::Full => troubles.full.min(disks.refused),
            Fault::WriteError => disks.failed_writes.min(troubles.stopped),
            Fault::SyncError => disks.failed_syncs.min(troubles.stopped),
            Fault::Rot => troubles.rotten,
            Fault::Pause => troubles.pauses,
            Fault::SlowDisk => troubles.slow,
            Fault::Transfer => troubles.transfers,
            // Nothing counts it: it is there from the beginning.
            Fault::Skew => 1,
        };
        assert!(struck > 0, "{fault} never struck: {troubles:?} {disks:?}");
    }
}

/// What the cluster is made to do, besides writing: without it, the properties of it are judged in vain.
#[test]
fn snapshots_are_made_and_sent_and_installed() {
    let mut coverage = seaworthy_conformance::sim::Coverage::default();
    for seed in 1000..1080 {
        coverage.add(&run(Mix::of_seed(seed, 5000)).coverage);
    }
    let seaworthy_conformance::sim::Coverage { elections, compactions, installations, restores, chunks } =
        coverage;
    assert!(elections.min(compactions).min(installations).min(restores).min(chunks) > 10, "{coverage:?}");
}
