//! What stands in a file: the same that was recorded, or an error that says where and what.

use crate::by_hand;
use seaworthy_conformance::history::{Action, History, Outcome, Recorder};
use std::fs;
use std::path::Path;

const WRITE: &str = r#"{"process":3,"type":"invoke","f":"write","key":"a","value":5}"#;
const READ: &str = r#"{"process":3,"type":"invoke","f":"read","key":"a"}"#;
const CAS: &str = r#"{"process":3,"type":"invoke","f":"cas","key":"a","value":[null,5]}"#;

/// What is said of some lines.
fn wrong(lines: &[&str]) -> String {
    History::parse((lines.join("\n") + "\n").as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_line_that_is_no_event_says_what_is_wrong_with_it() {
    assert_eq!(wrong(&["{\"process\":3"]), "1: this is no event: EOF while parsing an object, at column 0");
    assert_eq!(wrong(&[WRITE, "hello"]), "2: this is no event: expected value, at column 1");
    assert!(wrong(&[r#"{"process":-1,"type":"ok"}"#]).contains("invalid value: integer `-1`, expected u64"));
    assert!(wrong(&[r#"{"type":"ok"}"#]).contains("missing field `process`"));
    assert!(wrong(&[r#"{"process":3}"#]).contains("missing field `type`"));
    let said = wrong(&[r#"{"process":3,"type":"done"}"#]);
    assert!(
        said.contains("unknown variant `done`, expected one of `invoke`, `ok`, `fail`, `info`"),
        "{said}"
    );
    let said = wrong(&[r#"{"process":3,"type":"invoke","f":"append","key":"a","value":5}"#]);
    assert!(said.contains("unknown variant `append`, expected one of `read`, `write`, `cas`"), "{said}");
    for value in ["\"five\"", "5.5", "[1,2,3]", "{}", "99999999999999999999", "true"] {
        let said =
            wrong(&[&format!(r#"{{"process":3,"type":"invoke","f":"write","key":"a","value":{value}}}"#)]);
        assert!(said.contains("\"value\" is an integer, null, or, of a cas, an array of two"), "{said}");
    }
    let not_text = [WRITE.as_bytes(), b"\n{\"process\":3,\"type\":\"ok\",\"note\":\"\xff\"}\n"].concat();
    let said = History::parse(&not_text[..]).unwrap_err().to_string();
    assert!(said.starts_with("2: this is no event: invalid unicode code point"), "{said}");
}

#[test]
fn an_invocation_says_all_that_it_needs() {
    assert_eq!(wrong(&[r#"{"process":3,"type":"invoke"}"#]), "1: an invocation says its \"f\"");
    assert_eq!(wrong(&[r#"{"process":3,"type":"invoke","f":"read"}"#]), "1: an invocation says its \"key\"");
    let said = wrong(&[r#"{"process":3,"type":"invoke","f":"write","key":"a"}"#]);
    assert_eq!(said, "1: a write has one \"value\": an integer, or null to remove the key");
    let said = wrong(&[r#"{"process":3,"type":"invoke","f":"cas","key":"a","value":5}"#]);
    assert!(said.starts_with("1: the \"value\" of a cas is an array of two"), "{said}");
    let said = wrong(&[r#"{"process":3,"type":"invoke","f":"read","key":"a","value":5}"#]);
    assert_eq!(said, "1: what begins to read has no \"value\", or null");
}

#[test]
fn a_process_does_one_thing_after_the_other() {
    let ok = r#"{"process":3,"type":"ok"}"#;
    assert_eq!(wrong(&[ok]), "1: nothing of process 3 has begun that could end");
    assert_eq!(wrong(&[WRITE, ok, ok]), "3: nothing of process 3 has begun that could end");
    let said = wrong(&[WRITE, ok, WRITE, READ]);
    assert_eq!(said, "4: process 3 begins something while what it began in line 3 has not ended");
    let said = wrong(&[WRITE, r#"{"process":3,"type":"info"}"#, READ]);
    assert_eq!(said, "3: process 3 has said \"info\" in line 2: it is not used again");
}

#[test]
fn what_ends_is_what_has_begun() {
    let end = |f, value| format!(r#"{{"process":3,"type":"ok","f":"{f}","key":"a","value":{value}}}"#);
    assert!(History::parse([WRITE, "\n", &end("write", "5")].concat().as_bytes()).is_ok());
    let said = wrong(&[WRITE, &end("cas", "5")]);
    assert_eq!(said, "2: process 3 has begun write 5 in line 1, and something else ends here: another \"f\"");
    assert!(wrong(&[WRITE, &end("write", "6")]).ends_with("another \"value\""));
    assert!(wrong(&[CAS, &end("cas", "[null,6]")]).ends_with("another \"value\""));
    assert!(wrong(&[READ, r#"{"process":3,"type":"ok","key":"b","value":5}"#]).ends_with("another \"key\""));
    assert!(
        wrong(&[READ, r#"{"process":3,"type":"ok"}"#]).starts_with("2: a read that is ok has a \"value\"")
    );
    assert!(wrong(&[READ, &end("read", "[1,2]")]).starts_with("2: a read that is ok has a \"value\""));
}

#[test]
fn a_last_line_that_is_incomplete_is_left_out() {
    let whole = format!("{WRITE}\n{}\n{READ}", r#"{"process":3,"type":"ok"}"#);
    for length in 0..=whole.len() {
        let history = History::parse(&whole.as_bytes()[..length]).unwrap();
        let ends_well = whole[..length].is_empty() || whole[..length].ends_with(['\n', '}']);
        assert_eq!(history.cut.is_none(), ends_well, "{}", &whole[..length]);
    }
    // Whatever is incomplete in the middle is wrong.
    assert!(wrong(&[&WRITE[..20], READ]).starts_with("1: this is no event: EOF"));
}

#[test]
fn empty_lines_and_fields_for_people_are_passed_over() {
    let text = format!("\n{WRITE}\r\n \n{}", r#"{"process":3,"type":"ok","time":17,"note":"x","node":2}"#);
    let history = History::parse(text.as_bytes()).unwrap();
    assert_eq!((history.operations[0].begin, history.operations[0].end), (2, Some(4)));
    assert_eq!(history.operations[0].outcome, Outcome::Done);
}

#[test]
fn what_is_recorded_is_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history");
    let recorder = Recorder::create(&path).unwrap();
    recorder.begin(0, "a \"key\"", Action::Cas { expected: None, new: Some(-4) }).unwrap();
    recorder.begin(1, "b", Action::Read).unwrap();
    recorder.end(0, Outcome::Done, None).unwrap();
    recorder.end(1, Outcome::Found(None), Some("from node 2".to_owned())).unwrap();
    recorder.begin(1, "b", Action::Write(None)).unwrap();
    recorder.begin(0, "b", Action::Write(Some(7))).unwrap();
    recorder.end(1, Outcome::Unknown, None).unwrap();
    recorder.end(0, Outcome::Failed, None).unwrap();
    assert!(recorder.end(0, Outcome::Failed, None).is_err(), "it has ended");
    let history = History::read(&path).unwrap();
    let read: Vec<_> =
        history.operations.iter().map(|it| (it.process, &*it.key, it.action, it.outcome, it.end)).collect();
    let cas = Action::Cas { expected: None, new: Some(-4) };
    assert_eq!(
        read,
        [
            (0, "a \"key\"", cas, Outcome::Done, Some(3)),
            (1, "b", Action::Read, Outcome::Found(None), Some(4)),
            (1, "b", Action::Write(None), Outcome::Unknown, Some(7)),
            (0, "b", Action::Write(Some(7)), Outcome::Failed, Some(8)),
        ]
    );
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().nth(3).unwrap();
    assert!(
        line.starts_with(r#"{"process":1,"type":"ok","f":"read","key":"b","value":null,"time":"#),
        "{line}"
    );
    assert!(line.ends_with(r#","note":"from node 2"}"#), "{line}");
}

#[test]
fn an_operation_that_never_ends_is_one_of_which_nobody_knows() {
    let history = by_hand::history("0 write 1, 1 read, 1 ok 1");
    assert_eq!((history.operations[0].outcome, history.operations[0].end), (Outcome::Unknown, None));
    assert_eq!(history.operations[1].outcome, Outcome::Found(Some(1)));
}

#[test]
fn the_example_in_the_documentation_is_a_history() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/history.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, example) = page.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let history = History::parse(example.as_bytes()).unwrap();
    let outcomes: Vec<Outcome> = history.operations.iter().map(|operation| operation.outcome).collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::Found(Some(5)), Outcome::Unknown]);
    assert!(history.judge().violation.is_none());
}
