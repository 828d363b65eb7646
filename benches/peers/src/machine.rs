//! Where figures come from. Absolute ones are no use without it.

use seaworthy_benches::disk_log::bench_directory;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The versions that were resolved, as they are pinned.
const LOCK: &str = include_str!("../Cargo.lock");
/// The packages that are measured.
const MEASURED: [&str; 5] = ["omnipaxos", "openraft", "raft", "raft-engine", "tokio"];

/// A machine, and what was built on it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    cores: usize,
    kernel: String,
    /// What the directories of the lane with disks are on.
    file_system: String,
    rustc: String,
    /// Of this repository; with a plus sign if there is more than that.
    commit: String,
    versions: Vec<String>,
}

/// What a program says; nothing if it is not there, or fails.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    let output = output.filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn commit() -> String {
    let repository = env!("CARGO_MANIFEST_DIR");
    let git = |arguments: &[&str]| said_by("git", &[&["-C", repository], arguments].concat());
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
    format!("{}{}", git(&["rev-parse", "--short=12", "HEAD"]), if is_changed { "+" } else { "" })
}

impl Machine {
    /// This one. What it does not tell stays empty.
    pub(crate) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let directory = bench_directory().display().to_string();
        Self {
            date: said_by("date", &["-u", "+%Y-%m-%d"]),
            processor: name.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: said_by("findmnt", &["--noheadings", "--output=FSTYPE", "--target", &directory]),
            rustc: said_by("rustc", &["--version"]),
            commit: commit(),
            versions: versions(LOCK),
        }
    }
}

/// What all processes have used so far, of all processors together; what the machine under this one took counts too. Nothing if
/// the system does not tell.
pub(crate) fn busy_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let fields: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen, ..] = fields[..] else {
        return None;
    };
    // In hundredths of a second, whatever the kernel counts in.
    Some(Duration::from_millis(10 * (user + nice + system + interrupts + soft_interrupts + stolen)))
}

/// `name version` of each package that is measured.
fn versions(lock: &str) -> Vec<String> {
    let quoted = |line: &str, key| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut versions = Vec::new();
    for package in lock.split("[[package]]") {
        let field = |key| package.lines().find_map(|line| quoted(line, key));
        if let (Some(name), Some(version)) = (field("name = "), field("version = ")) {
            if MEASURED.contains(&name.as_str()) {
                versions.push(format!("{name} {version}"));
            }
        }
    }
    versions
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, cores, kernel, file_system, rustc, commit, versions } = self;
        writeln!(
            f,
            "{date}, {processor}, {cores} cores, Linux {kernel}, {rustc}, directories on {file_system}"
        )?;
        write!(f, "seaworthy at {commit}; {}", versions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let versions = versions(LOCK);
        for name in MEASURED {
            assert!(versions.iter().any(|it| it.starts_with(&format!("{name} "))), "{name} in {versions:?}");
        }
        assert!(versions.contains(&"openraft 0.9.25".to_owned()), "{versions:?}");
    }
}
