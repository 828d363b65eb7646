//! Production and the model take the same steps, and are the same after each.

use seaworthy_conformance::lockstep::{self, ReplayError, Twin};
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::system::Raft;
use seaworthy_model::trace::{self, Script};
use seaworthy_model::witnesses;
use seaworthy_protocol::Term;
use std::fs;
use std::path::Path;

#[test]
fn every_edge_of_small_boxes_is_taken_by_both() {
    for bounds in lockstep::small_boxes().unwrap() {
        let report = lockstep::run(bounds, 2);
        assert!(report.is_exhausted(), "{report}\nagain: seaworthy-lockstep edges --small");
        assert!(report.covered.idle > report.edges / 2, "actions that change nothing are compared too");
    }
}

#[test]
fn every_step_of_random_walks_is_an_edge_of_the_model() {
    let (mut steps, mut crashes) = (0, 0);
    for seed in 0..40 {
        let walked = lockstep::walk(seed, 300).unwrap();
        assert!(
            walked.disagreement.is_none(),
            "{}\nagain: seaworthy-lockstep walk --seed {seed} --walks 1 --events 300",
            walked.disagreement.unwrap_or_default()
        );
        steps += walked.covered.edges;
        crashes += walked.crashes;
    }
    assert!(steps > 3_000 && crashes > 50, "{steps} steps, {crashes} crashes");
}

#[test]
fn production_plays_every_scenario() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let played = lockstep::play_all(&root, Twin::new).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(played > 200, "only {played} scenarios");
}

/// Boxes of five nodes, far too large to exhaust, each with other features.
fn fives() -> [(&'static str, Bounds); 6] {
    let five = Bounds::named("five/one").unwrap().remove(0);
    let five = Bounds { symmetry: false, max_term: Term(4), proposals: 4, calm_rounds: 0, ..five };
    [
        ("plain", Bounds { crashes: 2, ..five }),
        ("fifo", Bounds { disk: DiskKind::Fifo, crashes: 4, ..five }),
        ("both", Bounds { pre_vote: true, check_quorum: true, writes_fail: true, ..five }),
        ("snapshots", Bounds { compactions: 3, damages: 1, disk: DiskKind::Fifo, crashes: 1, ..five }),
        ("reads", Bounds { reads: 3, transfers: 2, pre_vote: true, ..five }),
        ("window", Bounds { window: Some((3, 4)), check_quorum: true, compactions: 1, proposals: 8, ..five }),
    ]
}

fn replayed(model: &Raft, script: &Script) -> Result<usize, ReplayError> {
    let json = trace::to_json(model, "a walk", script).unwrap();
    lockstep::replay(&serde_json::to_string(&json).unwrap())
}

/// The scripts are kept: what production once did, it must do again. `UPDATE_GOLDEN=1` walks anew, after the model has changed.
#[test]
fn production_replays_the_walks_that_are_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("walks");
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (name, bounds) in fives() {
        for seed in 1..=3 {
            let (model, file) = (Raft::new(bounds), root.join(format!("{name}-{seed}.script")));
            if is_update {
                let head = format!("# A walk of seed {seed} in {}.\n", model.name());
                fs::write(&file, format!("{head}{}", trace::walk(&model, seed, 80))).unwrap();
            }
            let text = fs::read_to_string(&file).unwrap();
            let script =
                trace::parse(&model, &text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let steps =
                replayed(&model, &script).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(steps, script.0.len());
        }
    }
}

#[test]
fn production_replays_walks_of_five_nodes_and_every_witness() {
    let mut all = 0;
    for (name, bounds) in fives() {
        for seed in 100..110 {
            let model = Raft::new(bounds);
            let script = trace::walk(&model, seed, 120);
            let steps =
                replayed(&model, &script).unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
            all += steps;
        }
    }
    assert!(all > 4_000, "only {all} steps");
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for witness in witnesses::all() {
        let groups = ["election", "replication", "commitment", "crash"];
        let file =
            groups.iter().map(|group| scenarios.join(group).join(format!("{}.scenario", witness.name)));
        let text = file.map(fs::read_to_string).find_map(Result::ok).unwrap();
        let is_action = |line: &&str| {
            !line.starts_with([' ', '#']) && !line.starts_with("cluster") && *line != "disks wait"
        };
        let script: Vec<&str> = text.lines().filter(is_action).collect();
        let model = Raft::new(Bounds::named(witness.bounds).unwrap().pop().unwrap());
        let script = trace::parse(&model, &script.join("\n")).unwrap();
        assert_eq!(replayed(&model, &script).unwrap(), script.0.len(), "{}", witness.name);
    }
}

#[test]
fn a_trace_that_says_something_else_is_noticed_where_it_does() {
    let bounds = Bounds::named("smoke/one").unwrap().remove(0);
    let model = Raft::new(bounds);
    let script = trace::parse(&model, "n1 election timeout\ndeliver n1@1→n2 RequestVote last=0@0\n").unwrap();
    let json = serde_json::to_string(&trace::to_json(&model, "a vote", &script).unwrap()).unwrap();
    assert_eq!(lockstep::replay(&json).unwrap(), 2);

    let mut tampered: serde_json::Value = serde_json::from_str(&json).unwrap();
    tampered["steps"][2]["nodes"][1]["durable"]["voted_for"] = 3.into();
    let said = lockstep::replay(&tampered.to_string()).unwrap_err().to_string();
    assert!(
        said.starts_with("step 2: after \"deliver n1@1→n2 RequestVote last=0@0\" the node is not the same:"),
        "{said}"
    );
    assert!(said.contains("\n-n2@1 follower vote=n3") && said.contains("\n+n2@1 follower vote=n1"), "{said}");

    let mut tampered: serde_json::Value = serde_json::from_str(&json).unwrap();
    tampered["steps"][2]["disks"][1]["durable"]["current_term"] = 2.into();
    let said = lockstep::replay(&tampered.to_string()).unwrap_err().to_string();
    assert!(said.contains("what recovery finds on the disk is not the same"), "{said}");

    let mut tampered: serde_json::Value = serde_json::from_str(&json).unwrap();
    tampered["steps"][2]["sent"] = serde_json::Value::Array(Vec::new());
    let said = lockstep::replay(&tampered.to_string()).unwrap_err().to_string();
    assert!(said.contains("what it sends is not the same") && said.contains("vote granted"), "{said}");

    let mut tampered: serde_json::Value = serde_json::from_str(&json).unwrap();
    tampered["steps"][2]["action"] = "n2 sets sail".into();
    let said = lockstep::replay(&tampered.to_string()).unwrap_err().to_string();
    assert!(said.starts_with("step 2, \"n2 sets sail\": "), "{said}");
    assert!(
        lockstep::replay("{}").unwrap_err().to_string().starts_with("it is no trace of seaworthy-model's: ")
    );
}
