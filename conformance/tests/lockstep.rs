//! Production and the model take the same steps, and are the same after each.

use seaworthy_conformance::golden::{self, Golden};
use seaworthy_conformance::lockstep::{self, Twin};
use std::cell::RefCell;
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
    let mut played = 0;
    for group in std::fs::read_dir(&root).unwrap() {
        for file in golden::files(&group.unwrap().path()).unwrap() {
            let found = RefCell::new(None);
            let outcome = golden::run_file(&file, Golden::Compare, |setup| Twin::new(setup, &found));
            outcome.unwrap_or_else(|failure| panic!("{failure}"));
            if let Some(mismatch) = found.into_inner() {
                panic!("{}: {mismatch}", file.display());
            }
            played += 1;
        }
    }
    assert!(played > 200, "only {played} scenarios");
}
