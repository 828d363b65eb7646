//! `seaworthy-conformance linearizable FILE`: what it prints, and its exit codes.

use seaworthy_conformance::history::Simulated;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn linearizable(path: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_seaworthy-conformance");
    Command::new(program).arg("linearizable").arg(path).output().unwrap()
}

/// Its exit code, and what it says of a file with this text: to those who asked, and to those who must know.
fn said(text: &str) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history");
    fs::write(&path, text).unwrap();
    let output = linearizable(&path);
    let [told, warned] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let short = |text: String| text.replace(&format!("{}", path.display()), "FILE");
    (output.status.code(), short(told), short(warned))
}

#[test]
fn an_order_is_found_and_counted() {
    let simulated = Simulated { operations: 500, clients: 4, keys: 3, unknown: 5, ..Simulated::default() };
    let (code, told, warned) = said(&simulated.lines().unwrap());
    assert_eq!((code, warned.as_str()), (Some(0), ""), "{told}");
    assert!(
        told.starts_with("FILE: linearizable\n  500 operations of 9 processes (5 of which nobody knows, "),
        "{told}"
    );
    assert!(told.contains("\n  on 3 keys; judged in "), "{told}");
    assert!(told.contains("; at most ") && told.ends_with(" at once\n"), "{told}");
}

#[test]
fn a_violation_is_shown_and_exits_with_1() {
    let text = r#"{"process":0,"type":"invoke","f":"write","key":"a","value":1}
{"process":0,"type":"ok"}
{"process":4,"type":"invoke","f":"read","key":"a"}
{"process":4,"type":"ok","value":1}
{"process":0,"type":"invoke","f":"write","key":"a","value":2}
{"process":11,"type":"invoke","f":"read","key":"a"}
{"process":11,"type":"ok","value":2}
{"process":4,"type":"invoke","f":"read","key":"a"}
{"process":4,"type":"ok","value":1}
"#;
    let (code, told, warned) = said(text);
    assert_eq!((code, warned.as_str()), (Some(1), ""), "{told}");
    let expected = "\
FILE: NOT linearizable: no order explains what was answered about \"a\"

  process 0   ├─write 1─┤├┄write 2 ?┄┄┄┄┄┄┄┄┄┄┄┄
  process 11               ├─read 2─┤
  process 4                          ├─read 1─┤

  lines 1 to 2: process 0, write 1
  lines 5 …: process 0, write 2 ?
  lines 6 to 7: process 11, read 2
  lines 8 to 9: process 4, read 1

process 4: read 1 (lines 8 to 9), but whatever order explains the answers before line 9, \"a\" holds 2 there
(4 of 5 operations on this key; without any one of them there is an order, or a write is missing)
";
    assert_eq!(told, expected);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/history.md");
    assert!(fs::read_to_string(page).unwrap().contains(&format!("```text\n{expected}```\n")), "{expected}");
}

#[test]
fn a_history_that_was_cut_off_is_judged_with_a_notice() {
    let text = "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"key\":\"a\"}\n{\"process\":0,\"ty";
    let (code, told, warned) = said(text);
    assert_eq!((code, warned.as_str()), (Some(0), "FILE:2: the last line is incomplete, and left out\n"));
    assert!(
        told.contains("1 operation of 1 process (1 of which nobody knows, 0 that did not happen)"),
        "{told}"
    );
}

#[test]
fn a_file_that_is_no_history_exits_with_2_and_says_where() {
    let (code, told, warned) = said("{\"process\":0,\"type\":\"ok\"}\n");
    assert_eq!((code, told.as_str()), (Some(2), ""));
    assert_eq!(warned, "FILE:1: nothing of process 0 has begun that could end\n");
    let missing = linearizable(Path::new("/no/such/history"));
    assert_eq!(missing.status.code(), Some(2));
    let warned = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(warned, "/no/such/history: No such file or directory (os error 2)\n");
}

#[test]
fn an_empty_history_has_an_order() {
    let (code, told, _) = said("");
    assert_eq!(code, Some(0));
    assert!(told.contains("0 operations of 0 processes"), "{told}");
}
