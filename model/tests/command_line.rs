//! The command line as its users meet it: what it prints, what it refuses, and its exit codes.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seaworthy-model")).args(arguments).output().unwrap()
}

/// What it prints when all is well.
fn answer(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that says why it refuses.
fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn check_exhausts_a_box_with_both_batchings() {
    let text = answer(&["check", "solo"]);
    assert!(text.contains("solo/one: exhausted, every property holds"), "{text}");
    assert!(text.contains("solo/all: exhausted, every property holds"), "{text}");
    assert!(text.contains("4,094 states generated, 2,683 distinct, depth 2"), "{text}");
    assert!(text.contains("LeaderCompleteness    holds"), "{text}");
}

#[test]
fn check_prints_json_for_tools() {
    let text = answer(&["check", "smoke/one", "--json", "--threads", "1", "--engine", "dfs"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["distinct"], 10_252);
    assert_eq!(report["pinned"]["distinct"], 10_252);
    assert_eq!(
        (&report["queue"], &report["threads"], &report["engine"]),
        (&0.into(), &1.into(), &"dfs".into())
    );
    assert_eq!(report["verdicts"].as_array().unwrap().len(), 19);
}

#[test]
fn a_violation_prints_its_script_and_where_to_look_and_exits_with_1() {
    let output = run(&["check", "two/all", "--mutant", "vote-lost-at-restart"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("two/all+vote-lost-at-restart: VIOLATED"), "{text}");
    assert!(text.contains("VoteStable falls in "), "{text}");
    assert!(text.contains(" election timeout\n"), "{text}");
    assert!(text.contains("explore two/all --mutant vote-lost-at-restart\n"), "{text}");
    assert!(text.contains("http://localhost:3000/#/steps/"), "{text}");
}

/// In its first 1,500 states alone, stateright finds a path of 10 steps.
#[test]
fn a_search_for_one_property_answers_the_shortest_script() {
    let arguments = [
        "check",
        "two/all",
        "--mutant",
        "term-lost-at-restart",
        "--until",
        "TermMonotonic",
        "--threads",
        "1",
    ];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("TermMonotonic falls in 3 steps:"), "{text}");
    assert!(refusal(&["check", "two/all", "--until", "Honesty"]).contains("it judges ElectionSafety"));
}

#[test]
fn a_mutants_counterexample_is_saved_as_a_scenario() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("mutants");
    let text = answer(&["mutants", "term-lost-at-restart", "--save", folder.to_str().unwrap()]);
    assert!(text.ends_with("term-lost-at-restart.scenario\n"), "{text}");
    let scenario = fs::read_to_string(folder.join("term-lost-at-restart.scenario")).unwrap();
    assert!(scenario.starts_with("# Mutant term-lost-at-restart: recovery begins at term 0 again.\n"));
    assert!(scenario.contains("\n# Source: docs/durability.md"), "{scenario}");
    assert!(scenario.contains("\ncluster 2\ndisks wait\n\nn"), "{scenario}");
    assert!(scenario.ends_with(" crash\n"), "{scenario}");
}

#[test]
fn a_saved_counterexample_replays_by_the_command_it_names() {
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("not/yet/there");
    let request = ["check", "two/all", "--mutant", "vote-lost-at-restart", "--threads", "1", "--save"];
    let output = run(&[&request[..], &[saved.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let script = saved.join("two-all+vote-lost-at-restart-VoteStable.script");
    let text = fs::read_to_string(&script).unwrap();
    assert!(
        text.contains("# box: two/all\n# mutant: vote-lost-at-restart\n# replay: seaworthy-model "),
        "{text}"
    );
    let replay = text.lines().find_map(|line| line.strip_prefix("# replay: seaworthy-model ")).unwrap();
    let replayed = answer(&replay.split(' ').collect::<Vec<_>>());
    assert_eq!(without_comments(&replayed), without_comments(&text));
    let json = fs::read_to_string(script.with_extension("json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["shows"], &json["box"]),
        (&"VoteStable".into(), &"two/all+vote-lost-at-restart".into())
    );
    let svg = fs::read_to_string(script.with_extension("svg")).unwrap();
    assert!(svg.contains("✗ broken in this state: VoteStable"), "{svg}");
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_the_search() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let line = refusal(&["check", "three", "--save", file.join("below").to_str().unwrap()]);
    assert!(line.contains("cannot create "), "{line}");
    let line = refusal(&["trace", "two-leaders", "--svg", directory.path().to_str().unwrap()]);
    assert!(line.contains("cannot write "), "{line}");
    let line = refusal(&["trace", "--svg", file.to_str().unwrap()]);
    assert!(line.contains("a picture of what? Name a witness, or a script with --script"), "{line}");
}

#[test]
fn a_script_has_the_same_picture_as_its_witness_but_for_the_title() {
    let directory = tempfile::tempdir().unwrap();
    let (script, svg) = (directory.path().join("mine.script"), directory.path().join("mine.svg"));
    fs::write(&script, answer(&["trace", "split-vote"])).unwrap();
    let (script, svg) = (script.to_str().unwrap(), svg.to_str().unwrap());
    answer(&["trace", "--script", script, "--box", "three", "--svg", svg]);
    let picture = fs::read_to_string(svg).unwrap();
    assert!(picture.contains(">mine</text>") && picture.contains("n3@1 candidate"), "{picture}");
}

#[test]
fn altered_bounds_bear_another_name_and_no_pinned_count() {
    let text = answer(&["check", "smoke/one", "--crashes", "0"]);
    assert!(text.starts_with("smoke/one+crashes=0: exhausted, every property holds\n"), "{text}");
}

#[test]
fn boxes_are_listed_with_their_bounds() {
    let text = answer(&["boxes"]);
    for name in ["smoke", "three", "three-values", "three-disk"] {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(name)), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&answer(&["boxes", "--json"])).unwrap();
    assert_eq!(json[3]["name"], "three");
    assert_eq!((&json[3]["terms"], &json[3]["disk"]), (&2.into(), &"atomic".into()));
}

#[test]
fn a_witness_can_be_saved_and_replayed() {
    let script = answer(&["trace", "commit-from-heartbeat"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script");
    fs::write(&file, &script).unwrap();
    let replayed = answer(&["trace", "--script", file.to_str().unwrap(), "--box", "three"]);
    assert_eq!(without_comments(&replayed), without_comments(&script));
    fs::write(&file, "n1 election timeout\nn1 wins\n").unwrap();
    let line = refusal(&["trace", "--script", file.to_str().unwrap(), "--box", "three"]);
    assert!(line.contains("line 2: \"n1 wins\" cannot happen here; possible are: "), "{line}");
    let json: serde_json::Value = serde_json::from_str(&answer(&["trace", "two-leaders", "--json"])).unwrap();
    assert_eq!(json["steps"][0]["nodes"].as_array().unwrap().len(), 3);
}

fn without_comments(script: &str) -> Vec<&str> {
    script.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line_that_names_the_choices() {
    assert!(refusal(&["check", "four-and-a-half"]).contains("there are solo, two, smoke, three"));
    assert!(refusal(&["check"]).contains("which box? There are solo, two, smoke, three"));
    assert!(refusal(&["check", "three", "--terms", "9"]).contains("1..=8"));
    assert!(refusal(&["check", "three", "--threads", "0"]).contains("1..=1024"));
    assert!(refusal(&["check", "three", "--engine", "ids"]).contains("[possible values: bfs, dfs]"));
    assert!(refusal(&["check", "three", "--mutant", "careless"]).contains("vote-request-leaves-early"));
    assert!(refusal(&["trace", "everything"]).contains("two-leaders"));
    assert!(refusal(&["trace", "--script", "missing", "--box", "three"]).contains("missing: No such file"));
    assert!(refusal(&["mutants", "E0"]).contains("E1-vote-not-durable"));
    assert!(refusal(&["explore", "five-hundred"]).contains("three-disk"));
    assert!(refusal(&["fly"]).contains("unrecognized subcommand 'fly'"));
}

#[test]
fn an_address_that_cannot_be_served_is_refused() {
    let line = refusal(&["explore", "smoke", "--address", "localhost"]);
    assert!(line.contains("cannot listen on localhost"), "{line}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = refusal(&["explore", "smoke", "--address", &address]);
    assert!(line.contains(&format!("cannot listen on {address}")), "{line}");
    assert!(line.contains("--address HOST:PORT"), "{line}");
}
