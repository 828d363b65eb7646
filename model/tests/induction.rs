//! The dead stay dead, beyond the boxes that are exhausted: seeded random walks in larger ones, which keep what was removed
//! from the network aside and judge it, and every property, in every state.

use seaworthy_model::bounds::{Bounds, DeadRules, DiskKind};
use seaworthy_model::induction;
use seaworthy_model::properties::DEAD_STAYS_DEAD;
use seaworthy_model::system::Raft;
use seaworthy_protocol::Term;

/// Three nodes, four terms, three values, three crashes, disks that lag: far too large to exhaust.
fn large(batching: usize) -> Bounds {
    let bounds = Bounds::named("three-disk").unwrap()[batching];
    Bounds { max_term: Term(4), proposals: 3, crashes: 3, ..bounds }
}

fn walk(bounds: Bounds, seed: u64, steps: u64) -> induction::Walk {
    let walk = induction::walk(&Raft::new(bounds), seed, steps);
    if let Some((property, script)) = &walk.broken {
        panic!("{property} falls in {} with seed {seed}:\n{script}", bounds.full_name());
    }
    walk
}

#[test]
fn random_walks_of_lagging_disks_revive_no_dead_message() {
    for seed in 0..4 {
        for batching in [0, 1] {
            let walk = walk(large(batching), seed, 100_000);
            assert!(walk.put_aside > 10_000, "a walk that removes little shows little: {walk:?}");
        }
    }
}

/// As a cluster runs: answers are signs of life, canvasses are repeated within a term, disks refuse.
#[test]
fn random_walks_with_pre_vote_and_check_quorum_revive_no_dead_message() {
    for seed in 0..4 {
        for batching in [0, 1] {
            let on = Bounds { pre_vote: true, check_quorum: true, writes_fail: true, ..large(batching) };
            let walk = walk(on, seed, 100_000);
            assert!(walk.put_aside > 1_000, "a walk that removes little shows little: {walk:?}");
        }
    }
}

/// Snapshots, reads, transfers and a window, together and with three nodes, which no box has; every property is judged on the way.
#[test]
fn random_walks_with_every_feature_revive_no_dead_message() {
    for seed in 0..6 {
        let (batching, is_on) = (usize::from(seed % 2 == 0), seed % 3 > 0);
        let with = Bounds {
            compactions: 3,
            reads: 4,
            transfers: 3,
            window: Some((2, 3)),
            outcomes: true,
            pre_vote: is_on,
            check_quorum: is_on,
            writes_fail: is_on,
            ..large(batching)
        };
        let walk = walk(with, seed, 50_000);
        assert!(walk.put_aside > 1_000, "a walk that removes little shows little: {walk:?}");
    }
}

#[test]
fn random_walks_of_five_nodes_revive_no_dead_message() {
    for seed in 0..2 {
        // Renamings cost most here and serve counting, which a walk does not.
        let five = Bounds { nodes: 5, symmetry: false, ..large(1) };
        walk(five, seed, 50_000);
    }
}

#[test]
fn random_walks_on_the_unreduced_network_break_nothing() {
    for seed in 0..2 {
        walk(Bounds { removes_dead_messages: false, ..large(0) }, seed, 20_000);
    }
}

/// The trap of the reduction: with a lagging disk a crash takes the term in memory back, and what was stale counts again.
#[test]
fn a_rule_that_looks_at_the_term_in_memory_is_caught() {
    let bounds = Bounds { dead: DeadRules::AgainstMemory, ..large(1) };
    assert_eq!(bounds.disk, DiskKind::Fifo);
    let found = (0..8).any(|seed| {
        let walk = induction::walk(&Raft::new(bounds), seed, 100_000);
        walk.broken.is_some_and(|(property, _)| property == DEAD_STAYS_DEAD)
    });
    assert!(found);
}
