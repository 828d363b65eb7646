//! What must be reachable is: properties that hold of nothing prove nothing.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::check::Options;
use seaworthy_model::system::{Action, Raft};
use seaworthy_model::trace::{self, Script};
use seaworthy_model::witnesses;

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
