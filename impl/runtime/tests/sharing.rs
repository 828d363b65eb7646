//! Memory that threads share is in `src/sync/`, where loom tries every interleaving, and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

/// What is shared by two threads while one of them changes it, or could be.
const MEANS: [&str; 14] = [
    "Mutex",
    "RwLock",
    "Condvar",
    "Atomic",
    "atomic::",
    "mpsc",
    "OnceLock",
    "LazyLock",
    "Barrier",
    "UnsafeCell",
    "thread_local",
    "static mut",
    "unsafe",
    "thread::park",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Lines of code, without comments, that use one of the means.
fn uses(text: &str) -> Vec<(usize, &'static str)> {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    let lines = text.lines().map(code).enumerate();
    let found = |(number, line): (usize, String)| {
        let line = line.replace("forbid(unsafe_code)", "");
        MEANS.into_iter().find(|means| line.contains(means)).map(|means| (number + 1, means))
    };
    lines.filter_map(found).collect()
}

#[test]
fn nothing_shared_lives_outside_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    // Tests have threads of their own.
    let is_test =
        |path: &Path| path.ends_with("tests.rs") || path.starts_with(root.join("shell/interleavings"));
    let outside = |path: &&PathBuf| !path.starts_with(root.join("sync")) && !is_test(path);
    let outside: Vec<_> = files.iter().filter(outside).collect();
    assert!(outside.len() > 20 && outside.len() < files.len(), "both kinds are looked at");
    for path in outside {
        let uses = uses(&fs::read_to_string(path).unwrap());
        assert!(uses.is_empty(), "{}: {uses:?} belongs into src/sync/", path.display());
    }
}

#[test]
fn what_is_shared_is_noticed() {
    assert_eq!(uses("let x = 1;\nuse std::sync::Mutex; // a lock"), [(2, "Mutex")]);
    assert_eq!(uses("// no Mutex here\n#![forbid(unsafe_code)]"), []);
}
