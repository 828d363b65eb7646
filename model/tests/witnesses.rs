//! What must be reachable is: properties that hold of nothing prove nothing.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::broken::Broken;
use seaworthy_model::check::Options;
use seaworthy_model::mutants::BuiltIn;
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_model::trace::{self, Script};
use seaworthy_model::witnesses;
use seaworthy_protocol::invariants::Violation;

fn model_of(witness: witnesses::Witness) -> Raft {
    Raft::new(Bounds::named(witness.bounds).unwrap().pop().unwrap())
}

#[test]
fn every_witness_is_found_and_its_script_needs_every_step() {
    let threads = Options::default().threads;
    for witness in witnesses::all() {
        let text = witnesses::find(model_of(witness), witness, threads);
        let text = text.unwrap_or_else(|| panic!("seaworthy-model trace {}: not found", witness.name));
        let model = model_of(witness);
        let script = trace::parse(&model, &text).unwrap();
        assert!(is_shown(&model, witness, &script.0), "{} is not shown by\n{text}", witness.name);
        for left_out in 0..script.0.len() {
            let mut shorter = script.0.clone();
            shorter.remove(left_out);
            assert!(!is_shown(&model, witness, &shorter), "{}: step {left_out} is not needed", witness.name);
        }
    }
}

fn is_shown(model: &Raft, witness: witnesses::Witness, actions: &[Action]) -> bool {
    trace::replay(model, actions).is_some_and(|states| witness.is_shown_by(actions, &states))
}

#[test]
fn a_script_reads_as_it_prints() {
    let witness = witnesses::named("rollback").unwrap();
    let model = model_of(witness);
    let text = witnesses::find(model_of(witness), witness, 1).unwrap();
    let script = trace::parse(&model, &format!("# a comment\n\n{text}")).unwrap();
    assert_eq!(script.to_string(), text);
    let json = serde_json::to_value(trace::to_json(&model, "rollback", &script).unwrap()).unwrap();
    let steps = json["steps"].as_array().unwrap();
    assert_eq!(steps.len(), script.0.len() + 1);
    assert_eq!(steps[0]["action"], serde_json::Value::Null);
    assert_eq!(steps[1]["action"], script.0[0].to_string());
}

#[test]
fn an_impossible_line_is_named_with_what_could_happen_instead() {
    let model = model_of(witnesses::named("rollback").unwrap());
    let error = trace::parse(&model, "n1 election timeout\nn1 crash\nn9 heartbeat\n").unwrap_err();
    assert_eq!((error.line, error.text.as_str()), (3, "n9 heartbeat"));
    assert!(error.choices.contains(&"n2 election timeout".to_owned()), "{error}");
}

#[test]
fn a_path_that_leaves_out_a_cause_cannot_be_replayed() {
    let model = model_of(witnesses::named("rollback").unwrap());
    let Script(actions) = trace::parse(&model, "n1 election timeout\nn1 crash").unwrap();
    assert!(trace::replay(&model, &actions).is_some());
    let twice = [actions.clone(), actions].concat();
    assert!(trace::replay(&model, &twice).is_none(), "the box has one crash");
}

#[test]
fn a_counterexample_is_shrunk_by_whole_chains_of_causes_and_by_smaller_crashes() {
    let mutant = BuiltIn::named("vote-lost-at-restart").unwrap();
    let model = mutant.applied_to(Bounds::named(mutant.bounds).unwrap().pop().unwrap());
    // The crash keeps two writes, of which one is of the proposal: neither can be left out alone.
    let long = "n1 election timeout\nn1 disk completes\nn1 disk confirms\ndeliver n1@1→n2 RequestVote last=0@0\n\
        n2 disk completes\ndeliver n2@1→n1 vote granted\nn1 propose 1\nn1 crash keeping 2\n";
    let script = trace::parse(&model, long).unwrap();
    let falls = |_: &Script, states: &[State]| {
        states.last().and_then(State::broken) == Some(Broken::Property(Violation::VoteStable))
    };
    let shrunk = trace::shrink(&model, script, falls);
    assert_eq!(shrunk.to_string(), "n1 election timeout\nn1 disk completes\nn1 crash\n");
}
