//! `docs/paper.md` leads to functions and tests that exist, and to every test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tests of each module, by name.
fn tests() -> BTreeMap<String, Vec<String>> {
    let files = fs::read_dir(package().join("tests/paper")).unwrap().map(|entry| entry.unwrap().path());
    let is_about_the_paper = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        ["section_", "figure_", "thesis", "flow_control"].iter().any(|start| name.starts_with(start))
    };
    files
        .filter(is_about_the_paper)
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let names =
                text.split("#[test]\nfn ").skip(1).map(|rest| rest.split('(').next().unwrap().to_owned());
            (path.file_stem().unwrap().to_string_lossy().into_owned(), names.collect())
        })
        .collect()
}

/// The code spans of a cell.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Each row with the module that its heading names: the function or type, and the test as `module::name`.
fn rows(page: &str) -> Vec<(String, String)> {
    let mut module = String::new();
    let mut rows = Vec::new();
    for line in page.lines() {
        if line.starts_with("## ") {
            module = spans(line).next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        }
        let cells: Vec<_> = line.split('|').collect();
        let [_, _, code, test, _] = cells[..] else { continue };
        for (code, test) in spans(code).zip(spans(test)) {
            let test = if test.contains("::") { test.to_owned() } else { format!("{module}::{test}") };
            rows.push((code.to_owned(), test));
        }
    }
    rows
}

fn page() -> String {
    fs::read_to_string(package().join("../../docs/paper.md")).unwrap()
}

#[test]
fn every_row_names_a_function_or_a_type_that_exists() {
    for (code, test) in rows(&page()) {
        let (file, item) = code.split_once("::").unwrap_or_else(|| panic!("{test}: {code}"));
        let path = package().join("src").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let exists = ["fn", "struct", "enum"].iter().any(|kind| {
            let is_whole = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
            text.split(&format!("{kind} {item}")).skip(1).any(is_whole)
        });
        assert!(exists, "{file} has no {item}");
    }
}

#[test]
fn every_row_names_a_test_that_exists_and_every_test_has_a_row() {
    let rows = rows(&page());
    let tests: Vec<String> = tests()
        .iter()
        .flat_map(|(module, names)| names.iter().map(move |name| format!("{module}::{name}")))
        .collect();
    for (_, test) in &rows {
        assert!(tests.contains(test), "docs/paper.md names {test}, which does not exist");
    }
    for test in &tests {
        assert!(rows.iter().any(|(_, named)| named == test), "docs/paper.md has no row for {test}");
    }
    assert!(tests.len() > 150, "{} tests found: is the search broken?", tests.len());
}

/// A rule from which the code departs is marked in the table, and its test says how.
#[test]
fn departures_are_marked_in_the_table_and_told_in_the_test() {
    let page = page();
    for (module, names) in tests() {
        let text = fs::read_to_string(package().join(format!("tests/paper/{module}.rs"))).unwrap();
        for name in names {
            let before = text.split(&format!("#[test]\nfn {name}(")).next().unwrap();
            let comment = before.rsplit("\n\n").next().unwrap();
            let row = page.lines().find(|line| line.contains(&format!("`{name}`"))).unwrap();
            assert_eq!(comment.contains("Departure:"), row.contains("(D)"), "{name}");
        }
    }
}
