//! The boxes, exhausted: every reachable state, every property, and as many states as are pinned.
//!
//! The boxes of seconds run here; `three`, `three-terms`, `two-all` with every feature at once, and `unreduced-on`, by command in `.ci/run`; `seaworthy-model check --all`
//! runs all of them (docs/model.md has the times).

use seaworthy_model::bounds::Bounds;
use seaworthy_model::check::{self, Engine, Options};
use seaworthy_model::report::Report;
use seaworthy_model::system::Raft;

/// As in the command: the checker allocates for every transition, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn check(bounds: Bounds, options: Options) -> Report {
    let report = check::run(Raft::new(bounds), options);
    let name = bounds.full_name();
    for verdict in report.broken() {
        println!("{} falls: {:?}", verdict.property, verdict.counterexample);
    }
    assert!(report.is_proof(), "cargo run --release --bin seaworthy-model -- check {name}\n{report}");
    report
}

fn exhaust(name: &str) {
    for bounds in Bounds::named(name).unwrap() {
        assert!(check(bounds, Options::default()).pinned.is_some());
    }
}

#[test]
fn solo_holds_every_property() {
    exhaust("solo");
}

#[test]
fn two_holds_every_property() {
    exhaust("two");
}

#[test]
fn smoke_holds_every_property() {
    exhaust("smoke");
}

#[test]
fn three_calm_holds_every_property() {
    exhaust("three-calm/all");
}

#[test]
fn four_on_holds_every_property() {
    exhaust("four-on/all");
}

#[test]
fn snapshot_damaged_holds_every_property() {
    exhaust("snapshot-damaged");
}

#[test]
fn three_values_on_one_entry_a_message_holds_every_property() {
    exhaust("three-values-on/one");
}

#[test]
fn figure_eight_holds_every_property() {
    exhaust("figure-eight");
}

#[test]
fn four_holds_every_property() {
    exhaust("four/one");
}

#[test]
fn four_terms_holds_every_property() {
    exhaust("four-terms");
}

#[test]
fn pre_vote_holds_every_property_and_nobody_disrupts() {
    exhaust("pre-vote/all");
}

#[test]
fn check_quorum_holds_every_property_and_nobody_leads_alone() {
    exhaust("check-quorum");
}

#[test]
fn smoke_on_holds_every_property() {
    exhaust("smoke-on/all");
}

#[test]
fn two_on_holds_every_property() {
    exhaust("two-on");
}

#[test]
fn snapshot_holds_every_property() {
    exhaust("snapshot/one");
}

#[test]
fn snapshot_window_holds_every_property_and_nobody_waits_for_ever() {
    exhaust("snapshot-window");
    exhaust("window-snapshot");
}

#[test]
fn reads_holds_every_property_and_all_are_answered() {
    exhaust("reads/all");
}

#[test]
fn window_terms_holds_every_property() {
    exhaust("window-terms/one");
}

#[test]
fn unreduced_snapshot_holds_every_property_and_the_dead_stay_dead() {
    exhaust("unreduced-snapshot/one");
}

#[test]
fn unreduced_three_holds_every_property_and_the_dead_stay_dead() {
    exhaust("unreduced-three");
}

/// A fingerprint that leaves something out, or a `Hash` that disagrees with `Eq`, shows as a count that depends on the order
/// of the search. The pinned counts are those of breadth first on all cores.
#[test]
fn depth_first_and_one_thread_find_the_same_states() {
    for bounds in ["smoke", "two"].into_iter().flat_map(|name| Bounds::named(name).unwrap()) {
        check(bounds, Options { engine: Engine::Dfs, ..Options::default() });
        check(bounds, Options { threads: 1, ..Options::default() });
        check(bounds, Options { engine: Engine::Dfs, threads: 1, ..Options::default() });
    }
}

/// A collision of fingerprints, or a tie that was broken by chance, would show as a count that depends on the salt.
#[test]
fn other_fingerprints_find_the_same_states() {
    for salt in 1..=3 {
        for bounds in ["smoke", "two"].into_iter().flat_map(|name| Bounds::named(name).unwrap()) {
            check(Bounds { salt, ..bounds }, Options::default());
        }
    }
}
