//! Every bad disk of the disk kit against every clause: who fails what.

use seaworthy_conformance::disk_kit::{bad, clauses, seeds};

fn main() {
    for bad in bad::all() {
        let checks = clauses::ALL.iter().zip(&bad.checks);
        let failed: Vec<&str> = checks
            .filter(|(clause, check)| check(seeds(clause.name)).is_err())
            .map(|(clause, _)| clause.name)
            .collect();
        assert!(failed.contains(&bad.fails), "{} keeps {}", bad.name, bad.fails);
        println!("{} fails {}: {}", bad.name, failed.len(), failed.join(", "));
    }
}
