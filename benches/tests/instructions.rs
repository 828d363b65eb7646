//! The guard itself: every exit code, with a valgrind that counts what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A valgrind that carries out the run, and has counted as many instructions as a file says.
const STAND_IN: &str = r#"#!/bin/sh
here=$(dirname "$0")
case "$1" in
    --version) cat "$here/version"; exit ;;
esac
for argument in "$@"; do
    case "$argument" in
        --callgrind-out-file=*) out=${argument#*=} ;;
    esac
done
while [ "${1#--}" != "$1" ]; do shift; done
"$@" || exit
cp "$here/output" "$out"
"#;

struct Guard {
    directory: TempDir,
}

impl Guard {
    fn new() -> Self {
        let guard = Self { directory: tempfile::tempdir().unwrap() };
        let valgrind = guard.path("valgrind");
        fs::write(&valgrind, STAND_IN).unwrap();
        fs::set_permissions(&valgrind, fs::Permissions::from_mode(0o755)).unwrap();
        guard.says("version", "valgrind-0.0.stand-in");
        guard.counts(100_000);
        guard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn says(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    fn counts(&self, instructions: u64) {
        self.says("output", &format!("events: Ir\nsummary: {instructions}\n"));
    }

    fn command(&self, path: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_instructions"))
            .arg("--recorded")
            .arg(self.path("recorded.json"))
            .args(arguments)
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// Runs the guard where the stand-in is the first valgrind to be found.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let path = format!("{}:{}", self.directory.path().display(), std::env::var("PATH").unwrap());
        told(&self.command(&path, arguments))
    }
}

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[track_caller]
fn ends_with(outcome: (Option<i32>, String), code: i32, said: &str) {
    assert_eq!(outcome.0, Some(code), "{}", outcome.1);
    assert!(outcome.1.contains(said), "{}", outcome.1);
}

#[test]
fn what_was_recorded_holds_until_a_count_is_off() {
    let guard = Guard::new();
    ends_with(guard.run(&["--record"]), 0, "recorded 13 runs");
    guard.counts(102_900);
    ends_with(guard.run(&[]), 0, "+2.90 %");
    guard.counts(103_100);
    ends_with(guard.run(&[]), 1, "+3.10 %  MORE than is tolerated");
    guard.counts(96_900);
    ends_with(guard.run(&[]), 1, "-3.10 %  FEWER than is tolerated");
    ends_with(guard.run(&[]), 1, "-- --record");
}

#[test]
fn a_run_that_was_never_recorded_is_off() {
    let guard = Guard::new();
    ends_with(guard.run(&["--record"]), 0, "recorded");
    let text = fs::read_to_string(guard.path("recorded.json")).unwrap();
    guard.says("recorded.json", &text.replace("codec/vote", "codec/veto"));
    let (code, said) = guard.run(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("NEVER RECORDED") && said.contains("NO SUCH RUN"), "{said}");
}

#[test]
fn elsewhere_nothing_is_compared_and_that_is_said() {
    let guard = Guard::new();
    ends_with(guard.run(&["--record"]), 0, "recorded");
    guard.counts(7);
    guard.says("version", "valgrind-0.1.stand-in");
    let outcome = guard.run(&[]);
    let difference = "valgrind: recorded with valgrind-0.0.stand-in, here it is valgrind-0.1.stand-in";
    ends_with(outcome, 4, difference);
    ends_with(guard.run(&[]), 4, "-- --record");
    guard.says("version", "valgrind-0.0.stand-in");
    let text = fs::read_to_string(guard.path("recorded.json")).unwrap();
    guard.says("recorded.json", &text.replace("\"compiler\": \"rustc ", "\"compiler\": \"rustc 0."));
    ends_with(guard.run(&[]), 4, "compiler: recorded with rustc 0.");
}

#[test]
fn without_valgrind_nothing_is_counted_and_that_is_said() {
    let guard = Guard::new();
    let nowhere = guard.path("nowhere");
    let outcome = told(&guard.command(nowhere.to_str().unwrap(), &[]));
    ends_with(outcome, 3, "valgrind cannot be used here");
}

#[test]
fn what_goes_wrong_is_no_comparison() {
    let guard = Guard::new();
    ends_with(guard.run(&[]), 2, "recorded.json: No such file");
    guard.says("recorded.json", "{}");
    ends_with(guard.run(&[]), 2, "does not say what was recorded");
    guard.counts(0);
    ends_with(guard.run(&["--record"]), 2, "callgrind counted nothing in protocol/propose");
    guard.says("output", "no sum");
    ends_with(guard.run(&["--record"]), 2, "callgrind counted nothing in protocol/propose");
    fs::remove_file(guard.path("output")).unwrap();
    ends_with(guard.run(&["--record"]), 2, "fails under valgrind");
    ends_with(guard.run(&["--run", "nothing"]), 2, "there is no run nothing");
}

/// What is in the repository is of this build of the runs: none is missing, whatever their counts are here.
#[test]
fn every_run_is_recorded() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    let recorded = seaworthy_benches::instructions::Recorded::read(&file).unwrap();
    let names: Vec<_> = recorded.instructions.keys().map(String::as_str).collect();
    let mut runs: Vec<_> = seaworthy_benches::instructions::Run::all().iter().map(|run| run.name).collect();
    runs.sort_unstable();
    assert_eq!(names, runs);
    assert_eq!(recorded.environment.build, "optimised");
}
