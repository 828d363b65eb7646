//! Pictures: what they must show, and that those in the documentation are what the command draws today.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::mutants::BuiltIn;
use seaworthy_model::picture::{self, Caption, STEPS_ON_A_SCREEN};
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_model::trace;
use seaworthy_protocol::Term;
use stateright::{Model, Path};
use std::process::Command;
use std::{env, fs, path};

const CAPTION: Caption<'static> = Caption { title: "a title", about: "what it is about" };

fn model_of(name: &str) -> Raft {
    Raft::new(Bounds::named(name).unwrap().pop().unwrap())
}

/// The picture of all steps of a script.
fn drawn(model: &Raft, script: &str) -> String {
    let script = trace::parse(model, script).unwrap();
    let states = trace::replay(model, &script.0).unwrap();
    picture::draw(model, CAPTION, &script.0, &states, usize::MAX).unwrap()
}

const ELECTION: &str = "n1 election timeout
deliver n1@1→n2 RequestVote last=0@0
deliver n2@1→n1 vote granted
";

#[test]
fn an_election_shows_who_becomes_what_and_what_was_said() {
    let svg = drawn(&model_of("three"), ELECTION);
    for text in [
        "a title",
        "what it is about",
        "✓ all 18 properties hold in this state",
        "n1@1 candidate",
        "votes for itself, 1 of 3 votes",
        "RequestVote →n3",
        "n2@1 follower",
        "votes for n1",
        "n1@1 leader",
        "has a majority",
        "1@1:-",
        "append 1@1:- →n2 →n3",
        "n2: match=0 next=1",
        "n3@0 follower",
        "the state after 3 steps",
    ] {
        assert!(svg.contains(&format!(">{text}</text>")), "no \"{text}\" in\n{svg}");
    }
}

#[test]
fn what_is_not_on_disk_yet_is_dashed_and_waits() {
    let svg = drawn(&model_of("two"), "n1 election timeout\n");
    assert!(svg.contains(">votes for itself, 0 of 2</text>"), "{svg}");
    for text in ["term=0", "write term=1 vote=n1", "then RequestVote →n2", "in memory, not on disk yet"] {
        assert!(svg.contains(&format!(">{text}</text>")), "no \"{text}\" in\n{svg}");
    }
    assert!(!drawn(&model_of("three"), ELECTION).contains("not on disk yet"), "its disks are atomic");
}

#[test]
fn a_broken_property_is_named() {
    let mutant = BuiltIn::named("vote-lost-at-restart").unwrap();
    let model = mutant.applied_to(Bounds::named(mutant.bounds).unwrap().pop().unwrap());
    let svg = drawn(&model, "n1 election timeout\nn1 disk completes\nn1 crash\n");
    assert!(svg.contains(">✗ broken in this state: VoteStable</text>"), "{svg}");
}

#[test]
fn a_long_path_is_drawn_from_its_last_steps_and_says_so() {
    let (model, actions, states) = walk(40);
    let svg = picture::draw(&model, CAPTION, &actions, &states, 10).unwrap();
    assert!(svg.contains(">steps 1 to 30 are not drawn</text>"), "{svg}");
    assert!(svg.contains(">the state after 40 steps</text>"), "{svg}");
    let whole = picture::draw(&model, CAPTION, &actions, &states, usize::MAX).unwrap();
    assert!(!whole.contains("not drawn"), "{whole}");
    assert!(height(&svg) < 1500 && height(&whole) > 1500, "{} {}", height(&svg), height(&whole));
}

fn height(svg: &str) -> u32 {
    svg.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
}

/// A random walk of five nodes with lagging disks: everything there is to draw.
fn walk(steps: usize) -> (Raft, Vec<Action>, Vec<State>) {
    let bounds = Bounds {
        nodes: 5,
        max_term: Term(8),
        proposals: 8,
        crashes: 4,
        disk: DiskKind::Fifo,
        symmetry: false,
        calm_rounds: 0,
        ..Bounds::named("three/all").unwrap()[0]
    };
    let model = Raft::new(bounds);
    let mut random = StdRng::seed_from_u64(5);
    let (mut taken, mut states) = (Vec::new(), vec![model.start()]);
    while taken.len() < steps {
        let mut actions = Vec::new();
        model.list_actions(&states[taken.len()], &mut actions);
        let action = actions[random.random_range(0..actions.len())];
        if let Some(transition) = model.transition(&states[taken.len()], action) {
            taken.push(action);
            states.push(transition.state);
        }
    }
    (model, taken, states)
}

#[test]
fn every_picture_of_a_walk_is_one_plain_document_and_drawn_the_same_again() {
    let (model, actions, states) = walk(60);
    for steps in 0..=actions.len() {
        let draw = || picture::draw(&model, CAPTION, &actions[..steps], &states[..=steps], 12).unwrap();
        let svg = draw();
        assert_well_formed(&svg);
        assert_eq!(svg, draw());
        for forbidden in ["<script", "foreignObject", "href", "http://", "https://", "@import", "url(http"] {
            let namespace = "xmlns=\"http://www.w3.org/2000/svg\"";
            assert!(!svg.replace(namespace, "").contains(forbidden), "{forbidden} after {steps} steps");
        }
    }
}

/// Every element that opens closes.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    for rest in svg.split('<').skip(1) {
        let (tag, text) = rest.split_once('>').unwrap_or_else(|| panic!("an open tag: {rest}"));
        assert!(!text.contains('>'), "a bare > in {rest}");
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_explorer_draws_the_last_steps_of_any_path() {
    let (model, actions, _) = walk(30);
    let path = Path::from_actions(&model, model.start(), &actions).unwrap();
    let svg = model.as_svg(path).unwrap();
    assert!(svg.contains(&format!("steps 1 to {} are not drawn", 30 - STEPS_ON_A_SCREEN)), "{svg}");
}

#[test]
fn states_that_do_not_fit_the_actions_have_no_picture() {
    let (model, actions, states) = walk(3);
    assert_eq!(picture::draw(&model, CAPTION, &actions, &states[..2], 9), None);
}

/// `UPDATE_GOLDEN=1 cargo test --package seaworthy-model --test pictures` draws them anew.
#[test]
fn the_pictures_in_the_documentation_are_what_the_command_draws() {
    for witness in ["split-vote", "rollback", "indirect-commit"] {
        let directory = tempfile::tempdir().unwrap();
        let drawn = directory.path().join("picture.svg");
        let output = Command::new(env!("CARGO_BIN_EXE_seaworthy-model"))
            .args(["trace", witness, "--svg"])
            .arg(&drawn)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let drawn = fs::read_to_string(drawn).unwrap();
        let kept = path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let kept = kept.join("../docs/pictures").join(format!("{witness}.svg"));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::write(&kept, &drawn).unwrap();
        }
        let is_kept = fs::read_to_string(&kept).is_ok_and(|kept| kept == drawn);
        assert!(is_kept, "{} is old: look at the new one, and keep it with UPDATE_GOLDEN=1", kept.display());
    }
}
