//! `seaworthy-kill` as its users meet it, for a few seconds: processes are killed, nothing is lost, and what is wrong is noticed.

use seaworthy_conformance::history::{History, Outcome};
use seaworthy_conformance::trace::validate;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What came of a run whose history, traces and data are kept below a directory of its own.
struct Run {
    output: Output,
    history: PathBuf,
    traces: PathBuf,
    _directory: TempDir,
}

fn run(arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let [history, traces] = ["history", "traces"].map(|name| directory.path().join(name));
    let output = Command::new(env!("CARGO_BIN_EXE_seaworthy-kill"))
        .args(arguments)
        .arg("--history")
        .arg(&history)
        .arg("--trace")
        .arg(&traces)
        .env("TMPDIR", directory.path())
        .output()
        .unwrap();
    Run { output, history, traces, _directory: directory }
}

impl Run {
    fn told(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    fn warned(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// Ended well: what it says holds, and its history can be judged by others.
    fn is_well(&self) -> History {
        let (told, warned) = (self.told(), self.warned());
        assert_eq!((self.output.status.code(), warned.as_str()), (Some(0), ""), "{told}");
        assert!(told.contains("changes acknowledged, none lost, none done twice, all nodes equal"), "{told}");
        let history = History::read(&self.history).unwrap();
        assert!(told.contains(&format!("\n{} operations (", history.operations.len())), "{told}");
        assert!(history.judge().violation.is_none());
        let report = validate(&self.traces).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(
            told.contains(&format!("\n{} steps of 3 nodes in {} starts: ", report.steps, report.starts)),
            "{told}"
        );
        history
    }
}

fn linearizable(path: &Path) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-conformance"));
    command.arg("linearizable").arg(path).output().unwrap().status.code()
}

#[test]
fn any_node_is_killed_and_nothing_is_lost() {
    let run = run(&["any", "--rounds", "3", "--clients", "4", "--keys", "2", "--snapshot-every", "20"]);
    let history = run.is_well();
    assert!(run.told().starts_with("3 kills and 0 stops\n"), "{}", run.told());
    let keys = history.judge().keys;
    assert_eq!(keys, 2);
    let found = history.operations.iter().filter(|it| matches!(it.outcome, Outcome::Found(Some(_)))).count();
    let done = history.operations.iter().filter(|it| it.outcome == Outcome::Done).count();
    assert!(found > 10 && done > 10, "{found} values found, {done} changes made");
    assert_eq!(linearizable(&run.history), Some(0));
}

#[test]
fn a_stopped_node_goes_on_and_nothing_is_lost() {
    // The first round with this seed is a stop.
    let run = run(&["any", "--rounds", "1", "--seed", "3"]);
    run.is_well();
    assert!(run.told().starts_with("0 kills and 1 stops\n"), "{}", run.told());
}

#[test]
fn the_leader_is_killed_and_another_takes_over() {
    let run = run(&["leader", "--rounds", "1"]);
    run.is_well();
    let told = run.told();
    assert!(told.starts_with("1 leaders killed; to the next acknowledged write: median "), "{told}");
}

/// Reads that are not linearizable are noticed, by whoever ran it and by whoever has the history.
#[test]
fn nodes_that_answer_reads_with_what_they_have_are_found_out() {
    let run = run(&["any", "--rounds", "5", "--reads-stale"]);
    let warned = run.warned();
    assert_eq!((run.output.status.code(), run.told().as_str()), (Some(1), ""), "{warned}");
    assert!(warned.starts_with("no order explains what was answered about \"key-"), "{warned}");
    assert!(warned.contains("├─read "), "{warned}");
    let kept = warned.lines().find_map(|line| line.strip_prefix("kept in ")).unwrap();
    let kept = Path::new(kept.split(": ").next().unwrap());
    assert!(kept.join("node-1/identity").exists() && kept.join("node-1.log").exists(), "{warned}");
    assert!(warned.ends_with(&format!("the history: {}\n", run.history.display())), "{warned}");
    assert_eq!(linearizable(&run.history), Some(1));
}

/// Traces are kept where they were asked for, and beside all else where no place was said; and never put to others'.
#[test]
fn traces_have_a_place_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let kill = |trace: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-kill"));
        command.args(["any", "--rounds", "1", "--trace"]).args(trace).env("TMPDIR", directory.path());
        command.output().unwrap()
    };
    let output = kill(&[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains(" steps of 3 nodes in "), "{told}");
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        0,
        "nothing of a run is left in which all was well"
    );
    fs::write(directory.path().join("node-1-start-1.ndjson"), "").unwrap();
    let place = directory.path().display().to_string();
    let warned = String::from_utf8(kill(&[&place]).stderr).unwrap();
    assert!(warned.starts_with(&format!("{place} is not empty\n")), "{warned}");
}
