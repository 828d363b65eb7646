//! The shipped write-ahead log keeps its promises, and each promise is broken by a bad disk that was made for it.

use seaworthy::wal::Wal;
use seaworthy_conformance::disk_kit::{SharedFiles, bad, clauses, seeds};
use seaworthy_conformance::disk_suite;
use std::fs;
use std::path::{Path, PathBuf};

disk_suite!(shipped, Wal<SharedFiles>);

#[test]
fn every_bad_disk_fails_the_clause_that_is_there_for_it() {
    for bad in bad::all() {
        let position = clauses::ALL.iter().position(|clause| clause.name == bad.fails).unwrap();
        let outcome = bad.checks[position](seeds(bad.fails));
        let broken = outcome.expect_err(&format!("{} keeps {}", bad.name, bad.fails));
        assert_eq!(broken.clause, bad.fails, "a clause bears its own name");
        println!("{}: {broken}\n", bad.name);
    }
}

#[test]
fn the_suite_has_a_test_for_every_clause() {
    let suite = include_str!("../src/disk_kit/suite.rs");
    for clause in clauses::ALL {
        assert!(suite.contains(&format!("                {}\n", clause.name)), "{}", clause.name);
    }
}

#[test]
fn every_clause_can_fail() {
    let bad = bad::all();
    for clause in clauses::ALL {
        assert!(bad.iter().any(|bad| bad.fails == clause.name), "no bad disk for {}", clause.name);
    }
}

const BEGINS: &str = "<!-- clauses -->\n";
const ENDS: &str = "<!-- end of clauses -->\n";

/// The table of the page.
fn table() -> String {
    let mut text = "\n| clause | promises | bad disks that fail it |\n|---|---|---|\n".to_owned();
    let bad = bad::all();
    for clause in clauses::ALL {
        let made_for_it = bad.iter().filter(|bad| bad.fails == clause.name);
        let sins: Vec<String> = made_for_it.map(|bad| format!("`{}`: {}", bad.name, bad.sin)).collect();
        text.push_str(&format!("| `{}` | {} | {} |\n", clause.name, clause.promise, sins.join("; ")));
    }
    text.push('\n');
    text
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/disk-kit.md")
}

#[test]
fn the_page_lists_every_clause_with_its_bad_disks() {
    let text = fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGINS).unwrap();
    let (listed, after) = rest.split_once(ENDS).unwrap();
    let table = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(page(), format!("{before}{BEGINS}{table}{ENDS}{after}")).unwrap();
    } else {
        let stale =
            "docs/disk-kit.md is stale: UPDATE_GOLDEN=1 cargo test -p seaworthy-conformance --test disk_kit";
        assert_eq!(listed, table, "{stale}");
    }
}

#[test]
fn the_example_of_the_page_is_taken_from_here() {
    let text = fs::read_to_string(page()).unwrap();
    let (_, rest) = text.split_once("```rust\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    for line in example.lines() {
        assert!(include_str!("disk_kit.rs").contains(line), "{line}");
    }
}
