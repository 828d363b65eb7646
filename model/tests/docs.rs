//! The documentation says what is so: the names and numbers in it are compared with the code's.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::museum::Museum;
use seaworthy_model::pinned;
use seaworthy_model::properties::{
    self, DEAD_IS_INERT, DEAD_STAYS_DEAD, NO_DISRUPTION, NO_FALSE_BLAME, NO_LEADER_WITHOUT_DISK,
    NO_LONE_LEADER, NO_WEDGE, READS_ARE_ANSWERED, SNAPSHOT_INTACT, TRANSFER_SUCCEEDS, WITHIN_WINDOW,
};
use seaworthy_protocol::invariants::Violation;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// 8353324 as 8,353,324.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_ledger_has_a_row_for_every_property_with_a_mutant_that_exists() {
    let ledger = read("docs/properties.md");
    let rows: Vec<Vec<&str>> = ledger
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|row: &Vec<_>| row.len() == 9)
        .collect();
    let museum = Museum::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mutants = museum.choose(&[]).unwrap();
    let names = Violation::ALL.map(Violation::name);
    let ours = [NO_FALSE_BLAME, DEAD_IS_INERT, DEAD_STAYS_DEAD, NO_WEDGE];
    let of_features = [NO_DISRUPTION, NO_LONE_LEADER, NO_LEADER_WITHOUT_DISK];
    let of_later_ones = [SNAPSHOT_INTACT, READS_ARE_ANSWERED, TRANSFER_SUCCEEDS, WITHIN_WINDOW];
    for name in names.into_iter().chain(ours).chain(of_features).chain(of_later_ones) {
        let row = rows.iter().find(|row| row[2] == name).unwrap_or_else(|| panic!("no row for {name}"));
        for killer in row[7].split(", ") {
            let is_killer = |mutant: &str| mutant == killer || mutant.starts_with(&format!("{killer}-"));
            assert!(mutants.iter().any(|mutant| is_killer(&mutant.name)), "{name}: no mutant {killer}");
        }
    }
    for bounds in Bounds::all() {
        for property in properties::of(&bounds) {
            assert!(rows.iter().any(|row| row[2] == property.name), "no row for {}", property.name);
        }
    }
}

#[test]
fn every_mutant_must_fall_to_a_property_that_exists_in_a_box_that_exists() {
    let museum = Museum::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    for exhibit in museum.choose(&[]).unwrap() {
        for (property, bounds) in exhibit.expectations() {
            let [bounds] = Bounds::named(bounds).unwrap()[..] else {
                panic!("{}: {bounds} is two boxes", exhibit.name)
            };
            // A kept script alters its box, perhaps by a feature that another box has.
            let judged_in =
                if exhibit.scripts().next().is_some() { Bounds::all().to_vec() } else { vec![bounds] };
            let judged =
                |name: &str, bounds: &Bounds| properties::of(bounds).iter().any(|it| it.name == name);
            let exists = |name: &str| judged_in.iter().any(|bounds| judged(name, bounds));
            assert!(property.is_none_or(exists), "{}: {property:?}", exhibit.name);
        }
    }
}

#[test]
fn the_counts_in_the_documentation_are_the_pinned_ones() {
    let (readme, model) = (read("README.md"), read("docs/model.md"));
    for bounds in Bounds::all().into_iter().flat_map(Bounds::variants) {
        let name = bounds.full_name();
        let count = pinned::count(&name).unwrap();
        let row = model.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/model.md has no row for {name}"));
        assert!(row.contains(&format!("| {} |", grouped(count.generated))), "{row}");
        assert!(row.contains(&format!("| {} |", grouped(count.distinct))), "{row}");
        let in_readme = readme.lines().find(|line| line.starts_with(&format!("| `{}` |", bounds.name)));
        if let (Some(row), "all") = (in_readme, bounds.batching.name()) {
            assert!(row.contains(&format!("| {} |", grouped(count.distinct))), "{row}");
        }
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let example = read("impl/protocol/examples/cluster.rs");
    assert!(read("README.md").contains(&format!("```rust\n{example}```")));
    assert!(example.lines().count() <= 60);
}

/// A link to a file that is not there is worse than none.
#[test]
fn links_lead_somewhere() {
    for page in [
        "README.md",
        "docs/ARCHITECTURE.md",
        "docs/benchmarks.md",
        "docs/model.md",
        "docs/mutants.md",
        "docs/deviations.md",
        "docs/history.md",
        "docs/liveness.md",
        "docs/paper.md",
        "docs/scenarios.md",
        "docs/testing.md",
        "docs/trace.md",
    ] {
        let text = read(page);
        let folder = Path::new(page).parent().unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("http") {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(target);
                assert!(path.exists(), "{page} links to {target}");
            }
        }
    }
}
