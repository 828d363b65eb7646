//! What a cluster has recorded is valid. A line that is another one is found, and where it is.

use crate::cluster::{Files, recorded, written};
use seaworthy::NodeId;
use seaworthy_conformance::trace::{Finding, Kind, Problem, Report, validate};
use serde_json::{Value, json};
use std::fs;

pub(crate) fn node(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

/// What is said of traces.
pub(crate) fn judged(files: &Files) -> Result<Report, Problem> {
    let directory = written(files);
    validate(directory.path())
}

/// What is found in them, with the file's name and the line.
pub(crate) fn found(files: &Files) -> (Kind, String, usize, Finding) {
    match judged(files) {
        Err(Problem::Finding(finding)) => {
            let file = finding.place.file.file_name().unwrap().to_str().unwrap().to_owned();
            (finding.kind, file, finding.place.line, *finding)
        }
        Err(Problem::Misread(misread)) => panic!("{misread}"),
        Ok(report) => panic!("valid: {report}"),
    }
}

/// The first line of any file that looks so, from a place in the file on: its file and its position, from 0.
fn find(files: &Files, from: usize, looks: impl Fn(&Value) -> bool) -> (String, usize) {
    let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    for (name, lines) in files {
        let found = lines.iter().enumerate().skip(from).find(|(_, line)| looks(&parsed(line)));
        if let Some((position, _)) = found {
            return (name.clone(), position);
        }
    }
    panic!("no line looks so");
}

/// Changes a line.
fn change(files: &mut Files, (name, position): &(String, usize), change: impl FnOnce(&mut Value)) {
    let line = &mut files.get_mut(name).unwrap()[*position];
    let mut value = serde_json::from_str(line).unwrap();
    change(&mut value);
    *line = value.to_string();
}

fn is_append(line: &Value) -> bool {
    let entries = line["input"]["Receive"]["message"]["AppendEntries"]["entries"].as_array();
    entries.is_some_and(|entries| !entries.is_empty())
}

/// A line must be found where it is, and the kind must be this.
fn is_found(files: &Files, kind: Kind, (name, position): &(String, usize)) -> Finding {
    let (is, file, line, finding) = found(files);
    assert_eq!((is, &file, line), (kind, name, position + 1), "{finding}");
    finding
}

#[test]
fn what_a_cluster_records_is_valid() {
    let files = recorded();
    let report = judged(&files).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((report.nodes, report.starts, report.disks, report.silent), (3, 7, 4, 0), "{report}");
    assert_eq!((report.torn, report.untold), (0, 0), "{report}");
    let steps: usize = files.values().map(|lines| lines.len() - 1).sum();
    assert_eq!(report.steps, steps);
    assert!(report.committed >= 90 && report.elections >= 1 && report.reads >= 3, "{report}");
    assert!(report.received > 200 && report.sent >= 200, "{report}");
    let has = |what: &str| files.values().flatten().any(|line| line.contains(what));
    assert!(has("\"Compact\"") && has("\"InstallSnapshot\"") && has("\"SnapshotStaged\""));
}

#[test]
fn a_digest_that_is_another_is_found() {
    let mut files = recorded();
    let place = find(&files, 30, is_append);
    change(&mut files, &place, |line| line["digest"] = json!("0123456789abcdef"));
    let finding = is_found(&files, Kind::Diverges, &place);
    let details = &finding.details;
    assert!(
        details.contains("AppendEntries prev=") && details.contains("\n-digest 0123456789abcdef\n"),
        "{details}"
    );
    assert!(details.contains("\ntaken again: n"), "{details}");
}

#[test]
fn a_vote_that_is_another_is_found() {
    let mut files = recorded();
    let place = find(&files, 20, |line| line["after"]["vote"].is_u64());
    change(&mut files, &place, |line| {
        line["after"]["vote"] = json!(1 + line["after"]["vote"].as_u64().unwrap() % 3)
    });
    let finding = is_found(&files, Kind::Diverges, &place);
    assert!(
        finding.details.contains("\n-vote for n") && finding.details.contains("\n+vote for n"),
        "{finding}"
    );
}

/// An input that a driver has fed and not recorded, or recorded and not fed.
#[test]
fn a_line_that_is_missing_is_found() {
    let mut files = recorded();
    let last = |line: &str| serde_json::from_str::<Value>(line).unwrap()["after"]["last"].clone();
    let grows = |lines: &[String], at: usize| last(&lines[at - 1]) != last(&lines[at]);
    let name = "node-3-start-1.ndjson";
    let lines = files.get_mut(name).unwrap();
    let position = (30..lines.len()).find(|at| grows(lines, *at)).unwrap();
    lines.remove(position);
    is_found(&files, Kind::Diverges, &(name.to_owned(), position));
}

/// A command that another has taken the place of: in memory, on the way to the disk, or in the codec.
#[test]
fn a_message_that_nobody_sent_is_found() {
    let mut files = recorded();
    let place = find(&files, 30, is_append);
    change(&mut files, &place, |line| {
        line["input"]["Receive"]["message"]["AppendEntries"]["entries"][0]["payload"] =
            json!({"Command": "0bad"});
    });
    let (kind, file, line, finding) = found(&files);
    let from: u8 = finding.details.trim_start()[1..2].parse().unwrap();
    assert_eq!((kind, file, line), (Kind::NeverSent { from: node(from) }, place.0, place.1 + 1), "{finding}");
    assert!(finding.details.contains(":0bad"), "{finding}");
}

#[test]
fn a_confirmation_that_comes_twice_is_found() {
    let mut files = recorded();
    // Of an entry of its own term: a term and a vote that is cast later are confirmed in the same words.
    let place = find(&files, 5, |line| {
        let ack = &line["input"]["WritesDurable"];
        ack.is_object() && ack["last"]["term"] == ack["term"]
    });
    let lines = files.get_mut(&place.0).unwrap();
    lines.insert(place.1 + 1, lines[place.1].clone());
    is_found(&files, Kind::NeverWritten, &(place.0, place.1 + 1));
}

/// What a node has told others of must be there when it wakes up.
#[test]
fn a_disk_that_has_lost_entries_is_found() {
    let mut files = recorded();
    let place = ("node-1-start-2.ndjson".to_owned(), 0);
    change(&mut files, &place, |head| {
        head["durable"]["log"]["entries"].as_array_mut().unwrap().truncate(1);
    });
    let finding = is_found(&files, Kind::DiskChanged, &place);
    assert!(
        finding.details.contains("\n-entry 2@") && finding.details.contains("--- durable before"),
        "{finding}"
    );
}

#[test]
fn a_disk_that_holds_what_was_never_written_is_found() {
    let mut files = recorded();
    let place = ("node-3-start-2.ndjson".to_owned(), 0);
    change(&mut files, &place, |head| {
        head["durable"]["log"]["entries"][1]["payload"] = json!({"Command": "0bad"});
    });
    let finding = is_found(&files, Kind::DiskChanged, &place);
    assert!(finding.details.contains(":0bad\n"), "{finding}");
}

#[test]
fn a_disk_that_has_forgotten_a_vote_is_found() {
    let mut files = recorded();
    // Of one that has led, or might have.
    let votes = |line: &Value| line["starts"] != json!(1) && line["durable"]["voted_for"] == line["node"];
    let place = find(&files, 0, |line| line["starts"].is_u64() && votes(line));
    change(&mut files, &place, |head| head["durable"]["voted_for"] = Value::Null);
    let finding = is_found(&files, Kind::DiskChanged, &place);
    assert!(finding.details.contains("\n-vote for n"), "{finding}");
}

#[test]
fn a_cluster_of_other_voters_is_found() {
    let mut files = recorded();
    let place = ("node-3-start-1.ndjson".to_owned(), 0);
    change(&mut files, &place, |head| head["config"]["voters"] = json!([1, 2, 3, 4]));
    is_found(&files, Kind::OtherVoters, &place);
}

/// What one node sent to another is brought to a third: all that it changes there is that somebody is blamed.
#[test]
fn a_message_that_came_to_the_wrong_node_is_found() {
    let mut files = recorded();
    let name = "node-3-start-1.ndjson".to_owned();
    // Late enough for whatever was sent at first.
    let position = files[&name].len() - 5;
    let other = find(&files, 1, |line| line["input"]["Receive"]["to"] == json!(2));
    let astray: Value = serde_json::from_str(&files[&other.0][other.1]).unwrap();
    let lines = files.get_mut(&name).unwrap();
    let mut line: Value = serde_json::from_str(&lines[position - 1]).unwrap();
    line["input"] = astray["input"].clone();
    lines.insert(position, line.to_string());
    is_found(&files, Kind::FalseBlame, &(name, position));
}

#[test]
fn a_line_that_was_not_finished_is_left_out() {
    let files = recorded();
    let directory = written(&files);
    let cut = directory.path().join("node-1-start-1.ndjson");
    let text = fs::read_to_string(&cut).unwrap();
    fs::write(&cut, format!("{text}{{\"input\":\"Replic")).unwrap();
    // Its head was not finished either: nothing was said.
    fs::write(directory.path().join("node-1-start-9.ndjson"), "{\"format\":1,\"no").unwrap();
    let report = validate(directory.path()).unwrap();
    assert_eq!((report.torn, report.starts), (2, 7), "{report}");
    assert!(report.to_string().contains("left out: 2 lines not finished"), "{report}");
}

#[test]
fn a_node_that_has_recorded_nothing_is_missed_when_something_comes_from_it() {
    let mut files = recorded();
    files.retain(|name, _| !name.starts_with("node-2-"));
    let (kind, _, _, finding) = found(&files);
    assert_eq!(kind, Kind::NeverSent { from: node(2) }, "{finding}");
}
