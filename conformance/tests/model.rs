//! What the model prints is a scenario: the runner plays it, with a driver of its own, and every node is as in the model after
//! every step.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seaworthy_conformance::golden;
use seaworthy_conformance::memory::Memory;
use seaworthy_conformance::scenario::Scenario;
use seaworthy_conformance::stage;
use seaworthy_model::bounds::{Batching, Bounds, DiskKind};
use seaworthy_model::museum::Museum;
use seaworthy_model::system::{Raft, State};
use seaworthy_model::{trace, witnesses};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const GROUPS: [&str; 5] = ["election", "replication", "commitment", "crash", "mutants"];

fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    GROUPS.iter().flat_map(|group| golden::files(&root.join(group)).unwrap()).collect()
}

/// Each scenario by its name, without its group.
fn by_name() -> BTreeMap<String, String> {
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let all: BTreeMap<String, String> =
        scenarios().iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
    assert_eq!(all.len(), scenarios().len(), "two scenarios of one name");
    all
}

fn box_named(name: &str) -> Bounds {
    Bounds::named(name).unwrap().pop().unwrap()
}

/// Plays a script of the model, and shows all nodes after every step.
fn shown(bounds: &Bounds, script: &[String]) -> Vec<Vec<String>> {
    let limit = match bounds.batching {
        Batching::One => " max-entries 1",
        Batching::All => "",
    };
    let disks = match bounds.disk {
        DiskKind::Atomic => "disks at once",
        DiskKind::Fifo => "disks wait",
    };
    let pre_vote = if bounds.pre_vote { " pre-vote" } else { "" };
    let check_quorum = if bounds.check_quorum { " check-quorum" } else { "" };
    let cluster = format!("cluster {}{limit}{pre_vote}{check_quorum}", bounds.nodes);
    let mut text = format!("# From the model.\n# Source: a walk\n{cluster}\n{disks}\n");
    for action in script {
        text.push_str(&format!("{action}\nshow\n"));
    }
    let scenario = Scenario::parse(&text).unwrap_or_else(|mistake| panic!("{mistake}"));
    let run = stage::run(&scenario, Memory::new(&scenario.setup));
    assert_eq!(run.breach, None, "{}", script.join("\n"));
    run.outcomes.into_iter().skip(2).step_by(2).collect()
}

/// The same as the model has it.
fn lines(state: &State) -> Vec<String> {
    let tell = |server: &seaworthy_model::server::Server| {
        let node = server.node.to_string();
        let disk = format!("{} disk {}", server.node.id(), server.disk.durable);
        if server.disk.durable == *server.node.durable() { vec![node] } else { vec![node, disk] }
    };
    state.servers().iter().flat_map(|server| tell(server)).collect()
}

#[test]
fn every_witness_is_a_scenario_and_is_seen_in_the_model_too() {
    let scenarios = by_name();
    for witness in witnesses::all() {
        let text = scenarios.get(witness.name).unwrap_or_else(|| panic!("no scenario {}", witness.name));
        let scenario = Scenario::parse(text).unwrap();
        let script: Vec<String> = scenario.steps.iter().map(|step| step.text.clone()).collect();
        let script: Vec<String> = script.into_iter().filter(|line| line != "disks wait").collect();
        let bounds = box_named(witness.bounds);
        let model = Raft::new(bounds);
        let actions = trace::parse(&model, &script.join("\n")).unwrap_or_else(|error| panic!("{error}"));
        let states = trace::replay(&model, &actions.0).unwrap();
        assert!(witness.is_shown_by(&actions.0, &states), "{}", witness.name);
        for (shown, state) in shown(&bounds, &script).iter().zip(states.iter().skip(1)) {
            assert_eq!(*shown, lines(state), "{}", witness.name);
        }
    }
}

#[test]
fn every_mutant_that_must_fall_has_its_scenario() {
    let scenarios = by_name();
    for exhibit in Museum::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().choose(&[]).unwrap() {
        // Where no box is large enough a script is kept already, in model/scripts.
        if exhibit.scripts().count() == exhibit.expectations().count() {
            continue;
        }
        let Some((Some(property), bounds)) = exhibit.expectations().next() else { continue };
        let name = &exhibit.name;
        let text = scenarios.get(name).unwrap_or_else(|| panic!("mutants --save misses {name}"));
        assert!(text.starts_with(&format!(
            "# Mutant {name}: {}.\n# {property} falls to it in {bounds}.",
            exhibit.bug
        )));
    }
}

/// Two drivers written apart, one script, the same nodes: on seeded random walks through boxes with lagging disks, crashes and
/// limited batches.
#[test]
fn on_random_walks_the_runner_and_the_model_agree() {
    for name in [
        "solo/all",
        "two/one",
        "two/all",
        "three/one",
        "three/all",
        "three-disk/all",
        "unreduced-two/all",
        "pre-vote/all",
        "check-quorum/all",
        "two-on/all",
    ] {
        let bounds = box_named(name);
        let model = Raft::new(bounds);
        for seed in 0..60 {
            let mut dice = StdRng::seed_from_u64(seed);
            let (mut state, mut script, mut states) = (model.start(), Vec::new(), Vec::new());
            for _ in 0..40 {
                let mut actions = Vec::new();
                model.list_actions(&state, &mut actions);
                if actions.is_empty() {
                    break;
                }
                let action = actions[dice.random_range(0..actions.len())];
                let Some(transition) = model.transition(&state, action) else { continue };
                state = transition.state;
                script.push(action.to_string());
                states.push(lines(&state));
            }
            assert_eq!(shown(&bounds, &script), states, "{name}, seed {seed}");
        }
    }
}
