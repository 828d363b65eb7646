//! `seaworthy-conformance validate DIRECTORY`: what it prints, and its exit codes.

use crate::cluster::{Files, recorded, written};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn validate(directory: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_seaworthy-conformance");
    Command::new(program).arg("validate").arg(directory).output().unwrap()
}

/// Its exit code, and what it says of these files: to those who asked, and to those who must know.
fn said(files: &Files) -> (Option<i32>, String, String) {
    let directory = written(files);
    let output = validate(directory.path());
    let [told, warned] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let short = |text: String| text.replace(&format!("{}", directory.path().display()), "DIR");
    (output.status.code(), short(told), short(warned))
}

#[test]
fn traces_that_are_valid_are_counted() {
    let (code, told, warned) = said(&recorded());
    assert_eq!((code, warned.as_str()), (Some(0), ""), "{told}");
    assert!(told.starts_with("DIR: valid\n  ") && told.contains(" steps of 3 nodes in 7 starts: "), "{told}");
    assert!(told.contains("\n  ") && told.contains("; 4 disks compared with what was written\n"), "{told}");
}

#[test]
fn what_cannot_be_is_shown_and_exits_with_1() {
    let mut files = recorded();
    let lines = files.get_mut("node-2-start-1.ndjson").unwrap();
    lines[1] = lines[1].replace("\"role\":\"follower\"", "\"role\":\"leader\"");
    let (code, told, warned) = said(&files);
    assert_eq!((code, warned.as_str()), (Some(1), ""), "{told}");
    let begins =
        "DIR: NOT valid\nDIR/node-2-start-1.ndjson:2: n2 takes this step, and is not what it was then\n";
    assert!(told.starts_with(begins) && told.contains("\n-role leader\n+role follower\n"), "{told}");
}

#[test]
fn what_is_no_trace_exits_with_2_and_says_where() {
    let broken = |name: &str, line: usize, text: &str| {
        let mut files = recorded();
        files.get_mut(name).unwrap()[line - 1] = text.to_owned();
        let (code, told, warned) = said(&files);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{warned}");
        warned
    };
    let name = "node-1-start-1.ndjson";
    let warned = broken(name, 5, "{\"input\":\"Sleep\"}");
    assert!(
        warned.starts_with(&format!("DIR/{name}:5: this is no step: unknown variant `Sleep`")),
        "{warned}"
    );
    let warned = broken(name, 6, "what?");
    assert_eq!(warned, format!("DIR/{name}:6: this is no step: expected value, at column 1\n"));
    let warned = broken(name, 1, "{\"format\":1}");
    assert!(
        warned.starts_with(&format!("DIR/{name}:1: this is not the head of a trace: missing field")),
        "{warned}"
    );
    let head = &recorded()[name][0];
    let warned = broken(name, 1, &head.replace("{\"format\":1,", "{\"format\":2,"));
    assert_eq!(warned, format!("DIR/{name}:1: this is format 2, and 1 is read here\n"));
    let warned = broken(name, 1, &head.replace("\"starts\":1,", "\"starts\":3,"));
    assert_eq!(warned, format!("DIR/{name}:1: the file is named after another start\n"));
    let propose = "{\"input\":{\"Propose\":\"0A\"},\"after\":{},\"digest\":\"\"}";
    let warned = broken(name, 3, propose);
    assert!(warned.contains(":3: this is no step: \"0A\" is not in lower-case hexadecimal"), "{warned}");
}

#[test]
fn a_directory_without_traces_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("history.jsonl"), "{}").unwrap();
    let output = validate(directory.path());
    assert_eq!(output.status.code(), Some(2));
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(warned.ends_with(": there is no node-ID-start-NUMBER.ndjson here that has a head\n"), "{warned}");
    fs::write(directory.path().join("node-1-start-1.ndjson"), "{\"format\":1,").unwrap();
    assert_eq!(String::from_utf8(validate(directory.path()).stderr).unwrap(), warned);
    assert_eq!(validate(&directory.path().join("none")).status.code(), Some(2));
}

/// The page shows a trace as it is, and what is said of it when a line is another. A new version of the protocol has other digests.
#[test]
fn the_trace_in_the_documentation_is_one() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trace.md")).unwrap();
    let block = |kind: &str| page.split_once(&format!("```{kind}\n")).unwrap().1.split("```").next().unwrap();
    let lines: Vec<String> = block("json").lines().map(str::to_owned).collect();
    let mut files = Files::from([("node-1-start-1.ndjson".to_owned(), lines)]);
    let (code, told, _) = said(&files);
    assert_eq!(code, Some(0), "{told}");
    let line = &mut files.get_mut("node-1-start-1.ndjson").unwrap()[8];
    *line = line.replace("\"vote\":1", "\"vote\":2");
    let (code, told, _) = said(&files);
    assert_eq!((code, told.as_str()), (Some(1), block("text")));
}
