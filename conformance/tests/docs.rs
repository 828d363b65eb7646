//! `docs/scenarios.md` says what is so: its index lists every scenario, and its example is one of them.

use seaworthy_conformance::golden;
use seaworthy_conformance::mutants::Mutant;
use seaworthy_conformance::scenario::Scenario;
use std::fs;
use std::path::{Path, PathBuf};

const BEGINS: &str = "<!-- index -->\n";
const ENDS: &str = "<!-- end of index -->\n";

const GROUPS: [&str; 11] = [
    "election",
    "replication",
    "commitment",
    "crash",
    "snapshots",
    "pre-vote",
    "check-quorum",
    "reads",
    "transfer",
    "flow-control",
    "mutants",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A table for each group.
fn index() -> String {
    let mut text = String::new();
    let mut count = 0;
    for group in GROUPS {
        let files = golden::files(&root().join("conformance/scenarios").join(group)).unwrap();
        count += files.len();
        text.push_str(&format!(
            "\n### {group}: {}\n\n| scenario | shows | source |\n|---|---|---|\n",
            files.len()
        ));
        for file in files {
            let Scenario { rule, source, .. } = Scenario::parse(&fs::read_to_string(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_string_lossy();
            // A mutant's name is said already, and where it was seen is for the file to tell.
            let rule = rule.strip_prefix(&format!("Mutant {name}: ")).unwrap_or(&rule);
            let rule = rule.split(" Seen: ").next().unwrap_or_default().to_owned();
            let [rule, source] = [rule, source].map(|words| words.replace('|', "\\|"));
            text.push_str(&format!("| `{name}` | {rule} | {source} |\n"));
        }
    }
    format!("\n{count} scenarios.\n{text}\n")
}

#[test]
fn the_index_lists_every_scenario_with_its_rule_and_source() {
    let page = root().join("docs/scenarios.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGINS).unwrap();
    let (listed, after) = rest.split_once(ENDS).unwrap();
    let index = index();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&page, format!("{before}{BEGINS}{index}{ENDS}{after}")).unwrap();
    } else {
        let stale = "docs/scenarios.md is stale: UPDATE_GOLDEN=1 cargo test -p seaworthy-conformance";
        assert_eq!(listed, index, "{stale}");
    }
}

#[test]
fn the_example_is_a_scenario_as_it_is() {
    let example = root().join("conformance/scenarios/election/first-come-first-served.scenario");
    let example = fs::read_to_string(example).unwrap();
    let text = fs::read_to_string(root().join("docs/scenarios.md")).unwrap();
    assert!(text.contains(&format!("```text\n{example}```\n")));
}

#[test]
fn every_mutant_of_the_harness_applies_and_is_listed() {
    let root = root();
    let page = fs::read_to_string(root.join("docs/testing.md")).unwrap();
    let mutants = Mutant::all(&root).unwrap();
    assert!(mutants.len() >= 12);
    for mutant in mutants {
        let layers: Vec<_> = mutant.caught_by.iter().map(|layer| layer.name()).collect();
        let layer = if layers.is_empty() { "nobody".to_owned() } else { layers.join(", ") };
        let row = format!("| {} | {} | {layer} |\n", mutant.name, mutant.bug);
        assert!(page.contains(&row), "docs/testing.md has no row {row}");
        assert!(mutant.applies(&root).unwrap(), "{} does not apply any more", mutant.name);
    }
}
