//! The scenarios on real threads: each node with its own and its disk's, in a directory, asked through the public handle.

use seaworthy::Network;
use seaworthy::wal::OpenError;
use seaworthy_conformance::lockstep::{self, Found, PlayError, Twin};
use seaworthy_conformance::production::{Output, Production, Stepper, Tape, Threads};
use seaworthy_conformance::scenario::Setup;
use seaworthy_conformance::subject::Event;
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::system::Raft;
use seaworthy_model::trace;
use seaworthy_protocol::{Durable, Node, Term};
use std::fs;
use std::path::Path;

#[test]
fn real_threads_play_every_scenario() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let played = lockstep::play_all(&root, Twin::on_threads).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(played > 200, "only {played} scenarios");
}

/// Crashes, snapshots, reads and transfers in clusters of five, far beyond what can be exhausted.
#[test]
fn real_threads_replay_walks_of_the_model() {
    let five = Bounds::named("five/one").unwrap().remove(0);
    let bounds = Bounds {
        symmetry: false,
        max_term: Term(4),
        proposals: 4,
        calm_rounds: 0,
        disk: DiskKind::Fifo,
        crashes: 4,
        compactions: 3,
        damages: 1,
        reads: 3,
        transfers: 2,
        pre_vote: true,
        ..five
    };
    let model = Raft::new(bounds);
    for seed in 0..6 {
        let script = trace::walk(&model, seed, 150);
        let json = serde_json::to_string(&trace::to_json(&model, "a walk", &script).unwrap()).unwrap();
        let steps = lockstep::replay_on_threads(&json).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(steps, script.0.len());
    }
}

/// A node that is not told that its disk is done.
struct Untold(Threads);

impl Production for Untold {
    fn happen(&mut self, event: &Event, chunk: &[u8]) -> Output {
        if *event == Event::DiskConfirms { Output::default() } else { self.0.happen(event, chunk) }
    }

    fn node(&self) -> &Node<u8> {
        self.0.node()
    }

    fn tape(&self) -> Tape {
        self.0.tape()
    }

    fn stepper(&self) -> &Stepper {
        self.0.stepper()
    }

    fn recovered(&self) -> Result<Durable<u8>, OpenError> {
        self.0.recovered()
    }
}

#[test]
fn a_difference_is_noticed_at_its_step() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("alone.scenario");
    let script = "# One node leads.\n# Source: section 5.2\ncluster 1\ndisks wait\nn1 election timeout\nn1 disk completes\nn1 disk confirms\n";
    fs::write(&file, script).unwrap();
    let network = Network::default();
    let untold = |setup: &Setup, found: &Found| {
        Twin::with(setup, found, |id, settings, disk, made| {
            Untold(Threads::holding(id, &network, settings, disk, made))
        })
    };
    let Err(PlayError::Parts { mismatch, .. }) = lockstep::play(&file, untold) else {
        panic!("nothing is noticed");
    };
    let said = mismatch.to_string();
    assert!(said.starts_with("after \"n1 DiskConfirms\" the node is not the same:"), "{said}");
}
