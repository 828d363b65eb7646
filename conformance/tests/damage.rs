//! `seaworthy-kill damage` as its users meet it, for a few seconds: directories are damaged, and what comes of it is what must.

use std::process::{Command, Output};
use tempfile::TempDir;

/// What came of a run whose data is kept below a directory of its own.
fn run(arguments: &[&str]) -> (Output, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-kill"));
    let command = command.arg("damage").args(arguments).env("TMPDIR", directory.path());
    (command.output().unwrap(), directory)
}

/// Ended well: the last line of its table, and what it says below.
fn is_well(arguments: &[&str]) -> (Vec<usize>, String) {
    let (output, _directory) = run(arguments);
    let [told, warned] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!((output.status.code(), warned.as_str()), (Some(0), ""), "{told}");
    let (table, below) = told.split_once("\n\n").unwrap();
    let sums = table.lines().last().unwrap().strip_prefix("all").unwrap();
    let sums = sums.split_whitespace().map(|sum| sum.parse().unwrap()).collect();
    assert!(below.contains(" changes acknowledged, none lost; "), "{told}");
    assert!(below.contains(" operations, linearizable"), "{told}");
    (sums, below.to_owned())
}

#[test]
fn one_of_three_comes_back_to_a_damaged_directory() {
    let (sums, below) = is_well(&["--trials", "4", "--seed", "5", "--without-loss"]);
    assert_eq!(sums.iter().sum::<usize>(), 4);
    assert!(sums[0] > 0, "something is refused");
    assert!(below.starts_with("4 trials in "), "{below}");
}

#[test]
fn one_of_three_is_made_anew_or_was_an_old_copy() {
    let (sums, _) = is_well(&["--only", "directory", "--trials", "2", "--seed", "8", "--without-loss"]);
    assert!(sums[2] > 0, "something is refused by its peers: {sums:?}");
}

#[test]
fn two_of_five_come_back_to_damaged_directories() {
    let (sums, _) = is_well(&["--nodes", "5", "--trials", "2", "--seed", "3", "--without-loss"]);
    assert_eq!(sums.iter().sum::<usize>(), 2);
}

#[test]
fn what_can_be_damaged_is_said() {
    let (output, _directory) = run(&["--only", "lock"]);
    let warned = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(warned.contains("identity, peers, old-segment, last-segment, snapshot, directory"), "{warned}");
}
