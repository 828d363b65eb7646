//! The arrows between the packages go one way, and none leaves the protocol (docs/ARCHITECTURE.md). Read from Cargo, not from
//! what we believe.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which package may depend on which other of ours.
const ARROWS: [(&str, &[&str]); 5] = [
    ("seaworthy-protocol", &[]),
    ("seaworthy", &["seaworthy-protocol"]),
    ("seaworthy-model", &["seaworthy-protocol"]),
    ("seaworthy-conformance", &["seaworthy-protocol", "seaworthy", "seaworthy-model"]),
    ("seaworthy-benches", &["seaworthy-protocol", "seaworthy", "seaworthy-model"]),
];

/// The only packages that may see the model checker's engine, directly or not.
const MAY_SEE_STATERIGHT: [&str; 3] = ["seaworthy-model", "seaworthy-conformance", "seaworthy-benches"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all packages in a dependency tree.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--prefix", "none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn dependencies(package: &str) -> BTreeSet<String> {
    let mut found = tree(&["--package", package, "--edges", "all", "--all-features"]);
    found.remove(package);
    found
}

#[test]
fn the_protocol_depends_on_nothing() {
    let all = tree(&["--package", "seaworthy-protocol", "--edges", "normal,build"]);
    assert_eq!(all, BTreeSet::from(["seaworthy-protocol".to_owned()]));
}

#[test]
fn every_package_has_its_arrows_and_keeps_to_them() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members = ")).unwrap();
    assert_eq!(members.matches('"').count() / 2, ARROWS.len(), "a package without arrows: {members}");
    for (package, allowed) in ARROWS {
        let ours = dependencies(package).into_iter().filter(|name| name.starts_with("seaworthy"));
        for name in ours {
            assert!(allowed.contains(&name.as_str()), "{package} must not depend on {name}");
        }
    }
}

#[test]
fn only_checkers_and_benches_see_stateright() {
    for (package, _) in ARROWS {
        let sees = dependencies(package).contains("stateright");
        assert!(!sees || MAY_SEE_STATERIGHT.contains(&package), "{package} sees stateright");
    }
}

#[test]
fn the_protocol_is_no_std_and_nothing_brings_std_back() {
    let sources = sources(&root().join("impl/protocol/src"));
    assert!(fs::read_to_string(root().join("impl/protocol/src/lib.rs")).unwrap().contains("\n#![no_std]\n"));
    for (path, text) in sources {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in ["extern crate std", "cfg(debug_assertions", "cfg(feature = \"model", "debug_assert"] {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn every_package_takes_the_lints_of_the_house_and_gives_a_reason_for_each_dependency() {
    for folder in ["impl/protocol", "impl/runtime", "model", "conformance", "benches"] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.ends_with("[lints]\nworkspace = true\n"), "{folder}");
        let mut reason = false;
        let mut in_dependencies = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.starts_with('#') {
                assert!(reason, "{folder}: no reason for {line}");
            }
            // One reason may cover the lines right after it.
            reason = line.starts_with('#') || (reason && !line.is_empty());
        }
    }
}

fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![(path.clone(), fs::read_to_string(&path).unwrap())]
            }
        })
        .collect()
}
