//! Every scenario, against the shipped protocol with a driver in memory. `UPDATE_GOLDEN=1` writes the outcomes anew.

use seaworthy_conformance::golden::{self, Golden};
use seaworthy_conformance::memory::Memory;
use std::path::Path;

fn run(group: &str, at_least: usize) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(group);
    let golden = if std::env::var_os("UPDATE_GOLDEN").is_some() { Golden::Update } else { Golden::Compare };
    match golden::run_all(&directory, golden, Memory::new) {
        Ok(count) => assert!(count >= at_least, "only {count} scenarios in {group}"),
        Err(failures) => {
            let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
            panic!("{} of the scenarios fail:\n\n{}", failures.len(), failures.join("\n\n"));
        }
    }
}

#[test]
fn election() {
    run("election", 10);
}

#[test]
fn replication() {
    run("replication", 10);
}

#[test]
fn commitment() {
    run("commitment", 8);
}

#[test]
fn crash() {
    run("crash", 8);
}

#[test]
fn pre_vote() {
    run("pre-vote", 6);
}

#[test]
fn check_quorum() {
    run("check-quorum", 4);
}

#[test]
fn snapshots() {
    run("snapshots", 10);
}

#[test]
fn reads() {
    run("reads", 7);
}

#[test]
fn transfer() {
    run("transfer", 6);
}

#[test]
fn flow_control() {
    run("flow-control", 6);
}

/// On the correct protocol, what fells a mutant ends without a violation.
#[test]
fn mutants() {
    run("mutants", 30);
}
