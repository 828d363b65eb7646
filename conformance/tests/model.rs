//! What the model prints is a scenario: the runner plays it, with a driver of its own, and every node is as in the model after
//! every step.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seaworthy_conformance::golden;
use seaworthy_conformance::memory::Memory;
use seaworthy_conformance::scenario::Scenario;
use seaworthy_conformance::stage;
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::museum::Museum;
use seaworthy_model::server::Event;
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_model::{trace, witnesses};
use seaworthy_protocol::{Index, Message};
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
    let disks = match bounds.disk {
        DiskKind::Atomic => "disks at once",
        DiskKind::Fifo => "disks wait",
    };
    let cluster = bounds.cluster();
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

/// One of the actions; of four that are drawn, the one of the lowest rank.
fn choose(dice: &mut StdRng, actions: &[Action], rank: fn(&Action) -> u8) -> Action {
    let drawn: Vec<Action> = (0..4).map(|_| actions[dice.random_range(0..actions.len())]).collect();
    drawn.into_iter().min_by_key(rank).expect("four were drawn")
}

/// How much an action disturbs the others.
fn disturbance(action: &Action) -> u8 {
    match action.event {
        Event::Deliver(_) | Event::Complete | Event::Confirm | Event::Stage { .. } => 0,
        Event::Compact { .. } | Event::Propose(_) | Event::Read(_) | Event::Replicate => 1,
        Event::HeartbeatTimeout => 2,
        Event::Transfer(_) | Event::ElectionTimeout => 3,
        Event::CannotWrite { .. } | Event::Crash { .. } => 4,
    }
}

/// Does it bring n3 the first entries, or keep them in a log? Without such actions n3 needs a snapshot.
fn spares_a_snapshot(action: &Action) -> bool {
    match action.event {
        Event::Compact { snapshot, through } => through < snapshot.last.index,
        Event::Deliver(packet) => {
            let begins = matches!(packet.message, Message::AppendEntries { prev_log, .. } if prev_log.index == Index(0));
            begins && action.node.get() == 3
        }
        Event::ElectionTimeout
        | Event::HeartbeatTimeout
        | Event::Propose(_)
        | Event::Replicate
        | Event::CannotWrite { .. }
        | Event::Read(_)
        | Event::Transfer(_)
        | Event::Stage { .. }
        | Event::Complete
        | Event::Confirm
        | Event::Crash { .. } => false,
    }
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

/// A seeded random walk: what happens, and all nodes after it.
fn walk(model: &Raft, seed: u64) -> Vec<(String, Vec<String>)> {
    // Every other walk is calm enough for something to come of it, and every fourth for a snapshot to be needed.
    let rank = if seed % 2 == 0 { |_: &Action| 0 } else { disturbance };
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut state, mut steps) = (model.start(), Vec::new());
    for _ in 0..50 {
        let mut actions = Vec::new();
        model.list_actions(&state, &mut actions);
        actions.retain(|action| seed % 4 != 3 || !spares_a_snapshot(action));
        actions.retain(|action| model.transition(&state, *action).is_some());
        if actions.is_empty() {
            break;
        }
        let action = choose(&mut dice, &actions, rank);
        let command = action.to_string();
        state = model.transition(&state, action).unwrap().state;
        // The runner's driver, whose disk works at once, makes at once what was staged durable.
        let stage = Action { node: action.node, event: Event::Stage { is_intact: true } };
        let is_whole = state.server(action.node).disk.whole.is_some();
        if model.bounds().disk == DiskKind::Atomic && is_whole {
            state = model.transition(&state, stage).unwrap().state;
        }
        steps.push((command, lines(&state)));
    }
    steps
}

/// The boxes for random walks: each feature, with disks that lag and disks that do not.
fn boxes() -> Vec<Bounds> {
    let names = [
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
        "snapshot/all",
        "snapshot-newer/all",
        "snapshot-disk/all",
        "reads/all",
        "transfer/one",
        "window/one",
        "window-terms/all",
        "two-all/all",
        "unreduced-all/one",
        "unreduced-on/all",
    ];
    let lagging = Bounds { disk: DiskKind::Fifo, crashes: 1, damages: 1, ..box_named("snapshot/all") };
    names.map(box_named).into_iter().chain([lagging]).collect()
}

/// What some walk must have met, or the walks would agree about less than it seems.
const MET: [&str; 22] = [
    "→n2 RequestVote",
    "→n1 vote granted",
    "→n1 PreVote",
    "→n2 pre-vote granted",
    "→n3 AppendEntries",
    "→n1 matched 2",
    "→n1 conflict at",
    "→n3 InstallSnapshot 1@1/2#1 from=1 length=1",
    "→n1 snapshot 1@1/2#1 from=1 received=2",
    "→n1 ReadIndex r1",
    "→n2 readable r1 at",
    "→n2 ReadRound 1",
    "→n1 following in round 1",
    "→n2 TimeoutNow",
    "→n1 higher term",
    "cannot write, heir n2",
    "transfer to n2",
    "compact 1@1/2#1 through 1",
    "snapshot staged",
    "snapshot damaged",
    "disk completes",
    "crash keeping 1",
];

/// Two drivers written apart, one script, the same nodes: on seeded random walks through boxes with lagging disks, crashes,
/// limited batches, snapshots in chunks, reads, transfers and windows.
#[test]
fn on_random_walks_the_runner_and_the_model_agree() {
    let mut met = String::new();
    for bounds in boxes() {
        let model = Raft::new(bounds);
        for seed in 0..60 {
            let (script, states): (Vec<String>, Vec<Vec<String>>) = walk(&model, seed).into_iter().unzip();
            assert_eq!(shown(&bounds, &script), states, "{}, seed {seed}", bounds.full_name());
            met.extend(script.into_iter().map(|command| command + "\n"));
        }
    }
    let missed: Vec<&str> = MET.into_iter().filter(|what| !met.contains(what)).collect();
    assert_eq!(missed, [""; 0]);
}
