//! Histories written by hand, each for one way in which a register can be right or wrong.

use crate::every_order::{has_order, has_order_of};
use seaworthy_conformance::history::{History, Operation};

/// Reads events of one key in short: `0 write 5`, `0 ok`, `1 read`, `1 ok 5`, `2 cas 5 6`, `2 info`, with commas between them.
pub(crate) fn history(text: &str) -> History {
    let line = |event: &str| {
        let words: Vec<&str> = event.split_whitespace().collect();
        match words[..] {
            [process, "read"] => format!(r#"{{"process":{process},"type":"invoke","f":"read","key":"a"}}"#),
            [process, "write", value] => {
                format!(r#"{{"process":{process},"type":"invoke","f":"write","key":"a","value":{value}}}"#)
            }
            [process, "cas", from, to] => {
                format!(
                    r#"{{"process":{process},"type":"invoke","f":"cas","key":"a","value":[{from},{to}]}}"#
                )
            }
            [process, kind] => format!(r#"{{"process":{process},"type":"{kind}"}}"#),
            [process, kind, value] => format!(r#"{{"process":{process},"type":"{kind}","value":{value}}}"#),
            _ => panic!("{event} is no event"),
        }
    };
    let lines: Vec<String> = text.split(',').map(line).collect();
    History::parse((lines.join("\n") + "\n").as_bytes()).unwrap()
}

fn has_one(text: &str) {
    let history = history(text);
    assert!(has_order(&history), "the test itself is wrong");
    assert!(history.judge().violation.is_none(), "{}", history.judge().violation.unwrap());
}

/// There is no order, and of the operations so many are left that have none.
fn has_none(text: &str, left: usize) -> String {
    let history = history(text);
    assert!(!has_order(&history), "the test itself is wrong");
    let violation = history.judge().violation.unwrap();
    assert_eq!(violation.operations.len(), left, "{violation}");
    let part: Vec<&Operation> = violation.operations.iter().collect();
    assert!(!has_order_of(&part), "{violation}");
    violation.to_string()
}

#[test]
fn one_after_the_other() {
    has_one("0 read, 0 ok null, 0 write 1, 0 ok, 1 read, 1 ok 1, 1 cas 1 2, 1 ok, 0 read, 0 ok 2");
}

#[test]
fn a_stale_read_is_found() {
    let said =
        has_none("0 write 1, 0 ok, 0 write 2, 0 ok, 1 read, 1 ok 2, 1 read, 1 ok 1, 1 write 9, 1 ok", 3);
    assert!(said.contains("process 1: read 1 (lines 7 to 8)"), "{said}");
    assert!(said.contains(r#""a" holds 2 there"#), "{said}");
    assert!(said.contains("3 of 5 operations on this key"), "{said}");
}

#[test]
fn a_read_of_nothing_after_a_write_is_found() {
    has_none("0 write 1, 0 ok, 1 read, 1 ok null", 2);
}

#[test]
fn a_read_while_something_is_written_finds_either() {
    has_one("0 write 1, 0 ok, 0 write 2, 1 read, 1 ok 1, 0 ok");
    has_one("0 write 1, 0 ok, 0 write 2, 1 read, 1 ok 2, 0 ok");
}

#[test]
fn two_reads_around_a_write_that_see_it_and_then_not_are_found() {
    has_none("0 write 1, 0 ok, 0 write 2, 1 read, 1 ok 2, 2 read, 2 ok 1, 0 ok", 4);
    has_one("0 write 1, 0 ok, 0 write 2, 1 read, 2 read, 1 ok 2, 2 ok 1, 0 ok");
}

#[test]
fn a_read_of_a_value_that_nobody_has_written_is_found() {
    has_none("0 write 1, 0 ok, 1 read, 1 ok 7, 0 write 2, 0 ok", 1);
    has_none("0 read, 0 ok 1, 1 write 1, 1 ok", 1);
}

#[test]
fn a_lost_update_is_found() {
    has_none("0 write 1, 0 ok, 0 cas 1 2, 1 cas 1 3, 0 ok, 1 ok", 3);
    has_one("0 write 1, 0 ok, 0 cas 1 2, 1 cas 2 3, 1 ok, 0 ok");
}

#[test]
fn a_cas_that_saw_an_old_value_is_found() {
    has_none("0 write 1, 0 ok, 0 write 2, 0 ok, 1 cas 1 3, 1 ok", 3);
}

#[test]
fn a_cas_that_did_not_happen_is_in_nobodys_way() {
    has_one("0 write 1, 0 ok, 1 cas 2 3, 1 fail, 0 read, 0 ok 1");
    has_none("0 write 1, 0 ok, 1 cas 1 3, 1 fail, 0 read, 0 ok 3", 1);
}

#[test]
fn a_write_of_which_nobody_knows_may_be_seen_much_later_or_never() {
    has_one("0 write 1, 0 info, 1 read, 1 ok null, 1 write 2, 1 ok, 1 read, 1 ok 2, 1 read, 1 ok 1");
    has_one("0 write 1, 0 info, 1 read, 1 ok null, 1 write 2, 1 ok, 1 read, 1 ok 2");
    has_one("0 write 1, 1 read, 1 ok null, 1 read, 1 ok 1");
}

#[test]
fn a_write_of_which_nobody_knows_is_not_undone() {
    has_none("0 write 1, 0 info, 1 read, 1 ok 1, 1 read, 1 ok null", 3);
    has_none("1 write 2, 1 ok, 0 write 1, 0 info, 1 read, 1 ok 1, 1 read, 1 ok 2, 1 read, 1 ok 1", 4);
}

#[test]
fn of_two_cas_of_which_nobody_knows_the_second_shows_that_the_first_has_happened() {
    let both = "9 write 0, 9 ok, 0 cas 0 1, 0 info, 1 cas 1 2, 1 info, 2 read, 2 ok 2";
    has_one(both);
    has_none(&format!("{both}, 2 read, 2 ok 0"), 5);
}

#[test]
fn what_is_written_twice_is_not_taken_for_what_was_written_once() {
    has_one("0 write 1, 0 ok, 0 write 2, 0 ok, 0 write 1, 0 ok, 1 read, 1 ok 1");
    has_one("0 write 1, 0 info, 1 write 1, 1 ok, 1 write 2, 1 ok, 1 read, 1 ok 1");
    has_none("1 write 1, 1 ok, 1 write 2, 1 ok, 0 write 1, 0 ok, 1 read, 1 ok 2", 3);
}

#[test]
fn a_key_can_be_removed() {
    has_one("0 write 1, 0 ok, 0 write null, 0 ok, 1 read, 1 ok null, 1 cas null 4, 1 ok, 1 read, 1 ok 4");
    has_none("0 write 1, 0 ok, 0 write null, 0 ok, 1 read, 1 ok 1", 3);
}

/// It comes last, though the other had ended first and was put into the order first.
#[test]
fn a_write_may_come_after_one_that_began_later() {
    has_one("0 write 4, 1 write 9, 1 ok, 2 read, 0 ok, 2 ok 4");
}

/// The write of `null` again hides that of 5, which nobody saw, and leaves what the cas needs.
#[test]
fn a_write_of_what_is_there_can_hide_another() {
    has_one("0 write 5, 1 write null, 2 cas null 7, 2 ok, 1 ok, 0 ok, 3 read, 3 ok 7");
}

/// One key's order does not explain another's.
#[test]
fn keys_are_judged_one_by_one() {
    let text = r#"{"process":0,"type":"invoke","f":"write","key":"a","value":1}
{"process":0,"type":"ok"}
{"process":0,"type":"invoke","f":"write","key":"b","value":2}
{"process":0,"type":"ok"}
{"process":1,"type":"invoke","f":"read","key":"a"}
{"process":1,"type":"ok","value":1}
{"process":1,"type":"invoke","f":"read","key":"b"}
{"process":1,"type":"ok","value":1}
"#;
    let judgement = History::parse(text.as_bytes()).unwrap().judge();
    assert_eq!(judgement.keys, 2);
    assert_eq!(judgement.violation.unwrap().key, "b");
}
